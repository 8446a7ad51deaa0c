//! A second reader, deliberately simple and written only from docs/format.md and docs/tolerated.md, gives the same result for
//! changed files.

use openssl::bn::{BigNum, BigNumContext};
use openssl::pkey::Public;
use openssl::rsa::Rsa;
use sastctl::trustlist::{TrustFile, digest};

use crate::pki::golden_bytes;
use crate::support::{Numbers, rounds};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    /// Not a file of this format.
    Refused,
    /// A signed file (.sgn), which has no records.
    Signed,
    /// A list with an invalid signature.
    Read,
    /// A list with a valid signature.
    Verified,
}

fn ours(file: &[u8]) -> Verdict {
    match TrustFile::decode(file.to_vec()) {
        Err(_) => Verdict::Refused,
        Ok(TrustFile::Signed(_)) => Verdict::Signed,
        Ok(TrustFile::List(list)) if list.verify().is_ok() => Verdict::Verified,
        Ok(TrustFile::List(_)) => Verdict::Read,
    }
}

/// Tag, where the element begins, and its value.
type Element = (u8, usize, Vec<u8>);

fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |n, b| n * 256 + usize::from(*b))
}

/// Elements (tag, two bytes of length, value) up to the end of the bytes. `container`: the header (0) or one of its elements;
/// every known element belongs to one container.
fn elements(bytes: &[u8], begin: usize, container: Option<u8>) -> Option<Vec<Element>> {
    let mut all = vec![];
    let mut at = 0;
    while at < bytes.len() {
        if container.is_some() && bytes[at] == 13 {
            at += 1;
            continue;
        }
        if at + 3 > bytes.len() {
            return None;
        }
        let (tag, length) = (bytes[at], number(&bytes[at + 1..at + 3]));
        if at + 3 + length > bytes.len() {
            return None;
        }
        let value = bytes[at + 3..at + 3 + length].to_vec();
        all.push((tag, begin + at, value.clone()));
        if let Some(container) = container {
            let place = match tag {
                4..=6 => 3,
                8 | 9 => 7,
                10 | 11 => 9,
                3 | 7 | 12 | 14 | 15 | 28 => 0,
                // After VERSION and HeaderLength.
                1 | 2 => return None,
                _ => container,
            };
            if place != container {
                return None;
            }
            if [3, 7, 9].contains(&tag) {
                all.extend(elements(&value, begin + at + 3, Some(tag))?);
            }
        }
        at += 3 + length;
    }
    Some(all)
}

fn the(all: &[Element], tag: u8) -> Option<&Element> {
    all.iter().find(|e| e.0 == tag)
}

fn twice(all: &[Element], tags: &[u8]) -> bool {
    tags.iter().any(|tag| all.iter().filter(|e| e.0 == *tag).count() > 1)
}

fn trimmed(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|b| *b != 0).map_or(0, |at| at + 1);
    &bytes[..end]
}

fn naive(file: &[u8]) -> Verdict {
    naive_header(file).unwrap_or(Verdict::Refused)
}

