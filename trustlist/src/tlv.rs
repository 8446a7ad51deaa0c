//! Tag, length, value: the reader, and the tags with their names.
//!
//! `tag: u8`, `length: u16 big-endian`, `value`. The header and the records have separate tag numbers.

use super::error::{BuildError, DecodeError};

/// Declares tags: number, the name that CUCM prints (misspellings included), the container that the element stands in, and
/// what its value is.
macro_rules! tags {
    ($($tag:ident = $number:literal, $name:literal, $container:expr, $value:literal;)*) => {
        $(#[doc = $value] pub const $tag: u8 = $number;)*
        /// The tags with their names and containers.
        pub(super) const KNOWN: &[(u8, &str, Option<u8>)] = &[$(($tag, $name, $container)),*];
    };
}

/// Tags of the header. The names of encryption elements are our own: CUCM prints none.
pub mod header_tag {
    /// Padding: a single byte without length and value.
    pub const PADDING: u8 = 13;
    tags! {
        VERSION = 1, "Version", None, "Version, 2 bytes: major, minor.";
        HEADER_LENGTH = 2, "HeaderLength", None, "HeaderLength, u16: bytes from the start of the file to the first record.";
        SIGNER_ID = 3, "SIGNERID", None, "SIGNERID, a container.";
        SIGNER_NAME = 4, "SIGNERNAME", Some(SIGNER_ID), "SIGNERNAME, the signer's subject name, NUL-terminated.";
        SERIAL_NUMBER = 5, "SERIALNUMBER", Some(SIGNER_ID), "SERIALNUMBER of the signer, raw bytes.";
        CA_NAME = 6, "CANAME", Some(SIGNER_ID), "CANAME, the signer's issuer name, NUL-terminated.";
        SIGNATURE_INFO = 7, "SIGNATUREINFO", None, "SIGNATUREINFO, a container.";
        DIGEST_ALGORITHM = 8, "DIGESTALGORTITHM", Some(SIGNATURE_INFO), "DIGESTALGORTITHM, u8.";
        SIGNATURE_ALGO_INFO = 9, "SIGNATUREALGOINFO", Some(SIGNATURE_INFO), "SIGNATUREALGOINFO, a container.";
        SIGNATURE_ALGORITHM = 10, "SIGNATUREALGORTITHM", Some(SIGNATURE_ALGO_INFO), "SIGNATUREALGORTITHM, u8.";
        SIGNATURE_MODULUS = 11, "SIGNATUREMODULUS", Some(SIGNATURE_ALGO_INFO), "SIGNATUREMODULUS, u8.";
        SIGNATURE = 12, "SIGNATURE", None, "SIGNATURE, as many bytes as the modulus.";
        FILE_NAME = 14, "FILENAME", None, "FILENAME, NUL-terminated.";
        TIMESTAMP = 15, "TIMESTAMP", None, "TIMESTAMP, u32, seconds since 1970-01-01 UTC.";
        ENCRYPTION = 16, "ENCRYPTION", None, "Encryption of the file behind the header, a container of 17 to 25; encrypted configuration files alone.";
        IV_INFO = 17, "IVINFO", Some(ENCRYPTION), "What the initialisation vector is, a container of 19 and 20.";
        IV = 19, "IV", Some(IV_INFO), "The initialisation vector.";
        IV_PADDING = 20, "PADDING", Some(IV_INFO), "How the cipher text is padded.";
        KEY_INFO = 21, "KEYINFO", Some(ENCRYPTION), "The key of the encryption, a container of 23 to 25.";
        KEY_SIZE = 23, "KEYSIZE", Some(KEY_INFO), "Size of that key.";
        KEY_ALGORITHM = 24, "KEYALGORITHM", Some(KEY_INFO), "Algorithm of that key.";
        KEY = 25, "KEY", Some(KEY_INFO), "The key, encrypted for the phone.";
        CLEAR_DIGEST_ALGORITHM = 26, "CLEARDIGESTALGORITHM", None, "Digest of the clear text: its algorithm.";
        CLEAR_DIGEST = 27, "CLEARDIGEST", None, "Digest of the clear text.";
        SIGNER_VERSION = 28, "SIGNERVERSION", None, "Signer version, 2 bytes; newer writers only.";
    }
}

/// Tags of a record.
pub mod record_tag {
    tags! {
        RECORD_LENGTH = 1, "RECORDLENGTH", None, "RECORDLENGTH, u16: the whole record, this element included.";
        DNS_NAME = 2, "DNSNAME", None, "DNSNAME, host name or address, NUL-terminated.";
        SUBJECT_NAME = 3, "SUBJECTNAME", None, "SUBJECTNAME, NUL-terminated.";
        FUNCTION = 4, "FUNCTION", None, "FUNCTION, u16.";
        ISSUER_NAME = 5, "ISSUERNAME", None, "ISSUERNAME, NUL-terminated.";
        SERIAL_NUMBER = 6, "SERIALNUMBER", None, "SERIALNUMBER, raw bytes.";
        PUBLIC_KEY = 7, "PUBLICKEY", None, "PUBLICKEY: PKCS#1 RSAPublicKey DER, or an EC point.";
        SIGNATURE = 8, "SIGNATURE", None, "SIGNATURE: the certificate's own signature value.";
        CERTIFICATE = 9, "CERTIFICATE", None, "CERTIFICATE, DER.";
        IP_ADDRESS = 10, "IPADDRESS", None, "IPADDRESS, 4 bytes.";
        CERT_HASH = 11, "CERTHASH", None, "CERTHASH, where the certificate is left out.";
        HASH_ALGORITHM = 12, "HASH ALGORITHM", None, "HASH ALGORITHM of CERTHASH, u8.";
    }
}

/// The name of a tag of the header; `None` for a tag that is not known.
pub fn header_tag_name(tag: u8) -> Option<&'static str> {
    header_tag::KNOWN.iter().find(|(known, ..)| *known == tag).map(|(_, name, _)| *name)
}

