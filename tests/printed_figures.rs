//! Every figure that Cisco's documents print about the lists on which our golden files are based: which ones are the same, and
//! which are not.

use sastctl::trustlist::{Record, digest, header_tag, record_tag as tag};

use crate::pki::golden;

/// A list as a document prints it: the file, its length, HeaderLength where it is printed, MD5, and a line for each record:
/// RECORDLENGTH, DNSNAME's length, SUBJECTNAME's, FUNCTION, ISSUERNAME's length, SERIALNUMBER, the lengths of PUBLICKEY,
/// SIGNATURE and CERTIFICATE, and the beginning of its SHA-1 (or of CERTHASH). `…` is a record that is not printed.
const PRINTED: [(&str, usize, usize, &str, &[&str]); 4] = [
    // 118893, From Non-Secure Mode to Mixed Mode (Tokenless CTL): the publisher signs.
    (
        "tokenless.tlv",
        4947,
        336,
        "1d97d9089dd558a062cccfcb1dc4c57f",
        &[
            "1156 16 62 SAST 62 70:CA:F6:4E:09:07:51:B9:DF:22:F4:9F:75:4F:C5:BB 140 128 694 E9:D4:33:64",
            "1156 16 62 CCM+TFTP 62 70:CA:F6:4E:09:07:51:B9:DF:22:F4:9F:75:4F:C5:BB 140 128 694 E9:D4:33:64",
            "1138 16 60 CAPF 60 74:4B:49:99:77:04:96:E7:99:E9:1E:81:D3:C8:10:9B 140 128 680 46:EE:5A:97",
            "1161 17 63 CCM+TFTP 63 6B:EB:FD:CD:CD:8C:A2:77:CB:2F:D1:D1:83:A6:0E:72 140 128 696 21:7F:23:DE",
        ],
    ),
    // 118893, From Tokenless to Hardware eTokens.
    (
        "token-signed.tlv",
        5728,
        0,
        "2e7a6113eadbdae67ffa918d81376902",
        &[
            "1186 1 56 SAST 42 3C:F9:27:00:00:00:AF:A2:DA:45 140 0 902 19:8F:07:C4",
            "…",
            "…",
            "…",
            "1186 1 56 SAST 42 83:E9:08:00:00:00:55:45:AF:31 140 0 902 85:CD:5D:AD",
        ],
    ),
    // 118893, Certificate regeneration.
    (
        "tokenless-regenerated.tlv",
        6113,
        0,
        "ebc649598280a4477bb3e453345c8c9d",
        &[
            "1675 16 62 SAST 62 6B:1D:35:7B:68:41:74:0B:07:8F:EE:4A:18:13:D5:D6 270 256 955 5C:AF:7D:23",
            "1675 16 62 CCM+TFTP 62 6B:1D:35:7B:68:41:74:0B:07:8F:EE:4A:18:13:D5:D6 270 256 955 5C:AF:7D:23",
            "…",
            "…",
        ],
    ),
    // 116232, ITL files and certificates; its MD5 is that of another file, b61910bb….
    (
        "itl.tlv",
        5438,
        296,
        "",
        &[
            "1972 2 76 SAST 15 21:00:2D:17:00:00:00:00:05 140 256 1442 0E:1E:28:0E",
            "1972 2 76 CCM+TFTP 15 21:00:2D:17:00:00:00:00:05 140 256 1442 0E:1E:28:0E",
            "743 2 76 TVS 76 2E:3E:1A:7B:DA:A6:4D:84 270 256 0 C7:E1:D9:7A",
            "455 2 61 CAPF 61 0A:DC:6E:77:42:91:4A:53 140 128 0 C7:3D:EA:77",
        ],
    ),
];

fn line(record: &Record) -> String {
    let length = |tag| record.get(tag).map_or(0, <[u8]>::len);
    let colons = |bytes: &[u8]| digest::hex(bytes, ":").to_uppercase();
    let hash = record.get(tag::CERTIFICATE).map(|der| digest::sha1(der).to_vec());
    let hash = hash.or_else(|| record.get(tag::CERT_HASH).map(<[u8]>::to_vec)).unwrap();
    format!(
        "{} {} {} {} {} {} {} {} {} {}",
        record.bytes().len(),
        length(tag::DNS_NAME),
        length(tag::SUBJECT_NAME),
        record.function(),
        length(tag::ISSUER_NAME),
        colons(record.get(tag::SERIAL_NUMBER).unwrap()),
        length(tag::PUBLIC_KEY),
        length(tag::SIGNATURE),
        length(tag::CERTIFICATE),
        colons(&hash[..4])
    )
}

#[test]
fn the_differences_from_the_documents_are_known() {
    let mut differ = Vec::new();
    let mut same = 0;
    for (name, bytes, header, md5, records) in PRINTED {
        let list = golden(name).list().clone();
        assert_eq!((list.bytes().len(), list.records().len()), (bytes, records.len()), "{name}");
        assert!(header == 0 || list.header().bytes().len() == header, "{name}");
        assert_ne!(
            digest::hex(&digest::md5(list.bytes()), ""),
            md5,
            "{name}: keys of our own make another checksum"
        );
        for (record, printed) in list.records().iter().zip(records).filter(|(_, printed)| **printed != "…")
        {
            let own = line(record);
            let (own, printed) = (own.split(' '), printed.split(' '));
            for (figure, (own, printed)) in own.zip(printed).enumerate() {
                match own == printed {
                    true => same += 1,
                    // The certificates have keys of our own, so every hash of one differs.
                    false if figure == 9 => {}
                    false => differ.push(format!("{name}: {printed} is {own}")),
                }
            }
        }
    }
    insta::assert_snapshot!(differ.join("\n"), @"
    tokenless.tlv: 74:4B:49:99:77:04:96:E7:99:E9:1E:81:D3:C8:10:9B is 74:4B:51:99:77:05:16:E7:99:E9:1E:81:D3:C8:10:9B
    itl.tlv: 21:00:2D:17:00:00:00:00:05 is 21:00:2D:17:00:00:00:00:00:05
    itl.tlv: 21:00:2D:17:00:00:00:00:05 is 21:00:2D:17:00:00:00:00:00:05
    ");
    assert_eq!(same, 12 * 9 - differ.len());
}

/// For the algorithms `show ctl` prints only a LENGTH, 1 each: the values are 1 (SHA-1), 0 (RSA) and the modulus's code.
#[test]
fn the_algorithms_are_printed_without_their_values() {
    for (name, modulus) in [("tokenless.tlv", 1), ("token-signed.tlv", 1), ("tokenless-regenerated.tlv", 2)] {
        let list = golden(name);
        let value = |tag| {
            let elements = list.list().header().elements();
            elements.iter().find(|e| e.tag == tag).unwrap().value.to_vec()
        };
        assert_eq!(value(header_tag::DIGEST_ALGORITHM), [1], "{name}");
        assert_eq!(value(header_tag::SIGNATURE_ALGORITHM), [0], "{name}");
        assert_eq!(value(header_tag::SIGNATURE_MODULUS), [modulus], "{name}");
    }
}

/// The subject of a token is 56 bytes long in the documents, which print one blank of those that pad its name.
#[test]
fn the_name_of_a_token_is_padded_to_the_length_that_is_printed() {
    let list = golden("token-signed.tlv");
    for record in [&list.list().records()[0], &list.list().records()[4]] {
        let subject = record.subject_name().unwrap();
        assert!(subject.contains("        \";ou=IPCBU;o=\"Cisco Systems"), "{subject}");
        assert_eq!(subject.split('"').nth(1).unwrap().len(), 24, "{subject}");
    }
}
