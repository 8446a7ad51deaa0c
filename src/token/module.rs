//! The PKCS#11 module as an object: loaded and initialised once, finalised when dropped.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cryptoki::context::Pkcs11;
use cryptoki::error::{Error as Pkcs11Error, RvError};
use cryptoki::mechanism::MechanismType;
use cryptoki::session::Session;
use cryptoki::slot::Slot;
use cryptoki_sys as sys;
use tracing::debug;

use super::ckr;
use super::error::{TokenError, TokenName};
use super::init_args;
use super::library::{self, LoadProblem};
use super::lock::{LockName, ModuleLock};
use super::pin::{Pin, PinKind};
use super::profile::Profile;
use super::raw::{self, Info};
use super::sense;
use super::slot::Token;
use super::watchdog::{self, OnHang, Patience};
use crate::files;

/// How a module is loaded.
#[derive(Default)]
pub struct LoadOptions {
    /// How long a call may take, and what is done about one that does not return; without it none is watched.
    pub patience: Option<(Duration, OnHang)>,
    /// Load a module that others than root and the user may write.
    pub allow_insecure: bool,
}

/// A loaded module. One per process: some modules crash when they are initialised twice.
#[derive(Debug)]
pub struct Module {
    pkcs11: Option<Pkcs11>,
    profile: Profile,
    path: PathBuf,
    lock_name: LockName,
    /// Sessions that were only read in. Each C_CloseSession is a round trip to the token, so C_Finalize ends them.
    read_in: RefCell<Vec<Session>>,
    /// The token that stays logged in while these sessions are open, with the PIN where a key asks for it again.
    pub(super) unlocked: RefCell<Option<(TokenName, Option<Pin>)>>,
}

