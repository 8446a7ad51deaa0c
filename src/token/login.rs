//! A session, and the only login of a run. It always ends with a logout.

use cryptoki::context::Function;
use cryptoki::error::{Error as Pkcs11Error, RvError};
use cryptoki::object::{Attribute, AttributeType, ObjectHandle};
use cryptoki::session::{Session, UserType};

use super::contents::{TokenContents, private_keys};
use super::error::{Ckr, TokenError, is_token_gone};
use super::module::{Module, failed, logged, logged_patiently};
use super::pin::{Pin, PinKind, PinState};
use super::slot::Token;
use super::watchdog::Patience;

/// A session that is logged in; logs out and closes when dropped.
pub(super) struct Login<'t> {
    session: Option<Session>,
    pub(super) token: &'t Token,
    pub(super) pin: Option<Pin>,
    logged_in: bool,
}

impl<'t> Login<'t> {
    /// Opens a session and logs in, once. `pin` is `None` for a PIN pad.
    pub(super) fn new(
        module: &Module,
        token: &'t Token,
        pin: Option<Pin>,
        open: impl FnOnce(&Module, &Token) -> Result<Session, TokenError>,
    ) -> Result<Self, TokenError> {
        if let Some((_, pin)) = module.unlocked.take().filter(|(name, _)| *name == token.name()) {
            return Ok(Login { session: Some(open(module, token)?), token, pin, logged_in: true });
        }
        module.check_pin(token, pin.as_ref())?;
        if token.login_required {
            module.check_same_state(token, PinKind::User)?;
        }
        let mut login = Login { session: Some(open(module, token)?), token, pin: None, logged_in: false };
        if token.login_required {
            login.log_in(UserType::User, pin.as_ref())?;
        }
        login.pin = pin;
        Ok(login)
    }

    /// A read-write session without a login yet; the PIN was checked.
    pub(super) fn without_login(module: &Module, token: &'t Token) -> Result<Self, TokenError> {
        Ok(Login { session: Some(module.open_rw(token)?), token, pin: None, logged_in: false })
    }

    /// Logs in with a PIN, which is not kept; `None` on a PIN pad.
    pub(super) fn log_in(&mut self, user: UserType, pin: Option<&Pin>) -> Result<(), TokenError> {
        self.enter(user, pin)?;
        self.logged_in = true;
        Ok(())
    }

    pub(super) fn session(&self) -> Result<&Session, TokenError> {
        self.session.as_ref().ok_or_else(|| no_session(self.token))
    }

    /// The login that a key with CKA_ALWAYS_AUTHENTICATE wants between C_SignInit and the data: the same PIN again.
    pub(super) fn context_login(&self) -> Result<(), TokenError> {
        self.enter(UserType::ContextSpecific, self.pin.as_ref())
    }

    /// Whether the key wants a login for each signature: CKA_ALWAYS_AUTHENTICATE, or the profile. If the attribute is missing or
    /// unknown to the module: no.
    pub(super) fn is_always_authenticate(
        &self,
        module: &Module,
        key: ObjectHandle,
    ) -> Result<bool, TokenError> {
        if module.profile().sign.always_authenticate {
            return Ok(true);
        }
        let session = self.session()?;
        let wanted = [AttributeType::AlwaysAuthenticate];
        match logged("C_GetAttributeValue", || session.get_attributes(key, &wanted)) {
            Ok(attributes) => Ok(attributes.contains(&Attribute::AlwaysAuthenticate(true))),
            Err(e) if matches!(Ckr::of(&e), Ckr::Code(code) if is_token_gone(code)) => {
                Err(failed("C_GetAttributeValue", Some(self.token), &e))
            }
            Err(_) => Ok(false),
        }
    }

    fn enter(&self, user: UserType, pin: Option<&Pin>) -> Result<(), TokenError> {
        let session = self.session()?;
        let (name, which) = match user {
            UserType::So => ("C_Login (SO)", PinKind::Administrator),
            _ => ("C_Login", PinKind::User),
        };
        match logged_patiently("C_Login", patience(pin), || session.login(user, pin.map(Pin::auth))) {
            Ok(()) => Ok(()),
            // Another session of this process is logged in, which is enough.
            Err(Pkcs11Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) if which == PinKind::User => Ok(()),
            Err(e) => Err(login_failed(name, self.token, which, &e)),
        }
    }
}

