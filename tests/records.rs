//! Lists, records and differences in detail, in addition to the table of golden files.

use sastctl::trustlist::{
    Certificate, DecodeError, Digest, Draft, Function, ListKind, ListReport, MAX_FILE_BYTES,
    PHONE_LIMIT_BYTES, Record, Remark, ServerRecord, SgnDraft, SignError, Style, TrustFile, TrustList, diff,
    diff_records, record_tag as tag, show_list,
};

use crate::pki::{KeyFile, certificate, golden, options, token};

const A: &str = "softhsm-fixtures/SAST-ADN008580ef";
const B: &str = "softhsm-fixtures/SAST-ADN0054f509";
const PUB: &str = "tests/testdata/pki/cucm-1051-a-pub";
const SUB: &str = "tests/testdata/pki/cucm-1051-a-sub1";

fn server(stem: &str, name: &str, address: Option<[u8; 4]>) -> Record {
    let server = ServerRecord {
        function: Function::CCM_TFTP,
        certificate: &certificate(&format!("{stem}.der")),
        dns_name: name,
        ip_address: address.map(Into::into),
        style: Style::Cucm,
        hash_only: false,
    };
    Record::server(&server).unwrap()
}

fn by_hash(stem: &str) -> Record {
    let certificate = certificate(&format!("{stem}.der"));
    let server = ServerRecord {
        function: Function::TVS,
        certificate: &certificate,
        dns_name: "pub",
        ip_address: None,
        style: Style::Cucm,
        hash_only: true,
    };
    Record::server(&server).unwrap()
}

fn sast(stem: &str) -> Record {
    Record::token(&certificate(&format!("{stem}.der")), Style::CtlClient).unwrap()
}

fn changes(old: &[Record], new: &[Record]) -> Vec<String> {
    diff_records(old, new).iter().map(ToString::to_string).collect()
}

#[test]
fn every_different_element_is_shown_as_text() {
    let old = server(PUB, "pub", Some([10, 0, 0, 1]));
    let with = |tag, value: &[u8]| old.with(tag, value).unwrap();
    let change = |new: Record| changes(std::slice::from_ref(&old), &[new]);
    insta::assert_debug_snapshot!("name", change(with(tag::SUBJECT_NAME, b"CN=other\0")));
    insta::assert_debug_snapshot!("issuer", change(with(tag::ISSUER_NAME, b"CN=other\0")));
    insta::assert_debug_snapshot!("address", change(with(tag::IP_ADDRESS, &[10, 0, 0, 9])));
    insta::assert_debug_snapshot!("serial", change(with(tag::SERIAL_NUMBER, &[1, 2, 3])));
    insta::assert_debug_snapshot!("certificate", change(with(tag::CERTIFICATE, b"another")));
    insta::assert_debug_snapshot!("signature", change(with(tag::SIGNATURE, b"another")));
    insta::assert_debug_snapshot!("added", change(with(200, b"new")));
    insta::assert_debug_snapshot!("left_out", change(old.only(|t| t != tag::SIGNATURE).unwrap()));
    insta::assert_debug_snapshot!("no_name", change(with(tag::DNS_NAME, b"\0")));
    let hash = by_hash(PUB);
    let other_hash = hash.with(tag::CERT_HASH, &[7; 20]).unwrap();
    insta::assert_debug_snapshot!("hash", changes(&[hash], &[other_hash]));
}

