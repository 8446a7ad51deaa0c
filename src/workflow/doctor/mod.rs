//! What stops a token from working here, and what to do about it: facts are gathered in one place, and judged in
//! another that looks at nothing but them.

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
    /// As it should be.
    Fine,
    /// Good to know.
    Note,
    /// It stops work.
    Problem,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is called in scripts; only ever added to.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What was found, in words.
    pub says: String,
    /// What to do about it on each system.
    pub remedies: Remedies,
    /// What of this program helps, on every system.
    pub next: Option<Next>,
}

impl Finding {
    fn fine(id: &'static str, says: impl Into<String>) -> Self {
        Finding { id, severity: Severity::Fine, says: says.into(), remedies: "".into(), next: None }
    }

    fn note(id: &'static str, says: impl Into<String>, remedies: impl Into<Remedies>) -> Self {
        Finding { id, severity: Severity::Note, says: says.into(), remedies: remedies.into(), next: None }
    }

    fn problem(id: &'static str, says: impl Into<String>, remedies: impl Into<Remedies>) -> Self {
        Finding { id, severity: Severity::Problem, says: says.into(), remedies: remedies.into(), next: None }
    }

    fn next(self, next: Next) -> Self {
        Finding { next: Some(next), ..self }
    }
}

/// Whose commands and packages a remedy names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names say what each is")]
pub enum System {
    /// Debian, Ubuntu and their kin: apt.
    Debian,
    /// Fedora, RHEL and their kin: dnf.
    Fedora,
    Macos,
    Windows,
}

impl System {
    /// All of them, in the order of [`Remedies`].
    pub const ALL: [System; 4] = [System::Debian, System::Fedora, System::Macos, System::Windows];

    /// This one; of an unknown Linux, the first whose tools are like its own.
    pub fn here() -> Self {
        match std::env::consts::OS {
            "windows" => System::Windows,
            "macos" => System::Macos,
            _ => Self::of_release(&read_text("/etc/os-release".as_ref()).unwrap_or_default()),
        }
    }

    /// Of a Linux, by its os-release(5).
    pub fn of_release(release: &str) -> Self {
        let like = |line: &str| line.starts_with("ID=") || line.starts_with("ID_LIKE=");
        let fedora = |line: &str| ["fedora", "rhel", "centos", "suse"].iter().any(|name| line.contains(name));
        if release.lines().filter(|line| like(line)).any(fedora) { System::Fedora } else { System::Debian }
    }
}

/// A line or more for each system, in the order of [`System::ALL`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Remedies([Vec<String>; 4]);

impl Remedies {
    /// These, then those.
    fn and(mut self, other: impl Into<Remedies>) -> Self {
        self.0.iter_mut().zip(other.into().0).for_each(|(lines, more)| lines.extend(more));
        self
    }

    /// What to do there, a line each.
    pub fn on(&self, system: System) -> &[String] {
        self.0.get(system as usize).map_or(&[], Vec::as_slice)
    }
}

/// The same everywhere; an empty line is none.
impl From<&str> for Remedies {
    fn from(line: &str) -> Self {
        [line; 4].into()
    }
}

/// A line for each: Debian, Fedora, macOS, Windows; an empty line is none.
impl<T: Into<String>> From<[T; 4]> for Remedies {
    fn from(lines: [T; 4]) -> Self {
        let line = |line: String| if line.is_empty() { vec![] } else { vec![line] };
        Remedies(lines.map(|text| line(text.into())))
    }
}
