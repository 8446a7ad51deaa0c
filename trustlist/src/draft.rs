//! What is to be signed: a list or a configuration file that is not one yet.

use bytes::Bytes;

use super::certificate::Certificate;
use super::digest::Digest;
use super::error::{BuildError, SignError};
use super::header::{HeaderDraft, SignerId, Version};
use super::list::{ListKind, SignedFile, TrustFile, TrustList};
use super::name::Style;
use super::record::{Function, Record};
use super::signer::Signer;
use super::tlv::record_tag as tag;
use super::verify::VerifiedList;

/// Version of the format in CTL and ITL files.
const LIST_VERSION: Version = (1, 2);
/// Version of the format in `.sgn` files.
const SGN_VERSION: Version = (1, 0);

/// How a file is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SigningOptions {
    /// The digest; CUCM and the CTL Client sign with SHA-1.
    pub digest: Digest,
    /// Seconds since 1970-01-01 UTC.
    pub timestamp: u32,
    /// Tag 28, which newer writers put into the header; `None` leaves it out.
    pub signer_version: Option<Version>,
}

/// A trust list that is not signed yet: records in their order, and a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    file_name: String,
    records: Vec<Record>,
    options: SigningOptions,
}

impl Draft {
    /// A draft of the list `file_name` (`CTLFile.tlv`) with these records.
    pub fn new(file_name: impl Into<String>, records: Vec<Record>, options: SigningOptions) -> Self {
        Draft { file_name: file_name.into(), records, options }
    }

    /// The records in their order.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// FILENAME of the header.
    pub fn file_name(&self) -> &str {
        &self.file_name
    }

    /// CTL or ITL, by FILENAME.
    pub fn kind(&self) -> ListKind {
        ListKind::of_file_name(&self.file_name)
    }

    /// How it will be signed.
    pub fn options(&self) -> SigningOptions {
        self.options
    }

    /// The length of the finished file in bytes, when this certificate's key signs it.
    pub fn signed_len(&self, signer: &Certificate) -> Result<usize, BuildError> {
        let (before, behind) = self.header(signer)?.around_signature(signature_len(signer)?)?;
        let header = [before.len(), 3, signature_len(signer)?, behind.len()];
        let records = self.records.iter().map(|r| r.bytes().len());
        Ok(header.into_iter().chain(records).fold(0, usize::saturating_add))
    }

    /// How the header will name the signer.
    pub fn signer_id(&self, signer: &Certificate) -> Result<SignerId, BuildError> {
        Ok(self.header(signer)?.signer)
    }

    /// The bytes that are to be signed: the finished file without its SIGNATURE element.
    pub fn message(&self, signer: &Certificate) -> Result<Vec<u8>, BuildError> {
        let (mut message, behind) = self.header(signer)?.around_signature(signature_len(signer)?)?;
        message.extend(behind);
        self.records.iter().for_each(|record| message.extend_from_slice(record.bytes()));
        Ok(message)
    }

    /// What the finished list will be, but for its signature, which is zeros: to be compared, and to know before anything
    /// is signed that it can be read back.
    ///
    /// # Errors
    /// As [`Draft::message`], and [`BuildError::NotReadBack`].
    pub fn unsigned(&self, signer: &Certificate) -> Result<TrustList, BuildError> {
        let length = signature_len(signer)?;
        let (mut bytes, behind) = self.header(signer)?.around_signature(length)?;
        super::tlv::put(&mut bytes, super::tlv::header_tag::SIGNATURE, &vec![0; length])?;
        bytes.extend(behind);
        self.records.iter().for_each(|record| bytes.extend_from_slice(record.bytes()));
        TrustList::decode(bytes).map_err(BuildError::NotReadBack)
    }

    /// Signs the draft. What comes out was read back and verified, and holds the records of the draft.
    ///
    /// The signer must have a SAST record in the draft: the header repeats that record's names and serial.
    pub fn sign<S: Signer>(self, signer: &mut S) -> Result<VerifiedList, SignError<S::Error>> {
        let header = self.header(signer.certificate())?;
        let records = self.records.iter().map(|record| record.bytes().as_ref()).collect::<Vec<_>>().concat();
        let bytes = assemble(&header, self.options.digest, &records, signer)?;
        let signed = TrustList::decode(bytes).map_err(SignError::NotDecoded)?;
        let signed = signed.verify().map_err(SignError::NotVerified)?;
        if signed.list().records() != self.records { Err(SignError::OtherRecords) } else { Ok(signed) }
    }

