//! Why TVS could not be asked. Each error says what happened; the command line adds what to do.

use std::io;
use std::time::Duration;

use super::wire::NotAMessage;

/// An error in the communication with a Trust Verification Service. `server` is the server that was asked; `source` and
/// `reason` come from the system or OpenSSL.
#[derive(Debug, thiserror::Error)]
pub enum TvsError {
    #[error("{0:?} is not HOST or HOST:PORT")]
    NotAnAddress(String),
    #[error("{host} has no IP address")]
    NoAddress { host: String, source: io::Error },
    /// No server listens on the port, or a firewall blocks it.
    #[error("no connection to {server}")]
    Connect { server: String, source: io::Error },
    #[error("{server} did not answer within {} s ({during})", .limit.as_secs())]
    Timeout { server: String, during: &'static str, limit: Duration },
    /// The server supports only old TLS versions or ciphers that are disabled by default.
    #[error("{server} offers only old TLS (TLS 1.0 or weak keys): {reason}")]
    OldTls { server: String, reason: String },
    #[error("TLS with {server} failed: {reason}")]
    Tls { server: String, reason: String },
    #[error("{server} shows a certificate that is not in the TVS records of the ITL: {shown}")]
    OtherCertificate { server: String, shown: String },
    #[error("{server} closed the connection after {got} of {expected} bytes of its answer")]
    HalfAnAnswer { server: String, got: usize, expected: usize },
    #[error("{server} did not answer like TVS: {source}")]
    Garbage { server: String, source: NotAMessage },
    #[error("{server} answered session {got} instead of {expected}")]
    WrongSession { server: String, got: u32, expected: u32 },
    #[error("{server} answered with command {command} instead of {expected}")]
    WrongCommand { server: String, command: u8, expected: u8 },
    /// No answer to the request that phones send about the signer of a list; the source says what happened instead.
    #[error("{server} did not answer the query (command 3) with which phones ask about the signer of a list")]
    NoAnswerToQuery { server: String, source: Box<TvsError> },
    #[error("{server} answered about another certificate of this issuer and serial")]
    AboutAnother { server: String },
    /// A response without a status, or with one that is not known.
    #[error("{server} answered without saying valid or invalid ({status})")]
    NoStatus { server: String, status: String },
    #[error("the certificate is too long to ask about")]
    TooLong,
    #[error("the connection to {server} was lost")]
    Io { server: String, source: io::Error },
}
