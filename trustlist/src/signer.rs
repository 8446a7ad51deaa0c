//! What signs a trust list.

use super::certificate::Certificate;
use super::digest::Digest;

/// A private key and its certificate: a token, in production. One small door, so that nothing here knows PKCS#11.
pub trait Signer {
    /// Why it did not sign.
    type Error;

    /// The certificate of the key.
    fn certificate(&self) -> &Certificate;

    /// Signs a message: RSA PKCS#1 v1.5 (RFC 8017, section 8.2.1) over its digest.
    ///
    /// The answer is the signature, big-endian, as many bytes as the modulus. An implementation verifies it with
    /// [`certificate`](Signer::certificate) before it answers.
    fn sign(&mut self, digest: Digest, message: &[u8]) -> Result<Vec<u8>, Self::Error>;
}
