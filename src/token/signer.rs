//! Signing on the token: one login, the right key, and verified signatures.

use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::ObjectHandle;
use cryptoki::session::Session;

use super::contents::private_keys;
use super::error::{Ckr, TokenError};
use super::lock::ModuleLock;
use super::login::{Login, no_session};
use super::module::{Module, call_token, failed, logged};
use super::pin::Pin;
use super::profile::MechanismPreference as By;
use super::sast::Sast;
use super::slot::Token;
use crate::trustlist::{Certificate, Digest, PublicKey, SignatureCheck, Signer};

/// A token that is logged in and ready to sign. Logs out when dropped.
pub struct TokenSigner<'m> {
    module: &'m Module,
    sast: &'m Sast,
    key: KeySigner<'m>,
}

/// Another session of a logged-in token, which signs in parallel. Closed when dropped.
pub struct SignerSession<'s> {
    sast: &'s Sast,
    key: &'s KeyUse<'s>,
    session: Option<Session>,
}

/// A private key on a token that is logged in.
pub(super) struct KeySigner<'m> {
    pub(super) login: Login<'m>,
    pub(super) key: KeyUse<'m>,
    always_authenticate: bool,
    _lock: ModuleLock,
}

/// How a private key signs.
pub(super) struct KeyUse<'m> {
    pub(super) token: &'m Token,
    pub(super) handle: ObjectHandle,
    pub(super) mechanisms: Vec<MechanismType>,
    pub(super) prefer: By,
}

impl Module {
    /// Logs in, once, and finds the key that belongs to the certificate. `pin` is `None` for a PIN pad. A locked PIN or a PIN
    /// of impossible length is not tried; a wrong PIN is tried once.
    pub fn signer<'m>(&'m self, sast: &'m Sast, pin: Option<Pin>) -> Result<TokenSigner<'m>, TokenError> {
        let token = sast.token();
        let lock = self.lock()?;
        let mechanisms = self.mechanisms(token)?;
        let login = Login::new(self, token, pin, Module::open)?;
        let handle = find_key(&login, sast)?;
        let every_time = login.is_always_authenticate(self, handle)?;
        let key = self.key_signer(login, lock, mechanisms, (handle, every_time));
        Ok(TokenSigner { module: self, sast, key })
    }

    /// A key that is ready to sign. If it does not need the PIN for each signature, the PIN is wiped.
    pub(super) fn key_signer<'m>(
        &self,
        mut login: Login<'m>,
        lock: ModuleLock,
        mechanisms: Vec<MechanismType>,
        (handle, always_authenticate): (ObjectHandle, bool),
    ) -> KeySigner<'m> {
        if !always_authenticate {
            login.pin = None;
        }
        let key = KeyUse { token: login.token, handle, mechanisms, prefer: self.profile().sign.prefer };
        KeySigner { login, key, always_authenticate, _lock: lock }
    }
}

/// The private key of the certificate: among those with its CKA_ID, else among all.
fn find_key(login: &Login<'_>, sast: &Sast) -> Result<ObjectHandle, TokenError> {
    let (token, certificate) = (sast.token(), sast.certificate());
    let session = login.session()?;
    let searches: &[Option<&[u8]>] = if sast.id.is_empty() { &[None] } else { &[Some(&sast.id), None] };
    for id in searches {
        let keys = private_keys(session, token, *id)?;
        if let Some((handle, _)) = keys.iter().find(|(_, key)| key.belongs_to(certificate, &sast.id)) {
            return Ok(*handle);
        }
    }
    Err(TokenError::NoKey(token.name(), certificate.sast_name()))
}

impl KeySigner<'_> {
    /// Signs, and verifies the signature.
    pub(super) fn sign(
        &self,
        digest: Digest,
        message: &[u8],
        public: &PublicKey,
    ) -> Result<Vec<u8>, TokenError> {
        let every_time = self.always_authenticate.then_some(&self.login);
        self.key.sign(self.login.session()?, every_time, digest, message, public)
    }
}

