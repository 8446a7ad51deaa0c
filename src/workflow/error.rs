//! Why work stopped. The front end adds what to type next.

use super::cluster_run::{RunError, Stopped};
use super::enroll::EnrollError;
use super::exchange::ExchangeError;
use super::journal::{JournalReopenError, JournalWriteError, Outcome};
use super::operator::OperatorError;
use super::plan::PlanError;
use super::plan::cluster_file::ClusterFileError;
use super::signing::SigningError;
use crate::cluster::http::HttpError;
use crate::cluster::{ClusterError, FetchError, NodeAddress};
use crate::files::FileError;
use crate::phone::tvs::TvsError;
use crate::token::{NotASelector, PinKind, Sast, TokenError, TokenName};
use crate::trustlist::{BuildError, CertificateError, DecodeError, ListKind, SignError, VerifyError};

/// The text for a node that has the file on its disk, but serves another one or none.
pub const NOT_SERVED_YET: &str = "copied to the node, but not served yet";

/// Why work stopped.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the words say what each is")]
pub enum WorkError {
    #[error("{file} {source}")]
    Decode { file: String, source: DecodeError },
    #[error("{file} is not verified: {source}")]
    NotVerified { file: String, source: VerifyError },
    #[error("{file}, given for the signer, is not verified: {source}")]
    SignerNotVerified { file: String, source: VerifyError },
    #[error("{file} contains no certificate: {source}")]
    Certificate { file: String, source: CertificateError },
    #[error("{file} is not a text file")]
    NotText { file: String },
    #[error("{file} does not describe a cluster")]
    NotACluster { file: String, source: Box<toml::de::Error> },
    #[error("{file}: {source}")]
    ClusterFile { file: String, source: ClusterFileError },
    #[error("the cluster file cannot be written: {0}")]
    ClusterFileText(#[from] toml::ser::Error),
    #[error("the nodes of {node} serve no CTL that verifies")]
    NoCtlInForce { node: String },
    #[error("{place} is no folder with a CTLFile.tlv or an ITLFile.tlv, and no node that serves one")]
    NoClusterThere { place: String },
    #[error("{file} is not a list of phones: {why}")]
    NotAListOfPhones { file: String, why: String },
    #[error("{file} is not an inventory of clusters: {why}")]
    NotAnInventory { file: String, why: String },
    /// The list that is checked.
    #[error("{file} is not verified: {source}")]
    NewNotVerified { file: String, source: VerifyError, is_emptied_itl: bool },
    /// The list that phones hold has the wrong kind.
    #[error("{file} is {}", if *.kind == ListKind::Itl { "an ITL, not a CTL" } else { "a CTL, not an ITL" })]
    OtherKind { file: String, kind: ListKind },
    #[error("the list does not contain the signer's certificate")]
    NoCertificate,
    #[error(transparent)]
    Run(Box<RunError>),
    /// A step of a run on a cluster failed, or was not begun.
    #[error("{source}")]
    Stopped { at: Box<Stopped>, source: Box<WorkError> },
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error("{name} did not sign: {source}")]
    NotSigned { name: String, source: Box<TokenError> },
    /// The PIN is locked or not set, so it was not asked for.
    #[error(transparent)]
    NoPinToTry(Box<TokenError>),
    #[error("{}: the {}PIN was not tried", token.label, if *which == PinKind::Administrator { "administrator " } else { "" })]
    PinNotTried { token: TokenName, which: PinKind },
    #[error(transparent)]
    Sign(Box<SignError<TokenError>>),
    #[error(transparent)]
    Signing(#[from] SigningError),
    #[error(transparent)]
    Selector(#[from] NotASelector),
    #[error("not every file was written: the writer ended early")]
    WriterEnded,
    /// The files were written.
    #[error(transparent)]
    JournalNotSigned(Box<WorkError>),
    /// A token shows no certificate, and should be read again after a login.
    #[error(transparent)]
    HiddenUntilLogin(Box<WorkError>),
    /// An interruption reports only that itself wrote nothing, so its text is replaced here.
    #[error("{}", match source.is_interrupted() {
        true => format!("interrupted; {}", written_of_several(*written)),
        false => source.to_string(),
    })]
    Partly { written: usize, source: Box<WorkError> },
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error("the REST interface cannot be reached over a serial line")]
    NoRest,
    #[error("TVS cannot be reached over the serial line {node}")]
    NoTvs { node: String },
    #[error("the TVS certificate of {node} that phones expect is not known: the node serves no ITLFile.tlv")]
    NoItl { node: String },
    #[error("the TVS certificate of {node} that phones expect is not known: its ITLFile.tlv {source}")]
    NotAnItl { node: String, source: DecodeError },
    #[error(
        "the TVS certificate of {node} that phones expect is not known: its ITLFile.tlv does not verify: {source}"
    )]
    ItlNotVerified { node: String, source: VerifyError },
    #[error(transparent)]
    ItlNotFetched(FetchError),
    #[error(transparent)]
    Record(BuildError),
    #[error("{reason}: phones {} refuse a list signed by {signer}", if *.refuse { "would" } else { "may" })]
    SignerNotConfirmed { reason: String, refuse: bool, signer: String },
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error(transparent)]
    Tvs(#[from] TvsError),
    #[error(transparent)]
    Enroll(#[from] EnrollError),
    /// The certificate was stored, but a later action failed.
    #[error("{source}")]
    AfterStoring { name: String, token: String, source: Box<WorkError> },
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    #[error(transparent)]
    Journal(#[from] JournalWriteError),
    #[error(transparent)]
    JournalReopen(#[from] JournalReopenError),
    #[error("an ITL belongs to one node: every TFTP server signs its own ITL")]
    ItlForManyNodes,
    /// CUCM serves a new file only after a restart of Cisco Tftp. `waiting`: the nodes that have it on their disk; `node` and
    /// `alone` as they were given.
    #[error("{name} with MD5 {md5} is not served by every node yet")]
    NotServedYet { name: String, md5: String, waiting: Vec<NodeAddress>, node: Box<NodeAddress>, alone: bool },
    /// The operator did not confirm; the text tells what was not done.
    #[error("{0}")]
    Declined(&'static str),
    #[error(transparent)]
    Operator(#[from] OperatorError),
}

impl From<RunError> for WorkError {
    fn from(error: RunError) -> Self {
        WorkError::Run(Box::new(error))
    }
}

impl From<SignError<TokenError>> for WorkError {
    fn from(error: SignError<TokenError>) -> Self {
        WorkError::Sign(Box::new(error))
    }
}

impl WorkError {
    /// The login of the token with this certificate failed.
    pub fn not_signed(sast: &Sast, source: TokenError) -> Self {
        WorkError::NotSigned { name: sast.certificate().sast_name(), source: Box::new(source) }
    }

    /// Whether the operator interrupted the work.
    pub fn is_interrupted(&self) -> bool {
        match self {
            WorkError::Operator(OperatorError::Interrupted { .. }) => true,
            // Instead of a password, or at the key of a host.
            WorkError::Cluster(ClusterError::NoAnswer(own)) => {
                matches!(own.downcast_ref(), Some(OperatorError::Interrupted { .. }))
            }
            WorkError::Partly { source, .. } => source.is_interrupted(),
            _ => false,
        }
    }

    /// Whether a PIN did not open the token, or was not tried; nothing was signed.
    pub fn is_of_a_pin(&self) -> bool {
        use TokenError as E;
        match self {
            WorkError::NoPinToTry(_) | WorkError::PinNotTried { .. } => true,
            WorkError::Token(E::PinLength { .. }) => true,
            WorkError::NotSigned { source, .. } => matches!(
                **source,
                E::PinIncorrect { .. } | E::PinLocked(..) | E::PinLength { .. } | E::PinStateChanged(..)
            ),
            _ => false,
        }
    }

    /// How a run ended that this error stopped, for the last line of its journal.
    pub fn outcome(&self) -> (Outcome, String) {
        let outcome = if self.is_interrupted() { Outcome::Interrupted } else { Outcome::Failed };
        (outcome, self.to_string())
    }
}

/// `3 files were written, the others were not`
pub fn written_of_several(written: usize) -> String {
    let files = if written == 1 { "1 file was".to_owned() } else { format!("{written} files were") };
    format!("{files} written, the others were not")
}
