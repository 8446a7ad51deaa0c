//! Signed configuration files, checked as a phone does: with a certificate or with the installed list.

use sastctl::trustlist::{
    Certificate, Digest, Function, ListKind, Record, ServerRecord, SgnDraft, SignedFile, Signer as _, Style,
    TrustFile, VerifyError, header_tag, record_tag as tag,
};

use crate::findings::{A, signed};
use crate::pki::{KeyFile, certificate, options};
use crate::support::{Outcome, World};

const TFTP: &str = "tests/testdata/keys/rsa2048";
const OTHER: &str = "tests/testdata/keys/rsa1024";

fn sgn(style: Style) -> SignedFile {
    let draft = SgnDraft::new("SEP1.cnf.xml.sgn", "<device/>", options(Digest::Sha1), style);
    draft.sign(&mut KeyFile::open(TFTP)).unwrap()
}

fn record(stem: &str, function: Function) -> Record {
    let server = ServerRecord {
        function,
        certificate: &certificate(&format!("{stem}.der")),
        dns_name: "pub",
        ip_address: None,
        style: Style::Cucm,
        hash_only: false,
    };
    Record::server(&server).unwrap()
}

/// `ctl verify` of the file, with a list of these records.
fn with_list(records: &[Record]) -> Outcome {
    let world = World::new();
    std::fs::write(world.path("a.sgn"), sgn(Style::Cucm).bytes()).unwrap();
    std::fs::write(world.path("ctl.tlv"), signed(ListKind::Ctl, records, A).list().bytes()).unwrap();
    world.run(&["ctl", "verify", "a.sgn", "--signer", "ctl.tlv"])
}

#[test]
fn phones_check_files_only_with_tftp_certificates() {
    for function in [Function::CCM_TFTP, Function::TFTP] {
        with_list(&[record(TFTP, function)]).done();
    }
    for function in [Function::CCM, Function::SAST, Function::CAPF] {
        let refused = with_list(&[record(TFTP, function)]);
        assert_eq!(refused.code, 1, "{}", refused.all());
        assert!(refused.stdout.contains("the list given has no TFTP record for"), "{}", refused.stdout);
    }
}

/// The header of the file with another value of the same length, signed again.
fn signed_again(file: &SignedFile, element: u8, change: impl Fn(&mut [u8])) -> SignedFile {
    let mut bytes = file.bytes().to_vec();
    let place = |wanted| {
        let elements = file.header().elements();
        let found = elements.iter().find(|e| e.tag == wanted).unwrap();
        found.offset..found.offset + found.total_len()
    };
    change(&mut bytes[place(element)][3..]);
    let signature = place(header_tag::SIGNATURE);
    let message = [&bytes[..signature.start], &bytes[signature.end..]].concat();
    let made = KeyFile::open(TFTP).sign(Digest::Sha1, &message).unwrap();
    bytes[signature][3..].copy_from_slice(&made);
    let TrustFile::Signed(file) = TrustFile::decode(bytes).unwrap() else { panic!("a .sgn file") };
    file
}

/// Phones look up the signer by issuer and serial: another CANAME is another signer.
#[test]
fn the_signer_of_a_file_is_named_by_issuer_and_serial() {
    let signer = KeyFile::open(TFTP);
    let signer: &Certificate = signer.certificate();
    for style in [Style::Cucm, Style::CtlClient] {
        let file = sgn(style);
        assert_eq!(file.verify(signer).map(|by| by.digest), Ok(Digest::Sha1));
        let other = signed_again(&file, header_tag::CA_NAME, |value| value[3] ^= 1);
        let refused = other.verify(signer).unwrap_err();
        assert!(matches!(refused, VerifyError::OtherSigner { .. }), "{refused}");
        let longer = signed_again(&file, header_tag::CA_NAME, |value| *value.last_mut().unwrap() = b'x');
        assert!(matches!(longer.verify(signer), Err(VerifyError::OtherSigner { .. })));
        // A reversed serial is accepted only with the CTL Client's spelling; the NUL after the name may be missing.
        let id = &file.header().signer;
        assert!(signer.is_called(&id.issuer[..id.issuer.len() - 1], &id.serial));
        let reversed = signer.serial_spelled(Style::CtlClient);
        assert_eq!(signer.is_called(&id.issuer, &reversed), style == Style::CtlClient);
        assert!(signer.is_called(&id.issuer, &signer.serial));
    }
}

