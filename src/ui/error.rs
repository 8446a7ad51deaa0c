//! What the operator reads when something failed: what happened and to what, why, and what to do next. `messages` makes it of
//! the errors of the layers below.

use std::fmt::{self, Write as _};

use crate::trustlist::printable;
use crate::workflow::written_of_several;

/// The kinds of failure that scripts can tell apart; each is its exit code (`docs/guide/exit-codes.md`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The answer is no: a signature is wrong, a check failed. Exit code 1.
    No = 1,
    /// The command line is wrong. Exit code 2.
    Usage = 2,
    /// Token, PIN or HSM. Exit code 3.
    Token = 3,
    /// A file is invalid, or cannot be read or written. Exit code 4.
    File = 4,
    /// Cluster or network. Exit code 5.
    Network = 5,
    /// Interrupted by the operator. Exit code 130.
    Interrupted = 130,
    /// The reader of the output closed the pipe; nothing is printed. Exit code 141, as a shell reports SIGPIPE.
    ClosedPipe = 141,
}

/// A line below the first.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Detail {
    /// A fact with its label, which may be empty.
    Fact(String, String),
    /// How many files of several were written.
    Written(usize),
}

/// How alike two names are that may be taken for each other: what clap asks of commands and options.
const ALIKE: f64 = 0.7;

/// An error as people read it. Build it with [`CommandError::new`] and the methods that add lines.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandError {
    /// What kind of failure this is.
    pub kind: ErrorKind,
    /// The first line, without `error: `.
    pub message: String,
    details: Vec<Detail>,
    causes: Vec<String>,
    hints: Vec<String>,
}

impl CommandError {
    /// The first line: what happened and to what, without a full stop.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        CommandError { kind, message: message.into(), details: vec![], causes: vec![], hints: vec![] }
    }

    /// An error in the command line.
    pub fn usage(message: impl Into<String>) -> Self {
        CommandError::new(ErrorKind::Usage, message)
    }

    /// The answer is no.
    pub fn no(message: impl Into<String>) -> Self {
        CommandError::new(ErrorKind::No, message)
    }

    /// The same error, of another kind.
    pub fn of_kind(self, kind: ErrorKind) -> Self {
        CommandError { kind, ..self }
    }

    /// The same error, with another first line.
    pub fn with_message(self, message: String) -> Self {
        CommandError { message, ..self }
    }

    /// Adds a fact below the first line: `token    SAST token A, serial 02aea1d3`. An empty label makes a plain line.
    pub fn detail(mut self, label: impl Into<String>, fact: impl Into<String>) -> Self {
        self.details.push(Detail::Fact(label.into(), fact.into()));
        self
    }

    /// Adds how many files were written before the error.
    pub fn wrote(mut self, files: usize) -> Self {
        self.details.retain(|detail| !matches!(detail, Detail::Written(_)));
        self.details.push(Detail::Written(files));
        self
    }

    /// Adds facts with the same label, one line each.
    pub fn details<F: Into<String>>(self, label: &str, facts: impl IntoIterator<Item = F>) -> Self {
        facts.into_iter().fold(self, |error, fact| error.detail(label, fact))
    }

    /// Adds an error and all its causes, one line each.
    pub fn caused_by(mut self, error: &(dyn std::error::Error + 'static)) -> Self {
        let chain = std::iter::successors(Some(error), |e| e.source());
        self.causes.extend(chain.map(ToString::to_string));
        self
    }

    /// Adds the causes of an error, without the error itself, one line each.
    pub fn caused_by_sources(self, error: &(dyn std::error::Error + 'static)) -> Self {
        error.source().into_iter().fold(self, CommandError::caused_by)
    }

    /// Adds what to do next.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Asks whether the most similar of the names was meant, if one is like what was typed.
    pub fn did_you_mean<'a>(self, typed: &str, names: impl IntoIterator<Item = &'a str>) -> Self {
        let typed = typed.to_lowercase();
        let likeness = |name: &'a str| (strsim::jaro(&typed, &name.to_lowercase()), name);
        let alike = names.into_iter().map(likeness).filter(|(likeness, _)| *likeness > ALIKE);
        match alike.max_by(|(one, _), (other, _)| one.total_cmp(other)) {
            Some((_, name)) => self.hint(format!("did you mean {name}?")),
            None => self,
        }
    }

    /// Adds several hints, one line each.
    pub fn hints(self, hints: &[&str]) -> Self {
        hints.iter().fold(self, |error, hint| error.hint(*hint))
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = format!("error: {}\n", safe(&self.message));
        let width = |detail: &Detail| if let Detail::Fact(label, _) = detail { label.len() } else { 0 };
        let width = self.details.iter().map(width).max().unwrap_or(0).max(7);
        for detail in &self.details {
            let _ = match detail {
                Detail::Fact(label, fact) if label.is_empty() => writeln!(text, "  {}", safe(fact)),
                Detail::Fact(label, fact) => writeln!(text, "  {:width$}  {}", safe(label), safe(fact)),
                Detail::Written(0) => writeln!(text, "  nothing was written"),
                Detail::Written(files) => writeln!(text, "  {}", written_of_several(*files)),
            };
        }
        for cause in &self.causes {
            let _ = writeln!(text, "  cause    {}", safe(cause));
        }
        for hint in &self.hints {
            let _ = writeln!(text, "help: {}", safe(hint));
        }
        f.write_str(&text)
    }
}

/// The text contains names from files, tokens and nodes. Control characters are made visible, and a line after a line
/// break in a name is indented, so that it does not look like a line of the program.
fn safe(words: &str) -> String {
    let mut lines = words.split('\n').map(printable);
    let mut text = lines.next().unwrap_or_default();
    for line in lines {
        text.push_str(if line.starts_with(' ') { "\n" } else { "\n  " });
        text.push_str(&line);
    }
    text
}

impl std::error::Error for CommandError {}
