//! Decoded files: a trust list, or a signed configuration file.

use bytes::Bytes;

use super::error::{DecodeError, MAX_FILE_BYTES};
use super::header::Header;
use super::record::{Function, Record};

/// A list above this many bytes does not load on a phone.
pub const PHONE_LIMIT_BYTES: usize = 64 * 1024;

/// CTL or ITL, by the FILENAME in the header.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all(deserialize = "lowercase"))]
pub enum ListKind {
    /// Certificate trust list.
    #[default]
    Ctl,
    /// Identity trust list.
    Itl,
}

impl ListKind {
    /// By FILENAME: `ITLFile.tlv` and `ITLSEP….tlv` are ITLs, anything else is a CTL.
    pub fn of_file_name(name: &str) -> Self {
        if name.to_uppercase().starts_with("ITL") { ListKind::Itl } else { ListKind::Ctl }
    }

    /// `CTL` or `ITL`.
    pub fn label(self) -> &'static str {
        match self {
            ListKind::Ctl => "CTL",
            ListKind::Itl => "ITL",
        }
    }
}

/// Whether this is the name of a file directly in a folder. Names from lists are not trusted.
pub fn is_file_name(name: &str) -> bool {
    let odd = |c: char| matches!(c, '/' | '\\') || c.is_control();
    !name.is_empty() && !name.starts_with('.') && !name.contains(odd)
}

/// Whether this names a file that phones may request from a TFTP server: in its folder or below
/// (`Desktops/320x212x16/List.xml.sgn`).
pub fn is_tftp_name(name: &str) -> bool {
    name.split('/').all(is_file_name)
}

/// A decoded file of either sort.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrustFile {
    /// A CTL or ITL file.
    List(TrustList),
    /// A `.sgn` file.
    Signed(SignedFile),
}

impl TrustFile {
    /// Decodes a CTL, ITL or `.sgn` file. Certificates are not parsed yet; see [`Record::certificate`].
    pub fn decode(bytes: impl Into<Bytes>) -> Result<Self, DecodeError> {
        let bytes = bytes.into();
        if bytes.is_empty() {
            return Err(DecodeError::Empty);
        }
        if bytes.len() > MAX_FILE_BYTES {
            return Err(DecodeError::TooLarge);
        }
        let header = Header::decode(&bytes)?;
        let behind = bytes.slice(header.bytes().len()..);
        let file_name = header.file_name().to_lowercase();
        // The name decides, else the bytes after the header.
        let is_list =
            file_name.ends_with(".tlv") || (!file_name.ends_with(".sgn") && behind.starts_with(&[1, 0, 2]));
        if !is_list {
            return Ok(TrustFile::Signed(SignedFile { header, payload: behind, bytes }));
        }
        let mut records = Vec::new();
        let mut offset = header.bytes().len();
        while offset < bytes.len() {
            let record = Record::decode_at(&bytes, offset, records.len().saturating_add(1))?;
            offset = offset.saturating_add(record.bytes().len());
            records.push(record);
        }
        Ok(TrustFile::List(TrustList { header, records, bytes }))
    }

    /// The header.
    pub fn header(&self) -> &Header {
        match self {
            TrustFile::List(list) => &list.header,
            TrustFile::Signed(signed) => &signed.header,
        }
    }

    /// The file's bytes.
    pub fn bytes(&self) -> &Bytes {
        match self {
            TrustFile::List(list) => &list.bytes,
            TrustFile::Signed(signed) => &signed.bytes,
        }
    }
}

/// A decoded CTL or ITL file: well-formed, not verified yet ([`TrustList::verify`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustList {
    pub(super) header: Header,
    pub(super) records: Vec<Record>,
    pub(super) bytes: Bytes,
}

impl TrustList {
    /// Decodes a CTL or ITL file; a `.sgn` file is an error.
    pub fn decode(bytes: impl Into<Bytes>) -> Result<Self, DecodeError> {
        match TrustFile::decode(bytes)? {
            TrustFile::List(list) => Ok(list),
            TrustFile::Signed(signed) => Err(DecodeError::NotAList { file_name: signed.header.file_name() }),
        }
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The records in the order of the file.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The file's bytes as decoded.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// CTL or ITL.
    pub fn kind(&self) -> ListKind {
        ListKind::of_file_name(&self.header.file_name())
    }

    /// The SAST records: their keys may sign the next list.
    pub fn sasts(&self) -> impl Iterator<Item = &Record> {
        self.records.iter().filter(|r| r.function() == Function::SAST)
    }

    /// Whether this record is the one the header names as signer.
    pub fn is_signer(&self, record: &Record) -> bool {
        record.function() == Function::SAST
            && record.is_for(&self.header.signer.issuer, &self.header.signer.serial)
    }
}

/// A decoded `.sgn` file: a header and a configuration file in clear text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedFile {
    pub(super) header: Header,
    pub(super) payload: Bytes,
    pub(super) bytes: Bytes,
}

impl SignedFile {
    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// What was signed: the configuration file.
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// The file's bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}
