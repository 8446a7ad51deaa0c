//! `cert list`, `cert show`, `cert export`; `cert enroll` by its own file.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::cert_enroll::{self, EnrollArgs};
use super::error::{CommandError, ErrorKind};
use super::settings::Settings;
use super::token::{expired, not_read};
use super::ui::{Ui, printable, table};
use crate::files::{self, OnExisting};
use crate::trustlist::{CertificateReport, Style, day, digest};
use crate::workflow::export::{Format, Unread, certificates_of, write_certificate};
use crate::workflow::read_certificate;

/// Certificates on the tokens.
#[derive(Debug, Subcommand)]
pub enum CertCommand {
    /// List the certificates on all tokens
    List,
    Show(ShowArgs),
    Export(ExportArgs),
    Enroll(Box<EnrollArgs>),
}

/// Show one certificate: names, serials, validity, key, fingerprints
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The token whose SAST certificate it is, or a certificate file [default: --token, else the only token]
    #[arg(value_name = "TOKEN|FILE")]
    what: Option<String>,
}

/// Write SAST certificates to files, for Phone-SAST-trust; needs no PIN
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Export the SAST certificates of all tokens, one file each: NAME.cer, or NAME-SERIAL.cer if two have the same
    /// name
    #[arg(long)]
    all: bool,
    /// The folder to write into; `-` is standard output
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// DER or PEM
    #[arg(long, value_enum, default_value_t = Format::Der)]
    format: Format,
    /// Replace existing files; each old file is kept as NAME.bak
    #[arg(long)]
    force: bool,
}

/// Runs one of them.
pub fn run(command: CertCommand, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    match command {
        CertCommand::List => list(settings, ui),
        CertCommand::Show(args) => show(&args, settings, ui),
        CertCommand::Export(args) => export(&args, settings, ui),
        CertCommand::Enroll(args) => cert_enroll::run(&args, settings, ui),
    }
}

#[derive(Debug, Serialize)]
struct Listed {
    token: String,
    token_serial: String,
    id: String,
    expired: bool,
    #[serde(flatten)]
    certificate: CertificateReport,
}

