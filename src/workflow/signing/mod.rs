//! From plans to files: confirm → login → sign → verify → write → journal; one file or many with one login.

mod batch;
mod files;
mod pipeline;
mod session;

pub use batch::{
    BatchFile, ConfirmedFile, Replaced, ShownPlans, SignedFile, SigningError, WillWrite, WrittenFile,
};
pub(crate) use files::FilesToSign;
pub(crate) use session::show_plan;
pub use session::{Batch, Signed, SigningOrder, SigningSession, show, sign_shown};
