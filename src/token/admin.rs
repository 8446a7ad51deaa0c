//! Changing and unlocking a PIN, and erasing a token: as Change Token Password, Unlock Token and Delete Token Content in
//! SafeNet Authentication Client. Each secret is tried once.

use cryptoki::context::Function;
use cryptoki::error::{Error as Pkcs11Error, RvError};
use cryptoki::session::UserType;

use super::error::TokenError;
use super::login::{Login, patience, set_failed};
use super::module::{Module, failed, logged_patiently};
use super::pin::{Pin, PinKind};
use super::raw;
use super::slot::Token;
use super::watchdog::Patience;

impl Module {
    /// Sets a new user PIN (C_SetPIN); the old one is tried once. Both are `None` on a PIN pad.
    pub fn change_pin(&self, token: &Token, old: Option<&Pin>, new: Option<&Pin>) -> Result<(), TokenError> {
        self.check_pin(token, old)?;
        self.check_new(token, new, PinKind::User, old)?;
        let _lock = self.lock()?;
        self.close_sessions();
        self.check_same_state(token, PinKind::User)?;
        let mut login = Login::without_login(self, token)?;
        // Some modules want a login first; a PIN that is wrong there is not tried again by C_SetPIN.
        if self.profile().pin.change_wants_login {
            login.log_in(UserType::User, old)?;
        }
        let session = login.session()?;
        let set = || match (old, new) {
            (Some(old), Some(new)) => session.set_pin(old.auth(), new.auth()),
            _ => raw::set_pin_on_pad(self.path(), session),
        };
        logged_patiently("C_SetPIN", patience(new), set)
            .map_err(|e| set_failed("C_SetPIN", token, (PinKind::New, Some(PinKind::User)), &e))
    }

    /// Sets a new user PIN with the SO PIN (C_Login as SO, C_InitPIN): a locked token is usable again. `None`: on a PIN pad.
    pub fn unlock(&self, token: &Token, so_pin: Option<&Pin>, new: Option<&Pin>) -> Result<(), TokenError> {
        self.check_so_pins(token, so_pin, new)?;
        let _lock = self.lock()?;
        self.close_sessions();
        self.check_same_state(token, PinKind::Administrator)?;
        let mut login = Login::without_login(self, token)?;
        login.log_in(UserType::So, so_pin)?;
        let session = login.session()?;
        let set = || match new {
            Some(new) => session.init_pin(new.auth()),
            None => raw::init_pin_on_pad(self.path(), session),
        };
        logged_patiently("C_InitPIN", patience(new), set)
            .map_err(|e| set_failed("C_InitPIN", token, (PinKind::New, None), &e))
    }

    /// Deletes everything on a token, including keys and certificates, and sets a label (C_InitToken) and a new user PIN.
    /// `so_pin` is the token's SO PIN, `None` on a PIN pad; on a token that was never initialised it becomes the SO PIN.
    /// Everything that can be checked is checked before anything is deleted.
    pub fn init_token(
        &self,
        token: &Token,
        so_pin: Option<&Pin>,
        new: Option<&Pin>,
        label: &str,
    ) -> Result<(), TokenError> {
        check_label(label)?;
        self.check_so_pins(token, so_pin, new)?;
        self.make_empty(token, so_pin, label)?;
        let emptied = |token: &Token, why| TokenError::InitIncomplete(token.name(), Box::new(why));
        let code = Pkcs11Error::Pkcs11(RvError::TokenNotPresent, Function::GetTokenInfo);
        let gone = || failed("C_GetTokenInfo", Some(token), &code);
        let empty = self.token_in(token.slot).ok_or_else(|| emptied(token, gone()))?;
        self.unlock(&empty, so_pin, new).map_err(|why| emptied(&empty, why))
    }

    fn make_empty(&self, token: &Token, so_pin: Option<&Pin>, label: &str) -> Result<(), TokenError> {
        let _lock = self.lock()?;
        self.close_sessions();
        self.check_same_state(token, PinKind::Administrator)?;
        let pkcs11 = self.loaded("C_InitToken", Some(token))?;
        let init = || match so_pin {
            Some(so_pin) => pkcs11.init_token(token.slot, so_pin.auth(), label),
            None => raw::init_token_on_pad(self.path(), token.slot, label),
        };
        let so = PinKind::Administrator;
        // This may take minutes on a token.
        logged_patiently("C_InitToken", Patience::Long, init)
            .map_err(|e| set_failed("C_InitToken", token, (so, Some(so)), &e))
    }

    /// Checks the SO PIN and the new PIN without using a try.
    fn check_so_pins(
        &self,
        token: &Token,
        so_pin: Option<&Pin>,
        new: Option<&Pin>,
    ) -> Result<(), TokenError> {
        token.check_state(PinKind::Administrator)?;
        self.check_pin_length(token, PinKind::Administrator, so_pin)?;
        self.check_new(token, new, PinKind::Administrator, so_pin)
    }

    /// Checks the length of a new PIN, and that it differs from the PIN it is set with.
    fn check_new(
        &self,
        token: &Token,
        new: Option<&Pin>,
        than: PinKind,
        other: Option<&Pin>,
    ) -> Result<(), TokenError> {
        self.check_pin_length(token, PinKind::New, new)?;
        match (new, other) {
            (Some(new), Some(other)) if new.is_same(other) => Err(TokenError::SamePin(token.name(), than)),
            _ => Ok(()),
        }
    }
}

/// Checks a token label: at most 32 bytes; PKCS#11 would cut a longer one.
pub fn check_label(label: &str) -> Result<(), TokenError> {
    let length = if label.trim().is_empty() { 0 } else { label.len() };
    if (1..=32).contains(&length) { Ok(()) } else { Err(TokenError::Label(length)) }
}
