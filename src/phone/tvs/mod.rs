//! Asking a Trust Verification Service about a certificate, as a phone would.

mod client;
mod error;
mod wire;

pub use client::{Answer, Ask, Question, ServerCertificate, ServerCheck, Tls, TvsAddress, ask, shown};
pub use error::TvsError;
pub use wire::{Message, NotAMessage, Status, decode_header, query_request, verify_request};
