//! `cluster audit`: is the CTL in force what the cluster is? Facts are gathered in one file and judged in others.

mod ctl;
mod facts;
mod finding;
mod judge;
mod report;

pub use facts::How;
pub use report::{AuditReport, Target, audit};
