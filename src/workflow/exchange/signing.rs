//! Requests are signed: many with one login, each with an answer and a journal of its own.
//!
//! All are read, checked and shown first. When its turn comes, the file of a request must still be the one that was shown.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::error::ExchangeError;
use super::ledger::{Done, Ledger};
use super::pipeline::{Answer, KEPT, Run, Shown, TOGETHER, in_parallel};
use super::seen::WaitingRun;
use super::signers::{Signers, judge};
use super::work::{OpenRequest, now};
use crate::files;
use crate::token::Selector;
use crate::trustlist::Certificate;
use crate::workflow::journal::Approver;
use crate::workflow::signing::{ShownPlans, SigningError, SigningSession, WillWrite, show_plan};
use crate::workflow::{ModuleOptions, Operator, Spell, View, WorkError, with_login};

/// How requests are signed.
#[allow(missing_docs, reason = "the fields are called by what they are")]
pub struct SignHere<'a> {
    /// The answer to a single request; a folder for several. `None`: next to each request.
    pub out: Option<&'a Path>,
    pub journal: Option<&'a Path>,
    pub ledger: Option<&'a Path>,
    /// Who may approve; `None`: nobody but the operator.
    pub signers: Option<&'a Signers>,
    pub dry_run: bool,
    pub module: &'a ModuleOptions,
    pub selector: Option<Selector>,
    pub spell: Spell,
}

/// A request that was given, and what became of it.
#[allow(missing_docs, reason = "the fields are called by what they are")]
pub struct SignedRequest {
    pub path: PathBuf,
    /// The serial number and the cluster, where it could be read.
    pub serial: Option<String>,
    pub cluster: Option<String>,
    /// The run that waits for the answer.
    pub run: Option<WaitingRun>,
    pub people: Vec<Approver>,
    /// `None` in a dry run.
    pub result: Result<Option<Answer>, WorkError>,
}

impl SignedRequest {
    fn new(path: &Path) -> Self {
        SignedRequest {
            path: path.to_owned(),
            serial: None,
            cluster: None,
            run: None,
            people: vec![],
            result: Ok(None),
        }
    }

    /// Its answer, if there is one.
    pub fn answer(&self) -> Option<&Answer> {
        self.result.as_ref().ok()?.as_ref()
    }
}

/// The requests in their order; and the error that stopped the run, if there was one.
#[allow(missing_docs, reason = "the fields are called by what they are")]
pub struct SignedRequests {
    pub each: Vec<SignedRequest>,
    pub stopped: Option<WorkError>,
}

impl SignedRequests {
    /// The error of a single request; it is told as the error of the command.
    pub fn only_error(&mut self) -> Option<WorkError> {
        match &mut self.each[..] {
            [only] => match std::mem::replace(&mut only.result, Ok(None)) {
                Err(e) => Some(self.stopped.take().unwrap_or(e)),
                answer => {
                    only.result = answer;
                    None
                }
            },
            _ => None,
        }
    }
}

