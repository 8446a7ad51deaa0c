//! `cluster audit`: is the CTL in force what the cluster is? Facts are gathered in one file and judged in others.

mod ctl;
mod facts;
mod finding;
mod inventory;
mod judge;
mod report;

pub use inventory::{InventoryCluster, read_inventory};
pub use report::{AuditReport, Label, Target, audit};
