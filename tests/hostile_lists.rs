//! Lists that an attacker made to slow the program down: the time grows with the size of the file, not with its square.

use std::time::Duration;

use sastctl::trustlist::{ListReport, Record, TrustList, VerifyError, diff};

use crate::pki;
use crate::support::{Numbers, rounds};

fn element(tag: u8, value: &[u8]) -> Vec<u8> {
    [&[tag][..], &u16::try_from(value.len()).unwrap().to_be_bytes(), value].concat()
}

fn record(elements: &[Vec<u8>]) -> Vec<u8> {
    let body = elements.concat();
    [element(1, &u16::try_from(body.len() + 5).unwrap().to_be_bytes()), body].concat()
}

/// The header of the golden list, followed by other records.
fn list(records: Vec<u8>) -> TrustList {
    let golden = pki::golden("token-signed.tlv");
    let header = golden.list().header().bytes();
    TrustList::decode([header, &records[..]].concat()).unwrap()
}

/// The elements by which the signer of the golden list is found: names, serial number, function SAST.
fn signer() -> Vec<u8> {
    let golden = pki::golden("token-signed.tlv");
    let id = golden.list().header().signer.clone();
    [element(3, b"\0"), element(4, &[0, 0]), element(5, &id.issuer), element(6, &id.serial)].concat()
}

/// Without the limits each of these took minutes or hours. The processor time is measured (proc(5), schedstat).
#[track_caller]
fn assert_quick<T>(work: impl FnOnce() -> T) -> T {
    let used = || {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
    };
    let begin = used();
    let result = work();
    assert!(used() - begin < Duration::from_secs(20), "took {:?}", used() - begin);
    result
}

/// RSA 1024 keys, all different.
fn key(number: u32) -> Vec<u8> {
    let modulus = [&[0, 0xff][..], &[7; 122], &number.to_be_bytes(), &[1]].concat();
    let numbers = [&[2, 0x81, 129][..], &modulus, &[2, 3, 1, 0, 1]].concat();
    element(7, &[&[0x30, 0x81, u8::try_from(numbers.len()).unwrap()][..], &numbers].concat())
}

#[test]
fn ten_thousand_records_of_the_signer_are_tried_quickly() {
    let signer = signer();
    let records = (0..10_000).flat_map(|n| record(&[signer.clone(), key(n)])).collect();
    let list = list(records);
    assert!(list.bytes().len() > 2 << 20);
    let refused = assert_quick(|| list.verify().unwrap_err());
    assert_eq!(refused, VerifyError::DoesNotMatch { signer: "SAST-ADN008580ef".to_owned() });
}

#[test]
fn the_signer_is_found_after_ten_thousand_records_of_the_same_name() {
    use sastctl::trustlist::{Digest, Draft, Signer as _, Style, record_tag};
    let mut token = pki::KeyFile::open("softhsm-fixtures/SAST-ADN008580ef");
    let right = Record::token(token.certificate(), Style::CtlClient).unwrap();
    let bare = right.only(|tag| tag != record_tag::CERTIFICATE).unwrap();
    let mut records: Vec<Record> =
        (0..10_000).map(|n| bare.with(record_tag::PUBLIC_KEY, &key(n)[3..]).unwrap()).collect();
    records.push(right);
    let draft = Draft::new("CTLFile.tlv", records, pki::options(Digest::Sha1));
    let signed = assert_quick(|| draft.sign(&mut token).unwrap());
    assert_eq!(signed.key_bits(), 1024);
    assert_eq!(Some(signed.signer()), signed.list().records().last());
}

#[test]
fn a_key_fits_a_signature_of_its_own_length() {
    let modulus = [&[0, 0xff][..], &[7; 254], &[1]].concat();
    let numbers = [&[2, 0x82, 1, 1][..], &modulus, &[2, 3, 1, 0, 1]].concat();
    let longer = element(7, &[&[0x30, 0x82, 1, 10][..], &numbers].concat());
    let refused = |key| list(record(&[signer(), key])).verify().unwrap_err();
    assert_eq!(refused(longer), VerifyError::SignatureLength { signature: 128, key: 256 });
    assert!(matches!(refused(key(1)), VerifyError::DoesNotMatch { .. }));
}

