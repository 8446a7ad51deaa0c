//! Finds what stops a token from working on this machine, and what to do about it. `facts` gathers the facts; `judge`
//! makes findings from the facts alone.

mod facts;
mod judge;
mod module;

use serde::{Deserialize, Serialize};

use super::next::Next;
use crate::files::read_text;

pub use facts::{CertificateFacts, Clock, Facts, ModuleFacts, TokenFacts, gather, rules_file};
pub use judge::judge;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// In order.
    Fine,
    /// Good to know.
    Note,
    /// It stops work.
    Problem,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The identifier for scripts; no identifier is ever renamed or removed.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What was found, in words.
    pub says: String,
    /// What to do about it on each system.
    pub remedies: Remedies,
    /// The command of this program that helps, on every system.
    pub next: Option<Next>,
}

impl Finding {
    fn fine(id: &'static str, says: impl Into<String>) -> Self {
        Finding { severity: Severity::Fine, ..Finding::problem(id, says, "") }
    }

    fn note(id: &'static str, says: impl Into<String>, remedies: impl Into<Remedies>) -> Self {
        Finding { severity: Severity::Note, ..Finding::problem(id, says, remedies) }
    }

    fn problem(id: &'static str, says: impl Into<String>, remedies: impl Into<Remedies>) -> Self {
        Finding { id, severity: Severity::Problem, says: says.into(), remedies: remedies.into(), next: None }
    }

    fn next(self, next: Next) -> Self {
        Finding { next: Some(next), ..self }
    }
}

/// The system whose commands and packages a remedy uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names say what each is")]
pub enum System {
    /// Debian, Ubuntu and similar systems: apt.
    Debian,
    /// Fedora, RHEL and similar systems: dnf.
    Fedora,
    Macos,
    Windows,
}

impl System {
    /// All of them, in the order of [`Remedies`].
    pub const ALL: [System; 4] = [System::Debian, System::Fedora, System::Macos, System::Windows];

    /// This system; for an unknown Linux, Debian.
    pub fn here() -> Self {
        match std::env::consts::OS {
            "windows" => System::Windows,
            "macos" => System::Macos,
            _ => Self::of_release(&read_text("/etc/os-release".as_ref()).unwrap_or_default()),
        }
    }

    /// A Linux system, from its os-release(5).
    pub fn of_release(release: &str) -> Self {
        let like = |line: &str| line.starts_with("ID=") || line.starts_with("ID_LIKE=");
        let fedora = |line: &str| ["fedora", "rhel", "centos", "suse"].iter().any(|name| line.contains(name));
        if release.lines().filter(|line| like(line)).any(fedora) { System::Fedora } else { System::Debian }
    }
}

/// One or more lines for each system, in the order of [`System::ALL`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Remedies([Vec<String>; 4]);

impl Remedies {
    /// Adds the lines of another value.
    fn and(mut self, other: impl Into<Remedies>) -> Self {
        self.0.iter_mut().zip(other.into().0).for_each(|(lines, more)| lines.extend(more));
        self
    }

    /// The lines for a system.
    pub fn on(&self, system: System) -> &[String] {
        self.0.get(system as usize).map_or(&[], Vec::as_slice)
    }
}

/// The same line for every system; an empty text means no line.
impl From<&str> for Remedies {
    fn from(line: &str) -> Self {
        [line; 4].into()
    }
}

/// A line for each system: Debian, Fedora, macOS, Windows; an empty text means no line.
impl<T: Into<String>> From<[T; 4]> for Remedies {
    fn from(lines: [T; 4]) -> Self {
        let line = |line: String| if line.is_empty() { vec![] } else { vec![line] };
        Remedies(lines.map(|text| line(text.into())))
    }
}
