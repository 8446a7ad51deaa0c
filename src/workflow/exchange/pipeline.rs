//! Signing after the login. A few requests at a time share their syncs: one thread reads, this one signs, one writes the answers.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use rayon::prelude::*;

use super::answer::SigningAnswer;
use super::error::ExchangeError;
use super::ledger::Ledger;
use super::request::{MAX_REQUEST, MAX_SINGLE, SigningRequest};
use super::work::now;
use crate::files::{self, NewFile, OnExisting};
use crate::token::{Sast, TokenError, TokenSigner};
use crate::trustlist::{SignError, digest};
use crate::workflow::journal::{Approver, Event, Journal, signature_beside};
use crate::workflow::signing::{BatchFile, ConfirmedFile, WrittenFile};
use crate::workflow::{LongWork, Operator, Spell, View, WorkError};

/// Requests that share a sync of the ledger and of their folders. If the token is removed, so many may be in the ledger without
/// an answer.
pub(super) const TOGETHER: usize = 8;
/// So many bytes of checked requests are kept for the signing; the others are checked again.
pub(super) const KEPT: usize = 8 * 1024 * 1024;

/// The answer to a request, and the journal of its signing.
#[allow(missing_docs, reason = "the fields are called by what they are")]
pub struct Answer {
    pub path: PathBuf,
    pub journal: PathBuf,
}

/// A request that was checked and shown.
pub(super) struct Shown {
    /// Its place among the requests that were given.
    pub(super) at: usize,
    pub(super) path: PathBuf,
    pub(super) answer: PathBuf,
    pub(super) serial: String,
    pub(super) digest: String,
    /// SHA-256 of the document.
    pub(super) sha256: [u8; 32],
    /// The request and its plans, as long as all of them are not too much.
    pub(super) kept: Mutex<Option<(SigningRequest, Vec<BatchFile>)>>,
    pub(super) people: Vec<Approver>,
    pub(super) bytes: usize,
    pub(super) files: usize,
}

/// A request that was read again.
struct Ready<'a> {
    shown: &'a Shown,
    request: SigningRequest,
    files: Vec<ConfirmedFile>,
}

/// A request whose files were signed; its journal is complete, but not on the disk yet.
struct Signed<'a> {
    shown: &'a Shown,
    request: SigningRequest,
    log: Journal,
    /// The token's signature over the head of the journal.
    proof: String,
    written: Vec<WrittenFile>,
}

pub(super) type Each<T> = Vec<(usize, Result<T, WorkError>)>;

/// A few requests, with not more bytes than a usual one may have; or one.
fn groups(all: &[Shown]) -> Vec<&[Shown]> {
    let (mut rest, mut groups) = (all, vec![]);
    while !rest.is_empty() {
        let mut bytes = 0_usize;
        let fits = |shown: &&Shown| {
            bytes = bytes.saturating_add(shown.bytes);
            bytes <= MAX_SINGLE
        };
        let count = rest.iter().take(TOGETHER).take_while(fits).count().max(1);
        let (group, others) = rest.split_at_checked(count).unwrap_or((rest, &[]));
        groups.push(group);
        rest = others;
    }
    groups
}

/// Signing after the login.
pub(super) struct Run<'a, 'b, 'c> {
    /// The folder of the journals.
    pub(super) journal: Option<&'a Path>,
    pub(super) spell: Spell,
    pub(super) several: bool,
    /// The command without the requests.
    pub(super) words: Vec<String>,
    pub(super) sast: &'a Sast,
    pub(super) token: &'a mut &'b TokenSigner<'c>,
    pub(super) ledger: &'a mut Ledger,
    pub(super) operator: &'a dyn Operator,
    /// What no further request is signed after.
    pub(super) stopped: Option<WorkError>,
}

