//! A session, and the one login of a run. Whatever happens, it ends in a logout.

use cryptoki::error::RvError;
use cryptoki::session::{Session, UserType};

use super::ckr;
use super::contents::TokenContents;
use super::error::{TokenError, TokenName};
use super::module::{Module, logged, logged_patiently, login_failed};
use super::pin::{Pin, PinKind, PinState};
use super::private_key::private_keys;
use super::profile::PinFormat;
use super::signer::asks_every_time;
use super::slot::Token;
use super::watchdog::Patience;

/// A session that is logged in; logs out and closes when dropped.
pub(super) struct Login<'t> {
    session: Option<Session>,
    token: &'t Token,
    pin: Option<Pin>,
    logged_in: bool,
}

impl<'t> Login<'t> {
    /// Opens a session and logs in, once. `pin` is `None` for a PIN pad.
    pub(super) fn new(module: &Module, token: &'t Token, pin: Option<Pin>) -> Result<Self, TokenError> {
        Self::with(module, token, pin, Module::open)
    }

    /// The same with a session that may change the token.
    pub(super) fn new_rw(module: &Module, token: &'t Token, pin: Option<Pin>) -> Result<Self, TokenError> {
        module.close_sessions();
        Self::with(module, token, pin, Module::open_rw)
    }

    fn with(
        module: &Module,
        token: &'t Token,
        pin: Option<Pin>,
        open: impl FnOnce(&Module, &Token) -> Result<Session, TokenError>,
    ) -> Result<Self, TokenError> {
        if let Some((_, pin)) = module.unlocked.take().filter(|(name, _)| *name == token.name()) {
            return Ok(Login { session: Some(open(module, token)?), token, pin, logged_in: true });
        }
        check_pin(module, token, pin.as_ref())?;
        if token.login_required() {
            same_state(module, token)?;
        }
        let mut login = Login { session: Some(open(module, token)?), token, pin, logged_in: false };
        if token.login_required() {
            login.enter(UserType::User)?;
            login.logged_in = true;
        }
        Ok(login)
    }

    /// The session; there until the login is dropped.
    pub(super) fn session(&self) -> Result<&Session, TokenError> {
        self.session.as_ref().ok_or_else(|| no_session(self.token))
    }

    /// The login that a key with CKA_ALWAYS_AUTHENTICATE wants between C_SignInit and the data.
    ///
    /// The same PIN, which was right a moment ago; on a PIN pad the operator types it again.
    pub(super) fn enter_for_operation(&self) -> Result<(), TokenError> {
        self.enter(UserType::ContextSpecific)
    }

    /// Wipes the PIN: nothing asks for it any more.
    pub(super) fn forget_pin(&mut self) {
        self.pin = None;
    }

    fn enter(&self, user: UserType) -> Result<(), TokenError> {
        let session = self.session()?;
        // On a PIN pad it waits for the operator.
        let patience = if self.pin.is_none() { Patience::Long } else { Patience::Machine };
        let login = || session.login(user, self.pin.as_ref().map(Pin::auth));
        match logged_patiently("C_Login", patience, login) {
            Ok(()) => Ok(()),
            // Another application of ours is logged in: the token is open, which is all that was wanted.
            Err(e) if ckr::code(&e) == Some(RvError::UserAlreadyLoggedIn) => Ok(()),
            Err(e) => Err(login_failed("C_Login", self.token, &e)),
        }
    }
}

impl Module {
    /// What is on a token that shows it after the login alone. It stays logged in, and the next login needs no PIN, until the
    /// sessions are closed.
    pub fn contents_after_login(&self, token: Token, pin: Option<Pin>) -> Result<TokenContents, TokenError> {
        let _lock = self.lock()?;
        let mut login = Login::new(self, &token, pin)?;
        let mut asks_again = self.profile().sign.always_authenticate;
        for key in private_keys(login.session()?, &token, None)? {
            asks_again |= asks_every_time(&login, &token, key.handle)?;
        }
        let pin = login.pin.take().filter(|_| asks_again);
        login.session.take().into_iter().for_each(|session| self.keep(session));
        drop(login);
        self.unlocked.replace(Some((token.name(), pin)));
        Ok(self.read(token))
    }

    /// Whether the next login to this token needs no PIN.
    pub fn is_unlocked(&self, token: &Token) -> bool {
        self.unlocked.borrow().as_ref().is_some_and(|(name, _)| *name == token.name())
    }
}

/// A session that was closed; never seen while its owner lives.
pub(super) fn no_session(token: &Token) -> TokenError {
    TokenError::Call {
        what: "C_OpenSession",
        code: "CKR_SESSION_CLOSED".to_owned(),
        token: Some(token.name()),
    }
}

