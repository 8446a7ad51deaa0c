//! The golden files and files made by other programs: read, verified, written back.

use sastctl::trustlist::{
    Certificate, Digest, Function, ListKind, Record, ServerRecord, Style, TrustFile, TrustList, record_tag,
};

use crate::pki::{certificate, golden, golden_bytes, read, token};

const GOLDEN: [(&str, &str, usize); 5] = [
    ("tokenless.tlv", "cucm-1051-a-pub", 1024),
    ("tokenless-regenerated.tlv", "cucm-1051-a-pub", 2048),
    ("token-signed.tlv", "SAST-ADN008580ef", 1024),
    ("token-signed-non-secure.tlv", "SAST-ADN0054f509", 1024),
    ("itl.tlv", "CUCM8-Publisher.bbbburns.lab", 1024),
];

#[test]
fn every_golden_file_verifies_and_names_its_signer() {
    for (name, signer, bits) in GOLDEN {
        let verified = golden(name);
        assert_eq!(verified.signer_name(), signer, "{name}");
        assert_eq!((verified.digest(), verified.key_bits()), (Digest::Sha1, bits), "{name}");
        assert_eq!(verified.list().remarks(), [], "{name}");
    }
    assert_eq!(golden("itl.tlv").list().kind(), ListKind::Itl);
}

#[test]
fn header_and_records_make_up_the_whole_file() {
    let others = ["certutils/a-sha1.tlv", "certutils/b-sha512.tlv", "certutils/c-v11-ec.tlv"];
    let names = GOLDEN.iter().map(|(name, ..)| format!("golden/{name}")).chain(others.map(str::to_owned));
    for name in names {
        let bytes = read(&format!("tests/testdata/{name}"));
        let list = TrustList::decode(bytes.clone()).unwrap();
        let mut again = list.header().bytes().to_vec();
        for record in list.records() {
            again.extend_from_slice(record.bytes());
            // Rebuilt element by element, in the order of the writer.
            let same = record.with(record_tag::FUNCTION, &record.function().0.to_be_bytes()).unwrap();
            assert_eq!(same.bytes(), record.bytes(), "{name}");
        }
        assert!(again == bytes, "{name}");
    }
}

#[test]
fn files_of_another_writer_verify_with_every_digest() {
    for (name, digest, kind) in [
        ("a-sha1.tlv", Digest::Sha1, ListKind::Itl),
        ("b-sha512.tlv", Digest::Sha512, ListKind::Ctl),
        ("c-v11-ec.tlv", Digest::Sha512, ListKind::Itl),
    ] {
        let list = TrustList::decode(read(&format!("tests/testdata/certutils/{name}"))).unwrap();
        let verified = list.verify().unwrap();
        assert_eq!((verified.digest(), list.kind(), verified.signer_name().as_str()), (digest, kind, "SAST"));
        assert!(list.header().signer_version.is_some(), "{name} has tag 28");
    }
}

#[test]
fn an_elliptic_curve_certificate_is_carried() {
    let list = TrustList::decode(read("tests/testdata/certutils/c-v11-ec.tlv")).unwrap();
    let apache = list.records().iter().find(|r| r.short_name() == "Apache-EC").unwrap();
    let certificate = apache.certificate().unwrap().unwrap();
    assert_eq!(certificate.public_key.describe(), "EC 384");
    assert_eq!(apache.get(record_tag::PUBLIC_KEY).unwrap(), &certificate.public_key_bytes);
}

#[test]
fn a_signed_configuration_file_verifies_with_its_signer_only() {
    let bytes = read("tests/testdata/certutils/SEP58971ECC97C1.cnf.xml.sgn");
    let TrustFile::Signed(signed) = TrustFile::decode(bytes).unwrap() else { panic!("a .sgn file") };
    assert_eq!(signed.payload()[..], read("tests/testdata/certutils/SEP58971ECC97C1.cnf.xml"));
    let by = signed.verify(&certificate("tests/testdata/certutils/tftp-signer.pem")).unwrap();
    assert_eq!(by.digest, Digest::Sha1);
    let error = signed.verify(&token("SAST-ADN008580ef")).unwrap_err();
    insta::assert_snapshot!(error, @"it was signed by Asterisk (serial 16:B9:66:8C:AF:7E:5C:C2:04:97:A9:EF:A7:55:17:FA), not by the certificate given, SAST-ADN008580ef (serial 31:AF:45:55:00:00:00:08:E9:83)");
}

