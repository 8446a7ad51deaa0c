//! A line to a node: bytes there, bytes back, and a clock. SSH and serial lines implement it.

#[cfg(feature = "ssh")]
pub(super) mod known_hosts;
pub mod serial;
#[cfg(feature = "ssh")]
pub mod ssh;

use std::io::Write;
use std::time::Duration;

use super::error::ConsoleError;

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

/// Where a transcript goes.
pub type Transcript = Box<dyn Write + Send>;

/// Writes down every byte that another console sends and receives, secrets as stars.
pub struct Recorded {
    inner: Box<dyn Console>,
    transcript: Option<Transcript>,
}

impl Recorded {
    /// Records into `transcript`, and into the log at its finest level.
    pub fn new(inner: Box<dyn Console>, transcript: Option<Transcript>) -> Self {
        Recorded { inner, transcript }
    }

    fn write(&mut self, direction: &str, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        tracing::trace!("{} {direction} {:?}", self.inner.node(), text);
        if let Some(transcript) = &mut self.transcript {
            // A transcript that cannot be written does not stop the run; the journal is what counts.
            let _ = writeln!(transcript, "{:10.3} {direction} {text:?}", self.inner.elapsed().as_secs_f64());
        }
    }
}

impl Console for Recorded {
    fn node(&self) -> &str {
        self.inner.node()
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), ConsoleError> {
        self.write(">", bytes);
        self.inner.send(bytes)
    }

    fn send_secret(&mut self, bytes: &[u8]) -> Result<(), ConsoleError> {
        self.write(">", b"********");
        self.inner.send_secret(bytes)
    }

    fn receive(&mut self, patience: Duration) -> Result<Vec<u8>, ConsoleError> {
        let bytes = self.inner.receive(patience)?;
        if !bytes.is_empty() {
            self.write("<", &bytes);
        }
        Ok(bytes)
    }

    fn elapsed(&self) -> Duration {
        self.inner.elapsed()
    }
}