impl Run<'_, '_, '_> {
    pub(super) fn sign_all(&mut self, all: &[Shown], work: Option<&dyn LongWork>) -> Each<Answer> {
        let (groups, operator, spell) = (groups(all), self.operator, self.spell);
        let (to_sign, ready) = sync_channel(1);
        let (to_write, signed) = sync_channel(1);
        let one = groups.len() == 1;
        let read = move || {
            let again = |shown| (shown, read_again(shown, spell));
            // An error: nothing is signed any more.
            let _ = groups.into_iter().try_for_each(|group| to_sign.send(in_parallel(group.iter(), again)));
        };
        let write = move || write_all(&signed, operator, work);
        let (done, stopped) = if one {
            read();
            self.sign_groups(&ready, &to_write);
            drop(to_write);
            write()
        } else {
            thread::scope(|scope| {
                scope.spawn(read);
                let writer = scope.spawn(write);
                self.sign_groups(&ready, &to_write);
                drop((ready, to_write));
                writer.join().unwrap_or_else(|_| (vec![], Some(WorkError::WriterEnded)))
            })
        };
        self.stopped = self.stopped.take().or(stopped);
        done
    }

    /// Signs groups until there are no more, or until something stops it.
    fn sign_groups<'s>(
        &mut self,
        ready: &Receiver<Vec<(&'s Shown, Result<Ready<'s>, WorkError>)>>,
        to_write: &SyncSender<Each<Signed<'s>>>,
    ) {
        while let Ok(group) = ready.recv() {
            if let Err(e) = self.operator.check_interrupted() {
                self.stopped = Some(e.into());
                return;
            }
            let mut done = vec![];
            let result = self.sign_group(group, &mut done);
            self.stopped = result.err();
            // The writer ends early when an answer cannot be written.
            if to_write.send(done).is_err() || self.stopped.is_some() {
                return;
            }
        }
    }

    /// Enters them in the ledger, begins a journal for each, and signs one after the other. An error stops the run.
    fn sign_group<'s>(
        &mut self,
        group: Vec<(&'s Shown, Result<Ready<'s>, WorkError>)>,
        done: &mut Each<Signed<'s>>,
    ) -> Result<(), WorkError> {
        let mut good = vec![];
        for (shown, ready) in group {
            match ready {
                Ok(ready) => good.push(ready),
                Err(e) => done.push((shown.at, Err(e))),
            }
        }
        let names: Vec<_> = good.iter().map(|it| (&*it.shown.serial, &*it.shown.digest)).collect();
        self.operator.something_changes();
        let entered = self.ledger.enter(&names)?;
        let begin = |ready: Ready<'s>| {
            // Without a number each would look for a free name again.
            let number = ready.shown.at.saturating_add(1);
            let what =
                if self.several { format!("sign-request-{number}") } else { "sign-request".to_owned() };
            let mut words = self.words.clone();
            words.push(ready.shown.path.display().to_string());
            let (folder, change) = (self.journal, ready.request.change.as_deref());
            let log = Journal::begin_part(folder, &what, change, words)?;
            begin(ready, log, self.sast)
        };
        let begun = in_parallel(good.into_iter().zip(entered), |(ready, entered)| match entered {
            Ok(()) => (ready.shown, begin(ready)),
            Err(e) => (ready.shown, Err(e.into())),
        });
        // All are in one folder.
        let any = begun.iter().find_map(|(_, begun)| begun.as_ref().ok());
        let synced = any.map_or(Ok(()), |(_, log)| log.sync_folder());
        let mut stopped: Option<WorkError> = synced.err().map(WorkError::from);
        for (shown, begun) in begun {
            match (&stopped, begun) {
                (None, begun) => match begun.and_then(|(ready, log)| self.sign_one(ready, log)) {
                    Err(e) if !is_of_the_request(&e) => stopped = Some(e),
                    signed => done.push((shown.at, signed)),
                },
                (Some(e), Ok((_, mut log))) => drop(log.end(Some(e.outcome()))),
                (Some(_), Err(_)) => {}
            }
        }
        stopped.map_or(Ok(()), Err)
    }

    fn sign_one<'s>(&mut self, ready: Ready<'s>, mut log: Journal) -> Result<Signed<'s>, WorkError> {
        let Ready { shown, request, files } = ready;
        let mut signed = vec![];
        let result: Result<(), WorkError> = files.into_iter().enumerate().try_for_each(|(at, file)| {
            if at >= TOGETHER {
                self.operator.check_interrupted()?;
            }
            let (line, written) = file.sign(self.token)?.written(None);
            log.note(line)?;
            signed.push(written);
            Ok(())
        });
        if let Err(e) = result {
            log.end(Some(e.outcome()))?;
            return Err(e);
        }
        log.note_end(None)?;
        let proof = log.proof(self.token)?;
        Ok(Signed { shown, request, log, proof, written: signed })
    }
}

/// Does the same with each, in parallel where there are several.
pub(super) fn in_parallel<T: Send, R: Send>(
    all: impl ExactSizeIterator<Item = T>,
    work: impl Fn(T) -> R + Send + Sync,
) -> Vec<R> {
    if all.len() < 2 {
        return all.map(work).collect();
    }
    all.collect::<Vec<_>>().into_par_iter().map(work).collect()
}

