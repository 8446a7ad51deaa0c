//! Where PINs come from. A PIN is never an argument.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::Deserialize;

/// Where the PIN comes from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum PinSource {
    /// Asked for on the terminal, without echo.
    Prompt,
    /// The named environment variable.
    Env(String),
    /// The first line of a file.
    File(PathBuf),
    /// The first line of an open file descriptor.
    Fd(u32),
    /// Typed on the reader itself (CKF_PROTECTED_AUTHENTICATION_PATH).
    PinPad,
}

/// A PIN source that is not one. Does not repeat the text: somebody may have typed the PIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a PIN source: it is prompt, env:VAR, file:PATH, fd:N or pinpad (never the PIN itself)")]
pub struct NotAPinSource;

impl FromStr for PinSource {
    type Err = NotAPinSource;

    fn from_str(text: &str) -> Result<Self, NotAPinSource> {
        match text.split_once(':') {
            None if text == "prompt" => Ok(PinSource::Prompt),
            None if text == "pinpad" => Ok(PinSource::PinPad),
            Some(("env", var)) if !var.is_empty() => Ok(PinSource::Env(var.to_owned())),
            Some(("file", path)) if !path.is_empty() => Ok(PinSource::File(PathBuf::from(path))),
            Some(("fd", n)) => n.parse().map(PinSource::Fd).map_err(|_| NotAPinSource),
            _ => Err(NotAPinSource),
        }
    }
}

impl TryFrom<String> for PinSource {
    type Error = NotAPinSource;

    fn try_from(text: String) -> Result<Self, NotAPinSource> {
        text.parse()
    }
}

impl fmt::Display for PinSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PinSource::Prompt => f.write_str("prompt"),
            PinSource::Env(var) => write!(f, "env:{var}"),
            PinSource::File(path) => write!(f, "file:{}", path.display()),
            PinSource::Fd(n) => write!(f, "fd:{n}"),
            PinSource::PinPad => f.write_str("pinpad"),
        }
    }
}
