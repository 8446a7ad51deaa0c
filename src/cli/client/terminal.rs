//! The windows at the terminal: Esc goes back, Ctrl-C leaves. Never for a PIN.

use std::time::Duration;

use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use inquire::{InquireError, Select, Text};

use super::super::operator::DRY_RUN;
use super::super::signing::{dry_run_text, plan_text};
use super::super::ui::SingleKeys;
use crate::cli::{CommandError, ErrorKind, TerminalOperator, interrupt, printable, table};
use crate::trustlist::{Certificate, Name};
use crate::workflow::{OperatorError, PlanError, WindowOperator, WindowView, WorkError};

const HELP: &str = "Enter selects, Esc goes back, Ctrl-C cancels";

impl WindowOperator for TerminalOperator<'_> {
    fn show_window(&self, view: WindowView<'_>) {
        self.ui.show(&match view {
            WindowView::Text(text) => text.to_owned(),
            WindowView::Error(error) => in_the_windows(error).to_string(),
            WindowView::Insert => {
                "Please insert a Security Token.  Click Ok when done.\n  (Enter is Ok, Esc goes back, Ctrl-C cancels)"
                    .to_owned()
            }
            WindowView::Token(certificate) => information(certificate),
            WindowView::NotNamed { name, named } => printable(&format!(
                "{name} is not the token of --token: insert {named} first. It signs."
            )),
            WindowView::NamedNotAdded { named } => {
                format!("The token of --token, {named}, is not added: choose Add Tokens first.")
            }
            WindowView::Plan { file, dry_run } => {
                self.ui.show(&plan_text(file));
                file.warnings.iter().for_each(|warning| self.ui.warn(warning));
                if !dry_run {
                    return;
                }
                format!("{}\n{DRY_RUN}", dry_run_text(file).trim_end_matches('\n'))
            }
            WindowView::Entries(entries) => {
                let row = |columns: &[String; 4]| columns.iter().map(|c| printable(c)).collect();
                let rows: Vec<Vec<String>> = entries.iter().map(|entry| row(&entry.columns)).collect();
                let head = ["Type", "Hostname/IP Address", "Issuer Name", "Subject Name"];
                format!("\nCTL Entries\n{}", table(&head, &rows))
            }
        });
    }

    fn choose(&self, what: &str, options: &[String], start: usize) -> Result<Option<usize>, OperatorError> {
        let options: Vec<String> = options.iter().map(|option| printable(option)).collect();
        let start = start.min(options.len().saturating_sub(1));
        let prompt =
            Select::new(what, options).without_filtering().with_page_size(12).with_starting_cursor(start);
        let chosen = prompt.with_help_message(HELP).raw_prompt_skippable().map_err(left)?;
        Ok(chosen.map(|option| option.index))
    }

    fn text(&self, what: &str, now: &str) -> Result<Option<String>, OperatorError> {
        let prompt = Text::new(what).with_initial_value(now).with_help_message(HELP);
        Ok(prompt.prompt_skippable().map_err(left)?.map(|text| text.trim().to_owned()))
    }

    fn ok_within(&self, patience: Duration) -> Result<Option<bool>, OperatorError> {
        let _single_keys = SingleKeys::begin().map_err(|e| no_terminal(&e))?;
        if !event::poll(patience).map_err(|e| no_terminal(&e))? {
            return Ok(None);
        }
        let Event::Key(key) = event::read().map_err(|e| no_terminal(&e))? else { return Ok(None) };
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c' | 'd') if control => Err(interrupt::interrupted()),
            _ if key.kind == KeyEventKind::Release => Ok(None),
            KeyCode::Enter => Ok(Some(true)),
            KeyCode::Esc => Ok(Some(false)),
            _ => Ok(None),
        }
    }
}

/// An error with what helps at the windows where that is something else than in the commands.
fn in_the_windows(error: WorkError) -> CommandError {
    match error {
        WorkError::Plan(PlanError::OneToken { .. }) => CommandError::new(ErrorKind::No, error.to_string())
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
        "\nSecurity Token Information\n  Subject Name:  {}\n  Issuer Name:   {}\n  Valid From:    {}\n  Expires on:    {}",
        name(&certificate.subject),
        name(&certificate.issuer),
        date(certificate.not_before),
        date(certificate.not_after)
    )
}

fn left(error: InquireError) -> OperatorError {
    match error {
        InquireError::OperationInterrupted => interrupt::interrupted(),
        e => no_terminal(&e).into(),
    }
}

fn no_terminal(e: &(dyn std::error::Error + 'static)) -> CommandError {
    CommandError::usage("the windows need a terminal")
        .caused_by(e)
        .hint("sastctl revert, ctl create and ctl update do the same without questions")
}
