//! Tokens and the certificates on them, as values that programs read. Times are seconds since 1970-01-01 UTC.

use serde::Serialize;

use crate::token::{Token, TokenCertificate, TokenContents};
use crate::trustlist::{Certificate, CertificateReport, digest};

/// A token and what is on it.
#[derive(Debug, Serialize)]
pub struct TokenReport<'a> {
    #[serde(flatten)]
    token: &'a Token,
    uri: String,
    certificates: Vec<OnToken>,
    certificates_problem: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mechanisms: Option<Vec<String>>,
}

/// A certificate object on a token; without the fields of a certificate where it does not parse.
#[derive(Debug, Serialize)]
struct OnToken {
    id: String,
    label: String,
    #[serde(flatten)]
    certificate: Option<CertificateReport>,
    expired: Option<bool>,
    has_key: Option<bool>,
    problem: Option<String>,
}

/// A certificate that parses, with the token that it is on.
#[derive(Debug, Serialize)]
pub struct ListedCertificate {
    token: String,
    pub token_serial: String,
    id: String,
    pub expired: bool,
    #[serde(flatten)]
    pub certificate: CertificateReport,
}

impl<'a> TokenReport<'a> {
    pub fn new(contents: &'a TokenContents, mechanisms: Option<Vec<String>>, now: i64) -> Self {
        let certificate = |entry: &TokenCertificate| {
            let (certificate, problem) = (entry.certificate.as_ref().ok(), entry.certificate.as_ref().err());
            OnToken {
                id: digest::hex(&entry.id, ""),
                label: entry.label.clone(),
                certificate: certificate.map(CertificateReport::new),
                expired: certificate.map(|certificate| is_expired(certificate, now)),
                has_key: entry.has_key,
                problem: problem.map(|(_, why)| why.clone()),
            }
        };
        TokenReport {
            token: &contents.token,
            uri: contents.token.uri(),
            certificates: contents.certificates.iter().map(certificate).collect(),
            certificates_problem: contents.problem.as_ref().map(ToString::to_string),
            mechanisms,
        }
    }
}

/// The certificates on a token that parse.
pub fn listed(contents: &TokenContents, now: i64) -> impl Iterator<Item = ListedCertificate> {
    contents.certificates.iter().filter_map(move |entry| {
        let certificate = entry.certificate.as_ref().ok()?;
        Some(ListedCertificate {
            token: contents.token.label.to_owned(),
            token_serial: contents.token.serial.to_owned(),
            id: digest::hex(&entry.id, ""),
            expired: is_expired(certificate, now),
            certificate: CertificateReport::new(certificate),
        })
    })
}

/// Whether its validity ended.
pub fn is_expired(certificate: &Certificate, now: i64) -> bool {
    certificate.not_after < now
}
