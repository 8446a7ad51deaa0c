//! Lists as plain bytes: a separate writer and reader, which share no code with the program.

use openssl::{hash::MessageDigest, pkey::Private, pkey::Public, rsa::Padding, rsa::Rsa, x509::X509};

pub const SAST: u16 = 0;
pub const CCM_TFTP: u16 = 2;
pub const TFTP: u16 = 3;
pub const CAPF: u16 = 4;
pub const TVS: u16 = 21;

pub type Element = (u8, Vec<u8>);

pub fn put(tag: u8, value: &[u8]) -> Vec<u8> {
    [&[tag][..], &u16::try_from(value.len()).unwrap().to_be_bytes(), value].concat()
}

/// A record of these elements, in their order.
pub fn record(elements: &[Element]) -> Vec<u8> {
    let body: Vec<u8> = elements.iter().flat_map(|(tag, value)| put(*tag, value)).collect();
    [put(1, &u16::try_from(body.len() + 5).unwrap().to_be_bytes()), body].concat()
}

/// A signed list: SHA-1, version 1.2.
pub fn signed(file_name: &str, signer: [&[u8]; 3], records: &[u8], key: &Rsa<Private>) -> Vec<u8> {
    let [name, serial, issuer] = signer;
    let ids = [put(4, name), put(5, serial), put(6, issuer)].concat();
    let bytes = key.size() as usize;
    let modulus = [64, 128, 256, 512].iter().position(|n| *n == bytes).unwrap() as u8;
    let algorithm = put(9, &[put(10, &[0]), put(11, &[modulus])].concat());
    let before = [put(3, &ids), put(7, &[put(8, &[1]), algorithm].concat())].concat();
    let after = [put(14, &[file_name.as_bytes(), b"\0"].concat()), put(15, &[0x54, 0xfa, 0, 0])].concat();
    let plain = 10 + before.len() + 3 + bytes + after.len();
    let padding = vec![13; plain.next_multiple_of(4) - plain];
    let length = u16::try_from(plain + padding.len()).unwrap();
    let head = [put(1, &[1, 2]), put(2, &length.to_be_bytes()), before].concat();
    let covered = [&head[..], &after, &padding, records].concat();
    let mut info = data_encoding::HEXLOWER.decode(b"3021300906052b0e03021a05000414").unwrap();
    info.extend(openssl::hash::hash(MessageDigest::sha1(), &covered).unwrap().iter());
    let mut signature = vec![0; bytes];
    key.private_encrypt(&info, &mut signature, Padding::PKCS1).unwrap();
    [head, put(12, &signature), after, padding, records.to_vec()].concat()
}

/// A list after it was read.
#[derive(Debug, Clone)]
pub struct List {
    pub is_ctl: bool,
    pub bytes: usize,
    serial: Vec<u8>,
    issuer: Vec<u8>,
    signature: Vec<u8>,
    covered: Vec<u8>,
    pub records: Vec<Record>,
}

#[derive(Debug, Clone)]
pub struct Record {
    elements: Vec<Element>,
    /// The certificate in the record, if it can be read.
    pub certificate: Option<X509>,
    key: Option<Rsa<Public>>,
}

impl Record {
    fn read(bytes: &[u8]) -> Self {
        let elements: Vec<_> = elements(bytes).into_iter().map(|(tag, value, _)| (tag, value)).collect();
        let get = |tag: u8| elements.iter().find(|(t, _)| *t == tag).map(|(_, value)| &value[..]);
        let certificate = get(9).and_then(|der| X509::from_der(der).ok());
        let key = match (get(9), &certificate) {
            (Some(_), certificate) => certificate.as_ref().and_then(|c| c.public_key().ok()?.rsa().ok()),
            (None, _) => get(7).and_then(|key| Rsa::public_key_from_der_pkcs1(key).ok()),
        };
        Record { elements, certificate, key }
    }
}

