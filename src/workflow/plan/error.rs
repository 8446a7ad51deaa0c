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
pub enum PlanError {
    /// The list in force does not verify.
    #[error("the list in force does not verify")]
    NotVerified(#[source] VerifyError),
    /// A revert of a list that a token signed already.
    #[error("the list is already signed by the token {signer}")]
    AlreadyTokenSigned {
        /// The signer's name.
        signer: String,
    },
    /// A revert of an ITL, which has no tokens.
    #[error("this is an ITL file; a revert starts from the CTL of the cluster")]
    NotACtl,
    /// Fewer than two tokens.
    #[error("a first CTL needs two tokens, one signs and the other is the spare; there is one: {name}")]
    OneToken {
        /// The token that there is.
        name: String,
    },
    /// The same token in two roles.
    #[error("the token {name} is named twice")]
    TokenTwice {
        /// The token's name.
        name: String,
    },
    /// Two certificates of one key: the spare is lost with the signer.
    #[error("{name} has the key of another token that was named: whoever loses that key has no spare")]
    SameKey {
        /// The certificate's name.
        name: String,
    },
    /// No list can be made of the cluster file.
    #[error(transparent)]
    ClusterFile(#[from] ClusterFileError),
    /// The same server twice in the cluster file.
    #[error("the cluster file names the {function} of {address} twice")]
    ServerTwice {
        /// FUNCTION by name.
        function: String,
        /// Address or host.
        address: String,
    },
    /// A token that is a server, too.
    #[error("the token {name} is a [[server]] of the cluster file, too")]
    TokenAsServer {
        /// The token's name.
        name: String,
    },
    /// A token that is in the list already.
    #[error("the token {name} is in the list already (record {record})")]
    TokenAlreadyInList {
        /// The token's name.
        name: String,
        /// Counted from 1.
        record: usize,
    },
    /// The plan that was confirmed is not the one that would be carried out.
    #[error("the plan changed after it was shown: {shown} was shown, {now} would be signed")]
    Changed {
        /// What was shown.
        shown: PlanDigest,
        /// What it is now.
        now: PlanDigest,
    },
    /// The signer of an update is not in the list in force. The CTL Client's own words.
    #[error("The Security Token you have inserted does not exist in the CTL File")]
    SignerNotInForce {
        /// The token that would sign.
        signer: String,
        /// The SAST records that are in force.
        known: Vec<String>,
        /// One of them has the token's name: serial numbers are told, too.
        by_serial: bool,
        /// Whose list it is.
        list: InForce,
        /// Whether the operator may insist: where records change, it can be taken in.
        may_insist: bool,
    },
    /// The signer would remove itself.
    #[error("the record of {name} cannot be removed: it signs this file")]
    RemovesSigner {
        /// The signer's name.
        name: String,
    },
    /// The only SAST record would leave.
    #[error(
        "the record of {name} cannot be removed: it is the last SAST, and nothing could sign a list after it"
    )]
    RemovesLastSast {
        /// Its name.
        name: String,
    },
    /// Nothing matches a name.
    #[error("no {what} matches {name:?}")]
    NoMatch {
        /// What was looked for.
        what: &'static str,
        /// The name.
        name: String,
        /// What there is.
        there_are: Vec<String>,
    },
    /// Several match a name.
    #[error("{count} {what}s match {name:?}")]
    Ambiguous {
        /// What was looked for.
        what: &'static str,
        /// The name.
        name: String,
        /// How many match.
        count: usize,
        /// What matches.
        matches: Vec<String>,
    },
    /// A server that is in the list already.
    #[error("the list already has a {function} record for {address}")]
    ServerAlreadyInList {
        /// FUNCTION by name.
        function: String,
        /// DNSNAME or address.
        address: String,
    },
    /// Mixed mode, and a server without certificate.
    #[error("mixed mode needs the certificate of {address}")]
    NeedsCertificate {
        /// The server.
        address: String,
    },
    /// A server of a first list without what its record needs.
    #[error("the {function} record of {address} needs a certificate")]
    ServerWithoutCertificate {
        /// FUNCTION by name.
        function: String,
        /// The server.
        address: String,
    },
    /// A record at this address has another subject than the certificate that is to take its place.
    #[error("{certificate} is not the subject of what is at {address}")]
    OtherSubject {
        /// The server.
        address: String,
        /// The certificate.
        certificate: String,
        /// `CCM+TFTP cucm-1051-a-pub`, the records there.
        there_are: Vec<(String, String)>,
    },
    /// Nothing would change.
    #[error("there is nothing to change")]
    NothingToDo,
    /// The new list cannot be built.
    #[error("the new list cannot be built: {0}")]
    Build(#[from] BuildError),
}
