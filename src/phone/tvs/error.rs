//! Why TVS could not be asked. Each says what happened; the command line says what to do.

use std::io;
use std::time::Duration;

use super::wire::NotAMessage;

/// What went wrong between us and a Trust Verification Service. `server` is who was asked; `source` and `reason` are what the
/// system or OpenSSL said.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "what the fields are stands above, and in the words of each")]
pub enum TvsError {
    /// `--tvs` is not HOST or HOST:PORT.
    #[error("{0:?} is not HOST or HOST:PORT")]
    NotAnAddress(String),
    /// The host name has no address.
    #[error("{host} has no address")]
    NoAddress { host: String, source: io::Error },
    /// Nobody listens, or the way is closed.
    #[error("no connection to {server}")]
    Connect { server: String, source: io::Error },
    /// Time is up.
    #[error("{server} did not answer within {} s ({during})", .limit.as_secs())]
    Timeout { server: String, during: &'static str, limit: Duration },
    /// The server speaks only what today's TLS no longer does.
    #[error("{server} offers only old TLS (TLS 1.0 or weak keys): {reason}")]
    OldTls { server: String, reason: String },
    /// No TLS came about.
    #[error("no TLS with {server}: {reason}")]
    Tls { server: String, reason: String },
    /// The server shows another certificate than the TVS record of the ITL.
    #[error("{server} shows a certificate that is not in the ITL's TVS records: {shown}")]
    OtherCertificate { server: String, shown: String },
    /// The connection ended inside the answer.
    #[error("{server} closed the connection after {got} of {expected} bytes of its answer")]
    HalfAnAnswer { server: String, got: usize, expected: usize },
    /// Not a TVS answer.
    #[error("{server} did not answer like TVS: {source}")]
    Garbage { server: String, source: NotAMessage },
    /// An answer to somebody else's question.
    #[error("{server} answered session {got} instead of {expected}")]
    WrongSession { server: String, got: u32, expected: u32 },
    /// Another command than the one that answers the question.
    #[error("{server} answered with command {command} instead of {expected}")]
    WrongCommand { server: String, command: u8, expected: u8 },
    /// No answer to the question that phones ask about the signer of a list; what happened instead is the source.
    #[error("{server} did not answer the query (command 3) by which phones ask about the signer of a list")]
    NoAnswerToQuery { server: String, source: Box<TvsError> },
    /// It knows another certificate by this issuer and serial.
    #[error("{server} answered about another certificate of this issuer and serial")]
    AboutAnother { server: String },
    /// A response without a status, or with one that is not known.
    #[error("{server} answered without saying valid or invalid ({status})")]
    NoStatus { server: String, status: String },
    /// The certificate does not fit a request.
    #[error("the certificate is too long to ask about")]
    TooLong,
    /// Reading or writing failed.
    #[error("the connection to {server} broke")]
    Io { server: String, source: io::Error },
}
