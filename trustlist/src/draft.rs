//! Drafts: a list or a configuration file before its signature.

use bytes::Bytes;

use super::certificate::Certificate;
use super::digest::Digest;
use super::error::{BuildError, SignError};
use super::header::{HeaderDraft, SignerId, SigningOptions};
use super::list::{ListKind, SignedFile, TrustFile, TrustList};
use super::name::Style;
use super::record::{Function, Record};
use super::tlv::{self, header_tag};
use super::verify::VerifiedList;

/// A private key and its certificate: a token in production. This crate does not know PKCS#11.
pub trait Signer {
    /// Why signing failed.
    type Error;

    /// The certificate of the key.
    fn certificate(&self) -> &Certificate;

    /// Signs a message: RSA PKCS#1 v1.5 (RFC 8017, section 8.2.1) over its digest. Returns the signature, big-endian, with the
    /// length of the modulus. An implementation verifies it with [`certificate`](Signer::certificate) before it returns.
    fn sign(&mut self, digest: Digest, message: &[u8]) -> Result<Vec<u8>, Self::Error>;
}

/// A trust list that is not signed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// FILENAME of the header.
    pub file_name: String,
    /// The records in their order.
    pub records: Vec<Record>,
    /// How it will be signed.
    pub options: SigningOptions,
}

impl Draft {
    /// A draft of the list `file_name` (`CTLFile.tlv`) with these records.
    pub fn new(file_name: impl Into<String>, records: Vec<Record>, options: SigningOptions) -> Self {
        Draft { file_name: file_name.into(), records, options }
    }

    /// CTL or ITL, by FILENAME.
    pub fn kind(&self) -> ListKind {
        ListKind::of_file_name(&self.file_name)
    }

    /// The length of the finished file in bytes, when this certificate's key signs it.
    pub fn signed_len(&self, signer: &Certificate) -> Result<usize, BuildError> {
        let Unsigned { before, behind, signature_len } = self.parts(signer)?;
        Ok([before.len(), 3, signature_len, behind.len()].into_iter().fold(0, usize::saturating_add))
    }

    /// The SAST record of this certificate.
    pub fn signer_record(&self, signer: &Certificate) -> Option<&Record> {
        self.records.iter().find(|r| r.function() == Function::SAST && r.is_of(signer))
    }

    /// The bytes that are to be signed: the finished file without its SIGNATURE element.
    pub fn message(&self, signer: &Certificate) -> Result<Vec<u8>, BuildError> {
        Ok(self.parts(signer)?.message())
    }

    /// The finished list with zeros as its signature: for comparison, and to check before signing that it can be decoded
    /// ([`BuildError::NotReadBack`]).
    pub fn unsigned(&self, signer: &Certificate) -> Result<TrustList, BuildError> {
        let parts = self.parts(signer)?;
        TrustList::decode(parts.with(&vec![0; parts.signature_len])?).map_err(BuildError::NotReadBack)
    }

    /// Signs the draft, decodes and verifies the result, and checks that it holds the records of the draft. The signer must have
    /// a SAST record in the draft: the header repeats that record's names and serial.
    pub fn sign<S: Signer>(self, signer: &mut S) -> Result<VerifiedList, SignError<S::Error>> {
        let bytes = self.parts(signer.certificate())?.sign(self.options, signer)?;
        let signed = TrustList::decode(bytes).map_err(SignError::NotDecoded)?;
        let signed = signed.verify().map_err(SignError::NotVerified)?;
        if signed.list().records() != self.records { Err(SignError::OtherRecords) } else { Ok(signed) }
    }

    fn parts(&self, signer: &Certificate) -> Result<Unsigned, BuildError> {
        let records: Vec<_> = self.records.iter().map(|record| record.bytes().as_ref()).collect();
        Unsigned::new(&self.header(signer)?, &records, signer)
    }

    fn header(&self, signer: &Certificate) -> Result<HeaderDraft, BuildError> {
        let record = self.signer_record(signer);
        let record = record.ok_or_else(|| BuildError::SignerNotInList(signer.sast_name()))?;
        Ok(HeaderDraft {
            version: (1, 2),
            signer: record.signer_id(),
            file_name: self.file_name.clone(),
            options: self.options,
        })
    }
}

/// A configuration file that is to become a `.sgn` file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SgnDraft {
    /// FILENAME of the header.
    pub file_name: String,
    /// The configuration file.
    pub payload: Bytes,
    options: SigningOptions,
    style: Style,
}

impl SgnDraft {
    /// A draft of `file_name` (`SEP001122334455.cnf.xml.sgn`) over a payload; `style` spells the signer's name.
    pub fn new(
        file_name: impl Into<String>,
        payload: impl Into<Bytes>,
        options: SigningOptions,
        style: Style,
    ) -> Self {
        SgnDraft { file_name: file_name.into(), payload: payload.into(), options, style }
    }

    fn parts(&self, signer: &Certificate) -> Result<Unsigned, BuildError> {
        let name = |n: &super::Name| Bytes::from(format!("{}\0", n.spelled(self.style)));
        let header = HeaderDraft {
            version: (1, 0),
            signer: SignerId {
                name: name(&signer.subject),
                serial: signer.serial_spelled(self.style).into(),
                issuer: name(&signer.issuer),
            },
            file_name: self.file_name.clone(),
            options: self.options,
        };
        Unsigned::new(&header, &[&self.payload], signer)
    }

    /// The bytes that are to be signed: the finished file without its SIGNATURE element.
    pub fn message(&self, signer: &Certificate) -> Result<Vec<u8>, BuildError> {
        Ok(self.parts(signer)?.message())
    }

    /// Signs the draft, decodes and verifies the result.
    pub fn sign<S: Signer>(self, signer: &mut S) -> Result<SignedFile, SignError<S::Error>> {
        let certificate = signer.certificate().clone();
        let bytes = self.parts(&certificate)?.sign(self.options, signer)?;
        match TrustFile::decode(bytes).map_err(SignError::NotDecoded)? {
            TrustFile::Signed(signed) => {
                signed.verify(&certificate).map_err(SignError::NotVerified)?;
                Ok(signed)
            }
            TrustFile::List(_) => Err(BuildError::BadText("FILENAME of a .sgn file".to_owned()).into()),
        }
    }
}

/// A file without its SIGNATURE element: the bytes before and after it.
struct Unsigned {
    before: Vec<u8>,
    behind: Vec<u8>,
    signature_len: usize,
}

impl Unsigned {
    fn new(header: &HeaderDraft, contents: &[&[u8]], signer: &Certificate) -> Result<Self, BuildError> {
        let key = &signer.public_key;
        let rsa = key.rsa().ok_or_else(|| BuildError::KeySize(key.describe()))?;
        let signature_len = rsa.signature_len();
        let (before, mut behind) = header.around_signature(signature_len)?;
        behind.extend(contents.concat());
        Ok(Unsigned { before, behind, signature_len })
    }

    fn message(&self) -> Vec<u8> {
        [&self.before[..], &self.behind].concat()
    }

    /// The file with this signature.
    fn with(&self, signature: &[u8]) -> Result<Vec<u8>, BuildError> {
        let mut file = self.before.clone();
        tlv::put(&mut file, header_tag::SIGNATURE, signature)?;
        file.extend(&self.behind);
        Ok(file)
    }

    fn sign<S: Signer>(
        &self,
        options: SigningOptions,
        signer: &mut S,
    ) -> Result<Vec<u8>, SignError<S::Error>> {
        let signature = signer.sign(options.digest, &self.message()).map_err(SignError::Signer)?;
        Ok(self.with(&signature)?)
    }
}
