//! Makes a SAST key, which never leaves the token, and stores its certificate.

use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, CertificateType, ObjectClass, ObjectHandle};
use cryptoki::types::Ulong;

use super::contents::{TokenContents, bytes_of, private_keys};
use super::error::TokenError;
use super::login::Login;
use super::module::{Module, call_token, failed, logged, logged_patiently};
use super::pin::Pin;
use super::sast::Sast;
use super::signer::KeySigner;
use super::slot::Token;
use super::watchdog::Patience;
use crate::trustlist::{Certificate, Digest, PublicKey, RsaKey, digest};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRequest {
    /// Size of the modulus in bits.
    pub bits: usize,
    /// CKA_ID of key and certificate.
    pub id: Vec<u8>,
    /// CKA_LABEL of key and certificate.
    pub label: String,
}

/// A key pair that was just made, on a token that is logged in. Without [`NewKey::keep`] it is destroyed again.
pub struct NewKey<'m> {
    key: KeySigner<'m>,
    pair: [ObjectHandle; 2],
    pub public: RsaKey,
    request: KeyRequest,
    kept: bool,
}

impl TokenContents {
    /// Checks that no certificate on the token has the name or the CKA_ID of the new key.
    pub fn check_free(&self, name: &str, id: &[u8]) -> Result<(), TokenError> {
        let taken = |called| Err(TokenError::NameOrIdTaken(self.token.name(), called));
        if self.sast_names().any(|there| there == name) {
            return taken(format!("called {name}"));
        }
        if self.certificates.iter().any(|entry| entry.id == id) {
            return taken(format!("with the CKA_ID {}", digest::hex(id, "")));
        }
        Ok(())
    }
}

impl Module {
    /// Whether the token makes RSA keys of this size, by its mechanisms (CKM_RSA_PKCS_KEY_PAIR_GEN).
    pub fn can_make_key(&self, token: &Token, bits: usize) -> Result<(), TokenError> {
        let cannot = |why: String| TokenError::CannotMakeKey { token: token.name(), bits, why };
        let kind = MechanismType::RSA_PKCS_KEY_PAIR_GEN;
        if let Some(tool) = &self.profile().keys_made_with {
            return Err(cannot(format!("its keys are made with {tool}")));
        }
        if token.write_protected {
            return Err(cannot("it is write-protected".to_owned()));
        }
        if !self.mechanisms(token)?.contains(&kind) {
            return Err(cannot("it makes no RSA keys (CKM_RSA_PKCS_KEY_PAIR_GEN)".to_owned()));
        }
        let info =
            self.call("C_GetMechanismInfo", Some(token), |p| p.get_mechanism_info(token.slot, kind))?;
        let (min, max) = (info.min_key_size(), info.max_key_size());
        if !fits(bits, min, max) {
            return Err(cannot(format!("it takes {min} to {max} bits")));
        }
        Ok(())
    }

    /// Logs in and makes a key pair: sensitive, not extractable, for signing.
    pub fn make_key<'m>(
        &self,
        token: &'m Token,
        pin: Option<Pin>,
        request: KeyRequest,
    ) -> Result<NewKey<'m>, TokenError> {
        self.can_make_key(token, request.bits)?;
        let lock = self.lock()?;
        let mechanisms = self.mechanisms(token)?;
        self.close_sessions();
        let login = Login::new(self, token, pin, Module::open_rw)?;
        let session = login.session()?;
        let bits = Ulong::try_from(request.bits).map_err(|e| failed("C_GenerateKeyPair", Some(token), &e))?;
        let (public_template, private_template) = templates(&request, bits);
        let make =
            || session.generate_key_pair(&Mechanism::RsaPkcsKeyPairGen, &public_template, &private_template);
        let (public, private) = logged_patiently("C_GenerateKeyPair", Patience::Long, make)
            .map_err(|e| failed("C_GenerateKeyPair", Some(token), &e))?;
        let pair = [public, private];
        let made = || {
            let key = read_public(&login, public)?;
            check_protection(&login, private)?;
            Ok((key, login.is_always_authenticate(self, private)?))
        };
        let (public, every_time) = made().inspect_err(|_: &TokenError| destroy(&login, pair))?;
        let key = self.key_signer(login, lock, mechanisms, (private, every_time));
        Ok(NewKey { key, pair, public, request, kept: false })
    }

    /// Stores a certificate with its key, after a signature proved that they belong together.
    pub fn import_certificate(
        &self,
        contents: &TokenContents,
        pin: Option<Pin>,
        certificate: &Certificate,
    ) -> Result<(), TokenError> {
        let token = &contents.token;
        if contents.entry_of(certificate).is_some() {
            return Err(TokenError::AlreadyThere(token.name(), certificate.sast_name()));
        }
        let lock = self.lock()?;
        let mechanisms = self.mechanisms(token)?;
        self.close_sessions();
        let login = Login::new(self, token, pin, Module::open_rw)?;
        let keys = private_keys(login.session()?, token, None)?;
        let found = keys.into_iter().find(|(_, key)| key.belongs_to(certificate, &[]));
        let (handle, key) = found.ok_or_else(|| TokenError::NoKey(token.name(), certificate.sast_name()))?;
        let every_time = login.is_always_authenticate(self, handle)?;
        let signer = self.key_signer(login, lock, mechanisms, (handle, every_time));
        signer.sign(Digest::Sha1, b"certificate of this key", &certificate.public_key)?;
        store(&signer.login, certificate, &key.id, &certificate.sast_name())
    }

    /// Finds a certificate that was just stored, in the same way as a later run.
    pub fn find_stored(&self, token: &Token, certificate: &Certificate) -> Result<Sast, TokenError> {
        let name = |token: &Token| (token.serial.to_owned(), token.label.to_owned());
        // Several tokens may share a serial number.
        let mut same = self.contents()?.into_iter().filter(|c| name(&c.token) == name(token));
        same.find_map(|contents| contents.of_certificate(certificate))
            .ok_or_else(|| TokenError::NoCertificate(token.name()))
    }
}

