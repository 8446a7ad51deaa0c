//! An open file descriptor from which a secret is read.
//!
//! The descriptor is duplicated, not opened again by name: a regular file that is opened again is read from its first line, and
//! two secrets from one descriptor would be the same.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use unix::{named_by, open};
#[cfg(windows)]
pub use windows::{named_by, open};
