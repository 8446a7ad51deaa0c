//! What both front ends, `cli` and `client`, show and ask with. The only place that prints: text for people on standard output,
//! everything else on standard error.

mod color;
mod error;
pub mod interrupt;
mod layout;
mod messages;
pub mod next;
mod pager;
mod progress;

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};

use clap::builder::StyledStr;
use serde::Serialize;

pub use crate::trustlist::printable;
use crate::trustlist::{printable_json, printable_lines};
pub use color::{STATE, STYLES, paint};
pub use error::{CommandError, ErrorKind};
use layout::Stream;
pub use layout::{fold, table, table_with_asides, table_within, unwrap_paragraphs, wrap};
pub use messages::pin_option;
pub use pager::runs as pager_runs;
pub use progress::{Progress, without_progress};

/// Longer lines are no easier to read.
const WIDEST_HELP: usize = 100;

/// How wide the help of commands is.
pub fn help_width() -> usize {
    Stream::Out.width().min(WIDEST_HELP)
}

/// The longest answer to a question, in bytes.
const LONGEST_ANSWER: u64 = 4096;

/// Where a command's words go.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ui {
    /// The command answers with one JSON document.
    pub json: bool,
    /// No notes on standard error.
    pub quiet: bool,
    /// Long answers go through no pager.
    pub no_pager: bool,
}

impl Ui {
    /// Prints text for people; adds the line end if there is none.
    pub fn print(&self, text: &str) -> Result<(), CommandError> {
        self.put(&shown(text, Stream::Out), false)
    }

    /// Prints text whose lines have a meaning for programs, or are laid out by others: as it is.
    pub fn print_as_it_is(&self, text: &str) -> Result<(), CommandError> {
        self.put(&printable_lines(text), true)
    }

    /// Prints a text for people that may be long.
    pub fn page(&self, text: &str) -> Result<(), CommandError> {
        self.put(&shown(text, Stream::Out), true)
    }

    /// Prints the help of a command; nothing in it came from outside.
    pub fn help(&self, help: &StyledStr) -> Result<(), CommandError> {
        self.put(&styled(help, Stream::Out), true)
    }

    /// Prints lines that are ready; if they may be more than fit on the screen, through a pager.
    fn put(&self, text: &str, may_be_long: bool) -> Result<(), CommandError> {
        let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        let text = format!("{text}{end}");
        let is_long = || Stream::Out.size().is_some_and(|(_, height)| text.lines().count() >= height);
        if may_be_long && !self.no_pager && self.can_ask() && is_long() && pager::show(&text) {
            return Ok(());
        }
        written(anstream::AutoStream::auto(io::stdout()).lock(), text.as_bytes())
    }

    /// Prints one JSON document, which names its schema: a file in `docs/schema`, and the version of it.
    pub fn print_json<T: Serialize>(&self, schema: &str, document: &T) -> Result<(), CommandError> {
        self.write(
            format!("{}\n", json_text(&Document { schema: format!("{schema}/1"), document })?).as_bytes(),
        )
    }

