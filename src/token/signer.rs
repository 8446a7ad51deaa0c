//! Signing on the token: one login, the right key, a signature that was verified before it leaves.

use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, ObjectHandle};

use super::error::{TokenError, reason};
use super::lock::ModuleLock;
use super::login::{Login, check_pin};
use super::module::{Module, failed, logged};
use super::pin::Pin;
use super::profile::MechanismPreference;
use super::sast::{Sast, private_keys};
use super::slot::Token;
use crate::trustlist::{Certificate, Digest, PublicKey, SignatureCheck, Signer};

/// A token that is logged in and ready to sign. Logs out when dropped.
pub struct TokenSigner<'m> {
    sast: &'m Sast,
    key: KeySigner<'m>,
}

/// A private key on a token that is logged in.
pub(super) struct KeySigner<'m> {
    pub(super) token: &'m Token,
    pub(super) login: Login<'m>,
    pub(super) key: ObjectHandle,
    pub(super) always_authenticate: bool,
    pub(super) mechanisms: Vec<MechanismType>,
    pub(super) prefer: MechanismPreference,
    pub(super) _lock: ModuleLock,
}

/// How a signature is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The token computes the digest.
    Hash,
    /// We compute it and send a DigestInfo to CKM_RSA_PKCS.
    Raw,
}

impl Module {
    /// Looks at a PIN without spending a try on it: the token's flags and its length.
    pub fn check_pin(&self, token: &Token, pin: Option<&Pin>) -> Result<(), TokenError> {
        check_pin(self, token, pin)
    }

    /// Logs in, once, and finds the key that belongs to the certificate. `pin` is `None` for a PIN pad.
    ///
    /// A locked PIN or one of impossible length costs no try; a wrong one is not tried again.
    pub fn signer<'m>(&self, sast: &'m Sast, pin: Option<Pin>) -> Result<TokenSigner<'m>, TokenError> {
        let token = sast.token();
        let lock = self.lock()?;
        let mechanisms = self.mechanisms(token)?;
        let login = Login::new(self, token, pin)?;
        let key = find_key(&login, sast)?;
        let always_authenticate =
            self.profile().sign.always_authenticate || asks_every_time(&login, token, key)?;
        let prefer = self.profile().sign.prefer;
        let key = KeySigner { token, login, key, always_authenticate, mechanisms, prefer, _lock: lock };
        Ok(TokenSigner { sast, key })
    }
}

/// The private key of the certificate: among those with its CKA_ID, else among all.
fn find_key(login: &Login<'_>, sast: &Sast) -> Result<ObjectHandle, TokenError> {
    let (token, certificate) = (sast.token(), sast.certificate());
    let session = login.session()?;
    let searches: &[Option<&[u8]>] = if sast.id().is_empty() { &[None] } else { &[Some(sast.id()), None] };
    for id in searches {
        let keys = private_keys(session, token, *id)?;
        if let Some(key) = keys.iter().find(|key| key.belongs_to(certificate, sast.id())) {
            return Ok(key.handle);
        }
    }
    Err(TokenError::NoKey { token: token.name(), certificate: certificate.sast_name() })
}

/// CKA_ALWAYS_AUTHENTICATE; missing, or unknown to the module, means no.
pub(super) fn asks_every_time(
    login: &Login<'_>,
    token: &Token,
    key: ObjectHandle,
) -> Result<bool, TokenError> {
    let session = login.session()?;
    match logged("C_GetAttributeValue", || session.get_attributes(key, &[AttributeType::AlwaysAuthenticate]))
    {
        Ok(attributes) => Ok(attributes.iter().any(|a| matches!(a, Attribute::AlwaysAuthenticate(true)))),
        Err(e) if super::error::code(&e).is_some_and(is_about_the_token) => {
            Err(failed("C_GetAttributeValue", Some(token), &e))
        }
        Err(_) => Ok(false),
    }
}

/// Return codes that mean the token is gone, as opposed to an attribute that is not known.
fn is_about_the_token(code: cryptoki::error::RvError) -> bool {
    use cryptoki::error::RvError as R;
    matches!(
        code,
        R::DeviceError | R::DeviceRemoved | R::TokenNotPresent | R::SessionHandleInvalid | R::SessionClosed
    )
}

