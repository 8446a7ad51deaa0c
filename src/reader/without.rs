//! PC/SC left out of the build.

use std::convert::Infallible;
use std::time::Duration;

use super::{Reader, ReaderError};

/// The readers; none without PC/SC.
pub fn readers() -> Result<Vec<Reader>, ReaderError> {
    Err(ReaderError::NotBuilt)
}

/// Waits for readers; there is none without PC/SC.
pub struct ReaderWatch(Infallible);

impl ReaderWatch {
    /// There is no service to ask.
    pub fn begin() -> Result<Self, ReaderError> {
        Err(ReaderError::NotBuilt)
    }

    /// Never called: a value of this type cannot exist.
    pub fn wait(&mut self, _: Duration) -> Result<bool, ReaderError> {
        match self.0 {}
    }
}
