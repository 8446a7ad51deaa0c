//! What can go wrong with modules, tokens and PINs. PKCS#11 return codes keep their CKR_ name.

use std::fmt;
use std::path::PathBuf;

use cryptoki::error::{Error as Pkcs11Error, RvError as R};

use super::library::LoadProblem;
use super::pin::{PinKind, PinState};
use crate::trustlist::Digest;

/// The name of a token for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say what each is")]
pub struct TokenName {
    pub label: String,
    pub serial: String,
    pub reader: String,
}

impl fmt::Display for TokenName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)?;
        if !self.serial.is_empty() {
            write!(f, ", serial {}", self.serial)?;
        }
        if self.reader.is_empty() { Ok(()) } else { write!(f, ", reader {}", self.reader) }
    }
}

/// One of several certificates that match, for an error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}, serial {serial}, id {id}, from {from}")]
pub struct CertificateChoice {
    /// Its SAST name.
    pub name: String,
    /// Its serial number in hexadecimal.
    pub serial: String,
    /// CKA_ID in hexadecimal.
    pub id: String,
    /// The day its validity begins.
    pub from: String,
    /// A selector that matches only this one on the token, if there is one.
    pub selector: Option<String>,
}

/// One of several tokens that match, for an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenChoice {
    /// Which it is.
    pub token: TokenName,
    /// A selector that matches only this token, if there is one.
    pub selector: Option<String>,
}