fn list(settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let module = settings.module_options().open()?;
    let (mut listed, mut unread) = (Vec::new(), Vec::new());
    for contents in module.contents()? {
        if let Some(problem) = &contents.problem {
            ui.warn(&not_read(&contents.token, problem));
            unread.push(Unread::new(&contents.token, problem));
        }
        for entry in contents.certificates {
            match entry.certificate {
                Ok(certificate) => listed.push(Listed {
                    token: contents.token.label.to_owned(),
                    token_serial: contents.token.serial.to_owned(),
                    id: digest::hex(&entry.id, ""),
                    expired: expired(&certificate),
                    certificate: CertificateReport::new(&certificate),
                }),
                Err((bytes, why)) => ui.warn(&format!(
                    "{}: a certificate of {} bytes does not parse: {}",
                    contents.token.label,
                    bytes.len(),
                    printable(&why)
                )),
            }
        }
    }
    if ui.is_json() {
        return ui.print_json(&serde_json::json!({ "certificates": listed, "problems": unread }));
    }
    if listed.is_empty() && unread.is_empty() {
        return ui.print("No certificates on any token.");
    }
    let row = |Listed { certificate, token_serial, .. }: &Listed| {
        vec![
            printable(&certificate.name),
            printable(&certificate.issuer),
            certificate.serial.clone(),
            certificate.key.clone(),
            certificate.not_after.chars().take(10).collect(),
            token_serial.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = listed.iter().map(row).collect();
    ui.print(&table(&["NAME", "ISSUER", "SERIAL", "KEY", "EXPIRES", "TOKEN"], &rows))
}

fn show(args: &ShowArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let certificate = match args.what.as_ref().or(settings.token.as_ref()) {
        Some(path) if Path::new(path).is_file() => read_certificate(Path::new(path))?,
        _ => {
            let selector = settings.selector_or(args.what.as_deref())?;
            settings.module_options().open()?.sast(selector.as_ref())?.certificate().clone()
        }
    };
    let report = CertificateReport::new(&certificate);
    if ui.is_json() {
        return ui.print_json(&report);
    }
    let style = certificate.sast_style();
    let way = match style {
        Style::CtlClient => "in the CTL Client's format",
        Style::Cucm => "in CUCM's format",
    };
    let (from, to) = (day(certificate.not_before), day(certificate.not_after));
    let is_over = if expired(&certificate) { " (expired)" } else { "" };
    let serial = digest::hex(&certificate.serial_spelled(style), ":").to_uppercase();
    let lines = [
        ("Name", report.name.clone()),
        ("Subject", report.subject.clone()),
        ("Issuer", report.issuer.clone()),
        ("Serial", report.serial.clone()),
        ("Valid", format!("{from} to {to}{is_over}")),
        ("Key", report.key.clone()),
        ("Signed with", report.signature_algorithm.clone()),
        ("SHA1", report.sha1.clone()),
        ("SHA256", report.sha256.clone()),
        ("Length", format!("{} bytes (DER)", report.bytes)),
        ("As SAST", way.to_owned()),
        ("  subject", certificate.subject.spelled(style)),
        ("  issuer", certificate.issuer.spelled(style)),
        ("  serial", serial),
    ];
    let line = |(label, value): &(_, String)| format!("{label:<12} {}\n", printable(value));
    ui.print(&lines.iter().map(line).collect::<String>())
}

fn export(args: &ExportArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let module = settings.module_options().open()?;
    let (certificates, unread) = if args.all {
        certificates_of(module.contents()?)
    } else {
        let selector = settings.selector()?;
        (vec![module.sast(selector.as_ref())?.certificate().clone()], vec![])
    };
    drop(module);
    if certificates.is_empty() {
        all_read(&unread)?;
        let error = CommandError::new(ErrorKind::Token, "no token has a certificate");
        return Err(error.hint("sastctl token list"));
    }
    if args.out.as_os_str() == "-" {
        let [certificate] = &certificates[..] else {
            let what = "standard output can take only one certificate";
            return Err(CommandError::new(ErrorKind::Usage, what)
                .hint("name a folder with --out, or one token with --token"));
        };
        ui.write(&args.format.encode(certificate))?;
        return all_read(&unread);
    }
    let existing = if args.force { OnExisting::KeepBackup } else { OnExisting::Refuse };
    files::make_folder(&args.out)?;
    let mut written = Vec::new();
    for certificate in &certificates {
        let (path, bytes, backup) =
            write_certificate(certificate, &certificates, &args.out, args.format, existing)?;
        if !ui.is_json() {
            ui.print(&format!(
                "{}   {} bytes, {}, SHA1 {}",
                path.display(),
                bytes,
                certificate.public_key.describe(),
                digest::hex(&certificate.sha1(), "")
            ))?;
        }
        written.push(serde_json::json!({
            "file": path.display().to_string(), "kept_old_as": backup.map(|p| p.display().to_string()),
            "certificate": CertificateReport::new(certificate),
        }));
    }
    if ui.is_json() {
        ui.print_json(&serde_json::json!({ "written": written, "problems": unread }))?;
    }
    ui.note("Upload them in OS Administration > Security > Certificate Management as Phone-SAST-trust.");
    all_read(&unread)
}

/// What is missing in the answer is an error, once the rest was written.
fn all_read(unread: &[Unread]) -> Result<(), CommandError> {
    let what = match unread.len() {
        0 => return Ok(()),
        1 => "the certificate of 1 token was not exported".to_owned(),
        n => format!("the certificates of {n} tokens were not exported"),
    };
    let error = unread.iter().fold(CommandError::new(ErrorKind::Token, what), |e, unread| {
        e.detail("token", unread.name.clone()).detail("cause", unread.problem.clone())
    });
    Err(error.hint("sastctl cert export --token SELECTOR exports the certificate of one token"))
}
