//! Why TVS could not be asked. Each says what happened; the command line says what to do.

use std::time::Duration;

use super::wire::NotAMessage;
use crate::trustlist::Function;

/// What went wrong between us and a Trust Verification Service.
#[derive(Debug, thiserror::Error)]
pub enum TvsError {
    /// `--tvs` is not HOST or HOST:PORT.
    #[error("{0:?} is not HOST or HOST:PORT")]
    NotAnAddress(String),
    /// The host name has no address.
    #[error("{host} has no address")]
    NoAddress {
        /// The host.
        host: String,
        /// What the resolver said.
        #[source]
        source: std::io::Error,
    },
    /// Nobody listens, or the way is closed.
    #[error("no connection to {server}")]
    Connect {
        /// Who was asked.
        server: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Time is up.
    #[error("{server} did not answer within {} s ({during})", .limit.as_secs())]
    Timeout {
        /// Who was asked.
        server: String,
        /// In the middle of what.
        during: &'static str,
        /// How long it was waited for.
        limit: Duration,
    },
    /// The server speaks only what today's TLS no longer does.
    #[error("{server} offers only old TLS (TLS 1.0 or weak keys): {reason}")]
    OldTls {
        /// Who was asked.
        server: String,
        /// What OpenSSL said.
        reason: String,
    },
    /// No TLS came about.
    #[error("no TLS with {server}: {reason}")]
    Tls {
        /// Who was asked.
        server: String,
        /// What OpenSSL said.
        reason: String,
    },
    /// The server shows another certificate than the TVS record of the ITL.
    #[error("{server} shows a certificate that is not in the ITL's TVS records: {shown}")]
    OtherCertificate {
        /// Who was asked.
        server: String,
        /// The certificate it showed.
        shown: String,
    },
    /// The connection ended inside the answer.
    #[error("{server} closed the connection after {got} of {expected} bytes of its answer")]
    HalfAnAnswer {
        /// Who was asked.
        server: String,
        /// Bytes that came.
        got: usize,
        /// Bytes that were announced.
        expected: usize,
    },
    /// Not a TVS answer.
    #[error("{server} did not answer like TVS: {why}")]
    Garbage {
        /// Who was asked.
        server: String,
        /// Why not.
        #[source]
        why: NotAMessage,
    },
    /// An answer to somebody else's question.
    #[error("{server} answered session {got} instead of {expected}")]
    WrongSession {
        /// Who was asked.
        server: String,
        /// The session id that came.
        got: u32,
        /// The one that was sent.
        expected: u32,
    },
    /// Another command than the one that answers the question.
    #[error("{server} answered with command {command} instead of {expected}")]
    WrongCommand {
        /// Who was asked.
        server: String,
        /// The command that came.
        command: u8,
        /// The one that answers.
        expected: u8,
    },
    /// No answer to the question that phones ask about the signer of a list.
    #[error("{server} did not answer the query (command 3) by which phones ask about the signer of a list")]
    NoAnswerToQuery {
        /// Who was asked.
        server: String,
        /// What happened instead.
        #[source]
        why: Box<TvsError>,
    },
    /// It knows another certificate by this issuer and serial.
    #[error("{server} answered about another certificate of this issuer and serial")]
    AboutAnother {
        /// Who was asked.
        server: String,
    },
    /// A response without a status, or with one that is not known.
    #[error("{server} answered without saying valid or invalid ({status})")]
    NoStatus {
        /// Who was asked.
        server: String,
        /// What it said instead.
        status: String,
    },
    /// The certificate does not fit a request.
    #[error("the certificate is too long to ask about")]
    TooLong,
    /// Reading or writing failed.
    #[error("the connection to {server} broke")]
    Io {
        /// Who was asked.
        server: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

/// The roles of an answer, for people.
pub(super) fn roles(roles: &[Function]) -> String {
    roles.iter().map(Function::to_string).collect::<Vec<_>>().join(", ")
}
