//! Lines that fit the terminal: text wraps at blanks, and a table moves columns below their row. No word is broken.

use std::io;

use terminal_size::terminal_size_of;
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

/// Breaks the lines that are too wide at blanks. What follows stands under the text of its line. A word that would be too
/// wide there moves to the left; so this is done here, and not by a crate, which has one indentation for all.
pub fn wrap(text: &str, width: usize) -> String {
    text.split_inclusive('\n').map(|line| wrap_line(line, width)).collect()
}

fn wrap_line(line: &str, width: usize) -> String {
    if columns(line.trim_end()) <= width {
        return line.to_owned();
    }
    let hang = hang(&anstream::adapter::strip_str(line).to_string(), width);
    let (mut wrapped, mut at, mut gap) = (String::new(), 0_usize, 0_usize);
    // Blanks in a row give empty words between them.
    for word in line.split(' ') {
        let wide = columns(word.trim_end());
        let (begins, next) = (wrapped.is_empty(), at.saturating_add(gap));
        if word.is_empty() {
            gap = gap.saturating_add(1);
            continue;
        }
        if begins || next.saturating_add(wide) > width {
            let indent = if begins { gap } else { hang }.min(width.saturating_sub(wide));
            wrapped.push_str(if begins { "" } else { "\n" });
            wrapped.push_str(&" ".repeat(indent));
            at = indent;
        } else {
            wrapped.push_str(&" ".repeat(gap));
            at = next;
        }
        wrapped.push_str(word);
        (at, gap) = (at.saturating_add(wide), 1);
    }
    wrapped
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
    let mut joined = String::new();
    let mut before: Option<(&str, usize)> = None;
    for line in text.lines() {
        let next = line.split_whitespace().next().unwrap_or_default();
        let indent = line.len().saturating_sub(line.trim_start().len());
        let goes_on = before.is_some_and(|(last, hang)| {
            hang == indent && !next.is_empty() && last.len().saturating_add(next.len()) >= full
        });
        let is_item = hang(line, full) != indent && !goes_on;
        joined.push_str(if goes_on {
            " "
        } else if joined.is_empty() {
            ""
        } else {
            "\n"
        });
        joined.push_str(if goes_on { line.trim_start() } else { line });
        let hang = match before {
            Some((_, hang)) if goes_on => hang,
            _ if is_item => hang(line, full),
            _ => indent,
        };
        before = (!next.is_empty()).then_some((line, hang));
    }
    joined + "\n"
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

fn table_within(head: &[&str], rows: &[Vec<String>], aside: &[&str], width: usize) -> String {
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
    let mut lines = String::new();
    let mut at = 0_usize;
    for (name, cell) in below.iter().filter_map(|column| Some((head.get(*column)?, row.get(*column)?))) {
        if cell.is_empty() || cell == "-" {
            continue;
        }
        let fact = format!("{name} {cell}");
        let next = at.saturating_add(columns(&fact)).saturating_add(2);
        let goes_on = at > 0 && next <= width;
        lines.push_str(if goes_on {
            ", "
        } else if at > 0 {
            ",\n    "
        } else {
            "    "
        });
        lines.push_str(&fact);
        at = if goes_on { next } else { columns(&fact).saturating_add(4) };
    }
    if at > 0 { lines + "\n" } else { lines }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_on_under_its_text_and_no_word_is_broken() {
        let text = "help: name the folder of the module with --module\n  SHA1  d0f3511f10eef775cc91cce3fa6840c2640f11b8\n\
                    \x20 1. reset every phone, and wait until all of them have it\n    /a/path/that/is/wider/than/any/line/may/be/here\n";
        insta::assert_snapshot!(wrap(text, 40), @r"
        help: name the folder of the module with
              --module
          SHA1
        d0f3511f10eef775cc91cce3fa6840c2640f11b8
          1. reset every phone, and wait until
             all of them have it
        /a/path/that/is/wider/than/any/line/may/be/here
        ");
    }

    #[test]
    fn text_that_fits_stays_as_it_is() {
        let text = "a  b   \n\n   c\td\n";
        assert_eq!(wrap(text, 40), text);
        assert_eq!(wrap(&"x".repeat(50), 40), "x".repeat(50));
    }

    #[test]
    fn styles_take_no_columns() {
        let line = format!("\u{1b}[31m{}\u{1b}[0m {}", "a".repeat(20), "b".repeat(19));
        assert_eq!(wrap(&line, 40), line);
    }

    #[test]
    fn paragraphs_are_joined_and_lists_are_not() {
        let text = "Words that fill a line of thirty\nand go on.\n\n  1. A step that fills its line of\n     thirty, too\n  2. short\nend\n";
        let joined = "Words that fill a line of thirty and go on.\n\n  1. A step that fills its line of thirty, too\n  2. short\nend\n";
        assert_eq!(unwrap_paragraphs(text, 34), joined);
    }

    #[test]
    fn a_table_that_is_too_wide_moves_columns_below_their_row() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let rows = [row(["AKS ifdh 00 00", &"t".repeat(50), "ok"]), row(["", &"u".repeat(30), "locked"])];
        let shown = table_within(&["READER", "TOKEN", "PIN STATE OF THE TOKEN"], &rows, &["READER"], 80);
        insta::assert_snapshot!(shown, @r"
        TOKEN                                               PIN STATE OF THE TOKEN
        tttttttttttttttttttttttttttttttttttttttttttttttttt  ok
            READER AKS ifdh 00 00
        uuuuuuuuuuuuuuuuuuuuuuuuuuuuuu                      locked
        ");
    }
}
