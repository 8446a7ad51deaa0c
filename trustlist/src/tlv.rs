//! Tag, length, value: the reader that takes and must end empty, and the tags with their names.
//!
//! `tag: u8`, `length: u16 big-endian`, `value`. The header and the records number their tags apart.

use super::error::{BuildError, DecodeError};

/// Tags of the header.
pub mod header_tag {
    /// Version, 2 bytes: major, minor.
    pub const VERSION: u8 = 1;
    /// HeaderLength, u16: bytes from the start of the file to the first record.
    pub const HEADER_LENGTH: u8 = 2;
    /// SIGNERID, a container.
    pub const SIGNER_ID: u8 = 3;
    /// SIGNERNAME, the signer's subject name, NUL-terminated.
    pub const SIGNER_NAME: u8 = 4;
    /// SERIALNUMBER of the signer, raw bytes.
    pub const SERIAL_NUMBER: u8 = 5;
    /// CANAME, the signer's issuer name, NUL-terminated.
    pub const CA_NAME: u8 = 6;
    /// SIGNATUREINFO, a container.
    pub const SIGNATURE_INFO: u8 = 7;
    /// DIGESTALGORTITHM, u8.
    pub const DIGEST_ALGORITHM: u8 = 8;
    /// SIGNATUREALGOINFO, a container.
    pub const SIGNATURE_ALGO_INFO: u8 = 9;
    /// SIGNATUREALGORTITHM, u8.
    pub const SIGNATURE_ALGORITHM: u8 = 10;
    /// SIGNATUREMODULUS, u8.
    pub const SIGNATURE_MODULUS: u8 = 11;
    /// SIGNATURE, as many bytes as the modulus.
    pub const SIGNATURE: u8 = 12;
    /// Padding: a single byte without length and value.
    pub const PADDING: u8 = 13;
    /// FILENAME, NUL-terminated.
    pub const FILE_NAME: u8 = 14;
    /// TIMESTAMP, u32, seconds since 1970-01-01 UTC.
    pub const TIMESTAMP: u8 = 15;
    /// Encryption of the file behind the header, a container of 17 to 25; encrypted configuration files alone.
    pub const ENCRYPTION: u8 = 16;
    /// What the initialisation vector is, a container of 19 and 20.
    pub const IV_INFO: u8 = 17;
    /// The initialisation vector.
    pub const IV: u8 = 19;
    /// How the cipher text is padded.
    pub const IV_PADDING: u8 = 20;
    /// The key of the encryption, a container of 23 to 25.
    pub const KEY_INFO: u8 = 21;
    /// Size of that key.
    pub const KEY_SIZE: u8 = 23;
    /// Its algorithm.
    pub const KEY_ALGORITHM: u8 = 24;
    /// The key, encrypted for the phone.
    pub const KEY: u8 = 25;
    /// Digest of the clear text: its algorithm.
    pub const CLEAR_DIGEST_ALGORITHM: u8 = 26;
    /// The digest itself.
    pub const CLEAR_DIGEST: u8 = 27;
    /// Signer version, 2 bytes; newer writers only.
    pub const SIGNER_VERSION: u8 = 28;
}

/// Tags of a record.
pub mod record_tag {
    /// RECORDLENGTH, u16: the whole record, this element included.
    pub const RECORD_LENGTH: u8 = 1;
    /// DNSNAME, host name or address, NUL-terminated.
    pub const DNS_NAME: u8 = 2;
    /// SUBJECTNAME, NUL-terminated.
    pub const SUBJECT_NAME: u8 = 3;
    /// FUNCTION, u16.
    pub const FUNCTION: u8 = 4;
    /// ISSUERNAME, NUL-terminated.
    pub const ISSUER_NAME: u8 = 5;
    /// SERIALNUMBER, raw bytes.
    pub const SERIAL_NUMBER: u8 = 6;
    /// PUBLICKEY: PKCS#1 RSAPublicKey DER, or an EC point.
    pub const PUBLIC_KEY: u8 = 7;
    /// SIGNATURE: the certificate's own signature value.
    pub const SIGNATURE: u8 = 8;
    /// CERTIFICATE, DER.
    pub const CERTIFICATE: u8 = 9;
    /// IPADDRESS, 4 bytes.
    pub const IP_ADDRESS: u8 = 10;
    /// CERTHASH, where the certificate is left out.
    pub const CERT_HASH: u8 = 11;
    /// HASH ALGORITHM of CERTHASH, u8.
    pub const HASH_ALGORITHM: u8 = 12;
}

