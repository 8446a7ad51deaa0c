//! Files that are to be signed, each with its plan: shown, confirmed, signed and verified, written.

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde::Serialize;

use crate::files::{self, FileError, NewFile, Source};
use crate::phone::{ClassVerdict, Decision, Impact, ServiceFinding};
use crate::token::Sast;
use crate::trustlist::{Certificate, Difference, SgnDraft, SignError, Signer, VerifiedList, digest};
use crate::workflow::journal::{Event, FileFingerprint, Journal, JournalWriteError};
use crate::workflow::{ConfirmedPlan, Plan, PlanDigest, PlanError};

/// One file that is to be signed.
#[derive(Debug)]
pub struct BatchFile {
    work: Work<Plan>,
    digest: PlanDigest,
    out: PathBuf,
    /// What it is made from; `None` for a first list.
    pub input: Option<Replaced>,
    /// What the operator should know.
    pub warnings: Vec<String>,
}

#[derive(Debug)]
enum Work<P> {
    List(Box<P>),
    Sgn(Box<SgnDraft>),
}

impl BatchFile {
    /// A list with its plan, and the list in force that the plan changes; `None` for a first list.
    pub fn list(plan: Plan, out: PathBuf, replaces: Option<(&Path, &VerifiedList)>) -> Self {
        let input = replaces.map(|(path, old)| {
            let bytes = old.list().bytes().clone();
            Replaced { path: path.to_owned(), read: bytes.clone(), bytes, list: Some(old.clone()) }
        });
        let (digest, warnings) = (plan.digest(), plan.warnings.clone());
        BatchFile { work: Work::List(Box::new(plan)), digest, out, input, warnings }
    }

    /// A configuration file that `signer` will sign, and the file that it was read from, with all its bytes.
    pub fn sgn(
        draft: SgnDraft,
        (signer, judged_at, warnings): (&Certificate, i64, Vec<String>),
        (path, read): (&Path, Bytes),
        out: PathBuf,
    ) -> Result<Self, PlanError> {
        let digest = PlanDigest::over(judged_at, &[&draft.message(signer)?, signer.der()]);
        let (path, bytes) = (path.to_owned(), draft.payload.clone());
        let input = Some(Replaced { path, read, bytes, list: None });
        Ok(BatchFile { work: Work::Sgn(Box::new(draft)), digest, out, input, warnings })
    }

    /// The same, with the result at another place.
    #[must_use]
    pub fn placed(self, out: PathBuf) -> Self {
        BatchFile { out, ..self }
    }

    /// The plan; `None` for a configuration file.
    pub fn plan(&self) -> Option<&Plan> {
        match &self.work {
            Work::List(plan) => Some(plan),
            Work::Sgn(_) => None,
        }
    }

    /// The FILENAME in the signed file.
    pub fn file_name(&self) -> &str {
        match &self.work {
            Work::List(plan) => &plan.draft().file_name,
            Work::Sgn(draft) => &draft.file_name,
        }
    }

    /// What changes in the list in force.
    pub fn difference(&self) -> Option<Difference> {
        Some(self.plan()?.difference(self.input.as_ref()?.list.as_ref()?.list()))
    }

    /// Where the result is written.
    pub fn out(&self) -> &Path {
        &self.out
    }

    /// The digest that identifies it: over everything that is shown or signed.
    pub fn digest(&self) -> PlanDigest {
        self.digest
    }

    /// What is left to do by hand after it is written.
    pub fn by_hand(&self) -> &[String] {
        self.plan().map_or(&[], |plan| &plan.by_hand[..])
    }

    /// What phones will refuse or lose, one line each.
    pub fn problems(&self) -> Vec<String> {
        let Some(plan) = self.plan() else { return vec![] };
        let signer = plan.signer().sast_name();
        let refusals = plan.phones.iter().filter(|v| v.verdict.decision == Decision::Refuses);
        let refusals = refusals.map(|v| format!("phones ({}): {}", v.class.label(), v.says(&signer)));
        let losses = plan.findings.iter().filter(|f| f.impact != Impact::Note).map(ServiceFinding::line);
        refusals.chain(losses).collect()
    }

