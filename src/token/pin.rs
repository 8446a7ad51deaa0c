//! PINs: their state on a token, and the secret itself.

use cryptoki::types::AuthPin;
use secrecy::ExposeSecret as _;
use serde::Serialize;
use zeroize::Zeroizing;

/// What a token's flags say about its user PIN (PKCS#11, CK_TOKEN_INFO).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the words say what each is")]
pub enum PinState {
    /// No flag is set.
    #[error("ok")]
    Ok,
    /// CKF_USER_PIN_COUNT_LOW: a wrong PIN was entered since the last right one.
    #[error("retries low")]
    Low,
    /// CKF_USER_PIN_FINAL_TRY: the next wrong PIN locks it.
    #[error("last try!")]
    LastTry,
    #[error("locked")]
    Locked,
    #[error("not set")]
    NotSet,
    /// The token's flags could not be read.
    #[error("unknown")]
    Unknown,
}

/// The PINs of a token, for messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the words say what each is")]
pub enum PinKind {
    #[error("the PIN")]
    User,
    #[error("the new PIN")]
    New,
    #[error("the administrator (SO) PIN")]
    Administrator,
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
