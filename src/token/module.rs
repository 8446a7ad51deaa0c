//! The PKCS#11 module as an object: loaded and initialised once, finalised when dropped.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cryptoki::context::Pkcs11;
use cryptoki::error::{Error as Pkcs11Error, RvError};
use cryptoki::mechanism::MechanismType;
use cryptoki::session::Session;
use tracing::debug;

use super::error::{self, TokenError, TokenName};
use super::init_args;
use super::lock::ModuleLock;
use super::profile::Profile;
use super::slot::Token;

/// A loaded module. One per process: some modules crash when they are initialised twice.
#[derive(Debug)]
pub struct Module {
    pkcs11: Option<Pkcs11>,
    profile: Profile,
    path: PathBuf,
}

impl Module {
    /// Loads and initialises the module: `path`, else the first of the profile's paths that loads.
    pub fn load(profile: Profile, path: Option<&Path>) -> Result<Self, TokenError> {
        let paths = path.map_or_else(|| profile.library_paths(), |path| vec![path.to_owned()]);
        let unset = profile.unset_environment();
        let mut tried = Vec::new();
        for path in paths {
            match load(&path, &profile) {
                Ok(pkcs11) => return Ok(Module { pkcs11: Some(pkcs11), profile, path }),
                Err(why) => tried.push((path, why)),
            }
        }
        Err(TokenError::NoModule { profile: profile.name, tried, unset })
    }

    /// The profile it was loaded by.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The library.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Library description, manufacturer and versions, for people.
    pub fn describe(&self) -> Result<String, TokenError> {
        let info = self.call("C_GetInfo", None, |p| p.get_library_info())?;
        Ok(format!(
            "{} {} by {}, Cryptoki {}",
            info.library_description().trim(),
            info.library_version(),
            info.manufacturer_id().trim(),
            info.cryptoki_version()
        ))
    }

    /// The tokens that are there now, in slot order. One whose info cannot be read is listed with the reason.
    pub fn tokens(&self) -> Result<Vec<Token>, TokenError> {
        let slots = self.settled("C_GetSlotList", None, |p| p.get_slots_with_token())?;
        let mut tokens = Vec::new();
        for slot in slots {
            let slot_info = self.call("C_GetSlotInfo", None, |p| p.get_slot_info(slot)).ok();
            let info = self.settled("C_GetTokenInfo", None, |p| p.get_token_info(slot));
            let info = match info {
                // Pulled between the two calls.
                Err(TokenError::Call { code, .. }) if code == "CKR_TOKEN_NOT_PRESENT" => continue,
                Err(e) => Err(e.to_string()),
                Ok(info) => Ok(info),
            };
            let token = Token::new(slot, slot_info.as_ref(), info);
            let left_out = |word: &String| {
                let word = word.to_lowercase();
                token.label().to_lowercase().contains(&word) || token.reader().to_lowercase().contains(&word)
            };
            if !self.profile.slots.leave_out.iter().any(left_out) {
                tokens.push(token);
            }
        }
        Ok(tokens)
    }

    /// How many slots there are, with and without tokens.
    pub fn slot_count(&self) -> Result<usize, TokenError> {
        self.call("C_GetSlotList", None, |p| p.get_all_slots()).map(|slots| slots.len())
    }

    /// The mechanisms of a token that the wrapper knows.
    pub fn mechanisms(&self, token: &Token) -> Result<Vec<MechanismType>, TokenError> {
        self.call("C_GetMechanismList", Some(token), |p| p.get_mechanism_list(token.slot))
    }

    /// The error for "nothing is inserted".
    pub(super) fn no_token(&self) -> TokenError {
        TokenError::NoToken { module: self.path.clone(), slots: self.slot_count().unwrap_or(0) }
    }

    /// Opens a read-only session; the token may need a moment after another process used it.
    pub(super) fn open(&self, token: &Token) -> Result<Session, TokenError> {
        self.settled("C_OpenSession", Some(token), |p| p.open_ro_session(token.slot))
    }