impl KeyUse<'_> {
    fn ask(
        &self,
        session: &Session,
        every_time: Option<&Login<'_>>,
        digest: Digest,
        (method, mechanism): (By, &Mechanism<'_>),
        data: &[u8],
    ) -> Result<Vec<u8>, TokenError> {
        let token = self.token;
        let Some(login) = every_time else {
            return call_token("C_Sign", token, || session.sign(mechanism, self.handle, data));
        };
        // The context login comes between C_SignInit and the data, so C_Sign cannot be used.
        call_token("C_SignInit", token, || session.sign_init(mechanism, self.handle))?;
        login.context_login()?;
        logged("C_SignUpdate", || session.sign_update(data)).map_err(|e| match method {
            By::Hash => failed("C_SignUpdate", Some(token), &e),
            By::Raw => TokenError::NoRoomForPin {
                token: token.name(),
                mechanism: hash_mechanism(digest).2,
                code: Ckr::of(&e),
            },
        })?;
        call_token("C_SignFinal", token, || session.sign_final())
    }

    /// Signs in a logged-in session, and verifies the signature. `every_time`: the login, if the key wants one each time.
    fn sign(
        &self,
        session: &Session,
        every_time: Option<&Login<'_>>,
        digest: Digest,
        message: &[u8],
        public: &PublicKey,
    ) -> Result<Vec<u8>, TokenError> {
        let name = self.token.name();
        let (method, mechanism) = signing_method(&self.mechanisms, self.prefer, digest, every_time.is_some())
            .ok_or_else(|| TokenError::NoMechanism(name.clone(), digest))?;
        let data = match method {
            By::Hash => message,
            By::Raw => &digest.info(&[message]),
        };
        let signature = self.ask(session, every_time, digest, (method, &mechanism), data)?;
        let refuse = |why: String| Err(TokenError::SignatureDoesNotVerify(name.clone(), why));
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

/// The method that the token has and the profile prefers. `every_time`: each signature needs its own login.
pub fn signing_method(
    mechanisms: &[MechanismType],
    prefer: By,
    digest: Digest,
    every_time: bool,
) -> Option<(By, Mechanism<'static>)> {
    let (hash, hash_type, _) = hash_mechanism(digest);
    let hash = mechanisms.contains(&hash_type).then_some((By::Hash, hash));
    let raw = mechanisms.contains(&MechanismType::RSA_PKCS).then_some((By::Raw, Mechanism::RsaPkcs));
    match prefer {
        // CKM_RSA_PKCS gets its data in one call, without a context login in between.
        By::Raw if !every_time => raw.or(hash),
        _ => hash.or(raw),
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

impl TokenSigner<'_> {
    /// More sessions that sign in parallel: at most `wanted`, and as many as the profile and the token allow. None for a key that
    /// wants a login for each signature.
    pub fn more_sessions(&self, wanted: usize) -> Vec<SignerSession<'_>> {
        let sessions = self.module.profile().sign.sessions.map_or(1, |n| usize::from(n.get()));
        let more = if self.key.always_authenticate { 0 } else { sessions.saturating_sub(1).min(wanted) };
        let open = || self.module.open(self.sast.token()).ok();
        let further = |session| SignerSession { sast: self.sast, key: &self.key.key, session: Some(session) };
        std::iter::from_fn(open).take(more).map(further).collect()
    }
}

impl Signer for SignerSession<'_> {
    type Error = TokenError;

    fn certificate(&self) -> &Certificate {
        self.sast.certificate()
    }

    fn sign(&mut self, digest: Digest, message: &[u8]) -> Result<Vec<u8>, TokenError> {
        let session = self.session.as_ref().ok_or_else(|| no_session(self.key.token))?;
        self.key.sign(session, None, digest, message, &self.sast.certificate().public_key)
    }
}

impl Drop for SignerSession<'_> {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            let _ = logged("C_CloseSession", || session.close());
        }
    }
}

impl Signer for &TokenSigner<'_> {
    type Error = TokenError;

    fn certificate(&self) -> &Certificate {
        self.sast.certificate()
    }

    fn sign(&mut self, digest: Digest, message: &[u8]) -> Result<Vec<u8>, TokenError> {
        self.key.sign(digest, message, &self.sast.certificate().public_key)
    }
}
