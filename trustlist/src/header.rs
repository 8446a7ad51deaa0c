//! The header: who signed, how, when, and under which file name.

use std::ops::Range;

use bytes::Bytes;

use super::digest::{self, Digest};
use super::error::{BuildError, DecodeError};
use super::name;
use super::printable::printable;
use super::tlv::{self, Element, Place::Header as PLACE, Reader, header_tag as tag};

/// A version number: major and minor.
pub type Version = (u8, u8);

/// The signer as the file spells it: the values of SIGNERNAME, SERIALNUMBER and CANAME.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SignerId {
    /// Subject name with its NUL.
    pub name: Bytes,
    /// Serial number, in the byte order of the writer's style.
    pub serial: Bytes,
    /// Issuer name with its NUL.
    pub issuer: Bytes,
}

/// A decoded header with its bytes, which are written back unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    bytes: Bytes,
    /// Version of the format: 1.2 in lists, 1.0 in `.sgn` files.
    pub version: Version,
    /// The signer version (tag 28), where the writer puts one.
    pub signer_version: Option<Version>,
    /// Who signed.
    pub signer: SignerId,
    /// DIGESTALGORTITHM.
    pub digest_code: u8,
    /// SIGNATUREALGORTITHM.
    pub algorithm_code: u8,
    /// SIGNATUREMODULUS.
    pub modulus_code: u8,
    /// The signature, big-endian.
    pub signature: Bytes,
    /// The whole SIGNATURE element, which the signature does not cover.
    signature_element: Range<usize>,
    file_name: Bytes,
    /// When the file was signed: seconds since 1970-01-01 UTC.
    pub timestamp: u32,
}

impl Header {
    /// Decodes the header at the start of a file.
    pub(super) fn decode(file: &Bytes) -> Result<Self, DecodeError> {
        let mut start = Reader::new(file, 0);
        if start.peek() != Some(tag::VERSION) || file.get(1..3).is_some_and(|length| length != [0, 2]) {
            return Err(DecodeError::NotATrustList(looks_like(file)));
        }
        let version = start.element(PLACE, None)?;
        let second = start.element(PLACE, None)?;
        if second.tag != tag::HEADER_LENGTH {
            return Err(PLACE.damaged(tag::HEADER_LENGTH, "is missing", second.offset));
        }
        let length = usize::from(u16::from_be_bytes(PLACE.fixed(&second)?));
        let Some(bytes) = file.get(..length) else {
            return Err(DecodeError::CutShort {
                what: "the header".into(),
                says: length,
                left: file.len(),
                offset: 0,
            });
        };
        let Some(rest) = bytes.get(start.offset()..) else {
            let how = format!("is {length}, which ends before its own element does");
            return Err(PLACE.damaged(tag::HEADER_LENGTH, &how, second.offset));
        };
        let mut found = Found(vec![version, second]);
        found.collect(&mut Reader::new(rest, start.offset()), None, Some("HeaderLength"))?;
        let slice = |e: &Element<'_>| file.slice_ref(e.value);
        let signature = found.need(tag::SIGNATURE)?;
        let info = found.need(tag::SIGNATURE_INFO)?;
        // The signature covers everything else, but it does not protect the position of its own element.
        if signature.offset != info.offset.saturating_add(info.total_len()) {
            let how = "should stand directly behind SIGNATUREINFO";
            return Err(PLACE.damaged(tag::SIGNATURE, how, signature.offset));
        }
        let signature_element = signature.offset..signature.offset.saturating_add(signature.total_len());
        Ok(Header {
            version: PLACE.fixed(&version)?.into(),
            signer_version: found
                .get(tag::SIGNER_VERSION)
                .map(|e| PLACE.fixed(&e))
                .transpose()?
                .map(Into::into),
            signer: SignerId {
                name: slice(&found.need(tag::SIGNER_NAME)?),
                serial: slice(&found.need(tag::SERIAL_NUMBER)?),
                issuer: slice(&found.need(tag::CA_NAME)?),
            },
            digest_code: u8::from_be_bytes(PLACE.fixed(&found.need(tag::DIGEST_ALGORITHM)?)?),
            algorithm_code: u8::from_be_bytes(PLACE.fixed(&found.need(tag::SIGNATURE_ALGORITHM)?)?),
            modulus_code: u8::from_be_bytes(PLACE.fixed(&found.need(tag::SIGNATURE_MODULUS)?)?),
            signature: slice(&signature),
            signature_element,
            file_name: slice(&found.need(tag::FILE_NAME)?),
            timestamp: u32::from_be_bytes(PLACE.fixed(&found.need(tag::TIMESTAMP)?)?),
            bytes: file.slice(..length),
        })
    }

