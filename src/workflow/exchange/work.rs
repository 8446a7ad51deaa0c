//! A request is written, and its answer is used.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::answer::{MAX_ANSWER, SigningAnswer};
use super::check::Requested;
use super::error::ExchangeError;
use super::ledger::{Done, Ledger};
use super::request::{CarriedFile, MAX_REQUEST, SigningRequest, Work};
use super::seen::Seen;
use crate::files::{self, OnExisting, Source};
use crate::system::process;
use crate::trustlist::digest;
use crate::workflow::enroll::random;
use crate::workflow::journal::{Event, signature_beside};
use crate::workflow::signing::{BatchFile, Signed, SignedFile, show_plan};
use crate::workflow::{self, Next, Operator, Spell, View, WorkError};

/// The largest file that a request carries, in bytes: its signed copy still has a place in the journal.
const LARGEST_FILE: usize = 255 * 1024;

/// Now, in whole seconds.
pub(super) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

/// Reads a file for a request.
pub fn carried(path: &Path) -> Result<CarriedFile, WorkError> {
    let bytes = files::read_plain(path, LARGEST_FILE)?.into();
    Ok(CarriedFile { path: path.display().to_string(), bytes })
}

/// For what a request is, and until when it may be signed.
#[allow(missing_docs, reason = "the fields are called by what they are")]
pub struct Carry<'a> {
    pub out: &'a Path,
    pub cluster: Option<String>,
    pub change: Option<String>,
    pub needs_approvals: usize,
    /// Days from now.
    pub days: i64,
}

/// Makes a request, shows its plans and writes it; `before` it is written, a run takes note of it. Nothing is signed.
pub fn write(
    (work, seen): (Work, Option<Seen>),
    request: workflow::Request<'_>,
    carry: &Carry<'_>,
    operator: &dyn Operator,
    before: impl FnOnce(&SigningRequest) -> Result<(), WorkError>,
) -> Result<SigningRequest, WorkError> {
    let time = |seconds: i64| Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
    let expires = request.now.saturating_add(carry.days.saturating_mul(24 * 60 * 60));
    let (request, batch) = SigningRequest::make(Requested {
        serial: random()?,
        made: time(request.now),
        expires: time(expires),
        asked_by: format!("{} on {}", process::operator(), process::host()),
        cluster: carry.cluster.clone(),
        change: carry.change.clone(),
        needs_approvals: carry.needs_approvals,
        request,
        work,
        seen,
    })?;
    let mut warned = HashSet::new();
    batch.iter().try_for_each(|file| show_plan(file, false, &mut warned, operator))?;
    operator.check_interrupted()?;
    before(&request)?;
    files::write_new(carry.out, &request.to_bytes(), OnExisting::KeepBackup)?;
    operator.show(&View::Request { request: &request, file: carry.out, people: &[] })?;
    Ok(request)
}

/// A request that was read and checked, with its plans.
pub struct OpenRequest {
    path: PathBuf,
    /// The request.
    pub request: SigningRequest,
    /// Its files, each with its plan.
    pub batch: Vec<BatchFile>,
    /// The length of the document, and its SHA-256.
    pub(super) bytes: usize,
    pub(super) sha256: [u8; 32],
}

impl OpenRequest {
    /// Reads a request; everything in it is made again from its files.
    pub fn read(path: &Path, spell: Spell) -> Result<Self, WorkError> {
        let bytes = files::read_plain(path, MAX_REQUEST)?;
        let (request, batch) = SigningRequest::read(&bytes, spell)?;
        let sha256 = digest::sha256(&bytes);
        Ok(OpenRequest { path: path.to_owned(), request, batch, bytes: bytes.len(), sha256 })
    }

    /// The same, where the results go to other places.
    #[must_use]
    pub fn placed(self, place: impl FnMut(BatchFile) -> BatchFile) -> Self {
        OpenRequest { batch: self.batch.into_iter().map(place).collect(), ..self }
    }

    /// Reads an answer to this request, and checks its signed files.
    pub fn answered(self, answer: &Path) -> Result<(SigningAnswer, Vec<SignedFile>), WorkError> {
        let bytes = files::read_plain(answer, MAX_ANSWER)?;
        Ok(SigningAnswer::read(&bytes, &self.request, self.batch)?)
    }

    /// Uses an answer: checks it, writes its signed files to `out` (a folder for several), and its journal next to it.
    pub fn apply(
        self,
        answer: &Path,
        out: &Path,
        ledger: Option<&Path>,
        operator: &dyn Operator,
    ) -> Result<Applied, WorkError> {
        if let Some(seen) = self.request.seen {
            return Err(ExchangeError::OfARun(Box::new(Next::use_answer(&seen.run, answer))).into());
        }
        operator.show(&View::Request { request: &self.request, file: &self.path, people: &[] })?;
        let by_hand = self.batch.first().map(|file| file.by_hand().to_vec()).unwrap_or_default();
        let journal = answer.with_extension("jsonl");
        let several = self.batch.len() > 1;
        let place = |file: BatchFile| {
            let place = if several || out.is_dir() { out.join(file.out()) } else { out.to_owned() };
            file.placed(place)
        };
        let request = self.request.clone();
        let (answer, signed) = self.placed(place).answered(answer)?;
        let mut ledger = Ledger::open(ledger, Done::Applied)?;
        check_unused(&request, &ledger)?;
        for CarriedFile { path, bytes } in request.files() {
            if !(Source { path: Path::new(path), bytes }).is_there() {
                return Err(ExchangeError::InForceChanged(path.into()).into());
            }
        }
        if several {
            files::make_folder(out)?;
        }
        write_signed(signed, operator, |_| Ok(()))?;
        answer.keep_journal(&journal)?;
        ledger.enter(&[(&request.serial, &request.digest)])?.into_iter().collect::<Result<(), _>>()?;
        Ok(Applied { serial: answer.serial, signed: Signed { journal, by_hand } })
    }
}

/// An error if an answer to this request comes too late, or was used before.
pub fn check_unused(request: &SigningRequest, ledger: &Ledger) -> Result<(), ExchangeError> {
    let (now, expires) = (now(), request.expires);
    request.is_current(now).map_err(|_| ExchangeError::AnswerExpired { expires, now })?;
    ledger.check(&request.serial)
}

impl SigningAnswer {
    /// Writes the journal of the signing, and the token's signature over it next to it.
    pub fn keep_journal(&self, path: &Path) -> Result<(), WorkError> {
        files::update(path, self.journal.as_bytes())?;
        Ok(files::update(&signature_beside(path), self.signature.as_bytes())?)
    }
}

/// Writes signed files; each has its line for a journal.
pub fn write_signed(
    signed: Vec<SignedFile>,
    operator: &dyn Operator,
    mut note: impl FnMut(Event) -> Result<(), WorkError>,
) -> Result<(), WorkError> {
    operator.check_interrupted()?;
    operator.something_changes();
    for file in signed {
        let backup = files::write(&file.new_file(), OnExisting::KeepBackup)?.backup;
        let (line, written) = file.written(backup.as_deref());
        note(line)?;
        operator.show(&View::Written(&written))?;
    }
    Ok(())
}

/// The result of an answer that was used.
#[allow(missing_docs, reason = "the fields are called by what they are")]
pub struct Applied {
    pub serial: String,
    /// The journal of the signing, written next to the answer, and what is left to do.
    pub signed: Signed,
}
