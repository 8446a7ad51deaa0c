//! Trust list files, pure: bytes in, bytes out. No file, clock, token or network.
//!
//! A file walks through three types: [`TrustList`] (decoded), [`VerifiedList`] (its signer known) and, on the way
//! to a new file, [`Draft`] (what is to be signed). The bytes are described in `docs/format.md`.

mod certificate;
mod diff;
pub mod digest;
mod draft;
mod error;
mod header;
mod key;
mod list;
mod name;
mod printable;
mod record;
mod remarks;
mod report;
mod show;
mod tlv;
mod verify;

pub use certificate::{Certificate, CertificateError, RawNames, pem};
pub use diff::{Change, Difference, diff, diff_records};
pub use digest::Digest;
pub use draft::{Draft, SgnDraft, Signer};
pub use error::{BuildError, DecodeError, MAX_FILE_BYTES, SignError, VerifyError};
pub use header::{Header, SignerId, SigningOptions, Version};
pub use key::{PublicKey, RsaKey, SignatureCheck};
pub use list::{ListKind, PHONE_LIMIT_BYTES, SignedFile, TrustFile, TrustList, is_file_name, is_tftp_name};
pub use name::{Name, Style, common_name};
pub use printable::{printable, printable_json, printable_lines};
pub use record::{Function, Record, ServerRecord};
pub use remarks::Remark;
pub use report::{CertificateReport, ListReport, SignedReport, date, day};
pub use show::{show_list, show_signed};
pub use tlv::{Element, header_tag, header_tag_name, record_tag, record_tag_name};
pub use verify::{SignedBy, VerifiedList};
