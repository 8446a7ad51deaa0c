//! The configuration file: `$XDG_CONFIG_HOME/sastctl/config.toml`, on Windows `%APPDATA%\sastctl\config.toml`.

use std::io;
use std::path::PathBuf;

use serde::de::DeserializeOwned;

use crate::files::{self, FileError};
use crate::system::folders;

/// Why the configuration was not read.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error(transparent)]
    File(FileError),
    /// The line that is wrong, and why, without the value in it, which may be a PIN.
    #[error("{} is not a valid configuration file", path.display())]
    Invalid { path: PathBuf, line: usize, why: String },
}

/// Reads the configuration; without a file it is the default one.
pub fn read<T: DeserializeOwned + Default>() -> Result<T, ConfigError> {
    let Some(path) = folders::config().map(|folder| folder.join("config.toml")) else {
        return Ok(T::default());
    };
    let text = match files::read_text(&path) {
        Err(FileError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            return Ok(T::default());
        }
        text => text.map_err(ConfigError::File)?,
    };
    parse(&text).map_err(|(line, why)| ConfigError::Invalid { path, line, why })
}

/// Reads TOML; else the line that is wrong, and why, without the value in it.
pub(super) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, (usize, String)> {
    toml::from_str(text).map_err(|e| {
        let before = e.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count().saturating_add(1);
        (line, without_values(e.message()).to_owned())
    })
}

/// The error of a line without the value in it. Messages of serde that repeat a value end with what was expected instead.
fn without_values(message: &str) -> &str {
    if !["invalid ", "unknown variant"].iter().any(|of_a_value| message.starts_with(of_a_value)) {
        return message;
    }
    let expected = message.rfind(", expected ").and_then(|at| message.get(at..));
    expected.map_or("a wrong value", |end| end.trim_start_matches(", "))
}
