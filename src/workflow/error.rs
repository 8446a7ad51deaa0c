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
#[allow(missing_docs, reason = "the words say what each is")]
pub enum WorkError {
    #[error("{file} {source}")]
    Decode { file: String, source: DecodeError },
    #[error("{file} is not verified: {source}")]
    NotVerified { file: String, source: VerifyError },
    #[error("{file}, named as signer, is not verified: {source}")]
    SignerNotVerified { file: String, source: VerifyError },
    #[error("{file} holds no certificate: {source}")]
    Certificate { file: String, source: CertificateError },
    #[error("{file} is not a text file")]
    NotText { file: String },
    #[error("{file} does not describe a cluster")]
    NotACluster { file: String, source: Box<toml::de::Error> },
    #[error("{file}: {source}")]
    ClusterFile { file: String, source: ClusterFileError },
    #[error(transparent)]
    Check(#[from] CheckError),
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error(transparent)]
    Publish(#[from] PublishError),
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error(transparent)]
    Tvs(#[from] TvsError),
    #[error(transparent)]
    Enroll(#[from] EnrollError),
    #[error(transparent)]
    Journal(#[from] JournalWriteError),
    #[error(transparent)]
    JournalReopen(#[from] JournalReopenError),
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
