//! `cert enroll`: a SAST key on any HSM, and its certificate.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::signing::{DIGESTS, one_of};
use super::{CommandError, ErrorKind, Settings, TerminalOperator, Ui, printable};
use crate::files::OnExisting;
use crate::trustlist::{CertificateReport, Digest, day, digest};
use crate::workflow::enroll::{Enrollment, KeyPlan, Made, SastSubject, is_output, place, random};
use crate::workflow::read_certificate;

/// Make a SAST key that never leaves the token or HSM, and its certificate or a certificate request
///
/// Without --csr, the certificate is self-signed and stored on the token. With --csr, a request is written; --import
/// stores the certificate that an authority issued for it.
#[derive(Debug, Args)]
pub struct EnrollArgs {
    /// The token [default: --token, else the only one]
    #[arg(value_name = "TOKEN")]
    selector: Option<String>,
    /// The name (CN) [default: SAST- and the token's serial number]
    #[arg(long, value_name = "CN")]
    name: Option<String>,
    /// The unit (OU)
    #[arg(long, value_name = "OU")]
    unit: Option<String>,
    /// The organization (O)
    #[arg(long, value_name = "O")]
    organization: Option<String>,
    /// Size of the key in bits: 1024, 2048 or 4096; a trust list supports no other size
    #[arg(long, value_name = "BITS", default_value_t = 2048, value_parser = bits)]
    bits: usize,
    /// Validity of a self-signed certificate in days; no public source says that phones check the dates of a SAST certificate
    #[arg(long, value_name = "DAYS", default_value_t = 3650, value_parser = clap::value_parser!(u32).range(1..))]
    days: u32,
    /// The digest in the signature of the certificate or the request
    #[arg(long, default_value = "sha256", value_parser = one_of(DIGESTS))]
    digest: Digest,
    /// CKA_ID of key and certificate, in hexadecimal [default: eight random bytes]
    #[arg(long, value_name = "HEX")]
    id: Option<String>,
    /// Write a certificate signing request (PEM) instead of making a certificate; `-` is standard output
    #[arg(long, value_name = "FILE", conflicts_with_all = ["import", "out", "days"])]
    csr: Option<PathBuf>,
    /// Also write the certificate (DER) to a file; `-` is standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Store an issued certificate next to its key, after a test signature has proved that they belong together
    #[arg(long, value_name = "FILE", conflicts_with_all = ["name", "unit", "organization", "bits", "days", "digest", "id", "out"])]
    import: Option<PathBuf>,
    /// Replace an existing file; the old file is kept as NAME.bak
    #[arg(long)]
    force: bool,
    /// Print what would be made; make nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask before the key is made
    #[arg(long)]
    yes: bool,
    /// Use the last try of the token's PIN without asking
    #[arg(long)]
    allow_last_try: bool,
}

fn bits(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(bits @ (1024 | 2048 | 4096)) => Ok(bits),
        _ => Err("a trust list can only be signed with RSA 1024, 2048 or 4096".to_owned()),
    }
}

/// Prints the results.
struct Enroll<'a> {
    args: &'a EnrollArgs,
    enrollment: Enrollment<'a>,
    operator: &'a TerminalOperator<'a>,
}

pub fn run(args: &EnrollArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let module = settings.module_options().open()?;
    let selector = settings.selector_or(args.selector.as_deref())?;
    let contents = module.find_to_change(selector.as_ref())?;
    let file = args.csr.as_deref().or(args.out.as_deref());
    let operator = TerminalOperator {
        yes: args.yes,
        allow_last_try: args.allow_last_try,
        to_stderr: file.is_some_and(is_output) && !args.dry_run,
        ..TerminalOperator::new(settings, ui)
    };
    let existing = OnExisting::forced(args.force);
    let enrollment = Enrollment { module, contents, file, existing, operator: &operator };
    let enroll = Enroll { args, enrollment, operator: &operator };
    match &args.import {
        Some(file) => enroll.import(file),
        None => enroll.make(),
    }
}

