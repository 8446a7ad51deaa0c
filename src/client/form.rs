//! What a window asks, as a value: rows, a line of text, buttons, and which of them Enter is for.

use crossterm::event::KeyCode;
use ratatui::widgets::TableState;

use crate::workflow::OperatorError;

/// What a window asks.
#[derive(Default)]
pub struct Form<'a> {
    pub what: &'a str,
    /// The names of the columns of `rows`; none of a plain list.
    pub head: &'a [&'a str],
    pub rows: Vec<Vec<String>>,
    /// The row that is selected.
    pub list: TableState,
    /// A line of text, with what is in it.
    pub input: Option<String>,
    /// Back and Cancel follow them.
    pub buttons: Vec<String>,
    /// The button that Enter presses; `None`: Enter is for the list or the line.
    pub focus: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pressed {
    Button(usize),
    /// Enter at the list or the line of text.
    Row,
    Back,
}

impl Form<'_> {
    /// Each button, and the letter that presses it.
    pub fn labels(&self) -> Vec<(&str, char)> {
        let mut taken = if self.head.is_empty() { vec![] } else { vec!['d'] };
        let labels = self.buttons.iter().map(String::as_str).chain(["Back", "Cancel"]);
        let lettered = labels.map(|label| {
            let mut letters = label.chars().map(|c| c.to_ascii_lowercase());
            let letter = letters.find(|c| c.is_alphabetic() && !taken.contains(c)).unwrap_or(' ');
            taken.push(letter);
            (label, letter)
        });
        lettered.collect()
    }

    pub fn enter(&self) -> Result<Option<Pressed>, OperatorError> {
        match self.focus {
            None => Ok(Some(Pressed::Row)),
            Some(at) if at < self.buttons.len() => Ok(Some(Pressed::Button(at))),
            Some(at) if at == self.buttons.len() => Ok(Some(Pressed::Back)),
            Some(_) => Err(OperatorError::interrupted()),
        }
    }

    /// The next or the previous of the list or the line, the buttons, Back and Cancel.
    pub fn step(&mut self, forward: bool) {
        let body = usize::from(!self.rows.is_empty() || self.input.is_some());
        let places = self.buttons.len().saturating_add(2).saturating_add(body);
        let at = self.focus.map_or(0, |button| button.saturating_add(body));
        let next = at.saturating_add(if forward { 1 } else { places.saturating_sub(1) });
        self.focus = next.checked_rem(places).unwrap_or(0).checked_sub(body);
    }

    pub fn select(&mut self, key: KeyCode) {
        match key {
            KeyCode::Up => self.list.select_previous(),
            KeyCode::Down => self.list.select_next(),
            KeyCode::Home => self.list.select_first(),
            _ => self.list.select_last(),
        }
        let last = self.rows.len().saturating_sub(1);
        self.list.select(self.list.selected().map(|row| row.min(last)));
        self.focus = None;
    }
}
