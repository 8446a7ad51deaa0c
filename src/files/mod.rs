//! Files: read up to a limit, written whole or not at all.
//!
//! A file is written beside its target, synced, and renamed onto it; then the folder is synced. Whoever pulls the plug
//! at any point finds the old file or the new one. An old file is never lost: it is kept as `NAME.bak`, or the write is
//! refused.

mod backup;
mod lock_file;
#[cfg(unix)]
mod trust;
mod write;

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

pub use lock_file::try_lock_file;
pub use trust::{foreign_link, others_may_write};
pub use write::{NewFile, OnExisting, Source, Written, any_was_written, write, write_new, write_together};

/// Access rights are another matter where there is no Unix, and links are made by administrators there.
#[cfg(not(unix))]
mod trust {
    pub fn others_may_write(_: &super::Path) -> Option<String> {
        None
    }

    pub fn foreign_link(_: &super::Path) -> Option<super::ForeignLink> {
        None
    }
}

/// A link that belongs to neither root nor this user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignLink {
    /// The link.
    pub link: PathBuf,
    /// The number of the user whose it is.
    pub owner: u32,
}

/// The largest text that an operator or the system writes, in bytes: configuration, profiles, rules.
pub const MAX_TEXT: usize = 1024 * 1024;
/// The largest journal, in bytes: every file in it is limited.
pub const MAX_JOURNAL: usize = 512 * 1024 * 1024;

/// Why a file was not read or written.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the words say what each is")]
pub enum FileError {
    /// It could not be opened or read; `-` is standard input.
    #[error("{} cannot be read: {source}", name(path))]
    Read { path: PathBuf, source: io::Error },
    #[error("{} has more than {limit} bytes", name(path))]
    TooLarge { path: PathBuf, limit: usize },
    #[error("{} is there already", .0.display())]
    Exists(PathBuf),
    #[error("{} is a folder", .0.display())]
    IsFolder(PathBuf),
    #[error("{} is {what}, not a file", path.display())]
    NotAFile { path: PathBuf, what: &'static str },
    /// The way to it goes through a link that somebody else may point elsewhere.
    #[error("{} goes through {}, a link of another user ({})", .0.display(), .1.link.display(), .1.owner)]
    ForeignLink(PathBuf, ForeignLink),
    #[error("what {} is made from changed after the plan was shown", path.display())]
    SourceChanged { path: PathBuf },
    #[error("{} was changed by somebody else meanwhile", .0.display())]
    Changed(PathBuf),
    /// It took its place, and a power cut may still undo that. The old file is kept as `backup`.
    #[error("{} was written, but it is not known to be on the disk (syncing the folder): {source}", path.display())]
    NotSynced { path: PathBuf, backup: Option<PathBuf>, source: io::Error },
    /// It could not be written; the old file is still there.
    #[error("{} was not written ({step}): {source}", path.display())]
    Write { path: PathBuf, step: &'static str, source: io::Error },
}

impl FileError {
    /// Whether the file is in its place all the same.
    pub fn was_renamed(&self) -> bool {
        matches!(self, FileError::NotSynced { .. })
    }
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

/// The same of a plain file: a pipe, which would be waited for, a device and a folder are refused at once.
pub fn read_plain(path: &Path, limit: usize) -> Result<Vec<u8>, FileError> {
    check_plain(path, limit)?;
    read_limited(path, limit)
}

/// Text from a plain file that the operator or the system wrote.
pub fn read_text(path: &Path) -> Result<String, FileError> {
    let failed =
        |e| FileError::Read { path: path.to_owned(), source: io::Error::new(io::ErrorKind::InvalidData, e) };
    String::from_utf8(read_plain(path, MAX_TEXT)?).map_err(failed)
}

/// Whether a plain file holds exactly these bytes.
pub fn holds(path: &Path, bytes: &[u8]) -> bool {
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

/// Where a file of this name lies, or would: links are resolved. Two names with one place are one file.
pub fn resolve(path: &Path) -> PathBuf {
    if let Ok(real) = fs::canonicalize(path) {
        return real;
    }
    match (fs::canonicalize(folder_of(path)), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether a file may be written there: where there is none yet, or a plain one, or a link of ours or root's to one.
pub fn check_place(path: &Path) -> Result<(), FileError> {
    check_links(path)?;
    let Ok(there) = fs::metadata(resolve(path)) else { return Ok(()) };
    is_plain(path, &there)
}

/// Whether the way there follows links of ours and of root's alone.
pub fn check_links(path: &Path) -> Result<(), FileError> {
    foreign_link(path).map_or(Ok(()), |link| Err(FileError::ForeignLink(path.to_owned(), link)))
}

fn is_plain(path: &Path, there: &fs::Metadata) -> Result<(), FileError> {
    match () {
        () if there.is_file() => Ok(()),
        () if there.is_dir() => Err(FileError::IsFolder(path.to_owned())),
        () => Err(FileError::NotAFile { path: path.to_owned(), what: kind(there) }),
    }
}

#[cfg(unix)]
fn kind(there: &fs::Metadata) -> &'static str {
    use std::os::unix::fs::FileTypeExt as _;
    let kind = there.file_type();
    match () {
        () if kind.is_fifo() => "a pipe",
        () if kind.is_socket() => "a socket",
        () => "a device",
    }
}

#[cfg(not(unix))]
fn kind(_: &fs::Metadata) -> &'static str {
    "a device"
}

/// Makes a folder, and those above it, where there is none yet.
pub fn make_folder(path: &Path) -> Result<(), FileError> {
    check_links(path)?;
    fs::create_dir_all(path).map_err(|source| FileError::Write {
        path: path.to_owned(),
        step: "making the folder",
        source,
    })
}

/// Makes a rename last. Systems that cannot open folders do not need it.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests;
