//! Signing where no network goes: a request is a plan with its inputs, an answer is a journal with its outputs. Files carry
//! both. `docs/exchange.md` describes them.
//!
//! `request`, `aloud`, `check`, `answer` and `error` are pure: bytes in, values out. `ledger`, `signing`, `pipeline` and `work` read and write files.

mod aloud;
mod answer;
mod ceremony;
mod check;
mod error;
mod ledger;
mod pipeline;
mod request;
mod signing;
mod work;

pub use answer::SigningAnswer;
pub use ceremony::CeremonySheet;
pub use check::Requested;
pub use error::ExchangeError;
pub use pipeline::Answer;
pub use request::{CarriedFile, MAX_REQUEST, SigningRequest, Work};
pub use signing::{SignHere, SignedRequest, SignedRequests, sign};
pub use work::{Applied, Carry, OpenRequest, carried, write};
