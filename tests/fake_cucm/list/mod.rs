//! A second implementation of CTL and ITL files: it reads, writes, signs, checks and prints them, and shares no code with the
//! program. It is small and simple: a file that it cannot read is `None`.
#![allow(dead_code, reason = "the stories and the fake node each use a part")]

pub mod certificate;
pub mod itl;
pub mod show;

use openssl::hash::MessageDigest;
use rsa::pkcs1::DecodeRsaPublicKey as _;
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::{Pkcs1v15Sign, RsaPrivateKey, RsaPublicKey};

pub use certificate::Certificate;

/// The functions of records: signers and servers.
pub const SAST: u16 = 0;
pub const CCM_TFTP: u16 = 2;
pub const TFTP: u16 = 3;
pub const CAPF: u16 = 4;
pub const TVS: u16 = 21;

/// Tag and value.
pub type Element = (u8, Vec<u8>);

/// A file: its header and its records, each as elements.
pub struct List {
    pub bytes: Vec<u8>,
    pub header: Vec<Element>,
    pub header_length: usize,
    pub records: Vec<Vec<Element>>,
    /// The bytes without the SIGNATURE element.
    signed: Vec<u8>,
}

/// The value of an element.
pub fn value(elements: &[Element], tag: u8) -> Option<&[u8]> {
    elements.iter().find(|(t, _)| *t == tag).map(|(_, v)| &v[..])
}

/// The function of a record.
pub fn function(record: &[Element]) -> Option<u16> {
    Some(u16::from_be_bytes(value(record, 4)?.try_into().ok()?))
}

/// The certificate of a record, if it has a whole one.
pub fn certificate(record: &[Element]) -> Option<Certificate> {
    Certificate::read(value(record, 9)?)
}

fn tlv(bytes: &[u8], at: usize) -> Option<(u8, &[u8], usize)> {
    let head = bytes.get(at..at + 3)?;
    let end = at + 3 + usize::from(u16::from_be_bytes([head[1], head[2]]));
    Some((head[0], bytes.get(at + 3..end)?, end))
}

fn put(out: &mut Vec<u8>, tag: u8, value: &[u8]) {
    out.push(tag);
    out.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
    out.extend(value);
}

impl List {
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (mut header, mut signed) = (vec![], vec![]);
        let mut length = usize::MAX;
        let mut at = 0;
        while at < length.min(bytes.len()) {
            if bytes[at] == 13 {
                signed.push(13);
                at += 1;
                continue;
            }
            let (tag, value, end) = tlv(bytes, at)?;
            match tag {
                2 => length = usize::from(u16::from_be_bytes(value.try_into().ok()?)),
                // Containers: their children follow.
                3 | 7 | 9 => {
                    header.push((tag, value.to_vec()));
                    signed.extend(&bytes[at..at + 3]);
                    at += 3;
                    continue;
                }
                _ => {}
            }
            header.push((tag, value.to_vec()));
            if tag != 12 {
                signed.extend(&bytes[at..end]);
            }
            at = end;
        }
        if at != length {
            return None;
        }
        signed.extend(&bytes[at..]);
        let mut records = vec![];
        while at < bytes.len() {
            let (1, size, _) = tlv(bytes, at)? else { return None };
            let end = at + usize::from(u16::from_be_bytes(size.try_into().ok()?));
            let mut record = vec![];
            while at < end {
                let (tag, value, next) = tlv(bytes, at)?;
                record.push((tag, value.to_vec()));
                at = next;
            }
            if at != end {
                return None;
            }
            records.push(record);
        }
        Some(List { bytes: bytes.to_vec(), header, header_length: length, records, signed })
    }

    /// Whether a record has the certificate that the header names as signer.
    pub fn is_signer(&self, record: &[Element]) -> bool {
        function(record) == Some(SAST)
            && value(record, 6) == value(&self.header, 5)
            && value(record, 5) == value(&self.header, 6)
    }

    /// Whether one of its own SAST records verifies it.
    pub fn verifies(&self) -> bool {
        self.records.iter().filter(|r| self.is_signer(r)).any(|r| self.is_signed_by(r).is_some())
    }

    fn is_signed_by(&self, record: &[Element]) -> Option<()> {
        let key = RsaPublicKey::from_pkcs1_der(value(record, 7)?).ok()?;
        let (scheme, hash) = hashed(value(&self.header, 8)?, &self.signed)?;
        key.verify(scheme, &hash, value(&self.header, 12)?).ok()
    }

    pub fn timestamp(&self) -> Option<u32> {
        Some(u32::from_be_bytes(value(&self.header, 15)?.try_into().ok()?))
    }
}

/// A digest, by OpenSSL.
pub fn hash(kind: MessageDigest, bytes: &[u8]) -> Vec<u8> {
    openssl::hash::hash(kind, bytes).unwrap().to_vec()
}

pub fn sha1(bytes: &[u8]) -> Vec<u8> {
    hash(MessageDigest::sha1(), bytes)
}

