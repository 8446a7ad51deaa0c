//! The operator at the windows: full-screen forms where the terminal can show them, else lines of text.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ratatui::widgets::TableState;
use zeroize::Zeroizing;

use super::form::{Form, Pressed};
use super::plain::{self, HEAD, details};
use super::screen::Screen;
use crate::cli::TerminalOperator;
use crate::cli::operator::{DRY_RUN, host_key_text, text_of};
use crate::cli::pin::{self, PinSource};
use crate::cli::signing::{dry_run_text, plan_text};
use crate::token::{PinKind, PinState};
use crate::trustlist::{Certificate, Name};
use crate::ui::{CommandError, STATE, interrupt, printable};
use crate::workflow::{
    Entry, Operator, OperatorError, PlanError, Question, Secret, View, WindowOperator, WindowView, WorkError,
};

/// What the windows speak through; without a screen they are lines of text.
pub struct ClientOperator<'a> {
    pub terminal: &'a TerminalOperator<'a>,
    pub screen: Option<Mutex<Screen>>,
}

impl ClientOperator<'_> {
    /// Shows a text, which is also read when the windows are left.
    pub fn keep(&self, text: &str) {
        self.tell(text);
        self.screen().iter_mut().for_each(|screen| screen.keep(text));
    }

    fn screen(&self) -> Option<MutexGuard<'_, Screen>> {
        self.screen.as_ref().map(|screen| screen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn tell(&self, text: &str) {
        match self.screen() {
            Some(mut screen) => screen.tell(&text.replace(STATE, "")),
            None => self.terminal.ui.show(text),
        }
    }
}

impl Operator for ClientOperator<'_> {
    fn note(&self, text: &str) {
        if self.screen.is_some() { self.tell(text) } else { self.terminal.note(text) }
    }

    fn warn(&self, text: &str) {
        self.tell(&format!("warning: {text}"));
    }

    fn show(&self, view: &View<'_>) -> Result<(), OperatorError> {
        match view {
            View::Written(written) => self.terminal.written().push((*written).clone()),
            View::Text(text) => self.keep(text),
            View::PhonesNotKnown { .. } | View::FactoryPin { .. } if self.screen.is_some() => {
                self.keep(&format!("warning: {}", text_of(view)));
            }
            other if self.screen.is_some() => match text_of(other) {
                text if text.is_empty() => self.terminal.show(other)?,
                text => self.tell(&text),
            },
            other => self.terminal.show(other)?,
        }
        Ok(())
    }

    fn can_ask(&self) -> bool {
        self.terminal.can_ask()
    }

    fn said_yes(&self, question: &Question) -> bool {
        self.terminal.said_yes(question)
    }

    fn ask(&self, question: &Question) -> Result<bool, OperatorError> {
        if self.screen.is_none() {
            return self.terminal.ask(question);
        }
        if let Question::HostKey { host, fingerprint } = question {
            self.tell(&host_key_text(host, fingerprint));
        }
        let options = ["No".to_owned(), "Yes".to_owned()];
        Ok(self.choose(&question.to_string(), &options, 0)? == Some(1))
    }

    fn secret(&self, secret: &Secret<'_>) -> Result<Option<Zeroizing<String>>, OperatorError> {
        let source = match *secret {
            Secret::Pin { which: PinKind::User, has_pin_pad, .. } => {
                let source = self.terminal.settings.pin_source.clone();
                source.unwrap_or_else(|| PinSource::of_reader(has_pin_pad))
            }
            Secret::Pin { .. } | Secret::HostPassword { .. } => PinSource::Prompt,
            Secret::NodePassword { .. } => self.terminal.password_source.clone().unwrap_or(PinSource::Prompt),
        };
        if source != PinSource::Prompt {
            return self.terminal.secret(secret);
        }
        interrupt::listen()?;
        self.screen().iter_mut().try_for_each(|screen| screen.before_pin())?;
        let typed = match *secret {
            Secret::Pin { token, which: PinKind::User, .. } => pin::typed(token, self.terminal.ui)?,
            _ => self.terminal.secret(secret)?.unwrap_or_default(),
        };
        self.screen().iter_mut().for_each(|screen| screen.works());
        if typed.is_empty() { Err(OperatorError::WentBack) } else { Ok(Some(typed)) }
    }
}

