//! Asks for PINs and passwords, and says why a source has none.

use std::io;

use zeroize::Zeroizing;

use super::{CommandError, ErrorKind, Ui, interrupt, printable};
use crate::system::{access, terminal};
use crate::token::PinKind;
use crate::ui::pin_option;
use crate::ui::without_progress;
use crate::workflow::OperatorError;
pub use crate::workflow::PinSource;

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

/// Checks that two secrets come from two places.
pub fn two_places(one: &PinSource, other: &PinSource) -> Result<(), CommandError> {
    let PinSource::File(path) = one else { return Ok(()) };
    if !one.is_same_file(other) {
        return Ok(());
    }
    let what = format!("a file contains only one secret: {} is given for two", path.display());
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
    let Secret { what, of, kind, elsewhere, may_be_empty } = secret;
    let failed = |message: String| {
        CommandError::new(*kind, message).detail("", format!("no {what} was tried, nothing was written"))
    };
    if let PinSource::File(path) = source
        && access::others_may_read(path)
    {
        ui.warn(&format!("{} can be read by others: {}", path.display(), access::how_to_make_private(path)));
    }
    let text = match source.read(what).map_err(|e| failed(e.to_string()).caused_by_sources(&e))? {
        Some(text) => text,
        None if *source == PinSource::PinPad => {
            return Err(failed(format!("there is no {what} on a PIN pad")));
        }
        None => {
            // Without this, a signal would end the program with the echo turned off.
            interrupt::listen()?;
            let _terminal = terminal::without_echo();
            let prompt = ui.prompt(&printable(&format!("{what} for {of}:")));
            let typed = without_progress(|| rpassword::prompt_password(prompt));
            Zeroizing::new(typed.map_err(|e| {
                match e.kind() {
                    // Ctrl-C reaches the prompt as a character, or the process as a signal, whichever is first.
                    io::ErrorKind::Interrupted => OperatorError::interrupted().into(),
                    _ => failed(format!("the {what} for {of} cannot be asked for: there is no terminal"))
                        .caused_by(&e)
                        .hint(*elsewhere),
                }
            })?)
        }
    };
    if text.is_empty() && !may_be_empty {
        return Err(failed(format!("the {what} for {of} is empty")));
    }
    Ok(text)
}
