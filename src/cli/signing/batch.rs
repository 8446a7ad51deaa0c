//! Files that are signed with one login: how their plans read, and how one is signed and written.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::super::error::CommandError;
use super::super::interrupt;
use super::super::ui::{Ui, printable};
use super::run_log::RunLog;
use crate::files::{self, OnExisting, Written};
use crate::phone::{ServiceFinding, Severity};
use crate::token::{Sast, TokenSigner};
use crate::trustlist::{Difference, SgnDraft, VerifiedList, diff_records, digest};
use crate::workflow::journal::{Event, FileSeal};
use crate::workflow::{ConfirmedPlan, Plan, PlanDigest, PlanError, PlanStep};

/// Words for people: on standard output, unless the file itself goes there.
pub struct Voice<'a> {
    /// Where they go.
    pub ui: &'a Ui,
    /// The file itself goes to standard output.
    pub aside: bool,
}

impl Voice<'_> {
    /// Says something.
    pub fn text(&self, text: &str) -> Result<(), CommandError> {
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
    /// The command, as the journal's name has it.
    pub what: &'static str,
    /// In the order in which they are signed.
    pub files: Vec<BatchFile>,
}

/// The plans of a batch as they were shown.
pub struct Shown(Vec<PlanDigest>);

impl Shown {
    /// What identifies all of them together; of a single plan, its own digest.
    pub fn digest(&self) -> PlanDigest {
        match self.0[..] {
            [one] => one,
            _ => PlanDigest::over(&self.0.iter().map(PlanDigest::bytes).collect::<Vec<_>>()),
        }
    }
}

impl Batch {
    /// What was shown, so that nothing else is carried out.
    pub fn shown(&self) -> Shown {
        Shown(self.files.iter().map(BatchFile::digest).collect())
    }

    /// Every plan must be the one that was shown.
    pub fn confirm(self, shown: Shown) -> Result<Vec<ConfirmedFile>, PlanError> {
        self.files.into_iter().zip(shown.0).map(|(file, digest)| file.confirm(digest)).collect()
    }
}

/// One file that is to be signed.
pub struct BatchFile {
    head: String,
    work: Work,
    out: PathBuf,
    input: Option<(&'static str, FileSeal)>,
    difference: Option<Difference>,
}

enum Work {
    List(Box<Plan>),
    Sgn(Box<SgnDraft>),
}

/// One file whose plan was agreed to.
pub struct ConfirmedFile {
    work: Confirmed,
    out: PathBuf,
    input: Option<(&'static str, FileSeal)>,
}

enum Confirmed {
    List(Box<ConfirmedPlan>),
    Sgn(Box<SgnDraft>),
}

/// What was written, for machines.
#[derive(Debug, Serialize)]
pub struct WrittenJson {
    /// The file.
    pub file: String,
    /// Where the file before it is kept.
    pub kept_old_as: Option<String>,
    /// Its length.
    pub bytes: usize,
    /// Who signed it.
    pub signed_by: String,
    /// Its MD5.
    pub md5: String,
    /// Its MD5 as a phone shows it.
    pub md5_phone: Vec<String>,
    /// Its SHA-1.
    pub sha1: String,
}

/// A plan, for machines.
#[derive(Debug, Serialize)]
pub struct PlanJson<'a> {
    digest: String,
    out: String,
    signer: String,
    token_serial: &'a str,
    steps: &'a [PlanStep],
    warnings: &'a [String],
    phones: serde_json::Value,
    findings: &'a [ServiceFinding],
    by_hand: &'a [String],
    bytes: Option<usize>,
    difference: Option<&'a Difference>,
}

impl BatchFile {
    /// A list, by its plan.
    pub fn list(head: String, plan: Plan, out: PathBuf) -> Self {
        BatchFile { head, work: Work::List(Box::new(plan)), out, input: None, difference: None }
    }

    /// A configuration file, and what it was read from.
    pub fn sgn(head: String, draft: SgnDraft, read_from: &Path, out: PathBuf) -> Self {
        let seal = FileSeal::of(read_from.display().to_string(), draft.payload());
        let input = Some(("configuration", seal));
        BatchFile { head, work: Work::Sgn(Box::new(draft)), out, input, difference: None }
    }

    /// The list in force that the plan starts from.
    pub fn replaces(&mut self, path: &Path, old: &VerifiedList) {
        self.input = Some(("in force", FileSeal::of(path.display().to_string(), old.list().bytes())));
        if let Work::List(plan) = &self.work {
            let changes = diff_records(old.list().records(), plan.draft().records());
            self.difference = Some(Difference { identical: false, changes });
        }
    }

    /// Where the result goes.
    pub fn out(&self) -> &Path {
        &self.out
    }

    /// What the operator should know.
    pub fn warnings(&self) -> &[String] {
        match &self.work {
            Work::List(plan) => plan.warnings(),
            Work::Sgn(_) => &[],
        }
    }

    fn digest(&self) -> PlanDigest {
        match &self.work {
            Work::List(plan) => plan.digest(),
            Work::Sgn(draft) => PlanDigest::over(&[draft.file_name().as_bytes(), draft.payload()]),
        }
    }

    fn confirm(self, shown: PlanDigest) -> Result<ConfirmedFile, PlanError> {
        let now = self.digest();
        let work = match self.work {
            Work::List(plan) => Confirmed::List(Box::new(plan.confirm(shown)?)),
            Work::Sgn(_) if now != shown => return Err(PlanError::Changed { shown, now }),
            Work::Sgn(draft) => Confirmed::Sgn(draft),
        };
        Ok(ConfirmedFile { work, out: self.out, input: self.input })
    }

