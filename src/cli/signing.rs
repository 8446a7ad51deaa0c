//! What all commands that sign share: their options, the token on the desk, plan → confirm → sign → write.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde::Serialize;

use super::ctl::{display_name, read_certificate, read_list};
use super::error::{CommandError, ErrorKind};
use super::session;
use super::settings::Settings;
use super::ui::Ui;
use crate::files::{self, OnExisting, Written};
use crate::token::{Module, Sast, Selector};
use crate::trustlist::{
    Certificate, Difference, Digest, Record, SgnDraft, SigningOptions, Style, TrustList, VerifiedList,
    Version, diff_records, digest,
};
use crate::workflow::{Plan, PlanStep};

/// Options of every command that signs.
#[derive(Debug, Args)]
#[command(next_help_heading = "Signing")]
pub struct SigningArgs {
    /// The time that the file states, as RFC 3339 [default: SOURCE_DATE_EPOCH, else now]
    #[arg(long, value_name = "RFC3339")]
    timestamp: Option<String>,
    /// Where the result goes; `-` is standard output. An existing file is kept as NAME.bak
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Show the plan and the difference; touch nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask before signing
    #[arg(long)]
    yes: bool,
    /// The digest to sign with; phones of the 7900 era know sha1 alone
    #[arg(long, value_enum, default_value_t = DigestArg::Sha1)]
    digest: DigestArg,
    /// Put a signer version (tag 28) into the header, as newer writers do
    #[arg(long, value_name = "MAJOR.MINOR")]
    signer_version: Option<String>,
    /// Spell names and serials this way, whatever the certificate [default: what fits it]
    #[arg(long, value_enum)]
    name_style: Option<StyleArg>,
    /// Spend the token's last PIN try without being asked
    #[arg(long)]
    allow_last_try: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum DigestArg {
    Sha1,
    Sha256,
    Sha512,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum StyleArg {
    /// CN=…;OU=…, the serial as it is
    Cucm,
    /// cn="…";ou=…, the serial reversed: Cisco's own tokens
    CtlClient,
}

impl SigningArgs {
    /// How files are to be signed.
    pub fn options(&self) -> Result<SigningOptions, CommandError> {
        let digest = match self.digest {
            DigestArg::Sha1 => Digest::Sha1,
            DigestArg::Sha256 => Digest::Sha256,
            DigestArg::Sha512 => Digest::Sha512,
        };
        let signer_version = self.signer_version.as_deref().map(version).transpose()?;
        Ok(SigningOptions { digest, timestamp: self.time()?, signer_version })
    }

    /// The spelling asked for.
    pub fn style(&self) -> Option<Style> {
        self.name_style.map(|style| match style {
            StyleArg::Cucm => Style::Cucm,
            StyleArg::CtlClient => Style::CtlClient,
        })
    }

    /// `--out`, as given.
    pub fn out(&self) -> Option<&Path> {
        self.out.as_deref()
    }

    /// `--out`, or what the command does without it.
    pub fn out_or(&self, default: impl FnOnce() -> PathBuf) -> PathBuf {
        self.out.clone().unwrap_or_else(default)
    }

    /// Whether nothing is to be touched.
    pub fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    fn time(&self) -> Result<u32, CommandError> {
        let wrong = |what: String| {
            CommandError::new(ErrorKind::Usage, what)
                .hint("write it like 2015-03-06T22:53:33+01:00, from 1970 to 2106")
        };
        let seconds = match (&self.timestamp, std::env::var("SOURCE_DATE_EPOCH")) {
            (Some(text), _) => Timestamp::from_str(text)
                .map_err(|e| wrong(format!("--timestamp {text} is not a time: {e}")))?
                .as_second(),
            (None, Ok(epoch)) if !epoch.is_empty() => epoch
                .parse()
                .map_err(|_| wrong(format!("SOURCE_DATE_EPOCH={epoch} is not a number of seconds")))?,
            (None, _) => now(),
        };
        u32::try_from(seconds)
            .map_err(|_| wrong(format!("the time {seconds} does not fit the file's 32 bits")))
    }
}

fn version(text: &str) -> Result<Version, CommandError> {
    let parsed =
        text.split_once('.').and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    parsed.ok_or_else(|| {
        CommandError::new(ErrorKind::Usage, format!("--signer-version {text} is not like 1.0 or 1.1"))
    })
}

/// Now, in seconds since 1970-01-01 UTC.
pub fn now() -> i64 {
    Timestamp::now().as_second()
}

/// The list in force: decoded and verified, else the error that says why not.
pub fn in_force(path: &Path) -> Result<VerifiedList, CommandError> {
    read_list(path)?.verify().map_err(|e| CommandError::not_verified(&display_name(path), &e))
}

/// `CTLFile.tlv   4947 bytes, tokenless, signed by cucm-1051-a-pub, 4 records`
pub fn headline(path: &Path, old: &VerifiedList) -> String {
    let how = if old.signer().is_some_and(Record::is_token) { "token-signed" } else { "tokenless" };
    format!(
        "{}   {} bytes, {how}, signed by {}, {} records",
        display_name(path),
        old.list().bytes().len(),
        old.signer_name(),
        old.list().records().len()
    )
}

/// The module and the token that will sign.
pub struct Desk<'a> {
    module: Module,
    sast: Sast,
    settings: &'a Settings,
}

impl<'a> Desk<'a> {
    /// Loads the module and finds the token that `--token` names; no PIN yet.
    pub fn open(settings: &'a Settings, ui: &Ui) -> Result<Self, CommandError> {
        let selector = settings.token.as_deref().map(selector).transpose()?;
        let module = session::open_module(settings, ui)?;
        let sast = module.sast(selector.as_ref())?;
        Ok(Desk { module, sast, settings })
    }

