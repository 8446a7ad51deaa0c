//! Verifies a decoded file: returns its signer, or the exact reason why it does not verify.

use std::collections::{BTreeSet, HashSet};

use super::certificate::Certificate;
use super::digest::{self, Digest};
use super::error::VerifyError;
use super::header::{Header, modulus_code_bytes};
use super::key::{PublicKey, RsaKey, SignatureCheck};
use super::list::{SignedFile, TrustList};
use super::record::{Function, Record};
use super::tlv::record_tag as tag;

/// A list whose signature was verified with the record that its header names: a record of this list, or of an installed list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedList {
    list: TrustList,
    signer: Record,
    digest: Digest,
    bits: usize,
}

impl VerifiedList {
    /// The list.
    pub fn list(&self) -> &TrustList {
        &self.list
    }

    /// The record of the signer.
    pub fn signer(&self) -> &Record {
        &self.signer
    }

    /// The signer's name for people.
    pub fn signer_name(&self) -> String {
        self.signer.short_name()
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
    /// Finds the signer among the SAST records, of which several may have its name, and verifies the signature.
    pub fn verify(&self) -> Result<VerifiedList, VerifyError> {
        self.verify_with(self, &[Function::SAST])
    }

    /// Verifies the signature like a phone with the list `held`: with the records of the signer that may sign an ITL.
    pub fn verify_in(&self, held: &VerifiedList) -> Result<VerifiedList, VerifyError> {
        self.verify_with(held.list(), &[Function::SAST, Function::CCM_TFTP])
    }

    fn verify_with(&self, signers: &TrustList, functions: &[Function]) -> Result<VerifiedList, VerifyError> {
        let (signer, digest, bits) =
            search(self.header(), self.bytes(), signers, functions, || self.no_signer())?;
        Ok(VerifiedList { list: self.clone(), signer: signer.clone(), digest, bits })
    }

    fn no_signer(&self) -> VerifyError {
        let id = &self.header().signer;
        let signer = self.header().signer_short_name();
        let records = self.records().iter().filter(|r| r.is_for(&id.issuer, &id.serial));
        let functions: BTreeSet<Function> = records.map(Record::function).collect();
        if functions.is_empty() {
            return VerifyError::NoSignerRecord { signer, serial: digest::colons(&id.serial) };
        }
        let functions = functions.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
        VerifyError::SignerIsNotSast { signer, functions }
    }
}

impl SignedFile {
    /// Checks the signature with a certificate, which must be the one that the header names.
    pub fn verify(&self, signer: &Certificate) -> Result<SignedBy, VerifyError> {
        let id = &self.header().signer;
        if !signer.is_called(&id.issuer, &id.serial) {
            return Err(VerifyError::OtherSigner {
                signer: self.header().signer_short_name(),
                serial: digest::colons(&id.serial),
                given: format!("{} (serial {})", signer.sast_name(), digest::colons(&signer.serial)),
            });
        }
        let signature = FileSignature::of(self.header(), self.bytes())?;
        let key = of_length(rsa(signer.public_key.clone())?, self.header().signature.len())?;
        let by = SignedBy { name: signer.sast_name(), digest: signature.digest, key_bits: key.bits() };
        if signature.is_by(&key) { Ok(by) } else { Err(signature.why_not(&key)) }
    }

    /// Verifies the signature like a phone with this list: with the records of the signer that may sign such files.
    pub fn verify_in(&self, list: &VerifiedList) -> Result<SignedBy, VerifyError> {
        let functions = [Function::CCM_TFTP, Function::TFTP];
        let none = || VerifyError::NoTftpRecord(self.header().signer_short_name());
        let (record, digest, key_bits) = search(self.header(), self.bytes(), list.list(), &functions, none)?;
        Ok(SignedBy { name: record.short_name(), digest, key_bits })
    }
}

/// Who signed a `.sgn` file, found in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedBy {
    /// The signer's name for people.
    pub name: String,
    /// The digest that was signed.
    pub digest: Digest,
    /// Size of the signer's key in bits.
    pub key_bits: usize,
}

/// The signature of a file. The file is hashed once for all keys.
struct FileSignature<'a> {
    header: &'a Header,
    covered: [&'a [u8]; 2],
    digest: Digest,
    info: Vec<u8>,
}