/// An error of a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the words say what each is")]
pub enum TokenError {
    /// No profile has that name; the built-in ones have these.
    #[error("no HSM profile is called {0:?}")]
    UnknownProfile(String, Vec<String>),
    #[error("{} is not an HSM profile: {why}", .0.display(), why = .1)]
    BadProfile(PathBuf, String),
    /// Other users may write a profile, and the profile names the module: the file, and which part of its path they may write.
    #[error("the profile {} was not used: {what}", .0.display(), what = .1)]
    InsecureProfile(PathBuf, String),
    /// No module could be loaded: each path and why, and the environment variables that are needed and not set.
    #[error("{}", no_module(profile, tried))]
    NoModule { profile: String, tried: Vec<(PathBuf, LoadProblem)>, unset: Vec<String> },
    /// None of these profiles has a path on this system.
    #[error("no PKCS#11 module is installed that a built-in profile knows")]
    NothingInstalled(Vec<String>),
    #[error("{what} failed: {code}")]
    Call { what: &'static str, code: Ckr, token: Option<TokenName> },
    #[error("no token was found{}", if *.blank == 0 { "" } else { " that is initialised" })]
    NoToken { module: PathBuf, slots: usize, blank: usize },
    #[error("no token matches {selector:?}")]
    NoMatch { selector: String, tokens: Vec<String> },
    #[error("{}", several(.0, .1))]
    Ambiguous(Option<String>, Vec<TokenChoice>),
    #[error("the token holds no certificate")]
    NoCertificate(TokenName),
    #[error("the token's certificate cannot be read: {1}")]
    UnreadableCertificate(TokenName, String),
    #[error("{}", several_certificates(.selector, .certificates.len()))]
    AmbiguousCertificate { token: TokenName, selector: Option<String>, certificates: Vec<CertificateChoice> },
    #[error("no private key on the token belongs to the certificate {1}")]
    NoKey(TokenName, String),
    #[error("the token cannot make an RSA key of {bits} bits: {why}")]
    CannotMakeKey { token: TokenName, bits: usize, why: String },
    /// The new key does not have the requested attributes, and why; it was destroyed again.
    #[error("the key that the token made cannot be a SAST key: {1}")]
    BadKey(TokenName, String),
    #[error("the certificate {1} is already on the token")]
    AlreadyThere(TokenName, String),
    /// A new key would have the name or the CKA_ID of an existing certificate: `called SAST-HSM-01`.
    #[error("a certificate {1} is already on the token")]
    NameOrIdTaken(TokenName, String),
    #[error("the token cannot sign with {1}: it has neither its RSA mechanism nor CKM_RSA_PKCS")]
    NoMechanism(TokenName, Digest),
    /// The key needs the PIN between C_SignInit and the data, but CKM_RSA_PKCS gets its data in one call.
    #[error(
        "the key needs the PIN at every signature, which CKM_RSA_PKCS does not allow; the token does not have \
         {mechanism} ({code})"
    )]
    NoRoomForPin { token: TokenName, mechanism: &'static str, code: Ckr },
    /// A PIN was wrong. It was tried once; `state` is the state before the try.
    #[error("{which} is wrong ({code})")]
    PinIncorrect { token: TokenName, which: PinKind, code: Ckr, state: PinState },
    /// Another token is in the slot than the selected one: its name. No PIN was tried.
    #[error("another token is in the slot now: {1}")]
    OtherToken(TokenName, String),
    /// A wrong PIN was entered elsewhere since the token was read: its state now. No PIN was tried.
    #[error("the token's PIN state changed in the meantime: {1}")]
    PinStateChanged(TokenName, PinState),
    /// The PIN is locked; if it is the SO PIN, the token cannot be unlocked any more.
    #[error("{1} is locked (CKR_PIN_LOCKED)")]
    PinLocked(TokenName, PinKind),
    #[error("no PIN is set on the token (CKR_USER_PIN_NOT_INITIALIZED)")]
    PinNotSet(TokenName),
    /// The PIN cannot be right by its length, in bytes; no try was used.
    #[error("{which} has {length} characters; the token accepts {min} to {max}")]
    PinLength { token: TokenName, which: PinKind, length: usize, min: usize, max: usize },
    #[error("{1} must be typed on the token's reader")]
    PinPad(TokenName, PinKind),
    #[error("{1} cannot be typed on the token's reader: it has no PIN pad")]
    NoPinPad(TokenName, PinKind),
    /// The token refuses a new PIN: CKR_PIN_INVALID or CKR_PIN_LEN_RANGE.
    #[error("the token does not accept {1} ({2})")]
    PinRefused(TokenName, PinKind, Ckr),
    /// The new PIN is the same as this known PIN: the change would have no effect, or users of one PIN would then know the
    /// other.
    #[error("the new PIN is {}", if *.1 == PinKind::User { "the old one" } else { "the administrator (SO) PIN" })]
    SamePin(TokenName, PinKind),
    /// A label that a token cannot have. Its length in bytes; 0 if it consists only of blanks.
    #[error("a token's label has 1 to 32 bytes; this one has {0}")]
    Label(usize),
    /// The token was erased, and the next step failed. Contains the token as it is now, if it could be read.
    #[error("the token was erased and has no PIN: {1}")]
    InitIncomplete(TokenName, Box<TokenError>),
    /// The token returned a signature that its certificate does not verify, and why. The signature is discarded.
    #[error("the token returned a signature that its certificate does not verify")]
    SignatureDoesNotVerify(TokenName, String),
    #[error("another sastctl (process {holder}) was using the tokens for {seconds} seconds")]
    Busy { holder: String, seconds: u64 },
}

impl TokenError {
    /// The token that the error concerns.
    pub fn token(&self) -> Option<&TokenName> {
        use TokenError as E;
        match self {
            E::Call { token, .. } => token.as_ref(),
            E::AmbiguousCertificate { token, .. }
            | E::CannotMakeKey { token, .. }
            | E::NoRoomForPin { token, .. }
            | E::PinIncorrect { token, .. }
            | E::PinLength { token, .. } => Some(token),
            E::NoCertificate(token) | E::UnreadableCertificate(token, _) | E::NoKey(token, _) => Some(token),
            E::BadKey(token, _) | E::AlreadyThere(token, _) | E::NameOrIdTaken(token, _) => Some(token),
            E::NoMechanism(token, _) | E::SignatureDoesNotVerify(token, _) => Some(token),
            E::PinLocked(token, _) | E::PinStateChanged(token, _) | E::PinNotSet(token) => Some(token),
            E::PinPad(token, _) | E::NoPinPad(token, _) | E::PinRefused(token, ..) => Some(token),
            E::SamePin(token, _) | E::InitIncomplete(token, _) => Some(token),
            _ => None,
        }
    }

