//! Asking a Trust Verification Service about a certificate, as a phone would.

mod client;
mod error;
mod tls;
mod wire;

pub use client::Ask;
pub(crate) use client::{Answer, Question, ask};
pub(crate) use error::TvsError;
pub(crate) use tls::{Tls, shown};
pub use tls::{TvsAddress, timed_out};
pub use wire::{Message, Status, decode_header, query_request, verify_request};