/// The digest in element 8 of a header, and the RSA mechanism.
fn hashed(algorithm: &[u8], bytes: &[u8]) -> Option<(Pkcs1v15Sign, Vec<u8>)> {
    let (prefix, hash): (&[u8], Vec<u8>) = match algorithm {
        [1] => (&[0x30, 0x21, 0x30, 9, 6, 5, 0x2b, 14, 3, 2, 0x1a, 5, 0, 4, 0x14], sha1(bytes)),
        [2] => (
            &[0x30, 0x31, 0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20],
            hash(MessageDigest::sha256(), bytes),
        ),
        [3] => (
            &[0x30, 0x51, 0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3, 5, 0, 4, 0x40],
            hash(MessageDigest::sha512(), bytes),
        ),
        _ => return None,
    };
    Some((Pkcs1v15Sign { hash_len: Some(hash.len()), prefix: prefix.into() }, hash))
}

/// A key pair in two files.
pub struct Key {
    pub certificate: Certificate,
    private: RsaPrivateKey,
}

impl Key {
    /// `STEM.der` and `STEM.key.pem`.
    pub fn open(stem: &std::path::Path) -> Option<Self> {
        let der = std::fs::read(stem.with_extension("der")).ok()?;
        let pem = std::fs::read_to_string(stem.with_extension("key.pem")).ok()?;
        let private = RsaPrivateKey::from_pkcs8_pem(&pem).ok()?;
        Some(Key { certificate: Certificate::read(&der)?, private })
    }
}

/// Where a server is.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub name: &'a str,
    pub address: [u8; 4],
}

/// How a record is written.
pub enum Layout<'a> {
    /// As CUCM writes a server of a CTL.
    Server(Place<'a>),
    /// As the CTL Client writes a token.
    Token,
    /// As CUCM writes an ITL: no address.
    Itl,
    /// The same, with the hash of the certificate instead of the certificate.
    ItlHash,
}

/// A whole record.
pub fn record(purpose: u16, of: &Certificate, layout: &Layout<'_>) -> Vec<u8> {
    let token = matches!(layout, Layout::Token);
    let names = if token { of.spelled_by_the_client() } else { of.spelled_by_cucm() };
    let mut body = vec![];
    match layout {
        Layout::Server(place) => put(&mut body, 2, &[place.name.as_bytes(), &[0]].concat()),
        Layout::Token => put(&mut body, 2, &[0]),
        Layout::Itl | Layout::ItlHash => put(&mut body, 2, &[0, 0]),
    }
    put(&mut body, 3, &names.subject);
    put(&mut body, 4, &purpose.to_be_bytes());
    put(&mut body, 5, &names.issuer);
    put(&mut body, 6, &names.serial);
    put(&mut body, 7, &of.key);
    if !token {
        put(&mut body, 8, &of.signature);
    }
    match layout {
        Layout::ItlHash => {
            put(&mut body, 11, &sha1(&of.der));
            put(&mut body, 12, &[1]);
        }
        _ => put(&mut body, 9, &of.der),
    }
    match layout {
        Layout::Server(place) => put(&mut body, 10, &place.address),
        Layout::Token => put(&mut body, 10, &[0; 4]),
        Layout::Itl | Layout::ItlHash => {}
    }
    whole(&body)
}

/// A server's record in non-secure mode.
pub fn emptied(record: &[Element]) -> Vec<u8> {
    let mut body = vec![];
    record.iter().filter(|(tag, _)| [2, 4, 10].contains(tag)).for_each(|(tag, v)| put(&mut body, *tag, v));
    whole(&body)
}

/// The elements of a record, with the length before them.
pub fn again(record: &[Element]) -> Vec<u8> {
    let mut body = vec![];
    record.iter().filter(|(tag, _)| *tag != 1).for_each(|(tag, v)| put(&mut body, *tag, v));
    whole(&body)
}

fn whole(body: &[u8]) -> Vec<u8> {
    let mut record = vec![];
    put(&mut record, 1, &u16::try_from(body.len() + 5).unwrap().to_be_bytes());
    record.extend(body);
    record
}

/// A file of these records, signed with SHA-1 by the key of a server or of a token.
pub fn sign(file: &str, records: &[Vec<u8>], key: &Key, timestamp: u32) -> Vec<u8> {
    use rsa::traits::PublicKeyParts as _;
    let token = key.certificate.is_a_token_of_cisco();
    let names =
        if token { key.certificate.spelled_by_the_client() } else { key.certificate.spelled_by_cucm() };
    let bits = match key.private.size() {
        64 => 0,
        128 => 1,
        256 => 2,
        _ => 3,
    };
    let mut signer = vec![];
    put(&mut signer, 4, &names.subject);
    put(&mut signer, 5, &names.serial);
    put(&mut signer, 6, &names.issuer);
    let (mut before, mut behind) = (vec![], vec![]);
    put(&mut before, 3, &signer);
    put(&mut before, 7, &[8, 0, 1, 1, 9, 0, 8, 10, 0, 1, 0, 11, 0, 1, bits]);
    put(&mut behind, 14, &[file.as_bytes(), &[0]].concat());
    put(&mut behind, 15, &timestamp.to_be_bytes());
    let size = 10 + before.len() + 3 + key.private.size() + behind.len();
    behind.resize(behind.len() + (4 - size % 4) % 4, 13);
    let length = size + (4 - size % 4) % 4;
    let mut head = vec![];
    put(&mut head, 1, &[1, 2]);
    put(&mut head, 2, &u16::try_from(length).unwrap().to_be_bytes());
    head.extend(before);
    let records = records.concat();
    let (scheme, hash) = hashed(&[1], &[&head[..], &behind, &records].concat()).unwrap();
    put(&mut head, 12, &key.private.sign(scheme, &hash).unwrap());
    [head, behind, records].concat()
}
