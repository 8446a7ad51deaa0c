//! An open file descriptor that a secret is read from.
//!
//! It is duplicated and not opened anew by its name: a regular file that is opened anew begins at its first line again, and
//! two secrets of one descriptor would be the same.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use unix::{named_by, open};
#[cfg(windows)]
pub use windows::{named_by, open};