    /// For programs: everything that the operator sees of it.
    pub fn json(&self, sast: &Sast) -> serde_json::Value {
        let (plan, signer) = (self.plan(), sast.certificate().sast_name());
        let says = |phones| Says { phones, says: phones.verdict.says(&signer) };
        serde_json::json!({
            "digest": self.digest.to_string(),
            "out": self.out.display().to_string(),
            "token_serial": sast.token().serial,
            "steps": plan.map_or(&[][..], |p| &p.steps[..]),
            "warnings": self.warnings,
            "phones": plan.map(|p| p.phones.iter().map(says).collect::<Vec<_>>()),
            "findings": plan.map_or(&[][..], |p| &p.findings[..]),
            "by_hand": self.by_hand(),
            "bytes": plan.map(Plan::signed_len),
            "difference": self.difference(),
            "signer": signer,
        })
    }

    /// Confirms the file; an error if it is not the one that was shown.
    pub fn confirm(self, shown: PlanDigest) -> Result<ConfirmedFile, PlanError> {
        let work = match self.work {
            Work::List(plan) => Work::List(Box::new(plan.confirm(shown)?)),
            Work::Sgn(_) if self.digest != shown => {
                return Err(PlanError::Changed { shown, now: self.digest });
            }
            Work::Sgn(draft) => Work::Sgn(draft),
        };
        Ok(ConfirmedFile { work, out: self.out, input: self.input })
    }
}

/// A verdict, also in words.
#[derive(Serialize)]
struct Says<'a> {
    #[serde(flatten)]
    phones: &'a ClassVerdict,
    says: String,
}

/// Why files are not signed, or plans are not carried out together.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the words say what each is")]
pub enum SigningError {
    #[error("two files would be written as {}", .0.display())]
    SamePlace(PathBuf),
    /// The check before signing found that no file can be written there.
    #[error(transparent)]
    Place(FileError),
    #[error("the plan does not have the given digest")]
    OtherPlan { wanted: PlanDigest, planned: PlanDigest },
    /// It came from standard input.
    #[error("the file name is a part of a signed configuration file, and standard input has none")]
    NoFileName,
    #[error("the file from standard input contains the name {0:?}, which is not a plain file name")]
    NotAFileName(String),
    #[error("there are several files to sign, and {} is a list: give its destination", .0.display())]
    NoPlace(PathBuf),
}

/// The plans of a batch as they were shown, the files that they would write, and what is left to do by hand after that.
#[derive(Debug, Default)]
pub struct ShownPlans {
    each: Vec<(PlanDigest, PathBuf)>,
    places: HashSet<PathBuf>,
    /// What is left to do by hand after they are carried out.
    pub by_hand: Vec<String>,
}

impl ShownPlans {
    /// Adds a plan before it is shown. Its result must replace nothing but a file, and not the result of another plan.
    pub fn add(&mut self, file: &BatchFile, digest: PlanDigest) -> Result<(), SigningError> {
        let out = file.out();
        if out.as_os_str() != "-" {
            files::check_place(out).map_err(SigningError::Place)?;
        }
        if !self.places.insert(files::resolve(out)) {
            return Err(SigningError::SamePlace(out.to_owned()));
        }
        if self.each.is_empty() {
            self.by_hand = file.by_hand().to_vec();
        }
        self.each.push((digest, out.to_owned()));
        Ok(())
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.each.len()
    }

    /// The digest of each plan, in their order.
    pub fn digests(&self) -> impl Iterator<Item = PlanDigest> + Send {
        self.each.iter().map(|(digest, _)| *digest)
    }

    /// The digest of all plans together; for a single plan, its own digest.
    pub fn digest(&self) -> PlanDigest {
        if let [(one, _)] = self.each[..] {
            return one;
        }
        let judged_at = self.each.first().map(|(digest, _)| digest.judged_at).unwrap_or_default();
        PlanDigest::over(judged_at, &self.each.iter().map(|(digest, _)| &digest.sum[..]).collect::<Vec<_>>())
    }

    /// An error if the plans do not have this digest.
    pub fn check(&self, wanted: Option<PlanDigest>) -> Result<(), SigningError> {
        let planned = self.digest();
        match wanted.filter(|wanted| *wanted != planned) {
            Some(wanted) => Err(SigningError::OtherPlan { wanted, planned }),
            None => Ok(()),
        }
    }

    /// The files that they would write.
    pub fn will_write(&self) -> WillWrite {
        WillWrite::of(self.each.iter().map(|(_, out)| out))
    }
}

/// Files that will be written; `-` is standard output.
#[allow(missing_docs, reason = "the fields are called by what they are")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WillWrite {
    pub files: usize,
    /// How many of them exist, and are kept as a backup.
    pub existing: usize,
    pub first: PathBuf,
    pub last: PathBuf,
}

