//! Lock files: held by one process at a time, which says in them who it is.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};

/// Takes the lock of an open file, and writes down `who` has it; or says who has it now, an empty text where that is not
/// known. Gone when the file is closed.
///
/// An error where the file system has no locks.
pub fn try_lock_file(file: &mut File, who: &str) -> io::Result<Option<String>> {
    match file.try_lock() {
        Ok(()) => {
            // For whoever comes second; the lock counts without it, too. Who takes it again and again (a watch does) writes
            // once: a write keeps the disk busy.
            if holder(file) != who {
                let _ = file.set_len(0);
                let _ = file.rewind();
                let _ = writeln!(file, "{who}");
            }
            Ok(None)
        }
        Err(TryLockError::WouldBlock) => Ok(Some(holder(file))),
        Err(TryLockError::Error(e)) => Err(e),
    }
}

/// The longest line that says who it is, in bytes.
const LONGEST: u64 = 4096;

/// Who is written down, an empty text where nobody is or it cannot be read.
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let _ = file.rewind().and_then(|()| file.take(LONGEST).read_to_string(&mut text));
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    /// What a watch takes five times a second is not written five times a second.
    #[test]
    fn who_holds_it_is_written_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("held.lock");
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let written = |who: &str| {
            let mut file =
                File::options().read(true).write(true).create(true).truncate(false).open(&path).unwrap();
            file.set_modified(long_ago).unwrap();
            assert_eq!(try_lock_file(&mut file, who).unwrap(), None);
            assert_eq!(holder(&mut file), who);
            file.metadata().unwrap().modified().unwrap() != long_ago
        };
        assert!(written("12345"));
        assert!(!written("12345"));
        assert!(written("123"), "another one, and nothing of the longer number stays");
        assert!(!written("123"));
    }
}
