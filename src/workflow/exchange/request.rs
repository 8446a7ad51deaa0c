//! The documents: a request is what is to be signed with all files that it needs, who asks, until when.

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use ssh_key::SshSig;

use super::approval::{ApprovalError, MOST_APPROVALS, verify};
use super::error::ExchangeError;
use super::seen::Seen;
use crate::trustlist::{Certificate, SigningOptions, Style, digest};
use crate::workflow::cluster_file::ClusterFile;
use crate::workflow::journal::FileFingerprint;
use crate::workflow::plan::Needed;
use crate::workflow::{Edit, Release};

/// The name and the version of the document.
pub(super) const FORMAT: &str = "sastctl-request/1";
/// The largest request for many files, in bytes.
pub const MAX_REQUEST: usize = 64 * 1024 * 1024;
/// The largest request for one file, in bytes.
pub(super) const MAX_SINGLE: usize = 1024 * 1024;

/// A request.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SigningRequest {
    pub(super) format: String,
    /// 128 random bits, hexadecimal: no two requests have the same.
    pub serial: String,
    /// When it was made: the time of judging.
    pub made: Timestamp,
    /// From then on it is refused.
    pub expires: Timestamp,
    /// Who asks, by the system: for information.
    pub asked_by: String,
    /// Which cluster it is for, as the operator called it.
    pub cluster: Option<String>,
    /// The number of the change.
    pub change: Option<String>,
    /// How many people must approve it, if `signers.toml` does not want more.
    pub needs_approvals: usize,
    /// The certificate of the token that is to sign.
    pub signer: Certificate,
    pub(super) options: SigningOptions,
    pub(super) name_style: Option<Style>,
    pub(super) force: bool,
    pub(super) work: Work,
    pub(super) plans: Vec<Planned>,
    /// Of a run on a cluster: what its nodes showed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Seen>,
    /// SHA-256 over the document with this field and the approvals empty, hexadecimal.
    pub digest: String,
    /// In the order in which they came.
    pub approvals: Vec<SshSig>,
}

/// What is to be done, with its files.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[allow(missing_docs, reason = "the fields are called by what they are; see `workflow::plan`")]
pub enum Work {
    Revert {
        in_force: CarriedFile,
        spares: Vec<Certificate>,
        release: Option<Release>,
        single_token: bool,
        edits: Vec<Edit>,
    },
    Update {
        in_force: CarriedFile,
        edits: Vec<Edit>,
        /// What the cluster needs, where it was asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        needed: Option<Needed>,
    },
    Create {
        cluster: Box<ClusterFile>,
        /// Of the servers of the cluster, in their order.
        certificates: Vec<Option<Certificate>>,
        spares: Vec<Certificate>,
        single_token: bool,
        edits: Vec<Edit>,
    },
    Sign {
        files: Vec<CarriedFile>,
    },
}

/// A file in a request, with its path on the machine that asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "FileFingerprint", into = "FileFingerprint")]
pub struct CarriedFile {
    /// Its path.
    pub path: String,
    /// The file itself.
    pub bytes: Bytes,
}

impl From<CarriedFile> for FileFingerprint {
    fn from(it: CarriedFile) -> Self {
        FileFingerprint::of(it.path, &it.bytes)
    }
}

impl TryFrom<FileFingerprint> for CarriedFile {
    type Error = String;

    fn try_from(it: FileFingerprint) -> Result<Self, String> {
        let bytes = it.content().ok_or_else(|| format!("data of {:?} is missing or damaged", it.file))?;
        Ok(CarriedFile { path: it.file, bytes: bytes.into() })
    }
}

/// A file that is to be signed: the digest of its plan, and what the plan tells, as values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Planned {
    pub file: String,
    pub digest: String,
    pub steps: Value,
    pub phones: Value,
    pub findings: Value,
}