impl NewKey<'_> {
    /// Signs with the new key, and verifies the signature.
    pub fn sign(&self, digest: Digest, message: &[u8]) -> Result<Vec<u8>, TokenError> {
        self.key.sign(digest, message, &PublicKey::Rsa(self.public.clone()))
    }

    /// Stores its certificate on the token; after an error removes it: a failed call may have stored it.
    pub fn store(&self, certificate: &Certificate) -> Result<(), TokenError> {
        let (login, request) = (&self.key.login, &self.request);
        let stored = store(login, certificate, &request.id, &request.label);
        if stored.is_err() {
            remove(login, certificate, &request.id);
        }
        stored
    }

    pub fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for NewKey<'_> {
    fn drop(&mut self) {
        if !self.kept {
            destroy(&self.key.login, self.pair);
        }
    }
}

fn templates(request: &KeyRequest, bits: Ulong) -> (Vec<Attribute>, Vec<Attribute>) {
    let id = Attribute::Id(request.id.clone());
    let label = Attribute::Label(request.label.clone().into_bytes());
    let both = [Attribute::Token(true), id, label];
    let public =
        [Attribute::ModulusBits(bits), Attribute::PublicExponent(vec![1, 0, 1]), Attribute::Verify(true)];
    let private = [
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
    ];
    ([&public[..], &both].concat(), [&private[..], &both].concat())
}

fn read_public(login: &Login<'_>, key: ObjectHandle) -> Result<RsaKey, TokenError> {
    let session = login.session()?;
    let wanted = [AttributeType::Modulus, AttributeType::PublicExponent];
    let attributes = call_token("C_GetAttributeValue", login.token, || session.get_attributes(key, &wanted))?;
    let bytes = |wanted| bytes_of(&attributes, wanted);
    RsaKey::from_parts(&bytes(AttributeType::Modulus), &bytes(AttributeType::PublicExponent))
        .ok_or_else(|| TokenError::BadKey(login.token.name(), "its public key is no RSA key".to_owned()))
}

/// Checks that the key cannot be read out. If the module does not say, it counts as protected.
fn check_protection(login: &Login<'_>, key: ObjectHandle) -> Result<(), TokenError> {
    let session = login.session()?;
    let wanted = [AttributeType::Sensitive, AttributeType::Extractable];
    let attributes = call_token("C_GetAttributeValue", login.token, || session.get_attributes(key, &wanted))?;
    match exposure(&attributes) {
        None => Ok(()),
        Some(why) => Err(TokenError::BadKey(login.token.name(), why.to_owned())),
    }
}

/// Why a key with these attributes can be read out; `None` where it cannot, as far as they say.
pub fn exposure(attributes: &[Attribute]) -> Option<&'static str> {
    attributes.iter().find_map(|attribute| match attribute {
        Attribute::Sensitive(false) => Some("it is not sensitive (CKA_SENSITIVE)"),
        Attribute::Extractable(true) => Some("it is extractable (CKA_EXTRACTABLE)"),
        _ => None,
    })
}

/// Whether a mechanism supports keys of this size, in bits. A maximum of 0 means that the module does not say.
pub fn fits(bits: usize, min: usize, max: usize) -> bool {
    max == 0 || (min..=max).contains(&bits)
}

fn store(login: &Login<'_>, certificate: &Certificate, id: &[u8], label: &str) -> Result<(), TokenError> {
    let session = login.session()?;
    let names = certificate.raw_names();
    let template = [
        Attribute::Class(ObjectClass::CERTIFICATE),
        Attribute::CertificateType(CertificateType::X_509),
        Attribute::Token(true),
        Attribute::Private(false),
        Attribute::Id(id.to_vec()),
        Attribute::Label(label.as_bytes().to_vec()),
        Attribute::Subject(names.subject),
        Attribute::Issuer(names.issuer),
        Attribute::SerialNumber(names.serial),
        Attribute::Value(certificate.der().to_vec()),
    ];
    call_token("C_CreateObject", login.token, || session.create_object(&template)).map(drop)
}

/// Destroys the objects of exactly this certificate, if the token still works.
fn remove(login: &Login<'_>, certificate: &Certificate, id: &[u8]) {
    let Ok(session) = login.session() else { return };
    let template = [
        Attribute::Class(ObjectClass::CERTIFICATE),
        Attribute::Id(id.to_vec()),
        Attribute::Value(certificate.der().to_vec()),
    ];
    let found = logged("C_FindObjects", || session.find_objects(&template)).unwrap_or_default();
    destroy(login, found);
}

fn destroy(login: &Login<'_>, objects: impl IntoIterator<Item = ObjectHandle>) {
    if let Ok(session) = login.session() {
        for object in objects {
            let _ = logged("C_DestroyObject", || session.destroy_object(object));
        }
    }
}