#[test]
fn records_are_matched_by_key_else_by_place() {
    let (old, sub) = (server(PUB, "pub", Some([10, 0, 0, 1])), server(SUB, "sub", Some([10, 0, 0, 2])));
    let one =
        |old: &Record, new: &Record| changes(std::slice::from_ref(old), std::slice::from_ref(new)).len();
    let all = |old: &[Record], new: &[Record]| changes(old, new);
    // One change means that the pair was found; two mean that one record was removed and another added.
    assert_eq!(one(&old, &server(PUB, "else", Some([10, 9, 9, 9]))), 1, "the same certificate elsewhere");
    let renamed = server(PUB, "else", Some([10, 9, 9, 9])).with(tag::SUBJECT_NAME, b"CN=other\0").unwrap();
    assert_eq!(one(&old, &renamed), 1, "issuer and serial alone");
    assert_eq!(one(&old, &server(SUB, "else", Some([10, 0, 0, 1]))), 1, "the same address");
    assert_eq!(one(&old, &server(SUB, "pub", Some([10, 9, 9, 9]))), 1, "the same name");
    let same_subject = sub.with(tag::SUBJECT_NAME, old.get(tag::SUBJECT_NAME).unwrap()).unwrap();
    assert_eq!(one(&old, &same_subject), 1, "the same subject");
    assert_eq!(one(&old, &sub), 2);
    let unspecified =
        |r: &Record| r.with(tag::IP_ADDRESS, &[0; 4]).unwrap().with(tag::DNS_NAME, b"\0").unwrap();
    assert_eq!(one(&unspecified(&old), &unspecified(&sub)), 2, "no address and no name are no place");
    let capf = old.with(tag::FUNCTION, &Function::CAPF.0.to_be_bytes()).unwrap();
    assert_eq!(one(&old, &capf), 2, "the same certificate for something else");
    let same_serial = sub.with(tag::SERIAL_NUMBER, old.get(tag::SERIAL_NUMBER).unwrap()).unwrap();
    assert_eq!(one(&old, &same_serial), 2, "a serial number of another issuer says nothing");
    let emptied = |name: &str| Record::emptied_server(Function::CCM_TFTP, name, None).unwrap();
    assert_eq!(one(&emptied("pub"), &emptied("sub")), 2);
    assert_eq!(one(&emptied("pub"), &server(PUB, "pub", None)), 1);
    // Records that did not change are paired first, whatever their position.
    let renewed = server(SUB, "pub", Some([10, 0, 0, 1]));
    let moved = all(&[old.clone(), sub.clone()], &[renewed, old.clone()]);
    assert_eq!(moved.len(), 2, "one changed, and they changed places: {moved:?}");
    // With the same issuer the serial number decides.
    let more = |record: &Record| record.with(200, b"more").unwrap();
    let swapped = all(&[sast(A), sast(B)], &[more(&sast(B)), more(&sast(A))]);
    assert_eq!(swapped.len(), 3, "both changed, and they changed places: {swapped:?}");
    assert!(all(&[old.clone(), old.clone()], &[old.clone(), old]).is_empty(), "twins are two");
}

#[test]
fn the_order_of_elements_is_a_difference_too() {
    let old = golden("token-signed.tlv").list().records()[1].clone();
    let mut bytes = old.bytes().to_vec();
    // FUNCTION (4, 00 02, two bytes) and the next element are swapped.
    let at = bytes.windows(3).position(|w| w == [4, 0, 2]).unwrap();
    let next = at + 5;
    let length = usize::from(u16::from_be_bytes([bytes[next + 1], bytes[next + 2]])) + 3;
    bytes[at..next + length].rotate_left(5);
    let golden = golden("token-signed.tlv");
    let file = golden.list().bytes();
    let begin = file.windows(old.bytes().len()).position(|w| w == &old.bytes()[..]).unwrap();
    let changed = [&file[..begin], &bytes, &file[begin + bytes.len()..]].concat();
    let changed = TrustList::decode(changed).unwrap();
    let difference = diff(golden.list(), &changed).to_string();
    assert!(difference.contains("the elements stand in another order"), "{difference}");
}