fn elements(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>, usize)> {
    let (mut all, whole) = (vec![], bytes.len());
    while let [tag, rest @ ..] = bytes {
        if *tag == 13 {
            bytes = rest;
            continue;
        }
        let begin = whole - bytes.len();
        let length = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
        all.push((*tag, rest[2..2 + length].to_vec(), begin));
        bytes = &rest[2 + length..];
    }
    all
}

fn trimmed(name: &[u8]) -> &[u8] {
    name.strip_suffix(b"\0").unwrap_or(name)
}

impl List {
    pub fn read(file: &[u8]) -> Self {
        let length = usize::from(u16::from_be_bytes([file[8], file[9]]));
        let header = elements(&file[10..length]);
        let the = |tag: u8| header.iter().find(|e| e.0 == tag).unwrap();
        let ids = elements(&the(3).1);
        let id = |tag: u8| ids.iter().find(|e| e.0 == tag).unwrap().1.clone();
        let (_, signature, begin) = the(12).clone();
        let (begin, end) = (10 + begin, 10 + begin + 3 + signature.len());
        let mut records = vec![];
        let mut rest = &file[length..];
        while !rest.is_empty() {
            let (own, others) = rest.split_at(usize::from(u16::from_be_bytes([rest[3], rest[4]])));
            records.push(Record::read(own));
            rest = others;
        }
        List {
            is_ctl: the(14).1.starts_with(b"CTL"),
            bytes: file.len(),
            serial: id(5),
            issuer: id(6),
            signature,
            covered: [&file[..begin], &file[end..]].concat(),
            records,
        }
    }

    /// The signer as spelled in the header.
    pub fn signer(&self) -> (&[u8], &[u8]) {
        (&self.serial, trimmed(&self.issuer))
    }

    /// Whether the record names the signer of this list.
    pub fn is_named_by(&self, record: &Record) -> bool {
        record.get(6) == Some(&self.serial[..]) && record.get(5).map(trimmed) == Some(trimmed(&self.issuer))
    }

    /// Whether the key of the record verifies this list; `None` if it has no readable key.
    pub fn fits(&self, record: &Record) -> Option<bool> {
        let key = record.key.as_ref()?;
        let mut plain = vec![0; key.size() as usize];
        let opened = key.public_decrypt(&self.signature, &mut plain, Padding::PKCS1);
        let hash = openssl::hash::hash(MessageDigest::sha1(), &self.covered).unwrap();
        Some(opened.is_ok_and(|n| plain[..n].ends_with(&hash)))
    }
}

impl List {
    /// As [`List::fits`]; a record without certificate and key may identify the signer's certificate by its hash.
    pub fn fits_or_hash(&self, record: &Record, signer: &Record) -> Option<bool> {
        let bare = record.get(9).is_none() && record.key.is_none();
        let is_signer =
            || signer.certificate.is_some() && record.sha1().is_some_and(|hash| Some(hash) == signer.sha1());
        self.fits(record).or_else(|| (bare && is_signer()).then_some(true))
    }
}

impl Record {
    pub fn get(&self, tag: u8) -> Option<&[u8]> {
        self.elements.iter().find(|(t, _)| *t == tag).map(|(_, value)| &value[..])
    }

    pub fn function(&self) -> u16 {
        self.get(4).map(|f| u16::from_be_bytes([f[0], f[1]])).unwrap()
    }

    pub fn has_host_or_address(&self) -> bool {
        self.get(2).is_some_and(|dns| !trimmed(dns).is_empty()) || self.get(10).is_some_and(|ip| ip != [0; 4])
    }

    /// SHA-1 of the certificate that the record stands for.
    pub fn sha1(&self) -> Option<Vec<u8>> {
        if let Some(certificate) = &self.certificate {
            return Some(certificate.digest(MessageDigest::sha1()).unwrap().to_vec());
        }
        self.get(11).filter(|hash| hash.len() == 20).map(<[u8]>::to_vec)
    }

    pub fn has_key(&self) -> bool {
        self.key.is_some()
    }
}
