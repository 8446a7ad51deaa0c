//! The state of the terminal, whose echo a prompt for a secret turns off.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use unix::{State, state};
#[cfg(windows)]
pub use windows::{State, state};
