//! The admin shell of a node: a dialogue of commands, pagers and questions over a [`Console`].
//!
//! The prompt is `admin:` alone on the last line; an echo only begins with it. Nothing is believed before the line has
//! been quiet for a moment, since bytes come in pieces.

pub mod answers;
pub mod health;
pub(in crate::cluster) mod screen;
pub(in crate::cluster) mod words;

use std::time::Duration;

use super::console::Console;
use super::error::{ClusterError, ConsoleError};
pub use screen::Screen;
use screen::last_words;
pub use words::Reply;
use words::{Wants, no_to, output, refusal, wants};

/// How long the line must be quiet before the last line is believed.
const QUIET: Duration = Duration::from_millis(120);
/// How long a node may take from the login to its prompt: it starts its shell in up to a minute.
pub const START_LIMIT: Duration = Duration::from_secs(90);
/// How long an ordinary command may take.
pub const COMMAND_LIMIT: Duration = Duration::from_secs(60);
/// A silent start is nudged with a newline as often as this.
const NUDGE: Duration = Duration::from_secs(8);
/// No command turns more pages than this; a pager that never ends is left with `q`.
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
        let mut shell = Shell { console, screen: Screen::default(), quiet: QUIET };
        shell.wait_for_prompt(START_LIMIT)?;
        // Old releases do not know it; their pager prompts are answered.
        match shell.run("set cli pagination off") {
            Ok(_) | Err(ClusterError::Refused { .. }) => Ok(shell),
            Err(e) => Err(e),
        }
    }

    /// The node, for messages.
    pub fn node(&self) -> &str {
        self.console.node()
    }

    /// Runs a command that asks nothing, and gives back what it said, line by line, without echo and prompt.
    pub fn run(&mut self, command: &str) -> Result<Vec<String>, ClusterError> {
        self.run_and_reply(command, &[], COMMAND_LIMIT)
    }

    /// Runs a command that asks questions. One that is not among the replies is answered with no, and is an error.
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

    /// The same for a command whose refusal is an answer, too: the words are the caller's to read.
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

    /// Reads until the line is quiet; whether the deadline is over instead.
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

    /// From the login, or from wherever the shell was left, to its prompt.
    fn wait_for_prompt(&mut self, limit: Duration) -> Result<(), ConsoleError> {
        let deadline = self.console.elapsed().saturating_add(limit);
        let mut nudge_at = self.console.elapsed().saturating_add(NUDGE);
        loop {
            let over = self.fill(deadline).map_err(|e| self.no_prompt(e.to_string()))?;
            match wants(&self.screen) {
                Wants::Command => return Ok(()),
                Wants::Secret => return Err(self.asked()),
                // Whatever is asked: a question that comes back for ever is no prompt.
                _ if over => return Err(self.no_prompt(format!("waited for {} s", limit.as_secs()))),
                // Somebody left a pager or a question open.
                Wants::Key(_) => {
                    self.screen.forget_last_line();
                    self.console.send(b"q")?;
                }
                Wants::Line(question) => {
                    self.screen.feed(b"\n");
                    self.console.send(no_to(&question))?;
                }
                Wants::Nothing if self.console.elapsed() >= nudge_at => {
                    nudge_at = self.console.elapsed().saturating_add(NUDGE);
                    // Breaks out of a half-typed line, then asks for a new prompt.
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
