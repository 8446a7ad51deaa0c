//! `request …`, `approve`, `sign-request`, `apply`: signing where no network goes.

mod args;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;

pub use args::{ApplyArgs, ApproveArgs, CeremonyArgs, RequestCommand, SignRequestArgs};
use args::{RequestArgs, RevertRequestArgs};

use super::revert::check;
use super::signing::{JournalPlaceArgs, note_request, note_signed, now};
use super::{CommandError, ErrorKind, Settings, TerminalOperator, Ui, next, printable, table};
use crate::cluster::NodeAddress;
use crate::files::{self, OnExisting};
use crate::trustlist::Certificate;
use crate::workflow::cluster_run::RunOptions;
use crate::workflow::exchange::{
    Carry, CeremonySheet, ExchangeError, OpenRequest, SignHere, SignedRequest, Signers, Work, carried, sign,
    write,
};
use crate::workflow::{
    Edit, Next, Release, WorkError, read_certificate, read_cluster, read_verified, spare_tokens,
};

impl RequestArgs {
    fn carry(&self) -> Carry<'_> {
        let (cluster, change) = (self.cluster_name.clone(), self.change.clone());
        let needs_approvals = self.approvals.into();
        Carry { out: &self.out, cluster, change, needs_approvals, days: self.valid }
    }
}

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
        RequestCommand::Revert(args) => {
            let RevertRequestArgs { old, tokens, whole, .. } = &*args;
            let release = check("request revert", old.is_some(), tokens, whole)?;
            let (spares, single_token) = (certificates(&tokens.spare)?, tokens.single_token);
            if let Some(node) = &whole.node {
                return by_run(&args, (node, release), [vec![signer], spares].concat(), (settings, ui));
            }
            // The parser accepts exactly one of them.
            let Some(old) = old else { return Ok(()) };
            let (in_force, edits) = (carried(old)?, tokens.servers.edits()?);
            (Work::Revert { in_force, spares, release, single_token, edits }, args.request)
        }
        RequestCommand::Update { changes, needs, request } => {
            let mut edits = changes.edits()?;
            edits.extend(certificates(&changes.add_token)?.into_iter().map(Edit::AddToken));
            let (in_force, old) = (carried(&changes.file)?, read_verified(&changes.file)?);
            let needed = needs.read(settings, ui)?.map(|needs| needs.to_change(&old, &edits));
            (Work::Update { in_force, edits, needed: needed.transpose()?.flatten() }, request)
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
    let how = request.how.request(&signer, now())?;
    let operator = TerminalOperator::new(settings, ui);
    note_request(&request.out, &write((work, None), how, &request.carry(), &operator, |_| Ok(()))?, ui)
}

/// Does the run on a cluster as far as its signing step.
fn by_run(
    args: &RevertRequestArgs,
    (node, release): (&NodeAddress, Option<Release>),
    tokens: Vec<Certificate>,
    (settings, ui): (&Settings, &Ui),
) -> Result<(), CommandError> {
    let (whole, request) = (&args.whole, &args.request);
    let (journal, change) = (args.journal.clone(), request.change.clone());
    let journal = JournalPlaceArgs { journal, change };
    let (kind, token) = (whole.kind(), (settings.module_options(), None));
    let options = RunOptions {
        upload: whole.store.options(),
        tvs: whole.tvs.options(),
        tokens: Some(tokens),
        ask: Some(request.carry()),
        single_token: args.tokens.single_token,
        release,
        request: &|signer| Ok(request.how.request(signer, now())?),
        ..RunOptions::new(kind, node, token, journal.order(kind.journal(), false))
    };
    let operator = TerminalOperator { yes: args.yes, ..TerminalOperator::new(settings, ui) };
    whole.run.carry_out(options, operator, whole.phones_have_it, &[])
}

pub fn approve(args: &ApproveArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let operator = TerminalOperator {
        yes: args.yes,
        sees_plans: !args.yes && ui.can_ask(),
        ..TerminalOperator::new(settings, ui)
    };
    let open = OpenRequest::read(&args.request, next::spell)?;
    let (serial, digest) = (open.request.serial.clone(), open.request.digest.clone());
    let copy = args.merge.as_deref().map(|copy| OpenRequest::read(copy, next::spell)).transpose()?;
    let approved_by = open.approve(&args.request, copy, args.key.as_deref(), &operator)?;
    let request = args.request.display().to_string();
    if ui.json {
        let document =
            json!({ "request": request, "serial": serial, "digest": digest, "approved_by": approved_by });
        return ui.print_json("approve", &document);
    }
    approved_by.iter().try_for_each(|key| ui.print(&format!("{request}   approved with {key}")))?;
    ui.note(&format!("Then: {}", next::shell(&["sastctl", "sign-request", &request])));
    Ok(())
}

