//! The record of a run: a line for everything that happened, each holding the hash of the line before.
//!
//! A journal is a text file of JSON lines. It detects accidental changes: a line that was changed, taken out or moved.
//! A person who can rewrite the whole file can forge it, unless its head is signed. See `docs/journal.md`.

mod drawing;
mod entry;
mod list;
mod list_view;
mod overview;
pub(in crate::workflow) mod page;
mod redaction;
mod signature;
mod summary;
mod verify;
mod writer;

pub use entry::{
    Approver, Event, FileFingerprint, JournalLine, Outcome, PhoneLine, PhonesDo, RunId, TokenCertificate,
    TokenSeal,
};
pub use list::{ListedJournal, list};
pub(crate) use signature::read_beside as read_signature;
pub use signature::{HeadError, HeadSignature, beside as signature_beside};
pub(crate) use summary::{JournalSummary, ShownJournal};
pub use verify::{JournalError, VerifiedJournal};
pub(crate) use writer::newest;
pub use writer::{Journal, JournalReopenError, JournalWriteError, who};

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

/// `prev` of the first line.
const NO_LINE_BEFORE: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The text between a line's body and its own hash.
const SUM: &str = ",\"sum\":\"";

/// A body made a line, and the line's hash, for the next one: the body is hashed once for both.
fn sealed(body: &str) -> (String, String) {
    let mut hash = Sha256::new_with_prefix(body);
    let sum = HEXLOWER.encode(&hash.clone().finalize());
    let end = format!("{SUM}{sum}\"}}");
    hash.update(&end);
    (format!("{body}{end}\n"), HEXLOWER.encode(&hash.finalize()))
}

/// The hash of a line's body: all of it up to, and without, `,"sum":`.
fn sum_of(body: &str) -> String {
    crate::trustlist::digest::hex(&crate::trustlist::digest::sha256(body.as_bytes()), "")
}
