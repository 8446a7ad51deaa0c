//! A lock per module: drivers do not serialise processes, and a token that two processes use at once returns
//! CKR_DEVICE_ERROR to one of them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::error::TokenError;
use crate::files;
use crate::system::{access, process};
use crate::trustlist::digest;

/// How long to wait for another process.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// The lock of a module; released when dropped or when the process ends. `None` where there can be no lock.
pub(super) type ModuleLock = Option<File>;

/// The name of a module's lock file, the same for all paths of the module.
pub(super) fn lock_name(module: &Path) -> String {
    let module = dunce::canonicalize(module).unwrap_or_else(|_| module.to_owned());
    let id = digest::hex(&digest::sha1(module.as_os_str().as_encoded_bytes()), "");
    format!("module-{}.lock", id.get(..16).unwrap_or(&id))
}

/// Waits for the lock, at most for `patience`. Without a private folder for the lock file there is no lock.
pub(super) fn acquire(name: &str, patience: Duration) -> Result<ModuleLock, TokenError> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    private_folder(runtime).map_or(Ok(None), |folder| acquire_in(&folder, name, patience))
}

fn acquire_in(folder: &Path, name: &str, patience: Duration) -> Result<ModuleLock, TokenError> {
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
fn private_folder(runtime: Option<PathBuf>) -> Option<PathBuf> {
    let folder = match runtime {
        Some(dir) if dir.is_dir() => dir.join("sastctl"),
        _ => std::env::temp_dir().join(format!("sastctl-{}", process::user())),
    };
    access::unshared_folder(&folder).then_some(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_in_vain_is_told_who_holds_it() {
        let module = tempfile::tempdir().unwrap();
        let lock = |patience| acquire_in(module.path(), &lock_name(module.path()), patience);
        let held = lock(PATIENCE).unwrap();
        let start = Instant::now();
        let patience = Duration::from_millis(60);
        let refused = lock(patience).unwrap_err();
        let waited = start.elapsed();
        assert!(waited >= patience && waited < Duration::from_secs(5), "{waited:?}");
        assert!(
            matches!(refused, TokenError::Busy { holder, .. } if holder == std::process::id().to_string())
        );
        drop(held);
        lock(Duration::ZERO).unwrap();
    }

    #[test]
    fn without_a_folder_for_what_runs_there_is_one_for_temporary_files() {
        let runtime = tempfile::tempdir().unwrap();
        let there = private_folder(Some(runtime.path().to_owned())).unwrap();
        assert_eq!(there, runtime.path().join("sastctl"));
        let temporary = private_folder(None).unwrap();
        assert!(temporary.starts_with(std::env::temp_dir()), "{temporary:?}");
        for none in [PathBuf::new(), runtime.path().join("none")] {
            assert_eq!(private_folder(Some(none)).unwrap(), temporary);
        }
    }

    #[test]
    fn a_module_under_another_name_has_the_same_lock() {
        let folder = tempfile::tempdir().unwrap();
        let module = folder.path().join("module.so");
        let other_name = folder.path().join("..").join(folder.path().file_name().unwrap()).join("module.so");
        std::fs::write(&module, "").unwrap();
        let lock = |module: &Path| acquire_in(folder.path(), &lock_name(module), Duration::ZERO);
        let held = lock(&module).unwrap();
        lock(&other_name).unwrap_err();
        lock(&folder.path().join("others.so")).unwrap();
        drop(held);
        lock(&other_name).unwrap();
    }
}
