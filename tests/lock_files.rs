//! Lock files: the holder of the lock is written into the file.

use std::fs::File;
use std::io::Seek as _;
use std::time::{Duration, SystemTime};

use sastctl::files::try_lock_file;

#[test]
fn the_holder_is_written_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("held.lock");
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    let written = |who: &str| {
        let mut file =
            File::options().read(true).write(true).create(true).truncate(false).open(&path).unwrap();
        file.set_modified(long_ago).unwrap();
        assert_eq!(try_lock_file(&mut file, who).unwrap(), None);
        file.rewind().unwrap();
        assert_eq!(std::io::read_to_string(&file).unwrap(), format!("{who}\n"));
        file.metadata().unwrap().modified().unwrap() != long_ago
    };
    assert!(written("12345"));
    assert!(!written("12345"));
    assert!(written("123"), "another one, and nothing of the longer number stays");
    assert!(!written("123"));
}
