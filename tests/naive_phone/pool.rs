//! Certificates, records and signed lists for random states.

use std::net::Ipv4Addr;

use openssl::{pkey::Private, rsa::Rsa};
use sastctl::trustlist::{self, Certificate, Function, ServerRecord, Style, TrustList, VerifiedList};

use super::decide::{Says, Server, Tvs};
use super::reader::{self, CAPF, CCM_TFTP, Element, List, SAST, TFTP, TVS};
use crate::pki;

/// Numbers that are the same in every run (xorshift64).
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n.max(1) as u64) as usize
    }

    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn shuffle<T>(&mut self, all: &mut [T]) {
        for at in (1..all.len()).rev() {
            all.swap(at, self.below(at + 1));
        }
    }
}

/// A signed list, and how it was made.
pub struct Made {
    pub name: String,
    pub read: List,
    pub list: TrustList,
    /// `None`: it has no record of its signer.
    pub verified: Option<VerifiedList>,
}

pub struct Pool {
    pub ctls: Vec<Made>,
    pub itls: Vec<Made>,
    pub emptied: Vec<Made>,
}

const PUB: &str = "tests/testdata/pki/cucm-1051-a-pub";
const PUB_NEW: &str = "tests/testdata/pki/cucm-1051-a-pub-regenerated";
const SUB: &str = "tests/testdata/pki/cucm-1051-a-sub1";
const CAPF_CERT: &str = "tests/testdata/pki/capf-e41e7d87";
const RECOVERY: &str = "tests/testdata/keys/rsa512";
const HSM: &str = "tests/testdata/keys/rsa2048";
const STRANGER: &str = "tests/testdata/keys/rsa1024";
const A: &str = "softhsm-fixtures/SAST-ADN008580ef";
const B: &str = "softhsm-fixtures/SAST-ADN0054f509";

/// TVS certificates: the last one is in no list.
const TVS_CERTS: [&str; 4] = [
    "tests/testdata/pki/cucm8-tvs",
    "tests/testdata/pki/cucm8-capf",
    "tests/testdata/keys/rsa3072",
    "tests/testdata/keys/rsa4096",
];

fn certificate(stem: &str) -> Certificate {
    pki::certificate(&format!("{stem}.der"))
}

fn key(stem: &str) -> Rsa<Private> {
    let pem = pki::read(&format!("{stem}.key.pem"));
    openssl::pkey::PKey::private_key_from_pem(&pem).unwrap().rsa().unwrap()
}

pub fn tvs_name(sha1: &[u8]) -> String {
    let found = TVS_CERTS.iter().position(|stem| certificate(stem).sha1() == sha1);
    found.map_or("?".to_owned(), |n| format!("tvs {}", n + 1))
}

fn elements(record: &trustlist::Record) -> Vec<Element> {
    record.elements().filter(|e| e.tag != 1).map(|e| (e.tag, e.value.to_vec())).collect()
}

/// A server's record in the form for this kind of list.
fn server(stem: &str, function: u16, in_ctl: bool) -> Vec<Element> {
    let server = ServerRecord {
        function: Function(function),
        certificate: &certificate(stem),
        dns_name: if in_ctl { "cucm-1051-a-pub" } else { "" },
        ip_address: in_ctl.then_some(Ipv4Addr::new(10, 48, 47, 155)),
        style: Style::Cucm,
        hash_only: false,
    };
    elements(&trustlist::Record::server(&server).unwrap())
}

fn token(stem: &str, style: Style) -> Vec<Element> {
    elements(&trustlist::Record::token(&certificate(stem), style).unwrap())
}

fn without(record: &[Element], tags: &[u8]) -> Vec<Element> {
    record.iter().filter(|(tag, _)| !tags.contains(tag)).cloned().collect()
}

fn with(record: &[Element], tag: u8, value: &[u8]) -> Vec<Element> {
    let mut record = without(record, &[tag]);
    record.push((tag, value.to_vec()));
    record
}

/// The record of `right`, but with the names and serial of `other`.
fn under(record: &[Element], other: &[Element]) -> Vec<Element> {
    let mut record = without(record, &[3, 5, 6]);
    record.extend(other.iter().filter(|(tag, _)| [3, 5, 6].contains(tag)).cloned());
    record.sort_by_key(|(tag, _)| *tag);
    record
}

