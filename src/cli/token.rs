//! `token list`, `token show`; the other token commands by their own files.

use clap::{Args, Subcommand};
use serde::Serialize;

use super::error::CommandError;
use super::settings::Settings;
use super::signing::now;
use super::token_admin::{self, ChangePinArgs, InitArgs, UnlockArgs};
use super::token_watch::{self, WatchArgs};
use super::ui::{Ui, printable, table};
use crate::phone::EXPIRED_TOKEN;
use crate::token::{Module, Token, TokenCertificate, TokenContents, TokenError};
use crate::trustlist::{Certificate, CertificateReport, day};

/// Tokens.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// List the tokens: reader, label, serial, PIN state, SAST certificates
    List,
    Show(ShowArgs),
    Watch(WatchArgs),
    ChangePin(ChangePinArgs),
    Unlock(UnlockArgs),
    Init(InitArgs),
}

/// Show everything about one token: flags, mechanisms, certificates, and which of them have a key
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The token [default: --token, else the only one]
    #[arg(value_name = "TOKEN")]
    selector: Option<String>,
}

/// A token, for machines.
#[derive(Debug, Serialize)]
struct TokenJson<'a> {
    #[serde(flatten)]
    token: &'a Token,
    certificates: Vec<CertificateJson>,
    /// Why the certificates could not be read, if so.
    certificates_problem: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mechanisms: Option<Vec<String>>,
}

/// A certificate on a token, for machines.
#[derive(Debug, Serialize)]
struct CertificateJson {
    id: String,
    label: String,
    #[serde(flatten)]
    certificate: Option<CertificateReport>,
    expired: Option<bool>,
    has_key: Option<bool>,
    problem: Option<String>,
}

/// Runs one of them.
pub fn run(command: TokenCommand, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    match command {
        TokenCommand::List => list(&settings.module_options().open()?, ui),
        TokenCommand::Show(args) => show(&args, settings, ui),
        TokenCommand::Watch(args) => token_watch::run(&args, settings, ui),
        TokenCommand::ChangePin(args) => token_admin::change_pin(&args, settings, ui),
        TokenCommand::Unlock(args) => token_admin::unlock(&args, settings, ui),
        TokenCommand::Init(args) => token_admin::init(&args, settings, ui),
    }
}

fn list(module: &Module, ui: &Ui) -> Result<(), CommandError> {
    let all = module.contents()?;
    if ui.is_json() {
        let tokens: Vec<_> = all.iter().map(|contents| json(contents, None)).collect();
        return ui.print_json(
            &serde_json::json!({ "module": module.path().display().to_string(), "tokens": tokens }),
        );
    }
    if all.is_empty() {
        let slots = match module.slot_count()? {
            1 => "1 slot, empty".to_owned(),
            slots => format!("{slots} slots, all empty"),
        };
        ui.print(&format!(
            "No token found. Checked {} (profile {}): {slots}.",
            module.path().display(),
            module.profile().name
        ))?;
        return Ok(());
    }
    let head = ["SLOT", "READER", "TOKEN", "SERIAL", "PIN", "SAST CERTIFICATE", "KEY", "EXPIRES"];
    ui.print(&table(&head, &all.iter().flat_map(rows).collect::<Vec<_>>()))?;
    for contents in &all {
        if let Some(problem) = &contents.token.problem {
            ui.warn(&format!("slot {}: {problem}", contents.token.slot_id));
        }
        if let Some(problem) = &contents.problem {
            ui.warn(&not_read(&contents.token, problem));
        }
    }
    if all.iter().flat_map(|c| &c.certificates).any(|c| c.certificate.as_ref().is_ok_and(expired)) {
        ui.print(&format!("Expired SAST certificate: {EXPIRED_TOKEN}."))?;
    }
    Ok(())
}

