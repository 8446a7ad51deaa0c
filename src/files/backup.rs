//! The old file's second name, so that renaming over the first does not lose it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// A file that has a second name, or a copy under one. Dropped before it is needed, that name goes away again.
pub(super) struct Backup {
    target: PathBuf,
    backup: PathBuf,
    /// Which file it was.
    identity: Identity,
    needed: bool,
    /// What was copied stays open: a file system without hard links may number a file anew that nobody uses.
    _copied: Option<File>,
}

impl Backup {
    /// Keeps a file as `NAME.bak`, or `NAME.bak.2` and so on where that is taken.
    pub(super) fn make(target: &Path, folder: &Path) -> io::Result<Self> {
        for n in 1..=9_999u32 {
            let mut name = target.as_os_str().to_owned();
            name.push(if n == 1 { ".bak".to_owned() } else { format!(".bak.{n}") });
            let backup = PathBuf::from(name);
            let kept = match fs::hard_link(target, &backup) {
                Ok(()) => Ok((fs::symlink_metadata(&backup)?, None)),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Err(e),
                // A file system without hard links, or somebody else's file.
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

    /// Whether its first name is still its own.
    pub(super) fn is_there(&self) -> bool {
        fs::symlink_metadata(&self.target).is_ok_and(|there| identity(&there) == self.identity)
    }

    /// The first name went to another file: the second stays.
    pub(super) fn keep(mut self) -> PathBuf {
        self.needed = true;
        self.backup.clone()
    }
}

impl Drop for Backup {
    fn drop(&mut self) {
        // Where somebody else took the first name, the second is the only one.
        if !self.needed && self.is_there() {
            let _ = fs::remove_file(&self.backup);
        }
    }
}

/// A new file beside others, which goes away again where it does not get a name of its own.
pub(super) fn new_file_in(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".sastctl-").suffix(".tmp");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // The umask is applied to this when the file is made.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

/// Copies a file whole, or not at all, to a name that nothing has yet.
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

/// What tells a file from another that has its name.
#[cfg(unix)]
type Identity = (u64, u64);

#[cfg(unix)]
fn identity(there: &fs::Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt as _;
    (there.dev(), there.ino())
}

#[cfg(not(unix))]
type Identity = (u64, Option<std::time::SystemTime>);

#[cfg(not(unix))]
fn identity(there: &fs::Metadata) -> Identity {
    (there.len(), there.modified().ok())
}
