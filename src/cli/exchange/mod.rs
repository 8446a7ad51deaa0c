//! `request …`, `sign-request`, `apply`: signing where no network goes.

mod args;

use std::path::Path;

use serde_json::json;

pub use args::{ApplyArgs, RequestCommand, SignRequestArgs};

use super::signing::{note_signed, now};
use super::{CommandError, Settings, TerminalOperator, Ui, next};
use crate::trustlist::Certificate;
use crate::workflow::exchange::{Carry, OpenRequest, SignHere, Work, carried, write};
use crate::workflow::{Edit, read_certificate, read_cluster, spare_tokens};

fn certificates(files: &[String]) -> Result<Vec<Certificate>, CommandError> {
    Ok(files.iter().map(|file| read_certificate(Path::new(file))).collect::<Result<_, _>>()?)
}

pub fn request(command: RequestCommand, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let token = settings.token.as_deref().ok_or_else(|| {
        CommandError::usage("a request names the token that is to sign by its certificate file")
            .hint("--token CERT; where the token is, sastctl cert export writes its certificate")
    })?;
    let signer = read_certificate(Path::new(token))?;
    let (work, request) = match command {
        RequestCommand::Revert { old, tokens, request } => {
            let (in_force, spares) = (carried(&old)?, certificates(&tokens.spare)?);
            let (release, edits) = (tokens.release()?, tokens.servers.edits()?);
            let single_token = tokens.single_token;
            (Work::Revert { in_force, spares, release, single_token, edits }, request)
        }
        RequestCommand::Update { changes, request } => {
            let mut edits = changes.edits()?;
            edits.extend(certificates(&changes.add_token)?.into_iter().map(Edit::AddToken));
            (Work::Update { in_force: carried(&changes.file)?, edits }, request)
        }
        RequestCommand::Create { first, request } => {
            let read = read_cluster(&first.cluster)?;
            let spares = spare_tokens(&signer, certificates(&first.spare)?, read.tokens);
            let (cluster, certificates) = (Box::new(read.cluster), read.certificates);
            let (single_token, edits) = (first.single_token, first.servers.edits()?);
            (Work::Create { cluster, certificates, spares, single_token, edits }, request)
        }
        RequestCommand::Sign { files, request } => {
            let files = files.iter().map(|file| carried(file)).collect::<Result<_, _>>()?;
            (Work::Sign { files }, request)
        }
    };
    let carry = Carry {
        out: &request.out,
        cluster: request.cluster_name,
        change: request.change,
        days: request.valid,
    };
    let how = request.how.request(&signer, now())?;
    let made = write(work, how, carry, &TerminalOperator::new(settings, ui))?;
    if ui.json {
        let document = json!({
            "request": request.out.display().to_string(), "serial": made.serial, "digest": made.digest,
            "expires": made.expires,
        });
        return ui.print_json("request", &document);
    }
    let next = next::shell(&["sastctl", "sign-request", &request.out.display().to_string()]);
    ui.note(&format!("Carry it to the machine with the token, and there: {next}"));
    Ok(())
}

pub fn sign_request(args: &SignRequestArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let operator = TerminalOperator {
        yes: args.yes,
        allow_last_try: args.allow_last_try,
        sees_plans: !args.yes && !args.dry_run && ui.can_ask(),
        ..TerminalOperator::new(settings, ui)
    };
    let how = SignHere {
        out: args.out.as_deref(),
        journal: args.journal.as_deref(),
        ledger: args.ledger.ledger.as_deref(),
        dry_run: args.dry_run,
        module: &settings.module_options(),
        selector: settings.selector()?,
    };
    let open = OpenRequest::read(&args.request, next::spell)?;
    let serial = open.request.serial.clone();
    let signed = open.sign(&how, &operator)?;
    let text = |path: &Path| path.display().to_string();
    let [answer, journal] = [signed.as_ref().map(|s| &s.answer), signed.as_ref().map(|s| &s.journal)]
        .map(|path| path.map(|path| text(path)));
    if ui.json {
        let document = json!({
            "serial": serial, "dry_run": args.dry_run, "answer": answer, "journal": journal, "written": *operator.written(),
        });
        return ui.print_json("sign-request", &document);
    }
    let Some((answer, journal)) = answer.zip(journal) else { return Ok(()) };
    ui.print(&format!("{answer}   the answer to the request {serial}"))?;
    ui.note(&format!("Journal: {journal}"));
    let next = ["sastctl", "apply", &answer, "--request", &text(&args.request), "--out", "FILE"];
    ui.note(&format!("Carry it back to the machine that asked, and there: {}", next::shell(&next)));
    Ok(())
}

pub fn apply(args: &ApplyArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let operator = TerminalOperator::new(settings, ui);
    let open = OpenRequest::read(&args.request, next::spell)?;
    let applied = open.apply(&args.answer, &args.out, args.ledger.ledger.as_deref(), &operator)?;
    if ui.json {
        let journal = applied.signed.journal.display().to_string();
        return ui.print_json(
            "apply",
            &json!({ "serial": applied.serial, "journal": journal, "written": *operator.written() }),
        );
    }
    note_signed(&applied.signed, ui);
    Ok(())
}
