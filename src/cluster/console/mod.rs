//! A connection to a node that sends and receives bytes, with a clock. SSH and serial lines implement it.

mod attach;
#[cfg(feature = "ssh")]
pub(super) mod known_hosts;
pub mod serial;
#[cfg(feature = "ssh")]
pub mod ssh;

pub(crate) use attach::attach;

use std::io::Write;
use std::time::Duration;

use super::error::ConsoleError;

/// A console. Blocking, one command at a time.
pub trait Console {
    /// The node, for messages.
    fn node(&self) -> &str;

    /// Sends all of the bytes.
    fn send(&mut self, bytes: &[u8]) -> Result<(), ConsoleError>;

    /// Sends a secret: a password. A transcript contains stars instead.
    fn send_secret(&mut self, bytes: &[u8]) -> Result<(), ConsoleError> {
        self.send(bytes)
    }

    /// Waits at most `patience` for bytes. Returns an empty answer if none arrive in that time; a closed connection is an
    /// error.
    fn receive(&mut self, patience: Duration) -> Result<Vec<u8>, ConsoleError>;

    /// The time since the console was opened.
    fn elapsed(&self) -> Duration;
}

/// The file of a transcript.
pub type Transcript = Box<dyn Write + Send>;

/// Records every byte that another console sends and receives, with stars for secrets.
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
            // An error of the transcript does not stop the run: only the journal is essential.
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
