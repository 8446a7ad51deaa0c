//! The X.509 certificates in records: their bytes, and the parts that a record repeats.

use bytes::Bytes;
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use x509_parser::certificate::X509CertificateParser;
use x509_parser::nom::Parser as _;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey as X509Key;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::digest;
use super::key::{PublicKey, RsaKey};
use super::name::{Name, Style};

/// Why some bytes are not a certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the words say what each is")]
pub enum CertificateError {
    #[error("not an X.509 certificate in DER ({0})")]
    NotACertificate(String),
    #[error("{0} bytes follow the certificate")]
    TrailingBytes(usize),
    #[error("the PEM text holds no certificate (found: {0})")]
    NoCertificateInPem(String),
}

/// A certificate: its DER bytes, as they were read, and the parts that a trust list repeats.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "InJson", into = "InJson")]
pub struct Certificate {
    der: Bytes,
    /// The subject name.
    pub subject: Name,
    /// The issuer name.
    pub issuer: Name,
    /// The serial number: big-endian, no leading zero bytes (one byte 0 for the serial 0).
    pub serial: Vec<u8>,
    /// Start of validity, seconds since 1970-01-01 UTC.
    pub not_before: i64,
    /// End of validity, seconds since 1970-01-01 UTC.
    pub not_after: i64,
    /// The public key.
    pub public_key: PublicKey,
    /// The public key as a PUBLICKEY element holds it: PKCS#1 RSAPublicKey DER, or the point of an EC key.
    pub public_key_bytes: Vec<u8>,
    key_algorithm: String,
    /// The certificate's own signature value: what a SIGNATURE element (tag 8) of a record holds.
    pub signature: Vec<u8>,
    /// The signature algorithm of the certificate: `sha1WithRSAEncryption`, or a dotted OID.
    pub signature_algorithm: String,
}

/// A certificate in a JSON document. Name and checksum are for people: the reader makes them again from the bytes.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct InJson {
    name: String,
    /// SHA-256 over the DER bytes, hexadecimal.
    sha256: String,
    /// Base64.
    der: String,
}

impl From<Certificate> for InJson {
    fn from(it: Certificate) -> Self {
        InJson { name: it.sast_name(), sha256: digest::hex(&it.sha256(), ""), der: BASE64.encode(it.der()) }
    }
}

impl TryFrom<InJson> for Certificate {
    type Error = CertificateError;

    fn try_from(it: InJson) -> Result<Self, CertificateError> {
        let der = BASE64.decode(it.der.as_bytes());
        Certificate::from_der(der.map_err(|e| CertificateError::NotACertificate(e.to_string()))?)
    }
}

/// Names and serial number of a certificate, each a whole DER element: the attributes that PKCS#11 stores with it.
#[allow(missing_docs, reason = "the names say what each is")]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RawNames {
    pub subject: Vec<u8>,
    pub issuer: Vec<u8>,
    pub serial: Vec<u8>,
}

impl Certificate {
    /// Reads a DER certificate that fills the bytes.
    pub fn from_der(der: impl Into<Bytes>) -> Result<Self, CertificateError> {
        let der = der.into();
        // A trust list uses no extensions: errors inside them are ignored.
        let mut parser = X509CertificateParser::new().with_deep_parse_extensions(false);
        let (rest, x509) = parser.parse(&der).map_err(|e| CertificateError::NotACertificate(why(e)))?;
        if !rest.is_empty() {
            return Err(CertificateError::TrailingBytes(rest.len()));
        }
        let spki = x509.public_key();
        let key_bits = &spki.subject_public_key.data;
        let public_key = match RsaKey::from_pkcs1(key_bits) {
            Some(key) => PublicKey::Rsa(key),
            None => PublicKey::Other(describe_key(spki.parsed().ok(), curve_bits(spki))),
        };
        Ok(Certificate {
            subject: Name::from_x509(x509.subject()),
            issuer: Name::from_x509(x509.issuer()),
            serial: x509.serial.to_bytes_be(),
            not_before: x509.validity().not_before.timestamp(),
            not_after: x509.validity().not_after.timestamp(),
            public_key,
            public_key_bytes: key_bits.to_vec(),
            key_algorithm: algorithm_name(&spki.algorithm.algorithm.to_id_string()),
            signature: x509.signature_value.data.to_vec(),
            signature_algorithm: algorithm_name(&x509.signature_algorithm.algorithm.to_id_string()),
            der: der.clone(),
        })
    }

    /// Reads a certificate file: DER, or the first certificate of a PEM text.
    pub fn from_file_bytes(bytes: &[u8]) -> Result<Self, CertificateError> {
        // A DER certificate may contain `-----BEGIN `, and a PEM file may begin with 0x30: "0".
        let der = Self::from_der(bytes.to_vec());
        if der.is_ok() || !contains_pem(bytes) {
            return der;
        }
        let mut found = Vec::new();
        for pem in x509_parser::pem::Pem::iter_from_buffer(bytes) {
            match pem {
                Ok(pem) if pem.label.ends_with("CERTIFICATE") => return Self::from_der(pem.contents),
                Ok(pem) => found.push(pem.label),
                Err(e) => return Err(CertificateError::NotACertificate(e.to_string())),
            }
        }
        Err(CertificateError::NoCertificateInPem(found.join(", ")))
    }

    /// The bytes as read.
    pub fn der(&self) -> &Bytes {
        &self.der
    }

    /// The certificate as PEM (RFC 7468).
    pub fn to_pem(&self) -> String {
        pem("CERTIFICATE", &self.der)
    }