#[test]
fn with_an_unknown_file_name_the_bytes_after_the_header_decide() {
    let mut key = KeyFile::open(A);
    let list = |name: &str, key: &mut KeyFile| {
        let signed = Draft::new(name, vec![sast(A)], options(Digest::Sha1)).sign(key).unwrap();
        signed.list().bytes().clone()
    };
    let sgn = |name: &str, payload: &[u8], key: &mut KeyFile| {
        let draft = SgnDraft::new(name, payload.to_vec(), options(Digest::Sha1), Style::Cucm);
        assert_eq!((&draft.file_name[..], &draft.payload[..]), (name, payload));
        draft.sign(key)
    };
    for name in ["CTLFile.tlv", "CTLFILE.TLV", "CTLFile"] {
        let bytes = list(name, &mut key);
        let file = TrustFile::decode(bytes.clone()).unwrap();
        assert!(matches!(&file, TrustFile::List(_)), "{name}");
        assert_eq!(file.bytes(), &bytes);
    }
    let like_a_record = [1, 0, 2, 0, 9, 9];
    for (name, payload) in [("a.cnf.xml.sgn", &b"<x/>"[..]), ("a.SGN", &like_a_record), ("a.txt", b"<x/>")] {
        let signed = sgn(name, payload, &mut key).unwrap();
        assert_eq!(signed.payload(), payload);
        let file = TrustFile::decode(signed.bytes().clone()).unwrap();
        assert!(matches!(&file, TrustFile::Signed(_)), "{name}");
        assert_eq!(file.bytes(), signed.bytes());
    }
    // A configuration file with the name of a list is read as a list.
    assert!(matches!(sgn("a.tlv", b"<x/>", &mut key), Err(SignError::NotDecoded(_))));
    for name in ["", "a\0b.sgn"] {
        assert!(matches!(sgn(name, b"<x/>", &mut key), Err(SignError::Build(_))), "{name:?}");
    }
}

#[test]
fn the_largest_file_is_read_and_a_larger_one_is_not() {
    let mut key = KeyFile::open(A);
    let sign = |bytes: usize, key: &mut KeyFile| {
        SgnDraft::new("a.sgn", vec![b'x'; bytes], options(Digest::Sha1), Style::Cucm).sign(key)
    };
    let header = sign(0, &mut key).unwrap().bytes().len();
    assert_eq!(sign(MAX_FILE_BYTES - header, &mut key).unwrap().bytes().len(), MAX_FILE_BYTES);
    let larger = sign(MAX_FILE_BYTES - header + 1, &mut key);
    assert!(matches!(larger, Err(SignError::NotDecoded(DecodeError::TooLarge))));
}

#[test]
fn a_record_length_that_is_too_small_is_refused() {
    let golden = golden("token-signed.tlv");
    let file = golden.list().bytes();
    let header = golden.list().header().bytes().len();
    for (length, says) in [(0u16, "less than the 5 bytes"), (4, "less than the 5 bytes"), (5, "FUNCTION")] {
        let mut changed = file.to_vec();
        changed[header + 3..header + 5].copy_from_slice(&length.to_be_bytes());
        let error = TrustList::decode(changed).unwrap_err().to_string();
        assert!(error.contains(says), "{length}: {error}");
    }
}

#[test]
fn a_header_begins_with_a_version_of_two_bytes() {
    let golden = golden("token-signed.tlv");
    for (at, byte) in [(0, 2), (1, 1), (2, 3)] {
        let mut changed = golden.list().bytes().to_vec();
        changed[at] = byte;
        assert!(matches!(TrustFile::decode(changed), Err(DecodeError::NotATrustList { .. })), "byte {at}");
    }
}

#[test]
fn a_record_with_a_key_or_a_hash_needs_issuer_and_serial() {
    for record in [server(PUB, "pub", None), by_hash(PUB)] {
        for needed in [tag::SUBJECT_NAME, tag::ISSUER_NAME, tag::SERIAL_NUMBER] {
            assert!(record.only(|t| t != needed).is_err());
            for sufficient in [tag::PUBLIC_KEY, tag::CERTIFICATE, tag::CERT_HASH] {
                let keeps = |t| t != needed && !(is_key(t) && t != sufficient);
                assert_eq!(
                    record.only(keeps).is_err(),
                    record.get(sufficient).is_some(),
                    "{needed} {sufficient}"
                );
            }
            assert!(record.only(|t| t != needed && !is_key(t)).is_ok());
        }
    }
}

