//! Messages about modules, tokens and PINs, and what to do about each return code.

use super::super::next::token_option;
use super::{CommandError, ErrorKind};
use crate::system::access::HOW_TO_FORBID_WRITING;
use crate::token::{
    CertificateChoice, Ckr, LoadProblem, PinKind, PinState, RvError as R, TokenError, TokenError as E,
};

impl From<TokenError> for CommandError {
    fn from(error: TokenError) -> Self {
        let base = CommandError::new(ErrorKind::Token, error.to_string())
            .details("token", error.token().map(ToString::to_string));
        match error {
            E::UnknownProfile(name, known) => {
                base.of_kind(ErrorKind::Usage).did_you_mean(&name, known.iter().map(String::as_str))
                    .hint(format!("the profiles are {}; a profile file is given by its path", known.join(", ")))
            }
            E::BadProfile(..) => base
                .of_kind(ErrorKind::File)
                .hint("sastctl profile show safenet-etoken prints a correct one"),
            E::InsecureProfile(..) => base
                .hint(format!(
                    "remove write permission for others ({HOW_TO_FORBID_WRITING}): the profile names the library that gets \
                     the PIN"
                ))
                .hint("--allow-insecure-module uses it anyway"),
            E::NoModule { tried, unset, .. } => {
                let insecure = tried.iter().any(|(_, why)| matches!(why, LoadProblem::OthersMayWrite(_)));
                // One alone stands in the first line.
                let tried = tried.iter().filter(|_| tried.len() > 1).map(|(path, why)| format!("{}: {why}", path.display()));
                let mut base = base.details("", tried).details("not set", unset);
                if insecure {
                    base = base
                        .hint(format!("remove write permission for others: {HOW_TO_FORBID_WRITING}"))
                        .hint("--allow-insecure-module loads it anyway");
                }
                base.hint("install the HSM's client software, or name its library with --module PATH")
            }
            E::NothingInstalled(profiles) => base
                .detail("profiles", profiles.join(", "))
                .hint("install the token's software (SafeNet Authentication Client for eTokens)")
                .hint("or name its PKCS#11 library with --module PATH"),
            E::Call { code, .. } => base.hint(advice(&code)),
            E::NoToken { module, slots, blank } => {
                let slots = match (slots, blank) {
                    (0, _) => "none".to_owned(),
                    (1, 0) => "1, empty".to_owned(),
                    (1, _) => "1, blank token".to_owned(),
                    (_, 0) => format!("{slots}, all empty"),
                    _ => format!("{slots}, {blank} with a blank token"),
                };
                let init = (blank > 0).then_some("sastctl token init makes a blank token ready");
                base.detail("module", module.display().to_string())
                    .detail("slots", slots)
                    .hint("insert a token and wait for its light; then sastctl token list")
                    .hints(init.as_slice())
            }
            E::NoMatch { tokens, selector } => base
                .did_you_mean(&selector, tokens.iter().flat_map(|token| token.split(['(', ',', ')'])).map(str::trim))
                .details("there is", tokens)
                .hint("select a token by SAST name, label, serial number or pkcs11: URI"),
            E::Ambiguous(_, tokens) => {
                let base = base.details("there is", tokens.iter().map(|choice| choice.token.to_string()));
                match tokens.iter().find_map(|choice| choice.selector.as_ref()) {
                    Some(selector) => base.hint(format!("name one: {}", token_option(selector))),
                    None => base.hint("they cannot be told apart: remove all tokens except the one you mean"),
                }
            }
            E::NoCertificate(_) => {
                base.hint("check that it is the right token: sastctl token show lists its contents").hint(
                    "the certificate may be hidden until the login: select the token by its label or serial number, then commands that sign log in and search again",
                )
            }
            E::UnreadableCertificate(..) => {
                base.hint("take the token out, insert it, and try again; sastctl token show lists its contents")
            }
            E::AmbiguousCertificate { certificates, .. } => {
                let choice = |c: &CertificateChoice| match &c.selector {
                    Some(selector) => format!("{c}: {}", token_option(selector)),
                    None => format!("{c}: no selector matches only this one"),
                };
                base.details("there is", certificates.iter().map(choice)).hint(
                    match certificates.iter().any(|certificate| certificate.selector.is_some()) {
                        true => "select one as shown above",
                        false => "delete what is not needed with the token's own software",
                    },
                )
            }
            E::NoKey(..) => {
                base.hint("the certificate was copied here without its key; use the token on which the key was made")
            }
            E::CannotMakeKey { .. } => base.hint(
                "sastctl token show lists its mechanisms, sastctl profile show what is known of the module",
            ),
            E::BadKey(..) => base
                .detail("", "the new key was deleted")
                .hint("a key that can be exported is not a SAST key; use another HSM"),
            E::AlreadyThere(..) => base.hint("nothing was changed; sastctl cert list shows it"),
            E::NameOrIdTaken(..) => base
                .detail("", "no key was made and nothing was written")
                .hint("use another --name or --id; sastctl cert list shows the existing certificates"),
            E::NoMechanism(..) => base.hint("every SAST token supports --digest sha1"),
            E::NoRoomForPin { .. } => {
                base.hint("sastctl token show lists its mechanisms; another --digest may be among them")
            }
            E::PinIncorrect { which, state, .. } => base.detail("tries", tries(state)).hint(match which {
                PinKind::Administrator => {
                    "check it before you run this again; some tokens are destroyed after too many wrong administrator PINs"
                }
                _ => "check the PIN, then run the same command again. The PIN is tried once per run.",
            }),
            E::PinLocked(_, which) => base.hint(match which {
                PinKind::Administrator => "the token cannot be unlocked any more: sastctl help lost-tokens",
                _ => "sign with the other token, or set a new PIN with the administrator PIN: sastctl token unlock",
            }),
            E::OtherToken(token, _) => base
                .detail("chosen", token.to_string())
                .detail("", "no PIN was tried")
                .hint("insert the chosen token, and run the same command again"),
            E::PinStateChanged(..) => base.detail("", "no PIN was tried").hint(
                "a wrong PIN was entered in the meantime; check with sastctl token list, then run the command again",
            ),
            E::PinNotSet(_) => base.hint("set one with the administrator PIN: sastctl token unlock"),
            E::PinLength { .. } => base
                .detail("", "no try was used")
                .hint("check the PIN, then run the same command again"),
            E::PinPad(_, which) => base.hint(format!("use {} pinpad", pin_option(which))),
            E::NoPinPad(_, which) => {
                base.hint(format!("use another {}: prompt, env:VAR, file:PATH or fd:N", pin_option(which)))
            }
            E::PinRefused(..) => base.detail("", "no try was used").hint(
                "the token has rules for its PINs: use other characters or another length; sastctl token show \
                 prints the limits",
            ),
            E::SamePin(..) => base
                .detail("", "no PIN was tried, nothing was changed")
                .hint("choose another one, then run the same command again"),
            E::Label(_) => base.of_kind(ErrorKind::Usage).detail("", "nothing was deleted"),
            E::InitIncomplete(token, _) => {
                let name = if token.serial.is_empty() { &token.label } else { &token.serial };
                base.hint(format!("give it a PIN: sastctl token unlock {name}"))
            }
            E::SignatureDoesNotVerify(_, why) => base
                .detail("cause", why)
                .hint("the signature was discarded; do not use this token until you know why"),
            E::Busy { .. } => base.hint("wait for it, or end it, then run the same command again"),
        }
    }
}

