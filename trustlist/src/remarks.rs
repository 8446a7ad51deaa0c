//! Remarks about files that can be read but are unusual. They are only shown.

use super::certificate::Certificate;
use super::header::Header;
use super::list::{PHONE_LIMIT_BYTES, SignedFile, TrustList};
use super::record::Record;
use super::tlv::{self, record_tag as tag};

/// Above this size in bytes a list is near the limit of phones: nine tenths of 64 KiB.
const NEAR_LIMIT_BYTES: usize = PHONE_LIMIT_BYTES / 10 * 9;

/// Something about a list that an operator may want to know. Records count from 1; if `record` is `None`, it concerns the
/// header or a certificate outside a list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the words say what each is")]
pub enum Remark {
    #[error("the list has {bytes} bytes; phones do not load one over {PHONE_LIMIT_BYTES} (64 KiB)")]
    TooLargeForPhones { bytes: usize },
    #[error("the list has {bytes} bytes, near the {PHONE_LIMIT_BYTES} (64 KiB) that phones load")]
    NearPhoneLimit { bytes: usize },
    #[error("the list holds no records")]
    NoRecords,
    #[error("the certificate of record {record} does not parse: {why}; its bytes are kept")]
    CertificateUnreadable { record: usize, why: String },
    /// A value in a record differs from its certificate. Phones use the record.
    #[error("{element} of record {record} is not what its certificate says")]
    Disagrees { record: usize, element: &'static str },
    #[error("the certificate{} declares its RSA key for {what}; no public source says whether phones accept it",
        record.map(|record| format!(" of record {record}")).unwrap_or_default())]
    KeyDeclared { record: Option<usize>, what: String },
    #[error("its FILENAME is {0}; no public source says whether phones accept it under another name")]
    OtherFileName(String),
    #[error("{}", match record {
        Some(record) => format!("record {record} has an element {tag} that is not known; it is kept"),
        None => format!("the header has an element {tag} that is not known"),
    })]
    UnknownElement { record: Option<usize>, tag: u8 },
    #[error("record {record} has the function {function}, which has no known name; it is kept")]
    UnknownFunction { record: usize, function: u16 },
}

impl Remark {
    /// The remark about a list of this size.
    pub fn about_size(bytes: usize) -> Option<Self> {
        if bytes > PHONE_LIMIT_BYTES {
            return Some(Remark::TooLargeForPhones { bytes });
        }
        (bytes > NEAR_LIMIT_BYTES).then_some(Remark::NearPhoneLimit { bytes })
    }
}

impl TrustList {
    /// The remarks about the list, in the order of the file.
    pub fn remarks(&self) -> Vec<Remark> {
        let mut remarks = Vec::new();
        remarks.extend(Remark::about_size(self.bytes().len()));
        remarks.extend(of_header(self.header()));
        if self.records().is_empty() {
            remarks.push(Remark::NoRecords);
        }
        for (index, record) in self.records().iter().enumerate() {
            of_record(&mut remarks, index.saturating_add(1), record);
        }
        remarks
    }
}

impl SignedFile {
    /// The remarks about a file of this name (without its folder). A new file next to the old one (`NAME.new.sgn`) counts as
    /// `NAME.sgn`.
    pub fn remarks(&self, file: &str) -> Vec<Remark> {
        let says = self.header().file_name();
        let other =
            says.rsplit('/').next().is_some_and(|own| own != file && own != file.replace(".new.", "."));
        let other = other.then_some(Remark::OtherFileName(says));
        of_header(self.header()).chain(other).collect()
    }
}

impl Certificate {
    /// The remark about its key.
    pub fn remark(&self) -> Option<Remark> {
        self.declared_for().map(|what| Remark::KeyDeclared { record: None, what: what.to_owned() })
    }
}

fn of_header(header: &Header) -> impl Iterator<Item = Remark> {
    // All known encrypted files have 18 and 22; their meaning is not known.
    let elements = header.elements();
    let is_encrypted = elements.iter().any(|e| e.tag == tlv::header_tag::ENCRYPTION);
    let unknown =
        |tag: &u8| tlv::header_tag_name(*tag).is_none() && !(is_encrypted && matches!(tag, 18 | 22));
    let tags: Vec<u8> = elements.iter().map(|e| e.tag).filter(unknown).collect();
    tags.into_iter().map(|tag| Remark::UnknownElement { record: None, tag })
}

fn of_record(remarks: &mut Vec<Remark>, number: usize, record: &Record) {
    for element in record.elements() {
        if tlv::record_tag_name(element.tag).is_none() {
            remarks.push(Remark::UnknownElement { record: Some(number), tag: element.tag });
        }
    }
    if record.function().name().is_none() {
        remarks.push(Remark::UnknownFunction { record: number, function: record.function().0 });
    }
    let certificate = match record.certificate() {
        None => return,
        Some(Ok(certificate)) => certificate,
        Some(Err(e)) => {
            return remarks.push(Remark::CertificateUnreadable { record: number, why: e.to_string() });
        }
    };
    if let Some(what) = certificate.declared_for() {
        remarks.push(Remark::KeyDeclared { record: Some(number), what: what.to_owned() });
    }
    let mut compare = |tag: u8, element: &'static str, right: &dyn Fn(&[u8]) -> bool| {
        if record.get(tag).is_some_and(|value| !right(value)) {
            remarks.push(Remark::Disagrees { record: number, element });
        }
    };
    compare(tag::PUBLIC_KEY, "PUBLICKEY", &|v| v == certificate.public_key_bytes);
    compare(tag::SIGNATURE, "SIGNATURE", &|v| v == certificate.signature);
    compare(tag::CERT_HASH, "CERTHASH", &|v| v == certificate.sha1());
    compare(tag::ISSUER_NAME, "ISSUERNAME", &|v| certificate.issuer.matches(v));
    compare(tag::SERIAL_NUMBER, "SERIALNUMBER", &|v| {
        v == certificate.serial || v.iter().eq(certificate.serial.iter().rev())
    });
}
