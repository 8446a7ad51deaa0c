//! The signature of a journal's head, in a file next to it: `docs/journal.md`, "Proof".

use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use serde::Deserialize;

use super::verify::VerifiedJournal;
use crate::files::{self, FileError};
use crate::trustlist::{Certificate, Digest, SignatureCheck, Signer, digest, printable_json};

/// The largest signature that is read, in bytes: it is a line of JSON.
const LARGEST: usize = 64 * 1024;

/// The only version that there is.
const VERSION: u32 = 1;

/// What is signed, and the signature. Fields are only ever added.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct HeadSignature {
    version: u32,
    /// How many lines of the journal it covers, from the first.
    lines: u64,
    /// SHA-256 of the last of them, hexadecimal.
    head: String,
    /// RSA PKCS#1 v1.5 with SHA-256, Base64.
    signature: String,
}

/// Why a signature proves nothing about a journal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// Not a signature file, or one of a later version.
    #[error("its signature cannot be read: {0}")]
    NotASignature(String),
    /// Of another journal, or of this one as it was.
    #[error("its signature belongs to other lines")]
    OtherLines,
    /// Another key made it.
    #[error("it was not signed with the key of this certificate")]
    OtherSigner,
}

/// The bytes that are signed: nothing that could be a trust list.
fn message(lines: u64, head: &str) -> Vec<u8> {
    format!("sastctl journal {VERSION}\n{lines} lines\n{head}\n").into_bytes()
}

/// `20261121T081843-revert.jsonl` → `20261121T081843-revert.jsonl.sig`
pub fn beside(journal: &Path) -> PathBuf {
    let mut name = journal.to_owned().into_os_string();
    name.push(".sig");
    name.into()
}

/// The signature next to a journal; `None` if there is none.
pub fn read_beside(journal: &Path) -> Result<Option<Vec<u8>>, FileError> {
    let path = beside(journal);
    if path.exists() { files::read_limited(&path, LARGEST).map(Some) } else { Ok(None) }
}

impl HeadSignature {
    /// Signs the head of a journal of so many lines: the text of the file.
    pub(super) fn make<S: Signer>(lines: u64, head: &str, signer: &mut S) -> Result<String, S::Error> {
        let signature = BASE64.encode(&signer.sign(Digest::Sha256, &message(lines, head))?);
        let (name, sha256) =
            (signer.certificate().sast_name(), digest::hex(&signer.certificate().sha256(), ""));
        let text = serde_json::json!({
            "version": VERSION, "lines": lines, "head": head, "signer": name, "certificate_sha256": sha256,
            "signature": signature,
        });
        Ok(format!("{}\n", printable_json(&text.to_string())))
    }

    /// How many lines of the journal, from the first, are proved to be those that the certificate's key signed.
    pub fn check(bytes: &[u8], journal: &VerifiedJournal, signer: &Certificate) -> Result<usize, HeadError> {
        let not = |why: String| HeadError::NotASignature(why);
        let it: HeadSignature = serde_json::from_slice(bytes).map_err(|e| not(e.to_string()))?;
        if it.version != VERSION {
            return Err(not(format!("version {} is not known here", it.version)));
        }
        let lines = usize::try_from(it.lines).map_err(|_| HeadError::OtherLines)?;
        if journal.head_of(lines) != Some(&it.head) {
            return Err(HeadError::OtherLines);
        }
        let signature = BASE64.decode(it.signature.as_bytes()).unwrap_or_default();
        let key = signer.public_key.rsa().ok_or(HeadError::OtherSigner)?;
        match key.check(Digest::Sha256, &[&message(it.lines, &it.head)], &signature) {
            SignatureCheck::Valid => Ok(lines),
            SignatureCheck::OtherDigest(_) | SignatureCheck::Invalid => Err(HeadError::OtherSigner),
        }
    }
}
