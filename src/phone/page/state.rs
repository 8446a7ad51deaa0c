//! What the pages of a phone say about its CTL.

use serde::Serialize;

use super::messages::{MessageKind, Newest, TrustMessage};
use super::text::PageText;
use crate::trustlist::{ListKind, digest};

/// The checksums of the CTL that phones should hold, hexadecimal in lower case.
#[derive(Debug, Clone)]
pub struct Expected {
    md5: String,
    sha1: String,
}

impl Expected {
    /// Of the bytes of a list.
    pub fn of(list: &[u8]) -> Self {
        Expected { md5: digest::hex(&digest::md5(list), ""), sha1: digest::hex(&digest::sha1(list), "") }
    }

    /// Phones show the MD5 or the SHA-1, depending on their model.
    pub fn is(&self, checksum: &str) -> bool {
        checksum == self.md5 || checksum == self.sha1
    }
}

/// What a phone shows about its CTL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
#[allow(missing_docs, reason = "the fields are described with their variants")]
pub enum ListState {
    /// It holds the expected list.
    Expected,
    /// Its newest message says that it did not accept a list. `checksum` is of the list that it holds.
    Refused { checksum: Option<String>, message: String },
    /// It holds another list, and does not say why: it has not loaded the new one, or it forgot its messages at a reset.
    Other { checksum: String, message: Option<String> },
    /// Its newest message says that it has no list.
    NoList { message: String },
    /// It shows no checksum of a CTL. `shows` is what it shows instead: the row of the CTL, or its newest message.
    NotShown { shows: Option<String> },
    /// It was not asked, and why.
    CannotAsk { why: String },
}

/// What a row about the CTL shows.
enum Row {
    Checksum(String),
    /// Anything else, such as `CTL File: None`. What it means depends on the language of the phone.
    Words(String),
}

impl Row {
    fn checksum(&self) -> Option<&str> {
        if let Row::Checksum(sum) = self { Some(sum) } else { None }
    }

    fn words(&self) -> Option<String> {
        if let Row::Words(words) = self { Some(words.clone()) } else { None }
    }
}

/// Whether this is a page that shows trust lists, in whatever language: a row names CTL or ITL.
pub fn shows_lists(page: &PageText) -> bool {
    page.rows.iter().any(|row| row.len() > 1 && (names(row, "ctl") || names(row, "itl")))
}

/// Whether the label of a row contains this word. Labels are in the language of the phone; CTL and ITL stay.
fn names(row: &[String], word: &str) -> bool {
    let label = row.first().map(|label| label.to_lowercase()).unwrap_or_default();
    label.split(|c: char| !c.is_alphanumeric()).any(|part| part == word)
}

/// The checksum of the phone's CTL or ITL, if a page shows it.
pub fn shown_checksum(page: &PageText, kind: ListKind) -> Option<String> {
    rows(page, kind).iter().find_map(|row| row.checksum().map(str::to_owned))
}

/// The rows about a list.
fn rows(page: &PageText, kind: ListKind) -> Vec<Row> {
    let label = kind.label().to_lowercase();
    let rows = page.rows.iter().filter(|row| names(row, &label));
    rows.map(|row| {
        let value = row.get(1..).unwrap_or_default().join(" ");
        checksum(&value).map_or_else(|_| Row::Words(row.join(": ")), Row::Checksum)
    })
    .collect()
}

/// A checksum in any spelling: pairs or blocks of digits, with blanks, colons or line ends between them, MD5 or SHA-1.
/// The exact form on the pages is not published.
///
/// # Errors
/// If it is none.
pub fn checksum(value: &str) -> Result<String, &'static str> {
    let parts = value.split(|c: char| !c.is_alphanumeric());
    let is_block = |part: &&str| part.len().is_multiple_of(2) && part.chars().all(|c| c.is_ascii_hexdigit());
    let digits: String = parts.filter(is_block).collect();
    let is_one = matches!(digits.len(), 32 | 40).then(|| digits.to_lowercase());
    is_one.ok_or("MD5 has 32 hexadecimal digits, SHA-1 has 40")
}

/// Judges the page of the network settings, if there is one, and the newest message.
pub fn list_state(expected: &Expected, network: Option<&PageText>, newest: &Newest) -> ListState {
    let rows = network.map(|page| rows(page, ListKind::Ctl)).unwrap_or_default();
    let mut checksums = rows.iter().filter_map(Row::checksum);
    if checksums.clone().any(|sum| expected.is(sum)) {
        return ListState::Expected;
    }
    let checksum = checksums.next().map(str::to_owned);
    let message = match newest {
        Newest::Message(message) => Some(message),
        Newest::None | Newest::OrderNotKnown => None,
    };
    let text = || message.map(|message| message.text.clone());
    match (message, checksum) {
        (Some(TrustMessage { kind: MessageKind::Failed, text }), checksum) => {
            ListState::Refused { checksum, message: text.clone() }
        }
        (_, Some(checksum)) => ListState::Other { checksum, message: text() },
        (Some(TrustMessage { kind: MessageKind::NoList | MessageKind::Erased, text }), None) => {
            ListState::NoList { message: text.clone() }
        }
        (_, None) => ListState::NotShown { shows: rows.first().and_then(Row::words).or_else(text) },
    }
}
