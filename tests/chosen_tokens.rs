//! Which token and certificate is selected if there are several.

use sastctl::token::{
    Ckr, Info, Selector, Token, TokenCertificate, TokenContents, TokenError, is_chosen, is_seen, token_choice,
};
use sastctl::trustlist::Certificate;

use cryptoki::error::RvError;

use crate::pki;

fn token(serial: &str) -> Token {
    let flags = cryptoki_sys::CKF_TOKEN_INITIALIZED;
    let info = Info { label: "SAST".to_owned(), serial: serial.to_owned(), flags, ..Info::default() };
    Token::new(1_u64.try_into().unwrap(), None, Ok(info))
}

/// A certificate object without a label.
fn entry(id: &[u8], certificate: &Certificate) -> TokenCertificate {
    TokenCertificate {
        id: id.to_vec(),
        label: String::new(),
        certificate: Ok(certificate.clone()),
        has_key: None,
    }
}

fn contents(serial: &str, certificates: &[&Certificate]) -> TokenContents {
    let certificates = certificates.iter().map(|certificate| entry(&[7, 8], certificate)).collect();
    TokenContents { token: token(serial), certificates, problem: None }
}

#[test]
fn the_same_certificate_on_another_token_is_another_sast() {
    let (a, b) = (pki::token("SAST-ADN008580ef"), pki::token("SAST-ADN0054f509"));
    let sast = |serial, c: &Certificate| contents(serial, &[c]).sast(None).unwrap();
    assert_eq!(sast("1", &a).id, [7, 8]);
    assert!(sast("1", &a).is_same(&sast("1", &a)));
    assert!(!sast("1", &a).is_same(&sast("2", &a)));
    assert!(!sast("1", &a).is_same(&sast("1", &b)));
}

#[test]
fn a_removed_token_is_distinguished_from_a_failing_one() {
    let name = || token("1").name();
    let failed = |code| TokenError::Call { what: "C_GetTokenInfo", code: Ckr::Code(code), token: None };
    assert!(is_seen(Ok(Some(token("1")))).unwrap() && is_seen(Ok(None)).unwrap());
    assert!(!is_seen(Err(TokenError::OtherToken(name(), String::new()))).unwrap());
    assert!(!is_seen(Err(failed(RvError::TokenNotPresent))).unwrap());
    is_seen(Err(failed(RvError::GeneralError))).unwrap_err();
}

#[test]
fn a_ca_certificate_next_to_its_leaf_does_not_sign() {
    let (ca, a) =
        (pki::certificate("tests/testdata/pki/cisco-manufacturing-ca.der"), pki::token("SAST-ADN008580ef"));
    for list in [[&ca, &a], [&a, &ca]] {
        assert_eq!(contents("1", &list).sast(None).unwrap().certificate().der(), a.der());
    }
    let alone = contents("1", &[&ca]).sast(None).unwrap();
    assert_eq!(alone.certificate().der(), ca.der(), "the only one");
}

type Key = openssl::pkey::PKey<openssl::pkey::Private>;

fn new_key() -> Key {
    openssl::pkey::PKey::from_rsa(openssl::rsa::Rsa::generate(1024).unwrap()).unwrap()
}

/// A certificate of this key that is valid from this time on, in seconds since 1970.
fn made(key: &Key, subject: &str, issuer: &str, from: i64) -> Certificate {
    use openssl::asn1::{Asn1Integer, Asn1Time};
    use openssl::bn::BigNum;
    use openssl::x509::{X509Builder, X509NameBuilder};
    let name = |cn: &str| {
        let mut name = X509NameBuilder::new().unwrap();
        name.append_entry_by_text("CN", cn).unwrap();
        name.build()
    };
    let mut builder = X509Builder::new().unwrap();
    builder.set_subject_name(&name(subject)).unwrap();
    builder.set_issuer_name(&name(issuer)).unwrap();
    builder.set_pubkey(key).unwrap();
    builder.set_not_before(&Asn1Time::from_unix(from).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(1 << 31).unwrap()).unwrap();
    let serial = Asn1Integer::from_bn(&BigNum::from_u32(7).unwrap()).unwrap();
    builder.set_serial_number(&serial).unwrap();
    builder.sign(key, openssl::hash::MessageDigest::sha256()).unwrap();
    Certificate::from_der(builder.build().to_der().unwrap()).unwrap()
}

