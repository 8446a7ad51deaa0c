//! Descriptors by their numbers.
#![allow(unsafe_code, reason = "a descriptor that the caller names by its number is borrowed")]

use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;

/// The descriptor as a file. It shares the read position: what was read once is not read again.
pub fn open(number: u32) -> io::Result<File> {
    let not_open = || io::Error::from(rustix::io::Errno::BADF);
    let number = i32::try_from(number).map_err(|_| not_open())?;
    // SAFETY: the number is not -1. It is borrowed only for the call that duplicates it. If it is not open, that call returns
    // EBADF; no other descriptor is closed or read.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    Ok(File::from(rustix::io::fcntl_dupfd_cloexec(borrowed, 3)?))
}

/// The number of the descriptor that a path stands for (`/dev/fd/3`).
pub fn named_by(path: &Path) -> Option<u32> {
    if path == Path::new("/dev/stdin") {
        return Some(0);
    }
    let folders = ["/dev/fd", "/proc/self/fd", "/proc/thread-self/fd"];
    let rest = folders.iter().find_map(|folder| path.strip_prefix(folder).ok())?;
    rest.to_str()?.parse().ok()
}