    /// The plan as people read it.
    pub fn plan_text(&self) -> String {
        let mut text = format!("{}\n", self.head);
        let Work::List(plan) = &self.work else { return text };
        text.push_str("Plan\n");
        let name = plan.steps().iter().map(|s| s.name.chars().count()).max().unwrap_or(0).max(16);
        for step in plan.steps() {
            let line =
                format!("  {} {:<10} {:<name$}  {}", step.mark.sign(), step.function, step.name, step.why);
            let _ = writeln!(text, "{}", printable(line.trim_end()));
        }
        match &self.input {
            Some((_, file)) => {
                let _ = writeln!(text, "Phones that hold {}", file.file);
            }
            None => text.push_str("Phones\n"),
        }
        let signer = plan.signer().sast_name();
        for verdict in plan.phones() {
            let _ = writeln!(text, "  {}", printable(&verdict.line(&signer)));
        }
        for finding in plan.findings() {
            let _ = writeln!(text, "  {}", printable(&finding_line(finding)));
        }
        text
    }

    /// What a dry run adds: the difference, what is left to do, and the digest of the plan.
    pub fn dry_run_text(&self) -> String {
        let mut text = self.difference.as_ref().map(|d| format!("Difference\n{d}")).unwrap_or_default();
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        if let Work::List(plan) = &self.work {
            text.push_str("Left to do by hand\n");
            for (index, step) in plan.by_hand().iter().enumerate() {
                let _ = writeln!(text, "  {}. {step}", index.saturating_add(1));
            }
        }
        let _ = writeln!(text, "Plan digest {}", self.digest());
        text
    }

    /// The plan for machines.
    pub fn json<'a>(&'a self, sast: &'a Sast) -> PlanJson<'a> {
        let plan = match &self.work {
            Work::List(plan) => Some(plan),
            Work::Sgn(_) => None,
        };
        let signer = sast.certificate().sast_name();
        PlanJson {
            digest: self.digest().to_string(),
            out: self.out.display().to_string(),
            token_serial: sast.token().serial(),
            steps: plan.map_or(&[], |p| p.steps()),
            warnings: self.warnings(),
            phones: plan.map_or_else(Default::default, |p| phones_json(p, &signer)),
            findings: plan.map_or(&[], |p| p.findings()),
            by_hand: plan.map_or(&[], |p| p.by_hand()),
            bytes: plan.map(|p| p.signed_len()),
            difference: self.difference.as_ref(),
            signer,
        }
    }
}

fn phones_json(plan: &Plan, signer: &str) -> serde_json::Value {
    let verdicts: Vec<_> = plan
        .phones()
        .iter()
        .map(|v| {
            let mut value = serde_json::to_value(v).unwrap_or_default();
            if let Some(object) = value.as_object_mut() {
                object.insert("says".to_owned(), v.verdict.says(signer).into());
            }
            value
        })
        .collect();
    verdicts.into()
}

/// `TVS: no TVS record is left …`
pub fn finding_line(finding: &ServiceFinding) -> String {
    let sign = match finding.severity {
        Severity::Note => "",
        Severity::Loses => "careful: ",
        Severity::LockedOut => "LOCKED OUT: ",
    };
    format!("{sign}{}", finding.says)
}

impl ConfirmedFile {
    /// What is left to do by hand once it is written.
    pub fn by_hand(&self) -> &[String] {
        match &self.work {
            Confirmed::List(plan) => plan.plan().by_hand(),
            Confirmed::Sgn(_) => &[],
        }
    }

    /// Signs, verifies, and only then writes.
    pub fn sign_and_write(
        self,
        signer: &mut TokenSigner<'_>,
        say: &Voice<'_>,
        log: &mut RunLog,
    ) -> Result<WrittenJson, CommandError> {
        let out = self.out.display().to_string();
        if let Some((role, file)) = self.input {
            log.add(Event::Input { role: role.to_owned(), file })?;
        }
        let (bytes, signed_by) = match self.work {
            Confirmed::List(plan) => {
                log.add(Event::plan(plan.plan(), &out))?;
                let signed = plan.execute(signer)?;
                (signed.list().bytes().clone(), signed.signer_name())
            }
            Confirmed::Sgn(draft) => {
                let signed = draft.sign(signer)?;
                (signed.bytes().clone(), signed.header().signer_short_name())
            }
        };
        interrupt::check()?;
        let kept = if self.out.as_os_str() == "-" {
            say.ui.write(&bytes)?;
            None
        } else {
            let Written { backup, .. } = files::write_new(&self.out, &bytes, OnExisting::KeepBackup)?;
            backup
        };
        let kept_old_as = kept.map(|p| p.display().to_string());
        let seal = FileSeal::of(&out, &bytes);
        let (md5_phone, md5, sha1) =
            (digest::phone_lines(&digest::md5(&bytes)), seal.md5.clone(), seal.sha1.clone());
        log.add(Event::Output { signed_by: signed_by.clone(), kept_old_as: kept_old_as.clone(), file: seal })
            .map_err(|e| e.detail("", format!("{out} was written before that")))?;
        let written =
            WrittenJson { file: out, kept_old_as, bytes: bytes.len(), signed_by, md5, md5_phone, sha1 };
        if !say.ui.is_json() {
            say.text(&written.text())?;
        }
        Ok(written)
    }
}

impl WrittenJson {
    fn text(&self) -> String {
        let mut text =
            format!("{}   {} bytes, signed by {}, verified\n", self.file, self.bytes, self.signed_by);
        let _ = writeln!(text, "  MD5   {}", self.md5);
        let _ = writeln!(text, "        on the phone: {}", self.md5_phone.join(" "));
        let _ = writeln!(text, "  SHA1  {}", self.sha1);
        if let Some(kept) = &self.kept_old_as {
            let _ = writeln!(text, "  the file before is kept as {kept}");
        }
        text
    }
}
