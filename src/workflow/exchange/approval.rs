//! An approval: the signature of a person's SSH key over the digest of a request, in the format of `ssh-keygen`
//! (PROTOCOL.sshsig of OpenSSH). It is only verified here.

use ssh_key::public::KeyData;
use ssh_key::{Algorithm, HashAlg, PublicKey, SshSig};

/// What the signature is for: a signature over a file, or for a login, is none.
pub const NAMESPACE: &str = "sastctl-request";
/// The most approvals of a request.
pub(super) const MOST_APPROVALS: usize = 64;

/// Why an approval is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the words say what each is")]
pub enum ApprovalError {
    #[error("a request has at most {MOST_APPROVALS} approvals")]
    TooMany,
    /// The kind of key, or of signature.
    #[error("{0}")]
    Kind(String),
    #[error("the signature of the key {key} is for {namespace:?}, not for {NAMESPACE:?}")]
    OtherNamespace { key: String, namespace: String },
    #[error("the signature of the key {key} is over another request, or was changed")]
    OverOther { key: String },
}

/// The fingerprint of the key that made a signature, if it is over the digest of this request.
pub fn verify(signature: &SshSig, digest: &str) -> Result<String, ApprovalError> {
    let key = fingerprint(signature.public_key()).map_err(ApprovalError::Kind)?;
    if signature.namespace() != NAMESPACE {
        return Err(ApprovalError::OtherNamespace { key, namespace: signature.namespace().to_owned() });
    }
    // The flags of a security key stand before a counter of four bytes; the lowest one tells that somebody touched it.
    let is_touched = || signature.signature_bytes().iter().rev().nth(4).is_some_and(|flags| flags & 1 == 1);
    match signature.algorithm() {
        Algorithm::Rsa { hash: None } => {
            return Err(ApprovalError::Kind(format!("the signature of the key {key} has SHA-1")));
        }
        Algorithm::SkEd25519 | Algorithm::SkEcdsaSha2NistP256 if !is_touched() => {
            return Err(ApprovalError::Kind(format!("nobody touched the security key {key}")));
        }
        _ => {}
    }
    let signer = PublicKey::from(signature.public_key().clone());
    let verified = signer.verify(NAMESPACE, message(digest).as_bytes(), signature);
    // The version is not under the signature.
    let is_right = verified.is_ok() && signature.version() == SshSig::VERSION;
    if is_right { Ok(key) } else { Err(ApprovalError::OverOther { key }) }
}

/// What is signed: the digest of the request, and a line feed.
pub(super) fn message(digest: &str) -> String {
    format!("{digest}\n")
}

/// The fingerprint of a key that may approve, as `ssh-keygen -l` prints it; for any other key why it may not.
pub(super) fn fingerprint(key: &KeyData) -> Result<String, String> {
    let name = key.fingerprint(HashAlg::Sha256).to_string();
    match key {
        KeyData::Rsa(rsa) if !(2048..=8192).contains(&rsa.key_size()) => {
            Err(format!("the key {name} is RSA {}; RSA keys have 2048 to 8192 bits here", rsa.key_size()))
        }
        KeyData::Rsa(_)
        | KeyData::Ed25519(_)
        | KeyData::SkEd25519(_)
        | KeyData::Ecdsa(_)
        | KeyData::SkEcdsaSha2NistP256(_) => Ok(name),
        other => Err(format!("the key {name} is of a kind that is not used here ({})", other.algorithm())),
    }
}
