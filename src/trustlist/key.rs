//! Public keys as trust lists hold them, and RSA verification.

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
        if self.fits(digest, message, signature) {
            return SignatureCheck::Valid;
        }
        // A file whose tag 8 was changed, or a writer that signed with another digest than it names.
        let mut others = Digest::ALL.into_iter().filter(|other| *other != digest);
        match others.find(|other| self.fits(*other, message, signature)) {
            Some(other) => SignatureCheck::OtherDigest(other),
            None => SignatureCheck::Invalid,
        }
    }

    fn fits(&self, digest: Digest, message: &[&[u8]], signature: &[u8]) -> bool {
        let scheme = Pkcs1v15Sign { hash_len: Some(digest.size()), prefix: digest.info_prefix().into() };
        self.key.verify(scheme, &digest.hash(message), signature).is_ok()
    }
}