/// The time limit of a call: longer if the secret is typed on the reader.
pub(super) fn patience(secret: Option<&Pin>) -> Patience {
    if secret.is_none() { Patience::Long } else { Patience::Machine }
}

impl Module {
    /// The contents of a token that shows them only after a login: the next one needs no PIN until the sessions are closed.
    pub fn contents_after_login(&self, token: Token, pin: Option<Pin>) -> Result<TokenContents, TokenError> {
        let _lock = self.lock()?;
        let mut login = Login::new(self, &token, pin, Module::open)?;
        let mut asks_again = self.profile().sign.always_authenticate;
        for (handle, _) in private_keys(login.session()?, &token, None)? {
            asks_again |= login.is_always_authenticate(self, handle)?;
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

    /// Checks a PIN without using a try: the token's flags, and the length. The caller asks whether a last try may be used.
    pub fn check_pin(&self, token: &Token, pin: Option<&Pin>) -> Result<(), TokenError> {
        token.check_state(PinKind::User)?;
        if pin.is_none() && !token.login_required {
            return Ok(());
        }
        self.check_pin_length(token, PinKind::User, pin)
    }

    /// Checks the length of a PIN in bytes; without a PIN, that the token has a PIN pad.
    pub(super) fn check_pin_length(
        &self,
        token: &Token,
        which: PinKind,
        pin: Option<&Pin>,
    ) -> Result<(), TokenError> {
        let Some(pin) = pin else { return token.check_pin_pad(which) };
        let (min, max) = token.pin_lengths(self.profile());
        if (min..=max).contains(&pin.len()) {
            return Ok(());
        }
        Err(TokenError::PinLength { token: token.name(), which, length: pin.len(), min, max })
    }

    /// The operator agreed to a try with the PIN state at that time: if the state is worse now, no try is made.
    pub(super) fn check_same_state(&self, token: &Token, which: PinKind) -> Result<(), TokenError> {
        let Some(now) = self.same_token(token)? else { return Ok(()) };
        match now.state_of(which) {
            PinState::Ok => Ok(()),
            state if state == token.state_of(which) => Ok(()),
            PinState::Locked => Err(TokenError::PinLocked(token.name(), which)),
            state => Err(TokenError::PinStateChanged(token.name(), state)),
        }
    }
}

/// The error of a closed session, which cannot occur before its owner is dropped.
pub(super) fn no_session(token: &Token) -> TokenError {
    failed("C_OpenSession", Some(token), &Pkcs11Error::Pkcs11(RvError::SessionClosed, Function::OpenSession))
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

/// The meaning of an error of a call that takes a PIN.
pub fn login_failed(what: &'static str, token: &Token, which: PinKind, e: &Pkcs11Error) -> TokenError {
    let (name, user) = (token.name(), which == PinKind::User);
    match Ckr::of(e) {
        code @ Ckr::Code(RvError::PinIncorrect | RvError::PinInvalid) => {
            TokenError::PinIncorrect { token: name, which, code, state: token.state_of(which) }
        }
        Ckr::Code(RvError::PinLocked) => TokenError::PinLocked(name, which),
        Ckr::Code(RvError::UserPinNotInitialized) if user => TokenError::PinNotSet(name),
        // Many tokens with a PIN pad also accept a PIN from the program; this one does not.
        Ckr::Code(RvError::ArgumentsBad) if user && token.pin_pad => TokenError::PinPad(name, which),
        _ => failed(what, Some(token), e),
    }
}

/// The meaning of an error of a call that sets a PIN: the new PIN was refused (PKCS#11 v2.40, section 5.1.6), or the PIN that
/// the call takes was wrong.
pub fn set_failed(
    what: &'static str,
    token: &Token,
    (set, taken): (PinKind, Option<PinKind>),
    e: &Pkcs11Error,
) -> TokenError {
    match (Ckr::of(e), taken) {
        (code @ Ckr::Code(RvError::PinInvalid | RvError::PinLenRange), _) => {
            TokenError::PinRefused(token.name(), set, code)
        }
        (_, Some(taken)) => login_failed(what, token, taken, e),
        (_, None) => failed(what, Some(token), e),
    }
}
