//! From plans that were agreed to, to files that lie on the disk. Few go one after the other. Of many, some are read and
//! planned while others are signed and others are written, so that the token never waits; what is on its way at a time
//! is bounded, and a file's place in the pipeline stays what it was.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use super::super::error::{CommandError, ErrorKind};
use super::batch::PlanOutput;
use super::signed::{ConfirmedFile, SignedFile, WrittenJson};
use crate::files::{self, FileError, NewFile, OnExisting, Written};
use crate::token::{TokenError, TokenSigner};
use crate::trustlist::Signer;
use crate::workflow::journal::Journal;

/// Files that share a sync of the journal and of their folder. More would keep more in memory, and lose more to a token
/// that is pulled.
const TOGETHER: usize = 8;

/// Files on their way, in their order; behind them what stopped the pipeline, if something did.
struct Chunk<T> {
    files: Vec<T>,
    stop: Option<CommandError>,
}

impl<T> FromIterator<Result<T, CommandError>> for Chunk<T> {
    /// All up to the first that fails.
    fn from_iter<I: IntoIterator<Item = Result<T, CommandError>>>(files: I) -> Self {
        let mut stop = None;
        let good = |file: Result<T, CommandError>| file.map_err(|e| stop = Some(e)).ok();
        Chunk { files: files.into_iter().map_while(good).collect(), stop }
    }
}

/// The journal, which the first and the last stage of the pipeline write.
type Log<'a> = Mutex<&'a mut Journal>;

/// Signs and writes. Where one fails, those before it are written (and perhaps some that share its syncs), and the error says
/// how many; later ones are not signed, or what was signed of them is thrown away. `keep` collects what was written.
pub fn sign_all(
    count: usize,
    files: impl Iterator<Item = Result<ConfirmedFile, CommandError>> + Send,
    signer: &mut TokenSigner<'_>,
    log: &mut Journal,
    say: &PlanOutput<'_>,
    keep: bool,
) -> Result<Vec<WrittenJson>, CommandError> {
    let log = Mutex::new(log);
    let mut end = End { say, keep, total: count, count: 0, written: Vec::new() };
    if count > TOGETHER {
        return many(count, files, signer, &log, end);
    }
    for file in files {
        let signed = file.and_then(|file| begin(&[&file], &log).and_then(|()| file.sign(signer)));
        end.write([signed].into_iter().collect(), &log)?;
    }
    Ok(end.written)
}

/// The pipeline: a thread that reads and plans, one for each session that signs, one that writes.
fn many(
    count: usize,
    mut files: impl Iterator<Item = Result<ConfirmedFile, CommandError>> + Send,
    signer: &TokenSigner<'_>,
    log: &Log<'_>,
    mut end: End<'_>,
) -> Result<Vec<WrittenJson>, CommandError> {
    let more = signer.more_sessions(count.div_ceil(TOGETHER).saturating_sub(1));
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
            scope.spawn(move || sign_chunks(&mut arm, &planned, &signed));
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
            Ok(end.written)
        });
        sign_chunks(&mut &*signer, &planned, &signed);
        drop((planned, signed));
        writer.join().unwrap_or_else(|_| {
            Err(CommandError::new(ErrorKind::File, "not every file was written: the writer ended early"))
        })
    })
}

fn hold<'l, 'r>(log: &'l Log<'r>) -> MutexGuard<'l, &'r mut Journal> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes into the journal what will be signed.
fn begin(files: &[&ConfirmedFile], log: &Log<'_>) -> Result<(), CommandError> {
    let mut log = hold(log);
    files.iter().try_for_each(|file| file.begin(&mut log))?;
    Ok(log.sync()?)
}

/// Reads and plans, and writes into the journal what will be signed.
fn plan_chunk(
    files: &mut impl Iterator<Item = Result<ConfirmedFile, CommandError>>,
    log: &Log<'_>,
) -> Chunk<ConfirmedFile> {
    let chunk: Chunk<_> = files.take(TOGETHER).collect();
    match begin(&chunk.files.iter().collect::<Vec<_>>(), log) {
        Ok(()) => chunk,
        Err(e) => Chunk { files: vec![], stop: Some(e) },
    }
}