#[test]
fn of_a_hundred_thousand_invalid_certificates_only_the_first_is_reported() {
    let broken = record(&[signer(), element(9, b"?")]);
    let list = list(broken.repeat(100_000));
    let refused = assert_quick(|| list.verify().unwrap_err());
    assert!(
        matches!(refused, VerifyError::CertificateUnreadable { record: 1, offset: 376, .. }),
        "{refused:?}"
    );
}

#[test]
fn a_hundred_thousand_records_are_decoded_quickly() {
    let list = list(record(&[element(4, &[0, 1])]).repeat(100_000));
    let verification = list.verify();
    let report = assert_quick(|| ListReport::new(&list, &verification));
    let last = report.records.last().unwrap();
    assert_eq!((last.number, last.offset), (100_000, list.bytes().len() - 10));
}

#[test]
fn lists_of_similar_records_are_compared_quickly() {
    let many = |elements: &[Vec<u8>]| list(record(elements).repeat(30_000));
    let ccm = || element(4, &[0, 1]);
    let same = many(&[ccm()]);
    assert!(assert_quick(|| diff(&same, &same)).changes.is_empty());
    // With nothing in common; with the same issuer and serial number; address; name; subject.
    assert_eq!(assert_quick(|| diff(&same, &many(&[ccm(), element(99, b"x")]))).changes.len(), 60_000);
    for alike in [
        [element(3, b"pub"), element(5, b"ca"), element(6, &[7])].concat(),
        element(10, &[10, 0, 0, 1]),
        element(2, b"pub\0"),
        element(3, b"pub"),
    ] {
        let (old, new) = (many(&[ccm(), alike.clone()]), many(&[ccm(), alike, element(99, b"x")]));
        assert_eq!(assert_quick(|| diff(&old, &new)).changes.len(), 30_000);
    }
}

/// One record of many elements, which all differ.
#[test]
fn a_record_of_many_elements_is_compared_quickly() {
    let full = |value: &[u8]| {
        let all: Vec<Vec<u8>> = (0..14_000).map(|n| element(13 + (n % 240) as u8, value)).collect();
        list(record(&[element(4, &[0, 1]), element(2, b"pub\0"), all.concat()]).repeat(40))
    };
    assert_eq!(assert_quick(|| diff(&full(b"x"), &full(b"y"))).changes.len(), 40);
}

/// A list that phones may load still has room for more than a thousand records without a certificate.
#[test]
fn losses_of_phones_are_computed_quickly() {
    use crate::findings::{held, offered};
    use sastctl::phone::{Installed, InstalledItl, services};
    use sastctl::trustlist::ListKind;
    let numbered = |n: u32, alike: &[u8]| {
        let mut hash = if alike.is_empty() { n.to_be_bytes().to_vec() } else { alike.to_vec() };
        hash.resize(20, 0);
        let tftp = [element(3, format!("CN={n}").as_bytes()), element(4, &[0, 2])].concat();
        record(&[tftp, element(5, b"ca"), element(6, &n.to_be_bytes()), element(11, &hash)])
    };
    let records = |numbers: std::ops::Range<u32>, alike: &[u8]| {
        list(numbers.flat_map(|n| numbered(n, alike)).collect())
    };
    let lost = |old: &TrustList, new: &TrustList| {
        let ctl = held(ListKind::Ctl, old.records());
        let new = offered(ListKind::Ctl, new.records(), &ctl);
        assert_quick(|| services(&Installed { ctl: Some(&ctl), itl: InstalledItl::Unknown }, &new)).len()
    };
    // Other certificates; one certificate with other serials, so that none is found; records without a certificate.
    let old = records(0..20_000, b"");
    assert_eq!(lost(&old, &records(100_000..101_000, b"")), 20_000);
    let old = records(0..20_000, b"alike");
    assert!(lost(&old, &records(100_000..101_000, b"alike")) > 20_000);
    let empty = |n: u32| record(&[element(2, b""), element(4, &[0, 2]), element(6, &n.to_be_bytes())]);
    let empty = list((0..2_600).flat_map(empty).collect());
    assert!(empty.bytes().len() < 64 << 10);
    assert_eq!(lost(&old, &empty), 2, "nothing is left, for either class of phones");
    assert_eq!(lost(&empty, &empty), 0);
    assert_eq!(lost(&old, &records(0..3_000, b"x")), 0, "too large for every phone");
}

