//! Errors of reading a file, building a file and verifying a signature.

use super::digest::Digest;
use super::printable::printable;

/// The largest file that is read: 16 MiB. Phones load at most 64 KiB; signed configuration files may be larger.
pub const MAX_FILE_BYTES: usize = 16 * 1024 * 1024;

/// Why some bytes are not a trust list. The message follows the file's name: `CTLFile.tlv is cut short: …`. Offsets (from the
/// start of the file) and lengths are in bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the words say what each is")]
pub enum DecodeError {
    #[error("is empty (0 bytes)")]
    Empty,
    #[error("is larger than {} MiB, which no trust list or signed file is", MAX_FILE_BYTES / 1024 / 1024)]
    TooLarge,
    #[error("is not a CTL, ITL or .sgn file: it begins with {0}, not with a Version element (byte 0)")]
    NotATrustList(String),
    #[error("is cut short: {what} says {says} bytes, {left} are left (byte {offset})")]
    CutShort { what: String, says: usize, left: usize, offset: usize },
    /// An invalid element or length. The offset is where it begins; for a missing element, where its container begins.
    #[error("is damaged: {what} (byte {offset})")]
    Damaged { what: String, offset: usize },
    #[error("is a signed configuration file ({}), not a trust list", printable(.file_name))]
    NotAList { file_name: String },
}

/// Why a record or a file could not be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the words say what each is")]
pub enum BuildError {
    #[error("{what} is too long for the format: {bytes} bytes, at most 65535 fit")]
    TooLong { what: String, bytes: usize },
    #[error("the signer's key is {0}; a trust list is signed with RSA 512, 1024, 2048 or 4096")]
    KeySize(String),
    #[error("{0} has no SAST record in the list, so no phone could check its signature")]
    SignerNotInList(String),
    #[error("the list could not be read back: it {0}")]
    NotReadBack(DecodeError),
    #[error("{0} is empty or holds a NUL character")]
    BadText(String),
}

/// Why a draft was not signed.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the words say what each is")]
pub enum SignError<E> {
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error("the signer did not sign")]
    Signer(#[source] E),
    #[error("the plan is for the signer {planned}, but this is {given}: nothing was signed")]
    OtherSigner { planned: String, given: String },
    #[error("the signed file has other records than its plan, and was discarded")]
    OtherRecords,
    #[error("the signed file does not verify, and was discarded")]
    NotVerified(#[source] VerifyError),
    #[error("the signed file cannot be read back, and was discarded: it {0}")]
    NotDecoded(DecodeError),
}

/// Why a signature is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the words say what each is")]
pub enum VerifyError {
    #[error("no SAST record for the signer {signer} (serial {serial})")]
    NoSignerRecord { signer: String, serial: String },
    #[error("the signer {signer} is in the list as {functions}, not as SAST")]
    SignerIsNotSast { signer: String, functions: String },
    #[error("record {0} of the signer holds no certificate and no key")]
    NoKey(usize),
    #[error("CERTIFICATE of record {record}, the signer's, does not parse (byte {offset}): {why}")]
    CertificateUnreadable { record: usize, offset: usize, why: String },
    /// The signer's key, with its name, is not RSA, or too large.
    #[error("the signer's key is {0}, which trust lists are not signed with")]
    UnsupportedKey(String),
    #[error("unsupported signature algorithm {0} (SIGNATUREALGORTITHM; 0 is RSA)")]
    UnsupportedAlgorithm(u8),
    #[error("unsupported digest {0} (DIGESTALGORTITHM; 1 is SHA-1, 2 SHA-256, 3 SHA-512)")]
    UnsupportedDigest(u8),
    #[error("SIGNATUREMODULUS {code} does not fit a signature of {bytes} bytes")]
    ModulusDisagrees { code: u8, bytes: usize },
    #[error("the signature has {signature} bytes, the signer's key makes {key}")]
    SignatureLength { signature: usize, key: usize },
    /// The signature is valid, but with another digest than the header names.
    #[error("the header names {header}, but the signature's DigestInfo says {signature}")]
    DigestDisagrees { header: Digest, signature: Digest },
    /// The file or the signature was changed, or another key signed.
    #[error("the signature does not match the file (signer {signer})")]
    DoesNotMatch { signer: String },
    /// The given list has no CCM+TFTP or TFTP record for the signer of a .sgn file. Contains the signer's common name.
    #[error("the list given has no TFTP record for {0}")]
    NoTftpRecord(String),
    #[error("it was signed by {signer} (serial {serial}), not by the certificate given, {given}")]
    OtherSigner { signer: String, serial: String, given: String },
}