/// Signs what comes in until nothing more does, or something goes wrong.
fn sign_chunks<S>(
    signer: &mut S,
    planned: &Receiver<Chunk<ConfirmedFile>>,
    signed: &SyncSender<Chunk<SignedFile>>,
) where
    S: Signer<Error = TokenError>,
{
    while let Ok(Chunk { files, stop }) = planned.recv() {
        let mut done: Chunk<_> = files.into_iter().map(|file| file.sign(signer)).collect();
        done.stop = done.stop.or(stop);
        let last = done.stop.is_some();
        if signed.send(done).is_err() || last {
            return;
        }
    }
}

/// Where the pipeline ends.
struct End<'a> {
    say: &'a PlanOutput<'a>,
    keep: bool,
    /// Files that are on their way.
    total: usize,
    /// Files that were written.
    count: usize,
    written: Vec<WrittenJson>,
}

impl End<'_> {
    /// Writes files, then their lines in the journal, and says so; then fails with what stopped the pipeline.
    fn write(&mut self, chunk: Chunk<SignedFile>, log: &Log<'_>) -> Result<(), CommandError> {
        let Chunk { files, stop } = chunk;
        let results = self.put(&files);
        let mut failed = None;
        let mut log = hold(log);
        let mut done = Vec::with_capacity(files.len());
        for (file, result) in files.into_iter().zip(results) {
            match result {
                Ok(WriteOutcome { kept, sync_error }) => {
                    let (line, written) = file.written(kept.as_deref());
                    // A journal that is full does not undo the file: it is counted, and told of.
                    failed = failed.or(sync_error).or(log.note(line).err().map(Into::into));
                    done.push(written);
                }
                Err(e) => failed = failed.or(Some(e)),
            }
        }
        failed = failed.or(log.sync().err().map(Into::into));
        drop(log);
        self.count = self.count.saturating_add(done.len());
        if !self.say.ui.is_json() {
            done.iter().try_for_each(|written| self.say.text(&written.text()))?;
        }
        if self.keep {
            self.written.extend(done);
        }
        match failed.or(stop) {
            // Where all lie there, none is left of which something could be said.
            Some(e) if self.count == self.total => Err(e),
            Some(e) => Err(e.after(self.count)),
            None => Ok(()),
        }
    }

    /// Each file to its place.
    fn put(&self, files: &[SignedFile]) -> Vec<Result<WriteOutcome, CommandError>> {
        let (to_output, existing) = (|f: &NewFile<'_>| f.path.as_os_str() == "-", OnExisting::KeepBackup);
        let files: Vec<_> = files.iter().map(SignedFile::new_file).collect();
        if files.len() > 1 && !files.iter().any(to_output) {
            return files::write_together(&files, existing).into_iter().map(outcome).collect();
        }
        let one = |file: &NewFile<'_>| {
            if !to_output(file) {
                return outcome(files::write(file, existing));
            }
            if file.made_from.is_some_and(|source| !source.is_there()) {
                return Err(FileError::SourceChanged { path: "standard output".into() }.into());
            }
            self.say.ui.write(file.bytes).map(|()| WriteOutcome { kept: None, sync_error: None })
        };
        files.iter().map(one).collect()
    }
}

/// A file that lies in its place.
struct WriteOutcome {
    /// Where the one before it is kept.
    kept: Option<PathBuf>,
    /// Why it may not last.
    sync_error: Option<CommandError>,
}

fn outcome(written: Result<Written, FileError>) -> Result<WriteOutcome, CommandError> {
    match written {
        Ok(written) => Ok(WriteOutcome { kept: written.backup, sync_error: None }),
        Err(e) => match &e {
            FileError::NotSynced { backup, .. } => {
                Ok(WriteOutcome { kept: backup.clone(), sync_error: Some(e.into()) })
            }
            _ => Err(e.into()),
        },
    }
}
