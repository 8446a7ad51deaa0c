//! The mode of the console's input.
#![allow(unsafe_code, reason = "calls of the system's C interface")]

use std::fs::File;
use std::io;
use std::os::windows::io::AsRawHandle as _;
use std::time::Duration;

use windows_sys::Win32::System::Console::{ENABLE_ECHO_INPUT, GetConsoleMode, SetConsoleMode};
use windows_sys::Win32::System::Threading::WaitForSingleObject;

/// A saved state of the console.
pub struct State(u32);

/// The state now; `None` without a console.
pub fn state() -> Option<State> {
    let console = console()?;
    let mut mode = 0;
    // SAFETY: the handle is open, and the number is written to once.
    let done = unsafe { GetConsoleMode(console.as_raw_handle(), &raw mut mode) };
    (done != 0).then_some(State(mode))
}

/// Waits until there is input, or for some time. A program whose console is closed is ended by the system.
pub fn wait_for_keys(patience: Duration) -> io::Result<()> {
    let console = console().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "there is no console"))?;
    let millis = u32::try_from(patience.as_millis()).unwrap_or(u32::MAX);
    // SAFETY: the handle is open.
    unsafe { WaitForSingleObject(console.as_raw_handle(), millis) };
    Ok(())
}

impl State {
    /// The same, but what is typed does not appear.
    pub fn without_echo(self) -> Self {
        State(self.0 & !ENABLE_ECHO_INPUT)
    }

    /// Restores it.
    pub fn restore(&self) {
        if let Some(console) = console() {
            // SAFETY: the handle is open.
            unsafe { SetConsoleMode(console.as_raw_handle(), self.0) };
        }
    }
}

fn console() -> Option<File> {
    File::options().read(true).write(true).open("CONIN$").ok()
}
