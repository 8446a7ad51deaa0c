//! All values of a file, for machines: the output of `ctl show --json`. Fields are added, but never removed or changed.
//!
//! Elements have the names of `docs/format.md`. Lengths and offsets are in bytes, binary values in hexadecimal.
#![allow(missing_docs, reason = "the fields are called as the elements and properties that they hold")]

use jiff::SignedDuration;
use jiff::civil::DateTime;
use serde::Serialize;

use super::Style;
use super::certificate::Certificate;
use super::digest::{self, Digest};
use super::error::VerifyError;
use super::header::{Header, modulus_code_bytes};
use super::list::{SignedFile, TrustList};
use super::record::Record;
use super::show;
use super::tlv::{self, record_tag as tag};
use super::verify::VerifiedList;

/// A decoded CTL or ITL file.
#[derive(Debug, Clone, Serialize)]
pub struct ListReport {
    /// `CTL` or `ITL`.
    pub kind: &'static str,
    #[serde(flatten)]
    pub file: FileReport,
    pub verified: bool,
    /// The SAST certificate that signed, where verified.
    pub signed_by: Option<String>,
    pub not_verified_because: Option<String>,
    pub records: Vec<RecordReport>,
    pub remarks: Vec<String>,
}

/// A decoded `.sgn` file.
#[derive(Debug, Clone, Serialize)]
pub struct SignedReport {
    /// Always `SGN`.
    pub kind: &'static str,
    #[serde(flatten)]
    pub file: FileReport,
    pub payload_bytes: usize,
    pub payload_sha256: String,
}

/// The fields of both types of file.
#[derive(Debug, Clone, Serialize)]
pub struct FileReport {
    pub bytes: usize,
    pub md5: String,
    /// MD5 as a phone shows it: lines of spaced pairs.
    pub md5_phone: Vec<String>,
    pub sha1: String,
    pub sha1_phone: Vec<String>,
    /// Version of the format, `1.2`.
    pub version: String,
    /// Tag 28, where present.
    pub signer_version: Option<String>,
    pub header_bytes: usize,
    pub signer_name: String,
    /// SERIALNUMBER, upper-case pairs with colons, as the file has it.
    pub signer_serial: String,
    pub signer_issuer: String,
    pub digest_code: u8,
    /// Its name, if known.
    pub digest: Option<String>,
    pub signature_algorithm_code: u8,
    pub modulus_code: u8,
    /// Its size in bits, if known.
    pub modulus_bits: Option<usize>,
    pub signature: String,
    pub file_name: String,
    /// TIMESTAMP, RFC 3339 in UTC.
    pub timestamp: String,
    /// TIMESTAMP, seconds since 1970-01-01 UTC.
    pub timestamp_seconds: u32,
}

/// One record.
#[derive(Debug, Clone, Serialize)]
pub struct RecordReport {
    /// Counted from 1.
    pub number: usize,
    /// Where it begins in the file, in bytes.
    pub offset: usize,
    pub bytes: usize,
    pub name: String,
    pub function: String,
    pub function_code: u16,
    /// Whether the header names it as signer.
    pub signer: bool,
    pub dns_name: Option<String>,
    pub ip_address: Option<String>,
    pub subject: Option<String>,
    pub issuer: Option<String>,
    /// SERIALNUMBER, upper-case pairs with colons, as the file has it.
    pub serial: Option<String>,
    pub public_key: Option<String>,
    /// SIGNATURE (the certificate's own), hexadecimal.
    pub certificate_signature: Option<String>,
    pub cert_hash: Option<String>,
    pub hash_algorithm: Option<u8>,
    pub certificate: Option<CertificateReport>,
    pub certificate_error: Option<String>,
    /// Elements that are not known: tag and value (hexadecimal).
    pub unknown: Vec<(u8, String)>,
}

/// A certificate.
#[derive(Debug, Clone, Serialize)]
pub struct CertificateReport {
    /// The common name without padding.
    pub name: String,
    /// Subject in CUCM's spelling.
    pub subject: String,
    /// Issuer in CUCM's spelling.
    pub issuer: String,
    /// Serial, big-endian, upper-case pairs with colons.
    pub serial: String,
    /// Start of validity, RFC 3339 in UTC.
    pub not_before: String,
    /// End of validity, RFC 3339 in UTC.
    pub not_after: String,
    /// `RSA 1024`.
    pub key: String,
    pub signature_algorithm: String,
    pub sha1: String,
    pub sha256: String,
    pub bytes: usize,
}

impl ListReport {
    /// Decodes everything in a list.
    pub fn new(list: &TrustList, verification: &Result<VerifiedList, VerifyError>) -> Self {
        let mut offset = list.header().bytes().len();
        let report = |(index, record): (usize, &Record)| {
            let report = RecordReport::new(list, index, offset, record);
            offset = offset.saturating_add(record.bytes().len());
            report
        };
        ListReport {
            kind: list.kind().label(),
            file: FileReport::new(list.header(), list.bytes()),
            verified: verification.is_ok(),
            signed_by: verification.as_ref().ok().map(VerifiedList::signer_name),
            not_verified_because: verification.as_ref().err().map(ToString::to_string),
            records: list.records().iter().enumerate().map(report).collect(),
            remarks: list.remarks().iter().map(ToString::to_string).collect(),
        }
    }
}