impl<'a> FileSignature<'a> {
    /// Checks that the header's digest and signature length are known and consistent.
    fn of(header: &'a Header, file: &'a [u8]) -> Result<Self, VerifyError> {
        if header.algorithm_code != 0 {
            return Err(VerifyError::UnsupportedAlgorithm(header.algorithm_code));
        }
        let digest = Digest::from_code(header.digest_code)
            .ok_or(VerifyError::UnsupportedDigest(header.digest_code))?;
        let bytes = header.signature.len();
        if modulus_code_bytes(header.modulus_code) != Some(bytes) {
            return Err(VerifyError::ModulusDisagrees { code: header.modulus_code, bytes });
        }
        let covered = header.covered(file);
        Ok(FileSignature { header, covered, digest, info: digest.info(&covered) })
    }

    fn is_by(&self, key: &RsaKey) -> bool {
        key.signed(&self.info, &self.header.signature)
    }

    /// Why this key does not verify the signature.
    fn why_not(&self, key: &RsaKey) -> VerifyError {
        match key.check(self.digest, &self.covered, &self.header.signature) {
            SignatureCheck::OtherDigest(signature) => {
                VerifyError::DigestDisagrees { header: self.digest, signature }
            }
            _ => VerifyError::DoesNotMatch { signer: self.header.signer_short_name() },
        }
    }
}

/// The first record of `list` with the signer's issuer and serial number and one of these functions whose key verifies the
/// signature, the digest that was signed, and the size of the key in bits; else the reason: `none` if no record matches.
/// Each key is tried once.
fn search<'a>(
    header: &Header,
    file: &[u8],
    list: &'a TrustList,
    functions: &[Function],
    none: impl FnOnce() -> VerifyError,
) -> Result<(&'a Record, Digest, usize), VerifyError> {
    let signature = FileSignature::of(header, file)?;
    let id = &header.signer;
    let mut tried = HashSet::new();
    let mut other_key = None;
    let mut failure = None;
    let mut next = list.header().bytes().len();
    for (index, record) in list.records().iter().enumerate() {
        let offset = next;
        next = next.saturating_add(record.bytes().len());
        if !functions.contains(&record.function()) || !record.is_for(&id.issuer, &id.serial) {
            continue;
        }
        let key = signer_key(index.saturating_add(1), offset, record);
        match key.and_then(|key| of_length(key, header.signature.len())) {
            Ok(key) if tried.contains(&key) => {}
            Ok(key) if signature.is_by(&key) => {
                return Ok((record, signature.digest, key.bits()));
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
    Err(other_key.map(|key| signature.why_not(&key)).or(failure).unwrap_or_else(none))
}

/// The key of record `number` (from 1, at `offset` of the file): the certificate's, else PUBLICKEY.
fn signer_key(number: usize, offset: usize, record: &Record) -> Result<RsaKey, VerifyError> {
    match record.certificate() {
        Some(Ok(certificate)) => rsa(certificate.public_key),
        Some(Err(e)) => {
            let element = record.elements().find(|e| e.tag == tag::CERTIFICATE).map_or(0, |e| e.offset);
            Err(VerifyError::CertificateUnreadable {
                record: number,
                offset: offset.saturating_add(element),
                why: e.to_string(),
            })
        }
        None => match record.get(tag::PUBLIC_KEY).map(RsaKey::from_pkcs1) {
            Some(Some(key)) => Ok(key),
            Some(None) => Err(VerifyError::UnsupportedKey("not RSA".to_owned())),
            None => Err(VerifyError::NoKey(number)),
        },
    }
}

fn rsa(key: PublicKey) -> Result<RsaKey, VerifyError> {
    match key {
        PublicKey::Rsa(key) => Ok(key),
        PublicKey::Other(what) => Err(VerifyError::UnsupportedKey(what)),
    }
}

/// The key, if its signatures are as long as the file's.
fn of_length(key: RsaKey, signature_bytes: usize) -> Result<RsaKey, VerifyError> {
    match key.signature_len() {
        length if length == signature_bytes => Ok(key),
        length => Err(VerifyError::SignatureLength { signature: signature_bytes, key: length }),
    }
}
