//! Lines that fit the terminal: text wraps at blanks, and a table moves columns below their row. No word is broken.

use std::borrow::Cow;
use std::io;

use terminal_size::terminal_size_of;
use textwrap::{Options, WordSplitter};
use unicode_width::UnicodeWidthStr;

/// Columns where there is no terminal.
const USUAL_WIDTH: usize = 80;
/// A narrower terminal is written to as if it had so many columns.
const LEAST_WIDTH: usize = 40;

/// The two streams; each may be a terminal or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    Out,
    Err,
}

impl Stream {
    /// Columns and lines of its terminal.
    pub fn size(self) -> Option<(usize, usize)> {
        let size = match self {
            Stream::Out => terminal_size_of(io::stdout()),
            Stream::Err => terminal_size_of(io::stderr()),
        };
        size.map(|(width, height)| (width.0.into(), height.0.into()))
    }

    /// How many columns a line may have: COLUMNS, else those of the terminal, else 80.
    pub fn width(self) -> usize {
        let said = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        let width = said.filter(|width| *width > 0).or_else(|| Some(self.size()?.0));
        width.unwrap_or(USUAL_WIDTH).max(LEAST_WIDTH)
    }
}

/// How many columns a text takes. Styles take none.
fn columns(text: &str) -> usize {
    anstream::adapter::strip_str(text).map(UnicodeWidthStr::width).sum()
}

/// Breaks the lines that are too wide at blanks. What follows stands under the text of its line; if a word is too wide
/// there, all of it moves to the left. A command that is broken can be typed as it stands: its lines end with a backslash.
/// The shells of Windows know no backslash, nor each other's sign: there the terminal breaks a command.
pub fn wrap(text: &str, width: usize) -> String {
    let line = |line: &str| {
        if columns(line.trim_end()) <= width {
            return line.to_owned();
        }
        let plain = anstream::adapter::strip_str(line).to_string();
        let words = plain.trim_start();
        let indent = plain.len().saturating_sub(words.len());
        let is_command = words.starts_with("$ sastctl ") || indent >= 2 && words.starts_with("sastctl ");
        if is_command && std::env::consts::OS == "windows" {
            return line.to_owned();
        }
        let (end, width) = if is_command { (" \\\n", width.saturating_sub(2)) } else { ("\n", width) };
        let widest = words.split_whitespace().skip(1).map(columns).max().unwrap_or_default();
        let places = [hang(&plain, width), indent.saturating_add(2)];
        let hang = places.into_iter().find(|at| at.saturating_add(widest) <= width).unwrap_or_default();
        fold(line, width, hang, false).join(end)
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// Breaks a line at blanks; what follows is indented by `hang`. A word that is too wide there is broken, or moves to the left.
pub fn fold(line: &str, width: usize, hang: usize, breaks_words: bool) -> Vec<String> {
    let words = line.trim_start_matches(' ');
    let (first, next) = (" ".repeat(line.len().saturating_sub(words.len())), " ".repeat(hang));
    let options = Options::new(width).initial_indent(&first).subsequent_indent(&next);
    let options = options.break_words(breaks_words).word_splitter(WordSplitter::NoHyphenation);
    let fitting = |line: Cow<'_, str>| {
        let blanks = line.len().saturating_sub(line.trim_start_matches(' ').len());
        let over = columns(&line).saturating_sub(width).min(blanks);
        line.get(over..).unwrap_or_default().to_owned()
    };
    textwrap::wrap(words, options).into_iter().map(fitting).collect()
}

/// Where the text of a line begins: behind a label in the left half, a sign or a number; else at its indentation.
fn hang(line: &str, width: usize) -> usize {
    let text = line.trim_start();
    let indent = line.len().saturating_sub(text.len());
    let begins = |(at, c): &(usize, char)| {
        *at > indent && !c.is_whitespace() && line.get(..*at).is_some_and(|before| before.ends_with("  "))
    };
    let column = |(at, _): (usize, char)| line.get(..at).map_or(0, columns);
    let labels: Vec<usize> = line.char_indices().filter(begins).map(column).collect();
    if !labels.is_empty() {
        let in_left_half = labels.into_iter().rfind(|at| at.saturating_mul(2) <= width);
        return in_left_half.unwrap_or(indent.saturating_add(2));
    }
    let (first, _) = text.split_once(' ').unwrap_or_default();
    let is_number = first.strip_suffix('.').is_some_and(|n| n.parse::<u32>().is_ok());
    if is_number || ["-", "+", "~", "->", "error:", "warning:", "help:"].contains(&first) {
        return indent.saturating_add(first.len()).saturating_add(1);
    }
    if first.ends_with(':') { indent.saturating_add(2) } else { indent }
}

/// Joins the lines of paragraphs that were broken only because they were full, so that they wrap anew.
pub fn unwrap_paragraphs(text: &str, full: usize) -> String {
    let mut joined: Vec<String> = Vec::new();
    // The line before, and where its text begins.
    let mut before: Option<(&str, usize)> = None;
    for line in text.lines() {
        let words = line.trim_start();
        let (indent, next) =
            (line.len().saturating_sub(words.len()), words.split(' ').next().unwrap_or_default());
        let goes_on = before.filter(|(last, hang)| {
            *hang == indent && !next.is_empty() && last.len().saturating_add(next.len()) >= full
        });
        match joined.last_mut().filter(|_| goes_on.is_some()) {
            Some(last) => last.push_str(&format!(" {words}")),
            None => joined.push(line.to_owned()),
        }
        let hang = goes_on.map_or_else(|| hang(line, full), |(_, hang)| hang);
        before = (!next.is_empty()).then_some((line, hang));
    }
    joined.join("\n") + "\n"
}

/// A plain table: a head line, aligned columns two blanks apart, no borders. Where it is too wide, the last columns stand
/// with their names below their row.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    table_with_asides(head, rows, &[])
}

