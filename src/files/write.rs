//! Writes files: next to the target, synced, renamed onto it.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::backup::{Backup, new_file_in};
use super::{FileError, check_place, folder_of, holds, resolve};
use crate::system::access::{keep_owner, persist, sync_folder};

/// What to do with a file that has the name already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnExisting {
    /// Fail.
    Refuse,
    /// Keep it as `NAME.bak`, or `NAME.bak.2` and so on where that is taken.
    KeepBackup,
    /// Replace it without a backup.
    Replace,
}

impl OnExisting {
    /// By default no file is replaced; a forced write keeps the old one.
    pub fn forced(force: bool) -> Self {
        if force { OnExisting::KeepBackup } else { OnExisting::Refuse }
    }
}

/// A file that is to be written.
#[derive(Debug, Clone, Copy)]
pub struct NewFile<'a> {
    pub path: &'a Path,
    pub bytes: &'a [u8],
    /// The file that it was made from; if that has changed, nothing is written.
    pub made_from: Option<Source<'a>>,
}

/// A file that was read.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Its path; perhaps the same as the new file's.
    pub path: &'a Path,
    pub bytes: &'a [u8],
}

impl Source<'_> {
    /// Whether it is unchanged. Only plain files are read again: a pipe gives its bytes once.
    pub fn is_there(&self) -> bool {
        match fs::metadata(self.path) {
            Ok(there) if there.is_file() => holds(self.path, self.bytes),
            Ok(there) => !there.is_dir(),
            Err(_) => false,
        }
    }
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The file, symbolic links resolved.
    pub path: PathBuf,
    /// The backup of the old file.
    pub backup: Option<PathBuf>,
}

/// Writes a file, unless it contains these bytes already. An old file with other bytes is kept as a backup.
pub fn update(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    if !holds(path, bytes) {
        write_new(path, bytes, OnExisting::KeepBackup)?;
    }
    Ok(())
}

/// Writes a file whole or not at all. It gets the mode of the old file; without an old file the umask decides.
pub fn write_new(path: &Path, bytes: &[u8], existing: OnExisting) -> Result<Written, FileError> {
    write(&NewFile { path, bytes, made_from: None }, existing)
}

/// As [`write_new`], for a file that was made from another, or from the one that it replaces.
pub fn write(file: &NewFile<'_>, existing: OnExisting) -> Result<Written, FileError> {
    let staged = Staged::new(file)?;
    let kept = staged.back_up(existing)?;
    if kept.is_some() {
        sync_folder(&staged.folder).map_err(failed(file.path, SYNCING_FOLDER))?;
    }
    let folder = staged.folder.clone();
    let written = staged.rename(kept, existing)?;
    let synced = sync_folder(&folder);
    finished(file.path, written, synced)
}

/// Writes files that belong together, each whole or not at all, as `write` does for one file: the syncs run in parallel, and
/// each folder is synced once. Each file has its own result, in the order of the files. No two may have the same path
/// ([`resolve`]).
pub fn write_together(files: &[NewFile<'_>], existing: OnExisting) -> Vec<Result<Written, FileError>> {
    let staged: Vec<_> = files.par_iter().with_max_len(1).map(Staged::new).collect();
    let kept: Vec<_> = staged
        .into_iter()
        .map(|staged| staged.and_then(|b| b.back_up(existing).map(|kept| (b, kept))))
        .collect();
    let replaced = kept.iter().flatten().filter(|(_, kept)| kept.is_some()).map(|(b, _)| b.folder.as_path());
    let synced = sync_folders(replaced);
    let renamed: Vec<_> = kept
        .into_iter()
        .map(|kept| {
            let (staged, kept) = kept?;
            is_synced(&synced, &staged.folder).map_err(failed(staged.path, SYNCING_FOLDER))?;
            let (path, folder) = (staged.path, staged.folder.clone());
            staged.rename(kept, existing).map(|written| (path, folder, written))
        })
        .collect();
    let synced = sync_folders(renamed.iter().flatten().map(|(_, folder, _)| folder.as_path()));
    renamed
        .into_iter()
        .map(|renamed| {
            let (path, folder, written) = renamed?;
            finished(path, written, is_synced(&synced, &folder))
        })
        .collect()
}

const SYNCING_FOLDER: &str = "syncing the folder";

fn failed(path: &Path, step: &'static str) -> impl FnOnce(io::Error) -> FileError + use<> {
    let path = path.to_owned();
    move |source| FileError::Write { path, step, source }
}

/// The result of a rename, after the folder was synced.
fn finished(path: &Path, written: Written, synced: io::Result<()>) -> Result<Written, FileError> {
    match synced {
        Ok(()) => Ok(written),
        Err(source) => Err(FileError::NotSynced { path: path.to_owned(), backup: written.backup, source }),
    }
}

/// A new file, complete and synced, in the folder of its target.
struct Staged<'a> {
    path: &'a Path,
    made_from: Option<Source<'a>>,
    target: PathBuf,
    folder: PathBuf,
    file: tempfile::NamedTempFile,
    /// Whether there is an old file.
    replaces: bool,
}

