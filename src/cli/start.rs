//! `start`, and `sastctl` alone: what is here, and what comes next, in at most twelve lines.

use std::path::Path;

use serde_json::{Value, json};

use super::next::spell;
use super::signing::now;
use super::{CommandError, Settings, Ui, printable};
use crate::token::TokenContents;
use crate::trustlist::{VerifiedList, day};
use crate::workflow::WorkError;
use crate::workflow::start::{Found, NextStep};
use crate::workflow::token_report::{TokenReport, is_expired};

/// More tokens than these are counted.
const SHOWN_TOKENS: usize = 3;

pub fn run(settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let found = Found::look(settings.module_options().open(), Path::new("."));
    let steps = found.next_steps();
    let tokens = found.tokens.as_deref().unwrap_or_default();
    if ui.json {
        let tokens: Vec<_> = tokens.iter().map(|token| TokenReport::new(token, None, now())).collect();
        let next: Vec<Value> =
            steps.iter().map(|step| json!({ "command": spell(&step.next), "what": step.what })).collect();
        let problem = found.tokens.as_ref().err().map(ToString::to_string);
        let list = found.list.as_ref().map(list_text);
        return ui.print_json(
            "start",
            &json!({ "tokens": tokens, "problem": problem, "list": list, "next": next }),
        );
    }
    let mut lines = match &found.tokens {
        Ok(tokens) if tokens.is_empty() => vec!["No token is inserted.".to_owned()],
        Ok(tokens) => token_lines(tokens),
        Err(e) => vec![format!("No token can be found: {}", printable(&e.to_string()))],
    };
    // Behind two blanks begins the text under which a line goes on.
    lines.extend(found.list.as_ref().map(|list| list_text(list).replacen(": ", ":  ", 1)));
    let step = |NextStep { next, what }: &NextStep| [(*what).to_owned(), format!("  {}", spell(next))];
    lines.extend(steps.iter().flat_map(step));
    lines.push("All commands and topics: sastctl help".to_owned());
    ui.print(&lines.join("\n"))
}

fn token_lines(tokens: &[TokenContents]) -> Vec<String> {
    let line = |contents: &TokenContents| {
        let token = &contents.token;
        let certificate = |c: &crate::trustlist::Certificate| {
            let over = if is_expired(c, now()) { "expired" } else { "until" };
            printable(&format!("{}, {} {}", c.sast_name(), over, day(c.not_after)))
        };
        let certificates = contents.certificates.iter().filter_map(|c| c.certificate.as_ref().ok());
        let certificates: Vec<String> = certificates.map(certificate).collect();
        let certificates = match contents.read_error() {
            Some(unreadable) => printable(&unreadable),
            None if certificates.is_empty() => "no SAST certificate".to_owned(),
            None => certificates.join("; "),
        };
        format!("{} ({}):  PIN {}; {certificates}", token.shown_label(), token.serial, token.pin_state)
    };
    let (ready, blank): (Vec<_>, Vec<_>) = tokens.iter().partition(|contents| contents.token.initialized);
    if ready.is_empty() {
        return vec![format!("Every token is blank ({}).", blank.len())];
    }
    let mut lines: Vec<String> = ready.iter().take(SHOWN_TOKENS).copied().map(line).collect();
    let more = ready.len().saturating_sub(SHOWN_TOKENS);
    lines.extend((more > 0).then(|| format!("and {more} more: sastctl token list")));
    lines
}

fn list_text(list: &Result<VerifiedList, WorkError>) -> String {
    match list {
        Ok(list) => {
            let kind = if list.signer().is_token() { "signed by the token" } else { "tokenless, signed by" };
            printable(&format!("CTLFile.tlv in this folder: {kind} {}", list.signer().short_name()))
        }
        Err(e) => printable(&format!("CTLFile.tlv in this folder cannot be used: {e}")),
    }
}
