//! A line to a node: bytes there, bytes back, and a clock. SSH and serial lines stand behind it.

#[cfg(feature = "ssh")]
mod known_hosts;
mod recorded;
pub mod serial;
#[cfg(feature = "ssh")]
pub mod ssh;

use std::time::Duration;

use super::error::ConsoleError;

pub use recorded::{Recorded, Transcript};

/// A console. Blocking, one command at a time.
pub trait Console {
    /// The node, for messages.
    fn node(&self) -> &str;

    /// Sends all of the bytes.
    fn send(&mut self, bytes: &[u8]) -> Result<(), ConsoleError>;

    /// Sends bytes that nobody may see: a password. Recorders write stars instead.
    fn send_secret(&mut self, bytes: &[u8]) -> Result<(), ConsoleError> {
        self.send(bytes)
    }

    /// Waits at most `patience` for bytes. Nothing within that time is an empty answer; the end is an error.
    fn receive(&mut self, patience: Duration) -> Result<Vec<u8>, ConsoleError>;

    /// Time since the console was opened, by its own clock.
    fn elapsed(&self) -> Duration;
}

impl<C: Console + ?Sized> Console for Box<C> {
    fn node(&self) -> &str {
        (**self).node()
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), ConsoleError> {
        (**self).send(bytes)
    }

    fn send_secret(&mut self, bytes: &[u8]) -> Result<(), ConsoleError> {
        (**self).send_secret(bytes)
    }

    fn receive(&mut self, patience: Duration) -> Result<Vec<u8>, ConsoleError> {
        (**self).receive(patience)
    }

    fn elapsed(&self) -> Duration {
        (**self).elapsed()
    }
}
