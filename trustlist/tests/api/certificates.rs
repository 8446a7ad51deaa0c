//! The parts of certificates, and the formats that they are read from.

use openssl::asn1::{Asn1Integer, Asn1Time};
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, PKeyRef, Private};
use openssl::x509::{X509Builder, X509NameBuilder};

use trustlist::Certificate;

fn made(name: &str, serial: &[u8], key: &PKeyRef<Private>) -> Vec<u8> {
    signed(name, serial, key, MessageDigest::sha256())
}

fn signed(name: &str, serial: &[u8], key: &PKeyRef<Private>, digest: MessageDigest) -> Vec<u8> {
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
    builder.sign(key, digest).unwrap();
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
    let described = |key: &PKey<Private>, digest| {
        Certificate::from_der(signed("key", &[1], key, digest)).unwrap().public_key.describe()
    };
    // A modulus whose highest bit is set begins with a zero byte, which does not count.
    assert_eq!(described(&rsa(), MessageDigest::sha256()), "RSA 1024");
    assert_eq!(described(&PKey::generate_ed25519().unwrap(), MessageDigest::null()), "unknown");
}

/// A certificate whose name is this directory string: its tag and its bytes.
fn called(tag: u8, value: &[u8], key: &PKeyRef<Private>) -> String {
    let length = u8::try_from(value.len()).unwrap();
    let placeholder = "{~QZ|^_xj".repeat(9)[..value.len()].to_owned();
    let mut der = made(&placeholder, &[1], key);
    // The tag of a UTF8String, the length, the text: twice, as the subject and as the issuer.
    let utf8 = [&[0x0c, length][..], placeholder.as_bytes()].concat();
    for _ in 0..2 {
        let at = der.windows(utf8.len()).position(|bytes| bytes == utf8).unwrap();
        der[at] = tag;
        der[at + 2..at + utf8.len()].copy_from_slice(value);
    }
    Certificate::from_der(der).unwrap().subject.common_name().unwrap().to_owned()
}

#[test]
fn directory_strings_of_every_kind_are_read() {
    const UTF8: u8 = 0x0c;
    const T61: u8 = 0x14;
    const UNIVERSAL: u8 = 0x1c;
    const BMP: u8 = 0x1e;
    let key = rsa();
    let text = |tag, value: &[u8]| called(tag, value, &key);
    let wide = "Žižkov \u{1F4DE}";
    let bmp: Vec<u8> = wide.encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert_eq!(text(BMP, &bmp), wide);
    let universal: Vec<u8> = wide.chars().flat_map(|c| u32::from(c).to_be_bytes()).collect();
    assert_eq!(text(UNIVERSAL, &universal), wide);
    assert_eq!(text(UNIVERSAL, &[0, 0x11, 0, 0]), "\u{FFFD}");
    assert_eq!(text(BMP, &[0xd8, 0x00, 0]), "\u{fffd}\0", "half of a character, and half a unit");
    assert_eq!(text(T61, b"M\xFCnchen"), "München", "Latin-1");
    assert_eq!(text(T61, "München".as_bytes()), "München", "in the field UTF-8, too");
    assert_eq!(text(UTF8, b"M\xFCnchen"), "M\u{FFFD}nchen");
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
