//! PINs: their state on a token, and the secret itself.

use std::fmt;

use cryptoki::types::AuthPin;
use secrecy::ExposeSecret as _;
use serde::Serialize;
use zeroize::Zeroizing;

/// What a token's flags say about its user PIN (PKCS#11, CK_TOKEN_INFO).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PinState {
    /// No flag is set.
    Ok,
    /// CKF_USER_PIN_COUNT_LOW: a wrong PIN was entered since the last right one.
    Low,
    /// CKF_USER_PIN_FINAL_TRY: the next wrong PIN locks it.
    LastTry,
    Locked,
    NotSet,
    /// The token's flags could not be read.
    Unknown,
}

impl fmt::Display for PinState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PinState::Ok => "ok",
            PinState::Low => "retries low",
            PinState::LastTry => "last try!",
            PinState::Locked => "locked",
            PinState::NotSet => "not set",
            PinState::Unknown => "unknown",
        })
    }
}

/// The PINs of a token, for messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PinKind {
    User,
    New,
    Administrator,
}

impl fmt::Display for PinKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PinKind::User => "the PIN",
            PinKind::New => "the new PIN",
            PinKind::Administrator => "the administrator (SO) PIN",
        })
    }
}

/// A PIN. Zeroized when dropped, never shown.
#[derive(Debug)]
pub struct Pin(AuthPin);

impl Pin {
    /// From a buffer, which is zeroized.
    pub fn new(text: Zeroizing<String>) -> Self {
        Pin(AuthPin::new(text.as_str().into()))
    }

    /// Its length in bytes, as PKCS#11 counts.
    pub(super) fn len(&self) -> usize {
        self.0.expose_secret().len()
    }

    /// Whether it is one of these factory PINs.
    pub fn is_one_of(&self, known: &[String]) -> bool {
        known.iter().any(|k| k == self.0.expose_secret())
    }

    /// Whether it is the same as another.
    pub fn is_same(&self, other: &Pin) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }

    pub(super) fn auth(&self) -> &AuthPin {
        &self.0
    }
}
