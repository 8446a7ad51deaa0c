//! The standard input is the one descriptor that programs give each other.

use std::fs::File;
use std::io;
use std::os::windows::io::AsHandle as _;
use std::path::Path;

/// Standard input as a file with a place of reading in common; others have no numbers here.
pub fn open(number: u32) -> io::Result<File> {
    match number {
        0 => Ok(File::from(io::stdin().as_handle().try_clone_to_owned()?)),
        _ => Err(io::Error::from(io::ErrorKind::Unsupported)),
    }
}

/// No path is another name of a descriptor.
pub fn named_by(_: &Path) -> Option<u32> {
    None
}