impl SignedReport {
    /// Decodes everything in a `.sgn` file.
    pub fn new(signed: &SignedFile) -> Self {
        SignedReport {
            kind: "SGN",
            file: FileReport::new(signed.header(), signed.bytes()),
            payload_bytes: signed.payload().len(),
            payload_sha256: digest::hex(&digest::sha256(signed.payload()), ""),
        }
    }
}

impl FileReport {
    fn new(header: &Header, bytes: &[u8]) -> Self {
        let dotted = |(major, minor): (u8, u8)| format!("{major}.{minor}");
        let (md5, sha1) = (digest::md5(bytes), digest::sha1(bytes));
        FileReport {
            bytes: bytes.len(),
            md5: digest::hex(&md5, ""),
            md5_phone: digest::phone_lines(&md5),
            sha1: digest::hex(&sha1, ""),
            sha1_phone: digest::phone_lines(&sha1),
            version: dotted(header.version),
            signer_version: header.signer_version.map(dotted),
            header_bytes: header.bytes().len(),
            signer_name: header.signer_name(),
            signer_serial: digest::colons(&header.signer.serial),
            signer_issuer: tlv::c_text(&header.signer.issuer),
            digest_code: header.digest_code,
            digest: Digest::from_code(header.digest_code).map(|d| d.to_string()),
            signature_algorithm_code: header.algorithm_code,
            modulus_code: header.modulus_code,
            modulus_bits: modulus_code_bytes(header.modulus_code).map(|bytes| bytes.saturating_mul(8)),
            signature: digest::hex(&header.signature, ""),
            file_name: header.file_name(),
            timestamp: rfc3339(i64::from(header.timestamp)),
            timestamp_seconds: header.timestamp,
        }
    }
}

impl RecordReport {
    /// `index` counts from 0; the record begins at `offset` of the file.
    fn new(list: &TrustList, index: usize, offset: usize, record: &Record) -> Self {
        let hex = |tag| record.get(tag).map(|v| digest::hex(v, ""));
        let certificate = record.certificate();
        let unknown = record.elements().filter(|e| tlv::record_tag_name(e.tag).is_none());
        RecordReport {
            number: index.saturating_add(1),
            offset,
            bytes: record.bytes().len(),
            name: record.short_name(),
            function: record.function().to_string(),
            function_code: record.function().0,
            signer: list.is_signer(record),
            dns_name: record.dns_name(),
            ip_address: show::address(record),
            subject: record.subject_name(),
            issuer: record.issuer_name(),
            serial: record.get(tag::SERIAL_NUMBER).map(digest::colons),
            public_key: hex(tag::PUBLIC_KEY),
            certificate_signature: hex(tag::SIGNATURE),
            cert_hash: hex(tag::CERT_HASH),
            hash_algorithm: record.get(tag::HASH_ALGORITHM).and_then(|v| v.first().copied()),
            certificate: certificate.as_ref().and_then(|c| c.as_ref().ok()).map(CertificateReport::new),
            certificate_error: certificate.and_then(Result::err).map(|e| e.to_string()),
            unknown: unknown.map(|e| (e.tag, digest::hex(e.value, ""))).collect(),
        }
    }
}

impl CertificateReport {
    /// Decodes everything in a certificate.
    pub fn new(certificate: &Certificate) -> Self {
        CertificateReport {
            name: certificate.sast_name(),
            subject: certificate.subject.spelled(Style::Cucm),
            issuer: certificate.issuer.spelled(Style::Cucm),
            serial: digest::colons(&certificate.serial),
            not_before: rfc3339(certificate.not_before),
            not_after: rfc3339(certificate.not_after),
            key: certificate.public_key.describe(),
            signature_algorithm: certificate.signature_algorithm.to_owned(),
            sha1: digest::hex(&certificate.sha1(), ""),
            sha256: digest::hex(&certificate.sha256(), ""),
            bytes: certificate.der().len(),
        }
    }
}

/// Seconds since 1970-01-01 UTC as RFC 3339; the number itself where that has no date.
pub(super) fn rfc3339(seconds: i64) -> String {
    date(seconds, "%Y-%m-%dT%H:%M:%SZ")
}

/// A date for people: `2022-05-17` (UTC), from seconds since 1970-01-01.
pub fn day(seconds: i64) -> String {
    date(seconds, "%Y-%m-%d")
}

/// A date in UTC, from seconds since 1970-01-01; the number itself where that has none. Works up to the last second of the year
/// 9999, the end date of certificates that never expire; a time with a zone does not reach it.
pub fn date(seconds: i64, format: &str) -> String {
    let begin = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
    let at = begin.checked_add(SignedDuration::from_secs(seconds));
    at.map_or_else(|_| seconds.to_string(), |at| at.strftime(format).to_string())
}
