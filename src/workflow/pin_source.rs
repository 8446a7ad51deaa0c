//! Where PINs and passwords come from. None is ever an argument.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::PathBuf;

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::files;
use crate::system::descriptor;

/// The most bytes that are read; longer than any PIN.
const MAX_PIN_BYTES: usize = 4096;

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
    /// The next line of an open file descriptor.
    Fd(u32),
    /// Typed on the reader itself (CKF_PROTECTED_AUTHENTICATION_PATH).
    PinPad,
}

/// An invalid PIN source. Does not repeat the text: it may be the PIN itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a PIN source: use prompt, env:VAR, file:PATH, fd:N or pinpad (never the PIN itself)")]
pub struct NotAPinSource;

impl TryFrom<String> for PinSource {
    type Error = NotAPinSource;

    fn try_from(text: String) -> Result<Self, NotAPinSource> {
        match text.split_once(':') {
            None if text == "prompt" => Ok(PinSource::Prompt),
            None if text == "pinpad" => Ok(PinSource::PinPad),
            Some(("env", var)) if !var.is_empty() => Ok(PinSource::Env(var.to_owned())),
            Some(("file", path)) if !path.is_empty() => {
                let path = PathBuf::from(path);
                Ok(descriptor::named_by(&path).map_or_else(|| PinSource::File(path), PinSource::Fd))
            }
            Some(("fd", n)) => n.parse().map(PinSource::Fd).map_err(|_| NotAPinSource),
            _ => Err(NotAPinSource),
        }
    }
}

impl PinSource {
    /// The default source of a PIN: the PIN pad if the reader has one, else a prompt.
    pub fn of_reader(has_pin_pad: bool) -> Self {
        if has_pin_pad { PinSource::PinPad } else { PinSource::Prompt }
    }

    /// Whether both are one file. A file has one secret, in its first line; a descriptor has one in each line.
    pub fn is_same_file(&self, other: &PinSource) -> bool {
        let (PinSource::File(one), PinSource::File(other)) = (self, other) else { return false };
        files::resolve(one) == files::resolve(other)
    }

    /// Reads the secret, which errors call `what`; `None` if somebody types it. Every buffer it passes through is zeroized.
    pub fn read(&self, what: &str) -> Result<Option<Zeroizing<String>>, NotRead> {
        let what = what.to_owned();
        let text = match self {
            PinSource::Prompt | PinSource::PinPad => return Ok(None),
            PinSource::Env(name) => std::env::var(name)
                .map(Zeroizing::new)
                .map_err(|_| NotRead::Variable { what, name: name.clone() })?,
            PinSource::File(path) => File::open(path)
                .and_then(first_line)
                .map_err(|source| NotRead::File { what, path: path.clone(), source })?,
            PinSource::Fd(number) => descriptor::open(*number)
                .and_then(first_line)
                .map_err(|source| NotRead::Descriptor { what, number: *number, source })?,
        };
        // Some editors write a byte order mark before the text; no PIN begins with one.
        Ok(Some(Zeroizing::new(text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned())))
    }
}

/// Why a source gave no secret.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the words say what each is")]
pub enum NotRead {
    #[error("there is no {what} in the environment variable {name}")]
    Variable { what: String, name: String },
    #[error("the {what} file {} cannot be read", path.display())]
    File { what: String, path: PathBuf, source: io::Error },
    #[error("the {what} cannot be read from file descriptor {number}")]
    Descriptor { what: String, number: u32, source: io::Error },
}

/// The first line, without its end.
fn first_line(file: File) -> io::Result<Zeroizing<String>> {
    // Allocated in full size, because growing it would leave a copy in memory.
    let mut line = Zeroizing::new(Vec::with_capacity(MAX_PIN_BYTES));
    let mut reader = BufReader::with_capacity(1, io::Read::take(file, MAX_PIN_BYTES as u64));
    reader.read_until(b'\n', &mut line)?;
    while matches!(line.last(), Some(b'\n' | b'\r')) {
        line.pop();
    }
    let not_text = |_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text");
    Ok(Zeroizing::new(std::str::from_utf8(&line).map_err(not_text)?.to_owned()))
}
