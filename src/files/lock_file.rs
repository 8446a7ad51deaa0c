//! Lock files: one process at a time holds the lock, and writes into the file who it is.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};

/// Locks an open file and writes `who` into it. If another process holds the lock, returns who (empty if not known). Closing
/// the file releases the lock. An error where the file system has no locks.
pub fn try_lock_file(file: &mut File, who: &str) -> io::Result<Option<String>> {
    match file.try_lock() {
        Ok(()) => {
            // Only for messages. A process that locks repeatedly (a watch) writes once, to spare the disk.
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

/// The longest name of a lock holder that is read, in bytes.
const LONGEST: u64 = 4096;

/// The lock holder that the file names; empty if there is none or it cannot be read.
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let _ = file.rewind().and_then(|()| file.take(LONGEST).read_to_string(&mut text));
    text.trim().to_owned()
}
