//! The sheet of a ceremony: what people compare, initial and write down when a request is signed; after it also what happened.

use std::path::Path;

use askama::Template;

use super::answer::{MAX_ANSWER, SigningAnswer};
use super::request::{MAX_REQUEST, SigningRequest};
use super::signers::Signers;
use crate::files;
use crate::trustlist::digest::{hex, phone_lines_of_hex};
use crate::workflow::journal::{Event, FileFingerprint, PhoneLine, TokenSeal, VerifiedJournal};
use crate::workflow::signing::BatchFile;
use crate::workflow::{Next, PlanStep, Spell, WorkError, local_time};

/// The most files whose plans are on a sheet, and the most that it names.
const PLANS: usize = 3;
const NAMED: usize = 40;

/// A sheet; its page is its text.
#[derive(Template)]
#[template(path = "ceremony.html")]
pub struct CeremonySheet {
    /// The request.
    pub request: SigningRequest,
    /// Its file, and the name of the answer.
    file: FileFingerprint,
    answer: String,
    /// How a run on a cluster goes on with the answer.
    goes_on: Option<String>,
    version: &'static str,
    /// Who approved: the name in `signers.toml`, and the fingerprint of the key.
    approved: Vec<(String, String)>,
    plans: Vec<SheetPlan>,
    happened: Option<Happened>,
}

/// What is to be signed.
struct SheetPlan {
    input: Option<FileFingerprint>,
    out: String,
    steps: Vec<PlanStep>,
    phones: Vec<PhoneLine>,
    losses: Vec<String>,
    warnings: Vec<String>,
}

/// What happened, from the answer; everything in it was checked.
struct Happened {
    times: [String; 4],
    by: String,
    token: Option<TokenSeal>,
    files: Vec<FileFingerprint>,
    lines: usize,
    head: String,
    answer: FileFingerprint,
}

impl CeremonySheet {
    /// The sheet for a request; with its answer it tells what happened.
    pub fn read(request: &Path, answer: Option<&Path>, spell: Spell) -> Result<Self, WorkError> {
        let bytes = files::read_plain(request, MAX_REQUEST)?;
        let (it, batch) = SigningRequest::read(&bytes, spell)?;
        let signers = Signers::read(None)?;
        let named = |key: String| {
            let name = signers.as_ref().and_then(|signers| signers.name_of(&key));
            (name.unwrap_or("a key without a name in signers.toml").to_owned(), key)
        };
        let approved = it.approved_by()?.into_iter().map(named).collect();
        let plans = batch.iter().map(SheetPlan::of).collect();
        let happened = match answer {
            Some(path) => Some(Happened::read(path, &it, batch)?),
            None => None,
        };
        let answer = answer.map_or_else(|| request.with_extension("sastans"), Path::to_owned);
        let goes_on = it.seen.as_ref().map(|seen| spell(&Next::use_answer(&seen.run, &answer)));
        Ok(CeremonySheet {
            request: it,
            goes_on,
            file: fingerprint(request, &bytes),
            answer: name(&answer),
            version: env!("CARGO_PKG_VERSION"),
            approved,
            plans,
            happened,
        })
    }

    /// Whether the request was signed.
    pub fn is_signed(&self) -> bool {
        self.happened.is_some()
    }

    fn signer_sha256(&self) -> String {
        hex(&self.request.signer.sha256(), "")
    }
}

impl SheetPlan {
    fn of(file: &BatchFile) -> Self {
        let signer = file.plan().map(|plan| plan.signer().sast_name()).unwrap_or_default();
        let input = file.input.as_ref().map(|input| fingerprint(&input.path, &input.bytes));
        let held = |plan: &crate::workflow::Plan| {
            plan.phones.iter().map(|verdict| PhoneLine::of(verdict, &signer, None)).collect()
        };
        SheetPlan {
            input,
            out: file.out().display().to_string(),
            steps: file.plan().map(|plan| plan.steps.clone()).unwrap_or_default(),
            phones: file.plan().map(held).unwrap_or_default(),
            losses: file
                .plan()
                .map(|plan| plan.findings.iter().map(|f| f.line()).collect())
                .unwrap_or_default(),
            warnings: file.warnings.clone(),
        }
    }
}

impl Happened {
    fn read(path: &Path, request: &SigningRequest, batch: Vec<BatchFile>) -> Result<Self, WorkError> {
        let bytes = files::read_plain(path, MAX_ANSWER)?;
        let (answer, _) = SigningAnswer::read(&bytes, request, batch)?;
        let journal = VerifiedJournal::read(answer.journal.as_bytes()).map_err(super::ExchangeError::from)?;
        let (mut by, mut token, mut signed) = (String::new(), None, vec![]);
        for line in journal.lines() {
            match &line.event {
                Event::Start { version, operator, host, .. } => {
                    by = format!("{operator} on {host}, sastctl {version}");
                }
                Event::Token(seal) => token = Some(seal.clone()),
                Event::Output { file, .. } => signed.push(file.clone()),
                _ => {}
            }
        }
        let time = |line: Option<&crate::workflow::journal::JournalLine>| {
            line.map(|line| line.time.clone()).unwrap_or_default()
        };
        let (from, to) = (time(journal.lines().first()), time(journal.lines().last()));
        let local = |utc: &String| local_time(utc).unwrap_or_else(|| utc.clone());
        Ok(Happened {
            times: [local(&from), local(&to), from, to],
            by,
            token,
            files: signed,
            lines: journal.lines().len(),
            head: journal.head.clone(),
            answer: fingerprint(path, &bytes),
        })
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn fingerprint(path: &Path, bytes: &[u8]) -> FileFingerprint {
    FileFingerprint { data: None, ..FileFingerprint::of(name(path), bytes) }
}
