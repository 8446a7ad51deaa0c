//! Asking a Trust Verification Service about a certificate, as a phone would.

mod client;
mod error;
mod tls;
mod wire;

pub use client::{Answer, Ask, Question, ask};
pub use error::TvsError;
pub use tls::{ServerCertificate, Tls, TvsAddress, shown};
pub use wire::{Message, NotAMessage, Status, decode_header, query_request, verify_request};
