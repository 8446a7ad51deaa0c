//! The meaning of a token's flags for its PINs.

use cryptoki_sys as sys;
use sastctl::token::{Info, PinKind, PinState, Token, TokenError};

fn token(flags: sys::CK_FLAGS) -> Token {
    Token::new(1_u64.try_into().unwrap(), None, Ok(Info { flags, ..Info::default() }))
}

#[test]
fn the_administrator_pin_of_a_blank_token_is_never_locked() {
    let state = |flags| token(flags).so_pin_state;
    let (initialized, locked) = (sys::CKF_TOKEN_INITIALIZED, sys::CKF_SO_PIN_LOCKED);
    assert_eq!([state(locked), state(initialized | locked)], [PinState::NotSet, PinState::Locked]);
}

#[test]
fn a_missing_pin_is_reported_only_if_a_login_is_required() {
    let state = |flags| token(flags).pin_state;
    let (initialized, wanted) = (sys::CKF_TOKEN_INITIALIZED, sys::CKF_LOGIN_REQUIRED);
    assert_eq!(state(initialized | wanted), PinState::NotSet);
    assert_eq!(state(initialized | wanted | sys::CKF_USER_PIN_INITIALIZED), PinState::Ok);
    assert_eq!([state(initialized), state(wanted), state(0)], [PinState::Ok; 3]);
    let locked = sys::CKF_USER_PIN_LOCKED | sys::CKF_USER_PIN_COUNT_LOW;
    assert_eq!(state(initialized | wanted | locked), PinState::Locked);
}

#[test]
fn a_pin_that_is_locked_or_was_never_set_is_not_tried() {
    let flags = sys::CKF_LOGIN_REQUIRED | sys::CKF_TOKEN_INITIALIZED;
    let of = |more| token(flags | more).check_state(PinKind::User);
    let set = sys::CKF_USER_PIN_INITIALIZED;
    assert!(of(set).is_ok());
    assert!(of(set | sys::CKF_USER_PIN_FINAL_TRY).is_ok(), "the operator is asked elsewhere");
    assert!(matches!(of(0), Err(TokenError::PinNotSet(_))));
    assert!(matches!(of(set | sys::CKF_USER_PIN_LOCKED), Err(TokenError::PinLocked(..))));
}
