//! The pages of a journal: Markdown, and one HTML file that needs nothing from elsewhere.
//!
//! Names come from files and tokens: nothing in them is markup on a page. A text is escaped as a whole, never in parts.

use std::fmt::{self, Write};

use askama::Template;
use askama::filters::Escaper;

use super::drawing::{BOX_HEIGHT, BOX_WIDTH, Drawing};
use super::entry::{Event, FileFingerprint, Outcome, PhoneLine};
use super::overview::{Overview, WayBack};
use super::summary::{Change, JournalSummary, MANY};
use crate::trustlist::digest::phone_lines_of_hex;
use crate::trustlist::printable;
use crate::workflow::local_time;

#[derive(Template)]
#[template(path = "page.html")]
struct HtmlPage<'a> {
    summary: &'a JournalSummary<'a>,
    overview: Overview<'a>,
}

#[derive(Template)]
#[template(path = "page.md")]
struct MarkdownPage<'a> {
    summary: &'a JournalSummary<'a>,
    overview: Overview<'a>,
}

impl JournalSummary<'_> {
    /// One HTML file.
    pub fn html(&self) -> String {
        HtmlPage { summary: self, overview: self.overview() }.to_string()
    }

    /// A page of Markdown.
    pub fn markdown(&self) -> String {
        MarkdownPage { summary: self, overview: self.overview() }.to_string()
    }
}

/// The files that stand side by side, under their titles.
fn sides<'a>(change: &Change<'a>) -> Vec<(String, Option<&'a FileFingerprint>)> {
    match change.alone {
        Some(role) => {
            let (first, rest) = role.split_at_checked(1).unwrap_or((role, ""));
            vec![(first.to_uppercase() + rest, change.input)]
        }
        None => vec![("Before".to_owned(), change.input), ("After".to_owned(), change.output)],
    }
}

/// The checksums that phones show, by name.
fn sums(file: &FileFingerprint) -> [(&'static str, &str); 2] {
    [("MD5", &file.md5), ("SHA-1", &file.sha1)]
}

/// What phones do, each with its reasons in one line.
fn in_one_line(phones: &[PhoneLine]) -> Vec<String> {
    let line = |phone: &PhoneLine| {
        let why = phone.reasons.join("; ");
        let why = if phone.reasons.is_empty() { why } else { format!(" ({why})") };
        let hold = phone.holds.as_ref().map(|held| format!(" that hold {held}")).unwrap_or_default();
        format!("{}{hold}: {}{why}", phone.phones, phone.says)
    };
    phones.iter().map(line).collect()
}

/// The longest text that is shown of a field, in characters.
const LONGEST: usize = 2000;

/// A text from outside, without what is hidden, and not longer than a page can bear.
fn shown(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => printable(text.get(..at).unwrap_or_default()) + "…",
        None => printable(text),
    }
}

/// From when to when: in local time, and in UTC.
fn times([from, to]: [&str; 2]) -> [String; 2] {
    let time = |time: &str| local_time(time).unwrap_or_else(|| time.to_owned());
    [format!("{} to {}", time(from), time(to)), format!("{from} to {to}")]
}

/// A step in one line.
fn step(name: &str, how: &str, says: &str) -> String {
    let end = if how.is_empty() { "" } else { ": " };
    format!("{name}: {how}{end}{says}")
}

/// In an HTML page.
#[derive(Clone, Copy)]
pub struct Html;

impl Escaper for Html {
    fn write_escaped_str<W: Write>(&self, mut page: W, text: &str) -> fmt::Result {
        for c in shown(text).chars() {
            match c {
                '&' => page.write_str("&amp;")?,
                '<' => page.write_str("&lt;")?,
                '>' => page.write_str("&gt;")?,
                '"' => page.write_str("&quot;")?,
                '\'' => page.write_str("&#39;")?,
                c => page.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// In a Markdown page. What would begin a list, a heading or a block of code at the start of an item is text there, too.
#[derive(Clone, Copy)]
pub struct Markdown;

impl Escaper for Markdown {
    fn write_escaped_str<W: Write>(&self, mut page: W, text: &str) -> fmt::Result {
        let mut in_number = true;
        let text = shown(text);
        let mut following = text.chars().skip(1);
        for (at, c) in text.chars().enumerate() {
            let ends_word = following.next().is_none_or(char::is_whitespace);
            let begins = in_number
                && (at == 0 && matches!(c, '-' | '+' | '=') || at > 0 && ends_word && matches!(c, '.' | ')'));
            in_number &= c.is_ascii_digit();
            match c {
                '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' => write!(page, "\\{c}")?,
                _ if begins => write!(page, "\\{c}")?,
                ' ' if at == 0 => page.write_str("&#32;")?,
                '<' | '>' | '&' => Html.write_escaped_char(&mut page, c)?,
                c => page.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// As code in a Markdown page: between more backticks than are in it.
fn code(text: &str) -> String {
    let text = shown(text);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.saturating_add(1));
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}