    /// The header's bytes, padding included.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The signer's subject name as text.
    pub fn signer_name(&self) -> String {
        tlv::c_text(&self.signer.name)
    }

    /// The signer's name for people, printable: the common name without padding, else the whole name.
    pub fn signer_short_name(&self) -> String {
        let name = self.signer_name();
        printable(&name::common_name(&name).unwrap_or(name))
    }

    /// The parts of a file that its signature covers: all but the SIGNATURE element.
    pub(super) fn covered<'a>(&self, file: &'a [u8]) -> [&'a [u8]; 2] {
        let Range { start, end } = self.signature_element;
        [file.get(..start).unwrap_or_default(), file.get(end..).unwrap_or_default()]
    }

    /// FILENAME as text.
    pub fn file_name(&self) -> String {
        tlv::c_text(&self.file_name)
    }

    /// The elements in the order of the file, containers before their children, padding left out.
    pub fn elements(&self) -> Vec<Element<'_>> {
        let mut found = Found::default();
        // Checked when the header was decoded.
        let _ = found.collect(&mut Reader::new(&self.bytes, 0), None, None);
        found.0
    }
}

/// The length of a signature in bytes for each SIGNATUREMODULUS code.
pub(super) fn modulus_code_bytes(code: u8) -> Option<usize> {
    [64, 128, 256, 512].get(usize::from(code)).copied()
}

/// A description of a file that is not a trust list.
fn looks_like(bytes: &[u8]) -> String {
    let head = bytes.get(..16).unwrap_or(bytes);
    if bytes.starts_with(b"-----BEGIN ") {
        return "a PEM text".to_owned();
    }
    if bytes.starts_with(&[0x30, 0x82]) {
        return "DER (a certificate?)".to_owned();
    }
    match std::str::from_utf8(head) {
        Ok(text) if !text.chars().any(|c| c.is_control() && !c.is_whitespace()) => {
            format!("the text {:?}", text.lines().next().unwrap_or_default())
        }
        _ => digest::hex(bytes.get(..4).unwrap_or(bytes), " "),
    }
}

/// The elements found so far, containers and children alike: the tags of all levels differ.
#[derive(Default)]
struct Found<'a>(Vec<Element<'a>>);

impl<'a> Found<'a> {
    /// `container`: the element whose value is read.
    fn collect(
        &mut self,
        reader: &mut Reader<'a>,
        container: Option<u8>,
        bound: Option<&'static str>,
    ) -> Result<(), DecodeError> {
        while let Some(next) = reader.peek() {
            if next == tag::PADDING {
                reader.take(1);
                continue;
            }
            let element = reader.element(PLACE, bound)?;
            let home = tlv::container_of(element.tag);
            // The position and content of encryption elements are not checked: this crate does not use them.
            let loose = (tag::ENCRYPTION..=tag::CLEAR_DIGEST).contains(&element.tag);
            if !loose && tlv::header_tag_name(element.tag).is_some() {
                let damaged = |how: &str| Err(PLACE.damaged(element.tag, how, element.offset));
                if self.get(element.tag).is_some() {
                    return damaged("is there twice");
                }
                if home != container {
                    let place = home.and_then(tlv::header_tag_name).unwrap_or("no other element");
                    return damaged(&format!("should stand in {place}"));
                }
            }
            self.0.push(element);
            if home == container && tlv::is_container(element.tag) {
                let mut children = Reader::new(element.value, element.offset.saturating_add(3));
                let before = self.0.len();
                match self.collect(&mut children, Some(element.tag), tlv::header_tag_name(element.tag)) {
                    Err(_) if loose => self.0.truncate(before),
                    read => read?,
                }
            }
        }
        Ok(())
    }

