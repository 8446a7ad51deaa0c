//! Plans: which records a new list has, why, and what phones do with it. A plan is a value: it can be printed, tested and refused.

pub mod cluster_file;
mod create;
mod digest;
mod error;
mod renew;
mod revert;
mod update;
mod value;

pub use create::{create, spare_tokens};
pub use digest::PlanDigest;
pub use error::{InForce, PlanError};
pub use renew::{Change, Needed, NeededRecord, Unit, changes, renew, renewed};
pub use revert::{NotARelease, Release, revert};
pub(super) use revert::{build, leaves, major_minor};
pub use update::{Edit, NewServer, resign, update};
pub(super) use value::signer_not_in_force;
pub use value::{ConfirmedPlan, Mark, Plan, PlanStep, Request, left_to_do, left_to_do_if};
