//! The ledger: which requests were signed here, and which answers were used. A line for each: what, serial number, digest, time.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::error::ExchangeError;
use crate::files;
use crate::system::{access, folders};
use crate::workflow::WorkError;

/// The largest ledger, in bytes: about 500,000 requests.
const LARGEST: u64 = 64 * 1024 * 1024;

/// What was done with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    Signed,
    Applied,
}

/// What a ledger says about requests of one kind: a file, which need not exist yet. Lines are only ever added to it.
pub struct Ledger {
    path: PathBuf,
    done: Done,
    /// So many bytes of the file were read.
    read: u64,
    /// When it was done, by serial number.
    entries: HashMap<String, String>,
}

impl Ledger {
    /// Reads this file; by default the one next to the journals.
    pub fn open(path: Option<&Path>, done: Done) -> Result<Self, WorkError> {
        let usual = || folders::state().map(|folder| folder.join("requests.ledger"));
        let path = path.map(Path::to_owned).or_else(usual).ok_or(ExchangeError::NoLedger)?;
        files::check_place(&path)?;
        let mut ledger = Ledger { path, done, read: 0, entries: HashMap::new() };
        match File::open(&ledger.path) {
            Ok(mut file) => ledger.read_on(&mut file).map_err(|e| ledger.failed(e))?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(ledger.failed(e).into()),
        }
        Ok(ledger)
    }

    /// An error if this was done before.
    pub fn check(&self, serial: &str) -> Result<(), ExchangeError> {
        let Some(when) = self.entries.get(serial).cloned() else { return Ok(()) };
        let (serial, ledger) = (serial.to_owned(), self.path.clone());
        Err(match self.done {
            Done::Signed => ExchangeError::SignedBefore { serial, when, ledger },
            Done::Applied => ExchangeError::AppliedBefore { serial, when, ledger },
        })
    }

    /// Adds that it is done, for each serial number with its digest; an error for one of which it was done before. One process
    /// does this at a time. All lines are on the disk when this returns.
    pub fn enter(&mut self, requests: &[(&str, &str)]) -> Result<Vec<Result<(), ExchangeError>>, WorkError> {
        let folder = files::folder_of(&self.path).to_owned();
        access::make_private_folder(&folder).map_err(|e| self.failed(e))?;
        files::check_place(&self.path)?;
        let entered = self.enter_in(requests, &folder);
        entered.map_err(|e| self.failed(e).into())
    }

    fn enter_in(
        &mut self,
        requests: &[(&str, &str)],
        folder: &Path,
    ) -> io::Result<Vec<Result<(), ExchangeError>>> {
        let is_new = !self.path.exists();
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = access::private_file(&mut options).open(&self.path)?;
        // Closing the file releases the lock.
        file.lock()?;
        self.read_on(&mut file)?;
        let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default().to_string();
        let mut lines = String::new();
        let entered = requests
            .iter()
            .map(|(serial, digest)| {
                self.check(serial)?;
                lines.push_str(&format!("{} {serial} {digest} {now}\n", self.done.word()));
                self.entries.insert((*serial).to_owned(), now.clone());
                Ok(())
            })
            .collect();
        // A line that a power cut left without its end is removed: nothing was signed for it.
        file.set_len(self.read)?;
        file.seek(SeekFrom::Start(self.read))?;
        let written = file.write_all(lines.as_bytes()).and_then(|()| file.sync_data());
        if let Err(e) = written {
            let _ = file.set_len(self.read);
            return Err(e);
        }
        self.read = self.read.saturating_add(lines.len() as u64);
        if is_new {
            access::sync_folder(folder)?;
        }
        Ok(entered)
    }

    /// Reads the whole lines that were added since.
    fn read_on(&mut self, file: &mut File) -> io::Result<()> {
        let len = file.metadata()?.len();
        if len < self.read {
            self.read = 0;
        }
        if len > LARGEST {
            return Err(io::Error::other(format!("it has more than {LARGEST} bytes")));
        }
        let mut text = Vec::new();
        file.seek(SeekFrom::Start(self.read))?;
        file.take(LARGEST).read_to_end(&mut text)?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at.saturating_add(1));
        let text = std::str::from_utf8(text.get(..whole).unwrap_or_default())
            .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
        for line in text.lines() {
            let mut words = line.split(' ');
            if let (Some(what), Some(serial), Some(_), Some(when)) =
                (words.next(), words.next(), words.next(), words.next())
                && what == self.done.word()
            {
                self.entries.entry(serial.to_owned()).or_insert_with(|| when.to_owned());
            }
        }
        self.read = self.read.saturating_add(whole as u64);
        Ok(())
    }

    fn failed(&self, source: io::Error) -> ExchangeError {
        ExchangeError::Ledger { path: self.path.clone(), source }
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