#[test]
fn only_the_selected_certificate_signs() {
    let (key, other) = (new_key(), new_key());
    let cisco = pki::token("SAST-ADN008580ef");
    let (old, new) = (made(&key, "N", "ca", 1000), made(&key, "N", "ca", 2000));
    let foreign = made(&other, "N", "ca", 3000);
    let named: Selector = "N".parse().unwrap();
    let of = |list: &[&Certificate], selector: &Selector| contents("1", list).sast(Some(selector));
    for list in [[&cisco, &old, &new], [&new, &cisco, &old]] {
        assert_eq!(of(&list, &named).unwrap().certificate().der(), new.der(), "the newest of one key");
    }
    let error = of(&[&cisco, &old, &foreign, &new], &named).unwrap_err();
    let TokenError::AmbiguousCertificate { selector, certificates, .. } = error else { panic!("{error:?}") };
    assert_eq!((selector.as_deref(), certificates.len()), (Some("N"), 2));
    // All have the same CKA_ID: no selector matches only one of them.
    assert!(certificates.iter().all(|c| c.name == "N" && c.selector.is_none()), "{certificates:?}");
    let by_id: Selector = "pkcs11:id=%07%08".parse().unwrap();
    assert!(matches!(of(&[&cisco, &new], &by_id), Err(TokenError::AmbiguousCertificate { .. })));
    assert_eq!(of(&[&old, &new], &by_id).unwrap().certificate().der(), new.der());
    let nothing: Selector = "pkcs11:object=other".parse().unwrap();
    assert!(matches!(of(&[&cisco], &nothing), Err(TokenError::NoCertificate(_))));
    // The name of the token selects its certificate: the newest of one name and key.
    let token: Selector = "1".parse().unwrap();
    assert_eq!(of(&[&old, &new], &token).unwrap().certificate().der(), new.der());
    assert_eq!(of(&[&old, &cisco, &new], &token).unwrap().certificate().der(), cisco.der());
}

/// A selector that an error suggests matches one token, or none is suggested.
#[test]
fn tokens_with_the_same_serial_number_and_label_are_distinguished_by_reader() {
    let a = pki::token("SAST-ADN008580ef");
    let in_reader = |serial: &str, reader: &str, certificates: &[&Certificate]| {
        let mut contents = contents(serial, certificates);
        contents.token.reader = reader.to_owned();
        contents
    };
    let selectors = |all: Vec<TokenContents>, selector: Option<&str>| {
        let selector = selector.map(|text| text.parse::<Selector>().unwrap());
        let hits: Vec<_> = all.iter().filter(|c| is_chosen(selector.as_ref(), c)).collect();
        let choice = |hit| token_choice(hit, &all, selector.as_ref()).selector;
        hits.into_iter().map(choice).collect::<Vec<_>>()
    };
    let some = |text: &str| Some(text.to_owned());
    let two = |x: &str, y: &str| vec![in_reader("1", x, &[]), in_reader("1", y, &[])];
    assert_eq!(selectors(two("X", "X"), None), [None, None]);
    let whole = |reader: &str| some(&format!("pkcs11:token=SAST;serial=1;slot-description={reader}"));
    assert_eq!(selectors(two("X", "Y"), Some("1")), [whole("X"), whole("Y")]);
    let other = vec![in_reader("1", "X", &[]), in_reader("2", "Y", &[])];
    assert_eq!(selectors(other, Some("SAST")), [some("1"), some("2")]);
    // If the selector named a certificate, the suggested one does, too.
    let both = vec![in_reader("1", "X", &[&a]), in_reader("2", "Y", &[&a])];
    let by_id = |serial: &str| some(&format!("pkcs11:serial={serial};id=%07%08"));
    assert_eq!(selectors(both, Some("SAST-ADN008580ef")), [by_id("1"), by_id("2")]);
}

/// Two certificates, neither issued by Cisco: the issuer of the other is ignored.
#[test]
fn in_a_chain_the_leaf_certificate_signs() {
    let key = new_key();
    let make = |subject: &str, issuer: &str| made(&key, subject, issuer, 0);
    let (root, leaf, other) = (make("root", "root"), make("leaf", "root"), make("other", "root"));
    let of = |list: &[&Certificate]| contents("1", list).sast(None);
    assert_eq!(of(&[&root, &leaf]).unwrap().certificate().der(), leaf.der());
    assert_eq!(of(&[&leaf, &root]).unwrap().certificate().der(), leaf.der());
    let (middle, end) = (make("middle", "root"), make("end", "middle"));
    assert_eq!(of(&[&middle, &end]).unwrap().certificate().der(), end.der(), "no root on the token");
    assert!(matches!(of(&[&leaf, &other]), Err(TokenError::AmbiguousCertificate { .. })));
    assert!(matches!(of(&[&root, &leaf, &other]), Err(TokenError::AmbiguousCertificate { .. })));
    assert!(matches!(of(&[]), Err(TokenError::NoCertificate(_))));
    let named: Selector = "leaf".parse().unwrap();
    let found = contents("1", &[&leaf, &other]).sast(Some(&named)).unwrap();
    assert_eq!(found.certificate().der(), leaf.der());
}

#[test]
fn a_blank_token_is_named_by_its_slot() {
    let selector = |flags| {
        let token = Token::new(5_u64.try_into().unwrap(), None, Ok(Info { flags, ..Info::default() }));
        let one = TokenContents { token, certificates: vec![], problem: None };
        token_choice(&one, std::slice::from_ref(&one), None).selector
    };
    assert_eq!(selector(0).as_deref(), Some("pkcs11:slot-id=5"));
    assert_ne!(selector(cryptoki_sys::CKF_TOKEN_INITIALIZED).as_deref(), Some("pkcs11:slot-id=5"));
}

#[test]
fn the_first_of_two_equal_certificates_is_used() {
    let a = pki::token("SAST-ADN008580ef");
    let certificates = vec![entry(&[1], &a), entry(&[2], &a)];
    let twice = TokenContents { token: token("1"), certificates, problem: None };
    assert_eq!(twice.sast(None).unwrap().id, [1]);
}
