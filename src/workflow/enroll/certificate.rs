//! Certificates and requests for keys that were made on a token: pure, the signature comes from outside.

use std::path::PathBuf;
use std::str::FromStr as _;
use std::time::Duration;

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
use x509_cert::time::Validity;

use crate::trustlist::{Digest, RsaKey, digest};

/// Longest value of a name, in characters (RFC 5280, ub-common-name and similar limits).
const MAX_VALUE: usize = 64;

/// The names of a SAST certificate: what a trust list can hold, and nothing that it would spell in two ways.
#[derive(Debug)]
pub struct SastSubject {
    pub common_name: String,
    pub unit: Option<String>,
    pub organization: Option<String>,
}

/// Why something is not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnrollError {
    #[error("{what} {value:?} does not fit a trust list: {why}")]
    Name { what: &'static str, value: String, why: &'static str },
    #[error("a validity of {days} days from now does not fit a certificate")]
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
    /// A trust list separates by `;`, quotes by `"`, and ends at NUL; CUCM's file names and forms accept ASCII.
    pub fn check(&self) -> Result<(), EnrollError> {
        let (unit, organization) = (self.unit.as_ref(), self.organization.as_ref());
        let given =
            [("the name", Some(&self.common_name)), ("the unit", unit), ("the organization", organization)];
        let fits = |c: char| c.is_ascii_alphanumeric() || " -_.:/()@".contains(c);
        for (what, value) in given.into_iter().filter_map(|(what, value)| Some((what, value?))) {
            let why = match &value[..] {
                v if v.is_empty() || v.chars().count() > MAX_VALUE => "it has 1 to 64 characters",
                v if v.trim() != v => "it begins or ends with a blank",
                v if !v.chars().all(fits) => "it has letters, digits, blanks and - _ . : / ( ) @",
                _ => continue,
            };
            return Err(EnrollError::Name { what, value: value.clone(), why });
        }
        Ok(())
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

/// The replacement for the token's key while a certificate is built.
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
    /// sha1WithRSAEncryption and similar (RFC 4055, section 5).
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

/// From now on. It fails where the days end after the year 9999, or the clock shows a time before 1970.
pub fn validity(days: u32) -> Result<Validity, EnrollError> {
    let duration = Duration::from_secs(u64::from(days).saturating_mul(86_400));
    Validity::from_now(duration).map_err(|_| EnrollError::Validity { days })
}

/// The DER of a self-signed SAST certificate that is valid for so many days from now; without them a certificate signing
/// request (PKCS#10, RFC 2986). `sign` gets the bytes to be signed.
pub fn certify<E: From<EnrollError>>(
    subject: &SastSubject,
    days: Option<u32>,
    key: &RsaKey,
    digest: Digest,
    sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, E>,
) -> Result<Vec<u8>, E> {
    let info = key.to_public_key_info();
    let info = info.ok_or_else(|| EnrollError::Builder("the public key cannot be encoded".to_owned()))?;
    let described = Described { info, digest };
    let subject = subject.name()?;
    let Some(days) = days else {
        return finish(RequestBuilder::new(subject).map_err(refused)?, &described, sign);
    };
    let info = SubjectPublicKeyInfoOwned::from_der(&described.info).map_err(refused)?;
    // Positive, and always of sixteen bytes.
    let mut serial = random::<16>()?;
    serial[0] = (serial[0] & 0x7f) | 0x40;
    let serial = SerialNumber::new(&serial).map_err(refused)?;
    let builder = CertificateBuilder::new(SastProfile { subject }, serial, validity(days)?, info);
    finish(builder.map_err(refused)?, &described, sign)
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

/// Random bytes of the system.
pub fn random<const N: usize>() -> Result<[u8; N], EnrollError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(EnrollError::NoRandom)?;
    Ok(bytes)
}

fn refused(error: impl std::fmt::Display) -> EnrollError {
    EnrollError::Builder(error.to_string())
}
