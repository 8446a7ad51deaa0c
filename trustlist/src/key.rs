//! Public keys as trust lists hold them, and RSA verification.

use std::cell::OnceCell;

use rsa::pkcs1::DecodeRsaPublicKey;
use rsa::pkcs8::EncodePublicKey;
use rsa::traits::PublicKeyParts;
use rsa::{BoxedUint, Pkcs1v15Sign, RsaPublicKey};

use super::digest::Digest;

/// A modulus may have 4096 bits, SIGNATUREMODULUS 3.
const MAX_KEY_BYTES: usize = 512;

/// The public key of a certificate or of a PUBLICKEY element (tag 7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicKey {
    /// An RSA key, 512 to 4096 bits.
    Rsa(RsaKey),
    /// Anything else: elliptic curves, larger RSA keys. Carried, not verified with.
    Other {
        /// What it is, for people: `EC, 384 bits`.
        what: String,
    },
}

impl PublicKey {
    /// For people: `RSA 1024`.
    pub fn describe(&self) -> String {
        match self {
            PublicKey::Rsa(key) => format!("RSA {}", key.bits()),
            PublicKey::Other { what } => what.clone(),
        }
    }

    /// The RSA key, if it is one.
    pub fn rsa(&self) -> Option<&RsaKey> {
        match self {
            PublicKey::Rsa(key) => Some(key),
            PublicKey::Other { .. } => None,
        }
    }
}

/// An RSA public key that can verify a trust list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RsaKey {
    key: RsaPublicKey,
}

/// The result of verifying an RSA signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureCheck {
    /// It is valid for the message and the digest.
    Valid,
    /// It is valid for the message, but its DigestInfo names another digest.
    OtherDigest(Digest),
    /// It is not valid for the message.
    Invalid,
}

impl RsaKey {
    /// Reads a PKCS#1 RSAPublicKey (DER); `None` if it is not one, or above 4096 bits.
    pub fn from_pkcs1(der: &[u8]) -> Option<Self> {
        Self::up_to_limit(RsaPublicKey::from_pkcs1_der(der).ok()?)
    }

    /// From modulus and public exponent, big-endian: what CKA_MODULUS and CKA_PUBLIC_EXPONENT hold.
    pub fn from_parts(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        let number = |bytes: &[u8]| BoxedUint::from_be_slice_vartime(without_zeros(bytes));
        Self::up_to_limit(RsaPublicKey::new(number(modulus), number(exponent)).ok()?)
    }

    fn up_to_limit(key: RsaPublicKey) -> Option<Self> {
        (key.size() <= MAX_KEY_BYTES).then_some(RsaKey { key })
    }

    /// A SubjectPublicKeyInfo (RFC 5280, section 4.1.2.7), DER.
    pub fn to_public_key_info(&self) -> Option<Vec<u8>> {
        self.key.to_public_key_der().ok().map(|document| document.as_bytes().to_vec())
    }

    /// Size of the modulus in bits.
    pub fn bits(&self) -> usize {
        usize::try_from(self.key.n().bits_vartime()).unwrap_or(usize::MAX)
    }

    /// Length of a signature in bytes.
    pub fn signature_len(&self) -> usize {
        self.key.size()
    }

    /// The modulus, big-endian, without leading zero bytes: what `CKA_MODULUS` holds.
    pub fn modulus(&self) -> Vec<u8> {
        without_zeros(&self.key.n_bytes()).to_vec()
    }

    /// Verifies a PKCS#1 v1.5 signature (RFC 8017, section 8.2.2) over the parts of a message.
    pub fn check(&self, digest: Digest, message: &[&[u8]], signature: &[u8]) -> SignatureCheck {
        let message = Message::new(message);
        if self.signed(digest, &message, signature) {
            return SignatureCheck::Valid;
        }
        let other = self.other_digest(digest, &message, signature);
        other.map_or(SignatureCheck::Invalid, SignatureCheck::OtherDigest)
    }

    /// Whether this key signed the message, under this digest.
    pub(super) fn signed(&self, digest: Digest, message: &Message<'_>, signature: &[u8]) -> bool {
        let scheme = Pkcs1v15Sign::new_unprefixed();
        signature.len() == self.key.size() && self.key.verify(scheme, message.info(digest), signature).is_ok()
    }

    /// The digest that the signature was made with, where the header names another one.
    pub(super) fn other_digest(
        &self,
        digest: Digest,
        message: &Message<'_>,
        signature: &[u8],
    ) -> Option<Digest> {
        let mut others = Digest::ALL.into_iter().filter(|other| *other != digest);
        others.find(|other| self.signed(*other, message, signature))
    }
}

fn without_zeros(bytes: &[u8]) -> &[u8] {
    bytes.iter().position(|byte| *byte != 0).and_then(|first| bytes.get(first..)).unwrap_or_default()
}

/// A message that is verified with several keys: each digest is computed once.
pub(super) struct Message<'a> {
    parts: &'a [&'a [u8]],
    infos: [OnceCell<Vec<u8>>; 3],
}

impl<'a> Message<'a> {
    pub(super) fn new(parts: &'a [&'a [u8]]) -> Self {
        Message { parts, infos: Default::default() }
    }

    fn info(&self, digest: Digest) -> &[u8] {
        let [sha1, sha256, sha512] = &self.infos;
        let info = match digest {
            Digest::Sha1 => sha1,
            Digest::Sha256 => sha256,
            Digest::Sha512 => sha512,
        };
        info.get_or_init(|| digest.info_of(self.parts))
    }
}

#[cfg(test)]
mod tests {
    use openssl::bn::BigNum;
    use openssl::rsa::{Padding, Rsa};

    use super::*;

    /// OpenSSL signs; every size, exponent and digest of the field is verified, and nothing that was changed.
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
                let info = digest.info_of(&parts);
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
}
