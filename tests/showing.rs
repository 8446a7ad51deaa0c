//! The operator looks at trust lists: show, verify, diff.

use sastctl::trustlist::{Digest, Draft, Function, Record, ServerRecord, SgnDraft, Signer as _, Style};

use crate::pki::{self, KeyFile};
use crate::support::{World, skip, without_colours};

/// `show` prints the same text as CUCM, with tabs.
#[test]
fn show_prints_what_cucm_prints() {
    for (name, zone) in [
        ("tokenless", "Europe/Warsaw"),
        ("tokenless-regenerated", "Europe/Warsaw"),
        ("token-signed", "Europe/Warsaw"),
        ("token-signed-non-secure", "Europe/Warsaw"),
        ("itl", "America/New_York"),
    ] {
        let mut world = World::new();
        world.set("TZ", zone);
        let file = world.place(&format!("{name}.tlv"), "list.tlv");
        let shown = world.run(&["ctl", "show", &file]).done();
        let expected = String::from_utf8(pki::golden_bytes(&format!("{name}.show.txt"))).unwrap();
        assert_eq!(shown.stdout, expected, "{name}");
        assert_eq!(shown.stderr, "");
        let from_pipe = world.run_with_input(&["ctl", "show", "-"], &world.read("list.tlv")).done();
        assert_eq!(from_pipe.stdout, expected);
    }
}

