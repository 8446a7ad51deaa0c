//! Certificates and requests for keys that were made on a token: pure, the signature comes from outside.

use std::path::PathBuf;
use std::str::FromStr as _;

use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{Builder, CertificateBuilder, RequestBuilder};
use x509_cert::certificate::TbsCertificate;
use x509_cert::der::asn1::BitString;
use x509_cert::der::oid::db::rfc5912;
use x509_cert::der::{Decode as _, Encode};
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, KeyUsages, SubjectKeyIdentifier};
use x509_cert::ext::{Extension, ToExtension as _};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{
    self, AlgorithmIdentifierOwned, Document, DynSignatureAlgorithmIdentifier, EncodePublicKey,
    SubjectPublicKeyInfoOwned, SubjectPublicKeyInfoRef,
};
use x509_cert::time::{Time, Validity};

use crate::trustlist::{Digest, RsaKey, digest};

/// Longest value of a name, in characters (RFC 5280, ub-common-name and its kin).
const MAX_VALUE: usize = 64;

/// The names of a SAST certificate: what a trust list can hold, and nothing that it would spell in two ways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SastSubject {
    common_name: String,
    unit: Option<String>,
    organization: Option<String>,
}

/// Why something is not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the words say what each is")]
pub enum EnrollError {
    #[error("{what} {value:?} does not fit a trust list: {why}")]
    Name { what: &'static str, value: String, why: &'static str },
    #[error("a validity of {days} days from now cannot be written down")]
    Validity { days: u32 },
    #[error("the certificate cannot be built: {0}")]
    Builder(String),
    #[error("there is no folder {}", .0.display())]
    NoFolder(PathBuf),
    #[error("{} is there already", .0.display())]
    FileExists(PathBuf),
    #[error("the system gave no random numbers")]
    NoRandom(#[source] getrandom::Error),
}

impl SastSubject {
    /// CN, and OU and O where they are wanted.
    pub fn new(
        common_name: &str,
        unit: Option<&str>,
        organization: Option<&str>,
    ) -> Result<Self, EnrollError> {
        let given = [("the name", Some(common_name)), ("the unit", unit), ("the organization", organization)];
        for (what, value) in given {
            if let Some(value) = value {
                fits(what, value)?;
            }
        }
        Ok(SastSubject {
            common_name: common_name.to_owned(),
            unit: unit.map(str::to_owned),
            organization: organization.map(str::to_owned),
        })
    }

    /// CN.
    pub fn common_name(&self) -> &str {
        &self.common_name
    }

    /// `CN=…`, and OU and O where they are wanted.
    pub fn text(&self, separator: &str) -> String {
        let more = [("OU", &self.unit), ("O", &self.organization)];
        let more =
            more.iter().filter_map(|(key, value)| Some(format!("{separator}{key}={}", value.as_ref()?)));
        format!("CN={}{}", self.common_name, more.collect::<String>())
    }

    /// From the text of RFC 4514. No value has a character that would have to be escaped.
    fn name(&self) -> Result<Name, EnrollError> {
        Name::from_str(&self.text(",")).map_err(refused)
    }
}

/// A trust list separates by `;`, quotes by `"`, and ends at NUL; CUCM's file names and forms take ASCII.
fn fits(what: &'static str, value: &str) -> Result<(), EnrollError> {
    let refuse = |why| Err(EnrollError::Name { what, value: value.to_owned(), why });
    if value.is_empty() || value.chars().count() > MAX_VALUE {
        return refuse("it has 1 to 64 characters");
    }
    if value.trim() != value {
        return refuse("it begins or ends with a blank");
    }
    if !value.chars().all(|c| c.is_ascii_alphanumeric() || " -_.:/()@".contains(c)) {
        return refuse("it has letters, digits, blanks and - _ . : / ( ) @");
    }
    Ok(())
}

/// What stands for the token's key while a certificate is put together.
#[derive(Clone)]
struct Described {
    info: Vec<u8>,
    digest: Digest,
}

impl EncodePublicKey for Described {
    fn to_public_key_der(&self) -> spki::Result<Document> {
        Ok(Document::from_der(&self.info)?)
    }
}

impl signature::Keypair for Described {
    type VerifyingKey = Self;

    fn verifying_key(&self) -> Self {
        self.clone()
    }
}

impl DynSignatureAlgorithmIdentifier for Described {
    /// sha1WithRSAEncryption and its kin (RFC 4055, section 5).
    fn signature_algorithm_identifier(&self) -> spki::Result<AlgorithmIdentifierOwned> {
        let oid = match self.digest {
            Digest::Sha1 => rfc5912::SHA_1_WITH_RSA_ENCRYPTION,
            Digest::Sha256 => rfc5912::SHA_256_WITH_RSA_ENCRYPTION,
            Digest::Sha512 => rfc5912::SHA_512_WITH_RSA_ENCRYPTION,
        };
        Ok(AlgorithmIdentifierOwned { oid, parameters: Some(x509_cert::der::Any::null()) })
    }
}

/// What a SAST certificate carries: no authority, signs; as Cisco's own tokens.
struct SastProfile {
    subject: Name,
}

impl BuilderProfile for SastProfile {
    fn get_issuer(&self, subject: &Name) -> Name {
        subject.clone()
    }

    fn get_subject(&self) -> Name {
        self.subject.clone()
    }