    /// The token that will sign.
    pub fn signer(&self) -> &Sast {
        &self.sast
    }

    /// Certificates of further tokens: inserted ones by selector, others by their certificate file.
    pub fn certificates(&self, names: &[String]) -> Result<Vec<Certificate>, CommandError> {
        names
            .iter()
            .map(|name| {
                if Path::new(name).is_file() {
                    return read_certificate(Path::new(name));
                }
                Ok(self.module.sast(Some(&selector(name)?))?.certificate().clone())
            })
            .collect()
    }

    /// Shows a plan, asks, signs and writes one list.
    pub fn sign_plan(
        self,
        plan: Plan,
        head: &str,
        old: Option<&TrustList>,
        out: &Path,
        args: &SigningArgs,
        ui: &Ui,
    ) -> Result<(), CommandError> {
        let mut file = BatchFile::list(head.to_owned(), plan, out.to_owned());
        file.differs_from(old);
        self.sign_batch(Batch { files: vec![file] }, args, ui)
    }

    /// Shows the plans, asks once, logs in once, signs and writes file after file.
    pub fn sign_batch(self, batch: Batch, args: &SigningArgs, ui: &Ui) -> Result<(), CommandError> {
        let say = Voice { ui, aside: batch.files.iter().any(|f| f.out.as_os_str() == "-") };
        for file in &batch.files {
            if !ui.is_json() {
                say.text(&file.plan_text())?;
            }
            for warning in file.warnings() {
                ui.warn(warning);
            }
        }
        let plans: Vec<PlanJson<'_>> = batch.files.iter().map(|f| f.json(&self.sast)).collect();
        let plans = serde_json::to_value(&plans).unwrap_or_default();
        if args.dry_run {
            if !ui.is_json() {
                for file in &batch.files {
                    say.text(&file.difference_text())?;
                }
                return say.text("Dry run: nothing was signed and nothing was written.");
            }
            return ui.print_json(&serde_json::json!({ "dry_run": true, "plans": plans, "written": [] }));
        }
        let token = self.sast.token();
        if !args.yes && ui.can_ask() {
            let question = format!(
                "Sign with {} on \"{}\" ({})?",
                self.sast.certificate().sast_name(),
                token.label(),
                token.serial()
            );
            if !ui.confirm(&question)? {
                return Err(CommandError::new(ErrorKind::Interrupted, "not signed; nothing was written"));
            }
        }
        let json = ui.is_json();
        let written =
            session::sign_with(&self.module, &self.sast, self.settings, ui, args.allow_last_try, |signer| {
                let mut written = Vec::new();
                for file in batch.files {
                    let done = file.sign_and_write(signer, &say, json);
                    // Later files are not written; what the ones before are is said above, a line each.
                    written.push(done.map_err(|e| e.after(written.len()))?);
                }
                Ok(written)
            })?;
        if json && !say.aside {
            ui.print_json(&serde_json::json!({ "dry_run": false, "plans": plans, "written": written }))?;
        }
        Ok(())
    }
}

/// Reads a token selector.
pub fn selector(text: &str) -> Result<Selector, CommandError> {
    text.parse::<Selector>().map_err(|e| CommandError::new(ErrorKind::Usage, e.to_string()))
}

/// Words for people: on standard output, unless the file itself goes there.
struct Voice<'a> {
    ui: &'a Ui,
    aside: bool,
}

impl Voice<'_> {
    fn text(&self, text: &str) -> Result<(), CommandError> {
        if self.aside {
            self.ui.note(text);
            Ok(())
        } else {
            self.ui.print(text)
        }
    }
}

/// Files that are signed with one login.
pub struct Batch {
    /// In the order in which they are signed.
    pub files: Vec<BatchFile>,
}

