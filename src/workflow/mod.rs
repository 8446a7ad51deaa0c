//! The work of the CTL Client: a plan (a value: what will change and why), then its execution.
//!
//! Planning is pure: it takes verified lists and certificates and returns a [`Plan`] that can be printed, tested
//! and refused. Signing happens in [`ConfirmedPlan::execute`], through a [`Signer`](crate::trustlist::Signer).

pub mod advice;
mod at_once;
pub(crate) mod audit;
pub(crate) mod check;
mod client;
pub mod cluster_run;
pub(crate) mod config;
pub(crate) mod diagnose;
pub mod doctor;
pub(crate) mod enroll;
mod error;
pub mod exchange;
pub(crate) mod export;
pub(crate) mod fetched;
mod input;
pub(crate) mod interruption;
pub mod journal;
mod local_time;
pub(crate) mod migration;
mod next;
mod operator;
pub(crate) mod phone_impact;
pub(crate) mod phones;
mod pin_source;
mod plan;
pub(crate) mod publication;
mod readiness;
mod session;
pub mod signing;
pub(crate) mod start;
pub(crate) mod status;
pub(crate) mod token_admin;
pub(crate) mod token_report;
pub(crate) mod trust;
pub(crate) mod verification;
mod watch;

pub use crate::files::display_name;
use at_once::at_once;
pub use client::{AddedServer, Choices, ClusterNeeds, Entry, EntryKind, Start};
pub(crate) use client::{Finished, SignedList, WindowOperator, WindowView, Windows};
pub(crate) use error::NOT_SERVED_YET;
pub use error::{WorkError, written_of_several};
pub use input::{
    ReadCluster, beside, beside_list, is_certificate_file, read_certificate, read_cluster, read_file,
    read_list, read_renewed, read_verified,
};
pub(crate) use local_time::{header_time, local_time};
pub use next::{ListCommand, ListOption, Next, Spell};
pub use operator::{LongWork, Operator, OperatorError, Question, Secret, TokenInUse, View};
pub use pin_source::{NotAPinSource, NotRead, PinSource};
pub use plan::{
    Change, ConfirmedPlan, Edit, InForce, Mark, Needed, NeededRecord, NewServer, Plan, PlanDigest, PlanError,
    PlanStep, Release, Request, Unit, changes, cluster_file, create, left_to_do, left_to_do_if, renew,
    resign, revert, spare_tokens, update,
};
pub(crate) use publication::Published;
pub use readiness::{Answer, ClusterFacts, Need, Readiness, Subject, readiness};
pub use session::{ModuleOptions, OnHang, can_be_inserted, may_try, pin_for, wait_for, with_login};
pub(crate) use session::{TriedDigest, try_digests};
pub use watch::{TokenEvent, TokenWatch, settles};
