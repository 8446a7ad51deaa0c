//! The state of the terminal: a prompt for a secret turns its echo off.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::sync::Mutex;

#[cfg(unix)]
pub use unix::wait_for_keys;
#[cfg(unix)]
use unix::{State, state};
#[cfg(windows)]
pub use windows::wait_for_keys;
#[cfg(windows)]
use windows::{State, state};

/// The state before the echo was turned off.
static SAVED: Mutex<Option<State>> = Mutex::new(None);

/// Restores the terminal when it is dropped.
pub struct Saved {
    /// Another one saved the state before, and keeps it.
    is_inner: bool,
}

/// Saves the state of the terminal.
pub fn remember() -> Saved {
    let Ok(mut saved) = SAVED.lock() else { return Saved { is_inner: true } };
    let is_inner = saved.is_some();
    *saved = saved.take().or_else(state);
    Saved { is_inner }
}

/// Saves the state of the terminal and turns its echo off: before a prompt appears, since somebody may type at once.
pub fn without_echo() -> Saved {
    let saved = remember();
    if let Some(state) = state() {
        state.without_echo().restore();
    }
    saved
}

impl Drop for Saved {
    fn drop(&mut self) {
        restore();
        if let Ok(mut saved) = SAVED.lock()
            && !self.is_inner
        {
            *saved = None;
        }
    }
}

/// Restores the saved state, if there is one: another thread may end the program during a prompt.
pub fn restore() {
    if let Ok(saved) = SAVED.lock()
        && let Some(state) = saved.as_ref()
    {
        state.restore();
    }
}