/// One file that is to be signed.
pub struct BatchFile {
    head: String,
    work: Work,
    out: PathBuf,
    difference: Option<Difference>,
}

enum Work {
    List(Box<Plan>),
    Sgn(Box<SgnDraft>),
}

/// What was written, for machines.
#[derive(Debug, Serialize)]
struct WrittenJson {
    file: String,
    kept_old_as: Option<String>,
    bytes: usize,
    signed_by: String,
    md5: String,
    md5_phone: Vec<String>,
    sha1: String,
}

#[derive(Debug, Serialize)]
struct PlanJson<'a> {
    out: String,
    signer: String,
    token_serial: &'a str,
    steps: &'a [PlanStep],
    warnings: &'a [String],
    bytes: Option<usize>,
    difference: Option<&'a Difference>,
}

impl BatchFile {
    /// A list, by its plan.
    pub fn list(head: String, plan: Plan, out: PathBuf) -> Self {
        BatchFile { head, work: Work::List(Box::new(plan)), out, difference: None }
    }

    /// A configuration file.
    pub fn sgn(head: String, draft: SgnDraft, out: PathBuf) -> Self {
        BatchFile { head, work: Work::Sgn(Box::new(draft)), out, difference: None }
    }

    fn differs_from(&mut self, old: Option<&TrustList>) {
        if let (Some(old), Work::List(plan)) = (old, &self.work) {
            let changes = diff_records(old.records(), plan.draft().records());
            self.difference = Some(Difference { identical: false, changes });
        }
    }

    fn warnings(&self) -> &[String] {
        match &self.work {
            Work::List(plan) => plan.warnings(),
            Work::Sgn(_) => &[],
        }
    }

    fn plan_text(&self) -> String {
        let mut text = format!("{}\n", self.head);
        if let Work::List(plan) = &self.work {
            text.push_str("Plan\n");
            let name = plan.steps().iter().map(|s| s.name.chars().count()).max().unwrap_or(0).max(16);
            for step in plan.steps() {
                let line = format!(
                    "  {} {:<10} {:<name$}  {}",
                    step.mark.sign(),
                    step.function,
                    step.name,
                    step.why
                );
                let _ = writeln!(text, "{}", super::ui::printable(line.trim_end()));
            }
        }
        text
    }

    fn difference_text(&self) -> String {
        self.difference.as_ref().map(|d| format!("Difference\n{d}")).unwrap_or_default()
    }

    fn json<'a>(&'a self, sast: &'a Sast) -> PlanJson<'a> {
        let (steps, bytes) = match &self.work {
            Work::List(plan) => (plan.steps(), Some(plan.signed_len())),
            Work::Sgn(_) => (&[][..], None),
        };
        PlanJson {
            out: self.out.display().to_string(),
            signer: sast.certificate().sast_name(),
            token_serial: sast.token().serial(),
            steps,
            warnings: self.warnings(),
            bytes,
            difference: self.difference.as_ref(),
        }
    }

    /// Signs, verifies, and only then writes.
    fn sign_and_write(
        self,
        signer: &mut crate::token::TokenSigner<'_>,
        say: &Voice<'_>,
        json: bool,
    ) -> Result<WrittenJson, CommandError> {
        let (bytes, signed_by) = match self.work {
            Work::List(plan) => {
                let signed = plan.execute(signer)?;
                (signed.list().bytes().clone(), signed.signer_name())
            }
            Work::Sgn(draft) => {
                let signed = draft.sign(signer)?;
                (signed.bytes().clone(), signed.header().signer_short_name())
            }
        };
        super::interrupt::check()?;
        let (md5, sha1) = (digest::md5(&bytes), digest::sha1(&bytes));
        let phone = digest::phone_lines(&md5);
        let kept = if self.out.as_os_str() == "-" {
            say.ui.write(&bytes)?;
            None
        } else {
            let Written { backup, .. } = files::write_new(&self.out, &bytes, OnExisting::KeepBackup)?;
            backup
        };
        if !json {
            let mut text =
                format!("{}   {} bytes, signed by {signed_by}, verified\n", self.out.display(), bytes.len());
            let _ = writeln!(text, "  MD5   {}", digest::hex(&md5, ""));
            let _ = writeln!(text, "        on the phone: {}", phone.join(" "));
            let _ = writeln!(text, "  SHA1  {}", digest::hex(&sha1, ""));
            if let Some(kept) = &kept {
                let _ = writeln!(text, "  the file before is kept as {}", kept.display());
            }
            say.text(&text)?;
        }
        Ok(WrittenJson {
            file: self.out.display().to_string(),
            kept_old_as: kept.map(|p| p.display().to_string()),
            bytes: bytes.len(),
            signed_by,
            md5: digest::hex(&md5, ""),
            md5_phone: phone,
            sha1: digest::hex(&sha1, ""),
        })
    }
}