impl Module {
    /// Loads and initialises the module: `path`, else the first of the profile's paths that loads.
    pub fn load(profile: Profile, path: Option<&Path>, options: LoadOptions) -> Result<Self, TokenError> {
        if let Some((limit, on_hang)) = options.patience {
            watchdog::begin(limit, on_hang);
        }
        let paths = path.map_or_else(|| profile.library_paths(), |path| vec![path.to_owned()]);
        let unset = profile.unset_environment();
        let mut tried = Vec::new();
        for path in paths {
            let pkcs11 = match load(&path, options.allow_insecure) {
                Ok(pkcs11) => pkcs11,
                Err(why) => {
                    tried.push((path, why));
                    continue;
                }
            };
            // SoftHSM reads the tokens when it begins, and misses one that another process logs in to meanwhile.
            let lock_name = LockName::of(&path);
            let lock = ModuleLock::acquire(&lock_name)?;
            let begun =
                logged("C_Initialize", || init_args::initialize(&pkcs11, profile.init_argument().as_deref()));
            drop(lock);
            match begun {
                Ok(()) => {
                    return Ok(Module {
                        pkcs11: Some(pkcs11),
                        profile,
                        path,
                        lock_name,
                        read_in: RefCell::default(),
                        unlocked: RefCell::default(),
                    });
                }
                Err(e) => tried.push((path, LoadProblem::Initialize(ckr::reason(&e)))),
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
        Ok(self.slots()?.into_iter().filter_map(|slot| self.token_in(slot)).collect())
    }

    /// The slots with a token in them.
    pub(super) fn slots(&self) -> Result<Vec<Slot>, TokenError> {
        self.settled("C_GetSlotList", None, |p| p.get_slots_with_token())
    }

    /// The token in a slot; `None` where it was pulled meanwhile, or where the profile leaves it out.
    pub(super) fn token_in(&self, slot: Slot) -> Option<Token> {
        let info = self.token_info(slot)?;
        let spare =
            self.profile.slots.spare && info.as_ref().is_ok_and(|info| !info.has(sys::CKF_TOKEN_INITIALIZED));
        let slot_info =
            if spare { None } else { self.call("C_GetSlotInfo", None, |p| p.get_slot_info(slot)).ok() };
        let token = Token::new(slot, slot_info.as_ref(), info);
        let left_out = |word: &String| {
            let word = word.to_lowercase();
            token.label().to_lowercase().contains(&word) || token.reader().to_lowercase().contains(&word)
        };
        (!self.profile.slots.leave_out.iter().any(left_out)).then_some(token)
    }

    /// The same without its reader, which is a call less, where the profile does not need it to leave slots out.
    pub(super) fn token_without_reader(&self, slot: Slot) -> Option<Token> {
        if !self.profile.slots.leave_out.is_empty() {
            return self.token_in(slot);
        }
        Some(Token::new(slot, None, self.token_info(slot)?))
    }

    fn token_info(&self, slot: Slot) -> Option<Result<Info, String>> {
        match self.info_of(slot, None) {
            // Pulled between the two calls.
            Err(TokenError::Call { code, .. }) if code == "CKR_TOKEN_NOT_PRESENT" => None,
            Err(e) => Some(Err(e.to_string())),
            Ok(info) => Some(Ok(info)),
        }
    }

    /// C_GetTokenInfo; past the wrapper where that makes no sense of the answer.
    fn info_of(&self, slot: Slot, token: Option<&Token>) -> Result<Info, TokenError> {
        self.settled("C_GetTokenInfo", token, |pkcs11| match pkcs11.get_token_info(slot) {
            Ok(info) => Ok(Info::from(&info)),
            Err(e @ Pkcs11Error::Pkcs11(..)) => Err(e),
            Err(e) => raw::token_info(&self.path, slot.id()).ok_or(e),
        })
    }

    /// The token as it is now, right before a PIN is tried on it: another one may be in the slot by now, and another
    /// program may have spent tries. `None` where its info could not be read before, either.
    pub(super) fn same_token(&self, token: &Token) -> Result<Option<Token>, TokenError> {
        if token.problem().is_some() {
            return Ok(None);
        }
        let info = self.info_of(token.slot, Some(token))?;
        let now = Token::new(token.slot, None, Ok(info));
        if (now.serial(), now.label()) != (token.serial(), token.label()) {
            return Err(TokenError::OtherToken { token: token.name(), found: now.name().to_string() });
        }
        Ok(Some(now))
    }

    /// How many slots there are, with and without tokens.
    pub fn slot_count(&self) -> Result<usize, TokenError> {
        self.call("C_GetSlotList", None, |p| p.get_all_slots()).map(|slots| slots.len())
    }

    /// The mechanisms of a token that the wrapper knows.
    pub fn mechanisms(&self, token: &Token) -> Result<Vec<MechanismType>, TokenError> {
        self.settled("C_GetMechanismList", Some(token), |p| p.get_mechanism_list(token.slot))
    }

    /// The error for "nothing is inserted", or nothing that was initialised.
    pub(super) fn no_token(&self, blank: usize) -> TokenError {
        TokenError::NoToken { module: self.path.clone(), slots: self.slot_count().unwrap_or(0), blank }
    }

    /// Opens a read-only session; the token may need a moment after another process used it.
    pub(super) fn open(&self, token: &Token) -> Result<Session, TokenError> {
        self.settled("C_OpenSession", Some(token), |p| p.open_ro_session(token.slot))
    }

    /// A session that may change the token.
    pub(super) fn open_rw(&self, token: &Token) -> Result<Session, TokenError> {
        self.settled("C_OpenSession", Some(token), |p| p.open_rw_session(token.slot))
    }

    /// Keeps a session that was read in until C_Finalize, or `close_sessions`.
    pub(super) fn keep(&self, session: Session) {
        self.read_in.borrow_mut().push(session);
    }

    /// Closes the sessions that were read in: before an operator is waited for, and before the token is changed, which
    /// an open session forbids (CKR_SESSION_EXISTS, CKR_SESSION_READ_ONLY_EXISTS).
    pub fn close_sessions(&self) {
        self.unlocked.take();
        for session in self.read_in.take() {
            let _ = logged("C_CloseSession", || session.close());
        }
    }

    /// Waits for the other processes of ours that use the module.
    pub(super) fn lock(&self) -> Result<ModuleLock, TokenError> {
        ModuleLock::acquire(&self.lock_name)
    }

    /// The same without waiting.
    pub(super) fn try_lock(&self) -> Option<ModuleLock> {
        ModuleLock::acquire_within(&self.lock_name, Duration::ZERO).ok()
    }

    /// One call, logged by name and result. Arguments are never logged.
    pub(super) fn call<T>(
        &self,
        name: &'static str,
        token: Option<&Token>,
        work: impl FnOnce(&Pkcs11) -> Result<T, Pkcs11Error>,
    ) -> Result<T, TokenError> {
        let pkcs11 = self.loaded(name, token)?;
        logged(name, || work(pkcs11)).map_err(|e| failed(name, token, &e))
    }

    /// The module itself; there until it is dropped.
    pub(super) fn loaded(&self, name: &'static str, token: Option<&Token>) -> Result<&Pkcs11, TokenError> {
        self.pkcs11.as_ref().ok_or_else(|| failed(name, token, &Pkcs11Error::NullFunctionPointer))
    }

    /// One reading call, tried again while the token settles, and where a list grew since its length was asked for.
    /// Never for a login.
    fn settled<T>(
        &self,
        name: &'static str,
        token: Option<&Token>,
        work: impl Fn(&Pkcs11) -> Result<T, Pkcs11Error>,
    ) -> Result<T, TokenError> {
        let start = Instant::now();
        let mut grown: u8 = 0;
        loop {
            let result = self.call(name, token, &work);
            if matches!(&result, Err(TokenError::Call { code, .. }) if code == "CKR_BUFFER_TOO_SMALL")
                && grown < 3
            {
                grown = grown.saturating_add(1);
                continue;
            }
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
        // C_Finalize ends them; the wrapper would close each by a call of its own.
        self.read_in.take().into_iter().for_each(std::mem::forget);
        if let Some(pkcs11) = self.pkcs11.take() {
            // The library stays loaded: the process ends soon, and unloading only takes time.
            std::mem::forget(pkcs11.clone());
            let _ = logged("C_Finalize", || pkcs11.finalize());
        }
    }
}

fn load(path: &Path, allow_insecure: bool) -> Result<Pkcs11, LoadProblem> {
    if !path.exists() {
        return Err(LoadProblem::Missing);
    }
    if let Some(what) = files::others_may_write(path).filter(|_| !allow_insecure) {
        return Err(LoadProblem::OthersMayWrite(what));
    }
    // The loader would wait for a pipe, and read a device.
    files::check_plain(path, library::MAX_LIBRARY).map_err(|e| LoadProblem::Other(e.to_string()))?;
    // A bare name would be looked for in the system's folders, and be another file than the one that was looked at.
    let path = &std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    logged("C_GetFunctionList", || Pkcs11::new(path)).map_err(|e| match e {
        Pkcs11Error::MissingSymbol(_) => LoadProblem::NotPkcs11,
        Pkcs11Error::LibraryLoading(e) => library::diagnose(path, e.to_string()),
        e => LoadProblem::Other(ckr::reason(&e)),
    })
}

/// Makes a call under the watchdog's eyes, and logs it by name and result.
pub(super) fn logged<T>(
    name: &'static str,
    call: impl FnOnce() -> Result<T, Pkcs11Error>,
) -> Result<T, Pkcs11Error> {
    logged_patiently(name, Patience::Machine, call)
}

/// The same for a call that waits for a person, or makes a key.
pub(super) fn logged_patiently<T>(
    name: &'static str,
    patience: Patience,
    call: impl FnOnce() -> Result<T, Pkcs11Error>,
) -> Result<T, Pkcs11Error> {
    let result = watchdog::over(name, patience, || sense::made_of(call));
    match &result {
        Ok(_) => debug!("{name}: CKR_OK"),
        Err(e) => debug!("{name}: {}", ckr::reason(e)),
    }
    result
}

/// The error of a call.
pub(super) fn failed(name: &'static str, token: Option<&Token>, e: &Pkcs11Error) -> TokenError {
    TokenError::Call { what: name, code: ckr::reason(e), token: token.map(Token::name) }
}

/// The error of a call that sets a PIN: what the token does not take is not a PIN that was tried and is wrong (PKCS#11 v2.40,
/// section 5.1.6). Else by what the call's other PIN means.
pub(super) fn set_failed(
    what: &'static str,
    token: &Token,
    which: PinKind,
    e: &Pkcs11Error,
    otherwise: fn(&'static str, &Token, &Pkcs11Error) -> TokenError,
) -> TokenError {
    match ckr::code(e) {
        Some(RvError::PinInvalid | RvError::PinLenRange) => {
            TokenError::NotTaken { token: token.name(), which, code: ckr::reason(e) }
        }
        _ => otherwise(what, token, e),
    }
}

/// The error of a call that takes the SO PIN, by what it means.
pub(super) fn so_login_failed(what: &'static str, token: &Token, e: &Pkcs11Error) -> TokenError {
    let name: TokenName = token.name();
    match ckr::code(e) {
        Some(RvError::PinIncorrect | RvError::PinInvalid) => {
            TokenError::SoPinIncorrect { token: name, code: ckr::reason(e), state: token.so_pin_state() }
        }
        Some(RvError::PinLocked) => TokenError::SoPinLocked { token: name },
        _ => failed(what, Some(token), e),
    }
}

/// The error of a call that takes the PIN, by what it means.
pub(super) fn login_failed(what: &'static str, token: &Token, e: &Pkcs11Error) -> TokenError {
    let name: TokenName = token.name();
    match ckr::code(e) {
        Some(RvError::PinIncorrect | RvError::PinInvalid) => {
            TokenError::PinIncorrect { token: name, code: ckr::reason(e), state: token.pin_state() }
        }
        Some(RvError::PinLocked) => TokenError::PinLocked { token: name },
        Some(RvError::UserPinNotInitialized) => TokenError::PinNotSet { token: name },
        // Many pads take a PIN from elsewhere, too; this one says that it does not.
        Some(RvError::ArgumentsBad) if token.has_pin_pad() => {
            TokenError::PinPad { token: name, which: PinKind::User, has: true }
        }
        _ => failed(what, Some(token), e),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use cryptoki::context::Function;

    use super::super::raw::Info;
    use super::*;

    fn token(flags: sys::CK_FLAGS) -> Token {
        Token::new(Slot::try_from(1_u64).unwrap(), None, Ok(Info { flags, ..Info::default() }))
    }

    fn error(code: RvError) -> Pkcs11Error {
        Pkcs11Error::Pkcs11(code, Function::Login)
    }

    #[test]
    fn a_login_that_failed_says_what_it_means() {
        let of = |flags, code| login_failed("C_Login", &token(flags), &error(code));
        let pad = sys::CKF_PROTECTED_AUTHENTICATION_PATH;
        assert!(matches!(of(0, RvError::PinIncorrect), TokenError::PinIncorrect { .. }));
        assert!(matches!(of(0, RvError::PinLocked), TokenError::PinLocked { .. }));
        assert!(matches!(of(0, RvError::UserPinNotInitialized), TokenError::PinNotSet { .. }));
        assert!(matches!(of(pad, RvError::ArgumentsBad), TokenError::PinPad { has: true, .. }));
        assert!(matches!(of(0, RvError::ArgumentsBad), TokenError::Call { .. }));
        assert!(matches!(of(pad, RvError::DeviceError), TokenError::Call { .. }));
    }

    #[test]
    fn a_pin_that_is_not_taken_is_not_one_that_is_wrong() {
        let of = |code| set_failed("C_SetPIN", &token(0), PinKind::New, &error(code), login_failed);
        for code in [RvError::PinInvalid, RvError::PinLenRange] {
            assert!(matches!(of(code), TokenError::NotTaken { which: PinKind::New, .. }), "{code:?}");
        }
        assert!(matches!(of(RvError::PinIncorrect), TokenError::PinIncorrect { .. }));
        assert!(matches!(of(RvError::PinLocked), TokenError::PinLocked { .. }));
        let by_login = login_failed("C_Login", &token(0), &error(RvError::PinInvalid));
        assert!(matches!(by_login, TokenError::PinIncorrect { .. }), "what modules call it that was tried");
    }

    #[test]
    fn an_administrators_login_that_failed_says_what_it_means() {
        let of = |code| so_login_failed("C_Login", &token(0), &error(code));
        assert!(matches!(of(RvError::PinIncorrect), TokenError::SoPinIncorrect { .. }));
        assert!(matches!(of(RvError::PinLocked), TokenError::SoPinLocked { .. }));
        assert!(matches!(of(RvError::DeviceError), TokenError::Call { .. }));
    }
}
