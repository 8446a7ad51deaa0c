//! Carries confirmed plans out. Few go one after the other. Of many, some are read and planned while others are signed and
//! others are written, so that the token never waits; how many are under way is bounded, and their order stays.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{slice, thread};

use super::batch::{ConfirmedFile, SignedFile};
use crate::files::{self, FileError, NewFile, OnExisting, Written};
use crate::token::{TokenError, TokenSigner};
use crate::trustlist::Signer;
use crate::workflow::journal::Journal;
use crate::workflow::{Operator, View, WorkError};

/// Files that share a sync of the journal and of their folder. More would keep more in memory, and lose more to a token
/// that is pulled.
const TOGETHER: usize = 8;

/// Files in the pipeline, in order; then what stopped the pipeline, if something did.
struct Chunk<T> {
    files: Vec<T>,
    stop: Option<WorkError>,
}

impl<T> FromIterator<Result<T, WorkError>> for Chunk<T> {
    /// All up to the first that fails.
    fn from_iter<I: IntoIterator<Item = Result<T, WorkError>>>(files: I) -> Self {
        let mut stop = None;
        let good = |file: Result<T, WorkError>| file.map_err(|e| stop = Some(e)).ok();
        Chunk { files: files.into_iter().map_while(good).collect(), stop }
    }
}

/// The journal, which the first and the last stage of the pipeline write.
type Log<'a> = Mutex<&'a mut Journal>;

/// Signs and writes. Where one fails, those before it are written (and perhaps some that share its syncs), and the error
/// says how many; later ones are not signed, or what was signed of them is thrown away.
pub(super) fn sign_all(
    total: usize,
    files: impl Iterator<Item = Result<ConfirmedFile, WorkError>> + Send,
    signer: &mut &TokenSigner<'_>,
    log: &mut Journal,
    operator: &dyn Operator,
) -> Result<(), WorkError> {
    let log = Mutex::new(log);
    let mut end = End { operator, total, written: 0 };
    if total > TOGETHER {
        return many(files, signer, &log, end);
    }
    for file in files {
        let signed = file
            .and_then(|file| begin(slice::from_ref(&file), &log).and_then(|()| sign(file, signer, operator)));
        end.write([signed].into_iter().collect(), &log)?;
    }
    Ok(())
}

/// The pipeline: a thread that reads and plans, one for each session that signs, one that writes.
fn many(
    mut files: impl Iterator<Item = Result<ConfirmedFile, WorkError>> + Send,
    signer: &TokenSigner<'_>,
    log: &Log<'_>,
    mut end: End<'_>,
) -> Result<(), WorkError> {
    let operator = end.operator;
    let more = signer.more_sessions(end.total.div_ceil(TOGETHER).saturating_sub(1));
    // The first session signs in this thread, which owns the login.
    let (first_in, planned) = sync_channel(1);
    let (signed, first_out) = sync_channel(1);
    let (mut ins, mut outs) = (vec![first_in], vec![first_out]);
    thread::scope(|scope| {
        for mut arm in more {
            let (to_arm, planned) = sync_channel(1);
            let (signed, from_arm) = sync_channel(1);
            ins.push(to_arm);
            outs.push(from_arm);
            scope.spawn(move || sign_chunks(&mut arm, &planned, &signed, operator));
        }
        scope.spawn(move || {
            for to_arm in ins.iter().cycle() {
                let chunk = plan_chunk(&mut files, log);
                let last = chunk.stop.is_some() || chunk.files.len() < TOGETHER;
                if to_arm.send(chunk).is_err() || last {
                    return;
                }
            }
        });
        let writer = scope.spawn(move || {
            // In the order in which the chunks were given out.
            for from_arm in outs.iter().cycle() {
                let Ok(chunk) = from_arm.recv() else { break };
                end.write(chunk, log)?;
            }
            Ok(())
        });
        sign_chunks(&mut &*signer, &planned, &signed, operator);
        drop((planned, signed));
        writer.join().unwrap_or_else(|_| Err(WorkError::WriterEnded))
    })
}

fn hold<'l, 'r>(log: &'l Log<'r>) -> MutexGuard<'l, &'r mut Journal> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes into the journal what will be signed.
fn begin(files: &[ConfirmedFile], log: &Log<'_>) -> Result<(), WorkError> {
    let mut log = hold(log);
    files.iter().try_for_each(|file| file.begin(&mut log))?;
    Ok(log.sync()?)
}