pub fn sign_request(args: &SignRequestArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let operator = TerminalOperator {
        yes: args.yes,
        allow_last_try: args.allow_last_try,
        sees_plans: !args.yes && !args.dry_run && ui.can_ask(),
        ..TerminalOperator::new(settings, ui)
    };
    let signers = Signers::read(args.signers.as_deref())?;
    let how = SignHere {
        out: args.out.as_deref(),
        journal: args.journal.as_deref(),
        ledger: args.ledger.ledger.as_deref(),
        signers: signers.as_ref(),
        dry_run: args.dry_run,
        module: &settings.module_options(),
        selector: settings.selector()?,
        spell: next::spell,
    };
    let mut signed = sign(&args.requests, &how, &operator)?;
    if let Some(error) = signed.only_error() {
        return Err(error.into());
    }
    let text = |path: &Path| path.display().to_string();
    if ui.json {
        let row = |it: &SignedRequest| {
            let answer = it.answer();
            json!({
                "request": text(&it.path), "serial": it.serial, "cluster": it.cluster,
                "answer": answer.map(|a| text(&a.path)), "journal": answer.map(|a| text(&a.journal)),
                "refused": it.result.as_ref().err().map(ToString::to_string), "people": it.people,
            })
        };
        let requests: Vec<_> = signed.each.iter().map(row).collect();
        let document =
            json!({ "dry_run": args.dry_run, "requests": requests, "written": *operator.written() });
        ui.print_json("sign-request", &document)?;
    } else {
        show_signed(&signed.each, ui)?;
    }
    let refused = signed.each.iter().filter(|it| it.result.is_err()).count();
    match signed.stopped {
        Some(error) => Err(error.into()),
        None if refused == 0 => Ok(()),
        None => {
            let what = format!("{refused} of {} requests were refused", signed.each.len());
            Err(CommandError::new(ErrorKind::No, what))
        }
    }
}

/// What became of each request, and what comes next.
fn show_signed(each: &[SignedRequest], ui: &Ui) -> Result<(), CommandError> {
    let text = |path: &Path| path.display().to_string();
    if let [it] = each {
        let Some((serial, answer)) = it.serial.as_ref().zip(it.answer()) else { return Ok(()) };
        let path = text(&answer.path);
        ui.print(&format!("{path}   the answer to the request {serial}"))?;
        ui.note(&format!("Journal: {}", text(&answer.journal)));
        let apply = ["sastctl", "apply", &path, "--request", &text(&it.path), "--out", "FILE"];
        let next = it.run.as_ref().map(|run| next::spell(&Next::use_answer(run, &answer.path)));
        let next = next.unwrap_or_else(|| next::shell(&apply));
        ui.note(&format!("Carry it back to the machine that asked, and there: {next}"));
        return Ok(());
    }
    let mut others: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut rows = vec![];
    for it in each {
        let result = match &it.result {
            Ok(Some(answer)) => text(&answer.path),
            Ok(None) => "can be signed".to_owned(),
            Err(e) => {
                if let WorkError::Exchange(ExchangeError::SecondSigner { wanted, .. }) = e {
                    others.entry(wanted).or_default().push(text(&it.path));
                }
                format!("refused: {e}")
            }
        };
        let cluster = it.cluster.clone().unwrap_or_else(|| "-".to_owned());
        rows.push([text(&it.path), cluster, result].map(|cell| printable(&cell)).to_vec());
    }
    ui.print(&table(&["REQUEST", "CLUSTER", "ANSWER"], &rows))?;
    for (name, requests) in others {
        let command = ["sastctl", "sign-request"].into_iter().chain(requests.iter().map(String::as_str));
        let command = next::shell(&command.collect::<Vec<_>>());
        ui.note(&format!(
            "The token {} signs the others with a login of its own: {command}",
            printable(name)
        ));
    }
    if let Some(answer) = each.iter().find_map(SignedRequest::answer) {
        let folder = files::folder_of(&answer.journal).display();
        ui.note(&format!("A journal for each answer is in {folder}"));
        ui.note(
            "Carry the answers back to the machine that asked; sastctl help secured tells what to do there.",
        );
    }
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

pub fn ceremony(args: &CeremonyArgs, ui: &Ui) -> Result<(), CommandError> {
    let sheet = CeremonySheet::read(&args.request, args.answer.as_deref(), next::spell)?;
    files::write_new(&args.html, sheet.to_string().as_bytes(), OnExisting::KeepBackup)?;
    let (html, serial) = (args.html.display().to_string(), &sheet.request.serial);
    let signed = sheet.is_signed();
    let document =
        json!({ "html": html, "serial": serial, "digest": sheet.request.digest, "signed": signed });
    let what = if signed { "signing of" } else { "ceremony for" };
    ui.answer("ceremony", &document, || format!("{html}   the sheet of the {what} the request {serial}\n"))
}