/// The known elements of the header: tag, name, and the container that it stands in, if it stands in one. The names are
/// what CUCM prints, misspellings included, or ours for those of an encryption.
const HEADER: [(u8, &str, Option<u8>); 25] = [
    (header_tag::VERSION, "Version", None),
    (header_tag::HEADER_LENGTH, "HeaderLength", None),
    (header_tag::SIGNER_ID, "SIGNERID", None),
    (header_tag::SIGNER_NAME, "SIGNERNAME", Some(header_tag::SIGNER_ID)),
    (header_tag::SERIAL_NUMBER, "SERIALNUMBER", Some(header_tag::SIGNER_ID)),
    (header_tag::CA_NAME, "CANAME", Some(header_tag::SIGNER_ID)),
    (header_tag::SIGNATURE_INFO, "SIGNATUREINFO", None),
    (header_tag::DIGEST_ALGORITHM, "DIGESTALGORTITHM", Some(header_tag::SIGNATURE_INFO)),
    (header_tag::SIGNATURE_ALGO_INFO, "SIGNATUREALGOINFO", Some(header_tag::SIGNATURE_INFO)),
    (header_tag::SIGNATURE_ALGORITHM, "SIGNATUREALGORTITHM", Some(header_tag::SIGNATURE_ALGO_INFO)),
    (header_tag::SIGNATURE_MODULUS, "SIGNATUREMODULUS", Some(header_tag::SIGNATURE_ALGO_INFO)),
    (header_tag::SIGNATURE, "SIGNATURE", None),
    (header_tag::FILE_NAME, "FILENAME", None),
    (header_tag::TIMESTAMP, "TIMESTAMP", None),
    (header_tag::ENCRYPTION, "ENCRYPTION", None),
    (header_tag::IV_INFO, "IVINFO", Some(header_tag::ENCRYPTION)),
    (header_tag::IV, "IV", Some(header_tag::IV_INFO)),
    (header_tag::IV_PADDING, "PADDING", Some(header_tag::IV_INFO)),
    (header_tag::KEY_INFO, "KEYINFO", Some(header_tag::ENCRYPTION)),
    (header_tag::KEY_SIZE, "KEYSIZE", Some(header_tag::KEY_INFO)),
    (header_tag::KEY_ALGORITHM, "KEYALGORITHM", Some(header_tag::KEY_INFO)),
    (header_tag::KEY, "KEY", Some(header_tag::KEY_INFO)),
    (header_tag::CLEAR_DIGEST_ALGORITHM, "CLEARDIGESTALGORITHM", None),
    (header_tag::CLEAR_DIGEST, "CLEARDIGEST", None),
    (header_tag::SIGNER_VERSION, "SIGNERVERSION", None),
];

/// The name of a tag of the header; `None` for a tag that is not known.
pub fn header_tag_name(tag: u8) -> Option<&'static str> {
    HEADER.iter().find(|(known, ..)| *known == tag).map(|(_, name, _)| *name)
}

/// The container that a known element of the header stands in, if it stands in one.
pub(super) fn home(tag: u8) -> Option<u8> {
    HEADER.iter().find(|(known, ..)| *known == tag).and_then(|(.., home)| *home)
}

/// Whether an element of the header holds others.
pub(super) fn is_container(tag: u8) -> bool {
    HEADER.iter().any(|(.., home)| *home == Some(tag))
}

/// The name CUCM prints for a tag of a record; `None` for a tag it does not know.
pub fn record_tag_name(tag: u8) -> Option<&'static str> {
    Some(match tag {
        record_tag::RECORD_LENGTH => "RECORDLENGTH",
        record_tag::DNS_NAME => "DNSNAME",
        record_tag::SUBJECT_NAME => "SUBJECTNAME",
        record_tag::FUNCTION => "FUNCTION",
        record_tag::ISSUER_NAME => "ISSUERNAME",
        record_tag::SERIAL_NUMBER => "SERIALNUMBER",
        record_tag::PUBLIC_KEY => "PUBLICKEY",
        record_tag::SIGNATURE => "SIGNATURE",
        record_tag::CERTIFICATE => "CERTIFICATE",
        record_tag::IP_ADDRESS => "IPADDRESS",
        record_tag::CERT_HASH => "CERTHASH",
        record_tag::HASH_ALGORITHM => "HASH ALGORITHM",
        _ => return None,
    })
}

