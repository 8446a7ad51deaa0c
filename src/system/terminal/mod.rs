//! The state of the terminal: a prompt for a secret turns its echo off.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use unix::{State, state, wait_for_keys};
#[cfg(windows)]
pub use windows::{State, state, wait_for_keys};
