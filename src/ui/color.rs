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

/// Stands before a word of the program that says how something is: with it the word has a colour. It takes no column, is never
/// shown, and is not in text from outside, in which it is made visible.
pub const STATE: char = '\u{2060}';

/// Words with a colour where they begin a line.
const FIRST_WORDS: [(Style, &[&str]); 3] = [
    (BAD, &["error:", "LOCKED OUT:", "not possible:"]),
    (CAREFUL, &["warning:", "careful:"]),
    (ADVICE, &["help:", "Next:", "tip:", "->"]),
];

/// Words with a colour behind [`STATE`].
const STATES: [(Style, &[&str]); 4] = [
    (BAD, &["PROBLEM", "REFUSE", "refuse", "NOT verified", "locked", "last try!", "ERROR"]),
    (CAREFUL, &["expired", "few tries left", "WARN"]),
    (GOOD, &["ok", "verified", "accept"]),
    (ADVICE, &["note"]),
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

/// A printable text with its words in colour, or only without its marks.
pub fn paint(text: &str, in_colour: bool) -> String {
    let styled = |text: &str, words: &[(Style, &[&str])]| {
        let mut words = words.iter().flat_map(|(style, words)| words.iter().map(move |word| (word, style)));
        let hit = words.find_map(|(word, style)| Some((word, style, text.strip_prefix(word)?)));
        match hit.filter(|(.., behind)| in_colour && !behind.starts_with(char::is_alphanumeric)) {
            Some((word, style, behind)) => format!("{style}{word}{style:#}{behind}"),
            None => text.to_owned(),
        }
    };
    let line = |line: &str| {
        let (indent, words) = line.split_at(line.len().saturating_sub(line.trim_start_matches(' ').len()));
        let mut parts = words.split(STATE);
        let first = parts.next().map(|first| styled(first, &FIRST_WORDS)).unwrap_or_default();
        parts.fold(format!("{indent}{first}"), |line, part| line + &styled(part, &STATES))
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}
