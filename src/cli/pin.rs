//! Where PINs come from. A PIN is never an argument.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use zeroize::Zeroizing;

use super::error::pin_option;
use super::{CommandError, ErrorKind, Ui, interrupt, printable};
use crate::files;
use crate::system::{access, descriptor};
use crate::token::PinKind;

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

impl PinSource {
    /// The default source of a PIN: the PIN pad if the reader has one, else a prompt.
    pub fn of_reader(has_pin_pad: bool) -> Self {
        if has_pin_pad { PinSource::PinPad } else { PinSource::Prompt }
    }
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
            Some(("file", path)) if !path.is_empty() => Ok(PinSource::File(PathBuf::from(path))),
            Some(("fd", n)) => n.parse().map(PinSource::Fd).map_err(|_| NotAPinSource),
            _ => Err(NotAPinSource),
        }
    }
}

/// Reads a PIN of a token. At a terminal a new PIN is asked for twice.
pub fn of_token(
    source: &PinSource,
    which: PinKind,
    token: &str,
    is_new: bool,
    ui: &Ui,
) -> Result<Zeroizing<String>, CommandError> {
    let what = match which {
        PinKind::User => "PIN",
        PinKind::New => "new PIN",
        PinKind::Administrator => "administrator (SO) PIN",
    };
    let elsewhere = &format!("give its source: {} env:VAR, file:PATH or fd:N", pin_option(which));
    let asked = |what| Secret { what, of: token, kind: ErrorKind::Token, elsewhere, may_be_empty: false };
    let text = secret(source, &asked(what), ui)?;
    if is_new && *source == PinSource::Prompt && *secret(source, &asked("the same again"), ui)? != *text {
        return Err(CommandError::new(ErrorKind::Token, "the two entries differ")
            .detail("", "no PIN was tried, nothing was changed"));
    }
    Ok(text)
}

/// Checks that two secrets come from two places. A file has one secret, in its first line; a descriptor has one in each line.
pub fn two_places(one: &PinSource, other: &PinSource) -> Result<(), CommandError> {
    let (PinSource::File(one), PinSource::File(other)) = (one, other) else { return Ok(()) };
    if descriptor::named_by(one).is_some() || files::resolve(one) != files::resolve(other) {
        return Ok(());
    }
    let what = format!("a file contains only one secret: {} is given for two", one.display());
    Err(CommandError::usage(what)
        .detail("", "no PIN was tried, nothing was changed")
        .hint("give two files, or fd:N for both: each secret is the next line of the descriptor"))
}

/// Reads a password, which cannot be typed on a PIN pad. `elsewhere`: what to do if nobody can be asked.
pub fn password(
    source: &PinSource,
    of: &str,
    elsewhere: &str,
    ui: &Ui,
) -> Result<Zeroizing<String>, CommandError> {
    let kind = ErrorKind::Network;
    secret(source, &Secret { what: "password", of, kind, elsewhere, may_be_empty: false }, ui)
}

/// Asks for the PIN of a token where the cursor stands; empty is the way back.
pub fn typed(token: &str, ui: &Ui) -> Result<Zeroizing<String>, CommandError> {
    let (kind, elsewhere) = (ErrorKind::Token, "");
    secret(&PinSource::Prompt, &Secret { what: "PIN", of: token, kind, elsewhere, may_be_empty: true }, ui)
}

/// What is asked for, as messages name it.
struct Secret<'a> {
    what: &'a str,
    of: &'a str,
    kind: ErrorKind,
    /// What to do if nobody can be asked.
    elsewhere: &'a str,
    may_be_empty: bool,
}

fn secret(source: &PinSource, secret: &Secret<'_>, ui: &Ui) -> Result<Zeroizing<String>, CommandError> {
    let Secret { what, of, kind, elsewhere, .. } = secret;
    let failed = |message: String| {
        CommandError::new(*kind, message).detail("", format!("no {what} was tried, nothing was written"))
    };
    let read = |file: io::Result<File>, not_read: String| {
        file.and_then(first_line).map_err(|e| failed(not_read).caused_by(&e))
    };
    let text = match source {
        PinSource::PinPad => return Err(failed(format!("there is no {what} on a PIN pad"))),
        PinSource::Prompt => {
            // Without this, a signal would end the program with the echo turned off.
            interrupt::listen()?;
            let _terminal = interrupt::Terminal::remember();
            let typed = rpassword::prompt_password(ui.prompt(&printable(&format!("{what} for {of}:"))));
            Zeroizing::new(typed.map_err(|e| {
                match e.kind() {
                    // Ctrl-C reaches the prompt as a character, or the process as a signal, whichever is first.
                    io::ErrorKind::Interrupted => interrupt::interrupted().into(),
                    _ => failed(format!("the {what} for {of} cannot be asked for: there is no terminal"))
                        .caused_by(&e)
                        .hint(*elsewhere),
                }
            })?)
        }
        PinSource::Env(var) => {
            let not_there = |_| failed(format!("there is no {what} in the environment variable {var}"));
            Zeroizing::new(std::env::var(var).map_err(not_there)?)
        }
        PinSource::File(path) if let Some(number) = descriptor::named_by(path) => {
            return self::secret(&PinSource::Fd(number), secret, ui);
        }
        PinSource::File(path) => {
            warn_if_others_read(path, ui);
            read(File::open(path), format!("the {what} file {} cannot be read", path.display()))?
        }
        PinSource::Fd(number) => {
            let file = descriptor::open(*number);
            read(file, format!("the {what} cannot be read from file descriptor {number}"))?
        }
    };
    // Some editors write a byte order mark before the text; no PIN begins with one.
    let text = match text.strip_prefix('\u{feff}') {
        Some(text) => Zeroizing::new(text.to_owned()),
        None => text,
    };
    if text.is_empty() && !secret.may_be_empty {
        return Err(failed(format!("the {what} for {of} is empty")));
    }
    Ok(text)
}

/// The first line, without its end. Every buffer it passes through is zeroized.
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

fn warn_if_others_read(path: &Path, ui: &Ui) {
    if access::others_may_read(path) {
        ui.warn(&format!("{} can be read by others: {}", path.display(), access::how_to_make_private(path)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_source_is_one_of_five_and_never_the_pin() {
        let parse = |text: &str| PinSource::try_from(text.to_owned());
        assert_eq!(parse("prompt").unwrap(), PinSource::Prompt);
        assert_eq!(parse("pinpad").unwrap(), PinSource::PinPad);
        assert_eq!(parse("env:PIN").unwrap(), PinSource::Env("PIN".to_owned()));
        assert_eq!(parse("file:/run/pin").unwrap(), PinSource::File("/run/pin".into()));
        assert_eq!(parse("fd:3").unwrap(), PinSource::Fd(3));
        for text in ["Cisco123", "env:", "file:", "fd:x", "fd:", ""] {
            let error = parse(text).unwrap_err().to_string();
            assert!(!error.contains("Cisco123"), "{error}");
        }
    }
}