    /// The answer of a command: a JSON document, or text for people.
    pub fn answer(
        &self,
        schema: &str,
        document: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> Result<(), CommandError> {
        if self.json { self.print_json(schema, document) } else { self.page(&text()) }
    }

    /// Prints some elements of a list in a JSON document, which may be longer than fits into memory. Whoever calls prints
    /// what is around them.
    pub fn print_json_elements<T: Serialize>(&self, some: &[T], first: bool) -> Result<(), CommandError> {
        let list = json_text(&some)?;
        let inside = list.trim_start_matches('[').trim_end_matches("\n]").replace('\n', "\n  ");
        self.write(format!("{}{inside}", if first { "" } else { "," }).as_bytes())
    }

    /// Writes bytes to standard output as they are: a certificate or a trust list for the next program.
    pub fn write(&self, bytes: &[u8]) -> Result<(), CommandError> {
        written(io::stdout().lock(), bytes)
    }

    /// What a window shows, on standard error; not left out with `--quiet`.
    pub fn show(&self, text: &str) {
        say(&(shown(text.trim_end_matches('\n'), Stream::Err) + "\n"));
    }

    /// The same with lines that stay whole: commands to copy.
    pub fn show_as_it_is(&self, text: &str) {
        say(&format!("{}\n", printable_lines(text.trim_end_matches('\n'))));
    }

    /// A remark for people, on standard error, left out with `--quiet`.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            self.show(text);
        }
    }

    /// Tells that work begins which takes long, and how far it is: in a line that moves, or else in one that stays.
    pub fn long_work(&self, what: &str, count: Option<usize>) -> Progress {
        if self.json || self.quiet {
            return Progress::hidden();
        }
        let what = printable(what);
        Progress::begin(&what, count).unwrap_or_else(|| {
            self.note(&format!("{what} …"));
            Progress::hidden()
        })
    }

    /// Something the operator should know before going on; not left out with `--quiet`.
    pub fn warn(&self, text: &str) {
        self.show(&format!("warning: {text}"));
    }

    /// An error, in full.
    pub fn error(&self, error: &CommandError) {
        if error.kind != ErrorKind::ClosedPipe {
            self.show(&error.to_string());
        }
    }

    /// What is wrong with the command line; what was typed is printable in it.
    pub fn refuse(&self, what: &StyledStr) {
        say(&styled(what, Stream::Err));
    }

    /// Whether somebody sits there who can be asked.
    pub fn can_ask(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Whether whoever sits there sees what is printed.
    pub fn output_is_seen(&self) -> bool {
        io::stdout().is_terminal()
    }

    /// Asks a question that is answered by `y` or `yes`; anything else, and the end of input, is no.
    pub fn confirm(&self, question: &str) -> Result<bool, CommandError> {
        let answer = self.ask(&format!("{question} [y/N] "))?;
        Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
    }

    /// A question as it is shown; its answer is typed behind it.
    pub fn prompt(&self, question: &str) -> String {
        shown(question.trim_end(), Stream::Err) + " "
    }

    /// Asks for a line of text. Never for a PIN.
    pub fn ask(&self, prompt: &str) -> Result<String, CommandError> {
        Ok(self.ask_line(prompt)?.unwrap_or_default())
    }

    /// The same; `None` at the end of input.
    pub fn ask_line(&self, prompt: &str) -> Result<Option<String>, CommandError> {
        let mut line = String::new();
        let read = without_progress(|| {
            write_err(&self.prompt(prompt));
            io::stdin().lock().take(LONGEST_ANSWER).read_line(&mut line)
        })
        .map_err(|e| CommandError::usage("the answer could not be read").caused_by(&e))?;
        Ok((read > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned()))
    }
}

/// Text for people as a stream shows it: no escape sequence from outside, its words in colour, its lines as wide as may be.
fn shown(text: &str, stream: Stream) -> String {
    let parts: Vec<String> = text.split(STATE).map(printable_lines).collect();
    wrap(&color::paint(&parts.join(&STATE.to_string()), color::is_wanted(stream)), stream.width())
}

/// The same for what clap made.
fn styled(text: &StyledStr, stream: Stream) -> String {
    let text = if color::is_wanted(stream) { text.ansi().to_string() } else { text.to_string() };
    wrap(&text, stream.width())
}

/// Writes to standard error. It may be closed; then there is nobody to tell. The stream is let go of before anything is
/// waited for: a signal ends the program with a word there.
fn say(text: &str) {
    without_progress(|| write_err(text));
}

fn write_err(text: &str) {
    let mut err = anstream::AutoStream::auto(io::stderr()).lock();
    let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
}

fn written(mut out: impl io::Write, bytes: &[u8]) -> Result<(), CommandError> {
    without_progress(|| out.write_all(bytes).and_then(|()| out.flush())).map_err(|e| match e.kind() {
        io::ErrorKind::BrokenPipe => CommandError::new(ErrorKind::ClosedPipe, "standard output was closed"),
        _ => CommandError::new(ErrorKind::File, "standard output was not written").caused_by(&e),
    })
}

/// A document as it is printed.
#[derive(Serialize)]
struct Document<'a, T> {
    schema: String,
    #[serde(flatten)]
    document: &'a T,
}

/// A JSON text of several lines, safe for a terminal.
fn json_text<T: Serialize>(document: &T) -> Result<String, CommandError> {
    let text = serde_json::to_string_pretty(document).map_err(|e| {
        CommandError::new(ErrorKind::File, "the JSON document could not be made").caused_by(&e)
    })?;
    Ok(printable_json(&text))
}

/// Standard error for lines of the log.
pub struct Printable;

impl io::Write for Printable {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let line = String::from_utf8_lossy(line);
        // Its level comes first.
        say(&shown(&format!("{STATE}{}", line.trim_start_matches(' ')), Stream::Err));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The terminal gives single keys, unseen, until this is dropped.
pub struct SingleKeys;

impl SingleKeys {
    /// From here on.
    pub fn begin() -> io::Result<Self> {
        crossterm::terminal::enable_raw_mode().map(|()| SingleKeys)
    }
}

impl Drop for SingleKeys {
    fn drop(&mut self) {
        let _ = crossterm::terminal::disable_raw_mode();
    }
}
