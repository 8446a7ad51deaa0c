//! Any HSM can become a SAST token, with a key that never leaves it and a certificate whose names fit the CTL.

use std::time::SystemTime;

use crate::support::{World, until};

/// A world with an empty token "HSM" in addition to the two tokens.
fn world() -> World {
    let mut world = World::with_tokens();
    let make = ["--init-token", "--free", "--label", "HSM", "--so-pin", "12345678", "--pin", "Cisco123"];
    world.tool("softhsm2-util", &make);
    world.place("tokenless.tlv", "CTLFile.tlv");
    world.set("SAST_PIN", "Cisco123");
    world
}

/// Certificates and private keys on the token "HSM", as OpenSC sees them.
fn objects(world: &World, kind: &str) -> usize {
    let word = if kind == "cert" { "Certificate Object" } else { "Private Key Object" };
    listed(world, &["--type", kind]).matches(word).count()
}

fn listed(world: &World, more: &[&str]) -> String {
    let module = crate::support::softhsm_module();
    let module = module.to_str().unwrap();
    let args = ["--module", module, "--token-label", "HSM", "--login", "--pin", "Cisco123", "-O"];
    world.tool("pkcs11-tool", &[&args[..], more].concat())
}

#[test]
fn a_key_and_a_self_signed_certificate() {
    let world = world();
    let made = world
        .run(&[
            "cert",
            "enroll",
            "HSM",
            "--name=SAST-HSM-01",
            "--organization=Example GmbH",
            "--unit=Voice",
            "--out=hsm.cer",
        ])
        .done();
    assert!(made.stdout.contains("SAST-HSM-01, RSA 2048, serial "), "{}", made.all());
    let text = world.tool("openssl", &["x509", "-inform", "der", "-in", "hsm.cer", "-noout", "-text"]);
    for part in [
        "Subject: O = Example GmbH, OU = Voice, CN = SAST-HSM-01",
        "Public-Key: (2048 bit)",
        "Signature Algorithm: sha256WithRSAEncryption",
        "CA:FALSE",
        "Digital Signature, Non Repudiation",
        "Subject Key Identifier",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let serial = world.tool("openssl", &["x509", "-inform", "der", "-in", "hsm.cer", "-noout", "-serial"]);
    let serial = serial.trim().strip_prefix("serial=").unwrap();
    assert_eq!(serial.len(), 32, "sixteen bytes, the first of which is not zero: {serial}");
    assert!((0x40..0x80).contains(&u8::from_str_radix(&serial[..2], 16).unwrap()), "positive: {serial}");
    world.tool("openssl", &["x509", "-inform", "der", "-in", "hsm.cer", "-out", "hsm.pem"]);
    let verified = world.tool("openssl", &["verify", "-check_ss_sig", "-CAfile", "hsm.pem", "hsm.pem"]);
    assert!(verified.contains("OK"), "{verified}");

    // The key stays on the token.
    let module = crate::support::softhsm_module();
    let args = ["--module", module.to_str().unwrap(), "--token-label", "HSM", "--login", "--pin", "Cisco123"];
    let keys = world.tool("pkcs11-tool", &[&args[..], &["-O", "--type", "privkey"]].concat());
    assert!(keys.contains("sensitive, always sensitive, never extractable, local"), "{keys}");

    // It signs a CTL that phones accept.
    let revert =
        ["revert", "CTLFile.tlv", "--token=SAST-HSM-01", "--spare=SAST-ADN0054f509", "--out=new.tlv"];
    world.run(&revert).done();
    let verified = world.run(&["ctl", "verify", "new.tlv"]).done();
    assert!(verified.stdout.contains("SAST-HSM-01"), "{}", verified.stdout);
    let check = world.run(&["ctl", "check", "new.tlv", "--installed-ctl", "new.tlv"]);
    assert_eq!(check.code, 0, "{}", check.all());
    let show = world.run(&["ctl", "show", "new.tlv"]).done();
    assert!(show.stdout.contains("CN=SAST-HSM-01;OU=Voice;O=Example GmbH"), "{}", show.stdout);
}

#[test]
fn a_request_and_the_certificate_issued_for_it() {
    let world = world();
    let enroll =
        ["cert", "enroll", "HSM", "--name=SAST-HSM-02", "--csr=hsm.csr", "--bits=1024", "--digest=sha1"];
    let asked = world.run(&enroll).done();
    assert!(asked.stdout.contains("a request for SAST-HSM-02"), "{}", asked.all());
    assert!(asked.stderr.contains("phones in FIPS mode refuse keys below 2048 bits"), "{}", asked.stderr);
    let verified = world.tool("openssl", &["req", "-in", "hsm.csr", "-noout", "-verify", "-text"]);
    assert!(verified.contains("SAST-HSM-02") && verified.contains("1024 bit"), "{verified}");
    assert_eq!((objects(&world, "privkey"), objects(&world, "cert")), (1, 0));

    let ca = [
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "ca.key",
        "-out",
        "ca.pem",
        "-subj",
        "/CN=Voice CA",
    ];
    world.tool("openssl", &ca);
    let issue = [
        "x509",
        "-req",
        "-in",
        "hsm.csr",
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-out",
        "hsm.pem",
    ];
    world.tool("openssl", &issue);

    // A certificate of another key is refused.
    let foreign = world.run(&["cert", "enroll", "HSM", "--import=ca.pem"]);
    assert_eq!(foreign.code, 3, "{}", foreign.all());
    assert!(foreign.stderr.contains("no private key on the token belongs to the certificate Voice CA"));
    assert_eq!(objects(&world, "cert"), 0);

    let dry = world.run(&["cert", "enroll", "HSM", "--import=hsm.pem", "--dry-run", "--json"]).done().json();
    assert_eq!((&dry["dry_run"], objects(&world, "cert")), (&true.into(), 0), "{dry}");
    let stored = world.run(&["cert", "enroll", "HSM", "--import=hsm.pem"]).done();
    assert!(stored.stdout.contains("issued by CN=Voice CA"), "{}", stored.stdout);
    assert_eq!(objects(&world, "cert"), 1);
    // It has the CKA_ID of its key.
    let listed = listed(&world, &[]);
    let ids: Vec<&str> =
        listed.lines().filter_map(|line| line.trim().strip_prefix("ID:")).map(str::trim).collect();
    assert_eq!(ids.len(), 3, "certificate, private and public key: {listed}");
    assert!(ids.iter().all(|id| *id == ids[0] && id.len() > 2), "{listed}");
    let again = world.run(&["cert", "enroll", "HSM", "--import=hsm.pem"]);
    assert!(again.stderr.contains("is already on the token"), "{}", again.stderr);
    world
        .run(&["revert", "CTLFile.tlv", "--token=SAST-HSM-02", "--spare=SAST-ADN0054f509", "--out=new.tlv"])
        .done();
    world.run(&["ctl", "verify", "new.tlv"]).done();
}

#[test]
fn invalid_options_are_refused_before_a_key_is_made() {
    let world = world();
    for (args, code, why) in [
        (&["--name=SAST;01"][..], 2, "does not fit a trust list"),
        (&["--name=SAST-1", "--unit=a\"b"], 2, "the unit"),
        (&["--name="], 2, "does not fit a trust list"),
        (&["--name= SAST"], 2, "does not fit a trust list"),
        (&["--name=SAST,01"], 2, "does not fit a trust list"),
        (&["--name=SAST=01"], 2, "does not fit a trust list"),
        (&["--name=SAST+01"], 2, "does not fit a trust list"),
        (&["--name=Bücher"], 2, "does not fit a trust list"),
        (&["--name", &"x".repeat(65)], 2, "does not fit a trust list"),
        (&["--bits=3072"], 2, "a trust list can only be signed with RSA 1024, 2048 or 4096"),
        (&["--id=xyz"], 2, "--id takes 1 to 32 bytes in hexadecimal"),
        (&["--out=CTLFile.tlv"], 4, "CTLFile.tlv is there already"),
        (&["--days=4294967295"], 2, "does not fit a certificate"),
    ] {
        let refused = world.run(&[&["cert", "enroll", "HSM"], args].concat());
        assert_eq!(refused.code, code, "{args:?}\n{}", refused.all());
        assert!(refused.stderr.contains(why), "{args:?}\n{}", refused.all());
        assert_eq!((objects(&world, "privkey"), objects(&world, "cert")), (0, 0), "{args:?}");
    }
    let dry = world.run(&["cert", "enroll", "HSM", "--name=SAST-X", "--dry-run"]).done();
    insta::assert_snapshot!(world.named(&dry.stdout).lines().skip(1).collect::<Vec<_>>().join("\n"), @"
    Key          RSA 2048, made on the token, sensitive and not extractable
    Name         CN=SAST-X
    Certificate  self-signed with SHA-256, valid for 3650 days, stored on the token
    Dry run: no key was made and nothing was written.
    ");
    let longest = "x".repeat(64);
    world.run(&["cert", "enroll", "HSM", "--name", &longest, "--dry-run"]).done();
    assert_eq!(objects(&world, "privkey"), 0);
}

/// If a step after the key generation fails, no key is left without a certificate.
#[test]
fn a_run_that_fails_leaves_no_key_behind() {
    let mut world = world();
    world.behind_faulty_token();
    let enroll = ["cert", "enroll", "HSM", "--name=SAST-X", "--out=x.cer", "--bits=1024"];
    for script in [
        "fail C_GenerateKeyPair 1 CKR_DEVICE_MEMORY",
        "fail C_SignInit 1 CKR_KEY_FUNCTION_NOT_PERMITTED",
        "fail C_Sign 2 CKR_DEVICE_ERROR",
        "fail C_CreateObject 1 CKR_DEVICE_MEMORY",
        "wrong-signature",
    ] {
        let (failed, calls) = world.faulty(script, &enroll);
        assert_eq!(failed.code, 3, "{script}\n{}", failed.all());
        let logins = calls.iter().filter(|(name, _)| name == "C_Login").count();
        assert_eq!(logins, 1, "{script}: {calls:?}");
        assert_eq!((objects(&world, "privkey"), objects(&world, "cert")), (0, 0), "{script}");
        assert!(!world.path("x.cer").exists(), "{script}");
    }
    world.faulty("", &enroll).0.done();
    assert_eq!((objects(&world, "privkey"), objects(&world, "cert")), (1, 1));
}

/// A module may ignore the requested attributes.
#[test]
fn a_key_that_can_be_read_out_is_not_kept() {
    let mut world = world();
    world.behind_faulty_token();
    let before = objects(&world, "privkey");
    let (refused, _) = world.faulty("extractable", &["cert", "enroll", "HSM", "--out=x.cer", "--bits=1024"]);
    assert_eq!(refused.code, 3, "{}", refused.all());
    assert!(refused.stderr.contains("it is extractable (CKA_EXTRACTABLE)"), "{}", refused.stderr);
    assert_eq!(objects(&world, "privkey"), before);
    assert!(!world.path("x.cer").exists());
}

/// A key that needs the PIN for each signature gets it: for the certificate, and for the test signature.
#[test]
fn a_key_that_needs_the_pin_every_time_can_be_enrolled() {
    let mut world = world();
    world.behind_faulty_token();
    let enroll = ["cert", "enroll", "HSM", "--name=SAST-X", "--out=x.cer", "--bits=1024"];
    let (outcome, calls) = world.faulty("always-authenticate", &enroll);
    outcome.done();
    let count = |wanted: &str| calls.iter().filter(|(name, _)| name == wanted).count();
    assert_eq!(count("C_Login"), 1 + count("C_SignInit"), "{calls:?}");
    assert!(count("C_SignFinal") > 0 && count("C_Sign") == 0, "{calls:?}");

    // The same certificate again, as if a CA had sent it: the key proves that they belong together.
    let id = listed(&world, &["--type", "cert"]);
    let id = id.lines().find_map(|line| line.trim().strip_prefix("ID:")).unwrap().trim().to_owned();
    world.pkcs11_tool("HSM", &["--delete-object", "--type", "cert", "--id", &id]);
    let (outcome, calls) =
        world.faulty("always-authenticate", &["cert", "enroll", "HSM", "--import", "x.cer"]);
    outcome.done();
    let count = |wanted: &str| calls.iter().filter(|(name, _)| name == wanted).count();
    assert_eq!((count("C_SignInit"), count("C_Login"), count("C_Sign")), (1, 2, 0), "{calls:?}");
}

#[test]
fn a_token_that_cannot_make_keys_is_reported() {
    let world = world();
    let conf = world.path("hsm/softhsm2.conf");
    let text = std::fs::read_to_string(&conf).unwrap();
    std::fs::write(conf, format!("{text}slots.mechanisms = CKM_RSA_PKCS,CKM_SHA1_RSA_PKCS\n")).unwrap();
    let refused = world.run(&["cert", "enroll", "HSM"]);
    assert_eq!(refused.code, 3);
    assert!(
        refused.stderr.contains("it makes no RSA keys (CKM_RSA_PKCS_KEY_PAIR_GEN)"),
        "{}",
        refused.stderr
    );
}

/// A key and a self-signed certificate of this name, put on a token by other software.
fn put_there(world: &World, token: &str, name: &str, id: &str) {
    let subject = format!("/CN={name}");
    let make =
        ["req", "-x509", "-newkey", "rsa:1024", "-nodes", "-keyout", "put.key", "-outform", "der", "-out"];
    world.tool("openssl", &[&make[..], &["put.der", "-subj", &subject]].concat());
    for (kind, file) in [("privkey", "put.key"), ("cert", "put.der")] {
        let file = world.path(file);
        let write = ["--write-object", file.to_str().unwrap(), "--type", kind, "--id", id, "--label", name];
        world.pkcs11_tool(token, &write);
    }
}

/// Token A has Cisco's certificate and two newer ones with the same name: that name does not select Cisco's certificate.
#[test]
fn an_ambiguous_name_selects_no_certificate() {
    let world = world();
    put_there(&world, "SAST token A", "SAST-NEW", "0a");
    world.run(&["cert", "show", "--token=SAST-NEW"]).done();
    put_there(&world, "SAST token A", "SAST-NEW", "0b");
    let revert = ["revert", "CTLFile.tlv", "--spare=SAST-ADN0054f509", "--out=new.tlv", "--yes", "--token"];
    let refused = world.run(&[&revert[..], &["SAST-NEW"]].concat());
    assert_eq!(refused.code, 3, "{}", refused.all());
    assert!(
        refused.stderr.contains("\"SAST-NEW\" names two certificates on the token, with different keys"),
        "{}",
        refused.all()
    );
    assert!(!world.path("new.tlv").exists());
    // The message distinguishes them, and each selector matches one.
    let said: Vec<&str> = refused.stderr.split("--token 'pkcs11:").skip(1).collect();
    let selectors: Vec<_> =
        said.iter().map(|s| format!("pkcs11:{}", s.split('\'').next().unwrap())).collect();
    let serial = world.serial("A");
    let selectors: Vec<_> = selectors.iter().map(|s| s.replace("serial-A", &serial)).collect();
    assert_eq!(selectors.len(), 2, "{}", refused.all());
    let shown = |selector: &str| world.run(&["cert", "show", "--json", "--token", selector]).done().json();
    let (one, other) = (shown(&selectors[0]), shown(&selectors[1]));
    assert_eq!((&one["name"], &other["name"]), (&"SAST-NEW".into(), &"SAST-NEW".into()));
    assert_ne!(one["serial"], other["serial"]);
    world.run(&[&revert[..], &[&selectors[1]]].concat()).done();
    let verified = world.run(&["ctl", "verify", "new.tlv"]).done();
    assert!(verified.stdout.contains("SAST-NEW"), "{}", verified.stdout);
}

#[test]
fn a_uri_selects_exactly_its_certificate() {
    let world = world();
    put_there(&world, "SAST token A", "SAST-NEW", "0a");
    let serial = world.serial("A");
    for (end, name) in [
        (";object=SAST-NEW", "SAST-NEW"),
        (";id=%0a;type=cert", "SAST-NEW"),
        (";id=%01", "SAST-ADN008580ef"),
        (";object=SAST-ADN008580ef;id=%01", "SAST-ADN008580ef"),
        (";object=k;id=%01;type=private", "SAST-ADN008580ef"),
    ] {
        let selector = format!("pkcs11:serial={serial}{end}");
        let shown = world.run(&["cert", "show", "--json", "--token", &selector]).done().json();
        assert_eq!(shown["name"], name, "{end}");
    }
    // Without a token's name all tokens are searched.
    let shown = world.run(&["cert", "show", "--json", "--token", "pkcs11:object=SAST-NEW"]).done().json();
    assert_eq!(shown["name"], "SAST-NEW");
    for end in [
        ";object=SAST-OTHER",
        ";id=%77",
        ";object=SAST-NEW;id=%01",
        ";object=k;id=%01",
        ";object=k;type=private",
    ] {
        let none = world.run(&["cert", "show", "--token", &format!("pkcs11:serial={serial}{end}")]);
        assert_eq!(none.code, 3, "{end}: {}", none.all());
        assert!(none.stderr.contains("no token matches"), "{}", none.stderr);
    }
}

/// A certificate that an authority renewed for the same key replaces the old one.
#[test]
fn the_newer_of_two_certificates_of_a_key_signs() {
    let world = world();
    world.run(&["cert", "enroll", "HSM", "--name=SAST-HSM-01", "--csr=hsm.csr", "--bits=1024"]).done();
    let ca =
        ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-subj"];
    world.tool("openssl", &[&ca[..], &["/CN=Voice CA"]].concat());
    let mut serials = vec![];
    for file in ["one.pem", "two.pem"] {
        let issue =
            ["x509", "-req", "-in", "hsm.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"];
        world.tool("openssl", &[&issue[..], &["-out", file]].concat());
        let stored = world.run(&["cert", "enroll", "HSM", "--import", file]).done();
        assert!(!stored.stderr.contains("another key"), "{}", stored.all());
        let shown = world.run(&["cert", "show", "--json", "--token=SAST-HSM-01"]).done().json();
        serials.push(shown["serial"].to_string());
        let second = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let issued = second();
        until("another second begins", || second() > issued);
    }
    assert_ne!(serials[0], serials[1]);
    let revert =
        ["revert", "CTLFile.tlv", "--token=SAST-HSM-01", "--spare=SAST-ADN0054f509", "--out=new.tlv"];
    world.run(&revert).done();
}

#[test]
fn a_name_or_id_that_exists_on_the_token_is_refused() {
    let world = world();
    world.run(&["cert", "enroll", "HSM", "--name=SAST-HSM-01", "--bits=1024", "--id=0a"]).done();
    for (args, why) in [
        (["--name=SAST-HSM-01", "--bits=1024"], "a certificate called SAST-HSM-01 is already on the token"),
        (["--name=SAST-HSM-02", "--id=0a"], "a certificate with the CKA_ID 0a is already on the token"),
    ] {
        for more in [&["--out=x.cer"][..], &["--csr=x.csr"], &["--dry-run"]] {
            let again = world.run(&[&["cert", "enroll", "HSM", "--yes"], &args[..], more].concat());
            assert_eq!(again.code, 3, "{}", again.all());
            assert!(again.stderr.contains(why), "{}", again.stderr);
        }
    }
    assert_eq!((objects(&world, "privkey"), objects(&world, "cert")), (1, 1));
    // The key of a request has no certificate yet: another certificate with its name may appear, and the operator is told.
    world.run(&["cert", "enroll", "HSM", "--name=SAST-HSM-02", "--bits=1024", "--csr=hsm.csr"]).done();
    put_there(&world, "HSM", "SAST-HSM-02", "0b");
    let ca =
        ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-subj"];
    world.tool("openssl", &[&ca[..], &["/CN=Voice CA"]].concat());
    let issue = ["x509", "-req", "-in", "hsm.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"];
    world.tool("openssl", &[&issue[..], &["-out", "hsm.pem"]].concat());
    let stored = world.run(&["cert", "enroll", "HSM", "--import=hsm.pem"]).done();
    assert!(
        stored.stderr.contains("a certificate named SAST-HSM-02 is already on \"HSM\", with another key"),
        "{}",
        stored.stderr
    );
}

/// Everything that can be checked is checked before the key is made; a later error reports what is on the token.
#[test]
fn an_error_after_storing_reports_the_stored_certificate() {
    let mut world = world();
    for out in ["--out=missing/x.cer", "--csr=missing/x.csr"] {
        let refused = world.run(&["cert", "enroll", "HSM", "--name=SAST-X", "--bits=1024", out]);
        assert_eq!(refused.code, 4, "{}", refused.all());
        assert!(refused.stderr.contains("there is no folder missing"), "{}", refused.stderr);
        assert_eq!((objects(&world, "privkey"), objects(&world, "cert")), (0, 0), "{out}");
    }
    world.behind_faulty_token();
    let long = format!("--out={}", "x".repeat(300));
    for (name, script, out, code) in [
        ("SAST-X", "", &long[..], 4),
        ("SAST-Y", "fail C_GetSlotList 3.. CKR_GENERAL_ERROR", "--out=y.cer", 3),
    ] {
        let name = format!("--name={name}");
        let (failed, _) = world.faulty(script, &["cert", "enroll", "HSM", &name, "--bits=1024", out]);
        assert_eq!(failed.code, code, "{}", failed.all());
        let name = name.trim_start_matches("--name=");
        let there = format!("{name} and its key were stored on \"HSM\"");
        assert!(failed.stderr.contains(&there), "{}", failed.stderr);
        let export = ["cert", "export", "--token", name];
        assert!(failed.stderr.contains(&format!("sastctl {}", export.join(" "))), "{}", failed.stderr);
        world.faulty("", &export).0.done();
        assert!(world.path(&format!("{name}.cer")).exists());
    }
    assert_eq!((objects(&world, "privkey"), objects(&world, "cert")), (2, 2));
    // A certificate that was stored although the token reported an error does not stay without its key.
    let (failed, _) = world.faulty(
        "after C_CreateObject 1 CKR_DEVICE_MEMORY",
        &["cert", "enroll", "HSM", "--name=SAST-Z", "--bits=1024"],
    );
    assert_eq!(failed.code, 3, "{}", failed.all());
    assert!(!failed.stderr.contains("were stored on"), "{}", failed.stderr);
    assert_eq!((objects(&world, "privkey"), objects(&world, "cert")), (2, 2));
}

#[test]
fn certificate_and_request_go_to_standard_output_too() {
    let world = world();
    let made = world.run(&["cert", "enroll", "HSM", "--name=SAST-X", "--bits=1024", "--out=-"]).done();
    let exported = world.run(&["cert", "export", "--token=SAST-X", "--out=-"]).done();
    assert!(made.bytes == exported.bytes && made.bytes.starts_with(&[0x30, 0x82]), "{}", made.all());
    assert!(made.stderr.contains("RSA 1024, made on the token"), "the plan: {}", made.stderr);
    assert!(made.stderr.contains("SAST-X, RSA 1024, serial "), "{}", made.stderr);
    let asked = world.run(&["cert", "enroll", "HSM", "--name=SAST-Y", "--bits=1024", "--csr=-"]).done();
    std::fs::write(world.path("y.csr"), &asked.bytes).unwrap();
    assert!(asked.stdout.starts_with("-----BEGIN CERTIFICATE REQUEST-----\n"), "{}", asked.stdout);
    assert!(asked.stdout.ends_with("-----END CERTIFICATE REQUEST-----\n"), "{}", asked.stdout);
    assert!(asked.stderr.contains("a request for SAST-Y"), "{}", asked.stderr);
    world.tool("openssl", &["req", "-in", "y.csr", "-noout", "-verify"]);
    assert_eq!((objects(&world, "privkey"), objects(&world, "cert")), (2, 1));
    assert_eq!(world.files().iter().filter(|name| name.starts_with('-')).count(), 0);
}