impl Enroll<'_> {
    fn make(&self) -> Result<(), CommandError> {
        let Enroll { args, enrollment, operator: TerminalOperator { ui, to_stderr, .. } } = self;
        let token = &enrollment.contents.token;
        let name = args.name.clone().unwrap_or_else(|| format!("SAST-{}", token.serial));
        let plan = KeyPlan {
            subject: SastSubject {
                common_name: name.clone(),
                unit: args.unit.clone(),
                organization: args.organization.clone(),
            },
            id: key_id(args.id.as_deref())?,
            bits: args.bits,
            digest: args.digest,
            days: args.csr.is_none().then_some(args.days),
        };
        enrollment.check(&plan)?;
        for other in enrollment.contents.sast_names() {
            let (label, other) = (&token.label, printable(&other));
            ui.warn(&format!(
                "{label} already has {other}: select the certificate that signs by its SAST name"
            ));
        }
        if plan.bits < 2048 {
            ui.warn("phones in FIPS mode refuse keys below 2048 bits");
        }
        let (digest, bits) = (plan.digest, plan.bits);
        let what = match &args.csr {
            Some(path) => format!("a request, signed with {digest}, to {}", place(path)),
            None => format!("self-signed with {digest}, valid for {} days, stored on the token", args.days),
        };
        let text = format!(
            "Token        {}\nKey          RSA {bits}, made on the token, sensitive and not extractable\nName         {}\n\
             Certificate  {what}",
            token.name(),
            plan.subject.text(";"),
        );
        let asks = !args.yes && !args.dry_run && ui.can_ask();
        match (*to_stderr || ui.json, asks) {
            (false, _) => ui.print(&text)?,
            // A person who must confirm sees the plan, also if standard output is redirected.
            (true, true) => ui.show(&text),
            (true, false) if ui.json => {}
            (true, false) => ui.note(&text),
        }
        if args.dry_run {
            let document = json!({ "dry_run": true, "token": token, "name": name });
            return ui.answer("cert-enroll", &document, || {
                "Dry run: no key was made and nothing was written.".to_owned()
            });
        }
        match enrollment.make(&plan)? {
            Some(made) => self.tell(&made, &plan.id, &name),
            None => Err(CommandError::new(ErrorKind::Interrupted, "no key was made; nothing was written")),
        }
    }

    fn import(&self, file: &Path) -> Result<(), CommandError> {
        let Enroll { args, enrollment, operator: TerminalOperator { ui, .. } } = self;
        let certificate = read_certificate(file)?;
        let token = &enrollment.contents.token;
        let report = CertificateReport::new(&certificate);
        if !ui.json {
            let until = day(certificate.not_after);
            let CertificateReport { name, key, issuer, .. } = &report;
            ui.print(&printable(&format!("{name}, {key}, issued by {issuer}, until {until}")))?;
        }
        if enrollment.contents.has_other_key_called(&certificate) {
            ui.warn(&printable(&format!(
                "a certificate named {} is already on \"{}\", with another key: this name then selects neither of them",
                report.name, token.label
            )));
        }
        if args.dry_run {
            ui.note("Dry run: nothing was stored.");
            let document = json!({ "dry_run": true, "token": token, "certificate": report });
            return ui.answer("cert-enroll", &document, String::new);
        }
        match enrollment.import(&certificate)? {
            Some(sast) => self.tell(&Made::Certificate(Box::new(sast)), &[], &report.name),
            None => Err(CommandError::new(ErrorKind::Interrupted, "nothing was stored")),
        }
    }

    /// Tells what was made, and what comes next.
    fn tell(&self, made: &Made, id: &[u8], name: &str) -> Result<(), CommandError> {
        let (operator, file, id) = (self.operator, self.enrollment.file, digest::hex(id, ""));
        let (document, text, next) = match made {
            Made::Request(backup) => {
                let path = file.unwrap_or(Path::new("-"));
                let backup = backup.as_ref().map(|p| p.display().to_string());
                let document = json!({
                    "dry_run": false, "request": path.display().to_string(), "kept_old_as": backup, "name": name,
                    "id": id,
                });
                let at = place(path);
                let text = format!("{at}   a request for {name}; its key is on the token, CKA_ID {id}");
                (
                    document,
                    text,
                    "Next: let an authority issue the certificate, then sastctl cert enroll --import FILE.",
                )
            }
            Made::Certificate(sast) => {
                let (token, certificate) = (sast.token(), sast.certificate());
                let document = json!({
                    "dry_run": false, "token": token, "id": id,
                    "written": file.map(|p| p.display().to_string()),
                    "certificate": CertificateReport::new(certificate),
                });
                let text = printable(&format!(
                    "{}, {}, serial {}, until {}: stored on \"{}\" next to its key",
                    certificate.sast_name(),
                    certificate.public_key.describe(),
                    digest::colons(&certificate.serial),
                    day(certificate.not_after),
                    token.label
                ));
                let written = file.filter(|path| !is_output(path));
                let bytes = certificate.der().len();
                let written = written.map(|path| format!("\n{}   {bytes} bytes", path.display()));
                let next = "Next: sastctl cert export, and upload it as Phone-SAST-trust before the first CTL that it signs.";
                (document, text + &written.unwrap_or_default(), next)
            }
        };
        let told = if operator.ui.json && !operator.to_stderr {
            operator.ui.print_json("cert-enroll", &document)
        } else {
            operator.tell(&text).map(|()| operator.ui.note(next))
        };
        told.map_err(|e| match made {
            Made::Request(_) => e,
            Made::Certificate(sast) => e.after_storing(&sast.certificate().sast_name(), &sast.token().label),
        })
    }
}

fn key_id(text: Option<&str>) -> Result<Vec<u8>, CommandError> {
    let Some(text) = text else { return Ok(random::<8>()?.to_vec()) };
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).unwrap_or_default();
    if bytes.is_empty() || bytes.len() > 32 {
        return Err(CommandError::usage("--id takes 1 to 32 bytes in hexadecimal"));
    }
    Ok(bytes)
}
