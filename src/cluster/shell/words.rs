//! The meaning of a shell's lines: what it waits for, the output of a command, and whether the command was refused.

use super::screen::{Screen, last_words};

/// The shell's prompt.
const PROMPT: &str = "admin:";
/// The longest message to all terminals, in lines.
const MESSAGE_LINES: usize = 30;

/// A question that a command is known to ask, and the answer. The question is recognised by a part of its line.
#[derive(Debug, Clone, Copy)]
pub struct Reply<'a> {
    /// A part of the question.
    pub question: &'a str,
    /// The answer; a newline is added.
    pub answer: &'a str,
}

/// What the last line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wants {
    /// The shell is ready.
    Command,
    /// A pager wants a key.
    Key(&'static [u8]),
    /// A question wants a password.
    Secret,
    /// A question wants a line.
    Line(String),
    /// None of these yet.
    Nothing,
}

/// What the last line asks for, if it stays the last line.
pub(super) fn wants(screen: &Screen) -> Wants {
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
    if asks_for_a_secret(line) {
        return Wants::Secret;
    }
    if after_the_prompt(screen).is_some() {
        return Wants::Command;
    }
    let lower = line.to_lowercase();
    let choice = ["y/n", "yes/no", "y|n", "yes|no", "<yes>"].iter().any(|choice| lower.contains(choice));
    let ends = ["to continue:", "hit enter", "continue?", "proceed?"].iter().any(|end| lower.ends_with(end));
    if ends || (choice && lower.ends_with([':', '?', ')', ']', '>'])) {
        return Wants::Line(line.to_owned());
    }
    // Questions whose last line is empty.
    match screen.lines().last().map(|l| l.trim()) {
        Some(before) if line.is_empty() && before.to_lowercase().ends_with("hit enter") => {
            Wants::Line(before.to_owned())
        }
        _ => Wants::Nothing,
    }
}

/// The position of a prompt alone on a finished line with text after it: a message to all terminals arrived after the prompt.
fn after_the_prompt(screen: &Screen) -> Option<usize> {
    let said_last = screen.lines().iter().enumerate().rev().take(MESSAGE_LINES);
    let (at, line) = said_last.clone().find(|(_, line)| line.trim_start().starts_with(PROMPT))?;
    // The first line is the echo, or text from before the command.
    (at > 0 && line.trim() == PROMPT && said_last.into_iter().any(|(i, l)| i > at && !l.trim().is_empty()))
        .then_some(at)
}

/// The answer "no" to a question.
pub(super) fn no_to(question: &str) -> &'static [u8] {
    let question = question.to_lowercase();
    if question.contains("yes/no") || question.contains("yes|no") { b"no\n" } else { b"n\n" }
}

/// Whether a question wants a password, a new one or an old one, or another secret.
pub(in crate::cluster) fn asks_for_a_secret(question: &str) -> bool {
    let question = question.trim().to_lowercase();
    question.ends_with(':')
        && ["password", "passphrase", "passcode"].iter().any(|word| question.contains(word))
}

/// Whether it is the password question of a login, and not a question for a new password, the current password or a code.
pub(in crate::cluster) fn asks_for_the_password(question: &str) -> bool {
    let question = question.trim().trim_end_matches(':').trim_end().to_lowercase();
    question == "password" || question.ends_with("'s password") || question.starts_with("password for ")
}

/// `options: … (lines 61 - 80 of 80) :`
fn at_the_end(line: &str) -> bool {
    let numbers: Vec<&str> = line.split(|c: char| !c.is_ascii_digit()).filter(|n| !n.is_empty()).collect();
    matches!(numbers[..], [.., last, all] if last == all)
}

/// The output without the echo of the command and of the answers, without pagers, and without empty lines at both ends.
pub(super) fn output(screen: &Screen, command: &str, replies: &[Reply<'_>]) -> Vec<String> {
    let end = after_the_prompt(screen).unwrap_or(screen.lines().len());
    let mut lines: Vec<String> = screen.lines().iter().take(end).map(|l| l.trim_end().to_owned()).collect();
    let echo = |line: &str| {
        let line = line.trim_start().strip_prefix(PROMPT).unwrap_or(line).trim();
        line == command.trim() || line.is_empty()
    };
    let before = lines.iter().take_while(|l| echo(l)).count();
    lines.drain(..before);
    // A pasted certificate.
    lines.retain(|line| {
        !replies.iter().any(|r| r.answer.lines().any(|typed| typed.len() > 1 && typed == line))
    });
    while lines.last().is_some_and(|l| l.trim().is_empty()) {
        lines.pop();
    }
    lines
}

/// The shell's words for a command that it did not carry out. They must be a whole line: inside a line they may be part of a
/// name.
pub(super) fn refusal(lines: &[String]) -> Option<String> {
    const REFUSALS: [&str; 6] = [
        "executed command unsuccessfully",
        "no valid command entered",
        "command not found",
        "invalid command",
        "incorrect parameters",
        "command failed",
    ];
    let refuses = |line: &String| {
        let line = line.trim().trim_end_matches(['.', '!']).to_lowercase();
        REFUSALS.contains(&line.as_str()) || line.starts_with("command cannot be executed because")
    };
    lines.iter().any(refuses).then(|| last_words(lines))
}
