//! Writing a journal: a line at a time, synced before the next thing happens.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::entry::{Event, JournalLine};
use super::verify::{JournalError, VerifiedJournal};
use super::{HeadSignature, NO_LINE_BEFORE, sealed};
use crate::files;
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
pub enum JournalWriteError {
    /// The file, or the folder that it lies in.
    #[error("the journal {} cannot be written", path.display())]
    Io {
        /// The journal.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A line could not be put into words; never happens with the lines that there are.
    #[error("a line of the journal cannot be written down")]
    Line(#[from] serde_json::Error),
}

/// Why a journal cannot be gone on with.
#[derive(Debug, thiserror::Error)]
pub enum JournalReopenError {
    /// It cannot be read or written.
    #[error(transparent)]
    Io(#[from] JournalWriteError),
    /// It was changed.
    #[error("the journal does not verify: {0}")]
    Broken(#[from] JournalError),
    /// The run came to its end.
    #[error("the run of this journal came to its end: there is nothing to go on with")]
    AtItsEnd,
}

impl Journal {
    /// Begins a journal in a folder, which is made if there is none. `time` is RFC 3339 in UTC and gives the name,
    /// with `what` (`revert`, `ctl-sign`).
    pub fn create(folder: &Path, what: &str, time: &str) -> Result<Self, JournalWriteError> {
        let stamp: String = time.chars().filter(|c| c.is_ascii_alphanumeric()).take(15).collect();
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| JournalWriteError::Io { path, source }
        };
        make_private(folder).map_err(failed(folder))?;
        for number in 1..1000_u32 {
            let more = if number == 1 { String::new() } else { format!("-{number}") };
            let path = folder.join(format!("{stamp}-{what}{more}.jsonl"));
            match private(File::options().append(true).create_new(true)).open(&path) {
                Ok(file) => {
                    files::sync_folder(folder).map_err(failed(&path))?;
                    return Ok(Journal { file, path, len: 0, seq: 0, prev: NO_LINE_BEFORE.to_owned() });
                }
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(failed(&path)(e)),
            }
        }
        Err(failed(folder)(io::ErrorKind::AlreadyExists.into()))
    }

    /// Goes on with a journal that was cut off, behind its last whole line. What was written of a further line stays
    /// beside it as `NAME.cut`.
    pub fn reopen(path: &Path) -> Result<(Self, VerifiedJournal), JournalReopenError> {
        let failed = |source| JournalWriteError::Io { path: path.to_owned(), source };
        let bytes = files::read_plain(path, files::MAX_JOURNAL).map_err(|e| failed(io::Error::other(e)))?;
        let (journal, rest) = VerifiedJournal::read_whole_lines(&bytes)?;
        let whole = bytes.len().saturating_sub(rest.len()) as u64;
        if journal.outcome().is_some() {
            return Err(JournalReopenError::AtItsEnd);
        }
        let file = private(File::options().append(true)).open(path).map_err(failed)?;
        if !rest.is_empty() {
            let mut cut = path.to_owned().into_os_string();
            cut.push(".cut");
            files::write_new(Path::new(&cut), rest, files::OnExisting::Replace)
                .map_err(|e| failed(io::Error::other(e)))?;
            file.set_len(whole).map_err(failed)?;
        }
        let prev = journal.head.clone();
        let seq = journal.lines().len() as u64;
        Ok((Journal { file, path: path.to_owned(), len: whole, seq, prev }, journal))
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a line and syncs it. `time` is RFC 3339 in UTC.
    pub fn add(&mut self, time: &str, event: Event) -> Result<(), JournalWriteError> {
        self.note(time, event)?;
        self.sync()
    }

    /// Adds a line that only `sync` makes last: for lines that belong together.
    pub fn note(&mut self, time: &str, event: Event) -> Result<(), JournalWriteError> {
        let seq = self.seq.saturating_add(1);
        let line = JournalLine { seq, time: time.to_owned(), prev: self.prev.clone(), event };
        let mut text = printable_json(&serde_json::to_string(&line)?);
        // The body is the object without its closing brace.
        text.pop();
        let (text, prev) = sealed(&text);
        if let Err(e) = self.file.write_all(text.as_bytes()) {
            // Half a line would break every line behind it.
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

    /// Signs the head, the lines so far: the text of the file that lies beside the journal.
    pub fn signature<S: Signer>(&self, signer: &mut S) -> Result<String, S::Error> {
        HeadSignature::make(self.seq, &self.prev, signer)
    }

    fn failed(&self, source: io::Error) -> JournalWriteError {
        JournalWriteError::Io { path: self.path.clone(), source }
    }
}

/// A run is the operator's own affair: others may not read it.
fn private(options: &mut fs::OpenOptions) -> &mut fs::OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::workflow::journal::{Outcome, sum_of};

    const TIME: &str = "2026-11-21T08:18:43Z";

    fn start() -> Event {
        let text = || "x".to_owned();
        Event::Start { version: text(), command: vec![], operator: text(), host: text() }
    }

    fn step(name: &str) -> Event {
        Event::Step { name: name.to_owned(), says: String::new(), done: None }
    }

    fn end() -> Event {
        Event::End { outcome: Outcome::Done, says: String::new() }
    }

    /// The bytes of a journal with these lines.
    fn written(folder: &Path, lines: Vec<(&str, Event)>) -> Vec<u8> {
        let mut journal = Journal::create(folder, "revert", TIME).unwrap();
        lines.into_iter().for_each(|(time, event)| journal.add(time, event).unwrap());
        fs::read(journal.path()).unwrap()
    }

    #[test]
    fn runs_of_one_second_have_journals_of_their_own() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("a/b");
        let name = || {
            let journal = Journal::create(&folder, "revert", TIME).unwrap();
            journal.path().file_name().unwrap().to_str().unwrap().to_owned()
        };
        let names = [name(), name(), name()];
        assert_eq!(names, ["", "-2", "-3"].map(|n| format!("20261121T081843-revert{n}.jsonl")));
        // Any other trouble is said as it is.
        let refused = Journal::create(&folder, &"x".repeat(300), TIME).unwrap_err();
        let JournalWriteError::Io { source, .. } = refused else { panic!("{refused}") };
        assert_ne!(source.kind(), io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn a_clock_that_goes_back_harms_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let lines =
            vec![(TIME, start()), ("1999-01-01T00:00:00Z", step("a")), ("1970-01-01T00:00:00Z", end())];
        let bytes = written(dir.path(), lines);
        let journal = VerifiedJournal::read(&bytes).unwrap();
        assert_eq!(journal.lines().len(), 3);
        // A run of the same second, and one of before: nothing is written over.
        let earlier = Journal::create(dir.path(), "revert", "1970-01-01T00:00:00Z").unwrap();
        assert!(earlier.path().ends_with("19700101T000000-revert.jsonl"));
        assert_eq!(fs::read(dir.path().join("20261121T081843-revert.jsonl")).unwrap(), bytes);
    }

    #[test]
    fn a_journal_has_one_start_and_it_comes_first() {
        let dir = tempfile::tempdir().unwrap();
        let read = |lines| VerifiedJournal::read(&written(dir.path(), lines)).map(drop);
        assert!(read(vec![(TIME, start()), (TIME, end())]).is_ok());
        assert!(matches!(read(vec![(TIME, step("a")), (TIME, end())]), Err(JournalError::NoStart)));
        let twice = read(vec![(TIME, start()), (TIME, start()), (TIME, end())]);
        assert!(matches!(twice, Err(JournalError::Broken { line: 2 })), "{twice:?}");
        let behind = read(vec![(TIME, start()), (TIME, end()), (TIME, step("a"))]);
        assert!(matches!(behind, Err(JournalError::BehindTheEnd { line: 3 })), "{behind:?}");
        assert!(matches!(read(vec![(TIME, start())]), Err(JournalError::NoEnd { line: 1 })));
    }

    #[test]
    fn a_journal_that_was_cut_off_goes_on_behind_its_last_whole_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("20261121T081843-revert.jsonl");
        let whole = written(dir.path(), vec![(TIME, start()), (TIME, step("a"))]);
        fs::write(&path, [&whole, &b"{\"seq\":3,"[..]].concat()).unwrap();
        let (mut journal, verified) = Journal::reopen(&path).unwrap();
        assert_eq!(verified.lines().len(), 2);
        journal.add(TIME, end()).unwrap();
        let bytes = fs::read(&path).unwrap();
        assert!(bytes.starts_with(&whole));
        assert_eq!(VerifiedJournal::read(&bytes).unwrap().lines().len(), 3);
        assert_eq!(fs::read(dir.path().join("20261121T081843-revert.jsonl.cut")).unwrap(), b"{\"seq\":3,");
        assert!(matches!(Journal::reopen(&path), Err(JournalReopenError::AtItsEnd)));
    }

    /// A line that was made anew, with a hash of its own that is right.
    #[test]
    fn a_forged_line_fits_neither_by_its_number_nor_by_its_chain_alone() {
        let dir = tempfile::tempdir().unwrap();
        let bytes = written(dir.path(), vec![(TIME, start()), (TIME, step("a"))]);
        let text = String::from_utf8(bytes).unwrap();
        let (first, second) = text.split_once('\n').unwrap();
        let (body, _) = second.rsplit_once(crate::workflow::journal::SUM).unwrap();
        let read = |body: &str| {
            VerifiedJournal::read_so_far(format!("{first}\n{}", sealed(body).0).as_bytes()).map(drop)
        };
        assert_eq!(read(body), Ok(()));
        let other_number = body.replace("\"seq\":2", "\"seq\":3");
        let prev = sum_of(first);
        assert!(body.contains(&prev) && other_number != body);
        let other_chain = body.replace(&prev, &sum_of("another line"));
        for forged in [other_number, other_chain] {
            assert_eq!(read(&forged), Err(JournalError::Broken { line: 2 }), "{forged}");
        }
    }
}
