//! How tokens are selected on the command line.

use sastctl::token::{Info, NotASelector, Selector, Token, TokenCertificate};
use sastctl::trustlist::digest;

use crate::pki;

#[test]
fn a_selector_reads_as_it_was_written() {
    for text in ["SAST token A", "pkcs11:token=SAST%20token%20A;serial=02aea1d3"] {
        assert_eq!(text.parse::<Selector>().unwrap().to_string(), text);
    }
}

#[test]
fn a_pin_in_a_uri_is_refused_and_not_repeated() {
    for uri in [
        "pkcs11:token=x?pin-value=Cisco123",
        "pkcs11:pin-value=Cisco123",
        "pkcs11:token=x;pin-source=file:Cisco123",
        "pkcs11:token=x?module-name=y&pin-value=Cisco123",
        "pkcs11:token=x&PIN-VALUE=Cisco123",
    ] {
        let error = uri.parse::<Selector>().unwrap_err();
        assert_eq!(error, NotASelector::PinInUri);
        assert!(!error.to_string().contains("Cisco123"));
    }
}

#[test]
fn malformed_selectors_are_refused() {
    assert_eq!(" ".parse::<Selector>(), Err(NotASelector::Empty));
    for uri in ["pkcs11:token=%2", "pkcs11:token=%zz", "pkcs11:token=%+1", "pkcs11:token", "pkcs11:slot-id=x"]
    {
        assert!(matches!(uri.parse::<Selector>(), Err(NotASelector::BadEncoding(_))), "{uri}");
    }
    assert!(matches!("pkcs11:slot=1".parse::<Selector>(), Err(NotASelector::UnknownAttribute(_))));
}

fn token(label: &str, serial: &str) -> Token {
    let info = Info {
        flags: cryptoki_sys::CKF_TOKEN_INITIALIZED,
        label: label.to_owned(),
        serial: serial.to_owned(),
        manufacturer: "SafeNet, Inc.".to_owned(),
        ..Info::default()
    };
    Token::new(7_u64.try_into().unwrap(), None, Ok(info))
}

fn matches(selector: &str) -> bool {
    selector.parse::<Selector>().unwrap().matches_token(&token("SAST token A", "02aea1d3"))
}

#[test]
fn the_uri_of_a_token_selects_it_whatever_its_label() {
    for label in ["SAST token A", "a;b?c=%20'ü", "02aea1d3"] {
        let (named, other) = (token(label, "1"), token("another", "1"));
        let selector: Selector = named.uri().parse().unwrap();
        assert!(selector.matches_token(&named) && !selector.matches_token(&other), "{}", named.uri());
    }
    assert!(token("a b-1;", "1").uri().contains("token=a%20b-1%3b"));
}

#[test]
fn tokens_are_named_by_label_serial_or_uri() {
    assert!(matches("SAST token A"));
    assert!(matches("02AEA1D3") && matches("sast TOKEN a"));
    assert!(!matches("SAST token"), "no prefixes: they would be ambiguous one day");
    assert!(matches("pkcs11:token=SAST%20token%20A;serial=02aea1d3"));
    assert!(matches("pkcs11:manufacturer=SafeNet%2C%20Inc.;type=cert?module-name=x"));
    assert!(!matches("pkcs11:token=SAST%20token%20A;serial=ffffffff"));
    assert!(matches("pkcs11:token=SAST%20token%20A%00%00%00;serial=02aea1d3%20%20"), "padded");
    assert!(matches("pkcs11:slot-id=7") && !matches("pkcs11:slot-id=8;serial=02aea1d3"));
}

#[test]
fn certificates_are_named_by_sast_name_or_by_the_object_attributes_of_a_uri() {
    let certificate = pki::token("SAST-ADN008580ef");
    let serial = digest::hex(&certificate.serial, ":");
    let entry = TokenCertificate {
        id: vec![1, 0xFF],
        label: "key 1".to_owned(),
        certificate: Ok(certificate),
        has_key: None,
    };
    let is_meant = |selector: &str| selector.parse::<Selector>().unwrap().matches_certificate(&entry);
    assert!(is_meant("SAST-ADN008580ef") && is_meant("sast-adn008580EF") && !is_meant("key 1"));
    assert!(is_meant(&serial.to_uppercase()) && is_meant(&serial) && !is_meant(&serial[..2]));
    assert!(is_meant("pkcs11:object=SAST-ADN008580ef") && is_meant("pkcs11:object=key%201"));
    assert!(is_meant("pkcs11:serial=1;id=%01%ff") && is_meant("pkcs11:id=%01%FF;object=key%201"));
    assert!(!is_meant("pkcs11:id=%01") && !is_meant("pkcs11:object=key%201;id=%02"));
    assert!(!is_meant("pkcs11:serial=1"), "the token alone is named");
    // As p11tool prints a key, with the label of the key.
    assert!(is_meant("pkcs11:serial=1;id=%01%ff;object=k;type=private"));
    assert!(!is_meant("pkcs11:serial=1;id=%01;object=key%201;type=private"));
    assert!(!is_meant("pkcs11:id=%01%ff;object=k;type=cert") && !is_meant("pkcs11:object=k;type=private"));
}

#[test]
fn a_token_label_may_look_like_a_pin_attribute() {
    let selector: Selector = "pkcs11:token=spin-doctor;serial=pin-1?module-name=pin-x".parse().unwrap();
    assert!(selector.matches_token(&token("spin-doctor", "pin-1")));
}
