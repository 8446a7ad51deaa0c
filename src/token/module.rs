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

use super::error::{Ckr, TokenError, TokenName};
use super::library::{self, LoadProblem};
use super::lock::{self, ModuleLock};
use super::pin::Pin;
use super::profile::Profile;
use super::raw::{self, Info};
use super::slot::Token;
use super::watchdog::{self, OnHang, Patience};
use crate::files;
use crate::system::{access, process};

#[derive(Default)]
pub struct LoadOptions {
    /// The time limit of a call, and what to do after it; without it calls are not watched.
    pub patience: Option<(Duration, OnHang)>,
    /// Load a module that users other than root and this one may write.
    pub allow_insecure: bool,
}

/// A loaded module. One per process: some modules crash when they are initialised twice.
#[derive(Debug)]
pub struct Module {
    pkcs11: Option<Pkcs11>,
    profile: Profile,
    path: PathBuf,
    lock_name: String,
    /// Read-only sessions. Each C_CloseSession is a round trip to the token, so C_Finalize closes them.
    read_in: RefCell<Vec<Session>>,
    /// The token that stays logged in while these sessions are open, with the PIN if a key needs it again.
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
            // SoftHSM reads the tokens in C_Initialize, and misses a token that another process logs in to at the same time.
            let lock_name = lock::lock_name(&path);
            let lock = lock::acquire(&lock_name, lock::PATIENCE)?;
            let begun =
                logged("C_Initialize", || raw::initialize(&pkcs11, profile.init_argument().as_deref()));
            drop(lock);
            if let Err(e) = begun {
                tried.push((path, LoadProblem::Initialize(Ckr::of(&e).to_string())));
                continue;
            }
            return Ok(Module {
                pkcs11: Some(pkcs11),
                profile,
                path,
                lock_name,
                read_in: RefCell::default(),
                unlocked: RefCell::default(),
            });
        }
        Err(TokenError::NoModule { profile: profile.name, tried, unset })
    }

    pub fn profile(&self) -> &Profile {
        &self.profile
    }

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

    /// The tokens in slot order. One whose info cannot be read is listed with the reason.
    pub fn tokens(&self) -> Result<Vec<Token>, TokenError> {
        Ok(self.slots()?.into_iter().filter_map(|slot| self.token_in(slot)).collect())
    }

    /// The slots with a token in them.
    pub fn slots(&self) -> Result<Vec<Slot>, TokenError> {
        self.settled("C_GetSlotList", None, |p| p.get_slots_with_token())
    }

    /// The token in a slot; `None` if it was removed meanwhile, or the profile leaves it out.
    pub(super) fn token_in(&self, slot: Slot) -> Option<Token> {
        let info = self.token_info(slot)?;
        let is_blank = |info: &Info| !info.has(sys::CKF_TOKEN_INITIALIZED);
        let spare = self.profile.slots.spare && info.as_ref().is_ok_and(is_blank);
        let slot_info =
            if spare { None } else { self.call("C_GetSlotInfo", None, |p| p.get_slot_info(slot)).ok() };
        let token = Token::new(slot, slot_info.as_ref(), info);
        let left_out = |word: &String| {
            let word = word.to_lowercase();
            token.label.to_lowercase().contains(&word) || token.reader.to_lowercase().contains(&word)
        };
        (!self.profile.slots.leave_out.iter().any(left_out)).then_some(token)
    }

    /// The same without its reader (one call less), unless the profile leaves slots out by it.
    pub(super) fn token_without_reader(&self, slot: Slot) -> Option<Token> {
        if !self.profile.slots.leave_out.is_empty() {
            return self.token_in(slot);
        }
        Some(Token::new(slot, None, self.token_info(slot)?))
    }

    fn token_info(&self, slot: Slot) -> Option<Result<Info, String>> {
        match self.info_of(slot, None) {
            // Removed between the two calls.
            Err(e) if e.code() == Some(RvError::TokenNotPresent) => None,
            Err(e) => Some(Err(e.to_string())),
            Ok(info) => Some(Ok(info)),
        }
    }

    /// C_GetTokenInfo; without the wrapper if that cannot decode the answer.
    fn info_of(&self, slot: Slot, token: Option<&Token>) -> Result<Info, TokenError> {
        self.settled("C_GetTokenInfo", token, |pkcs11| match pkcs11.get_token_info(slot) {
            Ok(info) => Ok(Info::from(&info)),
            Err(e @ Pkcs11Error::Pkcs11(..)) => Err(e),
            Err(e) => raw::token_info(&self.path, slot).ok_or(e),
        })
    }

    /// Reads the token again right before a PIN is tried: another one may be in the slot, and another program may have used
    /// tries. `None` if its info could not be read before, either.
    pub(super) fn same_token(&self, token: &Token) -> Result<Option<Token>, TokenError> {
        if token.problem.is_some() {
            return Ok(None);
        }
        let info = self.info_of(token.slot, Some(token))?;
        let now = Token::new(token.slot, None, Ok(info));
        if (&now.serial, &now.label) != (&token.serial, &token.label) {
            return Err(TokenError::OtherToken(token.name(), now.name().to_string()));
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

    /// Opens a read-only session; the token may need a moment after another process used it.
    pub(super) fn open(&self, token: &Token) -> Result<Session, TokenError> {
        self.settled("C_OpenSession", Some(token), |p| p.open_ro_session(token.slot))
    }

    pub(super) fn open_rw(&self, token: &Token) -> Result<Session, TokenError> {
        self.settled("C_OpenSession", Some(token), |p| p.open_rw_session(token.slot))
    }

    /// Keeps a read-only session open until C_Finalize, or `close_sessions`.
    pub(super) fn keep(&self, session: Session) {
        self.read_in.borrow_mut().push(session);
    }

    /// Closes the read-only sessions: before waiting for an operator, and before the token is changed, because open sessions
    /// prevent that.
    pub fn close_sessions(&self) {
        self.unlocked.take();
        for session in self.read_in.take() {
            let _ = logged("C_CloseSession", || session.close());
        }
    }

    /// Waits for other processes of this program that use the module.
    pub(super) fn lock(&self) -> Result<ModuleLock, TokenError> {
        lock::acquire(&self.lock_name, lock::PATIENCE)
    }

    /// Does the work, or returns `None` if another process of this program uses the tokens.
    pub fn if_free<T>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, TokenError>,
    ) -> Result<Option<T>, TokenError> {
        let Ok(_lock) = lock::acquire(&self.lock_name, Duration::ZERO) else { return Ok(None) };
        work(self).map(Some)
    }

    /// Makes a call, logged by name and result, never by arguments.
    pub(super) fn call<T>(
        &self,
        name: &'static str,
        token: Option<&Token>,
        work: impl FnOnce(&Pkcs11) -> Result<T, Pkcs11Error>,
    ) -> Result<T, TokenError> {
        let pkcs11 = self.loaded(name, token)?;
        logged(name, || work(pkcs11)).map_err(|e| failed(name, token, &e))
    }

    /// The wrapper's module.
    pub(super) fn loaded(&self, name: &'static str, token: Option<&Token>) -> Result<&Pkcs11, TokenError> {
        self.pkcs11.as_ref().ok_or_else(|| failed(name, token, &Pkcs11Error::NullFunctionPointer))
    }

    /// Makes a reading call, repeated while the token settles, and if a list grew after its length was read. Never for a login.
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
            let code = result.as_ref().err().and_then(TokenError::code);
            if code == Some(RvError::BufferTooSmall) && grown < 3 {
                grown = grown.saturating_add(1);
                continue;
            }
            let unsettled = matches!(code, Some(RvError::DeviceError | RvError::TokenNotPresent));
            if !unsettled || start.elapsed() >= Duration::from_millis(self.profile.settle_ms) {
                return result;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        // C_Finalize closes the sessions; the wrapper would make a call for each.
        self.read_in.take().into_iter().for_each(std::mem::forget);
        if let Some(pkcs11) = self.pkcs11.take() {
            // The library stays loaded: unloading takes time, and the process ends soon.
            std::mem::forget(pkcs11.clone());
            let _ = logged("C_Finalize", || pkcs11.finalize());
        }
    }
}

