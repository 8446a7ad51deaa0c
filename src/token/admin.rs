//! Changing and unlocking a PIN, and making a token empty: what SafeNet Authentication Client does by Change Token
//! Password, Unlock Token and Delete Token Content. Each secret is tried once.

use cryptoki::session::UserType;

use super::error::TokenError;
use super::login::{check_length, check_pin, same_state, same_state_of};
use super::module::{Module, failed, logged, logged_patiently, login_failed, set_failed, so_login_failed};
use super::pin::{Pin, PinKind};
use super::raw;
use super::slot::Token;
use super::watchdog::Patience;

impl Module {
    /// Sets a new user PIN (C_SetPIN); the old one is spent as one try. Both are `None` on a PIN pad.
    pub fn change_pin(&self, token: &Token, old: Option<&Pin>, new: Option<&Pin>) -> Result<(), TokenError> {
        check_pin(self, token, old)?;
        check_new(self, token, new, (PinKind::User, old))?;
        let _lock = self.lock()?;
        self.close_sessions();
        same_state(self, token)?;
        let session = self.open_rw(token)?;
        let first = self.profile().pin.change_wants_login;
        let result = (|| {
            // Some modules want the PIN by a login first; one that is wrong there is not tried again by C_SetPIN.
            if first {
                let login = || session.login(UserType::User, old.map(Pin::auth));
                logged_patiently("C_Login", patience(old), login)
                    .map_err(|e| login_failed("C_Login", token, &e))?;
            }
            let set = || match (old, new) {
                (Some(old), Some(new)) => session.set_pin(old.auth(), new.auth()),
                _ => raw::set_pin_on_pad(self.path(), &session),
            };
            logged_patiently("C_SetPIN", patience(new), set)
                .map_err(|e| set_failed("C_SetPIN", token, PinKind::New, &e, login_failed))
        })();
        if first {
            let _ = logged("C_Logout", || session.logout());
        }
        let _ = logged("C_CloseSession", || session.close());
        result
    }

    /// Sets a new user PIN with the SO PIN (C_Login as SO, C_InitPIN): a locked token is usable again. `None` is typed on
    /// the reader.
    pub fn unlock(&self, token: &Token, so_pin: Option<&Pin>, new: Option<&Pin>) -> Result<(), TokenError> {
        check_so_pin(self, token, so_pin)?;
        check_new(self, token, new, (PinKind::Administrator, so_pin))?;
        let _lock = self.lock()?;
        self.close_sessions();
        same_so_state(self, token)?;
        let session = self.open_rw(token)?;
        let result = (|| {
            let login = || session.login(UserType::So, so_pin.map(Pin::auth));
            logged_patiently("C_Login", patience(so_pin), login)
                .map_err(|e| so_login_failed("C_Login (SO)", token, &e))?;
            let set = || match new {
                Some(new) => session.init_pin(new.auth()),
                None => raw::init_pin_on_pad(self.path(), &session),
            };
            let set = logged_patiently("C_InitPIN", patience(new), set);
            let _ = logged("C_Logout", || session.logout());
            let other = |what, token: &Token, e: &_| failed(what, Some(token), e);
            set.map_err(|e| set_failed("C_InitPIN", token, PinKind::New, &e, other))
        })();
        let _ = logged("C_CloseSession", || session.close());
        result
    }

    /// Deletes everything on a token, keys and certificates with it, gives it a label (C_InitToken) and a new user PIN.
    ///
    /// The SO PIN is the token's own, `None` where it is typed on the reader; a token that was never initialised takes it
    /// as its new one. What can be known to be wrong is refused before anything is deleted.
    pub fn init_token(
        &self,
        token: &Token,
        so_pin: Option<&Pin>,
        new: Option<&Pin>,
        label: &str,
    ) -> Result<(), TokenError> {
        check_label(label)?;
        check_so_pin(self, token, so_pin)?;
        check_new(self, token, new, (PinKind::Administrator, so_pin))?;
        self.make_empty(token, so_pin, label)?;
        let emptied = |token: &Token, why| TokenError::Emptied { token: token.name(), why: Box::new(why) };
        let gone = || TokenError::Call {
            what: "C_GetTokenInfo",
            code: "CKR_TOKEN_NOT_PRESENT".to_owned(),
            token: Some(token.name()),
        };
        let empty = self.token_in(token.slot).ok_or_else(|| emptied(token, gone()))?;
        self.unlock(&empty, so_pin, new).map_err(|why| emptied(&empty, why))
    }

    fn make_empty(&self, token: &Token, so_pin: Option<&Pin>, label: &str) -> Result<(), TokenError> {
        let _lock = self.lock()?;
        self.close_sessions();
        same_so_state(self, token)?;
        let pkcs11 = self.loaded("C_InitToken", Some(token))?;
        let init = || match so_pin {
            Some(so_pin) => pkcs11.init_token(token.slot, so_pin.auth(), label),
            None => raw::init_token_on_pad(self.path(), token.slot.id(), label),
        };
        // It may take a token minutes.
        logged_patiently("C_InitToken", Patience::Long, init)
            .map_err(|e| set_failed("C_InitToken", token, PinKind::Administrator, &e, so_login_failed))
    }
}

/// Whether a token can have this label: PKCS#11 has room for 32 bytes, and more would be cut.
pub fn check_label(label: &str) -> Result<(), TokenError> {
    let length = if label.trim().is_empty() { 0 } else { label.len() };
    if (1..=32).contains(&length) { Ok(()) } else { Err(TokenError::Label { length }) }
}

/// A secret that is typed on the reader is waited for.
fn patience(secret: Option<&Pin>) -> Patience {
    if secret.is_none() { Patience::Long } else { Patience::Machine }
}

fn same_so_state(module: &Module, token: &Token) -> Result<(), TokenError> {
    same_state_of(module, token, Token::so_pin_state, |token| TokenError::SoPinLocked { token })
}

/// A SO PIN that is locked is not tried.
fn check_so_pin(module: &Module, token: &Token, so_pin: Option<&Pin>) -> Result<(), TokenError> {
    token.check_so_pin()?;
    check_given(module, token, PinKind::Administrator, so_pin)
}

/// The length of a new PIN, and that it is another one than the one it is set with.
fn check_new(
    module: &Module,
    token: &Token,
    new: Option<&Pin>,
    (than, other): (PinKind, Option<&Pin>),
) -> Result<(), TokenError> {
    check_given(module, token, PinKind::New, new)?;
    match (new, other) {
        (Some(new), Some(other)) if new.is_same(other) => {
            Err(TokenError::NotNew { token: token.name(), than })
        }
        _ => Ok(()),
    }
}

/// Its length, or that the token has a PIN pad for it.
fn check_given(module: &Module, token: &Token, which: PinKind, pin: Option<&Pin>) -> Result<(), TokenError> {
    match pin {
        Some(pin) => check_length(module, token, which, pin),
        None => token.check_pin_pad(which),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_never_cut() {
        assert_eq!(check_label(&"x".repeat(32)), Ok(()));
        assert_eq!(check_label(&"ü".repeat(17)), Err(TokenError::Label { length: 34 }));
        assert_eq!(
            [check_label(""), check_label(" \t")],
            [(); 2].map(|()| Err(TokenError::Label { length: 0 }))
        );
    }
}