#[test]
fn a_real_cucm_file_verifies() {
    let folder = std::env::var("SASTCTL_REAL_VECTORS").unwrap_or_else(|_| "../shared/vectors/real".into());
    let path = crate::pki::path(&folder).join("SCFFile_gigantic-6.tlv");
    let Ok(bytes) = std::fs::read(&path) else {
        crate::support::skip(&format!(
            "no real CUCM file at {} (SASTCTL_REAL_VECTORS names the folder)",
            path.display()
        ));
        return;
    };
    let list = TrustList::decode(bytes).unwrap();
    assert_eq!(list.verify().unwrap().signer_name(), "gigantic-6.cisco.com");
    assert_eq!(list.records().len(), 6);
    assert!(list.sasts().any(Record::is_itl_recovery));
}

/// Every record of the golden files is built again only from its certificate.
#[test]
fn records_are_built_as_both_writers_build_them() {
    let mut built = 0;
    for (name, ..) in GOLDEN {
        for record in golden(name).list().records() {
            let cert = match record.certificate() {
                Some(certificate) => certificate.unwrap(),
                None if record.is_emptied() => {
                    let dns = record.dns_name().unwrap();
                    let again = Record::emptied_server(record.function(), &dns, record.ip_address()).unwrap();
                    assert_eq!(again.bytes(), record.bytes());
                    built += 1;
                    continue;
                }
                None => by_hash(record),
            };
            let again = if record.is_token() && record.short_name().starts_with("SAST-") {
                Record::token(&cert, cert.sast_style()).unwrap()
            } else {
                // The ITL's DNSNAME is two NUL bytes, the CTL's a name and one.
                let itl = name == "itl.tlv";
                let server = Record::server(&ServerRecord {
                    function: record.function(),
                    certificate: &cert,
                    dns_name: &record.dns_name().unwrap(),
                    ip_address: record.ip_address(),
                    style: if record.get(record_tag::SIGNATURE).is_some() {
                        Style::Cucm
                    } else {
                        Style::CtlClient
                    },
                    hash_only: record.get(record_tag::CERTIFICATE).is_none(),
                })
                .unwrap();
                if itl { server.with(record_tag::DNS_NAME, &[0, 0]).unwrap() } else { server }
            };
            assert_eq!(again.bytes(), record.bytes(), "{name}: {}", record.short_name());
            built += 1;
        }
    }
    assert_eq!(built, 4 + 4 + 5 + 5 + 4);
}

fn by_hash(record: &Record) -> Certificate {
    let file = match record.function() {
        Function::TVS => "cucm8-tvs",
        _ => "cucm8-capf",
    };
    let certificate = certificate(&format!("tests/testdata/pki/{file}.der"));
    assert!(record.is_of(&certificate));
    certificate
}

/// Each bit of every byte is changed: the file never verifies, and nothing panics.
#[test]
fn a_changed_bit_anywhere_is_refused() {
    let bytes = golden_bytes("token-signed.tlv");
    let mut decoded = 0;
    for at in 0..bytes.len() {
        // All eight bits in the header, where each byte means something; one in the certificates.
        let bits = if at < 304 { 0..8 } else { at % 8..at % 8 + 1 };
        for bit in bits {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            if let Ok(TrustFile::List(list)) = TrustFile::decode(changed) {
                decoded += 1;
                assert!(list.verify().is_err(), "byte {at}, bit {bit}");
            }
        }
    }
    assert!(decoded > 4000, "most changes leave a file that decodes: {decoded}");
}
