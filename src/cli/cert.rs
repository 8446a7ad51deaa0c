//! `cert list`, `cert show`, `cert export`; `cert enroll` by its own file.

use std::path::{Path, PathBuf};

use super::cert_enroll::{self, EnrollArgs};
use super::signing::now;
use super::token::{not_read, until};
use super::{CommandError, ErrorKind, Settings, TerminalOperator, Ui, printable, table_with_asides, texts};
use crate::files::OnExisting;
use crate::trustlist::{Certificate, CertificateReport, Style, day, digest};
use crate::workflow::export::{self, Format, Unread, certificates_of};
use crate::workflow::token_report::{ListedCertificate, listed};
use crate::workflow::{is_certificate_file, read_certificate};
use askama::Template;
use clap::{Args, Subcommand};

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

/// What is done with certificates that were exported.
pub const UPLOAD: &str =
    "Upload them in OS Administration > Security > Certificate Management as Phone-SAST-trust.";

pub fn run(command: CertCommand, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    match command {
        CertCommand::List => list(settings, ui),
        CertCommand::Show(args) => show(&args, settings, ui),
        CertCommand::Export(args) => export(&args, settings, ui),
        CertCommand::Enroll(args) => cert_enroll::run(&args, settings, ui),
    }
}

fn list(settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let module = settings.module_options().open()?;
    let all = module.contents()?;
    for contents in &all {
        let token = &contents.token;
        contents.problem.iter().for_each(|problem| ui.warn(&not_read(token, problem)));
        for (bytes, why) in contents.certificates.iter().filter_map(|c| c.certificate.as_ref().err()) {
            let (label, bytes, why) = (&token.label, bytes.len(), printable(why));
            ui.warn(&format!("{label}: a certificate of {bytes} bytes does not parse: {why}"));
        }
    }
    let certificates: Vec<_> = all.iter().flat_map(|contents| listed(contents, now())).collect();
    let unread: Vec<_> = all.iter().filter_map(Unread::of).collect();
    let document = serde_json::json!({ "certificates": certificates, "problems": unread });
    ui.answer("cert-list", &document, || {
        if certificates.is_empty() && unread.is_empty() {
            return "No certificates on any token.".to_owned();
        }
        let row = |ListedCertificate { certificate, token_serial, expired, .. }: &ListedCertificate| {
            let end: String = certificate.not_after.chars().take(10).collect();
            vec![
                printable(&certificate.name),
                printable(&certificate.issuer),
                certificate.serial.clone(),
                certificate.key.clone(),
                end + if *expired { "  expired" } else { "" },
                token_serial.clone(),
            ]
        };
        let rows: Vec<Vec<String>> = certificates.iter().map(row).collect();
        table_with_asides(
            &["NAME", "ISSUER", "SERIAL", "KEY", "EXPIRES", "TOKEN"],
            &rows,
            &["ISSUER", "SERIAL"],
        )
    })
}

fn show(args: &ShowArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let certificate = match args.what.as_ref().or(settings.token.as_ref()) {
        Some(path) if is_certificate_file(path) => read_certificate(Path::new(path))?,
        _ => {
            let selector = settings.selector_or(args.what.as_deref())?;
            settings.module_options().open()?.sast(selector.as_ref())?.certificate().clone()
        }
    };
    let report = CertificateReport::new(&certificate);
    ui.answer("cert-show", &report, || text(&certificate, &report))
}

#[derive(Template)]
#[template(path = "certificate.txt")]
struct CertificateText<'a> {
    certificate: &'a Certificate,
    report: &'a CertificateReport,
    from: String,
    as_sast: [(&'static str, String); 3],
}

pub fn text(certificate: &Certificate, report: &CertificateReport) -> String {
    let style = certificate.sast_style();
    let as_sast = [
        ("subject", certificate.subject.spelled(style)),
        ("issuer", certificate.issuer.spelled(style)),
        ("serial", digest::colons(&certificate.serial_spelled(style))),
    ];
    texts::text(&CertificateText { certificate, report, from: day(certificate.not_before), as_sast })
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
            return Err(CommandError::usage(what).hint("give a folder with --out, or one token with --token"));
        };
        ui.write(&args.format.encode(certificate))?;
        return all_read(&unread);
    }
    let existing = OnExisting::forced(args.force);
    let operator = TerminalOperator::new(settings, ui);
    let written = export::export(&certificates, &args.out, args.format, existing, &operator)?;
    if ui.json {
        ui.print_json("cert-export", &serde_json::json!({ "written": written, "problems": unread }))?;
    }
    ui.note(UPLOAD);
    all_read(&unread)
}

/// A missing certificate is an error, after the others were written.
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