/// The same; the columns in `aside` are the first that are moved below.
pub fn table_with_asides(head: &[&str], rows: &[Vec<String>], aside: &[&str]) -> String {
    table_within(head, rows, aside, Stream::Out.width())
}

/// The same for lines of so many columns.
pub fn table_within(head: &[&str], rows: &[Vec<String>], aside: &[&str], width: usize) -> String {
    let named = aside.iter().filter_map(|name| head.iter().position(|h| h == name));
    let mut order: Vec<usize> = named.collect();
    order.extend((1..head.len()).rev().filter(|column| !order.contains(column)).collect::<Vec<_>>());
    let mut kept: Vec<usize> = (0..head.len()).collect();
    for next in order {
        if fits(head, rows, &kept, width) || kept.len() < 2 {
            break;
        }
        kept.retain(|column| *column != next);
    }
    let below: Vec<usize> = (0..head.len()).filter(|column| !kept.contains(column)).collect();
    let mut lines = lines(head, rows, &kept).into_iter();
    let mut text = lines.next().unwrap_or_default() + "\n";
    for (line, row) in lines.zip(rows) {
        text.push_str(&format!("{line}\n{}", aside_lines(head, row, &below, width)));
    }
    text
}

/// Whether no line is too wide; the last column may wrap if it has half of the width.
fn fits(head: &[&str], rows: &[Vec<String>], kept: &[usize], width: usize) -> bool {
    let is_within =
        |kept: &[usize], width: usize| lines(head, rows, kept).iter().all(|line| columns(line) <= width);
    is_within(kept, width)
        || kept
            .split_last()
            .is_some_and(|(_, rest)| !rest.is_empty() && is_within(rest, (width / 2).saturating_sub(2)))
}

/// The cells of a row that stand below it, with their names.
fn aside_lines(head: &[&str], row: &[String], below: &[usize], width: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    let cells = below.iter().filter_map(|column| Some((head.get(*column)?, row.get(*column)?)));
    for (name, cell) in cells.filter(|(_, cell)| !cell.is_empty() && *cell != "-") {
        let fact = format!("{name} {cell}");
        match lines.last_mut() {
            Some(line) if columns(line).saturating_add(columns(&fact)).saturating_add(2) <= width => {
                line.push_str(&format!(", {fact}"));
            }
            last => {
                last.into_iter().for_each(|line| line.push(','));
                lines.push(format!("    {fact}"));
            }
        }
    }
    lines.into_iter().map(|line| line + "\n").collect()
}

/// The head and the rows, of some columns.
fn lines(head: &[&str], rows: &[Vec<String>], kept: &[usize]) -> Vec<String> {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_content_arrangement(comfy_table::ContentArrangement::Disabled);
    table.set_header(kept.iter().filter_map(|column| head.get(*column)));
    for row in rows {
        table.add_row(kept.iter().map(|column| row.get(*column).map_or("", String::as_str)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect()
}