impl WillWrite {
    /// These files.
    pub fn of<'a>(files: impl Iterator<Item = &'a PathBuf>) -> Self {
        let mut all = WillWrite { files: 0, existing: 0, first: PathBuf::new(), last: PathBuf::new() };
        for file in files {
            if all.files == 0 {
                all.first = file.clone();
            }
            all.last = file.clone();
            all.files = all.files.saturating_add(1);
            all.existing = all.existing.saturating_add(usize::from(file.exists()));
        }
        all
    }
}

impl fmt::Display for WillWrite {
    /// `write CTLFile.new.tlv`, `replace CTLFile.tlv (the old one is kept as .bak)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last) = (self.first.display(), self.last.display());
        match (self.files, self.existing) {
            (0, _) => f.write_str("write nothing"),
            (1, _) if self.first.as_os_str() == "-" => f.write_str("write to standard output"),
            (1, 0) => write!(f, "write {first}"),
            (1, _) => write!(f, "replace {first} (the old one is kept as .bak)"),
            (files, existing) => {
                write!(
                    f,
                    "write {files} files, {first} to {last} ({existing} of them exist, and are kept as .bak)"
                )
            }
        }
    }
}

/// One file whose plan was confirmed.
pub struct ConfirmedFile {
    work: Work<ConfirmedPlan>,
    out: PathBuf,
    input: Option<Replaced>,
}

/// What a new file is made from.
#[allow(missing_docs, reason = "the fields are called by what they are")]
#[derive(Debug)]
pub struct Replaced {
    pub path: PathBuf,
    pub read: Bytes,
    /// The part of it that is signed or replaced, as in the journal.
    pub bytes: Bytes,
    /// The list in force; `None` for a configuration file.
    pub list: Option<VerifiedList>,
}

/// A file that was signed and verified, but is not written yet.
pub struct SignedFile {
    out: PathBuf,
    bytes: Bytes,
    signed_by: String,
    input: Option<Replaced>,
}

/// What was written; checksums in hexadecimal, and as a phone shows them.
#[allow(missing_docs, reason = "the fields are called by what they are")]
#[derive(Debug, Clone, Serialize)]
pub struct WrittenFile {
    pub file: String,
    pub kept_old_as: Option<String>,
    pub bytes: usize,
    pub signed_by: String,
    pub md5: String,
    pub md5_phone: Vec<String>,
    pub sha1: String,
    pub sha1_phone: Vec<String>,
}

impl ConfirmedFile {
    /// Writes its first lines into the journal: what was read, and the plan.
    pub(crate) fn begin(&self, log: &mut Journal) -> Result<(), JournalWriteError> {
        let out = self.out.display().to_string();
        if let Some(Replaced { path, bytes, list, .. }) = &self.input {
            let file = FileFingerprint::of(path.display().to_string(), bytes);
            let role = if list.is_some() { "in force" } else { "configuration" };
            log.note(Event::input(role, Some(out.clone()), file))?;
        }
        match &self.work {
            Work::List(plan) => log.note(Event::plan(plan.plan(), out)),
            Work::Sgn(_) => Ok(()),
        }
    }

    /// Signs; what comes out was read back and verified.
    pub fn sign<S: Signer>(self, signer: &mut S) -> Result<SignedFile, SignError<S::Error>> {
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
        Ok(SignedFile { out: self.out, bytes, signed_by, input: self.input })
    }
}

impl SignedFile {
    /// What is to be written and where, and which file must not have changed since it was read.
    pub fn new_file(&self) -> NewFile<'_> {
        // Standard input cannot be read again.
        let input = self.input.as_ref().filter(|input| input.path.as_os_str() != "-");
        let made_from = input.map(|input| Source { path: &input.path, bytes: &input.read });
        NewFile { path: &self.out, bytes: &self.bytes, made_from }
    }

    /// The journal line and the report to the operator after it is written.
    pub fn written(self, backup: Option<&Path>) -> (Event, WrittenFile) {
        let SignedFile { out, bytes, signed_by, .. } = self;
        let file = out.display().to_string();
        let kept_old_as = backup.map(|p| p.display().to_string());
        let seal = FileFingerprint::of(&file, &bytes);
        let [md5_phone, sha1_phone] = [&seal.md5, &seal.sha1].map(|sum| digest::phone_lines_of_hex(sum));
        let (md5, sha1) = (seal.md5.clone(), seal.sha1.clone());
        let line =
            Event::Output { signed_by: signed_by.clone(), kept_old_as: kept_old_as.clone(), file: seal };
        let bytes = bytes.len();
        (line, WrittenFile { file, kept_old_as, bytes, signed_by, md5, md5_phone, sha1, sha1_phone })
    }
}
