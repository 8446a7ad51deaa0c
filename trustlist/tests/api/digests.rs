//! Checksums compared with published values, and the DigestInfo of RFC 8017 under a signature.

use trustlist::digest::{hex, md5, phone_lines, sha1, sha256};
use trustlist::{Digest, digest};

#[test]
fn checksums_are_those_that_the_standards_print() {
    assert_eq!(hex(&sha1(b"abc"), ""), "a9993e364706816aba3e25717850c26c9cd0d89d");
    assert_eq!(hex(&md5(b"abc"), ""), "900150983cd24fb0d6963f7d28e17f72");
    let sha256_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(hex(&sha256(b"abc"), ""), sha256_abc);
    assert_eq!(hex(&Digest::Sha256.hash(&[b"a", b"bc"]), ""), sha256_abc, "parts are one message");
    assert_eq!(digest::colons(&[0x0a, 0xff]), "0A:FF");
}

#[test]
fn a_phone_shows_a_checksum_as_pairs_in_lines_of_eight() {
    assert_eq!(phone_lines(&md5(b"abc")), ["90 01 50 98 3C D2 4F B0", "D6 96 3F 7D 28 E1 7F 72"]);
    assert_eq!(phone_lines(&sha1(b"abc")).len(), 3);
}

#[test]
fn the_code_of_a_digest_in_the_header_names_it() {
    assert_eq!([1, 2, 3].map(Digest::from_code), Digest::ALL.map(Some));
    assert_eq!(Digest::ALL.map(Digest::code), [1, 2, 3]);
    assert_eq!([0, 4, 255].map(Digest::from_code), [None; 3]);
}

#[test]
fn digest_info_is_der() {
    for digest in Digest::ALL {
        let (info, hash) = (digest.info(&[b"abc"]), digest.hash(&[b"abc"]));
        assert_eq!(usize::from(info[1]), info.len() - 2, "the outer SEQUENCE covers all behind its length");
        assert_eq!(usize::from(info[info.len() - hash.len() - 1]), hash.len());
        assert!(info.ends_with(&hash));
    }
    let sha1_info = "3021300906052b0e03021a05000414a9993e364706816aba3e25717850c26c9cd0d89d";
    assert_eq!(hex(&Digest::Sha1.info(&[b"abc"]), ""), sha1_info);
}
