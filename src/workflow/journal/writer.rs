//! Writing a journal: a line at a time, synced before the next thing happens; who writes it, and where.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::entry::{Event, JournalLine, Outcome};
use super::verify::{JournalError, VerifiedJournal};
use super::{HeadSignature, NO_LINE_BEFORE, sealed, signature_beside};
use crate::files::{self, FileError, OnExisting};
use crate::system::{access, folders, process};
use crate::token::Sast;
use crate::trustlist::{Signer, printable_json};

/// A journal that is being written.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
    /// Length in bytes.
    len: u64,
    seq: u64,
    prev: String,
}

/// Why a journal could not be written.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the words say what each is")]
pub enum JournalWriteError {
    #[error("there is no folder for the journal: HOME is not set")]
    NoFolder,
    #[error("the journal {} cannot be written", path.display())]
    Io { path: PathBuf, source: io::Error },
    /// Never happens with the lines that there are.
    #[error("a line of the journal cannot be encoded")]
    Line(#[from] serde_json::Error),
}

/// Why a journal cannot be continued.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the words say what each is")]
pub enum JournalReopenError {
    #[error(transparent)]
    Io(#[from] JournalWriteError),
    #[error("the journal does not verify: {0}")]
    Broken(#[from] JournalError),
    #[error("the run in this folder is complete: there is nothing to continue")]
    AtItsEnd,
}

impl Journal {
    /// Begins the journal of a command: who runs it, where, and for which change; the next line is synced with it. The
    /// default folder is `folders::state`.
    pub fn begin(folder: Option<&Path>, what: &str, change: Option<&str>) -> Result<Self, JournalWriteError> {
        let command = std::env::args_os().map(|a| a.to_string_lossy().into_owned()).collect();
        let journal = Journal::begin_part(folder, what, change, command)?;
        journal.sync_folder()?;
        Ok(journal)
    }

    /// The same for a part of what the command does; `command` has only the words that are about this part. Its folder is not
    /// synced yet: several journals share that.
    pub fn begin_part(
        folder: Option<&Path>,
        what: &str,
        change: Option<&str>,
        command: Vec<String>,
    ) -> Result<Self, JournalWriteError> {
        let folder = folder.map(Path::to_owned).or_else(folders::state);
        let folder = folder.ok_or(JournalWriteError::NoFolder)?;
        let mut journal = Journal::create_in(&folder, what, &time_now())?;
        journal.note(Event::Start {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            command,
            operator: process::operator(),
            host: process::host(),
            change: change.filter(|change| !change.is_empty()).map(str::to_owned),
        })?;
        Ok(journal)
    }

    /// Creates a journal in a folder, which is made if it does not exist. `time` is RFC 3339 in UTC and gives the name,
    /// with `what` (`revert`, `ctl-sign`).
    pub fn create(folder: &Path, what: &str, time: &str) -> Result<Self, JournalWriteError> {
        let journal = Journal::create_in(folder, what, time)?;
        journal.sync_folder()?;
        Ok(journal)
    }

    /// The name of the journal is on the disk when this returns.
    pub fn sync_folder(&self) -> Result<(), JournalWriteError> {
        access::sync_folder(files::folder_of(&self.path)).map_err(|e| self.failed(e))
    }

    fn create_in(folder: &Path, what: &str, time: &str) -> Result<Self, JournalWriteError> {
        let stamp: String = time.chars().filter(|c| c.is_ascii_alphanumeric()).take(15).collect();
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| JournalWriteError::Io { path, source }
        };
        access::make_private_folder(folder).map_err(failed(folder))?;
        for number in 1..1000_u32 {
            let more = if number == 1 { String::new() } else { format!("-{number}") };
            let path = folder.join(format!("{stamp}-{what}{more}.jsonl"));
            match access::private_file(File::options().append(true).create_new(true)).open(&path) {
                Ok(file) => {
                    return Ok(Journal { file, path, len: 0, seq: 0, prev: NO_LINE_BEFORE.to_owned() });
                }
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(failed(&path)(e)),
            }
        }
        Err(failed(folder)(io::ErrorKind::AlreadyExists.into()))
    }

    /// Continues a truncated journal after its last complete line. What was written of a further line stays
    /// next to it as `NAME.cut`.
    pub fn reopen(path: &Path) -> Result<(Self, VerifiedJournal), JournalReopenError> {
        let failed = |source| JournalWriteError::Io { path: path.to_owned(), source };
        let bytes = files::read_plain(path, files::MAX_JOURNAL).map_err(|e| failed(io::Error::other(e)))?;
        let (journal, rest) = VerifiedJournal::read_whole_lines(&bytes)?;
        let whole = bytes.len().saturating_sub(rest.len()) as u64;
        if journal.outcome().is_some() {
            return Err(JournalReopenError::AtItsEnd);
        }
        let file = access::private_file(File::options().append(true)).open(path).map_err(failed)?;
        if !rest.is_empty() {
            let mut cut = path.to_owned().into_os_string();
            cut.push(".cut");
            files::write_new(Path::new(&cut), rest, OnExisting::Replace)
                .map_err(|e| failed(io::Error::other(e)))?;
            file.set_len(whole).map_err(failed)?;
        }
        let prev = journal.head.clone();
        let seq = journal.lines().len() as u64;
        Ok((Journal { file, path: path.to_owned(), len: whole, seq, prev }, journal))
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a line and syncs it.
    pub fn add(&mut self, event: Event) -> Result<(), JournalWriteError> {
        self.add_at(&time_now(), event)
    }

    /// The same with another time, RFC 3339 in UTC.
    pub fn add_at(&mut self, time: &str, event: Event) -> Result<(), JournalWriteError> {
        self.note_at(time, event)?;
        self.sync()
    }

    /// Adds a line without a sync, for several that belong together.
    pub fn note(&mut self, event: Event) -> Result<(), JournalWriteError> {
        self.note_at(&time_now(), event)
    }

    /// Adds a line that names the token that signs.
    pub fn token(&mut self, sast: &Sast) -> Result<(), JournalWriteError> {
        self.add(Event::token(sast))
    }

    /// The last line: done, or why not; the journal's path.
    pub fn end(&mut self, failed: Option<(Outcome, String)>) -> Result<PathBuf, JournalWriteError> {
        self.note_end(failed)?;
        self.sync()?;
        Ok(self.path.clone())
    }

    /// The last line without a sync.
    pub fn note_end(&mut self, failed: Option<(Outcome, String)>) -> Result<(), JournalWriteError> {
        let (outcome, says) = failed.unwrap_or((Outcome::Done, "everything was written".to_owned()));
        self.note(Event::End { outcome, says })
    }

    fn note_at(&mut self, time: &str, event: Event) -> Result<(), JournalWriteError> {
        let seq = self.seq.saturating_add(1);
        let line = JournalLine { seq, time: time.to_owned(), prev: self.prev.clone(), event };
        let mut text = printable_json(&serde_json::to_string(&line)?);
        // The body is the object without its closing brace.
        text.pop();
        let (text, prev) = sealed(&text);
        if let Err(e) = self.file.write_all(text.as_bytes()) {
            // Half a line would break every line after it.
            let _ = self.file.set_len(self.len);
            return Err(self.failed(e));
        }
        self.len = self.len.saturating_add(text.len() as u64);
        self.seq = seq;
        self.prev = prev;
        Ok(())
    }

    /// Waits until the lines are on the disk.
    pub fn sync(&self) -> Result<(), JournalWriteError> {
        self.file.sync_data().map_err(|e| self.failed(e))
    }

    /// Signs the lines so far, into a file next to the journal.
    pub fn sign<S: Signer, E: From<S::Error> + From<FileError>>(&self, signer: &mut S) -> Result<(), E> {
        let text = self.proof(signer)?;
        files::write_new(&signature_beside(&self.path), text.as_bytes(), OnExisting::Replace)?;
        Ok(())
    }

    /// The signature of the lines so far, as in that file.
    pub fn proof<S: Signer>(&self, signer: &mut S) -> Result<String, S::Error> {
        HeadSignature::make(self.seq, &self.prev, signer)
    }

    fn failed(&self, source: io::Error) -> JournalWriteError {
        JournalWriteError::Io { path: self.path.clone(), source }
    }
}

/// RFC 3339 in UTC, whole seconds.
fn time_now() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The newest journal in a folder, if there is one.
pub fn newest(folder: &Path) -> Option<PathBuf> {
    super::list::paths(folder).ok()?.into_iter().next()
}

/// `process 4711 of operator (uid 1000) on desk`
pub fn who() -> String {
    format!("process {} of {} on {}", std::process::id(), process::operator(), process::host())
}
