//! The contents of a token: its certificates, read without a login, its private keys, and which key belongs to which
//! certificate.

use cryptoki::object::{Attribute, AttributeType, CertificateType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;

use super::error::TokenError;
use super::module::{Module, call_token};
use super::slot::{Token, clean};
use crate::trustlist::Certificate;

/// A certificate object on a token.
#[derive(Debug, Clone)]
pub struct TokenCertificate {
    /// CKA_ID: usually that of its key, too.
    pub id: Vec<u8>,
    /// CKA_LABEL, made printable.
    pub label: String,
    /// The certificate, or its bytes and why they do not parse.
    pub certificate: Result<Certificate, (Vec<u8>, String)>,
    /// Whether a private key for it is visible; `None` where that needs the PIN.
    pub has_key: Option<bool>,
}

/// A token and what is on it.
#[derive(Debug, Clone)]
pub struct TokenContents {
    /// The token itself.
    pub token: Token,
    /// Its certificates; empty for a token that was never initialised.
    pub certificates: Vec<TokenCertificate>,
    /// Why the certificates could not be read, if so.
    pub problem: Option<TokenError>,
}

impl TokenContents {
    /// The names of its certificates.
    pub fn sast_names(&self) -> impl Iterator<Item = String> {
        self.certificates.iter().filter_map(|c| c.certificate.as_ref().ok()).map(Certificate::sast_name)
    }

    /// Its entry for exactly this certificate.
    pub(super) fn entry_of(&self, certificate: &Certificate) -> Option<&TokenCertificate> {
        let is_it = |there: &Certificate| there.der() == certificate.der();
        self.certificates.iter().find(|entry| entry.certificate.as_ref().is_ok_and(is_it))
    }

    /// Why the token or its certificates could not be read, if so.
    pub fn read_error(&self) -> Option<String> {
        self.token.problem.clone().or_else(|| self.problem.as_ref().map(ToString::to_string))
    }

    /// Its name and certificates, for errors.
    pub(super) fn describe(&self) -> String {
        if !self.token.initialized {
            return self.token.name().to_string();
        }
        let mut facts: Vec<String> = self.sast_names().collect();
        facts.extend(self.problem.as_ref().map(ToString::to_string));
        if facts.is_empty() {
            facts.push("no certificate".to_owned());
        }
        let facts = facts.join(", ");
        match &self.token.problem {
            Some(problem) => format!("a token whose name cannot be read: {problem} ({facts})"),
            None => format!("{} ({}, {facts})", self.token.serial, self.token.label),
        }
    }
}

impl Module {
    /// Every token and its certificates, without login. Tokens that cannot be read are listed with the reason.
    pub fn contents(&self) -> Result<Vec<TokenContents>, TokenError> {
        let _lock = self.lock()?;
        self.contents_unlocked()
    }

    /// As [`Module::contents`], for callers that hold the lock ([`Module::if_free`]).
    pub fn contents_unlocked(&self) -> Result<Vec<TokenContents>, TokenError> {
        Ok(self.tokens()?.into_iter().map(|token| self.read(token)).collect())
    }

    /// The certificates of a token, or why they cannot be read.
    pub(super) fn read(&self, token: Token) -> TokenContents {
        if !token.initialized {
            return TokenContents { token, certificates: vec![], problem: None };
        }
        let (certificates, problem) = match self.certificates(&token) {
            Ok(certificates) => (certificates, None),
            Err(e) => (vec![], Some(e)),
        };
        TokenContents { token, certificates, problem }
    }

    fn certificates(&self, token: &Token) -> Result<Vec<TokenCertificate>, TokenError> {
        let session = self.open(token)?;
        // The type is part of the search: as an attribute, a vendor's value would fail the whole answer.
        let template =
            [Attribute::Class(ObjectClass::CERTIFICATE), Attribute::CertificateType(CertificateType::X_509)];
        let mut certificates = Vec::new();
        for object in call_token("C_FindObjects", token, || session.find_objects(&template))? {
            let wanted = [AttributeType::Value, AttributeType::Id, AttributeType::Label];
            let attributes =
                call_token("C_GetAttributeValue", token, || session.get_attributes(object, &wanted))?;
            certificates.push(TokenCertificate::of(&attributes));
        }
        self.keep(session);
        Ok(certificates)
    }

    /// Looks for the private keys that are visible without the PIN, and sets `has_key` of each certificate.
    pub fn look_for_keys(&self, contents: &mut TokenContents) -> Result<(), TokenError> {
        let _lock = self.lock()?;
        let session = self.open(&contents.token)?;
        let keys = private_keys(&session, &contents.token, None)?;
        let certain = !keys.is_empty() || !contents.token.login_required;
        for entry in &mut contents.certificates {
            let Ok(certificate) = &entry.certificate else { continue };
            let fits = keys.iter().any(|(_, key)| key.belongs_to(certificate, &entry.id));
            entry.has_key = if fits { Some(true) } else { certain.then_some(false) };
        }
        self.keep(session);
        Ok(())
    }
}

/// The bytes of an attribute, found by its type, never by its position: unavailable attributes are missing. Empty if it is.
pub(super) fn bytes_of(attributes: &[Attribute], wanted: AttributeType) -> Vec<u8> {
    use Attribute as A;
    let found = attributes.iter().find(|attribute| attribute.attribute_type() == wanted);
    match found {
        Some(A::Value(v) | A::Id(v) | A::Label(v) | A::Modulus(v) | A::PublicExponent(v)) => v.clone(),
        _ => vec![],
    }
}

impl TokenCertificate {
    /// A certificate object with these attributes, in any order; whether it has a key is not known yet.
    pub fn of(attributes: &[Attribute]) -> Self {
        let value = bytes_of(attributes, AttributeType::Value);
        let label = bytes_of(attributes, AttributeType::Label);
        let certificate = if value.is_empty() {
            Err((value, "the token does not give its bytes (CKA_VALUE)".to_owned()))
        } else {
            Certificate::from_der(der_prefix(&value).to_vec()).map_err(|e| (value, e.to_string()))
        };
        let id = bytes_of(attributes, AttributeType::Id);
        TokenCertificate { id, label: clean(&String::from_utf8_lossy(&label)), certificate, has_key: None }
    }
}

/// The outer DER element: some tokens add padding to the stored value.
pub fn der_prefix(value: &[u8]) -> &[u8] {
    let length = match value {
        [0x30, 0x82, high, low, ..] => usize::from(u16::from_be_bytes([*high, *low])).saturating_add(4),
        [0x30, 0x81, length, ..] => usize::from(*length).saturating_add(3),
        _ => value.len(),
    };
    value.get(..length).unwrap_or(value)
}

/// What a private key object says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyMarks {
    /// CKA_ID; empty if it has none.
    pub id: Vec<u8>,
    /// Big-endian, without leading zeros; empty if it is not given.
    pub modulus: Vec<u8>,
}

