//! Colour, where it means something. It repeats what the words say.

use anstream::{AutoStream, ColorChoice};
use clap::builder::styling::{AnsiColor, Style, Styles};

use super::layout::Stream;

/// The basic colours, which terminals choose to be readable on their own background.
const BAD: Style = AnsiColor::Red.on_default().bold();
const CAREFUL: Style = AnsiColor::Yellow.on_default().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const ADVICE: Style = AnsiColor::Cyan.on_default().bold();

/// Help and errors of the command line.
pub const STYLES: Styles = Styles::styled()
    .header(ADVICE)
    .usage(ADVICE)
    .literal(Style::new().bold())
    .error(BAD)
    .invalid(CAREFUL)
    .valid(GOOD);

/// Words that have a colour where a line or a column begins, and behind a colon.
const WORDS: [(&str, Style); 24] = [
    ("error:", BAD),
    ("PROBLEM", BAD),
    ("REFUSE", BAD),
    ("refuse", BAD),
    ("NOT verified", BAD),
    ("LOCKED OUT:", BAD),
    ("not possible:", BAD),
    ("locked", BAD),
    ("last try!", BAD),
    ("ERROR", BAD),
    ("warning:", CAREFUL),
    ("careful:", CAREFUL),
    ("expired", CAREFUL),
    ("(expired)", CAREFUL),
    ("few tries left", CAREFUL),
    ("WARN", CAREFUL),
    ("ok", GOOD),
    ("verified", GOOD),
    ("accept", GOOD),
    ("help:", ADVICE),
    ("Next:", ADVICE),
    ("tip:", ADVICE),
    ("note", ADVICE),
    ("->", ADVICE),
];

/// Whether a stream is written to in colour: `--color`, NO_COLOR, CLICOLOR, CLICOLOR_FORCE, TERM, and whether it is a
/// terminal.
pub fn is_wanted(stream: Stream) -> bool {
    let choice = match stream {
        Stream::Out => AutoStream::choice(&std::io::stdout()),
        Stream::Err => AutoStream::choice(&std::io::stderr()),
    };
    choice != ColorChoice::Never
}

/// A printable text with its words in colour.
pub fn paint(text: &str) -> String {
    let mut painted = String::with_capacity(text.len());
    let (mut rest, mut begins) = (text, true);
    while let Some(next) = rest.chars().next() {
        let hit = WORDS.iter().find_map(|(word, style)| {
            let behind = rest.strip_prefix(word).filter(|_| begins)?;
            (!behind.starts_with(|c: char| c.is_alphanumeric() || c == '_')).then_some((word, style, behind))
        });
        if let Some((word, style, behind)) = hit {
            painted.push_str(&format!("{style}{word}{style:#}"));
            (rest, begins) = (behind, false);
            continue;
        }
        painted.push(next);
        rest = rest.get(next.len_utf8()..).unwrap_or_default();
        begins =
            next == '\n' || painted.ends_with("  ") || painted.ends_with(": ") || (begins && next == ' ');
    }
    painted
}
