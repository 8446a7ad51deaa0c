//! One of our processes at a time talks to a module: drivers do not serialise processes, and a token that two
//! processes ask at once answers CKR_DEVICE_ERROR to one of them.

use std::fs::{self, File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::error::TokenError;
use crate::trustlist::digest;

/// How long another process is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// Held while the module is talked to; gone when dropped or when the process ends.
#[derive(Debug)]
pub(super) struct ModuleLock {
    _file: Option<File>,
}

impl ModuleLock {
    /// Waits for its turn. Where there is no private folder for the lock file, goes on without one.
    pub(super) fn acquire(module: &Path) -> Result<Self, TokenError> {
        Self::acquire_within(module, PATIENCE)
    }

    /// The same, with a patience of the caller's.
    pub(super) fn acquire_within(module: &Path, patience: Duration) -> Result<Self, TokenError> {
        let Some(folder) = private_folder() else { return Ok(ModuleLock { _file: None }) };
        let id = digest::hex(&digest::sha1(module.as_os_str().as_encoded_bytes()), "");
        let path = folder.join(format!("module-{}.lock", id.get(..16).unwrap_or(&id)));
        let Ok(mut file) = File::options().read(true).write(true).create(true).truncate(false).open(&path)
        else {
            return Ok(ModuleLock { _file: None });
        };
        let start = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if start.elapsed() < patience => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(TryLockError::WouldBlock) => {
                    let mut holder = String::new();
                    let _ = file.read_to_string(&mut holder);
                    let holder = if holder.trim().is_empty() {
                        "unknown".to_owned()
                    } else {
                        holder.trim().to_owned()
                    };
                    return Err(TokenError::Busy { holder, seconds: patience.as_secs() });
                }
                Err(TryLockError::Error(_)) => return Ok(ModuleLock { _file: None }),
            }
        }
        // Who holds it, for whoever waits in vain.
        let _ = file.set_len(0);
        let _ = file.rewind();
        let _ = writeln!(file, "{}", std::process::id());
        Ok(ModuleLock { _file: Some(file) })
    }
}

/// `$XDG_RUNTIME_DIR/sastctl`, else a folder of our own in the folder for temporary files.
fn private_folder() -> Option<PathBuf> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").filter(|dir| !dir.is_empty()).map(PathBuf::from);
    let folder = match runtime {
        Some(dir) if dir.is_dir() => dir.join("sastctl"),
        _ => std::env::temp_dir().join(format!("sastctl-{}", user())),
    };
    make_private(&folder).then_some(folder)
}

#[cfg(unix)]
fn user() -> String {
    rustix::process::getuid().as_raw().to_string()
}

#[cfg(not(unix))]
fn user() -> String {
    std::env::var("USERNAME").unwrap_or_default()
}

/// Makes the folder; in a shared place it counts only if it is ours and nobody else may write there.
#[cfg(unix)]
fn make_private(folder: &Path) -> bool {
    use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
    let _ = fs::DirBuilder::new().mode(0o700).create(folder);
    fs::symlink_metadata(folder)
        .is_ok_and(|m| m.is_dir() && m.uid() == rustix::process::getuid().as_raw() && m.mode() & 0o022 == 0)
}

#[cfg(not(unix))]
fn make_private(folder: &Path) -> bool {
    fs::create_dir_all(folder).is_ok()
}