impl KeySigner<'_> {
    fn ways(&self, digest: Digest) -> Option<(Way, Mechanism<'static>)> {
        let (hash, hash_type, _) = hash_mechanism(digest);
        let hash = self.mechanisms.contains(&hash_type).then_some((Way::Hash, hash));
        let raw =
            self.mechanisms.contains(&MechanismType::RSA_PKCS).then_some((Way::Raw, Mechanism::RsaPkcs));
        match self.prefer {
            // CKM_RSA_PKCS takes its data in one call: no room for the context login.
            MechanismPreference::Raw if !self.always_authenticate => raw.or(hash),
            _ => hash.or(raw),
        }
    }

    fn ask(
        &self,
        digest: Digest,
        way: Way,
        mechanism: &Mechanism<'_>,
        data: &[u8],
    ) -> Result<Vec<u8>, TokenError> {
        let token = self.token;
        let session = self.login.session()?;
        let error = |name| move |e| failed(name, Some(token), &e);
        if !self.always_authenticate {
            return logged("C_Sign", || session.sign(mechanism, self.key, data)).map_err(error("C_Sign"));
        }
        // The context login stands between C_SignInit and the data, which a single call has no room for.
        logged("C_SignInit", || session.sign_init(mechanism, self.key)).map_err(error("C_SignInit"))?;
        self.login.enter_for_operation()?;
        logged("C_SignUpdate", || session.sign_update(data)).map_err(|e| match way {
            Way::Hash => failed("C_SignUpdate", Some(token), &e),
            Way::Raw => TokenError::NoRoomForPin {
                token: token.name(),
                mechanism: hash_mechanism(digest).2,
                code: reason(&e),
            },
        })?;
        logged("C_SignFinal", || session.sign_final()).map_err(error("C_SignFinal"))
    }

    /// Signs, and verifies with the public key before anything leaves.
    pub(super) fn sign(
        &self,
        digest: Digest,
        message: &[u8],
        public: &PublicKey,
    ) -> Result<Vec<u8>, TokenError> {
        let name = self.token.name();
        let (way, mechanism) = self
            .ways(digest)
            .ok_or_else(|| TokenError::NoMechanism { token: name.clone(), digest: digest.to_string() })?;
        let signature = match way {
            Way::Hash => self.ask(digest, way, &mechanism, message)?,
            Way::Raw => self.ask(digest, way, &mechanism, &digest.info(message))?,
        };
        let refuse = |why: String| Err(TokenError::SignatureDoesNotVerify { token: name.clone(), why });
        let Some(key) = public.rsa() else {
            return refuse(format!("the certificate's key is {}", public.describe()));
        };
        if signature.len() != key.signature_len() {
            return refuse(format!("it has {} bytes instead of {}", signature.len(), key.signature_len()));
        }
        match key.check(digest, &[message], &signature) {
            SignatureCheck::Valid => Ok(signature),
            SignatureCheck::OtherDigest(other) => {
                refuse(format!("it was made with {other} instead of {digest}"))
            }
            SignatureCheck::Invalid => refuse("another key made it, or the token is broken".to_owned()),
        }
    }
}

/// The mechanism with which the token computes the digest itself (PKCS#11 v2.20, section 12.1.6 and following).
fn hash_mechanism(digest: Digest) -> (Mechanism<'static>, MechanismType, &'static str) {
    match digest {
        Digest::Sha1 => (Mechanism::Sha1RsaPkcs, MechanismType::SHA1_RSA_PKCS, "CKM_SHA1_RSA_PKCS"),
        Digest::Sha256 => (Mechanism::Sha256RsaPkcs, MechanismType::SHA256_RSA_PKCS, "CKM_SHA256_RSA_PKCS"),
        Digest::Sha512 => (Mechanism::Sha512RsaPkcs, MechanismType::SHA512_RSA_PKCS, "CKM_SHA512_RSA_PKCS"),
    }
}

impl Signer for TokenSigner<'_> {
    type Error = TokenError;

    fn certificate(&self) -> &Certificate {
        self.sast.certificate()
    }

    fn sign(&mut self, digest: Digest, message: &[u8]) -> Result<Vec<u8>, TokenError> {
        self.key.sign(digest, message, self.sast.certificate().public_key())
    }
}
