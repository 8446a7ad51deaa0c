//! What is said about tokens that fail, or that cannot be told apart.

use cryptoki::error::RvError as R;
use sastctl::token::{Ckr, TokenChoice, TokenError, TokenName};

#[test]
fn what_is_of_the_moment_is_told_from_what_lasts() {
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
