//! What all commands that sign share: their options, and how plans and results are shown.

mod answer;
mod args;
mod place;
mod views;

use jiff::Timestamp;

pub use answer::{note_signed, sign};
pub use args::{DIGESTS, SigningArgs, one_of};
pub use place::PlaceArgs;
pub use views::{
    checksums_text, dry_run_text, numbered, phones_text, plan_json, plan_text, troubles, written_text,
};

/// Now, in seconds since 1970-01-01 UTC.
pub fn now() -> i64 {
    Timestamp::now().as_second()
}
