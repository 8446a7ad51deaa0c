//! Why a request or an answer is refused.

use std::path::PathBuf;

use jiff::Timestamp;

use super::approval::ApprovalError;
use crate::workflow::Next;
use crate::workflow::journal::{HeadError, JournalError};

/// Why a request or an answer is refused.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the words say what each is")]
pub enum ExchangeError {
    #[error("the {what} has more than {limit} bytes")]
    TooLarge { what: &'static str, limit: usize },
    #[error("the request has more than {limit} values")]
    TooManyValues { limit: usize },
    #[error("it is not {what} that this version reads: {why}")]
    NotRead { what: &'static str, why: String },
    /// A field is not what the rest of the document gives.
    #[error("the {what} was changed after it was made: the field {field} does not fit the rest")]
    Changed { what: &'static str, field: String },
    /// The plan that the request's files give was refused.
    #[error("the files in the request give no plan: {0}")]
    NoPlan(String),
    #[error("the request expired at {expires}; now it is {now}")]
    Expired { expires: Timestamp, now: Timestamp },
    #[error("the answer comes too late: its request expired at {expires}; now it is {now}")]
    AnswerExpired { expires: Timestamp, now: Timestamp },
    #[error("the request {serial} was signed before")]
    SignedBefore { serial: String, when: String, ledger: PathBuf },
    #[error("the answer to the request {serial} was used before")]
    AppliedBefore { serial: String, when: String, ledger: PathBuf },
    #[error("the request {serial} is given twice; the first is {}", first.display())]
    GivenTwice { serial: String, first: PathBuf },
    #[error("it is for the token {wanted}; this run signs with {signs}")]
    SecondSigner { wanted: String, signs: String },
    #[error("it changed after it was shown")]
    OtherThanShown,
    /// The run stopped. `entered`: the ledger has it, so it will not be signed any more.
    #[error("{}", match entered {
        true => "no answer: the run stopped, and the ledger has it; make a new request",
        false => "not signed: the run stopped before it",
    })]
    NotReached { entered: bool },
    #[error("the ledger {} cannot be used: {source}", path.display())]
    Ledger { path: PathBuf, source: std::io::Error },
    #[error("there is no folder for the ledger: HOME is not set")]
    NoLedger,
    #[error("the request is for the token {wanted}, but this is {there}")]
    OtherToken { wanted: String, there: String },
    #[error("the answer is to the request {answered}, not to {asked}")]
    Foreign { answered: String, asked: String },
    #[error("the answer is not signed by {wanted}, which the request names, but by {there}")]
    OtherSigner { wanted: String, there: String },
    #[error("the journal in the answer does not verify: {0}")]
    Journal(#[from] JournalError),
    #[error("the journal in the answer is not proved: {0}")]
    Head(#[from] HeadError),
    #[error("the answer is not complete: {0}")]
    NotComplete(String),
    #[error("the signed file {file} in the answer is not what the request asks for: {why}")]
    OtherFile { file: String, why: String },
    #[error("{} is not as it was when the request was made", .0.display())]
    InForceChanged(PathBuf),
    #[error("the request belongs to a run on a cluster, which goes on with the answer")]
    OfARun(Box<Next>),
    /// Counted from 1.
    #[error("approval {at} of the request is refused: {source}")]
    Approval { at: usize, source: ApprovalError },
    #[error("the other file is not a copy of this request")]
    NoCopy,
    #[error("ssh-keygen cannot be started: {0}")]
    NoSshKeygen(std::io::Error),
    #[error("ssh-keygen did not sign: {0}")]
    NotSigned(String),
    #[error("{} is not used: {why}", path.display())]
    Signers { path: PathBuf, why: String },
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Why a request may not be signed here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the words say what each is")]
pub enum Refusal {
    #[error("the request needs approvals, but there is no signers.toml that says who may approve")]
    NobodyKnown,
    #[error("signers.toml does not have the token {name} (SHA-256 {sha256})")]
    NotPinned { name: String, sha256: String },
    #[error("signers.toml does not allow {name} to sign for the cluster {cluster:?}")]
    OtherCluster { name: String, cluster: String },
    #[error("signers.toml does not allow {name} to sign {file}, which is a file of the kind {kind}")]
    OtherKind { name: String, file: String, kind: &'static str },
    #[error("nobody in signers.toml has the key {key}, which approved the request")]
    UnknownKey { key: String },
    #[error("the key {key}, which approved the request, is revoked")]
    RevokedKey { key: String },
    #[error("nobody who may ask has signed the request; {may} may ask")]
    NobodyAsked { may: String },
    #[error("too few people approved the request: {there} of {needed}; {may} may approve")]
    TooFew { needed: usize, there: usize, may: String },
}
