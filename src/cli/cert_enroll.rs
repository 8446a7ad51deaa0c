//! `cert enroll`: a SAST key on any HSM, and its certificate.

use std::path::{Path, PathBuf};

use clap::Args;
use data_encoding::BASE64;

use super::error::{CommandError, ErrorKind};
use super::interrupt;
use super::next::token_option;
use super::operator::TerminalOperator;
use super::settings::{Settings, selector};
use super::signing::{DigestArg, PlanOutput, now};
use super::ui::{Ui, printable};
use crate::files::{self, FileError, OnExisting};
use crate::token::{KeyRequest, Module, Sast, TokenContents};
use crate::trustlist::{Certificate, CertificateReport, Digest, day, digest};
use crate::workflow::enroll::{SastSubject, Terms, request, self_signed};
use crate::workflow::{pin_for, read_certificate};

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
    /// Validity of a self-signed certificate in days; no public source says that phones look at the date of a SAST
    #[arg(long, value_name = "DAYS", default_value_t = 3650, value_parser = clap::value_parser!(u32).range(1..))]
    days: u32,
    /// The digest in the signature of the certificate or the request
    #[arg(long, value_enum, default_value_t = DigestArg::Sha256)]
    digest: DigestArg,
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

/// What one run is about.
struct Enrollment<'a> {
    args: &'a EnrollArgs,
    settings: &'a Settings,
    module: Module,
    contents: TokenContents,
    /// Where the request or the certificate is written.
    file: Option<&'a Path>,
    say: PlanOutput<'a>,
}

/// Runs it.
pub fn run(args: &EnrollArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let module = settings.module_options().open()?;
    let name = args.selector.as_deref().or(settings.token.as_deref());
    let name = name.map(selector).transpose()?;
    let contents = module.find_to_change(name.as_ref())?;
    let file = args.csr.as_deref().or(args.out.as_deref());
    let say = PlanOutput { ui, to_stderr: file.is_some_and(is_output) && !args.dry_run };
    let enrollment = Enrollment { args, settings, module, contents, file, say };
    match &args.import {
        Some(file) => enrollment.import(file),
        None => enrollment.make(),
    }
}

