//! Files: read up to a limit, written whole or not at all.
//!
//! A file is written beside its target, synced, and renamed onto it; then the folder is synced. Whoever pulls the plug
//! at any point finds the old file or the new one. An old file is never lost: it is kept as `NAME.bak`, or the write is
//! refused.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// Why a file was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It could not be opened or read.
    #[error("{} cannot be read: {source}", name(path))]
    Read {
        /// The file; `-` is standard input.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is larger than what is read.
    #[error("{} has more than {limit} bytes", name(path))]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit in bytes.
        limit: usize,
    },
    /// It is there already and must not be replaced.
    #[error("{} is there already", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A folder has the name.
    #[error("{} is a folder", path.display())]
    IsFolder {
        /// The folder.
        path: PathBuf,
    },
    /// It could not be written; what was there before still is.
    #[error("{} was not written ({step}): {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What was being done.
        step: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

fn name(path: &Path) -> String {
    if path.as_os_str() == "-" { "standard input".to_owned() } else { path.display().to_string() }
}

/// Reads a whole file, or standard input for `-`, but no more than `limit` bytes.
pub fn read_limited(path: &Path, limit: usize) -> Result<Vec<u8>, FileError> {
    let failed = |source| FileError::Read { path: path.to_owned(), source };
    // One byte more than the limit tells a file at the limit from one above it.
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    if path.as_os_str() == "-" {
        io::stdin().lock().take(most).read_to_end(&mut bytes).map_err(failed)?;
    } else {
        File::open(path).map_err(failed)?.take(most).read_to_end(&mut bytes).map_err(failed)?;
    }
    if bytes.len() > limit {
        return Err(FileError::TooLarge { path: path.to_owned(), limit });
    }
    Ok(bytes)
}

/// What to do with a file that has the name already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnExisting {
    /// Leave it and fail.
    Refuse,
    /// Keep it as `NAME.bak`, or `NAME.bak.2` and so on where that is taken.
    KeepBackup,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The file, symbolic links resolved.
    pub path: PathBuf,
    /// Where the file before it is kept.
    pub backup: Option<PathBuf>,
}

/// Makes a folder, and those above it, where there is none yet.
pub fn make_folder(path: &Path) -> Result<(), FileError> {
    fs::create_dir_all(path).map_err(|source| FileError::Write {
        path: path.to_owned(),
        step: "making the folder",
        source,
    })
}

/// Writes a file whole or not at all. Its mode is what the umask leaves, or that of the file before it.
pub fn write_new(path: &Path, bytes: &[u8], existing: OnExisting) -> Result<Written, FileError> {
    // Through a symbolic link the file behind it is replaced, not the link.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let failed = |step| {
        let path = path.to_owned();
        move |source| FileError::Write { path, step, source }
    };
    if target.is_dir() {
        return Err(FileError::IsFolder { path: path.to_owned() });
    }
    let folder = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".sastctl-").suffix(".tmp");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // The umask is applied to this when the file is made.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let mut beside = builder.tempfile_in(&folder).map_err(failed("making a file beside it"))?;
    beside.write_all(bytes).map_err(failed("writing beside it"))?;
    let old = fs::metadata(&target).ok();
    if let Some(old) = &old {
        beside.as_file().set_permissions(old.permissions()).map_err(failed("copying its permissions"))?;
    }
    beside.as_file().sync_all().map_err(failed("syncing"))?;
    let backup = match (old, existing) {
        (Some(_), OnExisting::Refuse) => return Err(FileError::Exists { path: path.to_owned() }),
        (Some(_), OnExisting::KeepBackup) => {
            let kept = keep(&target).map_err(failed("keeping the old file"))?;
            sync_folder(&folder).map_err(failed("syncing the folder"))?;
            beside.persist(&target).map_err(|e| failed("renaming")(e.error))?;
            Some(kept)
        }
        (None, _) => {
            // Somebody else may have made the file since we looked.
            beside.persist_noclobber(&target).map_err(|e| match e.error.kind() {
                io::ErrorKind::AlreadyExists => FileError::Exists { path: path.to_owned() },
                _ => failed("renaming")(e.error),
            })?;
            None
        }
    };
    sync_folder(&folder).map_err(failed("syncing the folder"))?;
    Ok(Written { path: target, backup })
}

/// Gives a file a second name that nothing has yet, so that renaming over the first does not lose it.
fn keep(target: &Path) -> io::Result<PathBuf> {
    for n in 1..=9_999u32 {
        let mut name = target.as_os_str().to_owned();
        name.push(if n == 1 { ".bak".to_owned() } else { format!(".bak.{n}") });
        let backup = PathBuf::from(name);
        match fs::hard_link(target, &backup) {
            Ok(()) => return Ok(backup),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            // A file system without hard links: a copy does, as it is made before the rename.
            Err(_) => match copy_new(target, &backup) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                other => return other.map(|()| backup),
            },
        }
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, "every name from .bak to .bak.9999 is taken"))
}

fn copy_new(from: &Path, to: &Path) -> io::Result<()> {
    let mut copy = File::options().write(true).create_new(true).open(to)?;
    io::copy(&mut File::open(from)?, &mut copy)?;
    copy.sync_all()
}

/// Makes a rename last. Systems that cannot open folders do not need it.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn old_files_are_kept_one_after_the_other() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("CTLFile.tlv");
        assert_eq!(write_new(&path, b"1", OnExisting::KeepBackup).unwrap().backup, None);
        for (bytes, bak) in [(b"2", "CTLFile.tlv.bak"), (b"3", "CTLFile.tlv.bak.2")] {
            let written = write_new(&path, bytes, OnExisting::KeepBackup).unwrap();
            assert_eq!(written.backup.unwrap().file_name().unwrap(), bak);
        }
        assert_eq!(fs::read(&path).unwrap(), b"3");
        assert_eq!(fs::read(dir.path().join("CTLFile.tlv.bak")).unwrap(), b"1");
        assert_eq!(names(dir.path()), ["CTLFile.tlv", "CTLFile.tlv.bak", "CTLFile.tlv.bak.2"]);
    }

    #[test]
    fn refused_means_untouched() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.cer");
        write_new(&path, b"old", OnExisting::Refuse).unwrap();
        assert!(matches!(write_new(&path, b"new", OnExisting::Refuse), Err(FileError::Exists { .. })));
        assert!(matches!(
            write_new(dir.path(), b"x", OnExisting::KeepBackup),
            Err(FileError::IsFolder { .. })
        ));
        assert!(write_new(&dir.path().join("no/such/folder"), b"x", OnExisting::Refuse).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(dir.path()), ["a.cer"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_symbolic_link_stays_one_and_the_mode_stays_too() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().join("real");
        fs::write(&real, b"old").unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
        let link = dir.path().join("link");
        symlink("real", &link).unwrap();
        write_new(&link, b"new", OnExisting::KeepBackup).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&real).unwrap(), b"new");
        assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read(dir.path().join("real.bak")).unwrap(), b"old");
    }

    #[test]
    fn reading_stops_at_the_limit() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("big");
        // A sparse file of 1 GiB: reading it whole would be noticed.
        File::create(&path).unwrap().set_len(1 << 30).unwrap();
        assert!(matches!(read_limited(&path, 1000), Err(FileError::TooLarge { limit: 1000, .. })));
        fs::write(&path, b"12345").unwrap();
        assert_eq!(read_limited(&path, 5).unwrap(), b"12345");
    }
}
