//! The work of the CTL Client: a plan (a value: what will change and why), then its execution.
//!
//! Planning is pure: it takes verified lists and certificates and returns a [`Plan`] that can be printed, tested
//! and refused. Signing happens in [`ConfirmedPlan::execute`], through a [`Signer`](crate::trustlist::Signer).

mod bridge;
mod client;
pub mod cluster_file;
mod create;
mod digest;
pub mod doctor;
pub mod enroll;
mod error;
pub mod journal;
mod node_ctl;
mod plan;
mod readiness;
mod revert;
mod run;
mod update;
mod watch;
mod ways;

pub use bridge::{NoBridge, bridge};
pub use client::{AddedServer, Choices, Entry, EntryKind, SecurityMode, Start};
pub use create::{create, create_and, spare_tokens};
pub use digest::PlanDigest;
pub use error::{InForce, PlanError};
pub use node_ctl::{CtlProblem, NodeCtl, is_left_behind, leftover_says, node_ctl, shows_ctl};
pub use plan::{ConfirmedPlan, Mark, Plan, PlanStep, Request, left_to_do};
pub use readiness::{Answer, ClusterFacts, Need, Readiness, Subject, readiness};
pub use revert::{Release, revert, revert_and};
pub(crate) use run::{Progress, RunStep};
pub use update::{Edit, Mode, NewServer, resign, update};
pub use watch::{TokenEvent, TokenWatch};
pub use ways::{WayStep, WayThrough, Ways, ways};
