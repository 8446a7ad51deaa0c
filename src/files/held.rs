//! Lock files: held by one process at a time, which says in them who it is.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};

/// Takes the lock of an open file, and writes down `who` has it; or says who has it now, an empty text where that is not
/// known. Gone when the file is closed.
///
/// An error where the file system has no locks.
pub fn try_hold(file: &mut File, who: &str) -> io::Result<Option<String>> {
    match file.try_lock() {
        Ok(()) => {
            // For whoever comes second; the lock counts without it, too.
            let _ = file.set_len(0);
            let _ = file.rewind();
            let _ = writeln!(file, "{who}");
            Ok(None)
        }
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let _ = file.rewind().and_then(|()| file.read_to_string(&mut holder));
            Ok(Some(holder.trim().to_owned()))
        }
        Err(TryLockError::Error(e)) => Err(e),
    }
}
