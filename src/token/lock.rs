//! A lock per module: drivers do not serialise processes. If two processes use a token at once, one of them gets
//! CKR_DEVICE_ERROR.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::error::TokenError;
use crate::files;
use crate::system::{access, process};
use crate::trustlist::digest;

/// How long to wait for another process.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The lock of a module; released when dropped or when the process ends. `None` if no lock is possible.
pub type ModuleLock = Option<File>;

/// The name of a module's lock file, the same for all paths of the module.
pub fn lock_name(module: &Path) -> String {
    let module = dunce::canonicalize(module).unwrap_or_else(|_| module.to_owned());
    let id = digest::hex(&digest::sha1(module.as_os_str().as_encoded_bytes()), "");
    format!("module-{}.lock", id.get(..16).unwrap_or(&id))
}

/// Waits for the lock, at most for `patience`. Without a private folder for the lock file there is no lock.
pub(super) fn acquire(name: &str, patience: Duration) -> Result<ModuleLock, TokenError> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    private_folder(runtime).map_or(Ok(None), |folder| acquire_in(&folder, name, patience))
}

/// Waits for the lock with this name in a folder, at most for `patience`.
pub fn acquire_in(folder: &Path, name: &str, patience: Duration) -> Result<ModuleLock, TokenError> {
    let opened = File::options().read(true).write(true).create(true).truncate(false).open(folder.join(name));
    let Ok(mut file) = opened else { return Ok(None) };
    let start = Instant::now();
    loop {
        match files::try_lock_file(&mut file, &std::process::id().to_string()) {
            Ok(None) => return Ok(Some(file)),
            Ok(Some(_)) if start.elapsed() < patience => std::thread::sleep(Duration::from_millis(20)),
            Ok(Some(holder)) => {
                let holder = if holder.is_empty() { "unknown".to_owned() } else { holder };
                return Err(TokenError::Busy { holder, seconds: patience.as_secs() });
            }
            Err(_) => return Ok(None),
        }
    }
}

/// `sastctl` in `$XDG_RUNTIME_DIR`, else a folder per user in the folder for temporary files.
pub fn private_folder(runtime: Option<PathBuf>) -> Option<PathBuf> {
    let folder = match runtime {
        Some(dir) if dir.is_dir() => dir.join("sastctl"),
        _ => std::env::temp_dir().join(format!("sastctl-{}", process::user())),
    };
    access::unshared_folder(&folder).then_some(folder)
}