/// Where in a file an element stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In the header.
    Header,
    /// In a record; counted from 1.
    Record(usize),
}

impl Place {
    /// The element's name for people: `PUBLICKEY of record 3`.
    pub(super) fn element(self, tag: u8) -> String {
        let (name, whole) = match self {
            Place::Header => (header_tag_name(tag), "the header".to_owned()),
            Place::Record(n) => (record_tag_name(tag), format!("record {n}")),
        };
        format!("{} of {whole}", name.map_or_else(|| format!("element {tag}"), str::to_owned))
    }

    /// The error about an element that is not as it should be.
    pub(super) fn damaged(self, tag: u8, how: &str, offset: usize) -> DecodeError {
        DecodeError::Damaged { what: format!("{} {how}", self.element(tag)), offset }
    }

    /// The value of an element that has this length.
    pub(super) fn fixed<const N: usize>(self, element: &Element<'_>) -> Result<[u8; N], DecodeError> {
        let has = element.value.len();
        let how = || format!("has {has} bytes instead of {N}");
        element.value.try_into().map_err(|_| self.damaged(element.tag, &how(), element.offset))
    }
}

/// One element as it lies in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element<'a> {
    /// The tag.
    pub tag: u8,
    /// Where its tag stands: bytes from the start of the file, or of the record for a [`Record`](super::Record).
    pub offset: usize,
    /// The value; of a container, its children.
    pub value: &'a [u8],
}

impl Element<'_> {
    /// Bytes from the tag to the end of the value.
    pub fn total_len(&self) -> usize {
        self.value.len().saturating_add(3)
    }
}

/// Takes elements off the front of some bytes and knows where in the file it stands.
#[derive(Debug, Clone)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8], offset: usize) -> Self {
        Reader { rest: bytes, offset }
    }

    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Takes `n` bytes, or nothing if there are fewer.
    pub(super) fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(n)?;
        self.rest = rest;
        self.offset = self.offset.saturating_add(n);
        Some(taken)
    }

    /// Takes one element. `place` and what bounds it are for the error only. Bounded by the end of the file alone (`None`),
    /// too little means that it was cut; by HeaderLength, RECORDLENGTH or a container, that a length is wrong.
    pub(super) fn element(
        &mut self,
        place: Place,
        bound: Option<&'static str>,
    ) -> Result<Element<'a>, DecodeError> {
        let offset = self.offset;
        let too_little = |tag, says, left| match bound {
            None => DecodeError::CutShort { what: place.element(tag), says, left, offset },
            Some(bound) => {
                place.damaged(tag, &format!("says {says} bytes, but {bound} leaves {left}"), offset)
            }
        };
        let left = self.rest.len();
        let Some(&[tag, high, low]) = self.take(3).and_then(|head| <&[u8; 3]>::try_from(head).ok()) else {
            return Err(too_little(self.peek().unwrap_or(0), 3, left));
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        let left = self.rest.len();
        let value = self.take(length).ok_or_else(|| too_little(tag, length, left))?;
        Ok(Element { tag, offset, value })
    }
}

/// Appends one element.
pub(super) fn put(out: &mut Vec<u8>, tag: u8, value: &[u8]) -> Result<(), BuildError> {
    let length = u16::try_from(value.len())
        .map_err(|_| BuildError::TooLong { what: format!("element {tag}"), bytes: value.len() })?;
    out.push(tag);
    out.extend(length.to_be_bytes());
    out.extend(value);
    Ok(())
}

/// A value as text: up to the first NUL, as C reads it; bytes that are not UTF-8 are replaced.
pub(super) fn c_text(value: &[u8]) -> String {
    let end = value.iter().position(|b| *b == 0).unwrap_or(value.len());
    String::from_utf8_lossy(value.get(..end).unwrap_or(value)).into_owned()
}

/// A value without the NUL bytes at its end: what names are compared by.
pub(super) fn without_nul(value: &[u8]) -> &[u8] {
    let end = value.iter().rposition(|b| *b != 0).map_or(0, |last| last.saturating_add(1));
    value.get(..end).unwrap_or(value)
}