impl<'a> Staged<'a> {
    fn new(&NewFile { path, bytes, made_from }: &NewFile<'a>) -> Result<Self, FileError> {
        check_place(path)?;
        // Through a symbolic link the file that it points to is replaced, not the link.
        let target = resolve(path);
        let folder = folder_of(&target).to_owned();
        let mut file = new_file_in(&folder).map_err(failed(path, "making a file beside it"))?;
        file.write_all(bytes).map_err(failed(path, "writing beside it"))?;
        let old = fs::metadata(&target).ok();
        if let Some(old) = &old {
            keep_owner(file.as_file(), old);
            file.as_file()
                .set_permissions(old.permissions())
                .map_err(failed(path, "copying its permissions"))?;
        }
        file.as_file().sync_all().map_err(failed(path, "syncing"))?;
        Ok(Staged { path, made_from, target, folder, file, replaces: old.is_some() })
    }

    /// Makes a backup of the old file.
    fn back_up(&self, existing: OnExisting) -> Result<Option<Backup>, FileError> {
        match existing {
            _ if !self.replaces => Ok(None),
            OnExisting::Replace => Ok(None),
            OnExisting::Refuse => Err(FileError::Exists(self.path.to_owned())),
            OnExisting::KeepBackup => Backup::make(&self.target, &self.folder)
                .map(Some)
                .map_err(failed(self.path, "keeping the old file")),
        }
    }

    fn rename(self, kept: Option<Backup>, existing: OnExisting) -> Result<Written, FileError> {
        let failed = failed(self.path, "renaming");
        if self.made_from.is_some_and(|source| !source.is_there()) {
            return Err(FileError::SourceChanged { path: self.path.to_owned() });
        }
        // The old file is the one in the backup. If another program replaces the file between this check and the rename, that
        // file is lost. If it writes into the old file, the data is in the backup, unless the backup is a copy.
        if kept.as_ref().is_some_and(|kept| !kept.is_there()) {
            return Err(FileError::Changed(self.path.to_owned()));
        }
        // Another process may have made the file since the check.
        let is_new = kept.is_none() && existing != OnExisting::Replace;
        let (file, target) = (self.file, &self.target);
        let renamed = if is_new { file.persist_noclobber(target) } else { persist(file, target) };
        renamed.map_err(|e| match e.error.kind() {
            io::ErrorKind::AlreadyExists if is_new => FileError::Exists(self.path.to_owned()),
            _ => failed(e.error),
        })?;
        let backup = kept.map(Backup::keep);
        Ok(Written { path: self.target, backup })
    }
}

/// Syncs folders, each once.
fn sync_folders<'a>(folders: impl Iterator<Item = &'a Path>) -> HashMap<PathBuf, io::Result<()>> {
    let each: BTreeSet<_> = folders.collect();
    each.into_iter().map(|folder| (folder.to_owned(), sync_folder(folder))).collect()
}

/// The result for a folder; the error is a copy.
fn is_synced(synced: &HashMap<PathBuf, io::Result<()>>, folder: &Path) -> io::Result<()> {
    match synced.get(folder) {
        Some(Err(e)) => Err(io::Error::new(e.kind(), e.to_string())),
        _ => Ok(()),
    }
}
