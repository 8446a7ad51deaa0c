//! Why work stopped. What to type next is not known here: the front end adds it.

use super::enroll::EnrollError;
use super::journal::{JournalReopenError, JournalWriteError};
use super::operator::OperatorError;
use super::plan::PlanError;
use super::plan::cluster_file::ClusterFileError;
use crate::cluster::http::HttpError;
use crate::cluster::{ClusterError, FetchError, PublishError};
use crate::files::FileError;
use crate::phone::tvs::TvsError;
use crate::token::TokenError;
use crate::trustlist::{CertificateError, DecodeError, ListKind, VerifyError};

/// Why work stopped.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the fields are in the words of each")]
pub enum WorkError {
    /// A file is no trust list.
    #[error("{file} {source}")]
    Decode { file: String, source: DecodeError },
    /// A list does not verify: nothing is built on it.
    #[error("{file} is not verified: {source}")]
    NotVerified { file: String, source: VerifyError },
    /// A list does not verify that was named as the signer of other files.
    #[error("{file}, named as signer, is not verified: {source}")]
    SignerNotVerified { file: String, source: VerifyError },
    /// A file is no certificate.
    #[error("{file} holds no certificate: {source}")]
    Certificate { file: String, source: CertificateError },
    /// A file is no text.
    #[error("{file} is not a text file")]
    NotText { file: String },
    /// A text is no cluster file.
    #[error("{file} does not describe a cluster")]
    NotACluster { file: String, source: Box<toml::de::Error> },
    /// No list can be made of a cluster file.
    #[error("{file}: {source}")]
    ClusterFile { file: String, source: ClusterFileError },
    /// A list that was to be checked.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// A plan was refused.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// A node.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// A file that was to be published.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// A node's file.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A node's interface for certificates.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// A Trust Verification Service.
    #[error(transparent)]
    Tvs(#[from] TvsError),
    /// A certificate or request that was to be made.
    #[error(transparent)]
    Enroll(#[from] EnrollError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalWriteError),
    /// A journal that was to be continued.
    #[error(transparent)]
    JournalReopen(#[from] JournalReopenError),
    /// The operator interrupted, or gave no answer.
    #[error(transparent)]
    Operator(#[from] OperatorError),
}

/// Why a list is not checked.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    #[error("{file} is not verified: {source}")]
    NotVerified { file: String, source: VerifyError, is_emptied_itl: bool },
    /// A list that phones hold is of the other kind.
    #[error("{file} is {}", if *.kind == ListKind::Itl { "an ITL, not a CTL" } else { "a CTL, not an ITL" })]
    OtherKind { file: String, kind: ListKind },
    #[error("the list does not carry the signer's certificate")]
    NoCertificate,
}

impl WorkError {
    /// Whether the operator interrupted the work.
    pub fn is_interrupted(&self) -> bool {
        matches!(self, WorkError::Operator(OperatorError::Interrupted { .. }))
    }
}
