//! What stops a token from working here, and what to do about it: facts are gathered in one place, and judged in
//! another that looks at nothing but them.

mod facts;
mod judge;
mod module;
mod remedy;
#[cfg(test)]
mod tests;

use serde::Serialize;

use super::next::Next;

pub use facts::gather;
pub use judge::judge;
pub use remedy::{Remedies, System};

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
    pub severity: Severity,
    pub says: String,
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
