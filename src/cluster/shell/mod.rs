//! The admin shell of a node: a dialogue of commands, pagers and questions over a [`Console`].
//!
//! The prompt is `admin:` alone on the last line; an echo only begins with it. Nothing is believed before the line has
//! been quiet for a moment, since bytes come in pieces.

pub mod answers;
pub mod health;
mod screen;

use std::time::Duration;

use super::console::Console;
use super::error::{ClusterError, ConsoleError};
pub use screen::Screen;

/// The shell's prompt.
const PROMPT: &str = "admin:";

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

/// What the last line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Wants {
    /// The shell is ready.
    Command,
    /// A pager wants a key.
    Key(&'static [u8]),
    /// A question wants a line.
    Line(String),
    /// Nothing yet.
    Nothing,
}

/// A question that a command is known to ask, and the answer. The question is told by a part of its line.
#[derive(Debug, Clone, Copy)]
pub struct Reply<'a> {
    /// A part of the question.
    pub question: &'a str,
    /// What is sent, a newline behind it.
    pub answer: &'a str,
}

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
        // Old releases do not know it; the pagers are answered all the same.
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
            ClusterError::Console(source) => self.cut_off(command, source),
            e => e,
        })
    }

    fn cut_off(&self, command: &str, source: ConsoleError) -> ClusterError {
        ClusterError::CutOff { node: self.node().to_owned(), command: command.to_owned(), source }
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
        let mut unexpected = None;
        loop {
            let over = self.fill(deadline)?;
            // The echo ends with a line end: before it, the last line is still the old prompt.
            let wants = if self.screen.lines().is_empty() { Wants::Nothing } else { wants(&self.screen) };
            if over || (wants == Wants::Nothing && self.console.elapsed() >= deadline) {
                let (node, command) = (self.node().to_owned(), command.to_owned());
                return Err(ClusterError::Timeout { node, command, last: self.screen.last_line(), limit });
            }
            match wants {
                Wants::Nothing => {}
                Wants::Command => break,
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
                        None if unexpected.is_none() => {
                            unexpected = Some(question);
                            self.screen.feed(b"\n");
                            self.console.send(b"n\n")?;
                        }
                        None => self.console.send(b"\x03")?,
                    }
                }
            }
        }
        if let Some(question) = unexpected {
            let (node, command) = (self.node().to_owned(), command.to_owned());
            return Err(ClusterError::UnexpectedQuestion { node, command, question });
        }
        Ok(output(&self.screen, command))
    }

    /// Reads until the line is quiet; whether the deadline is over instead.
    fn fill(&mut self, deadline: Duration) -> Result<bool, ClusterError> {
        loop {
            let bytes = self.console.receive(self.quiet)?;
            if bytes.is_empty() {
                return Ok(self.console.elapsed() >= deadline && wants(&self.screen) != Wants::Command);
            }
            self.screen.feed(&bytes);
            if self.console.elapsed() >= deadline {
                return Ok(true);
            }
        }
    }

    /// From the login, or from wherever the shell was left, to its prompt.
    fn wait_for_prompt(&mut self, limit: Duration) -> Result<(), ClusterError> {
        let deadline = self.console.elapsed().saturating_add(limit);
        let mut nudge_at = self.console.elapsed().saturating_add(NUDGE);
        loop {
            let over = self.fill(deadline)?;
            match wants(&self.screen) {
                Wants::Command => return Ok(()),
                // Whatever is asked: a question that comes back for ever is no prompt.
                _ if over => {
                    let (node, last) = (self.node().to_owned(), self.screen.last_line());
                    return Err(ClusterError::NoPrompt { node, last, limit });
                }
                // Somebody left a pager or a question open.
                Wants::Key(_) => {
                    self.screen.forget_last_line();
                    self.console.send(b"q")?;
                }
                Wants::Line(_) => {
                    self.screen.feed(b"\n");
                    self.console.send(b"n\n")?;
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
}

/// What the last line asks for, if it stays the last line.
fn wants(screen: &Screen) -> Wants {
    let line = screen.last_line();
    let line = line.trim();
    if line == PROMPT {
        return Wants::Command;
    }
    if line.starts_with("Press <enter> for 1 line") {
        return Wants::Key(b" ");
    }
    if line.starts_with("options: q=quit") {
        return Wants::Key(if at_the_end(line) { b"q" } else { b"n" });
    }
    let lower = line.to_lowercase();
    let asks = ["(y/n):", "(y/n)?", "(y/n)", "(yes/no)?", "(yes/no):", "to continue:", "hit enter"];
    if asks.iter().any(|end| lower.ends_with(end)) {
        return Wants::Line(line.to_owned());
    }
    // Questions whose last line has nothing but the cursor.
    match screen.lines().last().map(|l| l.trim()) {
        Some(before) if line.is_empty() && before.to_lowercase().ends_with("hit enter") => {
            Wants::Line(before.to_owned())
        }
        _ => Wants::Nothing,
    }
}

/// `options: … (lines 61 - 80 of 80) :`
fn at_the_end(line: &str) -> bool {
    let numbers: Vec<&str> = line.split(|c: char| !c.is_ascii_digit()).filter(|n| !n.is_empty()).collect();
    matches!(numbers[..], [.., last, all] if last == all)
}

/// Without the echo of the command, the pagers, and empty lines at the ends.
fn output(screen: &Screen, command: &str) -> Vec<String> {
    let mut lines: Vec<String> = screen.lines().iter().map(|l| l.trim_end().to_owned()).collect();
    let echo = |line: &str| {
        let line = line.trim_start().strip_prefix(PROMPT).unwrap_or(line).trim();
        line == command.trim() || line.is_empty()
    };
    let before = lines.iter().take_while(|l| echo(l)).count();
    lines.drain(..before);
    while lines.last().is_some_and(|l| l.trim().is_empty()) {
        lines.pop();
    }
    lines
}

/// The shell's words for a command that it did not carry out.
fn refusal(lines: &[String]) -> Option<String> {
    const REFUSALS: [&str; 6] = [
        "executed command unsuccessfully",
        "no valid command entered",
        "command not found",
        "invalid command",
        "incorrect parameters",
        "command failed",
    ];
    let refuses = |line: &&String| {
        let line = line.to_lowercase();
        REFUSALS.iter().any(|r| line.contains(r))
    };
    let found = lines.iter().find(refuses)?;
    // What stands before it says more.
    let said: Vec<&str> = lines.iter().map(|l| l.trim()).filter(|l| !l.is_empty()).take(4).collect();
    Some(if said.len() > 1 { said.join(" / ") } else { found.trim().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A node that sends nothing but line ends costs what their number costs.
    #[test]
    fn empty_lines_before_an_answer_are_left_out_at_once() {
        let mut screen = Screen::default();
        screen.feed(&b"\r\n".repeat(400_000));
        screen.feed(b"ClusterSecurityMode 1\r\n");
        let began = std::time::Instant::now();
        assert_eq!(output(&screen, "run sql x"), ["ClusterSecurityMode 1"]);
        assert!(began.elapsed() < std::time::Duration::from_secs(5), "{:?}", began.elapsed());
    }
}
