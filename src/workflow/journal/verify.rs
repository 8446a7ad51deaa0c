//! Whether a journal is as it was written: every line whole, none missing, none moved, none added.

use super::entry::{Event, JournalLine, Outcome};
use super::{NO_LINE_BEFORE, SUM, sum_of};

/// A journal whose every line was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedJournal {
    pub(super) lines: Vec<JournalLine>,
    /// SHA-256 of the last line.
    pub(in crate::workflow) head: String,
}

/// What is wrong with a journal. Lines are counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the words say what each is")]
pub enum JournalError {
    #[error("the journal is empty")]
    Empty,
    #[error("line {line} is not UTF-8 text")]
    NotText { line: usize },
    #[error("line {line} is not a line of a journal: {why}")]
    NotALine { line: usize, why: String },
    #[error("line {line} is cut short: the run ended while it was written, or the file was cut")]
    Cut { line: usize },
    #[error("line {line} was changed: its hash does not fit it")]
    Changed { line: usize },
    #[error("line {line} does not follow the line before it: one was changed, taken out, added or moved")]
    Broken { line: usize },
    #[error("the first line is not the start of a run")]
    NoStart,
    #[error("line {line} comes after the end of the run")]
    BehindTheEnd { line: usize },
    #[error(
        "the last line is missing: the run was not completed, or lines were taken out (line {line} is the last)"
    )]
    NoEnd { line: usize },
}

impl VerifiedJournal {
    /// Checks every line, and that the run ended.
    pub fn read(bytes: &[u8]) -> Result<Self, JournalError> {
        let journal = Self::read_so_far(bytes)?;
        match journal.outcome() {
            Some(_) => Ok(journal),
            None => Err(JournalError::NoEnd { line: journal.lines.len() }),
        }
    }

    /// Checks every line of a run that may still go on, or that was cut off between two lines.
    pub fn read_so_far(bytes: &[u8]) -> Result<Self, JournalError> {
        if bytes.is_empty() {
            return Err(JournalError::Empty);
        }
        let mut lines: Vec<JournalLine> = Vec::new();
        let mut prev = NO_LINE_BEFORE.to_owned();
        for piece in bytes.split_inclusive(|b| *b == b'\n') {
            let line = lines.len().saturating_add(1);
            let text = piece.strip_suffix(b"\n").ok_or(JournalError::Cut { line })?;
            let text = std::str::from_utf8(text).map_err(|_| JournalError::NotText { line })?;
            let parsed = parse(line, text)?;
            if parsed.prev != prev || parsed.seq != line as u64 {
                return Err(JournalError::Broken { line });
            }
            match (line, &parsed.event) {
                (1, Event::Start { .. }) => {}
                (1, _) => return Err(JournalError::NoStart),
                (_, Event::Start { .. }) => return Err(JournalError::Broken { line }),
                _ => {}
            }
            if lines.last().is_some_and(|l| matches!(l.event, Event::End { .. })) {
                return Err(JournalError::BehindTheEnd { line });
            }
            lines.push(parsed);
            prev = sum_of(text);
        }
        Ok(VerifiedJournal { lines, head: prev })
    }

    /// Checks every whole line of a run that was cut off; and what was written of a further one.
    pub fn read_whole_lines(bytes: &[u8]) -> Result<(Self, &[u8]), JournalError> {
        let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at.saturating_add(1));
        let (lines, rest) = bytes.split_at_checked(whole).unwrap_or((bytes, &[]));
        Ok((Self::read_so_far(lines)?, rest))
    }

    /// The lines in their order.
    pub fn lines(&self) -> &[JournalLine] {
        &self.lines
    }

    /// SHA-256 of a line, counted from 1.
    pub(super) fn head_of(&self, line: usize) -> Option<&String> {
        if line == self.lines.len() { Some(&self.head) } else { self.lines.get(line).map(|next| &next.prev) }
    }

    /// How the run ended; `None` where it did not.
    pub fn outcome(&self) -> Option<(Outcome, &str)> {
        match self.lines.last().map(|l| &l.event) {
            Some(Event::End { outcome, says }) => Some((*outcome, says)),
            _ => None,
        }
    }
}

fn parse(line: usize, text: &str) -> Result<JournalLine, JournalError> {
    let not = |why: &str| JournalError::NotALine { line, why: why.to_owned() };
    let (body, tail) = text.rsplit_once(SUM).ok_or_else(|| not("it has no hash of its own"))?;
    let sum = tail.strip_suffix("\"}").ok_or_else(|| not("it does not end as a line does"))?;
    if sum != sum_of(body) {
        return Err(JournalError::Changed { line });
    }
    serde_json::from_str(&format!("{body}}}")).map_err(|e| not(&e.to_string()))
}
