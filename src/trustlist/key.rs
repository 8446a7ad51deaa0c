//! Public keys as trust lists hold them, and RSA verification.

use openssl::bn::BigNum;
use openssl::rsa::{Padding, Rsa};
use rsa::pkcs1::DecodeRsaPublicKey;
use rsa::pkcs8::EncodePublicKey;
use rsa::traits::PublicKeyParts;
use rsa::{Pkcs1v15Sign, RsaPublicKey};

use super::digest::Digest;

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RsaKey {
    key: RsaPublicKey,
}

/// What an RSA signature turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureCheck {
    /// It fits the message under the digest that was asked for.
    Valid,
    /// It fits the message, but its DigestInfo names another digest.
    OtherDigest(Digest),
    /// It does not fit the message.
    Invalid,
}

impl RsaKey {
    /// Reads a PKCS#1 RSAPublicKey (DER); `None` if it is not one, or above 4096 bits.
    pub fn from_pkcs1(der: &[u8]) -> Option<Self> {
        RsaPublicKey::from_pkcs1_der(der).ok().map(|key| RsaKey { key })
    }

    /// From modulus and public exponent, big-endian: what CKA_MODULUS and CKA_PUBLIC_EXPONENT hold.
    pub fn from_parts(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        let number = rsa::BigUint::from_bytes_be;
        RsaPublicKey::new(number(modulus), number(exponent)).ok().map(|key| RsaKey { key })
    }

    /// A SubjectPublicKeyInfo (RFC 5280, section 4.1.2.7), DER.
    pub fn to_public_key_info(&self) -> Option<Vec<u8>> {
        self.key.to_public_key_der().ok().map(|document| document.as_bytes().to_vec())
    }

    /// Size of the modulus in bits.
    pub fn bits(&self) -> usize {
        self.key.n().bits()
    }

    /// Length of a signature in bytes.
    pub fn signature_len(&self) -> usize {
        self.key.size()
    }

    /// The modulus, big-endian, without leading zero bytes: what `CKA_MODULUS` holds.
    pub fn modulus(&self) -> Vec<u8> {
        self.key.n().to_bytes_be()
    }

    /// Verifies a PKCS#1 v1.5 signature (RFC 8017, section 8.2.2) over the parts of a message.
    pub fn check(&self, digest: Digest, message: &[&[u8]], signature: &[u8]) -> SignatureCheck {
        // In the usual case one RSA operation, whatever digest it turns out to be.
        let recovered = self.recover(signature);
        let fits = |digest: Digest| match &recovered {
            Some(info) => *info == digest.info_of(message),
            None => self.fits(digest, message, signature),
        };
        if fits(digest) {
            return SignatureCheck::Valid;
        }
        // A file whose tag 8 was changed, or a writer that signed with another digest than it names.
        match Digest::ALL.into_iter().filter(|other| *other != digest).find(|other| fits(*other)) {
            Some(other) => SignatureCheck::OtherDigest(other),
            None => SignatureCheck::Invalid,
        }
    }

    /// What a signature holds, by OpenSSL, which is ten times as fast: the bytes behind the padding of type 1, which
    /// OpenSSL checks. To be compared as a whole; the length of the padding follows from theirs.
    ///
    /// `None` where OpenSSL refuses key or signature; then `fits` decides.
    fn recover(&self, signature: &[u8]) -> Option<Vec<u8>> {
        if signature.len() != self.key.size() {
            return None;
        }
        let number = |n: &rsa::BigUint| BigNum::from_slice(&n.to_bytes_be()).ok();
        let key = Rsa::from_public_components(number(self.key.n())?, number(self.key.e())?).ok()?;
        let mut info = vec![0; signature.len()];
        let length = key.public_decrypt(signature, &mut info, Padding::PKCS1).ok()?;
        info.truncate(length);
        Some(info)
    }

    fn fits(&self, digest: Digest, message: &[&[u8]], signature: &[u8]) -> bool {
        let scheme = Pkcs1v15Sign { hash_len: Some(digest.size()), prefix: digest.info_prefix().into() };
        self.key.verify(scheme, &digest.hash(message), signature).is_ok()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use rsa::RsaPrivateKey;
    use rsa::traits::PublicKeyParts as _;

    use super::*;

    /// Two implementations say the same of every size and digest of the field, right and wrong.
    #[test]
    fn openssl_and_rsa_agree() {
        let mut random = rsa::rand_core::OsRng;
        let parts: [&[u8]; 2] = [b"header", b"records"];
        for (bits, exponent) in
            [(512, 65_537), (1024, 65_537), (1024, 3), (1032, 17), (2048, 65_537), (3072, 65_537)]
        {
            let e = rsa::BigUint::from(exponent as u32);
            let private = RsaPrivateKey::new_with_exp(&mut random, bits, &e).unwrap();
            let n = private.n().to_bytes_be();
            let key = RsaKey::from_parts(&n, &private.e().to_bytes_be()).unwrap();
            assert_eq!((key.bits(), key.modulus()), (bits, n));
            for digest in Digest::ALL {
                // 512 bits leave no room for SHA-512.
                let scheme =
                    Pkcs1v15Sign { hash_len: Some(digest.size()), prefix: digest.info_prefix().into() };
                let Ok(good) = private.sign(scheme, &digest.hash(&parts)) else { continue };
                assert_eq!(key.recover(&good), Some(digest.info_of(&parts)), "{bits} {digest}");
                assert!(key.fits(digest, &parts, &good));
                assert_eq!(key.check(digest, &parts, &good), SignatureCheck::Valid);
                for other in Digest::ALL.into_iter().filter(|other| *other != digest) {
                    assert_eq!(key.check(other, &parts, &good), SignatureCheck::OtherDigest(digest));
                }
                for at in [0, good.len() / 2, good.len() - 1] {
                    let mut bad = good.clone();
                    bad[at] ^= 1;
                    assert!(!key.fits(digest, &parts, &bad));
                    assert_eq!(key.check(digest, &parts, &bad), SignatureCheck::Invalid);
                }
                assert_eq!(key.check(digest, &[b"other"], &good), SignatureCheck::Invalid);
                assert_eq!(key.check(digest, &parts, &good[1..]), SignatureCheck::Invalid);
                assert_eq!(key.check(digest, &parts, &[&[0], &good[..]].concat()), SignatureCheck::Invalid);
            }
        }
    }
}