fn is_key(t: u8) -> bool {
    [tag::PUBLIC_KEY, tag::CERTIFICATE, tag::CERT_HASH].contains(&t)
}

#[test]
fn records_have_display_names() {
    let named = server(PUB, "host", Some([10, 0, 0, 1]));
    assert_eq!(named.short_name(), "cucm-1051-a-pub");
    let no_subject = Record::emptied_server(Function::CCM_TFTP, "host", Some([10, 0, 0, 1].into())).unwrap();
    assert_eq!(no_subject.short_name(), "host");
    let no_host = Record::emptied_server(Function::CCM_TFTP, "", Some([10, 0, 0, 1].into())).unwrap();
    assert_eq!(no_host.short_name(), "10.0.0.1");
    assert_eq!(Record::emptied_server(Function::CCM_TFTP, "", None).unwrap().short_name(), "(no name)");
}

#[test]
fn a_token_is_a_sast_without_a_host() {
    let token = sast(A);
    assert!(token.is_token());
    assert!(token.only(|t| t != tag::DNS_NAME && t != tag::IP_ADDRESS).unwrap().is_token());
    assert!(!token.with(tag::DNS_NAME, b"host\0").unwrap().is_token());
    assert!(!token.with(tag::IP_ADDRESS, &[10, 0, 0, 1]).unwrap().is_token());
    let capf = token.with(tag::FUNCTION, &Function::CAPF.0.to_be_bytes()).unwrap();
    assert!(!capf.is_token());
    assert!(!token.is_itl_recovery());
    let recovery = token.with(tag::SUBJECT_NAME, b"CN=ITLRECOVERY_pub;OU=x\0").unwrap();
    assert!(recovery.is_itl_recovery());
    assert!(!recovery.with(tag::FUNCTION, &Function::CAPF.0.to_be_bytes()).unwrap().is_itl_recovery());
}

#[test]
fn deviations_of_a_list_are_reported() {
    let list = |records: Vec<Record>| {
        let signed = Draft::new("CTLFile.tlv", records, options(Digest::Sha1)).sign(&mut KeyFile::open(A));
        signed.unwrap().list().clone()
    };
    let base = list(vec![sast(A)]).bytes().len();
    // A list of exactly this size: an unknown element fills it up.
    let of_size = |bytes: usize| {
        let pub_record = server(PUB, "pub", None);
        let mut records = vec![sast(A)];
        let mut left = bytes - base;
        while left > 0 {
            let filler = pub_record.bytes().len() + 3;
            let take = if left < 20_000 + filler { left } else { 20_000 };
            records.push(pub_record.with(200, &vec![0; take - filler]).unwrap());
            left -= take;
        }
        let list = list(records);
        assert_eq!(list.bytes().len(), bytes);
        let is_about_size =
            |r: &Remark| matches!(r, Remark::TooLargeForPhones { .. } | Remark::NearPhoneLimit { .. });
        list.remarks().into_iter().find(is_about_size)
    };
    let near = 58_977;
    assert_eq!(PHONE_LIMIT_BYTES, 65_536);
    assert_eq!(of_size(near), None);
    assert_eq!(of_size(near + 1), Some(Remark::NearPhoneLimit { bytes: near + 1 }));
    assert_eq!(of_size(PHONE_LIMIT_BYTES), Some(Remark::NearPhoneLimit { bytes: PHONE_LIMIT_BYTES }));
    let larger = PHONE_LIMIT_BYTES + 1;
    assert_eq!(of_size(larger), Some(Remark::TooLargeForPhones { bytes: larger }));

    let wrong_hash = server(PUB, "pub", None).with(tag::CERT_HASH, &[7; 20]).unwrap();
    let unknown = server(SUB, "sub", None).with(201, b"abc").unwrap();
    let issuer = |record: Record, issuer: &str| record.with(tag::ISSUER_NAME, issuer.as_bytes()).unwrap();
    let spelled = |style| certificate(&format!("{A}.der")).issuer.spelled(style);
    let either = [Style::Cucm, Style::CtlClient].map(|style| issuer(sast(A), &spelled(style)));
    let wrong_issuer = issuer(server(PUB, "pub", None), "CN=zzz\0");
    let odd = list([&[sast(A), wrong_hash, unknown, wrong_issuer], &either[..]].concat());
    assert_eq!(
        odd.remarks(),
        [
            Remark::Disagrees { record: 2, element: "CERTHASH" },
            Remark::UnknownElement { record: Some(3), tag: 201 },
            Remark::Disagrees { record: 4, element: "ISSUERNAME" },
        ]
    );
    let report = serde_json::to_string(&ListReport::new(&odd, &odd.verify())).unwrap();
    assert!(report.contains("201") && report.contains("616263"), "{report}");
}

