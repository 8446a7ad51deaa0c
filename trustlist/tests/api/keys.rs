//! RSA keys, and the signatures that they verify.

use openssl::bn::BigNum;
use openssl::rsa::{Padding, Rsa};

use trustlist::{Digest, RsaKey, SignatureCheck};

/// OpenSSL signs. Signatures of every size, exponent and digest in use verify; changed ones do not.
#[test]
fn what_openssl_signs_is_verified_and_nothing_else() {
    let parts: [&[u8]; 2] = [b"header", b"records"];
    for (bits, exponent) in
        [(512, 65_537), (1024, 65_537), (1024, 3), (1032, 17), (2048, 65_537), (3072, 65_537)]
    {
        let e = BigNum::from_u32(exponent).unwrap();
        let private = Rsa::generate_with_e(bits, &e).unwrap();
        let n = private.n().to_vec();
        let key = RsaKey::from_parts(&[&[0], &n[..]].concat(), &private.e().to_vec()).unwrap();
        assert_eq!((key.bits(), key.modulus()), (usize::try_from(bits).unwrap(), n));
        for digest in Digest::ALL {
            let info = digest.info(&parts);
            let mut good = vec![0; key.signature_len()];
            // 512 bits are too few for SHA-512.
            if private.private_encrypt(&info, &mut good, Padding::PKCS1).is_err() {
                assert!((bits, digest) == (512, Digest::Sha512), "{bits} {digest}");
                continue;
            }
            assert_eq!(key.check(digest, &parts, &good), SignatureCheck::Valid, "{bits} {digest}");
            for other in Digest::ALL.into_iter().filter(|other| *other != digest) {
                assert_eq!(key.check(other, &parts, &good), SignatureCheck::OtherDigest(digest));
            }
            for at in [0, good.len() / 2, good.len() - 1] {
                let mut bad = good.clone();
                bad[at] ^= 1;
                assert_eq!(key.check(digest, &parts, &bad), SignatureCheck::Invalid);
            }
            assert_eq!(key.check(digest, &[b"other"], &good), SignatureCheck::Invalid);
            assert_eq!(key.check(digest, &parts, &good[1..]), SignatureCheck::Invalid);
            assert_eq!(key.check(digest, &parts, &[&[0], &good[..]].concat()), SignatureCheck::Invalid);
            assert_eq!(key.check(digest, &parts, &[0xff].repeat(good.len())), SignatureCheck::Invalid);
        }
    }
}

#[test]
fn a_modulus_above_4096_bits_is_none_of_ours() {
    let modulus = |bits: usize| [&[0x80], &vec![0; bits / 8 - 2][..], &[1]].concat();
    assert_eq!(RsaKey::from_parts(&modulus(4096), &[3]).unwrap().bits(), 4096);
    assert!(RsaKey::from_parts(&modulus(4104), &[3]).is_none());
    assert!(RsaKey::from_parts(&[], &[3]).is_none());
    assert!(RsaKey::from_parts(&[0x80, 0], &[3]).is_none(), "an even modulus");
}
