//! The fourth window: wait for a token, show what is seen.

use std::time::Duration;

use super::super::error::CommandError;
use super::super::ui::Ui;
use super::terminal::{Key, SingleKeys, choose};
use crate::token::{Module, Sast, Selector, TokenContents};
use crate::workflow::TokenWatch;

/// How long keys are waited for between two looks at the tokens.
const KEYS_FOR: Duration = Duration::from_millis(200);

/// The CTL Client's words.
pub const INSERT: &str = "Please insert a Security Token.  Click Ok when done.";

/// A token that is in, with its SAST certificate.
pub struct Inserted {
    pub sast: Sast,
    /// Whether `--token` names it.
    pub is_named: bool,
}

/// Waits until the operator says Ok and there is a token with a SAST certificate; several may come at once. `None` is Esc.
pub fn wait(
    module: &Module,
    ui: &Ui,
    known: &[Sast],
    named: Option<&Selector>,
) -> Result<Option<Vec<Inserted>>, CommandError> {
    ui.show(INSERT);
    ui.show("  (Enter is Ok, Esc goes back, Ctrl-C leaves)");
    let mut shown = None;
    let mut watch = TokenWatch::begin(module)?;
    loop {
        watch.next(module, Duration::ZERO)?;
        let found = usable(module, watch.present(), known, named);
        let line = describe(&found);
        if shown.as_ref() != Some(&line) {
            ui.show(&line);
            shown = Some(line);
        }
        let key = SingleKeys::begin()?.next(KEYS_FOR)?;
        match key {
            Key::Escape => return Ok(None),
            Key::None => {}
            Key::Enter if found.is_empty() => {
                ui.show("No Security Token is inserted that was not added yet.");
                shown = None;
            }
            Key::Enter => match which(found)? {
                Some(chosen) => return Ok(Some(chosen)),
                None => shown = None,
            },
        }
    }
}

/// The tokens that were not added yet.
fn usable(
    module: &Module,
    present: &[TokenContents],
    known: &[Sast],
    named: Option<&Selector>,
) -> Vec<Inserted> {
    let added = |sast: &Sast| known.iter().any(|k| k.certificate().der() == sast.certificate().der());
    let contents = present.iter().filter(|c| c.token.is_initialized()).cloned();
    let inserted = contents.filter_map(|contents| {
        let named = named.filter(|_| module.find_among(vec![contents.clone()], named).is_ok());
        Some(Inserted { sast: contents.sast(named).ok()?, is_named: named.is_some() })
    });
    inserted.filter(|inserted| !added(&inserted.sast)).collect()
}

fn name(Inserted { sast, .. }: &Inserted) -> String {
    let (token, certificate) = (sast.token(), sast.certificate());
    format!("{} on \"{}\", serial {}", certificate.sast_name(), token.label(), token.serial())
}

fn describe(found: &[Inserted]) -> String {
    match found {
        [] => "  waiting for a token …".to_owned(),
        _ => found.iter().map(|s| format!("  inserted: {}\n", name(s))).collect(),
    }
}

/// One of several that are inserted at once, or all of them.
fn which(mut found: Vec<Inserted>) -> Result<Option<Vec<Inserted>>, CommandError> {
    if found.len() < 2 {
        return Ok(Some(found));
    }
    let mut options: Vec<String> = found.iter().map(name).collect();
    options.push(format!("all {} of them, in this order", found.len()));
    let Some(at) = choose("Several tokens are inserted. Which one?", &options, 0)? else { return Ok(None) };
    // Behind them is the choice of all.
    Ok(Some(if at < found.len() { vec![found.swap_remove(at)] } else { found }))
}
