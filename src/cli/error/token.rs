//! What is said about modules, tokens and PINs, and what to do about each return code.

use super::convert::NOTHING_WRITTEN;
use super::{CommandError, ErrorKind};
use crate::token::{LoadProblem, PinKind, PinState, Sast, TokenError, TokenName, token_option};

impl CommandError {
    /// A token that did not sign, in the words of the certificate that was to sign.
    pub fn not_signed(sast: &Sast, error: TokenError) -> Self {
        let mut converted = CommandError::from(error);
        converted.message = format!("{} did not sign: {}", sast.certificate().sast_name(), converted.message);
        converted.details.push((String::new(), NOTHING_WRITTEN.to_owned()));
        converted
    }

    fn token(self, token: &TokenName) -> Self {
        self.detail("token", token.to_string())
    }
}

impl From<TokenError> for CommandError {
    fn from(error: TokenError) -> Self {
        let base = CommandError::new(ErrorKind::Token, error.to_string());
        match error {
            TokenError::UnknownProfile { known, .. } => {
                let mut base =
                    base.hint(format!("the profiles are {}; a file is named by its path", known.join(", ")));
                base.kind = ErrorKind::Usage;
                base
            }
            TokenError::BadProfile { .. } => {
                let mut base = base.hint("sastctl profile show safenet-etoken prints one that is right");
                base.kind = ErrorKind::File;
                base
            }
            TokenError::InsecureProfile { .. } => base
                .hint("take the right to write from others: chmod go-w; it names the library that gets the PIN")
                .hint("--allow-insecure-module uses it all the same"),
            TokenError::NoModule { tried, unset, .. } => {
                let insecure = tried.iter().any(|(_, why)| matches!(why, LoadProblem::OthersMayWrite(_)));
                let base = if insecure {
                    base.hint("take the right to write from others: chmod go-w")
                        .hint("--allow-insecure-module loads it all the same")
                } else {
                    base
                };
                let base = tried
                    .iter()
                    .fold(base, |e, (path, why)| e.detail("", format!("{}: {why}", path.display())));
                let base = unset.iter().fold(base, |e, variable| e.detail("not set", variable.clone()));
                base.hint("install the HSM's client software, or name its library with --module PATH")
            }
            TokenError::NothingInstalled { profiles } => base
                .detail("profiles", profiles.join(", "))
                .hint("install the token's software (SafeNet Authentication Client for eTokens)")
                .hint("or name its PKCS#11 library with --module PATH"),
            TokenError::Call { code, token, .. } => {
                let base = token.iter().fold(base, CommandError::token);
                base.hint(advice(&code))
            }
            TokenError::NoToken { module, slots, blank } => {
                let slots = match (slots, blank) {
                    (0, _) => "none".to_owned(),
                    (_, 0) => format!("{slots}, all empty"),
                    _ => format!("{slots}, {blank} with a token that is blank"),
                };
                let base = base
                    .detail("module", module.display().to_string())
                    .detail("slots", slots)
                    .hint("insert a token and wait for its light; then sastctl token list");
                if blank == 0 { base } else { base.hint("sastctl token init makes a blank token ready") }
            }
            TokenError::NoMatch { tokens, .. } => tokens
                .iter()
                .fold(base, |e, token| e.detail("there is", token.clone()))
                .hint("name a token by SAST name, label, serial number or pkcs11: URI"),
            TokenError::Ambiguous { tokens, .. } => {
                let base =
                    tokens.iter().fold(base, |e, choice| e.detail("there is", choice.token.to_string()));
                match tokens.iter().find_map(|choice| choice.selector.as_ref()) {
                    Some(selector) => base.hint(format!("name one: {}", token_option(selector))),
                    None => base.hint("nothing tells them apart: take out all but the one that is meant"),
                }
            }
            TokenError::NoCertificate { token } => {
                base.token(&token).hint("sastctl token show lists what is on it; is it the right token?").hint(
                    "objects may be hidden until the login: commands that sign log in and look again, where the token is \
                     named by its label or serial number",
                )
            }
            TokenError::UnreadableCertificate { token, .. } => base
                .token(&token)
                .hint("take the token out, insert it, and try again; sastctl token show lists what is on it"),
            TokenError::AmbiguousCertificate { token, certificates, .. } => {
                let base = certificates
                    .iter()
                    .fold(base.token(&token), |e, certificate| e.detail("there is", certificate.to_string()));
                match certificates.iter().any(|certificate| certificate.selector.is_some()) {
                    true => base.hint("name the one that is meant as above"),
                    false => base.hint("delete what is not needed with the token's own software"),
                }
            }
            TokenError::NoKey { token, .. } => base
                .token(&token)
                .hint("the certificate was copied here without its key; use the token that made the key"),
            TokenError::CannotMakeKey { token, .. } => base
                .token(&token)
                .hint("sastctl token show lists its mechanisms, sastctl profile show what is known of the module"),
            TokenError::BadKey { token, .. } => base
                .token(&token)
                .detail("", "the key was destroyed again")
                .hint("a key that can be read out is not a SAST key; use another HSM"),
            TokenError::AlreadyThere { token, .. } => {
                base.token(&token).hint("nothing was changed; sastctl cert list shows it")
            }
            TokenError::Taken { token, .. } => base
                .token(&token)
                .detail("", "no key was made and nothing was written")
                .hint("another --name, or --id, tells the two apart; sastctl cert list shows what is there"),
            TokenError::NoMechanism { token, .. } => {
                base.token(&token).hint("--digest sha1 is what every SAST token can")
            }
            TokenError::NoRoomForPin { token, .. } => base
                .token(&token)
                .hint("sastctl token show lists its mechanisms; another --digest may be among them"),
            TokenError::SoPinIncorrect { token, state, .. } => base
                .token(&token)
                .detail("tries", tries(state))
                .hint("check it before you run this again; some tokens are destroyed when its tries run out"),
            TokenError::SoPinLocked { token } => {
                base.token(&token).hint("the token cannot be unlocked any more: sastctl help lost-tokens")
            }
            TokenError::OtherToken { token, .. } => base
                .detail("chosen", token.to_string())
                .detail("", "no PIN was tried")
                .hint("insert the token that was chosen, and run the same command again"),
            TokenError::PinStateChanged { token, .. } => {
                base.token(&token).detail("", "no PIN was tried").hint(
                    "somebody entered a wrong PIN meanwhile; sastctl token list, then run the command again",
                )
            }
            TokenError::PinIncorrect { token, state, .. } => base
                .token(&token)
                .detail("tries", tries(state))
                .hint("check the PIN, then run the same command again. The PIN is tried once per run."),
            TokenError::PinLocked { token } => base
                .token(&token)
                .hint("sign with the other token, or give it a new PIN by its administrator's: sastctl token unlock"),
            TokenError::PinNotSet { token } => {
                base.token(&token).hint("give it one by its administrator's: sastctl token unlock")
            }
            TokenError::PinLength { token, .. } => base
                .token(&token)
                .detail("", "no try was spent")
                .hint("check the PIN, then run the same command again"),
            TokenError::PinPad { token, which, has } => {
                let option = match which {
                    PinKind::User => "--pin-source",
                    PinKind::New => "--new-pin-source",
                    PinKind::Administrator => "--so-pin-source",
                };
                base.token(&token).hint(match has {
                    true => format!("use {option} pinpad"),
                    false => format!("use another {option}: prompt, env:VAR, file:PATH or fd:N"),
                })
            }
            TokenError::NotTaken { token, .. } => base.token(&token).detail("", "no try was spent").hint(
                "the token has rules for its PINs: other characters or another length; sastctl token show says how long",
            ),
            TokenError::NotNew { token, .. } => base
                .token(&token)
                .detail("", "no PIN was tried, nothing was changed")
                .hint("choose another one, then run the same command again"),
            TokenError::Label { .. } => {
                let mut base = base.detail("", "nothing was deleted");
                base.kind = ErrorKind::Usage;
                base
            }
            TokenError::Emptied { token, .. } => {
                let name = if token.serial.is_empty() { &token.label } else { &token.serial };
                base.token(&token).hint(format!("give it a PIN: sastctl token unlock {name}"))
            }
            TokenError::SignatureDoesNotVerify { token, why } => base
                .token(&token)
                .detail("because", why)
                .hint("the signature was thrown away; do not use this token before you know why"),
            TokenError::Busy { .. } => base.hint("wait for it, or end it, then run the same command again"),
        }
    }
}

