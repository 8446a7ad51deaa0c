//! The admin shell of a node: a dialogue of commands, pagers and questions over a [`Console`].
//!
//! The prompt is `admin:` alone on the last line; an echo only begins with it. Bytes arrive in pieces, so a line counts as
//! complete only after a short silence.

pub mod answers;
pub mod certificates;
pub mod health;
pub mod phones;
pub(in crate::cluster) mod screen;
pub(in crate::cluster) mod words;

use std::time::Duration;

use super::console::Console;
use super::error::{ClusterError, ConsoleError};
pub use screen::Screen;
use screen::last_words;
pub use words::Reply;
use words::{Wants, no_to, output, refusal, wants};

/// How long the line must be silent before the last line counts as complete.
const SILENCE: Duration = Duration::from_millis(120);
/// The time limit from the login to the prompt: a node needs up to a minute to start its shell.
pub const START_LIMIT: Duration = Duration::from_secs(90);
/// The time limit for an ordinary command.
pub const COMMAND_LIMIT: Duration = Duration::from_secs(60);
/// A shell that is silent at its start gets a newline at this interval.
const NEWLINE_INTERVAL: Duration = Duration::from_secs(8);
/// The most pages of one command; then the pager is ended with `q`.
const MOST_PAGES: usize = 20_000;

/// A node's shell, at its prompt.
pub struct Shell<C> {
    console: C,
    screen: Screen,
    quiet: Duration,
}

impl<C: Console> Shell<C> {
    /// Waits for the prompt, and switches the pagers off.
    pub fn open(console: C) -> Result<Self, ClusterError> {
        let mut shell = Shell { console, screen: Screen::default(), quiet: SILENCE };
        shell.wait_for_prompt(START_LIMIT)?;
        // Old releases do not know this command; their pager prompts are answered.
        match shell.run("set cli pagination off") {
            Ok(_) | Err(ClusterError::Refused { .. }) => Ok(shell),
            Err(e) => Err(e),
        }
    }

    /// The node, for messages.
    pub fn node(&self) -> &str {
        self.console.node()
    }

    /// Runs a command that asks nothing, and returns its output, line by line, without echo and prompt.
    pub fn run(&mut self, command: &str) -> Result<Vec<String>, ClusterError> {
        self.run_and_reply(command, &[], COMMAND_LIMIT)
    }

