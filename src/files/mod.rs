//! Files: read up to a limit, written whole or not at all.
//!
//! A file is written next to its target, synced, and renamed onto it; then the folder is synced. After a power cut at any point
//! there is the old file or the new one. An old file is never lost: it is kept as `NAME.bak`, or the write is refused.

mod backup;
mod lock_file;
mod write;

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

pub use lock_file::try_lock_file;
pub(crate) use write::{NewFile, Source, Written, update, write, write_together};
pub use write::{OnExisting, write_new};

use crate::system::access;

/// The largest text file that is read, in bytes: configuration, profiles, rules.
pub const MAX_TEXT: usize = 1024 * 1024;
/// The largest journal, in bytes.
pub const MAX_JOURNAL: usize = 512 * 1024 * 1024;

/// Why a file was not read or written.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the words say what each is")]
pub enum FileError {
    /// It could not be opened or read; `-` is standard input.
    #[error("{}", not_read(path, source))]
    Read { path: PathBuf, source: io::Error },
    #[error("{} has more than {limit} bytes", display_name(path))]
    TooLarge { path: PathBuf, limit: usize },
    #[error("{} is there already", .0.display())]
    Exists(PathBuf),
    #[error("{} is a folder", .0.display())]
    IsFolder(PathBuf),
    #[error("{} is {what}, not a file", path.display())]
    NotAFile { path: PathBuf, what: &'static str },
    /// Its path contains a link of another user, who may change the target of the link.
    #[error("{} goes through {}, a link of another user ({owner})", path.display(), link.display())]
    ForeignLink { path: PathBuf, link: PathBuf, owner: u32 },
    #[error("what {} is made from changed after the plan was shown", path.display())]
    SourceChanged { path: PathBuf },
    #[error("{} was changed by another program in the meantime", .0.display())]
    Changed(PathBuf),
    /// The new file is in place, but a power cut may still undo that. The old file is kept as `backup`.
    #[error("{} was written, but it is not known to be on the disk (syncing the folder): {source}", path.display())]
    NotSynced { path: PathBuf, backup: Option<PathBuf>, source: io::Error },
    /// It could not be written; the old file is still there.
    #[error("{} was not written ({step}): {source}", path.display())]
    Write { path: PathBuf, step: &'static str, source: io::Error },
}

fn not_read(path: &Path, source: &io::Error) -> String {
    match source.kind() {
        io::ErrorKind::NotFound => format!("there is no file {}", path.display()),
        _ => format!("{} cannot be read: {source}", display_name(path)),
    }
}

/// The name of a file for messages; `-` is standard input.
pub fn display_name(path: &Path) -> String {
    if path.as_os_str() == "-" { "standard input".to_owned() } else { path.display().to_string() }
}

/// Reads a whole file, or standard input for `-`, but no more than `limit` bytes.
pub fn read_limited(path: &Path, limit: usize) -> Result<Vec<u8>, FileError> {
    let failed = |source| FileError::Read { path: path.to_owned(), source };
    // One byte more than the limit shows that a file is too large.
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    if path.as_os_str() == "-" {
        io::stdin().lock().take(most).read_to_end(&mut bytes).map_err(failed)?;
    } else {
        let file = File::open(path).map_err(failed)?;
        if file.metadata().is_ok_and(|there| there.len() >= most) {
            return Err(FileError::TooLarge { path: path.to_owned(), limit });
        }
        file.take(most).read_to_end(&mut bytes).map_err(failed)?;
    }
    if bytes.len() > limit {
        return Err(FileError::TooLarge { path: path.to_owned(), limit });
    }
    Ok(bytes)
}

/// As [`read_limited`], for a plain file only: pipes, devices and folders are refused.
pub fn read_plain(path: &Path, limit: usize) -> Result<Vec<u8>, FileError> {
    check_plain(path, limit)?;
    read_limited(path, limit)
}

/// Reads a text file of at most [`MAX_TEXT`] bytes.
pub fn read_text(path: &Path) -> Result<String, FileError> {
    let failed =
        |e| FileError::Read { path: path.to_owned(), source: io::Error::new(io::ErrorKind::InvalidData, e) };
    String::from_utf8(read_plain(path, MAX_TEXT)?).map_err(failed)
}

/// Whether a plain file contains exactly these bytes.
fn holds(path: &Path, bytes: &[u8]) -> bool {
    read_plain(path, bytes.len()).is_ok_and(|there| there == bytes)
}

/// Whether it is a plain file of at most `limit` bytes.
pub fn check_plain(path: &Path, limit: usize) -> Result<(), FileError> {
    let there = fs::metadata(path).map_err(|source| FileError::Read { path: path.to_owned(), source })?;
    is_plain(path, &there)?;
    if there.len() > u64::try_from(limit).unwrap_or(u64::MAX) {
        return Err(FileError::TooLarge { path: path.to_owned(), limit });
    }
    Ok(())
}

/// The path with all links resolved, whether the file exists or not. Names with the same result are one file.
pub fn resolve(path: &Path) -> PathBuf {
    if let Ok(real) = dunce::canonicalize(path) {
        return real;
    }
    match (dunce::canonicalize(folder_of(path)), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

/// The folder that a file is in.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Checks that a file may be written here: there is none, or a plain file. Only links of this user or of root may lead to it.
pub fn check_place(path: &Path) -> Result<(), FileError> {
    check_links(path)?;
    let Ok(there) = fs::metadata(resolve(path)) else { return Ok(()) };
    is_plain(path, &there)
}

/// Checks that the path goes only through links of this user and of root.
pub fn check_links(path: &Path) -> Result<(), FileError> {
    match access::foreign_link(path) {
        Some((link, owner)) => Err(FileError::ForeignLink { path: path.to_owned(), link, owner }),
        None => Ok(()),
    }
}

fn is_plain(path: &Path, there: &fs::Metadata) -> Result<(), FileError> {
    match () {
        () if there.is_file() => Ok(()),
        () if there.is_dir() => Err(FileError::IsFolder(path.to_owned())),
        () => Err(FileError::NotAFile { path: path.to_owned(), what: access::kind(there) }),
    }
}

/// Makes a folder, and those above it, if they do not exist.
pub fn make_folder(path: &Path) -> Result<(), FileError> {
    check_links(path)?;
    fs::create_dir_all(path).map_err(|source| FileError::Write {
        path: path.to_owned(),
        step: "making the folder",
        source,
    })
}
