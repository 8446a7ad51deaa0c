//! Public keys as trust lists hold them, and RSA verification.

use std::cell::OnceCell;

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
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
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
        let message = Message::new(message);
        if self.signed(digest, &message, signature) {
            return SignatureCheck::Valid;
        }
        match self.other_digest(digest, &message, signature) {
            Some(other) => SignatureCheck::OtherDigest(other),
            None => SignatureCheck::Invalid,
        }
    }

    /// Whether this key signed the message, under this digest.
    pub(super) fn signed(&self, digest: Digest, message: &Message<'_>, signature: &[u8]) -> bool {
        match self.recover(signature) {
            Some(encoded) => Some(encoded) == message.encoded(digest, self.key.size()),
            None => self.fits(digest, message, signature),
        }
    }

    /// The digest that was signed instead of this one: in a file whose tag 8 was changed, or by a writer that signed with
    /// another digest than it names.
    pub(super) fn other_digest(
        &self,
        digest: Digest,
        message: &Message<'_>,
        signature: &[u8],
    ) -> Option<Digest> {
        let mut others = Digest::ALL.into_iter().filter(|other| *other != digest);
        others.find(|other| self.signed(*other, message, signature))
    }

    /// What a signature holds (RFC 8017, section 9.2, with its padding), by OpenSSL, which is ten times as fast. To be
    /// compared as a whole.
    ///
    /// `None` where OpenSSL refuses key or signature; then `fits` decides.
    fn recover(&self, signature: &[u8]) -> Option<Vec<u8>> {
        if signature.len() != self.key.size() {
            return None;
        }
        let number = |n: &rsa::BigUint| BigNum::from_slice(&n.to_bytes_be()).ok();
        let key = Rsa::from_public_components(number(self.key.n())?, number(self.key.e())?).ok()?;
        let mut encoded = vec![0; signature.len()];
        let length = key.public_decrypt(signature, &mut encoded, Padding::NONE).ok()?;
        (length == encoded.len()).then_some(encoded)
    }

    fn fits(&self, digest: Digest, message: &Message<'_>, signature: &[u8]) -> bool {
        let prefix = digest.info_prefix();
        let scheme = Pkcs1v15Sign { hash_len: Some(digest.size()), prefix: prefix.into() };
        let hash = message.info(digest).get(prefix.len()..).unwrap_or_default();
        self.key.verify(scheme, hash, signature).is_ok()
    }
}

/// A message that several keys may have signed: each digest is worked out once, however many keys are tried.
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

    /// `00 01 FF … FF 00` and the DigestInfo, so many bytes in all; `None` where that leaves less than eight of padding.
    fn encoded(&self, digest: Digest, bytes: usize) -> Option<Vec<u8>> {
        let info = self.info(digest);
        let padding = bytes.checked_sub(info.len().saturating_add(3)).filter(|padding| *padding >= 8)?;
        Some([&[0, 1], &vec![0xff; padding][..], &[0], info].concat())
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
        let message = Message::new(&parts);
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
                assert!(key.recover(&good).is_some(), "{bits} {digest}");
                assert_eq!(
                    key.recover(&good),
                    message.encoded(digest, key.signature_len()),
                    "{bits} {digest}"
                );
                assert!(key.fits(digest, &message, &good));
                assert_eq!(key.check(digest, &parts, &good), SignatureCheck::Valid);
                for other in Digest::ALL.into_iter().filter(|other| *other != digest) {
                    assert_eq!(key.check(other, &parts, &good), SignatureCheck::OtherDigest(digest));
                }
                for at in [0, good.len() / 2, good.len() - 1] {
                    let mut bad = good.clone();
                    bad[at] ^= 1;
                    assert!(!key.fits(digest, &message, &bad));
                    assert_eq!(key.check(digest, &parts, &bad), SignatureCheck::Invalid);
                }
                assert_eq!(key.check(digest, &[b"other"], &good), SignatureCheck::Invalid);
                assert_eq!(key.check(digest, &parts, &good[1..]), SignatureCheck::Invalid);
                assert_eq!(key.check(digest, &parts, &[&[0], &good[..]].concat()), SignatureCheck::Invalid);
            }
        }
    }
}
