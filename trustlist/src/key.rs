//! Public keys as trust lists hold them, and RSA verification.

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
    /// Any other key, with its usual name (`EC 384`): elliptic curves, larger RSA keys. Kept, but not used to verify.
    Other(String),
}

impl PublicKey {
    /// For people: `RSA 1024`.
    pub fn describe(&self) -> String {
        match self {
            PublicKey::Rsa(key) => format!("RSA {}", key.bits()),
            PublicKey::Other(what) => what.clone(),
        }
    }

    /// The RSA key, if it is one.
    pub fn rsa(&self) -> Option<&RsaKey> {
        match self {
            PublicKey::Rsa(key) => Some(key),
            PublicKey::Other(_) => None,
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
        if self.signed(&digest.info(message), signature) {
            return SignatureCheck::Valid;
        }
        let mut others = Digest::ALL.into_iter().filter(|other| *other != digest);
        let other = others.find(|other| self.signed(&other.info(message), signature));
        other.map_or(SignatureCheck::Invalid, SignatureCheck::OtherDigest)
    }

    /// Whether this key signed the message with this DigestInfo.
    pub(super) fn signed(&self, info: &[u8], signature: &[u8]) -> bool {
        let scheme = Pkcs1v15Sign::new_unprefixed();
        signature.len() == self.key.size() && self.key.verify(scheme, info, signature).is_ok()
    }
}

fn without_zeros(bytes: &[u8]) -> &[u8] {
    bytes.iter().position(|byte| *byte != 0).and_then(|first| bytes.get(first..)).unwrap_or_default()
}