impl Drop for Login<'_> {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            if self.logged_in {
                let _ = logged("C_Logout", || session.logout());
            }
            let _ = logged("C_CloseSession", || session.close());
        }
    }
}

/// What can be known about a PIN without spending a try on it: the token's flags, and its length.
///
/// Whether a last try may be spent is the caller's question to the operator.
pub(super) fn check_pin(module: &Module, token: &Token, pin: Option<&Pin>) -> Result<(), TokenError> {
    let name = token.name();
    has_a_pin(token)?;
    let Some(pin) = pin else {
        let no_pin_needed = token.has_pin_pad() || !token.login_required();
        let no_pad = TokenError::PinPad { token: name, which: PinKind::User, has: false };
        return if no_pin_needed { Ok(()) } else { Err(no_pad) };
    };
    check_length(module, token, PinKind::User, pin)
}

/// Whether there is a PIN to try.
fn has_a_pin(token: &Token) -> Result<(), TokenError> {
    match token.pin_state() {
        PinState::Locked => Err(TokenError::PinLocked { token: token.name() }),
        PinState::NotSet => Err(TokenError::PinNotSet { token: token.name() }),
        _ => Ok(()),
    }
}

/// The operator agreed to a try by what the token said when it was looked at: if it says worse now, none is spent.
pub(super) fn same_state(module: &Module, token: &Token) -> Result<(), TokenError> {
    same_state_of(module, token, Token::pin_state, |token| TokenError::PinLocked { token })
}

/// The same of either PIN.
pub(super) fn same_state_of(
    module: &Module,
    token: &Token,
    state_of: fn(&Token) -> PinState,
    locked: fn(TokenName) -> TokenError,
) -> Result<(), TokenError> {
    let Some(now) = module.same_token(token)? else { return Ok(()) };
    match state_of(&now) {
        PinState::Ok => Ok(()),
        state if state == state_of(token) => Ok(()),
        PinState::Locked => Err(locked(token.name())),
        state => Err(TokenError::PinStateChanged { token: token.name(), state }),
    }
}

/// Whether a PIN may be one of this token, by its length in bytes.
pub(super) fn check_length(
    module: &Module,
    token: &Token,
    which: PinKind,
    pin: &Pin,
) -> Result<(), TokenError> {
    let (min, max) = lengths(token.pin_lengths(), &module.profile().pin);
    if (min..=max).contains(&pin.len()) {
        return Ok(());
    }
    Err(TokenError::PinLength { token: token.name(), which, length: pin.len(), min, max })
}

/// Shortest and longest PIN in bytes: what the token says, else the profile. Never empty: to some modules that would
/// mean the PIN pad.
fn lengths((min, max): (usize, usize), format: &PinFormat) -> (usize, usize) {
    // CK_UNAVAILABLE_INFORMATION: the token does not say (PKCS#11 v3.0, section 3.2).
    let said = |length: usize| (length != usize::MAX).then_some(length);
    let (min, max) = if max == 0 { (None, None) } else { (said(min), said(max)) };
    let min = min.or(format.min).unwrap_or(0);
    (min.max(1), max.or(format.max).unwrap_or(usize::MAX))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use cryptoki_sys as sys;

    use super::super::raw::Info;
    use super::*;

    #[test]
    fn a_pin_that_is_locked_or_was_never_set_is_not_tried() {
        let of = |flags| {
            let info = Info {
                flags: flags | sys::CKF_LOGIN_REQUIRED | sys::CKF_TOKEN_INITIALIZED,
                ..Info::default()
            };
            has_a_pin(&Token::new(1_u64.try_into().unwrap(), None, Ok(info)))
        };
        let set = sys::CKF_USER_PIN_INITIALIZED;
        assert!(of(set).is_ok());
        assert!(of(set | sys::CKF_USER_PIN_FINAL_TRY).is_ok(), "the operator is asked elsewhere");
        assert!(matches!(of(0), Err(TokenError::PinNotSet { .. })));
        assert!(matches!(of(set | sys::CKF_USER_PIN_LOCKED), Err(TokenError::PinLocked { .. })));
    }

    #[test]
    fn a_pin_has_the_length_that_the_token_says_else_the_profile() {
        let format = PinFormat { min: Some(6), max: Some(8), ..PinFormat::default() };
        assert_eq!(lengths((4, 255), &format), (4, 255));
        assert_eq!(lengths((0, 16), &format), (1, 16), "never empty");
        assert_eq!(lengths((0, 0), &format), (6, 8));
        assert_eq!(lengths((usize::MAX, 16), &format), (6, 16), "a shortest that is not said");
        assert_eq!(lengths((4, usize::MAX), &format), (4, 8));
        assert_eq!(lengths((4, 0), &PinFormat::default()), (1, usize::MAX));
    }
}
