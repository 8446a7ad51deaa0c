//! The folder of a run: it contains the path of the run's journal, and the journal contains the node and folder of the run.
//! So no run continues with the journal of another run, and no run starts in the folder of one that has not ended.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::error::RunError;
use super::state::RunState;
use super::step::RunKind;
use crate::cluster::NodeAddress;
use crate::files::{self, FileError, OnExisting};
use crate::trustlist::{MAX_FILE_BYTES, TrustList, VerifiedList, digest};
use crate::workflow::error::WorkError;
use crate::workflow::journal::{FileFingerprint, Journal, VerifiedJournal, who};

/// The folder with the certificates of the tokens.
pub const CERTIFICATES: &str = "certs";
/// What phones fetch.
pub const CTL: &str = "CTLFile.tlv";
/// The file with the path of the journal.
const JOURNAL: &str = "journal.path";
/// The lock file; it contains the process that works in the folder.
const LOCK: &str = "run.lock";

/// A run's folder.
#[derive(Debug, Clone)]
pub struct RunFolder(pub PathBuf);

impl RunFolder {
    /// The default folder of a run of this kind on this publisher.
    pub fn of(publisher: &NodeAddress, kind: RunKind) -> Self {
        let safe = |c: char| if c.is_ascii_alphanumeric() || "-.".contains(c) { c } else { '_' };
        let kind = match kind {
            RunKind::Revert | RunKind::RevertByBridge => "",
            RunKind::Renew => "renew-",
            RunKind::Tokenless => "tokenless-",
            _ => "migrate-",
        };
        RunFolder(
            format!("sastctl-{kind}{}", publisher.to_string().chars().map(safe).collect::<String>()).into(),
        )
    }

    /// The CTL that was in force before.
    pub fn old(&self) -> PathBuf {
        self.0.join(CTL)
    }

    /// The tokenless CTL with the tokens in it.
    pub fn bridge(&self) -> PathBuf {
        self.0.join("CTLFile.bridge.tlv")
    }

    /// The CTL that the run makes.
    pub fn new_ctl(&self) -> PathBuf {
        self.0.join("CTLFile.new.tlv")
    }

    /// A CTL in the folder, if its checksum is the one in the journal.
    pub fn list(
        &self,
        path: &Path,
        what: &'static str,
        known: Option<&FileFingerprint>,
    ) -> Result<VerifiedList, WorkError> {
        let lost = || self.lost(what);
        let bytes = files::read_plain(path, MAX_FILE_BYTES).map_err(|_| lost())?;
        let same = known.is_some_and(|known| known.sha256 == digest::hex(&digest::sha256(&bytes), ""));
        if same { verified(bytes) } else { Err(lost().into()) }
    }

    /// The error for a file that is missing or was changed.
    pub fn lost(&self, what: &'static str) -> RunError {
        RunError::FileLost { what, folder: self.0.clone() }
    }

    /// The earlier run in the folder, and its journal.
    pub(super) fn earlier(&self) -> Result<Option<(PathBuf, RunState)>, RunError> {
        let unreadable = |path: &Path, source| RunError::Unreadable { path: path.to_owned(), source };
        let named = self.0.join(JOURNAL);
        let path = match files::read_text(&named) {
            Ok(text) => PathBuf::from(text.trim_end_matches('\n')),
            Err(FileError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Ok(None);
            }
            Err(e) => return Err(unreadable(&named, e.into())),
        };
        let bytes = files::read_plain(&path, files::MAX_JOURNAL).map_err(|e| unreadable(&path, e.into()))?;
        let (journal, _) =
            VerifiedJournal::read_whole_lines(&bytes).map_err(|e| unreadable(&path, e.into()))?;
        Ok(Some((path, RunState::of(journal.lines().iter().map(|line| &line.event)))))
    }

    /// Writes the path of the journal into the folder.
    pub(super) fn name_journal(&self, journal: &Journal) -> Result<(), WorkError> {
        let path = files::resolve(journal.path());
        let text = path.to_str().ok_or_else(|| RunError::JournalNotText { path: path.clone() })?;
        files::write_new(&self.0.join(JOURNAL), format!("{text}\n").as_bytes(), OnExisting::Replace)?;
        Ok(())
    }

    /// Locks the folder while a process works in it: two processes would do steps twice, and break the chain of the journal.
    /// Released when dropped or when the process ends.
    pub(super) fn lock(&self) -> Result<File, WorkError> {
        let path = self.0.join(LOCK);
        files::check_place(&path)?;
        let file = File::options().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = file.map_err(|source| FileError::Write { path, step: "opening it", source })?;
        // If the file system has no locks, the operator must take care of this.
        if let Ok(Some(holder)) = files::try_lock_file(&mut file, &who()) {
            let holder = if holder.is_empty() { "another process".to_owned() } else { holder };
            return Err(RunError::Busy { holder, folder: self.0.clone() }.into());
        }
        Ok(file)
    }
}

/// A CTL of the cluster, decoded and verified.
pub fn verified(bytes: Vec<u8>) -> Result<VerifiedList, WorkError> {
    let file = || CTL.to_owned();
    let list = TrustList::decode(bytes).map_err(|source| WorkError::Decode { file: file(), source })?;
    list.verify().map_err(|source| WorkError::NotVerified { file: file(), source })
}
