//! What all commands that sign share: their options, how plans and results are shown, and what is answered.

mod args;
mod views;

pub use args::{DIGESTS, HowArgs, JournalPlaceArgs, PlaceArgs, SigningArgs, now, one_of};
pub use views::{checksums_text, dry_run_text, numbered, phones_text, plan_text, request_text, written_text};

use std::path::Path;

use super::{CommandError, Settings, Ui, next};
use crate::workflow::Next;
use crate::workflow::exchange::SigningRequest;
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
    let to_output = files.iter().any(|file| file.out().as_os_str() == "-") && !args.dry_run;
    let operator = args.operator(to_output, settings, ui);
    let json = |file: &BatchFile| file.json(session.signer());
    let plans = ui.json.then(|| files.iter().map(json).collect::<Vec<_>>());
    let signed = session.sign(batch, &args.order(what), &operator)?;
    if let Some(signed) = &signed {
        note_signed(signed, ui);
    }
    if !ui.json || to_output {
        return Ok(());
    }
    let mut document = serde_json::json!({
        "dry_run": args.dry_run, "plans": plans, "written": *operator.written(),
    });
    if let Some((document, signed)) = document.as_object_mut().zip(signed) {
        document.insert("journal".to_owned(), signed.journal.display().to_string().into());
    }
    ui.print_json("sign", &document)
}

/// Tells where the journal is, and what is left to do by hand.
pub fn note_signed(signed: &Signed, ui: &Ui) {
    ui.note(&format!("Journal: {}", signed.journal.display()));
    if !signed.by_hand.is_empty() {
        ui.note(&format!("Left to do by hand:\n{}", numbered(&signed.by_hand)));
    }
}

/// Tells that a request was written, and what comes next.
pub fn note_request(out: &Path, made: &SigningRequest, ui: &Ui) -> Result<(), CommandError> {
    let file = out.display().to_string();
    if ui.json {
        let document = serde_json::json!({ "request": file, "serial": made.serial, "digest": made.digest, "expires": made.expires });
        return ui.print_json("request", &document);
    }
    let next = next::shell(&["sastctl", "sign-request", &file]);
    ui.note(&format!("Carry it to the machine with the token, and there: {next}"));
    if let Some(seen) = &made.seen {
        let next = next::spell(&Next::use_answer(&seen.run, &out.with_extension("sastans")));
        ui.note(&format!("The run waits for the answer. Then, with the options of this command: {next}"));
    }
    Ok(())
}
