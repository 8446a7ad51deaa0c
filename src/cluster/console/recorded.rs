//! A console whose every byte is written down, secrets as stars.

use std::io::Write;
use std::time::Duration;

use super::Console;
use crate::cluster::error::ConsoleError;

/// Where a transcript goes.
pub type Transcript = Box<dyn Write + Send>;

/// Writes down what another console sends and receives.
pub struct Recorded<C> {
    inner: C,
    transcript: Option<Transcript>,
}

impl<C: Console> Recorded<C> {
    /// Records into `transcript`, and into the log at its finest level.
    pub fn new(inner: C, transcript: Option<Transcript>) -> Self {
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

impl<C: Console> Console for Recorded<C> {
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
