//! Public keys and signatures of any content: a DigestInfo that is not exactly the right one is not valid.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trustlist::{Digest, RsaKey, SignatureCheck};

fuzz_target!(|input: (&[u8], &[u8], &[u8], u8)| {
    let (modulus, signature, message, exponent) = input;
    let keys = [
        RsaKey::from_pkcs1(modulus),
        RsaKey::from_parts(modulus, &[exponent]),
        RsaKey::from_parts(modulus, &[1, 0, exponent | 1]),
    ];
    for key in keys.into_iter().flatten() {
        let _ = key.to_public_key_info();
        for digest in Digest::ALL {
            let check = key.check(digest, &[message], signature);
            if check != SignatureCheck::Invalid {
                assert_eq!(signature.len(), key.signature_len());
            }
        }
    }
});
