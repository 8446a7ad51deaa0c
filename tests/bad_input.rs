//! Invalid files: each has its own message, with the element and the byte.

use sastctl::trustlist::{DecodeError, MAX_FILE_BYTES, Remark, TrustFile, TrustList, VerifyError};

use crate::pki::golden_bytes;

fn token_signed() -> Vec<u8> {
    golden_bytes("token-signed.tlv")
}

fn error(bytes: Vec<u8>) -> String {
    format!("CTLFile.tlv {}", TrustFile::decode(bytes).unwrap_err())
}

/// Writes bytes over a copy of the golden file.
fn with(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut file = token_signed();
    file[at..at + bytes.len()].copy_from_slice(bytes);
    file
}

/// The offset of a byte sequence, searched from an offset.
fn find(from: usize, bytes: &[u8]) -> usize {
    let file = token_signed();
    from + file[from..].windows(bytes.len()).position(|w| w == bytes).unwrap()
}

#[test]
fn a_truncated_file_is_never_accepted() {
    let file = token_signed();
    // A cut between two records leaves a well-formed list, which then does not verify.
    let between: Vec<usize> = vec![304, 1490, 2512, 3516, 4542];
    for end in 0..file.len() {
        match TrustFile::decode(file[..end].to_vec()) {
            Ok(TrustFile::List(list)) => {
                assert!(between.contains(&end), "cut at {end}");
                assert!(list.verify().is_err());
            }
            Ok(TrustFile::Signed(_)) => panic!("cut at {end} became a .sgn file"),
            Err(DecodeError::Empty) => assert_eq!(end, 0),
            Err(DecodeError::CutShort { .. } | DecodeError::NotATrustList { .. }) => {}
            Err(other) => panic!("cut at {end}: {other}"),
        }
    }
}