    /// A session that may change the token.
    pub(super) fn open_rw(&self, token: &Token) -> Result<Session, TokenError> {
        self.settled("C_OpenSession", Some(token), |p| p.open_rw_session(token.slot))
    }

    /// Waits for the other processes of ours that use the module.
    pub(super) fn lock(&self) -> Result<ModuleLock, TokenError> {
        ModuleLock::acquire(&self.path)
    }

    /// One call, logged by name and result. Arguments are never logged.
    pub(super) fn call<T>(
        &self,
        name: &'static str,
        token: Option<&Token>,
        work: impl FnOnce(&Pkcs11) -> Result<T, Pkcs11Error>,
    ) -> Result<T, TokenError> {
        logged(name, work(self.loaded(name, token)?)).map_err(|e| failed(name, token, &e))
    }

    /// The module itself; there until it is dropped.
    pub(super) fn loaded(&self, name: &'static str, token: Option<&Token>) -> Result<&Pkcs11, TokenError> {
        self.pkcs11.as_ref().ok_or_else(|| failed(name, token, &Pkcs11Error::NullFunctionPointer))
    }

    /// One reading call, tried again while the token settles. Never for a login.
    fn settled<T>(
        &self,
        name: &'static str,
        token: Option<&Token>,
        work: impl Fn(&Pkcs11) -> Result<T, Pkcs11Error>,
    ) -> Result<T, TokenError> {
        let start = Instant::now();
        loop {
            let result = self.call(name, token, &work);
            let unsettled = matches!(&result, Err(TokenError::Call { code, .. })
                if code == "CKR_DEVICE_ERROR" || code == "CKR_TOKEN_NOT_PRESENT");
            if !unsettled || start.elapsed() >= Duration::from_millis(self.profile.settle_ms) {
                return result;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        if let Some(pkcs11) = self.pkcs11.take() {
            let _ = logged("C_Finalize", pkcs11.finalize());
        }
    }
}

fn load(path: &Path, profile: &Profile) -> Result<Pkcs11, String> {
    if !path.exists() {
        return Err("there is no such file".to_owned());
    }
    let pkcs11 = Pkcs11::new(path).map_err(|e| error::reason(&e))?;
    logged("C_Initialize", init_args::initialize(&pkcs11, profile.init_argument().as_deref()))
        .map_err(|e| format!("C_Initialize failed: {}", error::reason(&e)))?;
    Ok(pkcs11)
}

/// Logs a call by name and result.
pub(super) fn logged<T>(name: &str, result: Result<T, Pkcs11Error>) -> Result<T, Pkcs11Error> {
    match &result {
        Ok(_) => debug!("{name}: CKR_OK"),
        Err(e) => debug!("{name}: {}", error::reason(e)),
    }
    result
}

/// The error of a call.
pub(super) fn failed(name: &'static str, token: Option<&Token>, e: &Pkcs11Error) -> TokenError {
    TokenError::Call { what: name, code: error::reason(e), token: token.map(Token::name) }
}

/// The error of a login as SO, by what it means.
pub(super) fn so_login_failed(token: &Token, e: &Pkcs11Error) -> TokenError {
    let name: TokenName = token.name();
    match error::code(e) {
        Some(RvError::PinIncorrect | RvError::PinInvalid) => {
            TokenError::SoPinIncorrect { token: name, code: error::reason(e), state: token.so_pin_state() }
        }
        Some(RvError::PinLocked) => TokenError::SoPinLocked { token: name },
        _ => failed("C_Login (SO)", Some(token), e),
    }
}

/// The error of a login, by what it means.
pub(super) fn login_failed(token: &Token, e: &Pkcs11Error) -> TokenError {
    let name: TokenName = token.name();
    match error::code(e) {
        Some(RvError::PinIncorrect | RvError::PinInvalid) => {
            TokenError::PinIncorrect { token: name, code: error::reason(e), state: token.pin_state() }
        }
        Some(RvError::PinLocked) => TokenError::PinLocked { token: name },
        Some(RvError::UserPinNotInitialized) => TokenError::PinNotSet { token: name },
        _ => failed("C_Login", Some(token), e),
    }
}