/// Five lines name the list, its signer, and the checksum on a phone's screen.
#[test]
fn a_list_is_summed_up_in_five_lines() {
    let world = World::new();
    let list = world.place("token-signed.tlv", "CTLFile.tlv");
    let shown = world.run(&["ctl", "show", &list, "--summary"]).done();
    insta::assert_snapshot!(shown.stdout, @r"
    CTLFile.tlv   CTL, 5728 bytes
    signer   SAST-ADN008580ef, verified
    records  SAST 2, CCM+TFTP 2, CAPF 1
    MD5      54 02 A9 8C B5 2F 35 FD 9F 25 1D 9A 64 72 CE DF
    SHA1     27 34 5A 32 76 45 D8 BE 62 EA 7F 26 FC 9E 34 C0 93 FF AC F8
    ");
    let itl = world.place("itl.tlv", "ITLFile.tlv");
    let shown = world.run(&["ctl", "show", &itl, "--summary"]).done();
    assert!(
        shown
            .stdout
            .starts_with("ITLFile.tlv   ITL, 5438 bytes\nsigner   CUCM8-Publisher.bbbburns.lab, verified\n")
    );
    assert_eq!(shown.stdout.lines().count(), 5);
    let mut bytes = world.read("CTLFile.tlv");
    bytes[1000] ^= 1;
    std::fs::write(world.path("CTLFile.tlv"), bytes).unwrap();
    let shown = world.run(&["ctl", "show", "CTLFile.tlv", "--summary"]).done();
    assert!(shown.stdout.contains("SAST-ADN008580ef, not verified"), "{}", shown.stdout);
}

#[test]
fn a_list_that_does_not_verify_ends_with_cucms_words_and_our_reason() {
    let world = World::new();
    let mut bytes = pki::golden_bytes("token-signed.tlv");
    bytes[1000] ^= 1;
    std::fs::write(world.path("CTLFile.tlv"), bytes).unwrap();
    let shown = world.run(&["ctl", "show", "CTLFile.tlv"]).done();
    assert!(
        shown.stdout.ends_with("\n\nVerification of the CTL file failed.\nError parsing the CTL file!!\n")
    );
    insta::assert_snapshot!(shown.stderr, @"
    warning: CTLFile.tlv is not verified: the signature does not match the file (signer SAST-ADN008580ef)
    warning: the certificate of record 1 does not parse: not an X.509 certificate in DER (nom error: Eof); its bytes are kept
    ");
}

#[test]
fn json_has_everything_decoded() {
    let world = World::new();
    let file = world.place("token-signed.tlv", "CTLFile.tlv");
    let json = world.run(&["ctl", "show", &file, "--json"]).done().json();
    let mut brief = json.clone();
    brief["records"] = serde_json::json!(json["records"].as_array().unwrap().len());
    brief["signature"] = serde_json::json!(json["signature"].as_str().unwrap().len());
    insta::assert_snapshot!(serde_json::to_string_pretty(&brief).unwrap());
    let mut signer = json["records"][4].clone();
    signer["public_key"] = serde_json::json!("…");
    insta::assert_snapshot!(serde_json::to_string_pretty(&signer).unwrap());
}

#[test]
fn a_signed_configuration_file_is_shown() {
    let world = World::new();
    let file = pki::path("tests/testdata/certutils/SEP58971ECC97C1.cnf.xml.sgn");
    let shown = world.run(&["ctl", "show", file.to_str().unwrap()]).done();
    assert!(shown.stdout.contains("Version:\t1.0\nHeaderLength:\t460 (BYTES)\n"), "{}", shown.stdout);
    assert!(
        shown.stdout.ends_with("Payload: 93 (BYTES) of SEP58971ECC97C1.cnf.xml.sgn\n"),
        "{}",
        shown.stdout
    );
}

/// `--color always` prints the output of a terminal; without it the colours are removed in a pipe, and escape sequences, too.
#[track_caller]
fn on_a_terminal(world: &World, args: &[&str]) -> String {
    let mut outcome = world.run(&[args, &["--color", "always"]].concat());
    outcome.stdout = without_colours(&outcome.stdout);
    outcome.stderr = without_colours(&outcome.stderr);
    assert!(
        !outcome.stdout.contains(is_evil) && !outcome.stderr.contains(is_evil),
        "{args:?}: {}",
        outcome.all()
    );
    assert!(outcome.all().contains(r"\u{1b}"), "{args:?} did not meet it: {}", outcome.all());
    outcome.all()
}

/// Characters that a terminal does not show, or obeys.
fn is_evil(c: char) -> bool {
    let hidden =
        matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    hidden || c.is_control() && c != '\n' && c != '\t'
}

/// Clears the terminal and changes to right-to-left text, with a blank of no width.
const EVIL: &str = "\x1b[2J\u{202e}\u{200b}PWND";

/// The errors of the command line repeat the arguments, which a script may have read from a file.
#[test]
fn control_characters_in_an_argument_are_made_visible() {
    let world = World::new();
    let words = &format!("{EVIL}\nerror: all is well");
    for args in [
        &[words.as_str()][..],
        &["ctl", words],
        &["ctl", "show", "a", words],
        &["ctl", "show", &format!("--{words}")],
        &["ctl", "sign", "a", "--digest", words],
        &["cluster", "status", "--timeout", words],
        &["help", words],
        &["completions", words],
        &["--color", words, "doctor"],
        &["--profile", words, "profile", "show"],
        &["--profile", words, "token", "list"],
        &["--module", words, "token", "list"],
    ] {
        let seen = on_a_terminal(&world, args);
        assert!(!seen.contains("\nerror: all is well"), "{args:?}: {seen}");
    }
}

/// Programs get the original text, and a terminal that shows the JSON gets no control characters.
#[test]
fn json_is_safe_to_display_and_decodes_to_the_same_text() {
    let world = World::new();
    let name = format!("{EVIL}.tlv");
    world.place("token-signed.tlv", &name);
    let outcome = world.run(&["ctl", "verify", &name, "--json"]).done();
    assert!(!outcome.stdout.contains(is_evil) && outcome.stdout.contains(r"\u202e"), "{}", outcome.stdout);
    assert_eq!(outcome.json()["files"][0]["file"], name.as_str());
}

/// A token's label may contain any text.
#[test]
fn control_characters_in_a_token_label_are_made_visible() {
    let world = World::with_tokens();
    let make = ["--init-token", "--free", "--label", EVIL, "--so-pin", "12345678", "--pin", "123456"];
    world.tool("softhsm2-util", &make);
    for args in [&["token", "list"][..], &["token", "show", "none of them"]] {
        on_a_terminal(&world, args);
    }
}

#[test]
fn terminal_escapes_in_a_file_are_made_visible() {
    let world = World::new();
    world.place("tokenless.tlv", "old.tlv");
    let mut address = pki::golden_bytes("token-signed.tlv");
    let at = address.windows(12).position(|w| w == b"10.48.47.155").unwrap();
    address[at..at + 4].copy_from_slice(b"\x1b[2J");
    std::fs::write(world.path("address.tlv"), address).unwrap();
    on_a_terminal(&world, &["ctl", "show", "address.tlv"]);
    on_a_terminal(&world, &["ctl", "diff", "old.tlv", "address.tlv"]);

    let mut signer = pki::golden_bytes("token-signed.tlv");
    let at = signer.windows(16).position(|w| w == b"SAST-ADN008580ef").unwrap();
    signer[at..at + EVIL.len()].copy_from_slice(EVIL.as_bytes());
    std::fs::write(world.path("signer.tlv"), &signer).unwrap();
    on_a_terminal(&world, &["ctl", "show", "signer.tlv"]);
    on_a_terminal(&world, &["ctl", "verify", "signer.tlv"]);
    on_a_terminal(&world, &["ctl", "diff", "old.tlv", "signer.tlv"]);
    on_a_terminal(&world, &["ctl", "check", "signer.tlv", "--installed-ctl", "old.tlv"]);
    on_a_terminal(&world, &["ctl", "check", "old.tlv", "--installed-ctl", "signer.tlv"]);
    on_a_terminal(&world, &["ctl", "ways", "signer.tlv"]);

    // The name of the file itself.
    let name = format!("{EVIL}.tlv");
    std::fs::write(world.path(&name), &signer).unwrap();
    for command in ["show", "verify"] {
        on_a_terminal(&world, &["ctl", command, &name]);
    }
    on_a_terminal(&world, &["ctl", "check", &name, "--installed-ctl", "old.tlv"]);

    let name = format!("a{EVIL}.sgn");
    let draft = SgnDraft::new(name, "<device/>", pki::options(Digest::Sha1), Style::Cucm);
    let sgn = draft.sign(&mut KeyFile::open("tests/testdata/keys/rsa2048")).unwrap();
    std::fs::write(world.path("a.sgn"), sgn.bytes()).unwrap();
    on_a_terminal(&world, &["ctl", "show", "a.sgn"]);
    on_a_terminal(&world, &["ctl", "diff", "old.tlv", "a.sgn"]);
}

/// A valid list whose signer's name contains a line end, to forge a line of output.
#[test]
fn control_characters_are_made_visible_also_in_a_verified_list() {
    let world = World::new();
    let key = pki::read("tests/testdata/keys/rsa2048.key.pem");
    std::fs::write(world.path("evil.key.pem"), &key).unwrap();
    let key = openssl::pkey::PKey::private_key_from_pem(&key).unwrap();
    let mut name = openssl::x509::X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", &format!("{EVIL}\nhelp: do as we say")).unwrap();
    let name = name.build();
    let mut builder = openssl::x509::X509Builder::new().unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&openssl::asn1::Asn1Time::from_unix(0).unwrap()).unwrap();
    builder.set_not_after(&openssl::asn1::Asn1Time::from_unix(1 << 31).unwrap()).unwrap();
    let serial = openssl::bn::BigNum::from_u32(77).unwrap().to_asn1_integer().unwrap();
    builder.set_serial_number(&serial).unwrap();
    builder.sign(&key, openssl::hash::MessageDigest::sha256()).unwrap();
    std::fs::write(world.path("evil.der"), builder.build().to_der().unwrap()).unwrap();
    let mut key = KeyFile::open(world.path("evil").to_str().unwrap());
    let record = Record::token(key.certificate(), Style::Cucm).unwrap();
    let list = Draft::new("CTLFile.tlv", vec![record], pki::options(Digest::Sha1)).sign(&mut key).unwrap();
    std::fs::write(world.path("evil.tlv"), list.list().bytes()).unwrap();
    world.place("token-signed.tlv", "old.tlv");
    for args in [
        &["ctl", "show", "evil.tlv"][..],
        &["ctl", "verify", "evil.tlv"],
        &["ctl", "diff", "old.tlv", "evil.tlv"],
        &["ctl", "check", "evil.tlv", "--installed-ctl", "old.tlv"],
        &["ctl", "check", "evil.tlv", "--installed-ctl", "evil.tlv"],
        &["ctl", "ways", "evil.tlv"],
    ] {
        let seen = on_a_terminal(&world, args);
        assert!(!seen.contains("\nhelp: do as we say"), "{seen}");
    }
}

#[test]
fn every_test_file_verifies() {
    let world = World::new();
    let mut args = vec!["ctl".to_owned(), "verify".to_owned()];
    let signer = pki::path("tests/testdata/certutils/tftp-signer.pem");
    args.extend(["--signer".to_owned(), signer.to_str().unwrap().to_owned()]);
    for folder in ["golden", "certutils"] {
        for entry in std::fs::read_dir(pki::path("tests/testdata").join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|e| e == "tlv" || e == "sgn") {
                args.push(path.to_str().unwrap().to_owned());
            }
        }
    }
    assert_eq!(args.len(), 4 + 5 + 4);
    let verified = world.run(&args.iter().map(String::as_str).collect::<Vec<_>>()).done();
    assert_eq!(verified.stdout.lines().filter(|l| l.contains(": verified, signed by ")).count(), 9);
    assert_eq!(verified.stderr, "");
}

