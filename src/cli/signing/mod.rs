//! What all commands that sign share: their options, the token that signs, plan → confirm → sign → write → journal.

mod args;
mod batch;
mod pipeline;
mod place;
mod session;
mod signed;

use std::path::Path;

use jiff::Timestamp;

pub use args::{DigestArg, SigningArgs};
pub use batch::{Batch, BatchFile, PlanOutput, ShownPlans, phones_text};
pub use place::{PlaceArgs, beside};
pub use session::{BatchSource, SigningSession, check_digest};

use crate::trustlist::{ListKind, VerifiedList};
use crate::workflow::display_name;

/// Now, in seconds since 1970-01-01 UTC.
pub fn now() -> i64 {
    Timestamp::now().as_second()
}

/// `CTLFile.tlv   4947 bytes, tokenless, signed by cucm-1051-a-pub, 4 records`
pub fn headline(path: &Path, old: &VerifiedList) -> String {
    let how = match old.list().kind() {
        ListKind::Ctl if old.signer().is_token() => "token-signed, ",
        ListKind::Ctl => "tokenless, ",
        // Its CallManager signs it, as SAST without a host.
        ListKind::Itl => "",
    };
    format!(
        "{}   {} bytes, {how}signed by {}, {} records",
        display_name(path),
        old.list().bytes().len(),
        old.signer_name(),
        old.list().records().len()
    )
}