impl WindowOperator for ClientOperator<'_> {
    fn show_window(&self, view: WindowView<'_>) {
        let text = match view {
            WindowView::Title(title) => match self.screen() {
                Some(mut screen) => return screen.begin_window(title),
                None => format!("\n{title}"),
            },
            WindowView::Text(text) => text.to_owned(),
            WindowView::Error(error) => in_the_windows(error).to_string(),
            WindowView::PinRefused { error, state } => format!("{error}.\n{}", state_text(state)),
            WindowView::Insert { inserted, note } => {
                let tokens: String = inserted.iter().map(|name| format!("  inserted: {name}\n")).collect();
                let tokens = if tokens.is_empty() { "  waiting for a token …\n" } else { &tokens };
                let text = format!("Please insert a Security Token.  Click Ok when done.\n{tokens}{note}");
                match self.screen() {
                    Some(mut screen) => return screen.status(&text),
                    None => text,
                }
            }
            WindowView::Token(certificate) => information(certificate),
            WindowView::NotNamed { name, named } => {
                printable(&format!("{name} is not the token of --token: insert {named} first. It signs."))
            }
            WindowView::NamedNotAdded { named } => {
                format!("The token of --token, {named}, is not added: choose Add Tokens first.")
            }
            WindowView::Plan { file, dry_run } => {
                let warnings = file.warnings.iter().map(|warning| format!("warning: {warning}\n"));
                let text = plan_text(file) + &warnings.collect::<String>();
                if dry_run {
                    return self.keep(&format!("{text}{}{DRY_RUN}", dry_run_text(file)));
                }
                text
            }
        };
        self.tell(&text);
    }

    fn choose(&self, what: &str, options: &[String], start: usize) -> Result<Option<usize>, OperatorError> {
        let Some(mut screen) = self.screen() else {
            return plain::choose(self.terminal.ui, what, options, start);
        };
        let is_button = options.len() == 1;
        let rows = if is_button { vec![] } else { options.iter().map(|o| vec![o.clone()]).collect() };
        let buttons = if is_button { options.to_vec() } else { vec!["OK".to_owned()] };
        let list = TableState::new().with_selected(start);
        let mut form = Form { what, rows, list, buttons, ..Form::default() };
        Ok(match screen.ask(&mut form)? {
            Pressed::Back => None,
            _ => form.list.selected(),
        })
    }

    fn entries(
        &self,
        entries: &[Entry],
        buttons: &[&str],
        start: usize,
    ) -> Result<Option<(usize, Option<usize>)>, OperatorError> {
        let Some(mut screen) = self.screen() else {
            return plain::entries(self.terminal.ui, entries, buttons, start);
        };
        let rows = entries.iter().map(|entry| entry.columns.to_vec()).collect();
        let buttons = buttons.iter().map(|button| (*button).to_owned()).collect();
        let mut form = Form { head: &HEAD, rows, buttons, focus: Some(start), ..Form::default() };
        loop {
            match screen.ask(&mut form)? {
                Pressed::Back => return Ok(None),
                Pressed::Button(button) => return Ok(Some((button, form.list.selected()))),
                Pressed::Row => {
                    let Some(entry) = form.list.selected().and_then(|row| entries.get(row)) else { continue };
                    screen.begin_window("Details");
                    screen.tell(&details(entry));
                    screen.ask(&mut Form { buttons: vec!["OK".to_owned()], ..Form::default() })?;
                    screen.begin_window("CTL Entries");
                }
            }
        }
    }

    fn text(&self, what: &str, now: &str) -> Result<Option<String>, OperatorError> {
        let Some(mut screen) = self.screen() else { return plain::text(self.terminal.ui, what, now) };
        let input = Some(now.to_owned());
        let mut form = Form { what, input, buttons: vec!["OK".to_owned()], ..Form::default() };
        Ok(match screen.ask(&mut form)? {
            Pressed::Back => None,
            _ => form.input.map(|text| text.trim().to_owned()),
        })
    }

    fn ok_within(&self, patience: Duration) -> Result<Option<bool>, OperatorError> {
        let Some(mut screen) = self.screen() else {
            let ok = plain::choose(self.terminal.ui, "", &["Ok".to_owned()], 0)?;
            return Ok(Some(ok.is_some()));
        };
        let pressed = screen.ask_within("Ok", patience)?;
        Ok(pressed.map(|pressed| pressed != Pressed::Back))
    }

    fn types_pins(&self) -> bool {
        matches!(self.terminal.settings.pin_source, None | Some(PinSource::Prompt | PinSource::PinPad))
    }
}

/// What the token says about the tries that are left: its flags, never a number.
fn state_text(state: PinState) -> &'static str {
    match state {
        PinState::Low => "Few tries are left; the token locks for good when they run out.",
        PinState::LastTry => "The next try is the last one! A wrong PIN locks the token for good.",
        PinState::Locked => {
            "The PIN is locked. Sign with the other token, or set a new PIN: sastctl token unlock"
        }
        PinState::NotSet => "No PIN is set: sastctl token unlock sets one.",
        PinState::Ok => {
            "The token locks for good after too many wrong PINs in a row; a right one resets the count."
        }
        PinState::Unknown => "The token does not say how many tries are left.",
    }
}

/// An error with what helps at the windows where that is something else than in the commands.
fn in_the_windows(error: WorkError) -> CommandError {
    match error {
        WorkError::Plan(PlanError::OneToken { .. }) => CommandError::no(error.to_string())
            .hint("choose Add Tokens and insert the other one")
            .hint("for a first CTL from a cluster file: give the certificate of a token that is not inserted as \
                [[token]]"),
        _ => error.into(),
    }
}

/// Dates as MM/DD/YYYY, as the CTL Client shows them.
fn information(certificate: &Certificate) -> String {
    let date = |seconds| crate::trustlist::date(seconds, "%m/%d/%Y");
    let style = certificate.sast_style();
    let name = |name: &Name| printable(name.spelled(style).trim_end_matches('\0'));
    format!(
        "Subject Name:  {}\nIssuer Name:   {}\nValid From:    {}\nExpires on:    {}",
        name(&certificate.subject),
        name(&certificate.issuer),
        date(certificate.not_before),
        date(certificate.not_after)
    )
}
