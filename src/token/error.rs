//! What can go wrong with modules, tokens and PINs. PKCS#11 return codes keep their CKR_ name.

use std::fmt;
use std::path::PathBuf;

use super::choice::{CertificateChoice, TokenChoice};
use super::library::LoadProblem;

/// Which token is meant, for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenName {
    /// The label its owner chose.
    pub label: String,
    /// Its serial number.
    pub serial: String,
    /// The reader, which is the slot's description.
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

/// Why a token did not do what it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// No profile has that name.
    #[error("no HSM profile is called {name:?}")]
    UnknownProfile {
        /// The name.
        name: String,
        /// The built-in ones.
        known: Vec<String>,
    },
    /// A profile file is not one.
    #[error("{} is not an HSM profile: {why}", path.display())]
    BadProfile {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Others may write a profile, which names the module.
    #[error("the profile {} was not used: {what}", path.display())]
    InsecureProfile {
        /// The file.
        path: PathBuf,
        /// What others may write.
        what: String,
    },
    /// No module could be loaded.
    #[error("no PKCS#11 module was loaded for the profile {profile}")]
    NoModule {
        /// The profile.
        profile: String,
        /// Each path and why it was not loaded.
        tried: Vec<(PathBuf, LoadProblem)>,
        /// Environment variables that the module needs and that are not set.
        unset: Vec<String>,
    },
    /// The profile asked for has no path on this system.
    #[error("no PKCS#11 module is installed that a built-in profile knows")]
    NothingInstalled {
        /// The profiles that were looked for.
        profiles: Vec<String>,
    },
    /// A call failed.
    #[error("{what} failed: {code}")]
    Call {
        /// What was being done.
        what: &'static str,
        /// The CKR_ name, or the wrapper's words.
        code: String,
        /// The token, where one was involved.
        token: Option<TokenName>,
    },
    /// No token anywhere that holds anything.
    #[error("no token was found{}", if *.blank == 0 { "" } else { " that is initialised" })]
    NoToken {
        /// The module that was asked.
        module: PathBuf,
        /// How many slots it has.
        slots: usize,
        /// How many tokens are there that were never initialised.
        blank: usize,
    },
    /// The selector matches nothing.
    #[error("no token matches {selector:?}")]
    NoMatch {
        /// The selector.
        selector: String,
        /// The tokens that are there.
        tokens: Vec<String>,
    },
    /// The selector, or the lack of one, matches several.
    #[error("{}", several(.selector, .tokens))]
    Ambiguous {
        /// The selector, if there was one.
        selector: Option<String>,
        /// What matches.
        tokens: Vec<TokenChoice>,
    },
    /// The token holds no certificate.
    #[error("the token holds no certificate")]
    NoCertificate {
        /// The token.
        token: TokenName,
    },
    /// The token holds certificates, and none can be read.
    #[error("the token's certificate cannot be read: {why}")]
    UnreadableCertificate {
        /// The token.
        token: TokenName,
        /// What is wrong with it.
        why: String,
    },
    /// The token holds several certificates, and neither the selector nor what they are says which is meant.
    #[error("{}", several_certificates(.selector, .certificates.len()))]
    AmbiguousCertificate {
        /// The token.
        token: TokenName,
        /// The selector, if it names them.
        selector: Option<String>,
        /// What tells them apart.
        certificates: Vec<CertificateChoice>,
    },
    /// No private key belongs to the certificate.
    #[error("no private key on the token belongs to the certificate {certificate}")]
    NoKey {
        /// The token.
        token: TokenName,
        /// The certificate's name.
        certificate: String,
    },
    /// The token does not make such a key.
    #[error("the token makes no RSA key of {bits} bits: {why}")]
    CannotMakeKey {
        /// The token.
        token: TokenName,
        /// The size that was asked for, in bits.
        bits: usize,
        /// What is in the way.
        why: String,
    },
    /// The key that the token made is not what was asked for; it was destroyed again.
    #[error("the key that the token made is not fit to be a SAST key: {why}")]
    BadKey {
        /// The token.
        token: TokenName,
        /// What is wrong with it.
        why: String,
    },
    /// The certificate is on the token already.
    #[error("the certificate {certificate} is on the token already")]
    AlreadyThere {
        /// The token.
        token: TokenName,
        /// The certificate's name.
        certificate: String,
    },
    /// A new key would have the name or the CKA_ID of a certificate that is there.
    #[error("a certificate {called} is on the token already")]
    Taken {
        /// The token.
        token: TokenName,
        /// What it has: `called SAST-HSM-01`.
        called: String,
    },
    /// The token has no mechanism that makes the signature.
    #[error("the token cannot sign with {digest}: it has neither its RSA mechanism nor CKM_RSA_PKCS")]
    NoMechanism {
        /// The token.
        token: TokenName,
        /// The digest.
        digest: String,
    },
    /// The key wants the PIN between C_SignInit and the data, and CKM_RSA_PKCS takes its data in one call.
    #[error(
        "the key wants the PIN at every signature, which CKM_RSA_PKCS leaves no room for; the token lacks \
         {mechanism} ({code})"
    )]
    NoRoomForPin {
        /// The token.
        token: TokenName,
        /// The mechanism that would do.
        mechanism: &'static str,
        /// What the token answered.
        code: String,
    },
    /// The SO PIN was wrong. It was tried once.
    #[error("the administrator (SO) PIN is wrong ({code})")]
    SoPinIncorrect {
        /// The token.
        token: TokenName,
        /// The return code.
        code: String,
        /// What the flags said before the try.
        state: super::PinState,
    },
    /// The SO PIN is locked: the token cannot be unlocked any more.
    #[error("the administrator (SO) PIN is locked (CKR_PIN_LOCKED)")]
    SoPinLocked {
        /// The token.
        token: TokenName,
    },
    /// The PIN was wrong. It was tried once.
    #[error("the PIN is wrong ({code})")]
    PinIncorrect {
        /// The token.
        token: TokenName,
        /// CKR_PIN_INCORRECT, or what the module calls it.
        code: String,
        /// What the token says about the tries that are left.
        state: super::PinState,
    },
    /// Another token is in the slot than the one that was chosen. No PIN was tried.
    #[error("another token is in the slot now: {found}")]
    OtherToken {
        /// The one that was chosen.
        token: TokenName,
        /// The one that is there, by its name.
        found: String,
    },
    /// A wrong PIN was entered elsewhere since the token was looked at. No PIN was tried.
    #[error("the token's PIN state changed meanwhile: {state}")]
    PinStateChanged {
        /// The token.
        token: TokenName,
        /// What its flags say now.
        state: super::PinState,
    },
    /// The PIN is locked.
    #[error("the PIN is locked (CKR_PIN_LOCKED)")]
    PinLocked {
        /// The token.
        token: TokenName,
    },
    /// No PIN was ever set.
    #[error("no PIN is set on the token (CKR_USER_PIN_NOT_INITIALIZED)")]
    PinNotSet {
        /// The token.
        token: TokenName,
    },
    /// The PIN cannot be right by its length; no try was spent.
    #[error("{which} has {length} characters; the token takes {min} to {max}")]
    PinLength {
        /// The token.
        token: TokenName,
        /// Which PIN.
        which: super::PinKind,
        /// Its length in bytes.
        length: usize,
        /// The shortest the token takes.
        min: usize,
        /// The longest the token takes.
        max: usize,
    },
    /// The token's PIN is typed on the reader, or it has no such thing.
    #[error("{which} {}", if *.has { "is typed on the token's reader" } else { "cannot be typed on the token's reader: it has no PIN pad" })]
    PinPad {
        /// The token.
        token: TokenName,
        /// Which PIN.
        which: super::PinKind,
        /// Whether it has a PIN pad.
        has: bool,
    },
    /// A PIN that is to be set is not as the token wants PINs.
    #[error("the token does not take {which} ({code})")]
    NotTaken {
        /// The token.
        token: TokenName,
        /// Which PIN.
        which: super::PinKind,
        /// CKR_PIN_INVALID or CKR_PIN_LEN_RANGE.
        code: String,
    },
    /// The new PIN is one that is known already: a change would change nothing, or tell who knows the one the other.
    #[error("the new PIN is {}", if *.than == super::PinKind::User { "the old one" } else { "the administrator (SO) PIN" })]
    NotNew {
        /// The token.
        token: TokenName,
        /// Which PIN it is the same as.
        than: super::PinKind,
    },
    /// A label that a token cannot have.
    #[error("a token's label has 1 to 32 bytes; this one has {length}")]
    Label {
        /// Its length in bytes; 0 where it is nothing but blanks.
        length: usize,
    },
    /// The token was emptied, and what has to follow failed.
    #[error("the token is empty, and has no PIN: {why}")]
    Emptied {
        /// The token, as it is now where that could be read.
        token: TokenName,
        /// What failed.
        why: Box<TokenError>,
    },
    /// What the token returned is not a signature by its certificate. Nothing left the module.
    #[error("the token returned a signature that its certificate does not verify")]
    SignatureDoesNotVerify {
        /// The token.
        token: TokenName,
        /// What is wrong with it.
        why: String,
    },
    /// Another of our processes uses the tokens.
    #[error(
        "the tokens are in use by another sastctl (process {holder}), and stayed so for {seconds} seconds"
    )]
    Busy {
        /// Its process id, or `unknown`.
        holder: String,
        /// How long was waited.
        seconds: u64,
    },
}