/// Checks and shows all requests, asks once, signs with one login, and writes an answer to each. What is wrong with one request
/// stops no other; without a good one nobody is asked.
pub fn sign(
    paths: &[PathBuf],
    how: &SignHere<'_>,
    operator: &dyn Operator,
) -> Result<SignedRequests, WorkError> {
    let mut ledger = Ledger::open(how.ledger, Done::Signed)?;
    let several = paths.len() > 1;
    let (serials, places) = (HashMap::new(), HashSet::new());
    let mut first = FirstLook { how, ledger: &ledger, several, signer: None, serials, places };
    let (mut each, mut good, mut warned, mut kept) = (vec![], vec![], HashSet::new(), 0_usize);
    for group in paths.chunks(TOGETHER) {
        operator.check_interrupted()?;
        let opened = in_parallel(group.iter(), |path| (path, OpenRequest::read(path, how.spell)));
        for (path, open) in opened {
            let mut row = SignedRequest::new(path);
            match open.and_then(|open| first.look(open, &mut row)) {
                Ok((mut shown, OpenRequest { request, batch, bytes, .. })) => {
                    operator.show(&View::Request { request: &request, file: path, people: &shown.people })?;
                    for file in &batch {
                        show_plan(file, how.dry_run, &mut warned, operator)?;
                    }
                    shown.at = each.len();
                    kept = kept.saturating_add(bytes);
                    shown.kept = Mutex::new((kept <= KEPT).then_some((request, batch)));
                    good.push(shown);
                }
                Err(e) => row.result = Err(e),
            }
            each.push(row);
        }
    }
    let signer = first.signer;
    if how.signers.is_none() && !good.is_empty() {
        operator.note("There is no signers.toml: nobody but you approves what is signed here");
    }
    let (Some(signer), false) = (signer, how.dry_run) else {
        if !good.is_empty() {
            operator.show(&View::DryRun(&ShownPlans::default()))?;
        }
        return Ok(SignedRequests { each, stopped: None });
    };
    if let Some(place) = how.signers.and_then(|signers| signers.place(&signer)) {
        operator.note(&place);
    }
    let named = Selector::Name(signer.sast_name());
    let session = SigningSession::open(how.module, Some(how.selector.as_ref().unwrap_or(&named)), operator)?
        .for_certificate(&signer);
    if *session.signer().certificate() != signer {
        let (wanted, there) = (signer.sast_name(), session.signer().certificate().sast_name());
        return Err(ExchangeError::OtherToken { wanted, there }.into());
    }
    session.ask(WillWrite::of(good.iter().map(|shown| &shown.answer)), operator)?;
    if let Some(folder) = how.out.filter(|_| several) {
        files::make_folder(folder)?;
    }
    let files = good.iter().fold(0_usize, |sum, shown| sum.saturating_add(shown.files));
    let work = (files > TOGETHER).then(|| operator.long_work(&format!("Signing {files} files"), Some(files)));
    let (done, mut stopped) = with_login(session.module(), session.signer(), operator, |token| {
        let all: HashSet<_> = paths.iter().map(|path| path.to_string_lossy()).collect();
        let words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
        let words = words.filter(|word| !all.contains(word.as_str())).collect();
        let (sast, journal, spell) = (session.signer(), how.journal, how.spell);
        let mut run =
            Run { journal, spell, several, words, sast, token, ledger: &mut ledger, operator, stopped: None };
        let done = run.sign_all(&good, work.as_deref());
        Ok::<_, WorkError>((done, run.stopped))
    })?;
    for shown in &good {
        if let Some(row) = each.get_mut(shown.at) {
            let entered = ledger.check(&shown.serial).is_err();
            row.result = Err(ExchangeError::NotReached { entered }.into());
        }
    }
    let answers = done.iter().filter(|(_, result)| result.is_ok()).count();
    for (at, result) in done {
        if let Some(row) = each.get_mut(at) {
            row.result = result.map(Some);
        }
    }
    if answers > 0 {
        stopped = stopped.map(|source| WorkError::Partly { written: answers, source: Box::new(source) });
    }
    Ok(SignedRequests { each, stopped })
}

/// What must hold for each request, and among them.
struct FirstLook<'a> {
    how: &'a SignHere<'a>,
    ledger: &'a Ledger,
    several: bool,
    /// Of the first good request: one login signs for all.
    signer: Option<Certificate>,
    /// The good requests by their serial numbers.
    serials: HashMap<String, PathBuf>,
    /// Where their answers will be.
    places: HashSet<PathBuf>,
}

impl FirstLook<'_> {
    fn look(
        &mut self,
        open: OpenRequest,
        row: &mut SignedRequest,
    ) -> Result<(Shown, OpenRequest), WorkError> {
        let (request, path) = (&open.request, row.path.clone());
        row.serial = Some(request.serial.clone());
        row.cluster.clone_from(&request.cluster);
        row.run = request.seen.as_ref().map(|seen| seen.run.clone());
        request.is_current(now())?;
        self.ledger.check(&request.serial)?;
        row.people = judge(self.how.signers, request, &open.batch)?;
        if let Some(first) = self.serials.get(&request.serial) {
            let (serial, first) = (request.serial.clone(), first.clone());
            return Err(ExchangeError::GivenTwice { serial, first }.into());
        }
        if let Some(signer) = self.signer.as_ref().filter(|signer| **signer != request.signer) {
            let (wanted, signs) = (request.signer.sast_name(), signer.sast_name());
            return Err(ExchangeError::SecondSigner { wanted, signs }.into());
        }
        let name = path.with_extension("sastans");
        let answer = match self.how.out {
            Some(folder) if self.several || folder.is_dir() => {
                folder.join(name.file_name().unwrap_or_default())
            }
            Some(file) => file.to_owned(),
            None => name,
        };
        files::check_place(&answer).map_err(SigningError::Place)?;
        if !self.places.insert(files::resolve(&answer)) {
            return Err(SigningError::SamePlace(answer).into());
        }
        self.serials.insert(request.serial.clone(), path.clone());
        self.signer.get_or_insert_with(|| request.signer.clone());
        let (serial, digest) = (request.serial.clone(), request.digest.clone());
        let (files, bytes, sha256) = (open.batch.len(), open.bytes, open.sha256);
        let (kept, people) = (Mutex::default(), row.people.clone());
        Ok((Shown { at: 0, path, answer, serial, digest, sha256, kept, people, bytes, files }, open))
    }
}
