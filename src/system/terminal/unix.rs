//! termios(3) of the controlling terminal.

use std::fs::File;
use std::io;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// A saved state of the terminal.
pub struct State(Termios);

/// The state now; `None` without a terminal.
pub fn state() -> Option<State> {
    tcgetattr(File::open("/dev/tty").ok()?).ok().map(State)
}

/// Waits until there is input, or for some time; an error if the terminal is gone.
pub fn wait_for_keys(patience: Duration) -> io::Result<()> {
    let input = io::stdin();
    let mut input = [PollFd::new(&input, PollFlags::IN)];
    match poll(&mut input, Timespec::try_from(patience).ok().as_ref()) {
        // A signal came, as for a change of its size.
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(e) => return Err(e.into()),
    }
    let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
    if input.iter().any(|input| input.revents().intersects(gone)) {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the terminal is gone"));
    }
    Ok(())
}

impl State {
    /// The same, but what is typed does not appear.
    pub fn without_echo(mut self) -> Self {
        self.0.local_modes.remove(LocalModes::ECHO);
        self
    }

    /// Restores it.
    pub fn restore(&self) {
        if let Ok(tty) = File::open("/dev/tty") {
            let _ = tcsetattr(&tty, OptionalActions::Now, &self.0);
        }
    }
}
