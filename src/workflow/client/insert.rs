//! The fourth window: wait for a token, show what is inserted.

use std::time::Duration;

use super::super::error::WorkError;
use super::super::watch::TokenWatch;
use super::operator::{WindowOperator, WindowView};
use crate::token::{Module, Sast, Selector, TokenContents};

/// How long an answer is waited for between two looks at the tokens.
const ANSWER_FOR: Duration = Duration::from_millis(200);

/// A token that is in, with its SAST certificate.
pub struct Inserted {
    pub sast: Sast,
    /// Whether `--token` names it.
    pub is_named: bool,
}

/// Waits until the operator says Ok and there is a token with a SAST certificate; several may come at once. `None` to go back.
pub fn wait(
    module: &Module,
    operator: &dyn WindowOperator,
    known: &[Sast],
    named: Option<&Selector>,
) -> Result<Option<Vec<Inserted>>, WorkError> {
    operator.show_window(WindowView::Insert);
    let mut shown = None;
    let mut watch = TokenWatch::begin(module)?;
    loop {
        watch.next(module, Duration::ZERO)?;
        let found = usable(module, watch.present(), known, named);
        let line = describe(&found);
        if shown.as_ref() != Some(&line) {
            operator.show_window(WindowView::Text(&line));
            shown = Some(line);
        }
        match operator.ok_within(ANSWER_FOR)? {
            Some(false) => return Ok(None),
            None => continue,
            Some(true) if found.is_empty() => {
                let none = "All inserted Security Tokens are already added.";
                operator.show_window(WindowView::Text(none));
            }
            Some(true) => {
                if let Some(chosen) = which(found, operator)? {
                    return Ok(Some(chosen));
                }
            }
        }
        shown = None;
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
    let contents = present.iter().filter(|c| c.token.initialized).cloned();
    let inserted = contents.filter_map(|contents| {
        let named = named.filter(|_| module.find_among(vec![contents.clone()], named).is_ok());
        Some(Inserted { sast: contents.sast(named).ok()?, is_named: named.is_some() })
    });
    inserted.filter(|inserted| !added(&inserted.sast)).collect()
}

fn name(Inserted { sast, .. }: &Inserted) -> String {
    let (token, certificate) = (sast.token(), sast.certificate());
    format!("{} on \"{}\", serial {}", certificate.sast_name(), token.label, token.serial)
}

fn describe(found: &[Inserted]) -> String {
    match found {
        [] => "  waiting for a token …".to_owned(),
        _ => found.iter().map(|s| format!("  inserted: {}\n", name(s))).collect(),
    }
}

/// One of several that are inserted at once, or all of them.
fn which(
    mut found: Vec<Inserted>,
    operator: &dyn WindowOperator,
) -> Result<Option<Vec<Inserted>>, WorkError> {
    if found.len() < 2 {
        return Ok(Some(found));
    }
    let mut options: Vec<String> = found.iter().map(name).collect();
    options.push(format!("all {}, in this order", found.len()));
    let Some(at) = operator.choose("Several tokens are inserted. Which one?", &options, 0)? else {
        return Ok(None);
    };
    // Behind them is the choice of all.
    Ok(Some(if at < found.len() { vec![found.swap_remove(at)] } else { found }))
}
