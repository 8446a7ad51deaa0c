//! Carries out confirmed plans. A few files are done one after the other. Many files go through a pipeline: while some are
//! signed, the next are read and planned and the previous are written, so that the token never waits. The number of files
//! in the pipeline is limited, and their order is kept.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{slice, thread};

use super::batch::{ConfirmedFile, SignedFile};
use crate::files::{self, FileError, NewFile, OnExisting, Written};
use crate::token::{TokenError, TokenSigner};
use crate::trustlist::Signer;
use crate::workflow::journal::Journal;
use crate::workflow::{LongWork, Operator, View, WorkError};

/// Files that share a sync of the journal and of their folder. A larger number needs more memory, and loses more signatures if the token is removed.
const TOGETHER: usize = 8;

/// Files in the pipeline, in order; then the error that stopped the pipeline, if there was one.
struct Chunk<T> {
    files: Vec<T>,
    stop: Option<WorkError>,
}

impl<T> FromIterator<Result<T, WorkError>> for Chunk<T> {
    /// All files before the first that fails.
    fn from_iter<I: IntoIterator<Item = Result<T, WorkError>>>(files: I) -> Self {
        let mut stop = None;
        let good = |file: Result<T, WorkError>| file.map_err(|e| stop = Some(e)).ok();
        Chunk { files: files.into_iter().map_while(good).collect(), stop }
    }
}

/// The journal, which the first and the last stage of the pipeline write.
type Log<'a> = Mutex<&'a mut Journal>;

/// Signs and writes. If a file fails, the files before it are written (and perhaps some that share its sync), and the error
/// tells how many. Later files are not signed, or their signatures are discarded.
pub(super) fn sign_all(
    total: usize,
    files: impl Iterator<Item = Result<ConfirmedFile, WorkError>> + Send,
    signer: &mut &TokenSigner<'_>,
    log: &mut Journal,
    operator: &dyn Operator,
) -> Result<(), WorkError> {
    let log = Mutex::new(log);
    let is_long = total > TOGETHER;
    let work = is_long.then(|| operator.long_work(&format!("Signing {total} files"), Some(total)));
    let mut end = End { operator, work, total, written: 0 };
    if is_long {
        return many(files, signer, &log, end);
    }
    for file in files {
        let signed = file
            .and_then(|file| begin(slice::from_ref(&file), &log).and_then(|()| sign(file, signer, operator)));
        end.write([signed].into_iter().collect(), &log)?;
    }
    Ok(())
}

/// The pipeline: one thread that reads and plans, one for each session that signs, and one that writes.
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

/// Signs and verifies; an interruption stops it before anything is written.
fn sign<S>(file: ConfirmedFile, signer: &mut S, operator: &dyn Operator) -> Result<SignedFile, WorkError>
where
    S: Signer<Error = TokenError>,
{
    let signed = file.sign(signer)?;
    operator.check_interrupted()?;
    Ok(signed)
}

/// Signs chunks until there are no more, or until an error.
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
    /// Of many files.
    work: Option<Box<dyn LongWork>>,
    /// The number of files to write.
    total: usize,
    /// The number of files that were written.
    written: usize,
}

impl End<'_> {
    /// Writes files, then their lines in the journal, and shows them. Then returns the error that stopped the pipeline, if any.
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
            // If the journal cannot be written, the file still exists: it is counted and reported.
            failed = failed.or(result.err()).or(log.note(line).err().map(Into::into));
            done.push(written);
        }
        failed = failed.or(log.sync().err().map(Into::into));
        drop(log);
        self.written = self.written.saturating_add(done.len());
        for written in &done {
            self.operator.show(&View::Written(written))?;
            self.work.iter().for_each(|work| work.one_done());
        }
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