#[test]
fn an_error_names_the_element_and_its_offset() {
    let record_4 = 3516;
    let all = [
        error(vec![]),
        error(b"<?xml version=\"1.0\"?>\n<device>".to_vec()),
        error(b"-----BEGIN CERTIFICATE-----".to_vec()),
        error(std::fs::read("softhsm-fixtures/SAST-ADN008580ef.der").unwrap()),
        error(vec![0; 64]),
        error(token_signed()[..100].to_vec()),
        error(token_signed()[..2600].to_vec()),
        error(with(5, &[13])),
        error(with(8, &[0, 9])),
        error(with(8, &[1, 0x2e])),
        error(with(11, &[0, 118])),
        error(with(find(10, &[14, 0, 12]), &[16])),
        error(with(find(10, &[15, 0, 4]), &[14])),
        error(with(find(10, &[8, 0, 1]), &[8, 0, 2])),
        error(with(record_4, &[2])),
        error(with(record_4 + 3, &[0, 4])),
        error(with(record_4 + 3, &[0xff, 0xff])),
        error(with(record_4 + 3, &[4, 1])),
        error(with(find(record_4, &[7, 0, 140]), &[7, 9])),
        error(with(find(record_4, &[4, 0, 2, 0, 2]), &[3])),
        error(with(find(record_4, &[4, 0, 2, 0, 2]), &[99])),
        error(with(find(record_4, &[6, 0, 16]), &[66])),
    ];
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn a_file_over_the_size_limit_is_refused() {
    assert_eq!(MAX_FILE_BYTES, 16_777_216);
    let mut file = token_signed();
    file.resize(MAX_FILE_BYTES, 0);
    assert_ne!(TrustFile::decode(file.clone()).unwrap_err(), DecodeError::TooLarge);
    file.push(0);
    assert_eq!(TrustFile::decode(file).unwrap_err(), DecodeError::TooLarge);
}

#[test]
fn a_certificate_that_does_not_parse_is_kept_and_named() {
    let signer = find(4542, &[9, 3, 0x86]);
    let list = TrustList::decode(with(signer + 3, &[0x31])).unwrap();
    assert!(matches!(&list.remarks()[..], [Remark::CertificateUnreadable { record: 5, .. }]));
    match list.verify().unwrap_err() {
        VerifyError::CertificateUnreadable { record: 5, offset, .. } => assert_eq!(offset, signer),
        other => panic!("{other}"),
    }
    // A bad certificate of a spare does not prevent the check of the signer.
    let spare = find(304, &[9, 3, 0x86]);
    let list = TrustList::decode(with(spare + 3, &[0x31])).unwrap();
    assert!(matches!(list.verify(), Err(VerifyError::DoesNotMatch { .. })));
}

#[test]
fn every_reason_why_a_list_does_not_verify_has_a_message() {
    let header = |tag: [u8; 3]| find(10, &tag);
    let reason = |bytes: Vec<u8>| TrustList::decode(bytes).unwrap().verify().unwrap_err().to_string();
    let all = [
        reason(with(header([12, 0, 128]) + 9, &[0xff])),
        reason(with(header([8, 0, 1]) + 3, &[9])),
        reason(with(header([10, 0, 1]) + 3, &[1])),
        reason(with(header([11, 0, 1]) + 3, &[2])),
        reason(with(header([5, 0, 10]) + 3, &[0])),
        // The signer's record is there, but as CCM.
        reason(with(find(4542, &[4, 0, 2, 0, 0]) + 4, &[1])),
    ];
    insta::assert_snapshot!(all.join("\n"), @r"
    the signature does not match the file (signer SAST-ADN008580ef)
    unsupported digest 9 (DIGESTALGORTITHM; 1 is SHA-1, 2 SHA-256, 3 SHA-512)
    unsupported signature algorithm 1 (SIGNATUREALGORTITHM; 0 is RSA)
    SIGNATUREMODULUS 2 does not fit a signature of 128 bytes
    no SAST record for the signer SAST-ADN008580ef (serial 00:E9:08:00:00:00:55:45:AF:31)
    the signer SAST-ADN008580ef is in the list as CCM, not as SAST
    ");
}

#[test]
fn unknown_elements_and_functions_are_kept_and_reported() {
    let mut file = token_signed();
    // Record 5 grows by an element 200 of three bytes; RECORDLENGTH follows.
    file.extend([200, 0, 3, 1, 2, 3]);
    let length = 4542 + 3;
    file[length..length + 2].copy_from_slice(&(1186u16 + 6).to_be_bytes());
    let list = TrustList::decode(file.clone()).unwrap();
    assert_eq!(list.remarks(), [Remark::UnknownElement { record: Some(5), tag: 200 }]);
    assert_eq!(list.records()[4].get(200).unwrap(), [1, 2, 3]);
    assert_eq!(list.bytes()[..], file);
}

#[test]
fn a_list_near_or_above_the_limit_of_phones_is_reported() {
    let grown = |records: usize| {
        let file = token_signed();
        let extra = file[304..1490].repeat(records);
        TrustList::decode([file, extra].concat()).unwrap().remarks()
    };
    assert_eq!(grown(40), []);
    assert!(matches!(grown(45)[..], [Remark::NearPhoneLimit { bytes: 59_098 }]));
    assert!(matches!(grown(51)[..], [Remark::TooLargeForPhones { bytes: 66_214 }]));
}

/// The golden file with another order of the header elements after HeaderLength; HeaderLength is adapted.
fn header(change: impl Fn(&mut Vec<Vec<u8>>)) -> Vec<u8> {
    let file = token_signed();
    let mut elements = vec![];
    let mut rest = &file[10..304];
    while let Some(tag) = rest.first() {
        let length = if *tag == 13 { 1 } else { 3 + usize::from(u16::from_be_bytes([rest[1], rest[2]])) };
        elements.push(rest[..length].to_vec());
        rest = &rest[length..];
    }
    change(&mut elements);
    let elements = elements.concat();
    let length = u16::try_from(elements.len() + 10).unwrap().to_be_bytes();
    [&file[..8], &length, &elements, &file[304..]].concat()
}

/// The signature does not cover its own element: if its place were free, one list could have many checksums.
#[test]
fn a_header_with_moved_signature_is_refused() {
    let is = |elements: &[Vec<u8>], tag: u8| elements.iter().position(|e| e[0] == tag).unwrap();
    let moved = |tag: u8, to: usize| {
        header(|all| {
            let element = all.remove(is(all, tag));
            all.insert(to, element);
        })
    };
    // Without its containers, the elements one after the other.
    let flat = |tag: u8| {
        header(|all| {
            let at = is(all, tag);
            all[at].drain(..3);
        })
    };
    let into = |tag: u8, container: u8| {
        header(|all| {
            let element = all.remove(is(all, tag));
            let container = is(all, container);
            all[container].extend(element);
            let length = u16::try_from(all[container].len() - 3).unwrap().to_be_bytes();
            all[container][1..3].copy_from_slice(&length);
        })
    };
    let all = [
        error(moved(12, 7)),
        error(moved(12, 0)),
        error(moved(12, 3)),
        error(header(|all| all.insert(2, vec![13]))),
        error(flat(3)),
        error(flat(7)),
        error(into(14, 3)),
        error(into(12, 7)),
        error(header(|all| all.insert(0, vec![1, 0, 2, 1, 2]))),
        error(header(|all| all.push(vec![2, 0, 2, 1, 0x30]))),
    ];
    insta::assert_snapshot!(all.join("\n"), @"
    CTLFile.tlv is damaged: SIGNATURE of the header should stand directly behind SIGNATUREINFO (byte 173)
    CTLFile.tlv is damaged: SIGNATURE of the header should stand directly behind SIGNATUREINFO (byte 10)
    CTLFile.tlv is damaged: SIGNATURE of the header should stand directly behind SIGNATUREINFO (byte 163)
    CTLFile.tlv is damaged: SIGNATURE of the header should stand directly behind SIGNATUREINFO (byte 149)
    CTLFile.tlv is damaged: SIGNERNAME of the header should stand in SIGNERID (byte 10)
    CTLFile.tlv is damaged: DIGESTALGORTITHM of the header should stand in SIGNATUREINFO (byte 130)
    CTLFile.tlv is damaged: FILENAME of the header should stand in no other element (byte 130)
    CTLFile.tlv is damaged: SIGNATURE of the header should stand in no other element (byte 148)
    CTLFile.tlv is damaged: Version of the header is there twice (byte 10)
    CTLFile.tlv is damaged: HeaderLength of the header is there twice (byte 304)
    ");
    // Any other order is read, and covered.
    for (tag, to) in [(15, 0), (14, 0), (14, 5)] {
        let list = TrustList::decode(moved(tag, to)).unwrap();
        assert!(matches!(list.verify(), Err(VerifyError::DoesNotMatch { .. })));
    }
}

#[test]
fn an_element_0_is_kept_like_any_unknown_element() {
    let mut file = token_signed();
    file.extend([0, 0, 1, 7, 0, 0, 1, 8]);
    let length = 4542 + 3;
    file[length..length + 2].copy_from_slice(&(1186u16 + 8).to_be_bytes());
    let list = TrustList::decode(file.clone()).unwrap();
    assert_eq!(list.remarks(), vec![Remark::UnknownElement { record: Some(5), tag: 0 }; 2]);
    assert_eq!(list.bytes()[..], file);
}
