//! `token list`, `token show`, `token watch`; the other token commands by their own files.

use std::time::{Duration, Instant};

use askama::Template;
use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::signing::now;
use super::texts::text;
use super::token_admin::{self, ChangePinArgs, InitArgs, UnlockArgs};
use super::{CommandError, STATE, Settings, Ui, printable, table_with_asides};
use crate::phone::EXPIRED_TOKEN;
use crate::token::{Module, Token, TokenCertificate, TokenContents, TokenError};
use crate::trustlist::digest::hex;
use crate::trustlist::{Certificate, day};
use crate::workflow::token_report::{TokenReport, is_expired};
use crate::workflow::{TokenEvent, TokenWatch};

/// Tokens.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    List(ListArgs),
    Show(ShowArgs),
    Watch(WatchArgs),
    ChangePin(ChangePinArgs),
    Unlock(UnlockArgs),
    Init(InitArgs),
}

/// List the tokens: reader, label, serial, PIN state, SAST certificates
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Print the URI of each token (RFC 7512), to copy into --token or another program
    #[arg(long)]
    uris: bool,
}

/// Show everything about one token: flags, mechanisms, certificates, and which of them have a key
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The token [default: --token, else the only one]
    #[arg(value_name = "TOKEN")]
    selector: Option<String>,
}

pub fn run(command: TokenCommand, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    match command {
        TokenCommand::List(args) => list(&args, &settings.module_options().open()?, ui),
        TokenCommand::Show(args) => show(&args, settings, ui),
        TokenCommand::Watch(args) => watch(&args, settings, ui),
        TokenCommand::ChangePin(args) => token_admin::change_pin(&args, settings, ui),
        TokenCommand::Unlock(args) => token_admin::unlock(&args, settings, ui),
        TokenCommand::Init(args) => token_admin::init(&args, settings, ui),
    }
}

fn list(args: &ListArgs, module: &Module, ui: &Ui) -> Result<(), CommandError> {
    let all = module.contents()?;
    let (path, profile) = (module.path().display().to_string(), &module.profile().name);
    if ui.json {
        let tokens: Vec<_> = all.iter().map(|contents| TokenReport::new(contents, None, now())).collect();
        return ui.print_json("token-list", &serde_json::json!({ "module": path, "tokens": tokens }));
    }
    if args.uris {
        let uris: Vec<String> = all.iter().map(|contents| contents.token.uri()).collect();
        return ui.print_as_it_is(&uris.join("\n"));
    }
    if all.is_empty() {
        let slots = match module.slot_count()? {
            1 => "1 slot, empty".to_owned(),
            slots => format!("{slots} slots, all empty"),
        };
        return ui.print(&format!("No token found. Checked {path} (profile {profile}): {slots}."));
    }
    let head = ["SLOT", "READER", "TOKEN", "SERIAL", "PIN", "SAST CERTIFICATE", "KEY", "EXPIRES"];
    let rows: Vec<_> = all.iter().flat_map(rows).collect();
    ui.print(&table_with_asides(&head, &rows, &["READER", "KEY", "SLOT", "EXPIRES"]))?;
    for contents in &all {
        if let Some(problem) = &contents.token.problem {
            ui.warn(&format!("slot {}: {problem}", contents.token.slot_id));
        }
        if let Some(problem) = &contents.problem {
            ui.warn(&not_read(&contents.token, problem));
        }
    }
    if all.iter().flat_map(|c| &c.certificates).any(|c| c.certificate.as_ref().is_ok_and(is_over)) {
        ui.print(&format!("Expired SAST certificate: {EXPIRED_TOKEN}."))?;
    }
    Ok(())
}

