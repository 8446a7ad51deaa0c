//! The run on a cluster: from a tokenless CTL to one signed by tokens, step by step, with resume and rollback.

mod old_journal;
mod state;
mod step;

pub use state::{Action, BRIDGE, IN_FORCE, Opening, RunRefused, RunState};
pub use step::{Part, ROLLBACK_QUESTION, Step, StepName};
