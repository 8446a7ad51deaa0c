//! Asking a Trust Verification Service about a certificate, as a phone would.

mod client;
mod error;
mod wire;

pub use client::{Answer, Question, ServerCertificate, ServerCheck, TvsAddress, ask};
pub use error::TvsError;
pub use wire::{Message, NotAMessage, Status, decode_header, verify_request};
