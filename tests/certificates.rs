//! The operator exports certificates to upload them as Phone-SAST-trust.

use crate::pki;
use crate::support::World;

#[test]
fn both_certificates_are_exported_without_a_pin() {
    let mut world = World::with_tokens();
    world.unset("SAST_PIN");
    world.set("SASTCTL_PIN_SOURCE", "prompt");
    world.run(&["cert", "export", "--all"]).done();
    assert_eq!(world.files(), ["SAST-ADN0054f509.cer", "SAST-ADN008580ef.cer"]);
    for name in ["SAST-ADN0054f509", "SAST-ADN008580ef"] {
        let exported = world.read(&format!("{name}.cer"));
        assert_eq!(exported.len(), 902);
        assert_eq!(exported, pki::read(&format!("softhsm-fixtures/{name}.der")));
    }
}

#[test]
fn an_exported_certificate_is_replaced_only_with_force_and_kept_as_a_backup() {
    let world = World::with_tokens();
    std::fs::write(world.path("SAST-ADN008580ef.cer"), "somebody else's").unwrap();
    let refused = world.run(&["cert", "export", "--token", "SAST token A"]);
    insta::assert_snapshot!(refused.all(), @"
    --- stderr
    error: ./SAST-ADN008580ef.cer is there already
    help: --force replaces it and keeps the old one as NAME.bak
    --- exit code 4
    ");
    assert_eq!(world.read("SAST-ADN008580ef.cer"), b"somebody else's");
    world.run(&["cert", "export", "--token", "SAST token A", "--force"]).done();
    assert_eq!(world.read("SAST-ADN008580ef.cer").len(), 902);
    assert_eq!(world.read("SAST-ADN008580ef.cer.bak"), b"somebody else's");
    world.run(&["cert", "export", "--token", "SAST token A", "--force"]).done();
    assert_eq!(world.read("SAST-ADN008580ef.cer.bak"), b"somebody else's");
    assert_eq!(world.read("SAST-ADN008580ef.cer.bak.2").len(), 902);
}

#[test]
fn certificates_can_be_exported_as_pem_and_to_standard_output() {
    let world = World::with_tokens();
    let pem =
        world.run(&["cert", "export", "--token", "SAST-ADN008580ef", "--format", "pem", "--out", "-"]).done();
    assert!(pem.stdout.starts_with("-----BEGIN CERTIFICATE-----\n"));
    let back = sastctl::trustlist::Certificate::from_file_bytes(&pem.bytes).unwrap();
    assert_eq!(back, pki::token("SAST-ADN008580ef"));
    let der = world.run(&["cert", "export", "--token", "SAST-ADN008580ef", "--out", "-"]).done();
    assert_eq!(der.bytes, pki::read("softhsm-fixtures/SAST-ADN008580ef.der"));
    assert_eq!(world.run(&["cert", "export", "--all", "--out", "-"]).code, 2);
}

#[test]
fn a_certificate_is_shown_as_it_will_be_in_the_list() {
    let world = World::with_tokens();
    insta::assert_snapshot!(world.run(&["cert", "show", "--token", "SAST token A"]).done().stdout, @r#"
    Name         SAST-ADN008580ef
    Subject      CN=SAST-ADN008580ef        ;OU=IPCBU;O=Cisco Systems
    Issuer       CN=Cisco Manufacturing CA;O=Cisco Systems
    Serial       31:AF:45:55:00:00:00:08:E9:83
    Valid        2012-05-17 to 2022-05-17 (expired)
    Key          RSA 1024
    Signed with  sha1WithRSAEncryption
    SHA1         d954212b866fc3a1163fc8be48da235157f82bc4
    SHA256       415967b38e0485e6cb64117c0c8b0c58393b183a147de9c20434c5f2c327536b
    Length       902 bytes (DER)
    As SAST      in the CTL Client's format
      subject    cn="SAST-ADN008580ef        ";ou=IPCBU;o="Cisco Systems
      issuer     cn=Cisco Manufacturing CA;o=Cisco Systems
      serial     83:E9:08:00:00:00:55:45:AF:31
    "#);
    // A certificate file needs no token.
    let file = pki::path("tests/testdata/pki/cucm8-callmanager.der");
    let json = world.run(&["cert", "show", file.to_str().unwrap(), "--json"]).done().json();
    assert_eq!(json["issuer"], "CN=JASBURNS-AD");
    assert_eq!(json["serial"], "21:00:2D:17:00:00:00:00:00:05");
    let list = world.run(&["cert", "list"]).done();
    assert!(list.stdout.contains("SAST-ADN0054f509") && list.stdout.contains("SAST-ADN008580ef"));
}

/// A token that fails while it is read is reported; the contents of the other one are still shown.
#[test]
fn a_token_that_cannot_be_read_is_reported() {
    let mut world = World::with_tokens();
    world.behind_faulty_token();
    let script = "fail C_FindObjectsInit 1 CKR_FUNCTION_FAILED";
    let (list, _) = world.faulty(script, &["cert", "list"]);
    let list = list.done();
    assert_eq!(list.stdout.matches("SAST-ADN").count(), 1, "{}", list.all());
    assert!(list.stderr.contains("its certificates were not read: C_FindObjects failed"), "{}", list.stderr);
    let (list, _) = world.faulty(script, &["cert", "list", "--json"]);
    let list = list.done().json();
    assert_eq!(list["certificates"].as_array().unwrap().len(), 1);
    assert_eq!(list["problems"][0]["problem"], "C_FindObjects failed: CKR_FUNCTION_FAILED");
    assert!(list["problems"][0]["token_serial"].as_str().is_some_and(|serial| !serial.is_empty()), "{list}");
    // Twice: for its contents, and for its keys.
    let script = "fail C_FindObjectsInit 1.. CKR_FUNCTION_FAILED";
    let (show, _) = world.faulty(script, &["token", "show", "SAST token A"]);
    let show = show.done();
    assert!(show.stdout.contains("Certificates     not read: C_FindObjects failed"), "{}", show.stdout);
    assert!(show.stderr.contains("SAST token A: its certificates were not read"), "{}", show.stderr);
    let (show, _) = world.faulty(script, &["token", "show", "SAST token A", "--json"]);
    let show = show.done().json();
    assert_eq!(show["certificates_problem"], "C_FindObjects failed: CKR_FUNCTION_FAILED");
}

/// The certificates that were read are written, and the missing token is reported.
#[test]
fn exporting_all_reports_the_token_that_was_not_read() {
    let mut world = World::with_tokens();
    world.behind_faulty_token();
    let (one, _) = world.faulty(
        "fail C_FindObjectsInit 1 CKR_FUNCTION_FAILED",
        &["cert", "export", "--all", "--out=certificates"],
    );
    assert_eq!(one.code, 3, "{}", one.all());
    assert_eq!(std::fs::read_dir(world.path("certificates")).unwrap().count(), 1);
    assert!(one.stderr.contains("error: the certificate of 1 token was not exported"), "{}", one.stderr);
    assert!(one.stderr.contains("SAST token "), "{}", one.stderr);
    assert!(one.stderr.contains("C_FindObjects failed: CKR_FUNCTION_FAILED"), "{}", one.stderr);
    let (json, _) = world.faulty(
        "fail C_OpenSession 2 CKR_FUNCTION_FAILED",
        &["cert", "export", "--all", "--out=json", "--json"],
    );
    assert_eq!(json.code, 3, "{}", json.all());
    let json = json.json();
    assert_eq!(json["written"].as_array().unwrap().len(), 1);
    assert_eq!(json["problems"][0]["problem"], "C_OpenSession failed: CKR_FUNCTION_FAILED");
    let (none, _) = world
        .faulty("fail C_OpenSession 1.. CKR_FUNCTION_FAILED", &["cert", "export", "--all", "--out=none"]);
    assert_eq!(none.code, 3);
    assert!(none.stderr.contains("the certificates of 2 tokens were not exported"), "{}", none.stderr);
    assert!(!none.stderr.contains("no token has a certificate"), "{}", none.stderr);
}

/// A certificate that never expires has the last possible second as its end date (RFC 5280, 4.1.2.5).
#[test]
fn unusual_dates_and_curves_are_shown() {
    use openssl::asn1::{Asn1Integer, Asn1Time};
    use openssl::ec::{EcGroup, EcKey};
    use openssl::nid::Nid;
    use sastctl::trustlist::{Certificate, CertificateReport, day};
    let made = |curve| {
        let key = EcKey::generate(&EcGroup::from_curve_name(curve).unwrap()).unwrap();
        let key = openssl::pkey::PKey::from_ec_key(key).unwrap();
        let mut builder = openssl::x509::X509Builder::new().unwrap();
        builder.set_pubkey(&key).unwrap();
        builder.set_not_before(&Asn1Time::from_str("19490101000000Z").unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::from_str("99991231235959Z").unwrap()).unwrap();
        let serial = openssl::bn::BigNum::from_u32(1).unwrap();
        builder.set_serial_number(&Asn1Integer::from_bn(&serial).unwrap()).unwrap();
        builder.sign(&key, openssl::hash::MessageDigest::sha256()).unwrap();
        Certificate::from_der(builder.build().to_der().unwrap()).unwrap()
    };
    for (curve, named) in [
        (Nid::SECP521R1, "EC 521"),
        (Nid::SECP384R1, "EC 384"),
        (Nid::X9_62_PRIME256V1, "EC 256"),
        (Nid::SECP224R1, "EC 224"),
    ] {
        assert_eq!(made(curve).public_key.describe(), named);
    }
    let certificate = made(Nid::SECP521R1);
    let report = CertificateReport::new(&certificate);
    assert_eq!(report.not_after, "9999-12-31T23:59:59Z");
    assert_eq!(report.not_before, "1949-01-01T00:00:00Z");
    assert_eq!(day(certificate.not_after), "9999-12-31");
    assert_eq!(day(certificate.not_before), "1949-01-01");
}

/// Every certificate that a plan may name is exported: also two on one token, with any names, and never one under the name of
/// the other.
#[test]
fn every_certificate_that_a_plan_may_name_is_exported() {
    let world = World::with_tokens();
    let field = |name: &str| pki::certificate(&format!("tests/testdata/field/lists/{name}.pem"));
    let put = |certificate: &sastctl::trustlist::Certificate, id: &str| {
        let file = world.path("put.der");
        std::fs::write(&file, certificate.der()).unwrap();
        let write = ["--write-object", file.to_str().unwrap(), "--type", "cert", "--id", id];
        world.pkcs11_tool("SAST token A", &write);
        std::fs::remove_file(file).unwrap();
    };
    put(&field("signer"), "07");
    put(&field("signer-renewed"), "08");
    // The issuer of SAST-ADN008580ef is a CA and does not sign.
    put(&pki::certificate("tests/testdata/pki/cisco-manufacturing-ca.der"), "09");
    world.run(&["cert", "export", "--all", "--out=out"]).done();
    let mut files: Vec<String> = std::fs::read_dir(world.path("out"))
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    assert_eq!(
        files,
        [
            "SAST Field-3f9752cd3885ccaf11ec0f2ddfa54410a95e6e6b.cer",
            "SAST Field-446e7039c5e62edf7b93bbdc390c642388d223d9.cer",
            "SAST-ADN0054f509.cer",
            "SAST-ADN008580ef.cer",
        ]
    );
    assert_eq!(world.read(&format!("out/{}", files[1])), field("signer").der().to_vec());
    // One certificate, selected by its serial number.
    world
        .run(&["cert", "export", "--token=44:6E:70:39:C5:E6:2E:DF:7B:93:BB:DC:39:0C:64:23:88:D2:23:D9"])
        .done();
    assert_eq!(world.read("SAST Field.cer"), field("signer").der().to_vec());
}

/// If a key is lost, every certificate of it is useless.
#[test]
fn two_certificates_of_one_key_are_not_two_tokens() {
    let world = World::with_tokens();
    world.place("tokenless.tlv", "CTLFile.tlv");
    let key = "softhsm-fixtures/SAST-ADN008580ef.key.pem";
    let renewed = world.path("renewed.pem");
    let request =
        ["req", "-x509", "-new", "-subj", "/CN=SAST-ADN008580ef", "-days", "3650", "-sha256", "-key"];
    let files = [pki::path(key).to_str().unwrap().to_owned(), renewed.to_str().unwrap().to_owned()];
    world.tool("openssl", &[&request[..], &[&files[0], "-out", &files[1]]].concat());
    let revert = ["revert", "CTLFile.tlv", "--token=SAST-ADN008580ef", "--spare=renewed.pem", "--yes"];
    insta::assert_snapshot!(world.run(&revert).all(), @"
    --- stderr
    error: SAST-ADN008580ef has the same key as another given token: if that key is lost, there is no spare
    help: the spare must not be the token that signs
    --- exit code 1
    ");
}
