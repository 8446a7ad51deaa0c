//! What to do about a finding, on each system.

use super::System;

/// A line or more for each system.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Remedies {
    debian: Vec<String>,
    fedora: Vec<String>,
    macos: Vec<String>,
    windows: Vec<String>,
}

impl Remedies {
    /// Nothing is to be done.
    pub(super) fn none() -> Self {
        Remedies::default()
    }

    /// The same everywhere.
    pub(super) fn everywhere(line: impl Into<String>) -> Self {
        let line = vec![line.into()];
        Remedies { debian: line.clone(), fedora: line.clone(), macos: line.clone(), windows: line }
    }

    /// A line for each: Debian, Fedora, macOS, Windows.
    pub(super) fn each(debian: &str, fedora: &str, macos: &str, windows: &str) -> Self {
        let line = |text: &str| if text.is_empty() { vec![] } else { vec![text.to_owned()] };
        Remedies { debian: line(debian), fedora: line(fedora), macos: line(macos), windows: line(windows) }
    }

    /// These, then those.
    pub(super) fn and(mut self, other: Remedies) -> Self {
        self.debian.extend(other.debian);
        self.fedora.extend(other.fedora);
        self.macos.extend(other.macos);
        self.windows.extend(other.windows);
        self
    }

    /// What to do there, a line each.
    pub fn on(&self, system: System) -> &[String] {
        match system {
            System::Debian => &self.debian,
            System::Fedora => &self.fedora,
            System::Macos => &self.macos,
            System::Windows => &self.windows,
        }
    }
}