/// Reads a request when its turn comes: its file must be the one that was shown, and still be current.
fn read_again(shown: &Shown, spell: Spell) -> Result<Ready<'_>, WorkError> {
    let bytes = files::read_plain(&shown.path, MAX_REQUEST)?;
    if digest::sha256(&bytes) != shown.sha256 {
        return Err(ExchangeError::OtherThanShown.into());
    }
    let kept = shown.kept.lock().unwrap_or_else(PoisonError::into_inner).take();
    let (request, batch) = kept.map_or_else(|| SigningRequest::read(&bytes, spell), Ok)?;
    request.is_current(now())?;
    let confirm = |file: BatchFile| {
        let digest = file.digest();
        file.confirm(digest)
    };
    let files = batch.into_iter().map(confirm).collect::<Result<_, _>>()?;
    Ok(Ready { shown, request, files })
}

/// Begins the journal of a request; it is on the disk when this returns.
fn begin<'s>(ready: Ready<'s>, mut log: Journal, sast: &Sast) -> Result<(Ready<'s>, Journal), WorkError> {
    let Ready { shown, files, .. } = &ready;
    log.note(Event::token(sast))?;
    let (serial, digest) = (shown.serial.clone(), shown.digest.clone());
    log.note(Event::Request { serial, digest, people: shown.people.clone() })?;
    files.iter().try_for_each(|file| file.begin(&mut log))?;
    log.sync()?;
    Ok((ready, log))
}

/// Whether another request can still be signed after this error.
fn is_of_the_request(error: &WorkError) -> bool {
    match error {
        WorkError::Exchange(_) => true,
        WorkError::Sign(e) => match &**e {
            SignError::Signer(e) => {
                matches!(e, TokenError::NoMechanism(..) | TokenError::NoRoomForPin { .. })
            }
            _ => true,
        },
        _ => false,
    }
}

/// Writes the answers, and shows what was signed. An answer that cannot be written is the last.
fn write_all(
    groups: &Receiver<Each<Signed<'_>>>,
    operator: &dyn Operator,
    work: Option<&dyn LongWork>,
) -> (Each<Answer>, Option<WorkError>) {
    let mut done = vec![];
    while let Ok(group) = groups.recv() {
        let made = in_parallel(group.into_iter(), |(at, signed)| (at, signed.and_then(Document::of)));
        let mut written = write_documents(made.iter().filter_map(|(_, made)| made.as_ref().ok())).into_iter();
        let mut stopped = None;
        for (at, made) in made {
            let result = made.and_then(|Document { signed, .. }| {
                written.next().unwrap_or(Err(WorkError::WriterEnded))?;
                let (path, journal) = (signed.shown.answer.clone(), signed.log.path().to_owned());
                Ok((Answer { path, journal }, signed.written))
            });
            let written = match result {
                Err(e) if !is_of_the_request(&e) => {
                    stopped = stopped.or(Some(e));
                    continue;
                }
                Err(e) => {
                    done.push((at, Err(e)));
                    continue;
                }
                Ok((answer, written)) => {
                    done.push((at, Ok(answer)));
                    written
                }
            };
            let shown = written.iter().try_for_each(|file| {
                work.iter().for_each(|work| work.one_done());
                operator.show(&View::Written(file))
            });
            stopped = stopped.or(shown.err().map(WorkError::from));
        }
        if stopped.is_some() {
            return (done, stopped);
        }
    }
    (done, None)
}

/// An answer as it will be written.
struct Document<'a> {
    signed: Signed<'a>,
    bytes: Vec<u8>,
    /// The file for the signature of the journal.
    beside: PathBuf,
}

impl<'a> Document<'a> {
    /// Its journal is on the disk when this returns.
    fn of(signed: Signed<'a>) -> Result<Self, WorkError> {
        let Signed { request, log, proof, .. } = &signed;
        log.sync()?;
        let text = String::from_utf8_lossy(&files::read_plain(log.path(), files::MAX_JOURNAL)?).into_owned();
        let bytes = SigningAnswer::new(request, text, proof.clone()).to_bytes();
        Ok(Document { bytes, beside: signature_beside(log.path()), signed })
    }
}

/// Writes the signatures of the journals next to them, then the answers.
fn write_documents<'d, 'a: 'd>(all: impl Iterator<Item = &'d Document<'a>>) -> Vec<Result<(), WorkError>> {
    let new = |path, bytes| NewFile { path, bytes, made_from: None };
    let (proofs, answers): (Vec<_>, Vec<_>) = all
        .map(|it| (new(&it.beside, it.signed.proof.as_bytes()), new(&it.signed.shown.answer, &it.bytes)))
        .unzip();
    let proofs = files::write_together(&proofs, OnExisting::Replace);
    let answers = files::write_together(&answers, OnExisting::KeepBackup);
    let both = proofs.into_iter().zip(answers);
    both.map(|(proof, answer)| proof.and(answer).map(drop).map_err(WorkError::from)).collect()
}
