//! The only place that prints: text for people on standard output, everything else on standard error.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};

use serde::Serialize;

use super::{CommandError, ErrorKind};
pub use crate::trustlist::printable;
use crate::trustlist::{printable_json, printable_lines};

/// The longest answer to a question, in bytes.
const LONGEST_ANSWER: u64 = 4096;

/// Where a command's words go.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ui {
    /// The command answers with one JSON document.
    pub json: bool,
    /// No notes on standard error.
    pub quiet: bool,
}

impl Ui {
    /// Prints text for people; adds the line end if there is none.
    pub fn print(&self, text: &str) -> Result<(), CommandError> {
        let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        self.write(format!("{}{end}", printable_lines(text)).as_bytes())
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
        if self.json { self.print_json(schema, document) } else { self.print(&text()) }
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
        let mut out = io::stdout().lock();
        out.write_all(bytes).and_then(|()| out.flush()).map_err(|e| match e.kind() {
            io::ErrorKind::BrokenPipe => {
                CommandError::new(ErrorKind::ClosedPipe, "standard output was closed")
            }
            _ => CommandError::new(ErrorKind::File, "standard output was not written").caused_by(&e),
        })
    }

    /// What a window shows, on standard error; not left out with `--quiet`.
    pub fn show(&self, text: &str) {
        // It may be closed; then there is nobody to tell. No colours are used here, so that whatever could move the cursor
        // came from outside.
        let _ = writeln!(io::stderr(), "{}", printable_lines(text.trim_end_matches('\n')));
    }

    /// A remark for people, on standard error, left out with `--quiet`.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            self.show(text);
        }
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

    /// Asks for a line of text. Never for a PIN.
    pub fn ask(&self, prompt: &str) -> Result<String, CommandError> {
        {
            // Let go of before the answer is waited for: a signal ends the program with a word on standard error.
            let mut err = io::stderr().lock();
            let _ = err.write_all(printable_lines(prompt).as_bytes()).and_then(|()| err.flush());
        }
        let mut line = String::new();
        io::stdin()
            .lock()
            .take(LONGEST_ANSWER)
            .read_line(&mut line)
            .map_err(|e| CommandError::usage("the answer could not be read").caused_by(&e))?;
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }
}

/// A JSON text of several lines, safe for a terminal.
/// A document as it is printed.
#[derive(Serialize)]
struct Document<'a, T> {
    schema: String,
    #[serde(flatten)]
    document: &'a T,
}

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
        io::stderr().write_all(printable_lines(&String::from_utf8_lossy(line)).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A plain table: a head line, aligned columns two blanks apart, no borders, nothing wrapped.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_content_arrangement(comfy_table::ContentArrangement::Disabled);
    table.set_header(head);
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// The terminal gives single keys, unseen, until this is dropped.
pub struct SingleKeys;

impl SingleKeys {
    pub fn begin() -> io::Result<Self> {
        crossterm::terminal::enable_raw_mode().map(|()| SingleKeys)
    }
}

impl Drop for SingleKeys {
    fn drop(&mut self) {
        let _ = crossterm::terminal::disable_raw_mode();
    }
}
