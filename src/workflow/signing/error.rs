//! Why nothing was signed.

use std::path::PathBuf;

use crate::files::FileError;
use crate::token::{NotASelector, TokenError};
use crate::workflow::PlanDigest;
use crate::workflow::journal::JournalSignError;

/// Why plans were not carried out, or not to their end.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the words say what each is")]
pub enum SigningError {
    #[error("not signed; nothing was written")]
    Declined,
    #[error("two files would be written as {}", .0.display())]
    SamePlace(PathBuf),
    /// No file can be written there, as far as is known before.
    #[error(transparent)]
    Place(FileError),
    #[error("the plan is not the one that was named by its digest")]
    OtherPlan { wanted: PlanDigest, planned: PlanDigest },
    #[error(transparent)]
    Selector(#[from] NotASelector),
    #[error("not every file was written: the writer ended early")]
    WriterEnded,
    /// The files were written.
    #[error(transparent)]
    JournalNotSigned(Box<JournalSignError<TokenError>>),
}
