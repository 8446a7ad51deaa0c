//! Errors in the communication with a node. Each says what happened and where; the command line adds what to do.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use super::address::{NodeAddress, SshAddress};
use super::fetch::FetchError;
use super::shell::answers::ServiceState;
use crate::files::FileError;

/// Why the operator gave no answer.
pub type NoAnswer = Box<dyn Error + Send + Sync>;

/// An error of a console. `node` is the node, `says` its last lines, `why` the words of the system or the library,
/// `fingerprint` the SHA-256 of the host key, and `line` the line of known_hosts.
#[allow(missing_docs, reason = "the words say what each is")]
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    #[error("the connection to {node} ended")]
    Closed { node: String },
    #[error("no connection to {node}: {why}")]
    Connect { node: String, why: String },
    #[error("no connection to {node}: it refuses TCP port {port} (Connection refused)")]
    PortClosed { node: String, port: u16 },
    #[error("no connection to {node}: nothing answers on TCP port {port}")]
    NoAnswer { node: String, port: u16 },
    #[error("no connection to {node}: this name has no address")]
    NoSuchHost { node: String, source: std::io::Error },
    /// The host is reached, its key is accepted, and it wants a password that is not known yet.
    #[error("{} wants a password", .address.host)]
    PasswordNeeded { address: SshAddress },
    /// No common algorithm of a kind (key exchange, host key, cipher, MAC), and whether an old algorithm would be common.
    #[error("{node} and sastctl have no {kind} of SSH in common: {offers}")]
    NoCommonAlgorithm { node: String, kind: &'static str, offers: String, old_would_do: bool },
    #[error("the host key of {node} is revoked: {fingerprint} (known_hosts, line {line})")]
    RevokedHostKey { node: String, fingerprint: String, line: usize },
    #[error("the host certificate of {node} is not accepted: {why}")]
    HostCertificate { node: String, why: String },
    #[error("{node} asks a question that sastctl does not answer, and nothing was typed; it said: {says}")]
    Asked { node: String, says: String },
    #[error("{node} did not come to its prompt ({why}); it said: {says}")]
    NoPrompt { node: String, why: String, says: String },
    #[error("{node} sends more than any command prints: nothing more is read")]
    TooMuch { node: String },
    /// `key` is in OpenSSH's format.
    #[error("the host key of {} is not known: {fingerprint}", .address.host)]
    UnknownHostKey { address: SshAddress, fingerprint: String, key: String },
    #[error("the host key of {node} changed: it is now {fingerprint} (known_hosts, line {line})")]
    ChangedHostKey { node: String, fingerprint: String, line: usize },
    #[error("{node} does not accept the login of {user}")]
    LoginRefused { node: String, user: String },
    #[error("the connection to {node} broke: {why}")]
    Broken { node: String, why: String },
    #[error("this sastctl was built without SSH")]
    WithoutSsh,
}

/// An error on a node. `node` is the node, `command` the command, `says` its last lines, and `name` the name of a file for
/// phones.
#[allow(missing_docs, reason = "the words say what each is")]
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    #[error(transparent)]
    Console(#[from] ConsoleError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    NoAnswer(NoAnswer),
    #[error("{command:?} on {node} did not end within {} s; it said: {says}", .limit.as_secs())]
    Timeout { node: String, command: String, limit: Duration, says: String },
    #[error(
        "{command:?} on {node} asked an unexpected question, which was answered with no; it said: {says}"
    )]
    UnexpectedQuestion { node: String, command: String, says: String },
    #[error(
        "the dialogue with {node} ended in the middle of {command:?}: it is not known whether it was carried out; it said: {says}"
    )]
    CutOff { node: String, command: String, says: String, source: Box<ConsoleError> },
    #[error("{command:?} on {node} was refused: {says}")]
    Refused { node: String, command: String, says: String },
    #[error("{service} on {node} is {state} after its restart")]
    NotStarted { node: NodeAddress, service: &'static str, state: ServiceState },
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("what {node} printed of {name} does not verify")]
    DumpNotVerified { node: String, name: String },
    #[error("the node in {folder} does not belong to this cluster")]
    OtherNode { folder: String, nodes: Vec<String> },
    #[error("the TFTP folder {} of {node} does not exist", path.display())]
    NoFolder { path: PathBuf, node: String },
    #[error("{node} is a serial line: a file cannot be copied to it, or fetched to prove that phones get it")]
    SerialLine { node: String },
    /// The writer of a list chooses FILENAME: a path outside the TFTP folder would be written there.
    #[error("the list has the FILENAME {name:?}, which is not the name of a TFTP file")]
    NotATftpName { name: String },
    #[error("{node} does not serve the {name} with MD5 {md5}")]
    NotServed { node: String, name: String, md5: String },
    #[error("{node} answered {command:?} in an unknown format: {says}")]
    NotUnderstood { node: String, command: String, says: String },
}
