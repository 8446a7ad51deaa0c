//! The lock of a module: two runs do not use its tokens at the same time.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sastctl::token::TokenError;
use sastctl::token::lock::{PATIENCE, acquire_in, lock_name, private_folder};

#[test]
fn a_waiting_run_is_told_who_holds_the_lock() {
    let module = tempfile::tempdir().unwrap();
    let lock = |patience| acquire_in(module.path(), &lock_name(module.path()), patience);
    let held = lock(PATIENCE).unwrap();
    let start = Instant::now();
    let patience = Duration::from_millis(60);
    let refused = lock(patience).unwrap_err();
    let waited = start.elapsed();
    assert!(waited >= patience && waited < Duration::from_secs(5), "{waited:?}");
    assert!(matches!(refused, TokenError::Busy { holder, .. } if holder == std::process::id().to_string()));
    drop(held);
    lock(Duration::ZERO).unwrap();
}

#[test]
fn without_a_runtime_folder_the_temporary_folder_is_used() {
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