/// The name of a tag of a record; `None` for a tag that is not known.
pub fn record_tag_name(tag: u8) -> Option<&'static str> {
    record_tag::KNOWN.iter().find(|(known, ..)| *known == tag).map(|(_, name, _)| *name)
}

/// The container of a known element of the header, if it has one.
pub(super) fn container_of(tag: u8) -> Option<u8> {
    header_tag::KNOWN.iter().find(|(known, ..)| *known == tag).and_then(|(.., container)| *container)
}

/// Whether an element of the header holds others.
pub(super) fn is_container(tag: u8) -> bool {
    header_tag::KNOWN.iter().any(|(.., container)| *container == Some(tag))
}

/// The part of a file that an element is in.
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

    /// The error about an invalid element.
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

/// One element of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element<'a> {
    /// The tag.
    pub tag: u8,
    /// Offset of its tag in bytes from the start of the file, or of the record for a [`Record`](super::Record).
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

/// Takes elements off the front of some bytes and counts the offset in the file.
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

    /// Takes one element. `place` and `bound` are for the error only. With `None` only the end of the file is the limit, and
    /// missing bytes mean that the file was cut. With HeaderLength, RECORDLENGTH or a container as the limit, they mean that a
    /// length is wrong.
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

/// A value as text up to the first NUL; bytes that are not UTF-8 are replaced.
pub(super) fn c_text(value: &[u8]) -> String {
    let end = value.iter().position(|b| *b == 0).unwrap_or(value.len());
    String::from_utf8_lossy(value.get(..end).unwrap_or(value)).into_owned()
}

/// A value without the NUL bytes at its end: names are compared in this form.
pub(super) fn without_nul(value: &[u8]) -> &[u8] {
    let end = value.iter().rposition(|b| *b != 0).map_or(0, |last| last.saturating_add(1));
    value.get(..end).unwrap_or(value)
}
