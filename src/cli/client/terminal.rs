//! Prompts of the windows: Esc goes back, Ctrl-C leaves. Never for a PIN.

use std::time::Duration;

use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use crossterm::terminal;
use inquire::ui::RenderConfig;
use inquire::{InquireError, Select, Text};

use super::super::error::{CommandError, ErrorKind};
use super::super::interrupt;
use super::super::ui::printable;

const HELP: &str = "enter chooses, Esc goes back, Ctrl-C leaves";

/// Without colours where they are not wanted.
pub fn set_up() {
    if anstream::stderr().current_choice() == anstream::ColorChoice::Never {
        inquire::set_global_render_config(RenderConfig::empty());
    }
}

/// One of several, by its place; `None` is Esc, back to the window before.
pub fn choose(
    message: &str,
    options: &[impl AsRef<str>],
    start: usize,
) -> Result<Option<usize>, CommandError> {
    let options: Vec<String> = options.iter().map(|option| printable(option.as_ref())).collect();
    let start = start.min(options.len().saturating_sub(1));
    let prompt =
        Select::new(message, options).without_filtering().with_page_size(12).with_starting_cursor(start);
    let chosen = prompt.with_help_message(HELP).raw_prompt_skippable().map_err(left)?;
    Ok(chosen.map(|option| option.index))
}

/// A line of text, with what it is now; `None` is Esc.
pub fn text(message: &str, now: &str) -> Result<Option<String>, CommandError> {
    let prompt = Text::new(message).with_initial_value(now).with_help_message(HELP);
    Ok(prompt.prompt_skippable().map_err(left)?.map(|text| text.trim().to_owned()))
}

fn left(error: InquireError) -> CommandError {
    match error {
        InquireError::OperationInterrupted => interrupt::interrupted(),
        e => no_terminal(&e),
    }
}

fn no_terminal(e: &(dyn std::error::Error + 'static)) -> CommandError {
    CommandError::new(ErrorKind::Usage, "the windows need a terminal")
        .caused_by(e)
        .hint("sastctl revert, ctl create and ctl update do the same without questions")
}

/// A key at a window that waits.
pub enum Key {
    /// Ok.
    Enter,
    /// Back.
    Escape,
    /// Nothing within the time.
    None,
}

/// The terminal gives single keys until this is dropped.
pub struct SingleKeys;

impl SingleKeys {
    /// From here on keys come one by one, unseen.
    pub fn begin() -> Result<Self, CommandError> {
        terminal::enable_raw_mode().map_err(|e| no_terminal(&e))?;
        Ok(SingleKeys)
    }

    /// The next key, or none within `patience`.
    pub fn next(&self, patience: Duration) -> Result<Key, CommandError> {
        if !event::poll(patience).map_err(|e| no_terminal(&e))? {
            return Ok(Key::None);
        }
        let Event::Key(key) = event::read().map_err(|e| no_terminal(&e))? else { return Ok(Key::None) };
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c' | 'd') if control => Err(interrupt::interrupted()),
            _ if key.kind == KeyEventKind::Release => Ok(Key::None),
            KeyCode::Enter => Ok(Key::Enter),
            KeyCode::Esc => Ok(Key::Escape),
            _ => Ok(Key::None),
        }
    }
}

impl Drop for SingleKeys {
    fn drop(&mut self) {
        let _ = terminal::disable_raw_mode();
    }
}
