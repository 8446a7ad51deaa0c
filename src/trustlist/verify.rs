//! From a decoded file to one whose signer is known, or to the exact reason why not.

use std::collections::{BTreeSet, HashSet};

use super::certificate::Certificate;
use super::digest::{self, Digest};
use super::error::VerifyError;
use super::header::{Header, modulus_code_bytes};
use super::key::{Message, PublicKey, RsaKey};
use super::list::{SignedFile, TrustList};
use super::record::{Function, Record};
use super::tlv::{self, record_tag as tag};

/// A list whose signature was checked against the SAST record that its header names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedList {
    list: TrustList,
    signer: usize,
    digest: Digest,
    bits: usize,
}

impl VerifiedList {
    /// The list.
    pub fn list(&self) -> &TrustList {
        &self.list
    }

    /// The SAST record that signed; `None` never happens for a list that was verified.
    pub fn signer(&self) -> Option<&Record> {
        self.list.records().get(self.signer)
    }

    /// A name to call the signer by.
    pub fn signer_name(&self) -> String {
        self.signer().map(Record::short_name).unwrap_or_default()
    }

    /// The digest that was signed.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Size of the signer's key in bits.
    pub fn key_bits(&self) -> usize {
        self.bits
    }
}

impl TrustList {
    /// Finds the signer among the SAST records and checks the signature with its certificate's key.
    ///
    /// Any number of records may be called like the signer. The file is hashed once for all of them, and no key is tried
    /// twice.
    pub fn verify(&self) -> Result<VerifiedList, VerifyError> {
        let (digest, key_bytes) = algorithm(self.header())?;
        let covered = self.header().covered(self.bytes());
        let message = Message::new(&covered);
        let signature = self.header().signature();
        let mut tried = HashSet::new();
        let mut other_key = None;
        let mut failure = None;
        let mut next = self.header().bytes().len();
        for (index, record) in self.records().iter().enumerate() {
            let offset = next;
            next = next.saturating_add(record.bytes().len());
            if !self.is_signer(record) {
                continue;
            }
            match signer_key(index.saturating_add(1), offset, record).and_then(|key| fitting(key, key_bytes))
            {
                Ok(key) if tried.contains(&key) => {}
                Ok(key) if key.signed(digest, &message, signature) => {
                    let bits = key.bits();
                    return Ok(VerifiedList { list: self.clone(), signer: index, digest, bits });
                }
                Ok(key) => {
                    other_key.get_or_insert_with(|| key.clone());
                    tried.insert(key);
                }
                Err(e) => {
                    failure.get_or_insert(e);
                }
            }
        }
        Err(match other_key {
            Some(key) => why_not(&key, digest, &message, self.header()),
            None => failure.unwrap_or_else(|| self.no_signer()),
        })
    }

    fn no_signer(&self) -> VerifyError {
        let signer = self.header().signer();
        let records = self.records().iter().filter(|r| r.is_for(&signer.issuer, &signer.serial));
        let functions: BTreeSet<Function> = records.map(Record::function).collect();
        if functions.is_empty() {
            let serial = digest::hex(&signer.serial, ":").to_uppercase();
            VerifyError::NoSignerRecord { signer: self.header().signer_short_name(), serial }
        } else {
            let functions = functions.into_iter().collect();
            VerifyError::SignerIsNotSast { signer: self.header().signer_short_name(), functions }
        }
    }
}

impl SignedFile {
    /// Checks the signature with a certificate, which must be the one that the header names.
    ///
    /// The answer is the digest that was signed.
    pub fn verify(&self, signer: &Certificate) -> Result<Digest, VerifyError> {
        let id = self.header().signer();
        let named = [super::Style::Cucm, super::Style::CtlClient]
            .into_iter()
            .any(|style| id.serial[..] == signer.serial_spelled(style)[..]);
        if !named {
            return Err(VerifyError::OtherSigner {
                signer: self.header().signer_short_name(),
                serial: digest::hex(tlv::without_nul(&id.serial), ":").to_uppercase(),
                given: signer.sast_name(),
            });
        }
        let (digest, key_bytes) = algorithm(self.header())?;
        let key = match signer.public_key() {
            PublicKey::Rsa(key) => fitting(key.clone(), key_bytes)?,
            PublicKey::Other { what } => return Err(VerifyError::UnsupportedKey { what: what.clone() }),
        };
        let covered = self.header().covered(self.bytes());
        let message = Message::new(&covered);
        if key.signed(digest, &message, self.header().signature()) {
            return Ok(digest);
        }
        Err(why_not(&key, digest, &message, self.header()))
    }
}

/// The key of a record: the certificate's, or PUBLICKEY where the certificate is left out. The record is the `number`th,
/// from 1, and begins at `offset` of the file.
fn signer_key(number: usize, offset: usize, record: &Record) -> Result<RsaKey, VerifyError> {
    let public_key = match record.certificate() {
        Some(Ok(certificate)) => certificate.public_key().clone(),
        Some(Err(e)) => {
            let element = record.elements().find(|e| e.tag == tag::CERTIFICATE).map_or(0, |e| e.offset);
            return Err(VerifyError::CertificateUnreadable {
                record: number,
                offset: offset.saturating_add(element),
                why: e.to_string(),
            });
        }
        None => match record.get(tag::PUBLIC_KEY).map(RsaKey::from_pkcs1) {
            Some(Some(key)) => PublicKey::Rsa(key),
            Some(None) => PublicKey::Other { what: "not RSA".to_owned() },
            None => return Err(VerifyError::NoKey { record: number }),
        },
    };
    match public_key {
        PublicKey::Rsa(key) => Ok(key),
        PublicKey::Other { what } => Err(VerifyError::UnsupportedKey { what }),
    }
}

/// Digest and signature length (bytes), if the header names ones that are known and fit together.
fn algorithm(header: &Header) -> Result<(Digest, usize), VerifyError> {
    if header.algorithm_code() != 0 {
        return Err(VerifyError::UnsupportedAlgorithm(header.algorithm_code()));
    }
    let digest = Digest::from_code(header.digest_code())
        .ok_or(VerifyError::UnsupportedDigest(header.digest_code()))?;
    let bytes = header.signature().len();
    if modulus_code_bytes(header.modulus_code()) != Some(bytes) {
        return Err(VerifyError::ModulusDisagrees { code: header.modulus_code(), bytes });
    }
    Ok((digest, bytes))
}

/// The key, if its signatures are as long as the one in the file.
fn fitting(key: RsaKey, signature_bytes: usize) -> Result<RsaKey, VerifyError> {
    match key.signature_len() {
        length if length == signature_bytes => Ok(key),
        length => Err(VerifyError::SignatureLength { signature: signature_bytes, key: length }),
    }
}

/// What is wrong with a signature that this key did not make.
fn why_not(key: &RsaKey, digest: Digest, message: &Message<'_>, header: &Header) -> VerifyError {
    match key.other_digest(digest, message, header.signature()) {
        Some(other) => VerifyError::DigestDisagrees { header: digest, signature: other },
        None => VerifyError::DoesNotMatch { signer: header.signer_short_name() },
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_key_fits_a_signature_of_its_own_length() {
        let file = format!("{}/softhsm-fixtures/SAST-ADN008580ef.der", env!("CARGO_MANIFEST_DIR"));
        let certificate = Certificate::from_der(std::fs::read(file).unwrap()).unwrap();
        let key = || certificate.public_key().rsa().unwrap().clone();
        assert!(fitting(key(), 128).is_ok());
        assert_eq!(fitting(key(), 256), Err(VerifyError::SignatureLength { signature: 256, key: 128 }));
    }
}
