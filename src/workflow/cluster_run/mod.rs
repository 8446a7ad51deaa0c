//! The run on a cluster: from a tokenless CTL to one signed by tokens, step by step, with resume and rollback.

mod bridge;
mod error;
mod folder;
mod preflight;
mod report;
mod run;
mod state;
mod step;
mod steps;

pub use bridge::{NoBridge, bridge};
pub use error::{RunError, Stopped};
pub use folder::RunFolder;
pub use report::{DryRun, RunResult};
pub use run::{ClusterRun, RunMode, RunOptions};
pub use state::{Opening, RunRefused, RunState};
pub use step::{Part, Step, StepName};