/// One line per certificate; one line for a token without certificates.
fn rows(contents: &TokenContents) -> Vec<Vec<String>> {
    let token = &contents.token;
    let mut head = vec![
        token.slot_id.to_string(),
        token.reader.to_owned(),
        token.shown_label().to_owned(),
        token.serial.to_owned(),
        if token.initialized { format!("{STATE}{}", token.pin_state) } else { "-".to_owned() },
    ];
    if contents.certificates.is_empty() {
        head.push(if token.initialized { "(none)" } else { "-" }.to_owned());
        return vec![head];
    }
    let row = |(at, entry): (usize, &TokenCertificate)| {
        let mut row = if at == 0 { head.clone() } else { vec![String::new(); head.len()] };
        match &entry.certificate {
            Ok(certificate) => row.extend([
                printable(&certificate.sast_name()),
                certificate.public_key.describe(),
                match day(certificate.not_after) {
                    over if is_over(certificate) => format!("{over}  {STATE}expired"),
                    until => until,
                },
            ]),
            Err(_) => row.push("(does not parse)".to_owned()),
        }
        row
    };
    contents.certificates.iter().enumerate().map(row).collect()
}

fn show(args: &ShowArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let module = settings.module_options().open()?;
    let selector = settings.selector_or(args.selector.as_deref())?;
    let mut contents = module.find(selector.as_ref())?;
    if let Some(problem) = &contents.problem {
        ui.warn(&not_read(&contents.token, problem));
    } else {
        module.look_for_keys(&mut contents)?;
    }
    let mut mechanisms: Vec<_> =
        module.mechanisms(&contents.token)?.iter().map(ToString::to_string).collect();
    mechanisms.sort();
    if ui.json {
        return ui.print_json("token-show", &TokenReport::new(&contents, Some(mechanisms), now()));
    }
    ui.page(&text(&TokenText { token: &contents.token, contents: &contents, module: &module, mechanisms }))
}

#[derive(Template)]
#[template(path = "token.txt")]
struct TokenText<'a> {
    token: &'a Token,
    contents: &'a TokenContents,
    module: &'a Module,
    mechanisms: Vec<String>,
}

/// The last day of a certificate, and whether it is over.
pub fn until(certificate: &Certificate) -> String {
    day(certificate.not_after) + if is_over(certificate) { " (expired)" } else { "" }
}

/// The warning for a token whose certificates could not be read.
pub fn not_read(token: &Token, problem: &TokenError) -> String {
    format!("{}: its certificates were not read: {problem}", token.shown_label())
}

fn is_over(certificate: &Certificate) -> bool {
    is_expired(certificate, now())
}

/// Report token insertions and removals, one line each
///
/// --timeout ends it after that many seconds. If --count events have not happened by then, the exit code is 1.
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// End after N events
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
}

fn watch(args: &WatchArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    // With this command, --timeout is how long it watches.
    let module = Settings { timeout: None, ..settings.clone() }.module_options().open()?;
    let mut watched = TokenWatch::begin(&module)?;
    let end = settings.timeout.and_then(|s| Instant::now().checked_add(Duration::from_secs(s)));
    let there: Vec<String> =
        watched.present().iter().map(|contents| contents.token.shown_label().to_owned()).collect();
    ui.note(&match there.as_slice() {
        [] => "Watching. No token is inserted.".to_owned(),
        labels => format!("Watching. Inserted: {}.", printable(&labels.join(", "))),
    });
    let seen = watched.tell(&module, args.count, end, |event| tell_event(event, ui))?;
    match args.count.filter(|count| seen < *count) {
        None => Ok(()),
        Some(count) => Err(CommandError::no(format!(
            "{seen} of {count} events in {} seconds",
            settings.timeout.unwrap_or_default()
        ))),
    }
}

fn tell_event(event: &TokenEvent, ui: &Ui) -> Result<(), CommandError> {
    let contents = &event.contents;
    let word = if event.inserted { "inserted" } else { "removed" };
    let time = Timestamp::now();
    let names: Vec<String> = contents.sast_names().collect();
    if ui.json {
        let line = serde_json::json!({
            "schema": "token-watch/1", "time": format!("{time:.3}"), "event": word, "token": contents.token, "certificates": names,
            "problem": contents.read_error(),
        });
        return ui.print_as_it_is(&line.to_string());
    }
    let token = &contents.token;
    let mut facts = Vec::new();
    facts.extend((!token.serial.is_empty()).then(|| format!("serial {}", token.serial)));
    facts.extend((!token.reader.is_empty()).then(|| format!("reader {}", token.reader)));
    facts.extend(names);
    facts.extend(contents.read_error());
    let name = token.shown_label();
    ui.print(&printable(&format!("{time:.3}  {word:<8}  {name}  {}", facts.join(", "))))
}
