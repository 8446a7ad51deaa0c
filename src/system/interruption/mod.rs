//! Requests to end: Ctrl-C and SIGTERM on Unix; Ctrl-C, Ctrl-Break, a closed console and log-off on Windows.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use unix::{ignored, listen};
#[cfg(windows)]
pub use windows::listen;
