//! What a command that signs answers.

use super::super::error::CommandError;
use super::super::settings::Settings;
use super::super::ui::Ui;
use super::args::SigningArgs;
use super::views::{numbered, plan_json};
use crate::workflow::signing::{Batch, BatchFile, Signed, SigningSession};

/// Shows the plans, asks, signs, and answers. `what` names the command in the journal.
pub fn sign(
    what: &'static str,
    session: &SigningSession,
    batch: Batch<'_>,
    args: &SigningArgs,
    (settings, ui): (&Settings, &Ui),
) -> Result<(), CommandError> {
    let files = if let Batch::Planned(files) = &batch { &files[..] } else { &[] };
    let to_output = files.iter().any(|file| file.out().as_os_str() == "-") && !args.is_dry_run();
    let operator = args.operator(to_output, settings, ui);
    let json = |file: &BatchFile| plan_json(file, session.signer());
    let plans = ui.is_json().then(|| files.iter().map(json).collect::<Vec<_>>());
    let signed = session.sign(batch, &args.order(what), &operator)?;
    if let Some(signed) = &signed {
        note_signed(signed, ui);
    }
    if !ui.is_json() || to_output {
        return Ok(());
    }
    let mut document = serde_json::json!({
        "dry_run": args.is_dry_run(), "plans": plans, "written": *operator.written(),
    });
    if let (Some(object), Some(signed)) = (document.as_object_mut(), signed) {
        object.insert("journal".to_owned(), signed.journal.display().to_string().into());
    }
    ui.print_json(&document)
}

pub fn note_signed(signed: &Signed, ui: &Ui) {
    ui.note(&format!("Journal: {}", signed.journal.display()));
    if !signed.by_hand.is_empty() {
        ui.note(&format!("Left to do by hand:\n{}", numbered(&signed.by_hand)));
    }
}