    fn build_extensions(
        &self,
        key: SubjectPublicKeyInfoRef<'_>,
        _: SubjectPublicKeyInfoRef<'_>,
        tbs: &TbsCertificate,
    ) -> x509_cert::builder::Result<Vec<Extension>> {
        let constraints = BasicConstraints { ca: false, path_len_constraint: None };
        let usage = KeyUsage(KeyUsages::DigitalSignature | KeyUsages::NonRepudiation);
        // RFC 5280, section 4.2.1.2, method 1: SHA-1 of the key's bits.
        let id = digest::sha1(key.subject_public_key.raw_bytes());
        let id = SubjectKeyIdentifier(x509_cert::der::asn1::OctetString::new(id)?);
        let subject = tbs.subject();
        Ok(vec![
            constraints.to_extension(subject, &[])?,
            usage.to_extension(subject, &[])?,
            id.to_extension(subject, &[])?,
        ])
    }
}

/// The validity and serial number of a self-signed certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Begin, in seconds since 1970.
    pub from: i64,
    /// Days from then.
    pub days: u32,
    /// The serial number, big-endian; its highest bit is cleared, the one below set.
    pub serial: [u8; 16],
}

impl Terms {
    /// Whether they can be written down.
    pub fn check(&self) -> Result<(), EnrollError> {
        self.validity().map(drop)
    }

    fn validity(&self) -> Result<Validity, EnrollError> {
        let wrong = || EnrollError::Validity { days: self.days };
        let seconds = i64::from(self.days).checked_mul(86_400).and_then(|s| self.from.checked_add(s));
        let time = |seconds: i64| {
            let since = std::time::Duration::from_secs(u64::try_from(seconds).ok()?);
            Time::try_from(std::time::SystemTime::UNIX_EPOCH.checked_add(since)?).ok()
        };
        let not_before = time(self.from).ok_or_else(wrong)?;
        let not_after = seconds.and_then(time).ok_or_else(wrong)?;
        Ok(Validity::new(not_before, not_after))
    }

    fn serial(&self) -> Result<SerialNumber, EnrollError> {
        let mut bytes = self.serial;
        if let Some(first) = bytes.first_mut() {
            *first = (*first & 0x7f) | 0x40;
        }
        SerialNumber::new(&bytes).map_err(refused)
    }
}

/// A self-signed SAST certificate (DER), signed by `sign`, which gets the bytes to be signed.
pub fn self_signed<E: From<EnrollError>>(
    subject: &SastSubject,
    terms: &Terms,
    key: &RsaKey,
    digest: Digest,
    sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, E>,
) -> Result<Vec<u8>, E> {
    let described = describe(key, digest)?;
    let info = SubjectPublicKeyInfoOwned::from_der(&described.info).map_err(refused)?;
    let profile = SastProfile { subject: subject.name()? };
    let builder = CertificateBuilder::new(profile, terms.serial()?, terms.validity()?, info);
    finish(builder.map_err(refused)?, &described, sign)
}

/// A certificate signing request (PKCS#10, RFC 2986), DER.
pub fn request<E: From<EnrollError>>(
    subject: &SastSubject,
    key: &RsaKey,
    digest: Digest,
    sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, E>,
) -> Result<Vec<u8>, E> {
    let described = describe(key, digest)?;
    finish(RequestBuilder::new(subject.name()?).map_err(refused)?, &described, sign)
}

/// What was put together, signed: DER.
fn finish<E: From<EnrollError>>(
    mut builder: impl Builder<Output: Encode>,
    key: &Described,
    sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, E>,
) -> Result<Vec<u8>, E> {
    let bytes = builder.finalize(key).map_err(refused)?;
    let signature = BitString::from_bytes(&sign(&bytes)?).map_err(refused)?;
    let signed = builder.assemble(signature, key).map_err(refused)?;
    Ok(signed.to_der().map_err(refused)?)
}

fn describe(key: &RsaKey, digest: Digest) -> Result<Described, EnrollError> {
    let info = key.to_public_key_info();
    let info = info.ok_or_else(|| EnrollError::Builder("the public key cannot be encoded".to_owned()))?;
    Ok(Described { info, digest })
}

fn refused(error: impl std::fmt::Display) -> EnrollError {
    EnrollError::Builder(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_a_trust_list_or_are_refused() {
        SastSubject::new("SAST-HSM-01", Some("Voice (EMEA)"), Some("Example GmbH")).unwrap();
        let long = "x".repeat(65);
        for bad in ["", " SAST", "SAST;01", "SAST\"01", "SAST,01", "SAST=01", "S\0", "Bücher", "a+b", &long]
        {
            assert!(matches!(SastSubject::new(bad, None, None), Err(EnrollError::Name { .. })), "{bad:?}");
            assert!(SastSubject::new("SAST-01", Some(bad), None).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_longest_name_fits() {
        assert!(SastSubject::new(&"x".repeat(64), None, None).is_ok());
    }

    #[test]
    fn terms_that_cannot_be_written_down_are_refused() {
        let terms = |from, days| Terms { from, days, serial: [0xFF; 16] };
        assert!(terms(1_700_000_000, 7300).check().is_ok());
        assert!(terms(-1, 1).check().is_err(), "before 1970");
        assert!(terms(1_700_000_000, u32::MAX).check().is_err());
        assert!(terms(i64::MAX, 1).check().is_err());
    }

    #[test]
    fn a_serial_number_is_positive_and_of_sixteen_bytes() {
        for (random, first) in [(0x00, 0x40), (0xFF, 0x7F), (0x80, 0x40), (0x3A, 0x7A), (0x45, 0x45)] {
            let serial = Terms { from: 0, days: 1, serial: [random; 16] }.serial().unwrap();
            assert_eq!((serial.as_bytes().len(), serial.as_bytes()[0]), (16, first), "{random:x}");
        }
    }
}
