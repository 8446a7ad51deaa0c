//! Signing where no network goes: a request is a plan with its inputs, an answer is a journal with its outputs. Files carry
//! both. `docs/exchange.md` describes them.
//!
//! `request`, `aloud`, `seen`, `check`, `answer`, `approval` and `error` are pure: bytes in, values out; so is the verdict in `signers`.
//! `ledger`, `signing`, `pipeline` and `work` read and write files; `approve` calls `ssh-keygen`.

mod aloud;
mod answer;
mod approval;
mod approve;
mod ceremony;
mod check;
mod error;
mod ledger;
mod pipeline;
mod request;
mod seen;
mod signers;
mod signing;
mod work;

pub use answer::SigningAnswer;
pub use approval::{ApprovalError, NAMESPACE, verify};
pub use ceremony::CeremonySheet;
pub use check::Requested;
pub use error::{ExchangeError, Refusal};
pub(super) use ledger::{Done, Ledger};
pub use pipeline::Answer;
pub use request::{CarriedFile, MAX_REQUEST, SigningRequest, Work};
pub use seen::{Seen, SeenNode, SeenTvs, WaitingRun};
pub use signers::{Signers, judge};
pub use signing::{SignHere, SignedRequest, SignedRequests, sign};
pub use work::{Applied, Carry, OpenRequest, carried, write};
pub(super) use work::{check_unused, write_signed};