fn load(path: &Path, allow_insecure: bool) -> Result<Pkcs11, LoadProblem> {
    if !path.exists() {
        return Err(LoadProblem::Missing);
    }
    if let Some(what) = access::others_may_write(path).filter(|_| !allow_insecure) {
        return Err(LoadProblem::OthersMayWrite(what));
    }
    // The loader would block on a pipe or a device.
    files::check_plain(path, library::MAX_LIBRARY).map_err(|e| LoadProblem::Other(e.to_string()))?;
    // The loader would search a bare name in the system's folders, and load another file than the one checked.
    let path = &std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    process::search_libraries_beside(path);
    logged("C_GetFunctionList", || Pkcs11::new(path)).map_err(|e| match e {
        Pkcs11Error::MissingSymbol(_) => LoadProblem::NotPkcs11,
        Pkcs11Error::LibraryLoading(e) => library::diagnose(path, e.to_string()),
        e => LoadProblem::Other(Ckr::of(&e).to_string()),
    })
}

/// Makes a call with the watchdog, and logs it by name and result.
pub(super) fn logged<T>(
    name: &'static str,
    call: impl FnOnce() -> Result<T, Pkcs11Error>,
) -> Result<T, Pkcs11Error> {
    logged_patiently(name, Patience::Machine, call)
}

/// As [`logged`], for a call that waits for a person or makes a key.
pub(super) fn logged_patiently<T>(
    name: &'static str,
    patience: Patience,
    call: impl FnOnce() -> Result<T, Pkcs11Error>,
) -> Result<T, Pkcs11Error> {
    let result = watchdog::watched(name, patience, || watchdog::catch_panic(call));
    match &result {
        Ok(_) => debug!("{name}: CKR_OK"),
        Err(e) => debug!("{name}: {}", Ckr::of(e)),
    }
    result
}

pub(super) fn call_token<T>(
    name: &'static str,
    token: &Token,
    call: impl FnOnce() -> Result<T, Pkcs11Error>,
) -> Result<T, TokenError> {
    logged(name, call).map_err(|e| failed(name, Some(token), &e))
}

pub(super) fn failed(name: &'static str, token: Option<&Token>, e: &Pkcs11Error) -> TokenError {
    TokenError::Call { what: name, code: Ckr::of(e), token: token.map(Token::name) }
}