/// Reads and plans, and writes into the journal what will be signed.
fn plan_chunk(
    files: &mut impl Iterator<Item = Result<ConfirmedFile, WorkError>>,
    log: &Log<'_>,
) -> Chunk<ConfirmedFile> {
    let chunk: Chunk<_> = files.take(TOGETHER).collect();
    match begin(&chunk.files, log) {
        Ok(()) => chunk,
        Err(e) => Chunk { files: vec![], stop: Some(e) },
    }
}

/// Signs and verifies; an interruption that came meanwhile stops before anything is written.
fn sign<S>(file: ConfirmedFile, signer: &mut S, operator: &dyn Operator) -> Result<SignedFile, WorkError>
where
    S: Signer<Error = TokenError>,
{
    let signed = file.sign(signer)?;
    operator.check_interrupted()?;
    Ok(signed)
}

/// Signs what comes in until nothing more does, or something goes wrong.
fn sign_chunks<S>(
    signer: &mut S,
    planned: &Receiver<Chunk<ConfirmedFile>>,
    signed: &SyncSender<Chunk<SignedFile>>,
    operator: &dyn Operator,
) where
    S: Signer<Error = TokenError>,
{
    while let Ok(Chunk { files, stop }) = planned.recv() {
        let mut done: Chunk<_> = files.into_iter().map(|file| sign(file, signer, operator)).collect();
        done.stop = done.stop.or(stop);
        let last = done.stop.is_some();
        if signed.send(done).is_err() || last {
            return;
        }
    }
}

struct End<'a> {
    operator: &'a dyn Operator,
    /// Files that are to be written.
    total: usize,
    /// Files that were.
    written: usize,
}

impl End<'_> {
    /// Writes files, then their lines in the journal, and shows them; then fails with what stopped the pipeline.
    fn write(&mut self, chunk: Chunk<SignedFile>, log: &Log<'_>) -> Result<(), WorkError> {
        let Chunk { files, stop } = chunk;
        let results = self.put(&files);
        let mut failed = None;
        let mut log = hold(log);
        let mut done = Vec::with_capacity(files.len());
        for (file, result) in files.into_iter().zip(results) {
            let backup = match &result {
                Ok(Written { backup, .. }) | Err(WorkError::File(FileError::NotSynced { backup, .. })) => {
                    backup.clone()
                }
                Err(_) => {
                    failed = failed.or(result.err());
                    continue;
                }
            };
            let (line, written) = file.written(backup.as_deref());
            // A journal that is full does not undo the file: it is counted, and told of.
            failed = failed.or(result.err()).or(log.note(line).err().map(Into::into));
            done.push(written);
        }
        failed = failed.or(log.sync().err().map(Into::into));
        drop(log);
        self.written = self.written.saturating_add(done.len());
        done.iter().try_for_each(|written| self.operator.show(&View::Written(written)))?;
        match failed.or(stop) {
            Some(e) if self.written == 0 || self.written == self.total => Err(e),
            Some(e) => Err(WorkError::Partly { written: self.written, source: Box::new(e) }),
            None => Ok(()),
        }
    }

    fn put(&self, files: &[SignedFile]) -> Vec<Result<Written, WorkError>> {
        let (to_output, existing) = (|f: &NewFile<'_>| f.path.as_os_str() == "-", OnExisting::KeepBackup);
        let files: Vec<_> = files.iter().map(SignedFile::new_file).collect();
        if !files.is_empty() {
            self.operator.something_changes();
        }
        if files.len() > 1 && !files.iter().any(to_output) {
            return files::write_together(&files, existing).into_iter().map(|written| Ok(written?)).collect();
        }
        let one = |file: &NewFile<'_>| {
            if !to_output(file) {
                return Ok(files::write(file, existing)?);
            }
            if file.made_from.is_some_and(|source| !source.is_there()) {
                return Err(FileError::SourceChanged { path: "standard output".into() }.into());
            }
            self.operator.show(&View::Output(file.bytes))?;
            Ok(Written { path: file.path.to_owned(), backup: None })
        };
        files.iter().map(one).collect()
    }
}
