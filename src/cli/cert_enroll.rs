//! `cert enroll`: a SAST key on any HSM, and its certificate.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::signing::{DIGESTS, one_of};
use super::{CommandError, ErrorKind, Settings, TerminalOperator, Ui, printable};
use crate::files::OnExisting;
use crate::token::Sast;
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
    let existing = if args.force { OnExisting::KeepBackup } else { OnExisting::Refuse };
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
            Some(Made::Request(backup)) => self.tell_request(&plan, backup.as_deref()),
            Some(Made::Certificate(sast)) => self.tell_certificate(&sast, &plan.id),
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
            Some(sast) => self.tell_certificate(&sast, &[]),
            None => Err(CommandError::new(ErrorKind::Interrupted, "nothing was stored")),
        }
    }

    fn tell_certificate(&self, sast: &Sast, id: &[u8]) -> Result<(), CommandError> {
        let (label, name) = (&sast.token().label, sast.certificate().sast_name());
        self.certificate_text(sast, id).map_err(|e| e.after_storing(&name, label))
    }

    fn certificate_text(&self, sast: &Sast, id: &[u8]) -> Result<(), CommandError> {
        let (token, certificate, ui) = (sast.token(), sast.certificate(), self.operator.ui);
        let file = self.enrollment.file;
        if ui.json && !self.operator.to_stderr {
            return ui.print_json(
                "cert-enroll",
                &json!({
                    "dry_run": false, "token": token, "id": digest::hex(id, ""),
                    "written": file.map(|p| p.display().to_string()),
                    "certificate": CertificateReport::new(certificate),
                }),
            );
        }
        self.operator.tell(&printable(&format!(
            "{}, {}, serial {}, until {}: stored on \"{}\" next to its key",
            certificate.sast_name(),
            certificate.public_key.describe(),
            digest::hex(&certificate.serial, ":").to_uppercase(),
            day(certificate.not_after),
            token.label
        )))?;
        if let Some(path) = file.filter(|path| !is_output(path)) {
            ui.print(&format!("{}   {} bytes", path.display(), certificate.der().len()))?;
        }
        ui.note(
            "Next: sastctl cert export, and upload it as Phone-SAST-trust before the first CTL that it signs.",
        );
        Ok(())
    }

    fn tell_request(&self, plan: &KeyPlan, backup: Option<&Path>) -> Result<(), CommandError> {
        let (ui, name, id) = (self.operator.ui, &plan.subject.common_name, digest::hex(&plan.id, ""));
        let path = self.enrollment.file.unwrap_or(Path::new("-"));
        if ui.json && !self.operator.to_stderr {
            return ui.print_json(
                "cert-enroll",
                &json!({
                    "dry_run": false, "request": path.display().to_string(),
                    "kept_old_as": backup.map(|p| p.display().to_string()), "name": name, "id": id,
                }),
            );
        }
        let at = place(path);
        self.operator.tell(&format!("{at}   a request for {name}; its key is on the token, CKA_ID {id}"))?;
        ui.note("Next: let an authority issue the certificate, then sastctl cert enroll --import FILE.");
        Ok(())
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
