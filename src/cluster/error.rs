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
    /// It offers nothing but old algorithms.
    #[error("{node} offers only old SSH algorithms: {why}")]
    OldAlgorithms {
        /// The node.
        node: String,
        /// What is missing.
        why: String,
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
    /// No prompt within the time.
    #[error("{node} did not come to its prompt within {} s; the last line was {last:?}", .limit.as_secs())]
    NoPrompt {
        /// The node.
        node: String,
        /// What stands on the last line.
        last: String,
        /// How long it was waited for.
        limit: Duration,
    },
    /// A command did not end within the time.
    #[error("{command:?} on {node} did not end within {} s; the last line was {last:?}", .limit.as_secs())]
    Timeout {
        /// The node.
        node: String,
        /// The command.
        command: String,
        /// What stands on the last line.
        last: String,
        /// How long it was waited for.
        limit: Duration,
    },
    /// The shell asked something that nobody expected; it was answered with no.
    #[error("{command:?} on {node} asked {question:?}, which was answered with no")]
    UnexpectedQuestion {
        /// The node.
        node: String,
        /// The command.
        command: String,
        /// The question.
        question: String,
    },
    /// The connection ended in the middle of a command.
    #[error(
        "the connection to {node} ended in the middle of {command:?}: nobody knows whether it was carried out"
    )]
    CutOff {
        /// The node.
        node: String,
        /// The command.
        command: String,
        /// What the console said.
        #[source]
        source: ConsoleError,
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
    #[error("{node} answered {command:?} in words that are not known here: {says:?}")]
    NotUnderstood {
        /// The node.
        node: String,
        /// The command.
        command: String,
        /// The beginning of its words.
        says: String,
    },
}