    /// Whether it is temporary: a token was removed during the call, or is not ready yet.
    pub fn is_transient(&self) -> bool {
        self.code().is_some_and(|code| {
            is_token_gone(code) || matches!(code, R::SlotIdInvalid | R::TokenNotRecognized)
        })
    }

    /// The return code of a call that failed, if the module gave one.
    pub(super) fn code(&self) -> Option<R> {
        match self {
            TokenError::Call { code: Ckr::Code(code), .. } => Some(*code),
            _ => None,
        }
    }
}

/// Return codes that mean the token is gone.
pub(super) fn is_token_gone(code: R) -> bool {
    matches!(
        code,
        R::DeviceError | R::DeviceRemoved | R::TokenNotPresent | R::SessionHandleInvalid | R::SessionClosed
    )
}

fn count(n: usize) -> String {
    match n {
        2 => "two".to_owned(),
        3 => "three".to_owned(),
        n => n.to_string(),
    }
}

fn no_module(profile: &str, tried: &[(PathBuf, LoadProblem)]) -> String {
    match tried {
        [(path, why)] => format!("the PKCS#11 module {} was not loaded: {why}", path.display()),
        _ => format!("no PKCS#11 module was loaded for the profile {profile}"),
    }
}

fn several_certificates(selector: &Option<String>, n: usize) -> String {
    match selector {
        Some(selector) => {
            format!("{selector:?} names {} certificates on the token, with different keys", count(n))
        }
        None => "the token holds several certificates that may sign".to_owned(),
    }
}

fn several(selector: &Option<String>, tokens: &[TokenChoice]) -> String {
    let count = count(tokens.len());
    let name = |choice: &TokenChoice| match &choice.token.serial[..] {
        "" => choice.token.label.clone(),
        serial => serial.to_owned(),
    };
    let serials: Vec<String> = tokens.iter().map(name).collect();
    let list = match &serials[..] {
        [init @ .., last] if !init.is_empty() => format!("{} and {last}", init.join(", ")),
        all => all.join(", "),
    };
    match selector {
        Some(selector) => format!("{count} tokens match {selector:?}: {list}"),
        None => format!("{count} tokens are inserted: {list}"),
    }
}

/// The failure of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ckr {
    /// A return code, shown by its name: `CKR_PIN_INCORRECT`.
    Code(R),
    /// A message where the module gave no return code.
    Words(String),
}

impl Ckr {
    pub(super) fn of(error: &Pkcs11Error) -> Self {
        match error {
            Pkcs11Error::Pkcs11(code, _) => Ckr::Code(*code),
            Pkcs11Error::MissingSymbol(symbol) => {
                Ckr::Words(format!("it is not a PKCS#11 library (no {symbol})"))
            }
            Pkcs11Error::LibraryLoading(e) => Ckr::Words(e.to_string()),
            other => Ckr::Words(format!("the module's answer makes no sense ({other})")),
        }
    }
}

impl fmt::Display for Ckr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = match self {
            Ckr::Words(words) => return f.write_str(words),
            Ckr::Code(R::VendorDefined(number)) => {
                return write!(f, "CKR_VENDOR_DEFINED (0x{number:08x})");
            }
            Ckr::Code(code) => format!("{code:?}"),
        };
        f.write_str("CKR")?;
        for c in code.chars() {
            let line = if c.is_ascii_uppercase() { "_" } else { "" };
            write!(f, "{line}{}", c.to_ascii_uppercase())?;
        }
        Ok(())
    }
}
