//! Trust list files, pure: bytes in, bytes out. No file, clock, token or network.
//!
//! A file walks through three types: [`TrustList`] (decoded), [`VerifiedList`] (its signer known) and, on the way
//! to a new file, [`Draft`] (what is to be signed). The bytes are described in `docs/format.md`.

mod certificate;
pub mod digest;
mod key;
mod name;
mod signer;

pub use certificate::{Certificate, CertificateError};
pub use digest::Digest;
pub use key::{PublicKey, RsaKey, SignatureCheck};
pub use name::{Name, Style};
pub use signer::Signer;
