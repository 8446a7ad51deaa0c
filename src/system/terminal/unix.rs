//! termios(3) of the controlling terminal.

use std::fs::File;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

/// A saved state of the terminal.
pub struct State(Termios);

/// The state now; `None` without a terminal.
pub fn state() -> Option<State> {
    tcgetattr(File::open("/dev/tty").ok()?).ok().map(State)
}

impl State {
    /// Restores it.
    pub fn restore(&self) {
        if let Ok(tty) = File::open("/dev/tty") {
            let _ = tcsetattr(&tty, OptionalActions::Now, &self.0);
        }
    }
}