impl KeyMarks {
    /// From the attributes of the object.
    pub fn of(attributes: &[Attribute]) -> Self {
        let modulus = bytes_of(attributes, AttributeType::Modulus).into_iter().skip_while(|b| *b == 0);
        KeyMarks { id: bytes_of(attributes, AttributeType::Id), modulus: modulus.collect() }
    }

    /// Whether it is the key of a certificate with this CKA_ID: by modulus if the token has it, else by CKA_ID; never by label.
    pub fn belongs_to(&self, certificate: &Certificate, id: &[u8]) -> bool {
        match certificate.public_key.rsa() {
            Some(rsa) if !self.modulus.is_empty() => self.modulus == rsa.modulus(),
            _ => !id.is_empty() && self.id == id,
        }
    }
}

/// The private keys that are visible in a session, with this CKA_ID if one is given.
pub(super) fn private_keys(
    session: &Session,
    token: &Token,
    id: Option<&[u8]>,
) -> Result<Vec<(ObjectHandle, KeyMarks)>, TokenError> {
    let mut template = vec![Attribute::Class(ObjectClass::PRIVATE_KEY)];
    template.extend(id.map(|id| Attribute::Id(id.to_vec())));
    let mut keys = Vec::new();
    for handle in call_token("C_FindObjects", token, || session.find_objects(&template))? {
        let wanted = [AttributeType::Id, AttributeType::Modulus];
        let attributes =
            call_token("C_GetAttributeValue", token, || session.get_attributes(handle, &wanted))?;
        keys.push((handle, KeyMarks::of(&attributes)));
    }
    Ok(keys)
}