/// SAST records: name, elements, and whose key signs (none: it is never the signer).
fn sasts(in_ctl: bool) -> Vec<(&'static str, Vec<Element>, Option<&'static str>)> {
    let server = |stem| server(stem, SAST, in_ctl);
    let a = token(A, Style::CtlClient);
    let hash = |stem: &str| certificate(stem).sha1();
    vec![
        ("A", a.clone(), Some(A)),
        ("B", token(B, Style::CtlClient), Some(B)),
        ("hsm", token(HSM, Style::Cucm), Some(HSM)),
        ("hsm-reversed", token(HSM, Style::CtlClient), Some(HSM)),
        ("pub", server(PUB), Some(PUB)),
        ("pub-new", server(PUB_NEW), Some(PUB_NEW)),
        ("recovery", server(RECOVERY), Some(RECOVERY)),
        ("stranger-as-A", under(&token(STRANGER, Style::CtlClient), &a), Some(STRANGER)),
        ("stranger-as-pub", under(&server(STRANGER), &server(PUB)), Some(STRANGER)),
        ("A-key-only", without(&a, &[9]), Some(A)),
        ("pub-key-and-hash", with(&without(&server(PUB), &[9]), 11, &hash(PUB)), Some(PUB)),
        ("A-broken", with(&a, 9, b"none"), None),
        ("pub-broken", with(&server(PUB), 9, b"none"), None),
        ("pub-hash-only", with(&without(&server(PUB), &[7, 9]), 11, &hash(PUB)), None),
        ("pub-broken-with-hash", with(&with(&server(PUB), 9, b"none"), 11, &hash(PUB)), None),
        ("pub-key-and-other-hash", with(&without(&server(PUB), &[9]), 11, &hash(SUB)), Some(PUB)),
        ("pub-of-other-hash", with(&without(&server(PUB), &[7, 9]), 11, &hash(SUB)), None),
        ("recovery-broken", with(&server(RECOVERY), 9, b"none"), None),
    ]
}

/// A record after non-secure mode or a rollback emptied it.
fn emptied(function: u16) -> Vec<Element> {
    vec![
        (2, b"cucm-1051-a-pub\0".to_vec()),
        (4, function.to_be_bytes().to_vec()),
        (10, vec![10, 48, 47, 155]),
    ]
}

fn ccms(in_ctl: bool) -> Vec<(&'static str, Vec<Element>)> {
    let ccm = |stem| server(stem, CCM_TFTP, in_ctl);
    vec![
        ("pub", ccm(PUB)),
        ("pub-new", ccm(PUB_NEW)),
        ("sub", ccm(SUB)),
        ("recovery", ccm(RECOVERY)),
        ("stranger-as-pub", under(&ccm(STRANGER), &ccm(PUB))),
        ("pub-broken", with(&ccm(PUB), 9, b"none")),
        ("pub-hash-only", with(&without(&ccm(PUB), &[7, 9]), 11, &certificate(PUB).sha1())),
        ("sub-unusable", with(&without(&ccm(SUB), &[7, 9]), 11, b"short")),
        ("emptied", emptied(CCM_TFTP)),
    ]
}

fn tvs(stem: &str, random: &mut Random) -> (&'static str, Vec<Element>) {
    let whole = server(stem, TVS, false);
    let bare = without(&whole, &[9]);
    let hash = certificate(stem).sha1();
    match random.below(12) {
        0 => ("-short-hash", with(&bare, 11, &hash[..19])),
        1 => ("-broken", with(&whole, 9, b"none")),
        2 => ("-broken-with-hash", with(&with(&whole, 9, b"none"), 11, &hash)),
        3 => ("-key-only", bare),
        4..8 => ("", whole),
        _ => ("-hash", with(&bare, 11, &hash)),
    }
}

fn made(name: String, in_ctl: bool, signer: &[Element], stem: &str, records: Vec<Vec<Element>>) -> Made {
    let the = |tag: u8| &signer.iter().find(|(t, _)| *t == tag).unwrap().1[..];
    let records: Vec<u8> = records.iter().flat_map(|r| reader::record(r)).collect();
    let file_name = if in_ctl { "CTLFile.tlv" } else { "ITLFile.tlv" };
    let file = reader::signed(file_name, [the(3), the(6), the(5)], &records, &key(stem));
    let read = List::read(&file);
    let list = TrustList::decode(file).unwrap();
    Made { name, read, verified: list.verify().ok(), list }
}

