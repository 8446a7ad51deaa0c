//! Why a plan was refused: the CTL Client's rules, and what cannot be built.

use super::cluster_file::ClusterFileError;
use super::digest::PlanDigest;
use crate::trustlist::{BuildError, ListKind, VerifiedList, VerifyError};

/// Whose a list in force is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InForce {
    /// A CTL that tokens sign.
    Tokens,
    /// A CTL that a server signs.
    Tokenless,
    /// An ITL.
    Itl,
}

impl InForce {
    /// By its kind and its signer.
    pub fn of(old: &VerifiedList) -> Self {
        match old.list().kind() {
            ListKind::Itl => InForce::Itl,
            ListKind::Ctl if old.signer().is_token() => InForce::Tokens,
            ListKind::Ctl => InForce::Tokenless,
        }
    }
}

/// Why a plan was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the words say what each is")]
pub enum PlanError {
    #[error("the list in force does not verify")]
    NotVerified(#[source] VerifyError),
    #[error("the list is already signed by the token {signer}")]
    AlreadyTokenSigned { signer: String },
    #[error("this is an ITL file; a revert starts from the CTL of the cluster")]
    NotACtl,
    #[error("a first CTL needs two tokens, one signs and the other is the spare; there is one: {name}")]
    OneToken { name: String },
    #[error("the token {name} is given twice")]
    TokenTwice { name: String },
    /// Two certificates of one key: the spare is lost with the signer.
    #[error("{name} has the same key as another given token: if that key is lost, there is no spare")]
    SameKey { name: String },
    #[error(transparent)]
    ClusterFile(#[from] ClusterFileError),
    #[error("the cluster file names the {function} of {address} twice")]
    ServerTwice { function: String, address: String },
    #[error("the token {name} is a [[server]] of the cluster file, too")]
    TokenAsServer { name: String },
    #[error("the token {name} is in the list already (record {record})")]
    TokenAlreadyInList { name: String, record: usize },
    #[error("the plan changed after it was shown: {shown} was shown, {now} would be signed")]
    Changed { shown: PlanDigest, now: PlanDigest },
    /// The signer of an update is not in the list in force. The CTL Client's own words.
    #[error("The Security Token you have inserted does not exist in the CTL File")]
    SignerNotInForce { signer: String, known: Vec<String>, by_serial: bool, list: InForce, may_insist: bool },
    #[error("the record of {name} cannot be removed: it signs this file")]
    RemovesSigner { name: String },
    #[error(
        "the record of {name} cannot be removed: it is the last SAST, and nothing could sign a list after it"
    )]
    RemovesLastSast { name: String },
    #[error("no {what} matches {name:?}")]
    NoMatch { what: &'static str, name: String, there_are: Vec<String> },
    #[error("{count} {what}s match {name:?}")]
    Ambiguous { what: &'static str, name: String, count: usize, matches: Vec<String> },
    #[error("the list already has a {function} record for {address}")]
    ServerAlreadyInList { function: String, address: String },
    #[error("mixed mode needs the certificate of {address}")]
    NeedsCertificate { address: String },
    #[error("the {function} record of {address} needs a certificate")]
    ServerWithoutCertificate { function: String, address: String },
    /// A record at this address has another subject than the certificate that is to replace its certificate.
    #[error("no record at {address} has the subject {certificate}")]
    OtherSubject { address: String, certificate: String, there_are: Vec<(String, String)> },
    #[error("there is nothing to change")]
    NothingToDo,
    #[error("the new list cannot be built: {0}")]
    Build(#[from] BuildError),
}
