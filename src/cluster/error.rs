//! What goes wrong between us and a node. Each says what happened and where; the command line says what to do.

use std::time::Duration;

/// A console that does not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// The other side is gone.
    #[error("the connection to {node} ended")]
    Closed {
        /// The node.
        node: String,
    },
    /// It cannot be reached.
    #[error("no connection to {node}: {why}")]
    Connect {
        /// The node.
        node: String,
        /// Why not.
        why: String,
    },
    /// It offers no algorithm of a kind that is offered here.
    #[error("{node} and sastctl have no {kind} of SSH in common: {offers}")]
    NoCommonAlgorithm {
        /// The node.
        node: String,
        /// Of what kind: key exchange, host key, cipher, MAC.
        kind: &'static str,
        /// What each of the two offers.
        offers: String,
        /// Whether one of the old algorithms would be in common.
        old_would_do: bool,
    },
    /// Its host key, or the authority that vouches for it, is marked `@revoked`.
    #[error("the host key of {node} is revoked: {fingerprint} (known_hosts, line {line})")]
    RevokedHostKey {
        /// The node.
        node: String,
        /// `SHA256:…`.
        fingerprint: String,
        /// Where it is revoked.
        line: usize,
    },
    /// It shows a certificate for its host key that is not good for it.
    #[error("the host certificate of {node} is not taken: {why}")]
    HostCertificate {
        /// The node.
        node: String,
        /// Why not.
        why: String,
    },
    /// It asked something that only a person may answer, such as a new password; nothing was typed.
    #[error("{node} asks what sastctl does not answer, and nothing was typed; it said: {says}")]
    Asked {
        /// The node.
        node: String,
        /// Its last lines.
        says: String,
    },
    /// No prompt came.
    #[error("{node} did not come to its prompt ({why}); it said: {says}")]
    NoPrompt {
        /// The node.
        node: String,
        /// Why nothing more is waited for.
        why: String,
        /// Its last lines.
        says: String,
    },
    /// It sends without an end.
    #[error("{node} sends more than any command says: nothing more is read")]
    TooMuch {
        /// The node.
        node: String,
    },
    /// Its host key is not known yet.
    #[error("the host key of {node} is not known: {fingerprint}")]
    UnknownHostKey {
        /// The node.
        node: String,
        /// `SHA256:…`.
        fingerprint: String,
    },
    /// Its host key is another than the known one.
    #[error("the host key of {node} changed: it is now {fingerprint} (known_hosts, line {line})")]
    ChangedHostKey {
        /// The node.
        node: String,
        /// `SHA256:…`.
        fingerprint: String,
        /// Where the known one stands.
        line: usize,
    },
    /// The user or the password is wrong.
    #[error("{node} does not let {user} in")]
    LoginRefused {
        /// The node.
        node: String,
        /// The user.
        user: String,
    },
    /// Reading or writing failed.
    #[error("the connection to {node} broke: {why}")]
    Broken {
        /// The node.
        node: String,
        /// What the system said.
        why: String,
    },
}

/// What went wrong on a node.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The console.
    #[error(transparent)]
    Console(#[from] ConsoleError),
    /// A command did not end within the time.
    #[error("{command:?} on {node} did not end within {} s; it said: {says}", .limit.as_secs())]
    Timeout {
        /// The node.
        node: String,
        /// The command.
        command: String,
        /// How long it was waited for.
        limit: Duration,
        /// Its last lines.
        says: String,
    },
    /// The shell asked something that nobody expected; it was answered with no.
    #[error("{command:?} on {node} asked what nobody expected, and was answered with no; it said: {says}")]
    UnexpectedQuestion {
        /// The node.
        node: String,
        /// The command.
        command: String,
        /// Its last lines.
        says: String,
    },
    /// The connection ended in the middle of a command.
    #[error(
        "the dialogue with {node} ended in the middle of {command:?}: it is not known whether it was carried out; it said: {says}"
    )]
    CutOff {
        /// The node.
        node: String,
        /// The command.
        command: String,
        /// Its last lines.
        says: String,
        /// What became of the console.
        #[source]
        source: Box<ConsoleError>,
    },
    /// The shell refused a command.
    #[error("{command:?} on {node} was refused: {says}")]
    Refused {
        /// The node.
        node: String,
        /// The command.
        command: String,
        /// Its words.
        says: String,
    },
    /// An answer that is not like any that is known.
    #[error("{node} answered {command:?} in words that are not known here: {says}")]
    NotUnderstood {
        /// The node.
        node: String,
        /// The command.
        command: String,
        /// Its last lines, and what is wrong with them.
        says: String,
    },
}
