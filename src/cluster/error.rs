//! What goes wrong between us and a node. Each says what happened and where; the command line says what to do.

use std::error::Error;
use std::time::Duration;

use super::address::NodeAddress;
use super::shell::answers::ServiceState;
use crate::files::FileError;

/// Why the operator gave no answer.
pub type NoAnswer = Box<dyn Error + Send + Sync>;

/// A console that does not do what it should. In all of them `node` is the node, `says` its last lines, `why` what the system
/// or the library said, `fingerprint` the SHA-256 of the key that it showed, and `line` the one of known_hosts.
#[allow(missing_docs, reason = "the fields are described above")]
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// The other side is gone.
    #[error("the connection to {node} ended")]
    Closed { node: String },
    /// It cannot be reached.
    #[error("no connection to {node}: {why}")]
    Connect { node: String, why: String },
    /// It offers no algorithm of a kind (key exchange, host key, cipher, MAC) that is offered here; whether one of the old ones
    /// would be in common.
    #[error("{node} and sastctl have no {kind} of SSH in common: {offers}")]
    NoCommonAlgorithm { node: String, kind: &'static str, offers: String, old_would_do: bool },
    /// Its host key, or the authority that vouches for it, is marked `@revoked`.
    #[error("the host key of {node} is revoked: {fingerprint} (known_hosts, line {line})")]
    RevokedHostKey { node: String, fingerprint: String, line: usize },
    /// It shows a certificate for its host key that is not good for it.
    #[error("the host certificate of {node} is not taken: {why}")]
    HostCertificate { node: String, why: String },
    /// It asked something that only a person may answer, such as a new password; nothing was typed.
    #[error("{node} asks what sastctl does not answer, and nothing was typed; it said: {says}")]
    Asked { node: String, says: String },
    /// No prompt came.
    #[error("{node} did not come to its prompt ({why}); it said: {says}")]
    NoPrompt { node: String, why: String, says: String },
    /// It sends without an end.
    #[error("{node} sends more than any command says: nothing more is read")]
    TooMuch { node: String },
    /// Its host key is not known yet.
    #[error("the host key of {node} is not known: {fingerprint}")]
    UnknownHostKey { node: String, fingerprint: String },
    /// Its host key is another than the known one.
    #[error("the host key of {node} changed: it is now {fingerprint} (known_hosts, line {line})")]
    ChangedHostKey { node: String, fingerprint: String, line: usize },
    /// The user or the password is wrong.
    #[error("{node} does not let {user} in")]
    LoginRefused { node: String, user: String },
    /// Reading or writing failed.
    #[error("the connection to {node} broke: {why}")]
    Broken { node: String, why: String },
    /// SSH was left out when the program was built.
    #[error("this sastctl was built without SSH")]
    WithoutSsh,
}

/// What went wrong on a node. In all of them `node` is the node, `command` what it was told, and `says` its last lines.
#[allow(missing_docs, reason = "the fields are described above")]
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The console.
    #[error(transparent)]
    Console(#[from] ConsoleError),
    /// The transcript.
    #[error(transparent)]
    File(#[from] FileError),
    /// What only the operator knows was not answered.
    #[error(transparent)]
    NoAnswer(NoAnswer),
    /// A command did not end within the time.
    #[error("{command:?} on {node} did not end within {} s; it said: {says}", .limit.as_secs())]
    Timeout { node: String, command: String, limit: Duration, says: String },
    /// The shell asked something that nobody expected; it was answered with no.
    #[error("{command:?} on {node} asked what nobody expected, and was answered with no; it said: {says}")]
    UnexpectedQuestion { node: String, command: String, says: String },
    /// The connection ended in the middle of a command.
    #[error(
        "the dialogue with {node} ended in the middle of {command:?}: it is not known whether it was carried out; it said: {says}"
    )]
    CutOff {
        node: String,
        command: String,
        says: String,
        #[source]
        source: Box<ConsoleError>,
    },
    /// The shell refused a command.
    #[error("{command:?} on {node} was refused: {says}")]
    Refused { node: String, command: String, says: String },
    /// A service did not come up again.
    #[error("{service} on {node} is {state} after its restart")]
    NotStarted { node: NodeAddress, service: &'static str, state: ServiceState },
    /// An answer that is not like any that is known.
    #[error("{node} answered {command:?} in words that are not known here: {says}")]
    NotUnderstood { node: String, command: String, says: String },
}