/// What the token says about the tries that are left, as it stood before this one.
fn tries(state: PinState) -> &'static str {
    match state {
        PinState::Ok => "it locks for good after too many wrong PINs in a row; a right one resets the count",
        PinState::Low => "the token says few are left; it locks for good when they run out",
        PinState::LastTry => "that was the last one",
        PinState::Locked | PinState::NotSet | PinState::Unknown => "the token does not say how many are left",
    }
}

/// What to do about a return code.
fn advice(code: &str) -> &'static str {
    match code {
        "CKR_TOKEN_NOT_PRESENT"
        | "CKR_DEVICE_REMOVED"
        | "CKR_SESSION_HANDLE_INVALID"
        | "CKR_SESSION_CLOSED" => {
            "the token was taken out: insert it, wait for its light, and run the same command again"
        }
        "CKR_DEVICE_ERROR" => "take the token out and insert it again; another program may be using it",
        "CKR_DEVICE_MEMORY" | "CKR_HOST_MEMORY" => "the token or the system is out of memory",
        "CKR_GENERAL_ERROR" | "CKR_FUNCTION_FAILED" => {
            "the module gave no reason; its own log may, and sastctl doctor looks at what it needs"
        }
        "CKR_PIN_EXPIRED" => "set a new PIN: sastctl token change-pin",
        "CKR_PIN_LEN_RANGE" => {
            "the token takes no PIN of this length; sastctl token show says which it takes"
        }
        "CKR_TOKEN_WRITE_PROTECTED" => {
            "nothing can be written to the token: take its write protection off, or use another one"
        }
        "CKR_FUNCTION_CANCELED" | "CKR_CANCEL" => "the PIN entry was cancelled on the reader",
        "CKR_MECHANISM_INVALID" | "CKR_MECHANISM_PARAM_INVALID" => {
            "the token does not sign this way; --digest sha1 is what every SAST token can"
        }
        "CKR_KEY_FUNCTION_NOT_PERMITTED" | "CKR_KEY_TYPE_INCONSISTENT" | "CKR_KEY_SIZE_RANGE" => {
            "the key may not sign, or not this way; is it the key of a SAST token?"
        }
        "CKR_USER_ANOTHER_ALREADY_LOGGED_IN" => {
            "the administrator is logged in to the token: end the program that is, and run the command again"
        }
        "CKR_SESSION_COUNT" | "CKR_SESSION_EXISTS" | "CKR_OPERATION_ACTIVE" => {
            "end other programs that use the token, and run the same command again"
        }
        "CKR_TOKEN_NOT_RECOGNIZED" => "the module does not know this kind of token; another --profile may",
        "CKR_FUNCTION_NOT_SUPPORTED" => "the module cannot do this; its maker's own software may",
        _ => "take the token out, insert it, and run the same command again; if it stays: sastctl doctor",
    }
}