impl Enrollment<'_> {
    fn make(&self) -> Result<(), CommandError> {
        let Enrollment { args, module, contents, file, say: PlanOutput { ui, .. }, .. } = self;
        let token = &contents.token;
        let common_name = args.name.clone().unwrap_or_else(|| format!("SAST-{}", token.serial()));
        let subject = SastSubject::new(&common_name, args.unit.as_deref(), args.organization.as_deref())?;
        let digest = Digest::from(args.digest);
        let id = key_id(args.id.as_deref())?;
        contents.check_free(&common_name, &id)?;
        module.can_make_key(token, args.bits)?;
        let terms = Terms { from: now(), days: args.days, serial: random()? };
        terms.check()?;
        // Before a key is made that would have to be destroyed again.
        file.filter(|path| !is_output(path)).map_or(Ok(()), |path| check_file(path, args.force))?;
        self.show_plan(&subject, digest)?;
        if args.dry_run {
            return if ui.is_json() {
                ui.print_json(&serde_json::json!({ "dry_run": true, "token": token, "name": common_name }))
            } else {
                ui.print("Dry run: no key was made and nothing was written.")
            };
        }
        let also = file.map(|path| format!(", and write {}", shown(path))).unwrap_or_default();
        if !ui.agrees(args.yes, &printable(&format!("Make the key on \"{}\"{also}?", token.label())))? {
            return Err(CommandError::new(ErrorKind::Interrupted, "no key was made; nothing was written"));
        }
        let pin = pin_for(module, token, &self.operator())?;
        let busy = interrupt::Busy::new();
        ui.note(&format!("Making a key of {} bits on {}; this may take a minute.", args.bits, token.label()));
        let label = common_name.clone();
        let key = module.make_key(token, pin, KeyRequest { bits: args.bits, id: id.clone(), label })?;
        interrupt::check()?;
        let sign = |bytes: &[u8]| Ok::<_, CommandError>(key.sign(digest, bytes)?);
        if let Some(path) = &args.csr {
            let request = pem(&request(&subject, key.public(), digest, sign)?);
            if is_output(path) {
                ui.write(request.as_bytes())?;
                key.keep();
                drop(busy);
                return self.tell_request(&common_name, &id, path, None);
            }
            let written = files::write_new(path, request.as_bytes(), self.on_existing());
            // A request that lies there needs its key, even where a power cut may still undo it.
            if written.as_ref().err().is_none_or(FileError::was_renamed) {
                key.keep();
            }
            let written = written?;
            drop(busy);
            return self.tell_request(&common_name, &id, path, written.backup.as_deref());
        }
        let der = self_signed(&subject, &terms, key.public(), digest, sign)?;
        let certificate =
            Certificate::from_der(der).map_err(|e| CommandError::certificate("the new certificate", &e))?;
        key.store(&certificate)?;
        key.keep();
        self.stored(&certificate, &id, busy)
    }

    /// What is left to do behind the storing. Whatever fails there, what is on the token stays there.
    fn stored(
        &self,
        certificate: &Certificate,
        id: &[u8],
        busy: interrupt::Busy,
    ) -> Result<(), CommandError> {
        let token = &self.contents.token;
        let rest = || {
            let sast = self.module.find_stored(token, certificate)?;
            match self.file {
                Some(path) if is_output(path) => self.say.ui.write(certificate.der())?,
                Some(path) => drop(files::write_new(path, certificate.der(), self.on_existing())?),
                None => {}
            }
            drop(busy);
            self.tell_certificate(&sast, id)
        };
        rest().map_err(|error: CommandError| {
            let name = certificate.sast_name();
            error
                .detail("", format!("{name} and its key were stored on \"{}\"", token.label()))
                .hint(format!("sastctl cert export {} writes the certificate", token_option(&name)))
        })
    }

    fn operator(&self) -> TerminalOperator<'_> {
        let allow_last_try = self.args.allow_last_try;
        TerminalOperator { allow_last_try, ..TerminalOperator::new(self.settings, self.say.ui) }
    }

    fn on_existing(&self) -> OnExisting {
        if self.args.force { OnExisting::KeepBackup } else { OnExisting::Refuse }
    }

    fn show_plan(&self, subject: &SastSubject, digest: Digest) -> Result<(), CommandError> {
        let Enrollment { args, contents, say: PlanOutput { ui, to_stderr }, .. } = self;
        for other in contents.sast_names() {
            ui.warn(&format!(
                "{} already has {}: select the certificate that signs by its SAST name",
                contents.token.label(),
                printable(&other)
            ));
        }
        if args.bits < 2048 {
            ui.warn("phones in FIPS mode refuse keys below 2048 bits");
        }
        let what = match &args.csr {
            Some(path) => format!("a request, signed with {digest}, to {}", shown(path)),
            None => format!("self-signed with {digest}, valid for {} days, stored on the token", args.days),
        };
        let plan = format!(
            "Token        {}\nKey          RSA {}, made on the token, sensitive and not extractable\nName         {}\n\
             Certificate  {what}",
            contents.token.name(),
            args.bits,
            subject.text(";"),
        );
        let asks = !args.yes && !args.dry_run && ui.can_ask();
        match (*to_stderr || ui.is_json(), asks) {
            (false, _) => ui.print(&plan)?,
            // Whoever is asked sees what about, wherever standard output goes.
            (true, true) => ui.show(&plan),
            (true, false) if ui.is_json() => {}
            (true, false) => ui.note(&plan),
        }
        Ok(())
    }

    fn import(&self, file: &Path) -> Result<(), CommandError> {
        let Enrollment { args, module, contents, say: PlanOutput { ui, .. }, .. } = self;
        let certificate = read_certificate(file)?;
        let token = &contents.token;
        let report = CertificateReport::new(&certificate);
        if !ui.is_json() {
            ui.print(&printable(&format!(
                "{}, {}, issued by {}, until {}",
                report.name,
                report.key,
                report.issuer,
                day(certificate.not_after())
            )))?;
        }
        if contents.has_other_key_called(&certificate) {
            ui.warn(&printable(&format!(
                "a certificate named {} is already on \"{}\", with another key: this name will then select \
                 neither of them",
                report.name,
                token.label()
            )));
        }
        if args.dry_run {
            ui.note("Dry run: nothing was stored.");
            return if ui.is_json() {
                ui.print_json(&serde_json::json!({ "dry_run": true, "token": token, "certificate": report }))
            } else {
                Ok(())
            };
        }
        if !ui.agrees(args.yes, &printable(&format!("Store it on \"{}\"?", token.label())))? {
            return Err(CommandError::new(ErrorKind::Interrupted, "nothing was stored"));
        }
        let pin = pin_for(module, token, &self.operator())?;
        let busy = interrupt::Busy::new();
        module.import_certificate(contents, pin, &certificate)?;
        self.stored(&certificate, &[], busy)
    }

    fn tell_certificate(&self, sast: &Sast, id: &[u8]) -> Result<(), CommandError> {
        let (token, certificate, ui) = (sast.token(), sast.certificate(), self.say.ui);
        if ui.is_json() && !self.say.to_stderr {
            return ui.print_json(&serde_json::json!({
                "dry_run": false, "token": token, "id": digest::hex(id, ""),
                "written": self.file.map(|p| p.display().to_string()),
                "certificate": CertificateReport::new(certificate),
            }));
        }
        self.say.text(&printable(&format!(
            "{}, {}, serial {}, until {}: stored on \"{}\" next to its key",
            certificate.sast_name(),
            certificate.public_key().describe(),
            digest::hex(certificate.serial(), ":").to_uppercase(),
            day(certificate.not_after()),
            token.label()
        )))?;
        if let Some(path) = self.file.filter(|path| !is_output(path)) {
            ui.print(&format!("{}   {} bytes", path.display(), certificate.der().len()))?;
        }
        ui.note(
            "Next: sastctl cert export, and upload it as Phone-SAST-trust before the first CTL that it signs.",
        );
        Ok(())
    }

    fn tell_request(
        &self,
        name: &str,
        id: &[u8],
        path: &Path,
        backup: Option<&Path>,
    ) -> Result<(), CommandError> {
        let ui = self.say.ui;
        let id = digest::hex(id, "");
        if ui.is_json() && !self.say.to_stderr {
            return ui.print_json(&serde_json::json!({
                "dry_run": false, "request": path.display().to_string(),
                "kept_old_as": backup.map(|p| p.display().to_string()), "name": name, "id": id,
            }));
        }
        let at = shown(path);
        self.say.text(&format!("{at}   a request for {name}; its key is on the token, CKA_ID {id}"))?;
        ui.note("Next: let an authority issue the certificate, then sastctl cert enroll --import FILE.");
        Ok(())
    }
}

