//! The errors about tokens that fail, or that cannot be distinguished.

use cryptoki::context::Function;
use cryptoki::error::{Error as Pkcs11Error, RvError as R};
use cryptoki_sys as sys;
use sastctl::token::{
    Ckr, Info, PinKind, Token, TokenChoice, TokenError, TokenName, login_failed, set_failed,
};

#[test]
fn temporary_errors_are_distinguished_from_permanent_ones() {
    let call = |code| TokenError::Call { what: "C_Sign", code: Ckr::Code(code), token: None };
    for code in [R::DeviceError, R::DeviceRemoved, R::TokenNotPresent, R::SessionClosed] {
        assert!(call(code).is_transient(), "{code:?}");
    }
    assert!(!call(R::AttributeTypeInvalid).is_transient(), "no key without an attribute");
    assert!(!call(R::FunctionFailed).is_transient());
    assert!(!TokenError::Busy { holder: "1".to_owned(), seconds: 1 }.is_transient());
}

fn choices(serials: &[&str]) -> Vec<TokenChoice> {
    let name = |serial: &&str| TokenName {
        label: "SAST".to_owned(),
        serial: (*serial).to_owned(),
        reader: String::new(),
    };
    serials.iter().map(|serial| TokenChoice { token: name(serial), selector: None }).collect()
}

#[test]
fn ambiguity_counts_and_lists() {
    let several = |serials: &[&str]| TokenError::Ambiguous(None, choices(serials)).to_string();
    assert_eq!(several(&["t0"]), "1 tokens are inserted: t0");
    assert_eq!(several(&["t0", "t1", "t2"]), "three tokens are inserted: t0, t1 and t2");
    let four = several(&["t0", "t1", "t2", "t3"]);
    assert_eq!(four, "4 tokens are inserted: t0, t1, t2 and t3");
}

#[test]
fn ambiguity_names_what_matches() {
    let tokens = choices(&["02aea1d3", "00373fad"]);
    let error = TokenError::Ambiguous(Some("SAST token".to_owned()), tokens);
    assert_eq!(error.to_string(), "two tokens match \"SAST token\": 02aea1d3 and 00373fad");
}

fn token(flags: sys::CK_FLAGS) -> Token {
    Token::new(1_u64.try_into().unwrap(), None, Ok(Info { flags, ..Info::default() }))
}

fn error(code: R) -> Pkcs11Error {
    Pkcs11Error::Pkcs11(code, Function::Login)
}

#[test]
fn each_login_error_has_its_meaning() {
    let of = |flags, code| login_failed("C_Login", &token(flags), PinKind::User, &error(code));
    let pad = sys::CKF_PROTECTED_AUTHENTICATION_PATH;
    assert!(matches!(of(0, R::PinIncorrect), TokenError::PinIncorrect { .. }));
    assert!(matches!(of(0, R::PinLocked), TokenError::PinLocked(..)));
    assert!(matches!(of(0, R::UserPinNotInitialized), TokenError::PinNotSet(_)));
    assert!(matches!(of(pad, R::ArgumentsBad), TokenError::PinPad(..)));
    assert!(matches!(of(0, R::ArgumentsBad), TokenError::Call { .. }));
    assert!(matches!(of(pad, R::DeviceError), TokenError::Call { .. }));
}

#[test]
fn a_refused_new_pin_is_not_a_wrong_pin() {
    let of = |code| set_failed("C_SetPIN", &token(0), (PinKind::New, Some(PinKind::User)), &error(code));
    for code in [R::PinInvalid, R::PinLenRange] {
        assert!(matches!(of(code), TokenError::PinRefused(_, PinKind::New, _)), "{code:?}");
    }
    assert!(matches!(of(R::PinIncorrect), TokenError::PinIncorrect { .. }));
    assert!(matches!(of(R::PinLocked), TokenError::PinLocked(..)));
    let by_login = login_failed("C_Login", &token(0), PinKind::User, &error(R::PinInvalid));
    assert!(matches!(by_login, TokenError::PinIncorrect { .. }), "what modules call it that was tried");
}

#[test]
fn each_administrator_login_error_has_its_meaning() {
    let of = |code| login_failed("C_Login", &token(0), PinKind::Administrator, &error(code));
    assert!(matches!(of(R::PinIncorrect), TokenError::PinIncorrect { which: PinKind::Administrator, .. }));
    assert!(matches!(of(R::PinLocked), TokenError::PinLocked(_, PinKind::Administrator)));
    assert!(matches!(of(R::DeviceError), TokenError::Call { .. }));
}
