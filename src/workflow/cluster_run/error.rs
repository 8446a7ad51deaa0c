//! Why a run on a cluster stopped.

use std::error::Error;
use std::path::PathBuf;

use super::bridge::NoBridge;
use super::state::RunRefused;
use super::step::{ByHand, Step};
use crate::cluster::SecurityMode;
use crate::workflow::Next;
use crate::workflow::journal::{RunId, TokenCertificate};
use crate::workflow::plan::{NotARelease, Unit};
use crate::workflow::readiness::Readiness;

/// Why a run on a cluster stopped.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the fields are in the words of each")]
pub enum RunError {
    #[error("there is no run in {}", folder.display())]
    NoRun { folder: PathBuf },
    /// The run in the folder, its journal, and the run that was requested.
    #[error("{why}")]
    Refused { why: RunRefused, run: Option<RunId>, journal: Option<PathBuf>, chosen: Box<RunId> },
    #[error("{} cannot be read: what the run did is not known", path.display())]
    Unreadable { path: PathBuf, source: Box<dyn Error + Send + Sync> },
    #[error("the name of the journal's folder is not UTF-8 text: {}", path.display())]
    JournalNotText { path: PathBuf },
    #[error("{holder} already works in {}", folder.display())]
    Busy { holder: String, folder: PathBuf },
    #[error("the cluster is in {mode} mode: it has no CTL in force")]
    NotMixed { mode: SecurityMode, left_behind: bool },
    #[error("the way {way} is not open: {why}")]
    WayClosed { way: &'static str, why: String },
    #[error("the cluster that phones go to is not known")]
    NoOtherCluster,
    #[error("nobody confirmed that this was done by hand")]
    NotDoneByHand { which: ByHand },
    #[error("the cluster is in mixed mode, but no node has a CTL")]
    CtlGone,
    /// The problem with the CTL of a node.
    #[error("{node} {what}")]
    NodeCtl { node: String, what: String },
    #[error("{node} holds another CTL than {from}: MD5 {md5}")]
    CtlsDiffer { node: String, from: String, md5: String },
    /// And the command for a new request.
    #[error("{node} holds another CTL than when the request was made: MD5 {md5}")]
    InForceChanged { node: String, md5: String, again: Box<Next> },
    #[error("the run waits for the answer to the request {serial}")]
    WaitsForAnswer { serial: String },
    #[error("the new CTL of this run is signed")]
    IsSigned,
    #[error("{}", .0.iter().map(|f| f.says.as_str()).next().unwrap_or_default())]
    NotReady(Vec<Readiness>),
    #[error("the operator must confirm these checks, and there is no terminal to ask")]
    ReadinessNotConfirmed(Vec<Readiness>),
    #[error("not confirmed: {}", .0.says)]
    NotConfirmed(Readiness),
    #[error("the operator must confirm that every phone holds the bridge, and there is no terminal to ask")]
    BridgeNotConfirmed,
    #[error("not every phone holds the bridge")]
    PhonesLackBridge,
    #[error("every node serves the new CTL, but {refused}")]
    PhonesRefuse { refused: String },
    #[error(transparent)]
    NoBridge(#[from] NoBridge),
    #[error("{what} in {} is missing, or was changed since the run wrote it", folder.display())]
    FileLost { what: &'static str, folder: PathBuf },
    #[error("this is not the token that the run was started with")]
    AnotherSigner { inserted: String, chosen: String },
    #[error("these are not the tokens that the run was started with")]
    OtherTokens { run: Vec<TokenCertificate>, chosen: Vec<TokenCertificate> },
    #[error("the certificates of the other cluster are not those that the run was started with")]
    OtherCertificates { run: Vec<TokenCertificate>, chosen: Vec<TokenCertificate> },
    #[error(transparent)]
    NotARelease(#[from] NotARelease),
    /// The certificate that a node shows in its shell was found nowhere.
    #[error("the {unit} certificate of {node} (serial {serial}) is not in the database of the cluster")]
    NoCertificate { node: String, unit: &'static str, serial: String },
    #[error("{node} has no IPv4 address, which a record needs")]
    NotIpv4 { node: String },
    #[error("the CTL and the ITLs hold what the cluster has: there is nothing to renew")]
    NothingToRenew,
    #[error("the lists do not hold what the cluster has now")]
    StillToRenew { tvs: Vec<String> },
    /// Both authenticate new lists.
    #[error(
        "{unit} and {other} are never renewed together: phones could then authenticate neither the new lists nor TVS, and \
         every list would have to be deleted by hand"
    )]
    NotTogether { unit: Unit, other: Unit },
    /// The renewal of another certificate is not finished.
    #[error(
        "{unit} must not be renewed yet: {open} was renewed, and the lists do not hold it; phones would know neither, and \
         every list would have to be deleted by hand"
    )]
    NotYet { unit: Unit, open: Unit },
    #[error("the CTL in force is already tokenless: {signer} signed it")]
    AlreadyTokenless { signer: String },
    #[error(
        "phones must know the signers of the tokenless CTL before: the CTL in force does not hold {} as SAST",
        lacks.join(" and ")
    )]
    NotYetTokenless { lacks: Vec<String> },
    #[error(
        "the new CTL is signed by {signer}, which is not the certificate of the publisher that signs such lists"
    )]
    NotThePublisher { signer: String },
    #[error(
        "Phone-SAST-trust still holds {}: no public source says whether the shell accepts that unit",
        names.join(" and ")
    )]
    StillTrusted { names: Vec<String> },
    #[error("cancelled; nothing more was changed on the cluster")]
    Declined { rollback: bool },
}

/// Where a run stopped.
#[derive(Debug)]
pub struct Stopped {
    /// The step that failed, or that was not started.
    pub step: Step,
    /// The step before, if the step was not started.
    pub after: Option<Step>,
    /// Where the CTL that was in force before is kept; `None`: this run keeps none, or has another way back.
    pub kept: Option<PathBuf>,
    /// Whether the run sets the cluster to mixed mode: then its way back is non-secure mode.
    pub sets_mixed: bool,
}