#[test]
fn a_signer_version_is_shown() {
    let mut how = options(Digest::Sha1);
    how.signer_version = Some((1, 5));
    let list = Draft::new("CTLFile.tlv", vec![sast(A)], how).sign(&mut KeyFile::open(A)).unwrap();
    let shown = show_list(list.list(), "", true);
    let line = shown.lines().find(|line| line.contains("SIGNERVERSION")).unwrap();
    assert!(line.trim_end().ends_with("1.5"), "{line}");
    assert_eq!(list.list().kind(), ListKind::Ctl);
}

#[test]
fn keys_that_cannot_sign_lists_are_still_named() {
    let of = |name: &str| certificate(&format!("tests/testdata/keys/{name}.der")).public_key.describe();
    assert_eq!([of("rsa3072"), of("ec256")], ["RSA 3072", "EC 256"]);
    assert_eq!(token("SAST-ADN008580ef").public_key.describe(), "RSA 1024");
}

#[test]
fn a_certificate_is_found_in_a_file_of_several_blocks() {
    let der = certificate(&format!("{A}.der"));
    let pem = der.to_pem();
    let key = std::fs::read_to_string(crate::pki::path(&format!("{A}.key.pem"))).unwrap();
    let read = |text: String| Certificate::from_file_bytes(text.as_bytes());
    // `openssl storeutl` counts from 0, which is how DER begins.
    let counted = format!("0: Certificate\n{pem}Total found: 1\n");
    for text in [pem.clone(), format!("{key}{pem}"), format!("words before\n{pem}{key}"), counted] {
        assert_eq!(read(text).unwrap().der(), der.der());
    }
    assert_eq!(read(pem.replace("CERTIFICATE", "TRUSTED CERTIFICATE")).unwrap().der(), der.der());
    let error = read(key).unwrap_err().to_string();
    assert!(error.contains("PRIVATE KEY"), "{error}");
    let error = read("no certificate, and no words that look like one".to_owned()).unwrap_err();
    assert!(matches!(error, sastctl::trustlist::CertificateError::NotACertificate(_)), "{error:?}");
}

/// A server with a new certificate is recognised by its address or host name; empty values do not count.
#[test]
fn a_place_is_an_address_or_a_host_name() {
    let of = |old: Record, new: Record| {
        diff_records(&[old], &[new]).into_iter().map(|c| format!("{c:?}")).collect::<Vec<_>>()
    };
    let (here, nowhere) = (Some([10, 0, 0, 1]), Some([0, 0, 0, 0]));
    for (old, new) in [
        (server(PUB, "pub", here), server(SUB, "other", here)),
        (server(PUB, "pub", None), server(SUB, "pub", None)),
    ] {
        let changes = of(old, new);
        assert!(matches!(&changes[..], [one] if one.starts_with("Changed")), "{changes:?}");
    }
    for address in [nowhere, None] {
        let changes = of(server(PUB, "", address), server(SUB, "", address));
        assert_eq!(changes.len(), 2, "one leaves, another comes: {changes:?}");
    }
}