impl SigningRequest {
    /// The document.
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical(self)
    }

    /// The files that must not have changed when the answer is used.
    pub fn files(&self) -> &[CarriedFile] {
        match &self.work {
            Work::Revert { in_force, .. } | Work::Update { in_force, .. } => std::slice::from_ref(in_force),
            Work::Create { .. } => &[],
            Work::Sign { files } => files,
        }
    }

    /// Whether it may still be signed.
    pub fn is_current(&self, now: Timestamp) -> Result<(), ExchangeError> {
        if now < self.expires { Ok(()) } else { Err(ExchangeError::Expired { expires: self.expires, now }) }
    }

    /// The fingerprints of the keys that approved it; an error if one of the signatures is not over its digest.
    pub fn approved_by(&self) -> Result<Vec<String>, ExchangeError> {
        let of = |(at, approval): (usize, &SshSig)| {
            let key = if at > MOST_APPROVALS {
                Err(ApprovalError::TooMany)
            } else {
                verify(approval, &self.digest)
            };
            key.map_err(|source| ExchangeError::Approval { at, source })
        };
        (1..).zip(&self.approvals).map(of).collect()
    }

    pub(super) fn sum(&self) -> String {
        let bare = SigningRequest { digest: String::new(), approvals: vec![], ..self.clone() };
        digest::hex(&digest::sha256(&canonical(&bare)), "")
    }
}

/// The one spelling of a document: fields in their order, two blanks for each level, a line feed at the end.
pub(super) fn canonical<T: Serialize>(document: &T) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(document).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// Parses a document of this format. Unknown and doubled fields are refused.
pub(super) fn parse<'a, T: Deserialize<'a>>(
    bytes: &'a [u8],
    what: &'static str,
    format: &str,
) -> Result<T, ExchangeError> {
    #[derive(Deserialize)]
    struct Head {
        format: String,
    }
    let not_read = |why: String| ExchangeError::NotRead { what, why };
    let head: Head = serde_json::from_slice(bytes).map_err(|e| not_read(e.to_string()))?;
    if head.format != format {
        return Err(not_read(format!("its format is {:?}, not {format:?}", head.format)));
    }
    serde_json::from_slice(bytes).map_err(|e| not_read(e.to_string()))
}

/// Checks that a document has its one spelling, which has every checksum made again.
pub(super) fn is_canonical<T: Serialize>(
    bytes: &[u8],
    document: &T,
    what: &'static str,
) -> Result<(), ExchangeError> {
    let again = canonical(document);
    if again == bytes {
        return Ok(());
    }
    let [there, made] = [bytes, &again].map(|text| serde_json::from_slice(text).unwrap_or(Value::Null));
    let line = || {
        let same = bytes.iter().zip(&again).take_while(|(a, b)| a == b).filter(|(a, _)| **a == b'\n');
        format!("(its spelling, in line {})", same.count().saturating_add(1))
    };
    let field = first_difference(&there, &made).unwrap_or_else(line);
    Err(ExchangeError::Changed { what, field })
}

/// The path to the first value that differs: `plans.0.digest`.
pub(super) fn first_difference(one: &Value, other: &Value) -> Option<String> {
    let below = |key: String, one: &Value, other: &Value| {
        let inner = first_difference(one, other)?;
        Some(if inner.is_empty() { key } else { format!("{key}.{inner}") })
    };
    match (one, other) {
        _ if one == other => None,
        (Value::Object(a), Value::Object(b)) => {
            let keys = a.keys().chain(b.keys());
            let none = &Value::Null;
            keys.filter_map(|key| {
                let pair = (a.get(key), b.get(key));
                let only_one = pair.0.is_some() != pair.1.is_some();
                let found = below(key.clone(), pair.0.unwrap_or(none), pair.1.unwrap_or(none));
                found.or_else(|| only_one.then(|| key.clone()))
            })
            .next()
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let mut pairs = a.iter().zip(b).enumerate();
            pairs.find_map(|(at, (one, other))| below(at.to_string(), one, other))
        }
        _ => Some(String::new()),
    }
}