    fn get(&self, tag: u8) -> Option<Element<'a>> {
        self.0.iter().find(|e| e.tag == tag).copied()
    }

    fn need(&self, tag: u8) -> Result<Element<'a>, DecodeError> {
        self.get(tag).ok_or_else(|| PLACE.damaged(tag, "is missing", 0))
    }
}

/// How a file is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct SigningOptions {
    /// The digest; CUCM and the CTL Client sign with SHA-1.
    pub digest: Digest,
    /// Seconds since 1970-01-01 UTC.
    pub timestamp: u32,
    /// Tag 28, which newer writers put into the header; `None` leaves it out.
    pub signer_version: Option<Version>,
}

/// A header to be written, without the signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HeaderDraft {
    /// 1.2 in lists, 1.0 in `.sgn` files.
    pub(super) version: Version,
    pub(super) signer: SignerId,
    pub(super) file_name: String,
    pub(super) options: SigningOptions,
}

impl HeaderDraft {
    /// The bytes before and after the SIGNATURE element, with final lengths and padding.
    pub(super) fn around_signature(&self, signature_bytes: usize) -> Result<(Vec<u8>, Vec<u8>), BuildError> {
        if self.file_name.is_empty() || self.file_name.contains('\0') {
            return Err(BuildError::BadText("FILENAME".to_owned()));
        }
        let modulus_code = (0..=3u8)
            .find(|code| modulus_code_bytes(*code) == Some(signature_bytes))
            .ok_or_else(|| BuildError::KeySize(format!("RSA {}", signature_bytes.saturating_mul(8))))?;
        let mut signer = Vec::new();
        tlv::put(&mut signer, tag::SIGNER_NAME, &self.signer.name)?;
        tlv::put(&mut signer, tag::SERIAL_NUMBER, &self.signer.serial)?;
        tlv::put(&mut signer, tag::CA_NAME, &self.signer.issuer)?;
        let mut algorithm = Vec::new();
        tlv::put(&mut algorithm, tag::SIGNATURE_ALGORITHM, &[0])?;
        tlv::put(&mut algorithm, tag::SIGNATURE_MODULUS, &[modulus_code])?;
        let mut info = Vec::new();
        tlv::put(&mut info, tag::DIGEST_ALGORITHM, &[self.options.digest.code()])?;
        tlv::put(&mut info, tag::SIGNATURE_ALGO_INFO, &algorithm)?;

        let mut middle = Vec::new();
        if let Some((major, minor)) = self.options.signer_version {
            tlv::put(&mut middle, tag::SIGNER_VERSION, &[major, minor])?;
        }
        tlv::put(&mut middle, tag::SIGNER_ID, &signer)?;
        tlv::put(&mut middle, tag::SIGNATURE_INFO, &info)?;
        let mut behind = Vec::new();
        tlv::put(&mut behind, tag::FILE_NAME, format!("{}\0", self.file_name).as_bytes())?;
        tlv::put(&mut behind, tag::TIMESTAMP, &self.options.timestamp.to_be_bytes())?;

        // VERSION and HEADERLENGTH take 5 bytes each, SIGNATURE 3 and its value.
        let bare =
            [10, middle.len(), 3, signature_bytes, behind.len()].into_iter().fold(0, usize::saturating_add);
        let padded = bare.next_multiple_of(4);
        behind.resize(behind.len().saturating_add(padded.saturating_sub(bare)), tag::PADDING);
        let length = u16::try_from(padded)
            .map_err(|_| BuildError::TooLong { what: "the header".to_owned(), bytes: padded })?;
        let mut before = Vec::new();
        tlv::put(&mut before, tag::VERSION, &[self.version.0, self.version.1])?;
        tlv::put(&mut before, tag::HEADER_LENGTH, &length.to_be_bytes())?;
        before.extend(middle);
        Ok((before, behind))
    }
}