    /// Subject, issuer and serial number as they stand in the certificate, each a whole DER element.
    pub fn raw_names(&self) -> RawNames {
        // It was parsed before without an error.
        let Ok((_, x509)) = X509Certificate::from_der(&self.der) else { return RawNames::default() };
        let raw = x509.raw_serial();
        // INTEGER; a serial number has 20 bytes at most (RFC 5280, section 4.1.2.2), a longer one is left out.
        let serial = u8::try_from(raw.len()).ok().filter(|n| *n < 0x80);
        RawNames {
            subject: x509.subject().as_raw().to_vec(),
            issuer: x509.issuer().as_raw().to_vec(),
            serial: serial.map(|n| [&[0x02, n], raw].concat()).unwrap_or_default(),
        }
    }

    /// The serial number as a file of that style holds it: CUCM big-endian, the CTL Client reversed.
    pub fn serial_spelled(&self, style: Style) -> Vec<u8> {
        let mut serial = self.serial.clone();
        if style == Style::CtlClient {
            serial.reverse();
        }
        serial
    }

    /// Whether issuer and serial are those of this certificate: the serial big-endian and any spelling of its issuer's name, or
    /// both as the CTL Client spells them.
    pub fn is_called(&self, issuer: &[u8], serial: &[u8]) -> bool {
        let client = Style::CtlClient;
        (serial == self.serial && self.issuer.matches(issuer))
            || (serial == self.serial_spelled(client)
                && super::tlv::without_nul(issuer) == self.issuer.spelled(client).as_bytes())
    }

    /// The declared use of an RSA key (RFC 8017, appendix A), if it is not plain RSA: `RSASSA-PSS`, or the dotted OID.
    pub fn declared_for(&self) -> Option<&str> {
        let other = self.public_key.rsa().is_some() && self.key_algorithm != "rsaEncryption";
        other.then_some(&self.key_algorithm)
    }

    /// SHA-1 over the DER bytes: the fingerprint of `show ctl` and of CERTHASH elements.
    pub fn sha1(&self) -> [u8; 20] {
        digest::sha1(&self.der)
    }

    /// SHA-256 over the DER bytes.
    pub fn sha256(&self) -> [u8; 32] {
        digest::sha256(&self.der)
    }

    /// Whether `Cisco Manufacturing CA` issued it: one of Cisco's own SAST tokens, for which the CTL Client has its own
    /// spelling.
    pub fn is_cisco_token(&self) -> bool {
        self.issuer.common_name().map(str::trim_end) == Some("Cisco Manufacturing CA")
    }

    /// The spelling for a SAST record of this certificate (`docs/format.md`, "Names and serials").
    pub fn sast_style(&self) -> Style {
        if self.is_cisco_token() { Style::CtlClient } else { Style::Cucm }
    }

    /// The common name without padding: for messages and file names.
    pub fn sast_name(&self) -> String {
        self.subject.short()
    }
}

/// The parser's message without the text that its error types add.
fn why(error: x509_parser::nom::Err<x509_parser::error::X509Error>) -> String {
    match error {
        x509_parser::nom::Err::Incomplete(_) => "it is cut short".to_owned(),
        x509_parser::nom::Err::Error(e) | x509_parser::nom::Err::Failure(e) => e.to_string(),
    }
}

/// DER as PEM with this label (RFC 7468).
pub fn pem(label: &str, der: &[u8]) -> String {
    let text = data_encoding::BASE64.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// Whether the bytes are PEM (perhaps with text before the first block).
fn contains_pem(bytes: &[u8]) -> bool {
    bytes.starts_with(b"-----BEGIN ") || bytes.windows(12).any(|w| w == b"\n-----BEGIN ")
}

/// The size of a curve whose points are longer than it is: P-521 (RFC 5480, section 2.1.1.1).
fn curve_bits(key: &SubjectPublicKeyInfo<'_>) -> Option<usize> {
    match key.algorithm.parameters.as_ref()?.as_oid().ok()?.to_id_string().as_str() {
        "1.3.132.0.35" => Some(521),
        _ => None,
    }
}

fn describe_key(key: Option<X509Key<'_>>, curve_bits: Option<usize>) -> String {
    match key {
        Some(X509Key::RSA(rsa)) => format!("RSA {}", rsa.key_size()),
        Some(X509Key::EC(point)) => format!("EC {}", curve_bits.unwrap_or_else(|| point.key_size())),
        Some(X509Key::DSA(_)) => "DSA".to_owned(),
        _ => "unknown".to_owned(),
    }
}

/// RFC 8017 appendix C, RFC 5758 and RFC 3279 names of the algorithms seen in the field.
fn algorithm_name(oid: &str) -> String {
    match oid {
        "1.2.840.113549.1.1.1" => "rsaEncryption",
        "1.2.840.113549.1.1.7" => "RSAES-OAEP",
        "1.2.840.113549.1.1.10" => "RSASSA-PSS",
        "1.2.840.113549.1.3.1" | "1.2.840.10046.2.1" => "Diffie-Hellman",
        "1.2.840.113549.1.1.4" => "md5WithRSAEncryption",
        "1.2.840.113549.1.1.5" => "sha1WithRSAEncryption",
        "1.2.840.113549.1.1.11" => "sha256WithRSAEncryption",
        "1.2.840.113549.1.1.12" => "sha384WithRSAEncryption",
        "1.2.840.113549.1.1.13" => "sha512WithRSAEncryption",
        "1.2.840.10045.4.3.2" => "ecdsa-with-SHA256",
        "1.2.840.10045.4.3.3" => "ecdsa-with-SHA384",
        "1.2.840.10045.4.3.4" => "ecdsa-with-SHA512",
        other => other,
    }
    .to_owned()
}
