//! Changing and unlocking a PIN, and making a token empty: what SafeNet Authentication Client does by Change Token
//! Password, Unlock Token and Delete Token Content. Each secret is tried once.

use cryptoki::session::UserType;

use super::error::TokenError;
use super::login::{check_length, check_pin, same_state};
use super::module::{Module, failed, logged, login_failed, so_login_failed};
use super::pin::{Pin, PinState};
use super::slot::Token;

impl Module {
    /// Sets a new user PIN (C_SetPIN); the old one is spent as one try.
    pub fn change_pin(&self, token: &Token, old: &Pin, new: &Pin) -> Result<(), TokenError> {
        check_pin(self, token, Some(old))?;
        check_length(self, token, new)?;
        let _lock = self.lock()?;
        self.close_sessions();
        same_state(self, token)?;
        let session = self.open_rw(token)?;
        let result = (|| {
            // Some modules want the PIN by a login first; one that is wrong there is not tried again by C_SetPIN.
            if self.profile().pin.change_wants_login {
                logged("C_Login", || session.login(UserType::User, Some(old.auth())))
                    .map_err(|e| login_failed("C_Login", token, &e))?;
            }
            logged("C_SetPIN", || session.set_pin(old.auth(), new.auth()))
                .map_err(|e| login_failed("C_SetPIN", token, &e))
        })();
        if self.profile().pin.change_wants_login {
            let _ = logged("C_Logout", || session.logout());
        }
        let _ = logged("C_CloseSession", || session.close());
        result
    }

    /// Sets a new user PIN with the SO PIN (C_Login as SO, C_InitPIN): a locked token is usable again.
    pub fn unlock(&self, token: &Token, so_pin: &Pin, new: &Pin) -> Result<(), TokenError> {
        check_so_pin(token)?;
        check_length(self, token, so_pin)?;
        check_length(self, token, new)?;
        let _lock = self.lock()?;
        self.close_sessions();
        same_so_state(self, token)?;
        let session = self.open_rw(token)?;
        let result = (|| {
            logged("C_Login", || session.login(UserType::So, Some(so_pin.auth())))
                .map_err(|e| so_login_failed("C_Login (SO)", token, &e))?;
            let set = logged("C_InitPIN", || session.init_pin(new.auth()));
            let _ = logged("C_Logout", || session.logout());
            set.map_err(|e| failed("C_InitPIN", Some(token), &e))
        })();
        let _ = logged("C_CloseSession", || session.close());
        result
    }

    /// Deletes everything on a token, keys and certificates with it, and gives it a label (C_InitToken).
    ///
    /// The SO PIN is the token's own; a token that was never initialised takes it as its new one.
    /// Returns the token as it is then.
    pub fn init_token(&self, token: &Token, so_pin: &Pin, label: &str) -> Result<Token, TokenError> {
        check_so_pin(token)?;
        check_length(self, token, so_pin)?;
        let _lock = self.lock()?;
        self.close_sessions();
        same_so_state(self, token)?;
        let pkcs11 = self.loaded("C_InitToken", Some(token))?;
        logged("C_InitToken", || pkcs11.init_token(token.slot, so_pin.auth(), label))
            .map_err(|e| so_login_failed("C_InitToken", token, &e))?;
        let gone = || TokenError::Call {
            what: "C_GetTokenInfo",
            code: "CKR_TOKEN_NOT_PRESENT".to_owned(),
            token: Some(token.name()),
        };
        self.token_in(token.slot).ok_or_else(gone)
    }
}

/// As for the user PIN: if the token says worse than when it was looked at, no try is spent.
fn same_so_state(module: &Module, token: &Token) -> Result<(), TokenError> {
    let Some(now) = module.same_token(token)? else { return Ok(()) };
    match now.so_pin_state() {
        PinState::Ok => Ok(()),
        state if state == token.so_pin_state() => Ok(()),
        PinState::Locked => Err(TokenError::SoPinLocked { token: token.name() }),
        state => Err(TokenError::PinStateChanged { token: token.name(), state }),
    }
}

/// A SO PIN that is locked is not tried.
fn check_so_pin(token: &Token) -> Result<(), TokenError> {
    match token.so_pin_state() {
        PinState::Locked => Err(TokenError::SoPinLocked { token: token.name() }),
        _ => Ok(()),
    }
}