/// One line per certificate; one for a token without.
fn rows(contents: &TokenContents) -> Vec<Vec<String>> {
    let token = &contents.token;
    let mut head = vec![
        token.slot_id.to_string(),
        token.reader.to_owned(),
        token.label.to_owned(),
        token.serial.to_owned(),
        if token.initialized { token.pin_state.to_string() } else { "-".to_owned() },
    ];
    if !token.initialized {
        head.push("(not initialised)".to_owned());
        return vec![head];
    }
    let mut rows = Vec::new();
    for entry in &contents.certificates {
        let mut row = if rows.is_empty() { head.clone() } else { vec![String::new(); head.len()] };
        match &entry.certificate {
            Ok(certificate) => row.extend([
                printable(&certificate.sast_name()),
                certificate.public_key.describe(),
                day(certificate.not_after) + if expired(certificate) { "  expired" } else { "" },
            ]),
            Err(_) => row.push("(does not parse)".to_owned()),
        }
        rows.push(row);
    }
    if rows.is_empty() {
        head.push("(none)".to_owned());
        rows.push(head);
    }
    rows
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
    if ui.is_json() {
        return ui.print_json(&json(&contents, Some(mechanisms)));
    }
    let token = &contents.token;
    let (model, maker) = (&token.model, &token.manufacturer);
    let (hardware, firmware) = (&token.hardware_version, &token.firmware_version);
    let (min, max) = (token.pin_min, token.pin_max);
    let yes = |b: bool| if b { "yes" } else { "no" };
    let lines = [
        ("Token", token.label.to_owned()),
        ("Serial", token.serial.to_owned()),
        ("Model", format!("{model} by {maker}, hardware {hardware}, firmware {firmware}")),
        ("Reader", format!("{} (slot {})", token.reader, token.slot_id)),
        ("PIN", format!("{}, {min} to {max} characters", token.pin_state)),
        ("PIN pad", yes(token.pin_pad).to_owned()),
        ("Login required", yes(token.login_required).to_owned()),
        ("Write-protected", yes(token.write_protected).to_owned()),
        ("Module", format!("{} (profile {})", module.path().display(), module.profile().name)),
    ];
    let mut text: String = lines.iter().map(|(label, value)| format!("{label:<16} {value}\n")).collect();
    for entry in &contents.certificates {
        text.push_str(&certificate_text(entry));
    }
    match &contents.problem {
        Some(problem) => text.push_str(&format!("Certificates     not read: {problem}\n")),
        None if contents.certificates.is_empty() => text.push_str("Certificates     none\n"),
        None => {}
    }
    text.push_str(&format!("Mechanisms       {}\n", mechanisms.join(" ")));
    ui.print(&text)
}

fn certificate_text(entry: &TokenCertificate) -> String {
    let id = crate::trustlist::digest::hex(&entry.id, "");
    let key = match entry.has_key {
        Some(true) => "its key is here",
        Some(false) => "no key for it is here",
        None => "its key cannot be seen without the PIN",
    };
    match &entry.certificate {
        Ok(certificate) => format!(
            "Certificate      {}, {}, until {}{}\n                 id {id}, label {:?}; {key}\n",
            printable(&certificate.sast_name()),
            certificate.public_key.describe(),
            day(certificate.not_after),
            if expired(certificate) { " (expired)" } else { "" },
            entry.label,
        ),
        Err((bytes, why)) => {
            format!("Certificate      {} bytes that do not parse: {}\n", bytes.len(), printable(why))
        }
    }
}

fn json(contents: &TokenContents, mechanisms: Option<Vec<String>>) -> TokenJson<'_> {
    TokenJson {
        token: &contents.token,
        certificates: contents.certificates.iter().map(certificate_json).collect(),
        certificates_problem: contents.problem.as_ref().map(ToString::to_string),
        mechanisms,
    }
}

fn certificate_json(entry: &TokenCertificate) -> CertificateJson {
    CertificateJson {
        id: crate::trustlist::digest::hex(&entry.id, ""),
        label: entry.label.clone(),
        certificate: entry.certificate.as_ref().ok().map(CertificateReport::new),
        expired: entry.certificate.as_ref().ok().map(expired),
        has_key: entry.has_key,
        problem: entry.certificate.as_ref().err().map(|(_, why)| why.clone()),
    }
}

/// That a token is there whose certificates are missing in what is shown.
pub fn not_read(token: &Token, problem: &TokenError) -> String {
    format!("{}: its certificates were not read: {problem}", token.label)
}

/// Whether its validity ended.
pub fn expired(certificate: &Certificate) -> bool {
    certificate.not_after < now()
}