/// The option that says where this PIN comes from.
pub fn pin_option(which: PinKind) -> &'static str {
    match which {
        PinKind::User => "--pin-source",
        PinKind::New => "--new-pin-source",
        PinKind::Administrator => "--so-pin-source",
    }
}

/// What the token reported about its PIN tries before this try.
fn tries(state: PinState) -> &'static str {
    match state {
        PinState::Ok => {
            "it locks for good after too many wrong PINs in a row; a correct PIN resets the count"
        }
        PinState::Low => "the token says few are left; it locks for good when they run out",
        PinState::LastTry => "that was the last one",
        PinState::Locked | PinState::NotSet | PinState::Unknown => "the token does not say how many are left",
    }
}

/// What to do about a return code.
fn advice(code: &Ckr) -> &'static str {
    let otherwise = "take the token out, insert it, and run the same command again; if the problem remains: \
        sastctl doctor";
    let Ckr::Code(code) = code else { return otherwise };
    match code {
        R::TokenNotPresent | R::DeviceRemoved | R::SessionHandleInvalid | R::SessionClosed => {
            "the token was taken out: insert it, wait for its light, and run the same command again"
        }
        R::DeviceError => "take the token out and insert it again; another program may be using it",
        R::DeviceMemory | R::HostMemory => "the token or the computer has no free memory",
        R::GeneralError | R::FunctionFailed => {
            "the module gave no reason: look in its own log, and run sastctl doctor"
        }
        R::PinExpired => "set a new PIN: sastctl token change-pin",
        R::PinLenRange => {
            "the token does not accept a PIN of this length; sastctl token show prints the limits"
        }
        R::TokenWriteProtected => "the token is write-protected: remove the protection, or use another token",
        R::FunctionCanceled | R::Cancel => "the PIN entry was cancelled on the reader",
        R::MechanismInvalid | R::MechanismParamInvalid => {
            "the token cannot sign this way; every SAST token supports --digest sha1"
        }
        R::KeyFunctionNotPermitted | R::KeyTypeInconsistent | R::KeySizeRange => {
            "the key is not allowed to sign in this way; check that it is the key of a SAST token"
        }
        R::UserAnotherAlreadyLoggedIn => {
            "a program is logged in to the token as administrator: end it, and run the command again"
        }
        R::SessionCount | R::SessionExists | R::OperationActive => {
            "end other programs that use the token, and run the same command again"
        }
        R::TokenNotRecognized => "the module does not support this kind of token; try another --profile",
        R::FunctionNotSupported => "the module cannot do this; try the software of its vendor",
        _ => otherwise,
    }
}
