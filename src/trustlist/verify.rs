//! From a decoded file to one whose signer is known, or to the exact reason why not.

use super::certificate::Certificate;
use super::digest::{self, Digest};
use super::error::VerifyError;
use super::header::{Header, modulus_code_bytes};
use super::key::{PublicKey, RsaKey, SignatureCheck};
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
    pub fn verify(&self) -> Result<VerifiedList, VerifyError> {
        let (digest, key_bytes) = algorithm(self.header())?;
        let mut failure = None;
        for (index, record) in self.records().iter().enumerate() {
            if !self.is_signer(record) {
                continue;
            }
            let key = match self.signer_key(index, record) {
                Ok(key) => key,
                Err(e) => {
                    failure.get_or_insert(e);
                    continue;
                }
            };
            match check(self.header(), self.bytes(), digest, key_bytes, &key) {
                Ok(()) => {
                    return Ok(VerifiedList { list: self.clone(), signer: index, digest, bits: key.bits() });
                }
                Err(e) => failure = Some(e),
            }
        }
        Err(failure.unwrap_or_else(|| self.no_signer()))
    }

    /// The key of a record: the certificate's, or PUBLICKEY where the certificate is left out.
    fn signer_key(&self, index: usize, record: &Record) -> Result<RsaKey, VerifyError> {
        let number = index.saturating_add(1);
        let public_key = match record.certificate() {
            Some(Ok(certificate)) => certificate.public_key().clone(),
            Some(Err(e)) => {
                let element = record.elements().find(|e| e.tag == tag::CERTIFICATE).map_or(0, |e| e.offset);
                let offset = self.record_offset(index).saturating_add(element);
                return Err(VerifyError::CertificateUnreadable {
                    record: number,
                    offset,
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

    fn no_signer(&self) -> VerifyError {
        let signer = self.header().signer();
        let functions: Vec<Function> = self
            .records()
            .iter()
            .filter(|r| r.is_for(&signer.issuer, &signer.serial))
            .map(Record::function)
            .collect();
        if functions.is_empty() {
            let serial = digest::hex(&signer.serial, ":").to_uppercase();
            VerifyError::NoSignerRecord { signer: self.header().signer_short_name(), serial }
        } else {
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
            PublicKey::Rsa(key) => key,
            PublicKey::Other { what } => return Err(VerifyError::UnsupportedKey { what: what.clone() }),
        };
        check(self.header(), self.bytes(), digest, key_bytes, key).map(|()| digest)
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

fn check(
    header: &Header,
    file: &[u8],
    digest: Digest,
    signature_bytes: usize,
    key: &RsaKey,
) -> Result<(), VerifyError> {
    if key.signature_len() != signature_bytes {
        return Err(VerifyError::SignatureLength { signature: signature_bytes, key: key.signature_len() });
    }
    match key.check(digest, &header.covered(file), header.signature()) {
        SignatureCheck::Valid => Ok(()),
        SignatureCheck::OtherDigest(other) => {
            Err(VerifyError::DigestDisagrees { header: digest, signature: other })
        }
        SignatureCheck::Invalid => Err(VerifyError::DoesNotMatch { signer: header.signer_short_name() }),
    }
}
