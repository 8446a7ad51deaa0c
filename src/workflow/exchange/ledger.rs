//! The ledger: which requests were signed here, and which answers were used. A line for each: what, serial number, digest, time.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::error::ExchangeError;
use super::request::SigningRequest;
use crate::files::{self, FileError, OnExisting};
use crate::system::{access, folders};
use crate::workflow::WorkError;

/// The largest ledger, in bytes: about 500,000 requests.
const LARGEST: usize = 64 * 1024 * 1024;

/// What was done with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    Signed,
    Applied,
}

/// A ledger: a file, which need not exist yet.
pub struct Ledger(PathBuf);

impl Ledger {
    /// In this file; by default next to the journals.
    pub fn at(path: Option<&Path>) -> Result<Self, ExchangeError> {
        let usual = || folders::state().map(|folder| folder.join("requests.ledger"));
        path.map(Path::to_owned).or_else(usual).map(Ledger).ok_or(ExchangeError::NoLedger)
    }

    /// An error if this was done before.
    pub fn check(&self, done: Done, request: &SigningRequest) -> Result<(), WorkError> {
        self.read().and_then(|text| Ok(self.check_in(&text, done, request)?))
    }

    /// Adds that it is done; an error if it was before. One process does this at a time.
    pub fn enter(&self, done: Done, request: &SigningRequest) -> Result<(), WorkError> {
        let failed = |source| ExchangeError::Ledger { path: self.0.clone(), source };
        access::make_private_folder(files::folder_of(&self.0)).map_err(failed)?;
        let mut lock = self.0.clone().into_os_string();
        lock.push(".lock");
        files::check_links(Path::new(&lock))?;
        // Closing the file releases the lock.
        let lock =
            access::private_file(File::options().write(true).create(true)).open(&lock).map_err(failed)?;
        lock.lock().map_err(failed)?;
        let mut text = self.read()?;
        self.check_in(&text, done, request)?;
        let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default();
        text.push_str(&format!("{} {} {} {now}\n", done.word(), request.serial, request.digest));
        files::write_new(&self.0, text.as_bytes(), OnExisting::Replace)?;
        Ok(())
    }

    fn read(&self) -> Result<String, WorkError> {
        match files::read_plain(&self.0, LARGEST) {
            Ok(bytes) => Ok(String::from_utf8(bytes).map_err(|e| {
                let source = io::Error::new(io::ErrorKind::InvalidData, e);
                ExchangeError::Ledger { path: self.0.clone(), source }
            })?),
            Err(FileError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Ok(String::new())
            }
            Err(e) => Err(e.into()),
        }
    }

    fn check_in(&self, text: &str, done: Done, request: &SigningRequest) -> Result<(), ExchangeError> {
        let before = text.lines().map(|line| line.split(' ').collect::<Vec<_>>()).find(|words| {
            words.first() == Some(&done.word()) && words.get(1) == Some(&request.serial.as_str())
        });
        let Some(words) = before else { return Ok(()) };
        let when = words.get(3).copied().unwrap_or_default().to_owned();
        let (serial, ledger) = (request.serial.clone(), self.0.clone());
        Err(match done {
            Done::Signed => ExchangeError::SignedBefore { serial, when, ledger },
            Done::Applied => ExchangeError::AppliedBefore { serial, when, ledger },
        })
    }
}

impl Done {
    fn word(self) -> &'static str {
        match self {
            Done::Signed => "signed",
            Done::Applied => "applied",
        }
    }
}