impl TokenError {
    /// Whether it is of the moment: a token was pulled while it was looked at, or is not ready yet.
    pub fn is_passing(&self) -> bool {
        matches!(self, TokenError::Call { code, .. } if matches!(
            code.as_str(),
            "CKR_TOKEN_NOT_PRESENT" | "CKR_DEVICE_REMOVED" | "CKR_DEVICE_ERROR" | "CKR_SESSION_HANDLE_INVALID"
                | "CKR_SESSION_CLOSED" | "CKR_SLOT_ID_INVALID" | "CKR_TOKEN_NOT_RECOGNIZED"
        ))
    }
}

fn count(n: usize) -> String {
    match n {
        2 => "two".to_owned(),
        3 => "three".to_owned(),
        n => n.to_string(),
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
    let serials: Vec<&str> = tokens.iter().map(|choice| &choice.token.serial[..]).collect();
    let list = match &serials[..] {
        [init @ .., last] if !init.is_empty() => format!("{} and {last}", init.join(", ")),
        all => all.join(", "),
    };
    match selector {
        Some(selector) => format!("{count} tokens match {selector:?}: {list}"),
        None => format!("{count} tokens are there: {list}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_of_the_moment_is_told_from_what_lasts() {
        let call = |code: &str| TokenError::Call { what: "C_Sign", code: code.to_owned(), token: None };
        for code in ["CKR_TOKEN_NOT_PRESENT", "CKR_DEVICE_REMOVED", "CKR_DEVICE_ERROR", "CKR_SESSION_CLOSED"]
        {
            assert!(call(code).is_passing(), "{code}");
        }
        assert!(!call("CKR_FUNCTION_FAILED").is_passing());
        assert!(!TokenError::Busy { holder: "1".to_owned(), seconds: 1 }.is_passing());
    }

    fn choices(serials: &[&str]) -> Vec<TokenChoice> {
        let name = |serial: &&str| TokenName {
            label: "SAST".to_owned(),
            serial: (*serial).to_owned(),
            reader: String::new(),
        };
        serials.iter().map(|serial| TokenChoice { token: name(serial), selector: None }).collect()
    }

    #[test]
    fn ambiguity_counts_and_lists() {
        assert_eq!(several(&None, &choices(&["t0"])), "1 tokens are there: t0");
        assert_eq!(several(&None, &choices(&["t0", "t1", "t2"])), "three tokens are there: t0, t1 and t2");
        let four = several(&None, &choices(&["t0", "t1", "t2", "t3"]));
        assert_eq!(four, "4 tokens are there: t0, t1, t2 and t3");
    }

    #[test]
    fn ambiguity_names_what_matches() {
        let tokens = choices(&["02aea1d3", "00373fad"]);
        let error = TokenError::Ambiguous { selector: Some("SAST token".to_owned()), tokens };
        assert_eq!(error.to_string(), "two tokens match \"SAST token\": 02aea1d3 and 00373fad");
    }
}
