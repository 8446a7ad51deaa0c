//! Runs on a cluster, step by step, with resume and rollback: from tokenless to tokens, back, and a new CTL after a change.

mod before;
mod bridge;
mod error;
mod folder;
mod migrate;
mod needs;
mod nodes;
mod phones;
mod preflight;
mod renew;
mod report;
mod request;
mod run;
mod state;
mod step;
mod steps;
mod tokenless;

pub use bridge::{NoBridge, bridge};
pub use error::{RunError, Stopped};
pub use folder::RunFolder;
pub use migrate::MigrationWay;
pub use needs::Needs;
pub use renew::services;
pub use report::{DryRun, RunResult};
pub use run::{ClusterRun, Requested, RunMode, RunOptions, RunPhones};
pub use state::{Opening, RunRefused, RunState};
pub use step::{ByHand, Part, RunKind, Step, StepName};