/// Standard output, as everywhere else.
fn is_output(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn shown(path: &Path) -> String {
    if is_output(path) { "standard output".to_owned() } else { path.display().to_string() }
}

/// Whether a file can be written there, as far as that is known before there is a key that it is about.
fn check_file(path: &Path, force: bool) -> Result<(), CommandError> {
    files::check_place(path)?;
    let place = files::resolve(path);
    let is_missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.is_dir();
    let (what, hint) = if let Some(folder) = place.parent().filter(is_missing) {
        (format!("there is no folder {}", folder.display()), "create it, or give another file")
    } else if path.exists() && !force {
        let hint = "--force replaces it; the old file is kept as NAME.bak";
        (format!("{} is there already", path.display()), hint)
    } else {
        return Ok(());
    };
    let error = CommandError::new(ErrorKind::File, what);
    Err(error.detail("", "no key was made and nothing was written").hint(hint))
}

fn key_id(text: Option<&str>) -> Result<Vec<u8>, CommandError> {
    let Some(text) = text else { return Ok(random::<8>()?.to_vec()) };
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).unwrap_or_default();
    if bytes.is_empty() || bytes.len() > 32 {
        return Err(CommandError::new(ErrorKind::Usage, "--id takes 1 to 32 bytes in hexadecimal"));
    }
    Ok(bytes)
}

fn random<const N: usize>() -> Result<[u8; N], CommandError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|e| {
        CommandError::new(ErrorKind::Token, "the system gave no random numbers").caused_by(&e)
    })?;
    Ok(bytes)
}

/// RFC 7468, section 7.
fn pem(der: &[u8]) -> String {
    let text = BASE64.encode(der);
    let lines = text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned() + "\n");
    let body: String = lines.collect();
    format!("-----BEGIN CERTIFICATE REQUEST-----\n{body}-----END CERTIFICATE REQUEST-----\n")
}
