//! From plans to files: confirm → login → sign → verify → write → journal; one file or many with one login.

mod batch;
mod pipeline;
mod session;

pub use batch::{BatchFile, ConfirmedFile, Replaced, ShownPlans, SigningError, WillWrite, WrittenFile};
pub use session::{Batch, Signed, SigningOrder, SigningSession, show};
