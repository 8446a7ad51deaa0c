//! Files: read up to a limit, written whole or not at all.
//!
//! A file is written beside its target, synced, and renamed onto it; then the folder is synced. Whoever pulls the plug
//! at any point finds the old file or the new one. An old file is never lost: it is kept as `NAME.bak`, or the write is
//! refused.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

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

/// Whether a file took its place.
static WRITTEN: AtomicBool = AtomicBool::new(false);

/// Whether this process wrote any file: what an interruption may say of itself.
pub fn any_was_written() -> bool {
    WRITTEN.load(Ordering::SeqCst)
}

/// What to do with a file that has the name already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnExisting {
    /// Leave it and fail.
    Refuse,
    /// Keep it as `NAME.bak`, or `NAME.bak.2` and so on where that is taken.
    KeepBackup,
    /// Let it go: it can be made again.
    Replace,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The file, symbolic links resolved.
    pub path: PathBuf,
    /// Where the file before it is kept.
    pub backup: Option<PathBuf>,
}

/// Where a file of this name lies, or would: links are resolved. Two names with one place are one file.
pub fn place_of(path: &Path) -> PathBuf {
    if let Ok(real) = fs::canonicalize(path) {
        return real;
    }
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    match (fs::canonicalize(folder.unwrap_or(Path::new("."))), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
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
    let beside = Beside::new(path, bytes)?;
    let kept = beside.keep_old(existing)?;
    if kept.is_some() {
        sync_folder(&beside.folder).map_err(beside.failed(SYNCING_FOLDER))?;
    }
    let folder = beside.folder.clone();
    let written = beside.rename(kept, existing)?;
    sync_folder(&folder).map_err(failed(path, SYNCING_FOLDER))?;
    Ok(written)
}

/// Writes files that belong together, each whole or not at all, as `write_new` does one: their syncs run side by side,
/// and a folder is synced once for all of them. Each has its own result, in their order.
///
/// No two may have the same place ([`place_of`]).
pub fn write_together(files: &[(&Path, &[u8])], existing: OnExisting) -> Vec<Result<Written, FileError>> {
    let beside: Vec<_> =
        files.par_iter().with_max_len(1).map(|(path, bytes)| Beside::new(path, bytes)).collect();
    let kept: Vec<_> = beside
        .into_iter()
        .map(|beside| beside.and_then(|b| b.keep_old(existing).map(|kept| (b, kept))))
        .collect();
    let replaced = kept.iter().flatten().filter(|(_, kept)| kept.is_some()).map(|(b, _)| b.folder.as_path());
    let synced = Synced::folders(replaced);
    let renamed: Vec<_> = kept
        .into_iter()
        .map(|kept| {
            let (beside, kept) = kept?;
            synced.check(&beside.path, &beside.folder)?;
            let (path, folder) = (beside.path.clone(), beside.folder.clone());
            beside.rename(kept, existing).map(|written| (path, folder, written))
        })
        .collect();
    let synced = Synced::folders(renamed.iter().flatten().map(|(_, folder, _)| folder.as_path()));
    renamed
        .into_iter()
        .map(|renamed| {
            let (path, folder, written) = renamed?;
            synced.check(&path, &folder).map(|()| written)
        })
        .collect()
}

const SYNCING_FOLDER: &str = "syncing the folder";

fn failed(path: &Path, step: &'static str) -> impl FnOnce(io::Error) -> FileError + use<> {
    let path = path.to_owned();
    move |source| FileError::Write { path, step, source }
}

/// A file that lies whole and synced beside its target.
struct Beside {
    path: PathBuf,
    target: PathBuf,
    folder: PathBuf,
    file: tempfile::NamedTempFile,
    /// There was a file of that name.
    replaces: bool,
}

impl Beside {
    fn new(path: &Path, bytes: &[u8]) -> Result<Self, FileError> {
        // Through a symbolic link the file behind it is replaced, not the link.
        let target = place_of(path);
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
        let mut file = builder.tempfile_in(&folder).map_err(failed(path, "making a file beside it"))?;
        file.write_all(bytes).map_err(failed(path, "writing beside it"))?;
        let old = fs::metadata(&target).ok();
        if let Some(old) = &old {
            file.as_file()
                .set_permissions(old.permissions())
                .map_err(failed(path, "copying its permissions"))?;
        }
        file.as_file().sync_all().map_err(failed(path, "syncing"))?;
        Ok(Beside { path: path.to_owned(), target, folder, file, replaces: old.is_some() })
    }

    fn failed(&self, step: &'static str) -> impl FnOnce(io::Error) -> FileError + use<> {
        failed(&self.path, step)
    }

    /// Gives the file before it a second name.
    fn keep_old(&self, existing: OnExisting) -> Result<Option<PathBuf>, FileError> {
        match existing {
            _ if !self.replaces => Ok(None),
            OnExisting::Replace => Ok(None),
            OnExisting::Refuse => Err(FileError::Exists { path: self.path.clone() }),
            OnExisting::KeepBackup => {
                keep(&self.target).map(Some).map_err(self.failed("keeping the old file"))
            }
        }
    }

    fn rename(self, backup: Option<PathBuf>, existing: OnExisting) -> Result<Written, FileError> {
        let failed = failed(&self.path, "renaming");
        if backup.is_some() || existing == OnExisting::Replace {
            self.file.persist(&self.target).map_err(|e| failed(e.error))?;
        } else {
            // Somebody else may have made the file since we looked.
            self.file.persist_noclobber(&self.target).map_err(|e| match e.error.kind() {
                io::ErrorKind::AlreadyExists => FileError::Exists { path: self.path.clone() },
                _ => failed(e.error),
            })?;
        }
        WRITTEN.store(true, Ordering::SeqCst);
        Ok(Written { path: self.target, backup })
    }
}

/// Folders that were synced, each once, and how that ended.
struct Synced(HashMap<PathBuf, io::Result<()>>);

impl Synced {
    fn folders<'a>(folders: impl Iterator<Item = &'a Path>) -> Self {
        let mut synced = HashMap::new();
        for folder in folders {
            if !synced.contains_key(folder) {
                synced.insert(folder.to_owned(), sync_folder(folder));
            }
        }
        Synced(synced)
    }

    /// Whether the folder of a file is synced, as far as that was asked for.
    fn check(&self, path: &Path, folder: &Path) -> Result<(), FileError> {
        match self.0.get(folder) {
            // An error of the system cannot be given twice.
            Some(Err(e)) => Err(failed(path, SYNCING_FOLDER)(io::Error::new(e.kind(), e.to_string()))),
            _ => Ok(()),
        }
    }
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
    fn files_that_belong_together_fail_each_on_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::write(path("b"), b"old").unwrap();
        fs::create_dir(path("c")).unwrap();
        fs::create_dir(path("d")).unwrap();
        let targets = [path("a"), path("b"), path("c"), path("no/such"), path("d/e")];
        let files: Vec<_> = targets.iter().map(|p| (p.as_path(), b"new".as_slice())).collect();
        let [a, b, c, none, e] = write_together(&files, OnExisting::KeepBackup).try_into().unwrap();
        assert_eq!(a.unwrap(), Written { path: path("a"), backup: None });
        assert_eq!(b.unwrap().backup, Some(path("b.bak")));
        assert!(matches!(c, Err(FileError::IsFolder { .. })));
        assert!(matches!(none, Err(FileError::Write { .. })));
        assert_eq!(e.unwrap().path, path("d/e"));
        for (file, says) in [("a", "new"), ("b", "new"), ("b.bak", "old"), ("d/e", "new")] {
            assert_eq!(fs::read_to_string(path(file)).unwrap(), says);
        }
        let refused = write_together(&files[..1], OnExisting::Refuse).pop().unwrap();
        assert!(matches!(refused, Err(FileError::Exists { .. })));
        assert_eq!(names(dir.path()), ["a", "b", "b.bak", "c", "d"]);
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
