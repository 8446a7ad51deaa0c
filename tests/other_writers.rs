//! Files of other writers: names by RFC 4514 as well as CUCM's, elements of encrypted files, and file names that differ from
//! FILENAME.

use openssl::asn1::{Asn1Integer, Asn1Time};
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use sastctl::trustlist::{Certificate, TrustFile, TrustList, header_tag as tag};

use crate::pki::{certificate, path, read};
use crate::support::{PIN, World};

const FIELD: &str = "tests/testdata/field";

fn field(name: &str) -> String {
    path(&format!("{FIELD}/{name}")).to_str().unwrap().to_owned()
}

#[test]
fn a_signer_is_known_by_its_certificate_however_its_name_is_spelled() {
    let world = World::new();
    for name in ["comma", "quote", "email", "dcfirst"] {
        let (file, signer) =
            (field(&format!("names/{name}.cnf.xml.sgn")), field(&format!("names/{name}.pem")));
        let verified = world.run(&["ctl", "verify", &file, "--signer", &signer]).done();
        assert!(verified.stdout.contains(": verified, signed by "), "{}", verified.all());
        let other = field(&format!("names/{}.pem", if name == "comma" { "quote" } else { "comma" }));
        assert_eq!(world.run(&["ctl", "verify", &file, "--signer", &other]).code, 1, "{name}");
    }
}

/// Two certificates with the same name: the message distinguishes them by their serial numbers.
#[test]
fn two_certificates_of_one_name_are_reported_with_their_serial_numbers() {
    let file = field("names/encrypted.cnf.xml.enc.sgn");
    let refused = World::new().run(&["ctl", "verify", &file, "--signer", &field("lists/signer-renewed.pem")]);
    let says = "it was signed by SAST Field (serial 44:6E:70:39:C5:E6:2E:DF:7B:93:BB:DC:39:0C:64:23:88:D2:23:D9), not by \
                the certificate given, SAST Field (serial 3F:97:52:CD:38:85:CC:AF:11:EC:0F:2D:DF:A5:44:10:A9:5E:6E:6B)";
    assert!(refused.code == 1 && refused.stdout.contains(says), "{}", refused.all());
}

#[test]
fn the_elements_of_an_encrypted_file_have_names() {
    let world = World::new();
    let file = field("names/encrypted.cnf.xml.enc.sgn");
    world.run(&["ctl", "verify", &file, "--signer", &field("lists/signer.pem")]).done();
    let shown = world.run(&["ctl", "show", &file]).done().stdout;
    let lines: Vec<&str> = shown.lines().skip_while(|line| !line.starts_with("15\t")).collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    15	TIMESTAMP	4
    16	ENCRYPTION	2	178
    17	IVINFO		2	28
    18	UNKNOWN		1
    19	IV		16
    20	PADDING		2
    21	KEYINFO		2	144
    22	UNKNOWN		1
    23	KEYSIZE		2
    24	KEYALGORITHM	1
    25	KEY		128
    26	CLEARDIGESTALGORITHM	1
    27	CLEARDIGEST	20

    Payload: 96 (BYTES) of e.cnf.xml.enc.sgn
    ");
    // Their content is not read, so damage in it is ignored.
    let TrustFile::Signed(file) =
        TrustFile::decode(read(&format!("{FIELD}/names/encrypted.cnf.xml.enc.sgn"))).unwrap()
    else {
        panic!("a .sgn file")
    };
    assert!(file.remarks("e.cnf.xml.enc.sgn").is_empty(), "{:?}", file.remarks("e.cnf.xml.enc.sgn"));
    let at = file.header().elements().iter().find(|e| e.tag == tag::IV_INFO).unwrap().offset;
    let mut damaged = file.bytes().to_vec();
    damaged[at + 1] = 0xff;
    let TrustFile::Signed(damaged) = TrustFile::decode(damaged).unwrap() else { panic!("a .sgn file") };
    let tags: Vec<u8> = damaged.header().elements().iter().map(|e| e.tag).collect();
    assert!(tags.contains(&tag::ENCRYPTION) && !tags.contains(&tag::IV_INFO), "{tags:?}");
}

