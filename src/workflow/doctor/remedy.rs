//! What to do about a finding, on each system.

use super::System;

/// A line or more for each system, in the order of [`System::ALL`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Remedies([Vec<String>; 4]);

impl Remedies {
    /// These, then those.
    pub(super) fn and(mut self, other: impl Into<Remedies>) -> Self {
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
