//! From plans to files: confirm → login → sign → verify → write → journal; one file or many with one login.

mod batch;
mod files;
mod pipeline;
mod session;

pub use batch::{BatchFile, ConfirmedFile, Replaced, ShownPlans, SigningError, WillWrite, WrittenFile};
pub(crate) use files::FilesToSign;
pub use session::{Batch, Signed, SigningOrder, SigningSession, show, sign_shown};
