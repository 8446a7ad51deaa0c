//! The PINs of a token changed and set; a token erased.

use super::error::WorkError;
use super::operator::{Operator, TokenInUse};
use super::session::{ask_pin, may_try};
use crate::token::{Module, Pin, PinKind, Token};

/// Changes the PIN.
pub fn change_pin(module: &Module, token: &Token, operator: &dyn Operator) -> Result<(), WorkError> {
    may_try(token, PinKind::User, operator)?;
    let old = ask_pin(token, PinKind::User, false, operator)?;
    // Its length costs no try.
    module.check_pin(token, old.as_ref())?;
    let new = new_pin(module, token, operator)?;
    let _in_use = begin_change(operator);
    Ok(module.change_pin(token, old.as_ref(), new.as_ref())?)
}

/// Sets a new PIN with the administrator PIN.
pub fn unlock(module: &Module, token: &Token, operator: &dyn Operator) -> Result<(), WorkError> {
    let (so_pin, new) = administrator_and_new_pin(module, token, operator)?;
    let _in_use = begin_change(operator);
    Ok(module.unlock(token, so_pin.as_ref(), new.as_ref())?)
}

/// Erases a token, and gives it a label and a PIN.
pub fn init(module: &Module, token: &Token, label: &str, operator: &dyn Operator) -> Result<(), WorkError> {
    let (so_pin, new) = administrator_and_new_pin(module, token, operator)?;
    // To the end: an erased token without a PIN is of no use.
    let _in_use = begin_change(operator);
    Ok(module.init_token(token, so_pin.as_ref(), new.as_ref(), label)?)
}

/// Both are asked for before one is tried. On a blank token the given administrator PIN becomes its PIN.
fn administrator_and_new_pin(
    module: &Module,
    token: &Token,
    operator: &dyn Operator,
) -> Result<(Option<Pin>, Option<Pin>), WorkError> {
    token.check_state(PinKind::Administrator)?;
    may_try(token, PinKind::Administrator, operator)?;
    let so_pin = ask_pin(token, PinKind::Administrator, !token.initialized, operator)?;
    Ok((so_pin, new_pin(module, token, operator)?))
}

fn new_pin(module: &Module, token: &Token, operator: &dyn Operator) -> Result<Option<Pin>, WorkError> {
    let new = ask_pin(token, PinKind::New, true, operator)?;
    if new.as_ref().is_some_and(|new| new.is_one_of(&module.profile().pin.factory)) {
        operator.warn("the new PIN is the public factory PIN");
    }
    Ok(new)
}

/// From here on an interruption waits until the token is as it should be.
fn begin_change(operator: &dyn Operator) -> TokenInUse<'_> {
    let in_use = TokenInUse::begin(operator);
    operator.something_changes();
    in_use
}
