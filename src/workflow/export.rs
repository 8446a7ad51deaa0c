//! SAST certificates in files, for Phone-SAST-trust.

use std::path::Path;

use serde::Serialize;

use super::{Operator, View, WorkError};
use crate::files::{self, OnExisting};
use crate::token::{Token, TokenContents, TokenError};
use crate::trustlist::{Certificate, CertificateReport, digest};

/// How a certificate is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    Der,
    Pem,
}

impl Format {
    /// The certificate's bytes.
    pub fn encode(self, certificate: &Certificate) -> Vec<u8> {
        match self {
            Format::Der => certificate.der().to_vec(),
            Format::Pem => certificate.to_pem().into_bytes(),
        }
    }

    /// `SAST-ADN008580ef.cer`. The name comes from a token: only characters that every file system accepts are kept.
    pub fn file_name(self, name: &str) -> String {
        let is_safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ');
        let safe: String = name.chars().map(|c| if is_safe(c) { c } else { '_' }).take(100).collect();
        let safe = safe.trim_start_matches('.').trim();
        let safe = if safe.is_empty() { "certificate" } else { safe };
        format!("{safe}.{}", if self == Format::Der { "cer" } else { "pem" })
    }
}

/// A token whose certificates are missing in the answer.
#[derive(Debug, Serialize)]
pub struct Unread {
    token: String,
    token_serial: String,
    pub problem: String,
    #[serde(skip)]
    pub name: String,
}

impl Unread {
    /// A token whose certificates could not be read.
    pub fn of(contents: &TokenContents) -> Option<Self> {
        Some(Unread::new(&contents.token, contents.problem.as_ref()?))
    }

    fn new(token: &Token, problem: &TokenError) -> Self {
        Unread {
            token: token.label.to_owned(),
            token_serial: token.serial.to_owned(),
            problem: problem.to_string(),
            name: token.name().to_string(),
        }
    }
}

/// The SAST certificates of all tokens, and the tokens that have one which cannot be read.
pub fn certificates_of(all: Vec<TokenContents>) -> (Vec<Certificate>, Vec<Unread>) {
    let (mut certificates, mut unread) = (Vec::new(), Vec::new());
    for contents in all {
        let named = contents.may_be_named();
        if named.is_empty() && (contents.problem.is_some() || !contents.certificates.is_empty()) {
            let token = contents.token.clone();
            unread.extend(contents.sast(None).err().map(|problem| Unread::new(&token, &problem)));
        }
        for certificate in named {
            if !certificates.contains(&certificate) {
                certificates.push(certificate);
            }
        }
    }
    (certificates, unread)
}

/// A certificate that was written.
#[derive(Debug, Serialize)]
pub struct Exported {
    certificate: CertificateReport,
    /// Where it is.
    pub file: String,
    kept_old_as: Option<String>,
}

/// Writes certificates into a folder; the serial number tells those of one name apart.
pub fn export(
    certificates: &[Certificate],
    folder: &Path,
    format: Format,
    existing: OnExisting,
    operator: &dyn Operator,
) -> Result<Vec<Exported>, WorkError> {
    files::make_folder(folder)?;
    let write = |certificate: &Certificate| {
        let mut name = format.file_name(&certificate.sast_name());
        if certificates.iter().filter(|other| format.file_name(&other.sast_name()) == name).count() > 1 {
            let (stem, extension) = name.rsplit_once('.').unwrap_or((&name, ""));
            name = format!("{stem}-{}.{extension}", digest::hex(&certificate.serial, ""));
        }
        let path = folder.join(name);
        let bytes = format.encode(certificate);
        let backup = files::write_new(&path, &bytes, existing)?.backup;
        let (file, report) = (path.display().to_string(), CertificateReport::new(certificate));
        let sha1 = digest::hex(&certificate.sha1(), "");
        let text = format!("{file}   {} bytes, {}, SHA1 {sha1}", bytes.len(), report.key);
        operator.show(&View::Text(&text))?;
        let kept_old_as = backup.map(|path| path.display().to_string());
        Ok(Exported { certificate: report, file, kept_old_as })
    };
    certificates.iter().map(write).collect()
}
