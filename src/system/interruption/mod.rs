//! Requests to end: Ctrl-C and SIGTERM on Unix; Ctrl-C, Ctrl-Break, a closed console and log-off on Windows.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use unix::{ignored, listen};
#[cfg(windows)]
pub use windows::listen;

/// What is requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// By a key: every program on the terminal gets it.
    CtrlC,
    /// By another program, by the system, or because the terminal is gone.
    End,
}