#[test]
fn verify_reports_the_reason_for_each_file() {
    let world = World::new();
    world.place("token-signed.tlv", "good.tlv");
    let mut changed = pki::golden_bytes("token-signed.tlv");
    changed[2000] ^= 0x10;
    std::fs::write(world.path("changed.tlv"), &changed).unwrap();
    std::fs::write(world.path("cut.tlv"), &changed[..2700]).unwrap();
    std::fs::write(world.path("empty.tlv"), "").unwrap();
    std::fs::write(world.path("page.html"), "<html><body>404").unwrap();
    let sgn = "tests/testdata/certutils/SEP58971ECC97C1.cnf.xml.sgn";
    std::fs::write(world.path("a.sgn"), pki::read(sgn)).unwrap();
    let files = ["good.tlv", "changed.tlv", "cut.tlv", "empty.tlv", "page.html", "a.sgn", "missing.tlv"];
    let outcome = world.run(&[&["ctl", "verify"], &files[..]].concat());
    insta::assert_snapshot!(outcome.all(), @r#"
    good.tlv: verified, signed by SAST-ADN008580ef (RSA 1024, SHA-1)
    changed.tlv: NOT verified: the signature does not match the file (signer SAST-ADN008580ef)
    cut.tlv: NOT verified: it is cut short: record 3 says 1004 bytes, 188 are left (byte 2512)
    empty.tlv: NOT verified: it is empty (0 bytes)
    page.html: NOT verified: it is not a CTL, ITL or .sgn file: it begins with the text "<html><body>404", not with a Version element (byte 0)
    a.sgn: NOT verified: a .sgn file does not contain its signer's certificate: give it with --signer
    missing.tlv: NOT verified: it cannot be read: No such file or directory (os error 2)
    --- stderr
    warning: a.sgn: its FILENAME is SEP58971ECC97C1.cnf.xml.sgn; no public source says whether phones accept it under another name
    error: 6 of 7 files not verified
    --- exit code 4
    "#);
    assert_eq!(world.run(&["ctl", "verify", "good.tlv", "changed.tlv"]).code, 1, "all readable, one refused");
    let json = world.run(&["ctl", "verify", "changed.tlv", "--json"]).json();
    assert_eq!(json["files"][0]["verified"], false);
}

/// One document for any number of files, with constant memory.
#[test]
fn json_of_many_files_is_one_streamed_document() {
    let world = World::new();
    let file = world.place("token-signed.tlv", "CTLFile.tlv");
    let of = |number: usize| [&["ctl", "verify", "--json"][..], &vec![file.as_str(); number]].concat();
    let few = world.run(&of(2)).done();
    let whole = serde_json::to_string_pretty(&few.json()).unwrap();
    let keys =
        |text: &str| text.lines().map(|line| line.split(':').next().unwrap().to_owned()).collect::<Vec<_>>();
    let mut sorted = [keys(&few.stdout), keys(&whole)];
    // The last entry has no comma.
    sorted.iter_mut().flatten().for_each(|key| key.truncate(key.trim_end_matches(',').len()));
    sorted.iter_mut().for_each(|keys| keys.sort());
    assert_eq!(sorted[0], sorted[1], "indented as any other document");

    let peak = |number: usize| {
        let mut command = world.program("/usr/bin/time", &["-f", "%M", "-o", "peak"]);
        let output = command.arg(env!("CARGO_BIN_EXE_sastctl")).args(of(number)).output().ok()?;
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(json["files"].as_array().unwrap().len(), number);
        String::from_utf8(world.read("peak")).unwrap().trim().parse::<usize>().ok()
    };
    let (Some(few), Some(many)) = (peak(600), peak(12_000)) else {
        skip("GNU time is not installed");
        return;
    };
    assert!(many < few + 6_000, "{few} KiB of 600 files, {many} KiB of 12,000");
}

/// A .sgn file can be checked like a phone does: with its CTL.
#[test]
fn a_signed_configuration_file_verifies_with_the_ctl_of_its_signer() {
    let world = World::new();
    let folder = pki::path("tests/testdata/certutils");
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let sgn = path("SEP58971ECC97C1.cnf.xml.sgn");
    world.run(&["ctl", "verify", &sgn, "--signer", &path("b-sha512.tlv")]).done();
    let other = pki::path("tests/testdata/golden/itl.tlv");
    let refused = world.run(&["ctl", "verify", &sgn, "--signer", other.to_str().unwrap()]);
    assert_eq!(refused.code, 1);
    assert!(refused.stdout.contains("the list given has no TFTP record for Asterisk"), "{}", refused.stdout);
}

/// A forger added his own TFTP record to a CTL, and signed a configuration file with its key.
#[test]
fn a_forged_ctl_makes_no_configuration_file_verified() {
    let world = World::new();
    let mut key = KeyFile::open("tests/testdata/keys/rsa2048");
    let certificate = key.certificate().clone();
    let record = Record::server(&ServerRecord {
        function: Function::CCM_TFTP,
        certificate: &certificate,
        dns_name: "pub",
        ip_address: None,
        style: Style::Cucm,
        hash_only: false,
    });
    let forged = [pki::golden_bytes("token-signed.tlv"), record.unwrap().bytes().to_vec()].concat();
    std::fs::write(world.path("forged.tlv"), forged).unwrap();
    let draft = SgnDraft::new("SEP1.cnf.xml.sgn", "<device/>", pki::options(Digest::Sha1), Style::Cucm);
    std::fs::write(world.path("forged.sgn"), draft.sign(&mut key).unwrap().bytes()).unwrap();
    let refused = world.run(&["ctl", "verify", "forged.sgn", "--signer", "forged.tlv"]);
    insta::assert_snapshot!(refused.all(), @"
    --- stderr
    error: forged.tlv, given for the signer, is not verified: the signature does not match the file (signer SAST-ADN008580ef)
    help: phones would not accept this list either: fetch the list in force, or give the signer's certificate
    --- exit code 1
    ");
}

#[test]
fn a_file_of_a_gigabyte_is_not_read() {
    let world = World::new();
    std::fs::File::create(world.path("big.tlv")).unwrap().set_len(1 << 30).unwrap();
    let refused = world.run(&["ctl", "show", "big.tlv"]);
    assert_eq!(refused.code, 4);
    assert!(refused.stderr.contains("big.tlv has more than 16777216 bytes"), "{}", refused.stderr);
}

#[test]
fn a_difference_is_shown_in_words() {
    let world = World::new();
    world.place("tokenless.tlv", "old.tlv");
    world.place("token-signed.tlv", "new.tlv");
    insta::assert_snapshot!(world.run(&["ctl", "diff", "old.tlv", "new.tlv"]).done().stdout, @r#"
      signer: CN=cucm-1051-a-pub;OU=TAC;O=Cisco;L=Krakow;ST=Malopolska;C=PL (serial 70:CA:F6:4E:09:07:51:B9:DF:22:F4:9F:75:4F:C5:BB) → cn="SAST-ADN008580ef        ";ou=IPCBU;o="Cisco Systems (serial 83:E9:08:00:00:00:55:45:AF:31)
      signer's issuer: CN=cucm-1051-a-pub;OU=TAC;O=Cisco;L=Krakow;ST=Malopolska;C=PL → cn=Cisco Manufacturing CA;o=Cisco Systems
      signed: 2015-03-06T20:56:07Z → 2015-03-06T21:53:33Z
    - SAST       cucm-1051-a-pub        removed (record 1)
    ~ CCM+TFTP   cucm-1051-a-pub        DNSNAME cucm-1051-a-pub → 10.48.47.155; certificate signature (tag 8) left out
    ~ CAPF       CAPF-e41e7d87          DNSNAME cucm-1051-a-pub → 10.48.47.155; certificate signature (tag 8) left out
    ~ CCM+TFTP   cucm-1051-a-sub1       DNSNAME cucm-1051-a-sub1 → 10.48.47.156; certificate signature (tag 8) left out
    + SAST       SAST-ADN0054f509       added (record 1)
    + SAST       SAST-ADN008580ef       added (record 5)
    "#);
    assert_eq!(world.run(&["ctl", "diff", "old.tlv", "old.tlv"]).done().stdout, "the files are identical\n");
    world.place("token-signed-non-secure.tlv", "emptied.tlv");
    insta::assert_snapshot!(world.run(&["ctl", "diff", "new.tlv", "emptied.tlv"]).done().stdout, @r#"
      signer: cn="SAST-ADN008580ef        ";ou=IPCBU;o="Cisco Systems (serial 83:E9:08:00:00:00:55:45:AF:31) → cn="SAST-ADN0054f509        ";ou=IPCBU;o="Cisco Systems (serial 3C:F9:27:00:00:00:AF:A2:DA:45)
      signed: 2015-03-06T21:53:33Z → 2015-02-24T15:37:45Z
    ~ CCM+TFTP   cucm-1051-a-pub        SUBJECTNAME left out; ISSUERNAME left out; SERIALNUMBER left out; PUBLICKEY left out; CERTIFICATE left out
    ~ CCM+TFTP   cucm-1051-a-sub1       SUBJECTNAME left out; ISSUERNAME left out; SERIALNUMBER left out; PUBLICKEY left out; CERTIFICATE left out
      order: what stays was records 1, 5, 2, 3, 4 of the old list
    "#);
    let json = world.run(&["ctl", "diff", "old.tlv", "new.tlv", "--json"]).done().json();
    assert_eq!(json["identical"], false);
}

/// The header also contains the signer and its algorithm.
#[test]
fn a_header_that_differs_in_any_value_is_not_the_same() {
    use sastctl::trustlist::header_tag as tag;
    let world = World::new();
    world.place("token-signed.tlv", "old.tlv");
    let golden = pki::golden("token-signed.tlv");
    let mut changed = golden.list().bytes().to_vec();
    for element in golden.list().header().elements() {
        let value = element.offset + 3;
        match element.tag {
            tag::CA_NAME => changed[value + 4] = b'K',
            tag::SIGNATURE_ALGORITHM => changed[value] = 1,
            tag::SIGNATURE_MODULUS => changed[value] = 2,
            _ => {}
        }
    }
    std::fs::write(world.path("new.tlv"), changed).unwrap();
    insta::assert_snapshot!(world.run(&["ctl", "diff", "old.tlv", "new.tlv"]).done().stdout, @"
      signer's issuer: cn=Cisco Manufacturing CA;o=Cisco Systems → cn=CKsco Manufacturing CA;o=Cisco Systems
      signature algorithm: 0 → 1
      signature modulus: 1 → 2
    ");
}
