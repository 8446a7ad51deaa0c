//! Tests of reading and writing.

use std::fs;

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
    let files: Vec<_> = targets.iter().map(|p| NewFile { path: p, bytes: b"new", made_from: None }).collect();
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
    assert!(matches!(write_new(dir.path(), b"x", OnExisting::KeepBackup), Err(FileError::IsFolder { .. })));
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