#[test]
fn records_are_named_by_their_whole_common_name() {
    let world = World::new();
    let verified = world.run(&["ctl", "verify", &field("lists/four-writers.tlv")]).done();
    assert!(!verified.all().contains("ISSUERNAME"), "{}", verified.all());
    assert_eq!(verified.stderr, "", "no remark");
    let list = TrustList::decode(read(&format!("{FIELD}/lists/four-writers.tlv"))).unwrap();
    let names: Vec<String> = list.records().iter().map(|record| record.short_name()).collect();
    insta::assert_snapshot!(names.join("\n"), @"
    SAST Field
    pbx.example.com
    cucm-pub.example.com
    Example Root X1
    cucm-pub.example.com
    ");
}

/// A token with this key, and a certificate from each of these files, with the same CKA_ID.
fn token_with(world: &World, label: &str, certificates: &[&str]) {
    let make = ["--init-token", "--free", "--label", label, "--so-pin", "12345678", "--pin", PIN];
    world.tool("softhsm2-util", &make);
    let key = world.path("signer.der");
    let pem = read(&format!("{FIELD}/lists/signer.key"));
    let der = PKey::private_key_from_pem(&pem).unwrap().rsa().unwrap().private_key_to_der().unwrap();
    std::fs::write(&key, der).unwrap();
    let write = |file: &std::path::Path, kind: &str, more: &[&str]| {
        let file = file.to_str().unwrap();
        world.pkcs11_tool(label, &[&["--write-object", file, "--type", kind, "--id", "01"], more].concat());
    };
    write(&key, "privkey", &["--label", "k"]);
    for name in certificates {
        let file = world.path(&format!("{name}.cer"));
        std::fs::write(&file, certificate(&format!("{FIELD}/lists/{name}.pem")).der()).unwrap();
        write(&file, "cert", &[]);
    }
}

#[test]
fn a_renewed_certificate_matches_its_subject_in_any_spelling() {
    let world = World::with_tokens();
    token_with(&world, "FIELD", &["signer"]);
    std::fs::write(world.path("list.tlv"), read(&format!("{FIELD}/lists/four-writers.tlv"))).unwrap();
    for (name, record) in [("plain", 2), ("comma", 3)] {
        let refresh = format!("--refresh={}", field(&format!("lists/{name}-renewed.pem")));
        let update = ["ctl", "update", "list.tlv", "--token=FIELD", &refresh, "--yes", "--out=new.tlv"];
        world.run(&update).done();
        let new = TrustList::decode(world.read("new.tlv")).unwrap().verify().unwrap();
        let takes: Vec<usize> = (1..)
            .zip(new.list().records())
            .filter_map(|(n, r)| {
                r.is_of(&certificate(&format!("{FIELD}/lists/{name}-renewed.pem"))).then_some(n)
            })
            .collect();
        assert_eq!(takes, [record], "{name}");
        std::fs::remove_file(world.path("new.tlv")).unwrap();
    }
    // The list of existing names does not contain the missing name.
    let refresh = format!("--refresh={}", field("names/email.pem"));
    std::fs::write(world.path("golden.tlv"), crate::pki::golden_bytes("token-signed.tlv")).unwrap();
    let refused = world.run(&["ctl", "update", "golden.tlv", "--token=SAST-ADN008580ef", &refresh, "--yes"]);
    insta::assert_snapshot!(refused.stderr, @r#"
    error: no record matches "CN=cucm-pub.example.com;O=Example"
      there is  cn="SAST-ADN0054f509        ";ou=IPCBU;o="Cisco Systems
      there is  CN=cucm-1051-a-pub;OU=TAC;O=Cisco;L=Krakow;ST=Malopolska;C=PL
      there is  CN=CAPF-e41e7d87;OU=TAC;O=Cisco;L=Krakow;ST=Malopolska;C=PL
      there is  CN=cucm-1051-a-sub1;OU=TAC;O=Cisco;L=Krakow;ST=Malopolska;C=PL
      there is  cn="SAST-ADN008580ef        ";ou=IPCBU;o="Cisco Systems
    "#);
}

#[test]
fn the_certificate_in_the_list_signs_if_a_key_has_several() {
    let world = World::with_tokens();
    token_with(&world, "FIELD", &["signer", "signer-renewed"]);
    let list = read(&format!("{FIELD}/lists/four-writers.tlv"));
    std::fs::write(world.path("list.tlv"), list).unwrap();
    let refresh = format!("--refresh={}", field("lists/plain-renewed.pem"));
    let by = |out: &str| {
        TrustList::decode(world.read(out))
            .unwrap()
            .verify()
            .unwrap()
            .signer()
            .is_of(&certificate(&format!("{FIELD}/lists/signer.pem")))
    };
    world.run(&["ctl", "update", "list.tlv", "--token=FIELD", &refresh, "--yes", "--out=new.tlv"]).done();
    world.run(&["ctl", "sign", "list.tlv", "--token=SAST Field", "--yes", "--out=again.tlv"]).done();
    assert!(by("new.tlv") && by("again.tlv"));
    // If the operator selects the other one by its serial number, the error names the one in force.
    let named = "--token=3F:97:52:CD:38:85:CC:AF:11:EC:0F:2D:DF:A5:44:10:A9:5E:6E:6B";
    let refused = world.run(&["ctl", "update", "list.tlv", named, &refresh, "--yes", "--out=other.tlv"]);
    insta::assert_snapshot!(refused.stderr, @"
    error: The Security Token you have inserted does not exist in the CTL File
      token    SAST Field (serial 3F:97:52:CD:38:85:CC:AF:11:EC:0F:2D:DF:A5:44:10:A9:5E:6E:6B)
      the list in force contains SAST Field (serial 44:6E:70:39:C5:E6:2E:DF:7B:93:BB:DC:39:0C:64:23:88:D2:23:D9)
    help: a certificate can also be selected by its serial number: --token 3F:97:…
    help: the nodes of a cluster sign their ITL themselves
    help: --force signs although the check failed; phones then accept the list only if TVS knows the token
    ");
    assert_eq!(refused.code, 1);
}

#[test]
fn a_key_is_named_as_other_tools_print_it() {
    let world = World::with_tokens();
    token_with(&world, "SAST-ADN1", &["signer"]);
    for uri in ["pkcs11:token=SAST-ADN1;id=%01;object=k;type=private", "pkcs11:token=SAST-ADN1%00%00%00"] {
        let shown = world.run(&["cert", "show", "--token", uri]).done();
        assert!(shown.stdout.starts_with("Name         SAST Field\n"), "{uri}: {}", shown.stdout);
    }
}

/// A certificate of an RSA key that is declared for another use.
fn declared_for(oid: &[u8]) -> Certificate {
    let key = PKey::from_rsa(openssl::rsa::Rsa::generate(1024).unwrap()).unwrap();
    let mut builder = openssl::x509::X509Builder::new().unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&Asn1Time::from_unix(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(1 << 31).unwrap()).unwrap();
    builder.set_serial_number(&Asn1Integer::from_bn(&BigNum::from_u32(1).unwrap()).unwrap()).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    let der = builder.build().to_der().unwrap();
    let plain = [0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
    let at = der.windows(plain.len()).position(|window| window == plain).unwrap();
    let mut der = der;
    der[at + plain.len() - oid.len()..at + plain.len()].copy_from_slice(oid);
    Certificate::from_der(der).unwrap()
}

#[test]
fn a_key_declared_for_another_use_causes_a_remark() {
    assert_eq!(declared_for(&[1]).remark(), None);
    let says = |oid: &[u8]| declared_for(oid).remark().unwrap().to_string();
    insta::assert_snapshot!([&[7][..], &[10], &[3, 1], &[9, 9]].map(says).join("\n"), @"
    the certificate declares its RSA key for RSAES-OAEP; no public source says whether phones accept it
    the certificate declares its RSA key for RSASSA-PSS; no public source says whether phones accept it
    the certificate declares its RSA key for Diffie-Hellman; no public source says whether phones accept it
    the certificate declares its RSA key for 1.2.840.113549.1.9.9; no public source says whether phones accept it
    ");
    // In a list, the record is named.
    let server = sastctl::trustlist::ServerRecord {
        function: sastctl::trustlist::Function::TFTP,
        certificate: &declared_for(&[10]),
        dns_name: "pub",
        ip_address: None,
        style: sastctl::trustlist::Style::Cucm,
        hash_only: false,
    };
    let record = sastctl::trustlist::Record::server(&server).unwrap();
    let list = crate::findings::signed(sastctl::trustlist::ListKind::Ctl, &[record], crate::findings::A);
    let remarks: Vec<String> = list.list().remarks().iter().map(ToString::to_string).collect();
    assert!(
        remarks.iter().any(|r| r.contains("the certificate of record") && r.contains("RSASSA-PSS")),
        "{remarks:?}"
    );
}

#[test]
fn another_file_name_in_the_header_causes_a_remark() {
    let world = World::new();
    let sgn = read(&format!("{FIELD}/names/comma.cnf.xml.sgn"));
    let TrustFile::Signed(file) = TrustFile::decode(sgn.clone()).unwrap() else { panic!("a .sgn file") };
    let own = file.header().file_name();
    let verified = |name: &str| {
        std::fs::write(world.path(name), &sgn).unwrap();
        world.run(&["ctl", "verify", name, "--signer", &field("names/comma.pem")]).done().stderr
    };
    assert_eq!(verified(&own), "");
    assert_eq!(verified(&own.replace(".sgn", ".new.sgn")), "", "a result that waits beside the old one");
    insta::assert_snapshot!(verified("SEP001122334455.cnf.xml.sgn"), @"warning: SEP001122334455.cnf.xml.sgn: its FILENAME is comma.cnf.xml.sgn; no public source says whether phones accept it under another name");
}

/// Some tokens show their certificates only after the login, which signing needs anyway: one login with one PIN.
#[test]
fn a_certificate_that_is_private_is_found_after_the_login() {
    let mut world = World::with_tokens();
    token_with(&world, "FIELD", &["signer"]);
    std::fs::write(world.path("list.tlv"), read(&format!("{FIELD}/lists/four-writers.tlv"))).unwrap();
    world.behind_faulty_token();
    let logins = |calls: &[(String, u64)]| calls.iter().filter(|(name, _)| name == "C_Login").count();
    let sign = ["ctl", "sign", "list.tlv", "--token=FIELD", "--yes", "--out=new.tlv"];
    let (signed, calls) = world.faulty("private-objects", &sign);
    signed.done();
    assert_eq!(logins(&calls), 1, "{calls:?}");
    assert!(calls.iter().any(|(name, _)| name == "C_Logout"), "{calls:?}");
    assert!(TrustList::decode(world.read("new.tlv")).unwrap().verify().is_ok());
    let refresh = format!("--refresh={}", field("lists/plain-renewed.pem"));
    let uri = "--token=pkcs11:token=FIELD;id=%01;object=k;type=private";
    let update = ["ctl", "update", "list.tlv", uri, &refresh, "--yes", "--out=newer.tlv"];
    let (updated, calls) = world.faulty("private-objects; always-authenticate", &update);
    updated.done();
    assert_eq!(logins(&calls), 2, "one for the signature: {calls:?}");
    // A wrong PIN is tried once.
    world.set("SAST_PIN", "wrong-4711");
    let (wrong, calls) = world.faulty("private-objects", &sign);
    assert_eq!((wrong.code, logins(&calls)), (3, 1), "{}", wrong.stderr);
    // Without a PIN the error says why no certificate is visible.
    world.unset("SAST_PIN");
    let (without, calls) = world.faulty("private-objects", &sign);
    assert!(without.stderr.contains("it may be hidden until the login"), "{}", without.stderr);
    assert_eq!(logins(&calls), 0);
    let (shown, _) = world.faulty("private-objects", &["cert", "show", "--token=FIELD"]);
    let serial = shown.stderr.split("serial ").nth(1).unwrap().lines().next().unwrap().to_owned();
    insta::assert_snapshot!(shown.stderr.replace(&serial, "SERIAL"), @"
    error: the token holds no certificate
      token    FIELD, serial SERIAL
    help: check that it is the right token: sastctl token show lists its contents
    help: the certificate may be hidden until the login: select the token by its label or serial number, then commands that sign log in and search again
    ");
    // For a name that is on no token no PIN is tried: it may belong to another token.
    let (other, calls) =
        world.faulty("private-objects", &["ctl", "sign", "list.tlv", "--token=SAST Field", "--yes"]);
    assert_eq!((other.code, logins(&calls)), (3, 0), "{}", other.stderr);
}
