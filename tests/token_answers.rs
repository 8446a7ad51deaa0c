//! The meaning of what a token and its module answer: attributes, mechanisms, lengths of PINs.

use cryptoki::mechanism::MechanismType;
use cryptoki::object::Attribute;
use sastctl::token::{
    Info, KeyMarks, MechanismPreference, Profile, Token, TokenCertificate, der_prefix, exposure, fits,
    signing_method,
};
use sastctl::trustlist::{Certificate, Digest};

use crate::pki;

#[test]
fn a_label_is_printable_and_without_padding() {
    let label = |bytes: &[u8]| TokenCertificate::of(&[Attribute::Label(bytes.to_vec())]).label;
    assert_eq!(label(b" SAST A\0\0"), "SAST A");
    assert_eq!(label(b"SAST A \0 \0"), "SAST A");
    assert_eq!(label(b"SAST\x1b[2J"), r"SAST\u{1b}[2J");
    let read = TokenCertificate::of(&[Attribute::Id(vec![7]), Attribute::Owner(vec![1])]);
    assert_eq!(read.id, [7]);
    assert!(read.certificate.unwrap_err().1.contains("CKA_VALUE"));
}

#[test]
fn a_padded_certificate_ends_where_its_length_says() {
    let long = [&[0x30, 0x82, 0x01, 0x00][..], &[7; 256], &[0; 9]].concat();
    assert_eq!(der_prefix(&long).len(), 260);
    let short = [&[0x30, 0x81, 0x80][..], &[7; 128], &[0; 9]].concat();
    assert_eq!(der_prefix(&short).len(), 131);
    assert_eq!(der_prefix(&[0x30, 0x81, 0x80, 7]).len(), 4, "cut short");
    assert_eq!(der_prefix(&[0x04, 1, 7, 0]).len(), 4);
    let certificate = pki::token("SAST-ADN008580ef");
    let padded = [&certificate.der()[..], &[0; 9]].concat();
    let read = TokenCertificate::of(&[Attribute::Value(padded)]).certificate.unwrap();
    assert_eq!(read.der(), certificate.der());
}

#[test]
fn a_key_belongs_to_a_certificate_by_its_modulus_else_by_its_id() {
    let (a, b) = (pki::token("SAST-ADN008580ef"), pki::token("SAST-ADN0054f509"));
    let modulus = |c: &Certificate| c.public_key.rsa().unwrap().modulus().to_vec();
    let key = |id: &[u8], modulus: &[u8], wanted: &[u8]| {
        KeyMarks { id: id.to_vec(), modulus: modulus.to_vec() }.belongs_to(&a, wanted)
    };
    assert!(key(&[9], &modulus(&a), &[1]), "the modulus decides");
    assert!(!key(&[1], &modulus(&b), &[1]));
    assert!(key(&[1], &[], &[1]));
    assert!(!key(&[2], &[], &[1]));
    assert!(!key(&[], &[], &[]), "no id is no id in common");
}

#[test]
fn a_token_may_pad_a_modulus() {
    let of = |attributes: &[Attribute]| {
        let KeyMarks { id, modulus } = KeyMarks::of(attributes);
        (id, modulus)
    };
    let padded = [Attribute::Id(vec![0, 7]), Attribute::Modulus(vec![0, 0, 9, 0, 8])];
    assert_eq!(of(&padded), (vec![0, 7], vec![9, 0, 8]));
    assert_eq!(of(&[Attribute::Label(vec![1])]), (vec![], vec![]));
}

#[test]
fn a_key_that_can_be_read_out_is_recognised() {
    use Attribute::{Extractable, Sensitive};
    assert_eq!(exposure(&[Sensitive(true), Extractable(false)]), None);
    assert_eq!(exposure(&[]), None, "if the module does not say, the key counts as protected");
    let open = exposure(&[Sensitive(false), Extractable(false)]);
    assert_eq!(open, Some("it is not sensitive (CKA_SENSITIVE)"));
    let open = exposure(&[Sensitive(true), Extractable(true)]);
    assert_eq!(open, Some("it is extractable (CKA_EXTRACTABLE)"));
}

#[test]
fn key_sizes_follow_the_limits_of_the_mechanism() {
    assert!(fits(2048, 1024, 2048) && fits(1024, 1024, 2048));
    assert!(!fits(1023, 1024, 2048) && !fits(2049, 1024, 2048));
    assert!(fits(2048, 0, 0));
}

#[test]
fn the_mechanism_follows_the_token_and_the_profile() {
    let method = |mechanisms: &[MechanismType], prefer, every_time| {
        signing_method(mechanisms, prefer, Digest::Sha1, every_time).map(|(method, _)| method)
    };
    use MechanismPreference::{Hash, Raw};
    let (hash, raw) = (MechanismType::SHA1_RSA_PKCS, MechanismType::RSA_PKCS);
    assert_eq!(method(&[hash, raw], Hash, false), Some(Hash));
    assert_eq!(method(&[hash, raw], Raw, false), Some(Raw));
    assert_eq!(method(&[hash, raw], Raw, true), Some(Hash), "the context login needs room");
    assert_eq!(method(&[hash], Raw, false), Some(Hash));
    assert_eq!(method(&[raw], Hash, false), Some(Raw));
    assert_eq!(method(&[MechanismType::SHA256_RSA_PKCS], Hash, false), None, "another digest");
}

#[test]
fn a_pin_has_the_length_that_the_token_says_else_the_profile() {
    let text = "name = 'x'\ndescription = 'y'\n[paths]\n[pin]\nmin = 6\nmax = 8\n";
    let mut profile: Profile = toml::from_str(text).unwrap();
    let lengths = |(min, max), profile: &Profile| {
        let mut token = Token::new(1_u64.try_into().unwrap(), None, Ok(Info::default()));
        (token.pin_min, token.pin_max) = (min, max);
        token.pin_lengths(profile)
    };
    assert_eq!(lengths((4, 255), &profile), (4, 255));
    assert_eq!(lengths((0, 16), &profile), (1, 16), "never empty");
    assert_eq!(lengths((0, 0), &profile), (6, 8));
    assert_eq!(lengths((usize::MAX, 16), &profile), (6, 16), "a shortest that is not said");
    assert_eq!(lengths((4, usize::MAX), &profile), (4, 8));
    (profile.pin.min, profile.pin.max) = (None, None);
    assert_eq!(lengths((4, 0), &profile), (1, usize::MAX));
}