fn naive_header(file: &[u8]) -> Option<Verdict> {
    if file.len() < 10 || file[..3] != [1, 0, 2] || file[5..8] != [2, 0, 2] {
        return None;
    }
    let length = number(&file[8..10]);
    if length < 10 || length > file.len() {
        return None;
    }
    let header = elements(&file[10..length], 10, Some(0))?;
    if twice(&header, &[3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 28]) {
        return None;
    }
    let fixed =
        |tag: u8, bytes: usize| the(&header, tag).filter(|e| e.2.len() == bytes).map(|e| number(&e.2));
    if the(&header, 28).is_some() {
        fixed(28, 2)?;
    }
    let (serial, issuer) = (&the(&header, 5)?.2, &the(&header, 6)?.2);
    the(&header, 4)?;
    let (hash, algorithm, modulus) = (fixed(8, 1)?, fixed(10, 1)?, fixed(11, 1)?);
    let (info, signature) = (the(&header, 7)?, the(&header, 12)?);
    if signature.1 != info.1 + 3 + info.2.len() {
        return None;
    }
    fixed(15, 4)?;
    let name = &the(&header, 14)?.2;
    let name: Vec<u8> = name.split(|b| *b == 0).next()?.to_ascii_lowercase();
    let list =
        name.ends_with(b".tlv") || (!name.ends_with(b".sgn") && file[length..].starts_with(&[1, 0, 2]));
    if !list {
        return Some(Verdict::Signed);
    }
    let mut records = vec![];
    let mut at = length;
    while at < file.len() {
        if file.len() < at + 5 || file[at..at + 3] != [1, 0, 2] {
            return None;
        }
        let end = at + number(&file[at + 3..at + 5]);
        if end < at + 5 || end > file.len() {
            return None;
        }
        records.push(naive_record(&file[at..end])?);
        at = end;
    }
    if algorithm != 0 || [64, 128, 256, 512].get(modulus) != Some(&signature.2.len()) {
        return Some(Verdict::Read);
    }
    // The whole file without the SIGNATURE element.
    let covered = [&file[..signature.1], &file[signature.1 + 3 + signature.2.len()..]].concat();
    let (prefix, hash): (&str, Vec<u8>) = match hash {
        1 => ("3021300906052b0e03021a05000414", sha1(&covered)),
        2 => ("3031300d060960864801650304020105000420", sha2(&covered, false)),
        3 => ("3051300d060960864801650304020305000440", sha2(&covered, true)),
        _ => return Some(Verdict::Read),
    };
    let info = [data_encoding::HEXLOWER.decode(prefix.as_bytes()).unwrap(), hash].concat();
    let signed_by = |record: &Vec<Element>| {
        number(&the(record, 4).unwrap().2) == 0
            && the(record, 5).is_some_and(|e| trimmed(&e.2) == trimmed(issuer))
            && the(record, 6).is_some_and(|e| e.2 == *serial)
            && naive_key(record).is_some_and(|key| opens(&key, &signature.2, &info))
    };
    Some(if records.iter().any(signed_by) { Verdict::Verified } else { Verdict::Read })
}

fn naive_record(bytes: &[u8]) -> Option<Vec<Element>> {
    let all = elements(bytes, 0, None)?;
    if twice(&all, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]) || the(&all, 4)?.2.len() != 2 {
        return None;
    }
    if the(&all, 12).is_some_and(|e| e.2.len() != 1) {
        return None;
    }
    let certified = [7, 9, 11].iter().any(|tag| the(&all, *tag).is_some());
    let named = [3, 5, 6].iter().all(|tag| the(&all, *tag).is_some());
    (named || !certified).then_some(all)
}

/// The certificate's key; PUBLICKEY if there is no certificate.
fn naive_key(record: &[Element]) -> Option<Rsa<Public>> {
    match the(record, 9) {
        Some(certificate) => {
            openssl::x509::X509::from_der(&certificate.2).ok()?.public_key().ok()?.rsa().ok()
        }
        None => Rsa::public_key_from_der_pkcs1(&the(record, 7)?.2).ok(),
    }
}

/// 00 01 FF … FF 00 and the DigestInfo, with the length of the modulus: compared completely (RFC 8017, section 9.2).
fn opens(key: &Rsa<Public>, signature: &[u8], info: &[u8]) -> bool {
    let size = key.size() as usize;
    if signature.len() != size || info.len() + 11 > size {
        return false;
    }
    let mut opened = BigNum::new().unwrap();
    let signature = BigNum::from_slice(signature).unwrap();
    opened.mod_exp(&signature, key.e(), key.n(), &mut BigNumContext::new().unwrap()).unwrap();
    let padding = vec![0xff; size - info.len() - 3];
    opened.to_vec() == [&[1][..], &padding, &[0], info].concat()
}

fn sha1(bytes: &[u8]) -> Vec<u8> {
    openssl::sha::sha1(bytes).to_vec()
}

fn sha2(bytes: &[u8], long: bool) -> Vec<u8> {
    if long { openssl::sha::sha512(bytes).to_vec() } else { openssl::sha::sha256(bytes).to_vec() }
}

