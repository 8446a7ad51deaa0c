//! Backups: a second name for the old file before its first is replaced.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::system::access::{self, FileIdentity, identity};

/// A hard link to the old file, or a copy of it. Removed when dropped, unless it is kept.
pub(super) struct Backup {
    target: PathBuf,
    backup: PathBuf,
    /// The identity of the old file.
    identity: FileIdentity,
    needed: bool,
    /// Keeps a copied file open: file systems without hard links may change the inode number of a closed file.
    _copied: Option<File>,
}

impl Backup {
    /// Makes `NAME.bak`, or `NAME.bak.2` and so on if that exists.
    pub(super) fn make(target: &Path, folder: &Path) -> io::Result<Self> {
        for n in 1..=9_999u32 {
            let mut name = target.as_os_str().to_owned();
            name.push(if n == 1 { ".bak".to_owned() } else { format!(".bak.{n}") });
            let backup = PathBuf::from(name);
            let kept = match fs::hard_link(target, &backup) {
                Ok(()) => Ok((fs::symlink_metadata(&backup)?, None)),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Err(e),
                // No hard links on this file system, or another user's file.
                Err(_) => copy(target, folder, &backup).map(|(there, file)| (there, Some(file))),
            };
            match kept {
                Ok((there, _copied)) => {
                    let (target, identity) = (target.to_owned(), identity(&there));
                    return Ok(Backup { target, backup, identity, needed: false, _copied });
                }
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(e),
            }
        }
        Err(io::Error::new(io::ErrorKind::AlreadyExists, "every name from .bak to .bak.9999 is taken"))
    }

    /// Whether the first name still leads to this file.
    pub(super) fn is_there(&self) -> bool {
        fs::symlink_metadata(&self.target).is_ok_and(|there| identity(&there) == self.identity)
    }

    /// Keeps the backup after the first name was replaced.
    pub(super) fn keep(mut self) -> PathBuf {
        self.needed = true;
        self.backup.clone()
    }
}

impl Drop for Backup {
    fn drop(&mut self) {
        // If another process replaced the first name, the backup is the only one left.
        if !self.needed && self.is_there() {
            let _ = fs::remove_file(&self.backup);
        }
    }
}

/// A new temporary file in the folder.
pub(super) fn new_file_in(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".sastctl-").suffix(".tmp");
    access::readable_by_umask(&mut builder);
    builder.tempfile_in(folder)
}

/// Copies a file whole or not at all to a new name.
fn copy(from: &Path, folder: &Path, to: &Path) -> io::Result<(fs::Metadata, File)> {
    let mut file = File::open(from)?;
    let there = file.metadata()?;
    let mut copy = new_file_in(folder)?;
    io::copy(&mut file, copy.as_file_mut())?;
    copy.as_file().set_permissions(there.permissions())?;
    copy.as_file().sync_all()?;
    copy.persist_noclobber(to).map_err(|e| e.error)?;
    Ok((there, file))
}
