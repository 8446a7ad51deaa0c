//! The journal of a run that signs, as the command line keeps it.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::super::error::{CommandError, ErrorKind};
use crate::files::{self, OnExisting};
use crate::token::{Sast, TokenSigner};
use crate::trustlist::digest;
use crate::workflow::journal::{Event, Journal, Outcome, TokenSeal, VerifiedJournal, signature_beside};

/// A journal that is being kept.
pub struct RunLog {
    journal: Journal,
}

impl RunLog {
    /// Begins the journal of a command, and names the token that signs.
    pub fn begin(folder: Option<&Path>, what: &str, sast: &Sast) -> Result<Self, CommandError> {
        let mut log = Self::create(folder, what)?;
        log.note(token_line(sast))?;
        log.sync()?;
        Ok(log)
    }

    /// Goes on with a journal that was cut off.
    pub fn reopen(path: &Path) -> Result<(Self, VerifiedJournal), CommandError> {
        let (journal, verified) = Journal::reopen(path)?;
        Ok((RunLog { journal }, verified))
    }

    /// Begins the journal of a run whose token comes later.
    pub fn begin_run(folder: Option<&Path>, what: &str) -> Result<Self, CommandError> {
        let log = Self::create(folder, what)?;
        log.sync()?;
        Ok(log)
    }

    fn create(folder: Option<&Path>, what: &str) -> Result<Self, CommandError> {
        let folder = match folder {
            Some(folder) => folder.to_owned(),
            None => state_folder()?,
        };
        let mut log = RunLog { journal: Journal::create(&folder, what, &time_now())? };
        log.note(Event::Start {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            command: std::env::args_os().map(|a| a.to_string_lossy().into_owned()).collect(),
            operator: operator(),
            host: host(),
        })?;
        Ok(log)
    }

    /// Names the token that signs.
    pub fn token(&mut self, sast: &Sast) -> Result<(), CommandError> {
        self.add(token_line(sast))
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        self.journal.path()
    }

    /// Adds a line.
    pub fn add(&mut self, event: Event) -> Result<(), CommandError> {
        Ok(self.journal.add(&time_now(), event)?)
    }

    /// Adds a line that only `sync` makes last: for lines that belong together.
    pub fn note(&mut self, event: Event) -> Result<(), CommandError> {
        Ok(self.journal.note(&time_now(), event)?)
    }

    /// Waits until the lines are on the disk.
    pub fn sync(&self) -> Result<(), CommandError> {
        Ok(self.journal.sync()?)
    }

    /// Signs the lines so far; what was written before stays.
    pub fn sign(&self, signer: &mut TokenSigner<'_>) -> Result<(), CommandError> {
        let unsigned = |e: CommandError| e.detail("", "the files were written; the journal is not signed");
        let text = self.journal.signature(signer).map_err(|e| unsigned(e.into()))?;
        let path = signature_beside(self.path());
        files::write_new(&path, text.as_bytes(), OnExisting::Replace).map_err(|e| unsigned(e.into()))?;
        Ok(())
    }

    /// The last line, and where the journal lies.
    pub fn end<T>(&mut self, result: &Result<T, CommandError>) -> Result<PathBuf, CommandError> {
        let (outcome, says) = match result {
            Ok(_) => (Outcome::Done, "everything was written".to_owned()),
            Err(e) if e.kind() == ErrorKind::Interrupted => (Outcome::Interrupted, e.message().to_owned()),
            Err(e) => (Outcome::Failed, e.message().to_owned()),
        };
        self.add(Event::End { outcome, says })?;
        Ok(self.path().to_owned())
    }
}

fn token_line(sast: &Sast) -> Event {
    Event::Token(TokenSeal {
        label: sast.token().label().to_owned(),
        serial: sast.token().serial().to_owned(),
        name: sast.certificate().sast_name(),
        certificate_sha256: digest::hex(&sast.certificate().sha256(), ""),
    })
}

/// `$XDG_STATE_HOME/sastctl`, else `~/.local/state/sastctl`.
pub fn state_folder() -> Result<PathBuf, CommandError> {
    let from = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    from("XDG_STATE_HOME")
        .or_else(|| from("HOME").map(|home| home.join(".local/state")))
        .map(|state| state.join("sastctl"))
        .ok_or_else(|| {
            CommandError::new(ErrorKind::Usage, "there is no folder for the journal: HOME is not set")
                .hint("name one: --journal DIR")
        })
}

/// RFC 3339 in UTC, whole seconds.
fn time_now() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `process 4711 of operator (uid 1000) on desk`
pub fn who() -> String {
    format!("process {} of {} on {}", std::process::id(), operator(), host())
}

fn operator() -> String {
    let name = ["SUDO_USER", "LOGNAME", "USER", "USERNAME"].iter().find_map(|v| std::env::var(v).ok());
    let name = name.filter(|n| !n.is_empty()).unwrap_or_else(|| "unknown".to_owned());
    #[cfg(unix)]
    let name = format!("{name} (uid {})", rustix::process::getuid().as_raw());
    name
}

fn host() -> String {
    #[cfg(unix)]
    return rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(not(unix))]
    std::env::var("COMPUTERNAME").unwrap_or_else(|_| "unknown".to_owned())
}