/// The offsets of elements, computed from the lengths: in the header, its containers, and the records.
fn beginnings(file: &[u8]) -> Vec<(usize, usize)> {
    let length = number(&file[8..10]);
    let mut all: Vec<_> = elements(&file[10..length], 10, Some(0)).unwrap();
    let mut at = length;
    while at < file.len() {
        let end = at + number(&file[at + 3..at + 5]);
        all.extend(elements(&file[at..end], at, None).unwrap());
        at = end;
    }
    all.into_iter().map(|(_, begin, value)| (begin, value.len() + 3)).collect()
}

/// One change: a bit, a byte, a cut, a length, or an element that is duplicated, removed, swapped or moved.
fn changed(file: &[u8], random: &mut Numbers) -> Vec<u8> {
    let mut file = file.to_vec();
    let elements = beginnings(&file);
    for _ in 0..1 + random.below(2) {
        let at = random.below(file.len());
        let (begin, length) = elements[random.below(elements.len())];
        let end = (begin + length).min(file.len());
        let begin = begin.min(end);
        match random.below(10) {
            0 | 1 => file[at] ^= 1 << random.below(8),
            2 => file[at] = random.below(256) as u8,
            3 => file.truncate(at.max(1)),
            4 => {
                let element = file[begin..end].to_vec();
                file.splice(end..end, element);
            }
            5 => drop(file.drain(begin..end)),
            6 => {
                let (other, length) = elements[random.below(elements.len())];
                let element = file[other.min(file.len())..(other + length).min(file.len())].to_vec();
                file.splice(begin..end, element);
            }
            7 => {
                let element: Vec<u8> = file.drain(begin..end).collect();
                let to = elements[random.below(elements.len())].0.min(file.len());
                file.splice(to..to, element);
            }
            8 if begin + 2 < file.len() => {
                // The length of an element, a little more or less.
                let length = number(&file[begin + 1..begin + 3]) as u16;
                let length = length.wrapping_add(random.below(9) as u16).wrapping_sub(4);
                file[begin + 1..begin + 3].copy_from_slice(&length.to_be_bytes());
            }
            _ => file.insert(at, [0, 1, 13, 255][random.below(4)]),
        }
        if file.is_empty() {
            break;
        }
    }
    file
}

#[test]
fn two_readers_give_the_same_result_for_changed_files() {
    let rounds = rounds(8_000, 100_000);
    const NAMES: [&str; 5] = [
        "token-signed.tlv",
        "tokenless.tlv",
        "token-signed-non-secure.tlv",
        "itl.tlv",
        "tokenless-regenerated.tlv",
    ];
    let workers = std::thread::available_parallelism().map_or(2, usize::from).clamp(1, 8);
    let each = rounds.div_ceil(workers);
    let counts = std::thread::scope(|scope| {
        let run = |worker: usize| {
            let golden: Vec<_> = NAMES.iter().map(|name| golden_bytes(name)).collect();
            let mut random = Numbers(0x9e37_79b9_7f4a_7c15 + worker as u64);
            let mut counts = [0_usize; 4];
            for file in &golden {
                assert_eq!((ours(file), naive(file)), (Verdict::Verified, Verdict::Verified));
            }
            for n in 0..each {
                let original = &golden[n % golden.len()];
                let file = changed(original, &mut random);
                let (ours, naive) = (ours(&file), naive(&file));
                assert_eq!(ours, naive, "file {n} of {}: {}", NAMES[n % NAMES.len()], digest::hex(&file, ""));
                assert!(ours != Verdict::Verified || file == *original, "a changed file is verified");
                counts[ours as usize] += 1;
            }
            counts
        };
        let threads: Vec<_> = (0..workers).map(|worker| scope.spawn(move || run(worker))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).fold([0; 4], |mut all, counts| {
            all.iter_mut().zip(counts).for_each(|(all, n)| *all += n);
            all
        })
    });
    println!(
        "refused {}, signed files {}, read {}, verified (unchanged) {}",
        counts[0], counts[1], counts[2], counts[3]
    );
    assert!(counts[0] > rounds / 10 && counts[2] > rounds / 10, "{counts:?}: the changes are too tame");
}
