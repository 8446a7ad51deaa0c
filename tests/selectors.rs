//! How tokens are selected on the command line.

use sastctl::token::{NotASelector, Selector};

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
