//! From plans to files: confirm → login → sign → verify → write → journal; one file or many with one login.

mod batch;
mod confirmed;
mod pipeline;
mod session;

pub use batch::{BatchFile, ShownPlans, SigningError, WillWrite};
pub use confirmed::{ConfirmedFile, Replaced, WrittenFile};
pub use session::{Batch, Signed, SigningOrder, SigningSession, show};
