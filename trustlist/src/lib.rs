//! Trust list files as bytes. This crate uses no file, clock, token or network.
//!
//! There are three types for the states of a list: [`TrustList`] (decoded), [`VerifiedList`] (signature checked) and [`Draft`]
//! (not signed yet). The bytes are described in `docs/format.md`.

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
pub use show::{show_list, show_signed, show_summary};
pub use tlv::{Element, header_tag, header_tag_name, record_tag, record_tag_name};
pub use verify::{SignedBy, VerifiedList};