/// A signed list in parts: its header, and its records.
fn parts(file: &[u8]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let list = TrustList::decode(file.to_vec()).unwrap();
    let records = list.records().iter().map(|record| record.bytes().to_vec()).collect();
    (list.header().bytes().to_vec(), records)
}

/// One change that a forger may try; `others` are other signed lists.
fn forged(file: &[u8], others: &[Vec<u8>], random: &mut Numbers) -> (&'static str, Vec<u8>) {
    let (mut header, mut records) = parts(file);
    let (other_header, other_records) = parts(&others[random.below(others.len())]);
    let joined = |header: Vec<u8>, records: Vec<Vec<u8>>| [header, records.concat()].concat();
    let at = random.below(records.len());
    match random.below(9) {
        0 => {
            let mut file = file.to_vec();
            let byte = random.below(file.len());
            file[byte] ^= 1 << random.below(8);
            ("a bit flipped", file)
        }
        1 => {
            let mut file = file.to_vec();
            for _ in 0..2 + random.below(6) {
                let byte = random.below(file.len());
                file[byte] = random.below(256) as u8;
            }
            ("bytes changed", file)
        }
        2 => {
            let to = random.below(records.len());
            records.swap(at, to);
            ("records swapped", joined(header, records))
        }
        3 => {
            drop(records.remove(at));
            ("a record left out", joined(header, records))
        }
        4 => {
            records.insert(at, other_records[random.below(other_records.len())].clone());
            ("a record of another list put in", joined(header, records))
        }
        5 => ("the header of another list", joined(other_header, records)),
        6 => {
            // The signature of another list, if it has the same length.
            let signature = |header: &[u8]| header.windows(3).position(|w| w == [12, 0, 128]);
            if let (Some(own), Some(other)) = (signature(&header), signature(&other_header)) {
                header[own..own + 131].copy_from_slice(&other_header[other..other + 131]);
            }
            ("the signature of another list", joined(header, records))
        }
        7 => {
            // A length of the record: its own, or that of an element in it.
            let byte = [3, 4, 6, 7][random.below(4)];
            let record = &mut records[at];
            record[byte] = record[byte].wrapping_add(1 + random.below(3) as u8);
            ("a length changed", joined(header, records))
        }
        _ => {
            // The key of the forger under the names and serial of the signer.
            let forger = pki::certificate("tests/testdata/keys/rsa1024.der");
            let list = TrustList::decode(file.to_vec()).unwrap();
            let records = list.records().iter().map(|record| match record.id() {
                Some((issuer, serial)) if list.header().signer.serial == serial && !issuer.is_empty() => {
                    record.with(sastctl::trustlist::record_tag::CERTIFICATE, forger.der()).unwrap()
                }
                _ => record.clone(),
            });
            ("the signer's key replaced", joined(header, records.map(|r| r.bytes().to_vec()).collect()))
        }
    }
}

#[test]
fn no_forged_list_is_verified() {
    use std::collections::BTreeMap;
    const SEED: u64 = 0x20_000;
    let rounds = rounds(4_000, 20_000);
    println!("seed {SEED:#x}");
    let names = ["token-signed", "tokenless", "token-signed-non-secure", "itl", "tokenless-regenerated"];
    let files: Vec<_> = names.iter().map(|name| pki::golden_bytes(&format!("{name}.tlv"))).collect();
    let mut random = Numbers(SEED);
    let mut tried: BTreeMap<&str, usize> = BTreeMap::new();
    let mut read = 0_usize;
    while tried.values().sum::<usize>() < rounds {
        let file = &files[random.below(files.len())];
        let (how, forged) = forged(file, &files, &mut random);
        if files.contains(&forged) {
            continue;
        }
        *tried.entry(how).or_default() += 1;
        if let Ok(list) = TrustList::decode(forged.clone()) {
            read += 1;
            let verified = list.verify();
            assert!(verified.is_err(), "{how}: {}", sastctl::trustlist::digest::hex(&forged, ""));
        }
    }
    println!("{tried:?}, {read} of them could be read");
    assert!(tried.len() == 9 && tried.values().all(|n| *n >= rounds / 40), "{tried:?}");
    assert!(read > rounds / 2, "{read}: most were no lists at all");
}