    fn header(&self, signer: &Certificate) -> Result<HeaderDraft, BuildError> {
        let record = self
            .records
            .iter()
            .find(|r| r.function() == Function::SAST && r.is_of(signer))
            .ok_or_else(|| BuildError::SignerNotInList { name: signer.sast_name() })?;
        let value = |tag| record.get(tag).map(Bytes::copy_from_slice).unwrap_or_default();
        Ok(HeaderDraft {
            version: LIST_VERSION,
            signer_version: self.options.signer_version,
            signer: SignerId {
                name: value(tag::SUBJECT_NAME),
                serial: value(tag::SERIAL_NUMBER),
                issuer: value(tag::ISSUER_NAME),
            },
            digest_code: self.options.digest.code(),
            file_name: self.file_name.clone(),
            timestamp: self.options.timestamp,
        })
    }
}

/// A configuration file that is to become a `.sgn` file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SgnDraft {
    file_name: String,
    payload: Bytes,
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

    /// FILENAME of the header.
    pub fn file_name(&self) -> &str {
        &self.file_name
    }

    /// The configuration file.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    fn header(&self, signer: &Certificate) -> HeaderDraft {
        let name = |n: &super::Name| Bytes::from(format!("{}\0", n.spelled(self.style)));
        HeaderDraft {
            version: SGN_VERSION,
            signer_version: self.options.signer_version,
            signer: SignerId {
                name: name(signer.subject()),
                serial: signer.serial_spelled(self.style).into(),
                issuer: name(signer.issuer()),
            },
            digest_code: self.options.digest.code(),
            file_name: self.file_name.clone(),
            timestamp: self.options.timestamp,
        }
    }

    /// The bytes that are to be signed: the finished file without its SIGNATURE element.
    pub fn message(&self, signer: &Certificate) -> Result<Vec<u8>, BuildError> {
        let (mut message, behind) = self.header(signer).around_signature(signature_len(signer)?)?;
        message.extend(behind);
        message.extend_from_slice(&self.payload);
        Ok(message)
    }

    /// Signs the draft. What comes out was read back and verified.
    pub fn sign<S: Signer>(self, signer: &mut S) -> Result<SignedFile, SignError<S::Error>> {
        let certificate = signer.certificate().clone();
        let header = self.header(&certificate);
        let bytes = assemble(&header, self.options.digest, &self.payload, signer)?;
        match TrustFile::decode(bytes).map_err(SignError::NotDecoded)? {
            TrustFile::Signed(signed) => {
                signed.verify(&certificate).map_err(SignError::NotVerified)?;
                Ok(signed)
            }
            TrustFile::List(_) => {
                Err(BuildError::BadText { what: "FILENAME of a .sgn file".to_owned() }.into())
            }
        }
    }
}

/// Header, signature and what stands behind the header, as one file.
fn assemble<S: Signer>(
    header: &HeaderDraft,
    digest: Digest,
    behind_header: &[u8],
    signer: &mut S,
) -> Result<Vec<u8>, SignError<S::Error>> {
    let signature_len = signature_len(signer.certificate())?;
    let (before, behind) = header.around_signature(signature_len)?;
    let message = [&before[..], &behind, behind_header].concat();
    let signature = signer.sign(digest, &message).map_err(SignError::Signer)?;
    let mut element = Vec::new();
    super::tlv::put(&mut element, super::tlv::header_tag::SIGNATURE, &signature)?;
    Ok([&before[..], &element, &behind, behind_header].concat())
}

fn signature_len(signer: &Certificate) -> Result<usize, BuildError> {
    let key = signer.public_key();
    key.rsa().map(|rsa| rsa.signature_len()).ok_or_else(|| BuildError::KeySize { what: key.describe() })
}
