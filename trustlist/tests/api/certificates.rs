//! The parts of certificates, and the formats that they are read from.

use openssl::asn1::{Asn1Integer, Asn1Time};
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, PKeyRef, Private};
use openssl::x509::{X509Builder, X509NameBuilder};

use trustlist::Certificate;

fn made(name: &str, serial: &[u8], key: &PKeyRef<Private>) -> Vec<u8> {
    let mut subject = X509NameBuilder::new().unwrap();
    subject.append_entry_by_text("CN", name).unwrap();
    let subject = subject.build();
    let mut builder = X509Builder::new().unwrap();
    builder.set_subject_name(&subject).unwrap();
    builder.set_issuer_name(&subject).unwrap();
    builder.set_pubkey(key).unwrap();
    builder.set_not_before(&Asn1Time::from_unix(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(1 << 31).unwrap()).unwrap();
    let serial = Asn1Integer::from_bn(&BigNum::from_slice(serial).unwrap()).unwrap();
    builder.set_serial_number(&serial).unwrap();
    builder.sign(key, MessageDigest::sha256()).unwrap();
    builder.build().to_der().unwrap()
}

fn rsa() -> PKey<Private> {
    PKey::from_rsa(openssl::rsa::Rsa::generate(1024).unwrap()).unwrap()
}

#[test]
fn a_key_of_another_kind_is_called_by_its_name() {
    let dsa = PKey::from_dsa(openssl::dsa::Dsa::generate(1024).unwrap()).unwrap();
    let certificate = Certificate::from_der(made("dsa", &[1], &dsa)).unwrap();
    assert_eq!(certificate.public_key.describe(), "DSA");
}

#[test]
fn a_certificate_that_speaks_of_pem_is_still_der() {
    let der = made("-----BEGIN CERTIFICATE-----", &[1], &rsa());
    assert_eq!(Certificate::from_file_bytes(&der).unwrap().der(), &der);
}

#[test]
fn names_and_serial_number_are_whole_elements() {
    let key = rsa();
    let raw = |serial: &[u8]| Certificate::from_der(made("a", serial, &key)).unwrap().raw_names();
    let short = raw(&[0x71, 2]);
    assert_eq!(short.serial, [2, 2, 0x71, 2]);
    assert_eq!(short.subject.first(), Some(&0x30));
    assert_eq!(short.subject, short.issuer);
    assert_eq!(raw(&[0x91, 2]).serial, [2, 3, 0, 0x91, 2], "positive");
    let long = |bytes: usize| raw(&vec![0x71; bytes]).serial.len();
    assert_eq!([long(20), long(127), long(128)], [22, 129, 0]);
}