    /// Runs a command that asks questions. A question without a reply in `replies` is answered with no, and is an error.
    pub fn run_and_reply(
        &mut self,
        command: &str,
        replies: &[Reply<'_>],
        limit: Duration,
    ) -> Result<Vec<String>, ClusterError> {
        let lines = self.ask(command, replies, limit)?;
        match refusal(&lines) {
            Some(says) => {
                let (node, command) = (self.node().to_owned(), command.to_owned());
                Err(ClusterError::Refused { node, command, says })
            }
            None => Ok(lines),
        }
    }

    /// The same, but a refusal is not an error: the caller reads the output.
    pub fn ask(
        &mut self,
        command: &str,
        replies: &[Reply<'_>],
        limit: Duration,
    ) -> Result<Vec<String>, ClusterError> {
        self.dialogue(command, replies, limit).map_err(|e| match e {
            ClusterError::Console(source) => {
                let (node, command, source) = (self.node().to_owned(), command.to_owned(), Box::new(source));
                ClusterError::CutOff { node, command, says: self.screen.last_words(), source }
            }
            e => e,
        })
    }

    fn dialogue(
        &mut self,
        command: &str,
        replies: &[Reply<'_>],
        limit: Duration,
    ) -> Result<Vec<String>, ClusterError> {
        self.screen.clear();
        self.console.send(format!("{command}\n").as_bytes())?;
        let deadline = self.console.elapsed().saturating_add(limit);
        let mut used = vec![false; replies.len()];
        let mut pages = 0_usize;
        let mut unexpected = false;
        loop {
            let over = self.fill(deadline)?;
            // The echo ends with a line end: before it, the last line is still the old prompt.
            let wants = if self.screen.lines().is_empty() { Wants::Nothing } else { wants(&self.screen) };
            if over || (wants == Wants::Nothing && self.console.elapsed() >= deadline) {
                let (node, command) = (self.node().to_owned(), command.to_owned());
                return Err(ClusterError::Timeout { node, command, limit, says: self.screen.last_words() });
            }
            match wants {
                Wants::Nothing => {}
                Wants::Command => break,
                Wants::Secret => return Err(self.asked().into()),
                Wants::Key(key) => {
                    pages = pages.saturating_add(1);
                    self.screen.forget_last_line();
                    self.console.send(if pages > MOST_PAGES { b"q" } else { key })?;
                }
                Wants::Line(question) => {
                    let open = replies
                        .iter()
                        .zip(&mut used)
                        .find(|(r, used)| !**used && question.contains(r.question));
                    match open {
                        Some((reply, used)) => {
                            *used = true;
                            self.screen.feed(b"\n");
                            self.console.send(format!("{}\n", reply.answer).as_bytes())?;
                        }
                        None if !unexpected => {
                            unexpected = true;
                            self.screen.feed(b"\n");
                            self.console.send(no_to(&question))?;
                        }
                        None => self.console.send(b"\x03")?,
                    }
                }
            }
        }
        let lines = output(&self.screen, command, replies);
        if unexpected {
            let (node, command) = (self.node().to_owned(), command.to_owned());
            return Err(ClusterError::UnexpectedQuestion { node, command, says: last_words(&lines) });
        }
        Ok(lines)
    }

    fn asked(&self) -> ConsoleError {
        ConsoleError::Asked { node: self.node().to_owned(), says: self.screen.last_words() }
    }

    /// Reads until the line is silent; returns whether the deadline passed instead.
    fn fill(&mut self, deadline: Duration) -> Result<bool, ConsoleError> {
        loop {
            let bytes = self.console.receive(self.quiet)?;
            if bytes.is_empty() {
                return Ok(self.console.elapsed() >= deadline && wants(&self.screen) != Wants::Command);
            }
            self.screen.feed(&bytes);
            if self.screen.is_full() {
                return Err(ConsoleError::TooMuch { node: self.node().to_owned() });
            }
            if self.console.elapsed() >= deadline {
                return Ok(true);
            }
        }
    }

    /// Goes from the login, or from any state of an open shell, to the prompt.
    fn wait_for_prompt(&mut self, limit: Duration) -> Result<(), ConsoleError> {
        let deadline = self.console.elapsed().saturating_add(limit);
        let mut newline_at = self.console.elapsed().saturating_add(NEWLINE_INTERVAL);
        loop {
            let over = self.fill(deadline).map_err(|e| self.no_prompt(e.to_string()))?;
            match wants(&self.screen) {
                Wants::Command => return Ok(()),
                Wants::Secret => return Err(self.asked()),
                // Whatever the question is: a question that is repeated without end is not a prompt.
                _ if over => return Err(self.no_prompt(format!("waited for {} s", limit.as_secs()))),
                // Another user left a pager or a question open.
                Wants::Key(_) => {
                    self.screen.forget_last_line();
                    self.console.send(b"q")?;
                }
                Wants::Line(question) => {
                    self.screen.feed(b"\n");
                    self.console.send(no_to(&question))?;
                }
                Wants::Nothing if self.console.elapsed() >= newline_at => {
                    newline_at = self.console.elapsed().saturating_add(NEWLINE_INTERVAL);
                    // Cancels a half-typed line, then requests a new prompt.
                    self.console.send(b"\x03\n")?;
                }
                Wants::Nothing => {}
            }
        }
    }

    fn no_prompt(&self, why: String) -> ConsoleError {
        ConsoleError::NoPrompt { node: self.node().to_owned(), why, says: self.screen.last_words() }
    }
}
