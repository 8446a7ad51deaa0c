//! Standard input is the only descriptor that a program inherits from another.

use std::fs::File;
use std::io;
use std::os::windows::io::AsHandle as _;
use std::path::Path;

/// Standard input as a file that shares the read position. Other descriptors have no numbers on Windows.
pub fn open(number: u32) -> io::Result<File> {
    match number {
        0 => Ok(File::from(io::stdin().as_handle().try_clone_to_owned()?)),
        _ => Err(io::Error::from(io::ErrorKind::Unsupported)),
    }
}

/// On Windows no path stands for a descriptor.
pub fn named_by(_: &Path) -> Option<u32> {
    None
}