type Signer = (&'static str, Vec<Element>, &'static str);

fn signer(in_ctl: bool, random: &mut Random) -> Signer {
    let signers: Vec<_> = sasts(in_ctl).into_iter().filter_map(|(n, r, key)| Some((n, r, key?))).collect();
    signers[random.below(signers.len())].clone()
}

/// A list of random records; its signer has a SAST record.
fn any_list(in_ctl: bool, random: &mut Random) -> Made {
    let (by, own, stem) = signer(in_ctl, random);
    let mut records = vec![(format!("SAST {by}"), own.clone())];
    for (name, record, _) in sasts(in_ctl) {
        if random.one_in(8) {
            records.push((format!("SAST {name}"), record));
        }
    }
    for (name, record) in ccms(in_ctl) {
        if random.one_in(3) {
            let function = if random.one_in(6) { TFTP } else { CCM_TFTP };
            let record = with(&record, 4, &function.to_be_bytes());
            records.push((format!("{} {name}", if function == TFTP { "TFTP" } else { "CCM+TFTP" }), record));
        }
    }
    for (n, stem) in TVS_CERTS[..3].iter().enumerate().filter(|_| !in_ctl) {
        if random.one_in(2) {
            let (how, record) = tvs(stem, random);
            records.push((format!("TVS {}{how}", n + 1), record));
        }
    }
    if random.one_in(2) {
        records.push(("CAPF".to_owned(), server(CAPF_CERT, CAPF, in_ctl)));
    }
    if random.one_in(25) {
        let filler = vec![("CAPF".to_owned(), server(CAPF_CERT, CAPF, in_ctl)); 64];
        records.extend(filler);
    }
    random.shuffle(&mut records);
    let (mut names, records): (Vec<_>, Vec<_>) = records.into_iter().unzip();
    names.dedup();
    made(format!("by {by}: {}", names.join(", ")), in_ctl, &own, stem, records)
}

/// The forms of an ITL after a rollback: SAST kept; every record emptied; no record.
fn emptied_itl(random: &mut Random) -> Made {
    let (by, own, stem) = signer(false, random);
    let left: Vec<_> = [TVS, TFTP, CCM_TFTP].into_iter().filter(|_| random.one_in(2)).map(emptied).collect();
    let (layout, records) = match random.below(4) {
        0 => ("no record", vec![]),
        1 => ("every record emptied", [&[emptied(SAST)][..], &left].concat()),
        2 => ("SAST kept", [&[own.clone()][..], &left].concat()),
        _ => ("SAST and CAPF kept", [&left[..], &[own.clone(), server(CAPF_CERT, CAPF, false)]].concat()),
    };
    made(format!("emptied by {by}: {layout}"), false, &own, stem, records)
}

impl Pool {
    pub fn new(random: &mut Random) -> Self {
        Pool {
            ctls: (0..150).map(|_| any_list(true, random)).collect(),
            itls: (0..150).map(|_| any_list(false, random)).collect(),
            emptied: (0..60).map(|_| emptied_itl(random)).collect(),
        }
    }

    pub fn tvs(&self, random: &mut Random) -> Tvs {
        match random.below(9) {
            0 => return Tvs::NotAsked,
            1 => return Tvs::Uploaded,
            2 => return Tvs::NotUploaded,
            _ => {}
        }
        let mut asked: Vec<_> = TVS_CERTS.iter().map(|stem| certificate(stem).sha1().to_vec()).collect();
        random.shuffle(&mut asked);
        asked.truncate(1 + random.below(3));
        let server = |shows| Server {
            shows,
            says: match random.below(8) {
                0 => Says::Nothing,
                1 => Says::Invalid,
                2 => Says::Valid(vec![]),
                3 => Says::Valid(vec![CCM_TFTP]),
                4 => Says::Valid(vec![CAPF]),
                5 => Says::Valid(vec![SAST, CCM_TFTP]),
                _ => Says::Valid(vec![SAST]),
            },
        };
        let servers = asked.into_iter().map(server).collect();
        Tvs::Asked { query: random.one_in(2), servers }
    }
}