#[test]
fn a_serial_that_ends_in_a_zero_is_shown_completely() {
    let zero = |value: &mut [u8]| *value.last_mut().unwrap() = 0;
    let file = signed_again(&sgn(Style::Cucm), header_tag::SERIAL_NUMBER, zero);
    let refused = file.verify(KeyFile::open(TFTP).certificate()).unwrap_err().to_string();
    assert!(refused.contains(":00), not by"), "{refused}");
}

/// As for lists: every record with the signer's issuer and serial is tried, and PUBLICKEY is enough.
#[test]
fn every_record_with_the_issuer_and_serial_of_the_signer_is_tried() {
    let right = record(TFTP, Function::CCM_TFTP);
    let twin = [tag::ISSUER_NAME, tag::SERIAL_NUMBER]
        .into_iter()
        .fold(record(OTHER, Function::TFTP), |twin, t| twin.with(t, right.get(t).unwrap()).unwrap());
    let by_hash = right.only(|t| t != tag::CERTIFICATE).unwrap().with(tag::CERT_HASH, &[7; 20]).unwrap();
    for records in [[twin.clone(), right.clone()], [right.clone(), twin.clone()], [twin.clone(), by_hash]] {
        let verified = with_list(&records).done();
        assert!(verified.stdout.contains("verified, signed by "), "{}", verified.stdout);
        assert!(verified.stdout.contains("(RSA 2048, SHA-1)"), "{}", verified.stdout);
    }
    let refused = with_list(&[twin]);
    assert!(refused.code == 1 && refused.stdout.contains("NOT verified"), "{}", refused.all());
    let no_key = right.only(|t| !matches!(t, tag::CERTIFICATE | tag::PUBLIC_KEY)).unwrap();
    let refused = with_list(&[no_key]);
    assert!(refused.stdout.contains("holds no certificate and no key"), "{}", refused.all());
}

/// Phones request some files in folders below the TFTP root, and FILENAME contains the folder; it never leads outside that
/// root.
#[test]
fn a_file_is_named_with_its_folder_below_the_tftp_root() {
    let world = World::with_tokens();
    std::fs::write(world.path("List.xml"), "<CiscoIPPhoneImageList/>").unwrap();
    let name = "Desktops/320x212x16/List.xml.sgn";
    let sign = ["ctl", "sign", "List.xml", "--token=SAST-ADN008580ef", "--yes", "--file-name"];
    world.run(&[&sign[..], &[name]].concat()).done();
    let TrustFile::Signed(signed) = TrustFile::decode(world.read("List.xml.sgn")).unwrap() else {
        panic!("a .sgn file")
    };
    assert_eq!(signed.header().file_name(), name);
    let signer = crate::pki::path("softhsm-fixtures/SAST-ADN008580ef.der");
    let verify = ["ctl", "verify", "List.xml.sgn", "--signer", signer.to_str().unwrap()];
    assert_eq!(world.run(&verify).done().stderr, "", "no remark");
    for wrong in ["../List.xml.sgn", "/List.xml.sgn", "a/../../List.xml.sgn", "List.xml"] {
        let refused = world.run(&[&sign[..], &[wrong]].concat());
        assert_eq!(refused.code, 2, "{wrong}: {}", refused.all());
    }
    // Signed again from standard input, it is written into that folder.
    std::fs::create_dir(world.path("out")).unwrap();
    let again = ["ctl", "sign", "-", "--token=SAST-ADN008580ef", "--yes", "--out=out"];
    world.run_with_input(&again, signed.bytes()).done();
    assert_eq!(world.read("out/List.xml.sgn").len(), signed.bytes().len());
}
