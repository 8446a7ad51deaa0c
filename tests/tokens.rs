//! An operator inserts tokens and lists them.

use crate::support::World;

#[test]
fn the_tokens_are_listed_with_their_sast_certificates() {
    let world = World::with_tokens();
    let list = world.run(&["token", "list"]).done();
    // SoftHSM orders slots by their random numbers.
    let mut lines: Vec<String> =
        list.stdout.lines().map(|l| l.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    lines[1..4].sort();
    insta::assert_snapshot!(lines.join("\n"), @"
    SLOT READER TOKEN SERIAL PIN SAST CERTIFICATE KEY EXPIRES
    2 (blank) - -
    slot-A Reader A SAST token A serial-A ok SAST-ADN008580ef RSA 1024 2022-05-17 expired
    slot-B Reader B SAST token B serial-B ok SAST-ADN0054f509 RSA 1024 2020-06-09 expired
    Expired SAST certificate: it still signs; no public source says that phones look at its date.
    ");

    let json = world.run(&["token", "list", "--json"]).done().json();
    let tokens = json["tokens"].as_array().unwrap();
    let a = tokens.iter().find(|t| t["label"] == "SAST token A").unwrap();
    assert_eq!(a["pin_state"], "ok");
    assert_eq!(a["certificates"][0]["name"], "SAST-ADN008580ef");
    assert_eq!(a["certificates"][0]["expired"], true);
    assert_eq!(a["certificates"][0]["not_after"], "2022-05-17T00:00:00Z");
}

/// A URI from the list selects the same token, in this program and in others.
#[test]
fn uris_are_printed_to_be_copied() {
    let world = World::with_tokens();
    let uris = world.run(&["token", "list", "--uris"]).done().stdout;
    assert!(uris.contains("pkcs11:token=SAST%20token%20B;serial=serial-B\n"), "{uris}");
    let uri = format!("pkcs11:token=SAST%20token%20B;serial={}", world.serial("B"));
    let json = world.run(&["token", "show", &uri, "--json"]).done().json();
    assert_eq!([json["label"].as_str(), json["uri"].as_str()], [Some("SAST token B"), Some(&uri[..])]);
    assert!(uris.lines().any(|uri| uri.starts_with("pkcs11:slot-id=")), "the blank one: {uris}");
}

#[test]
fn one_token_is_shown_in_full() {
    let world = World::with_tokens();
    let shown = world.run(&["token", "show", "SAST token A"]).done().stdout;
    // Versions and mechanisms depend on SoftHSM.
    let (shown, mechanisms) = shown.split_once("Mechanisms").unwrap();
    let shown = shown.split_inclusive('\n').filter(|l| !l.starts_with("Model")).collect::<String>();
    assert!(mechanisms.contains(" CKM_SHA1_RSA_PKCS "));
    insta::assert_snapshot!(shown, @r#"
    Token            SAST token A
    Serial           serial-A
    Reader           Reader A (slot slot-A)
    PIN              ok, 4 to 255 characters
    PIN pad          no
    Login required   yes
    Write-protected  no
    Module           MODULE (profile softhsm)
    Certificate      SAST-ADN008580ef, RSA 1024, until 2022-05-17 (expired)
                     id 01, label "SAST-ADN008580ef"; its key cannot be seen without the PIN
    "#);
    let json = world.run(&["token", "show", "SAST-ADN0054f509", "--json"]).done().json();
    assert_eq!(json["label"], "SAST token B");
    assert!(json["mechanisms"].as_array().unwrap().iter().any(|m| m == "CKM_SHA1_RSA_PKCS"));
}

/// Some tokens show their keys without a login: a key that is not visible there does not exist.
#[test]
fn a_key_visible_without_the_pin_is_reported() {
    let mut world = World::with_tokens();
    let other = crate::pki::path("tests/testdata/keys/rsa2048.der");
    let store = ["--write-object", other.to_str().unwrap(), "--type", "cert", "--id", "07"];
    world.pkcs11_tool("SAST token A", &store);
    world.behind_faulty_token();
    let keys = |world: &mut World, script: &str| {
        let (shown, _) = world.faulty(script, &["token", "show", "SAST token A", "--json"]);
        let shown = shown.done().json();
        let entries = shown["certificates"].as_array().unwrap().iter();
        let mut keys: Vec<_> = entries.map(|c| (c["id"].to_string(), c["has_key"].as_bool())).collect();
        keys.sort();
        keys.into_iter().map(|(_, has_key)| has_key).collect::<Vec<_>>()
    };
    assert_eq!(keys(&mut world, ""), [None, None]);
    assert_eq!(keys(&mut world, "visible-keys Cisco123"), [Some(true), Some(false)]);
}

#[test]
fn a_token_is_named_by_sast_name_label_serial_or_uri() {
    let world = World::with_tokens();
    let serial = world.serial("B");
    for selector in [
        "SAST-ADN0054f509",
        "SAST token B",
        &serial,
        &serial.to_uppercase(),
        "pkcs11:token=SAST%20token%20B",
        &format!("pkcs11:serial={serial}"),
        // As some tools print them: padded.
        &format!("pkcs11:token=SAST%20token%20B%00%00;serial={serial}%20%20;type=cert?module-name=x"),
    ] {
        let show = world.run(&["cert", "show", "--token", selector]).done();
        assert!(show.stdout.starts_with("Name         SAST-ADN0054f509\n"), "{selector}: {}", show.stdout);
    }
}

#[test]
fn an_ambiguous_token_is_never_guessed() {
    let world = World::with_tokens();
    let none_named = world.run(&["cert", "show"]);
    assert_eq!(none_named.code, 3);
    assert!(
        none_named.stderr.starts_with("error: two tokens are inserted: serial-"),
        "{}",
        none_named.stderr
    );
    assert!(none_named.stderr.contains("help: name one: --token serial-"), "{}", none_named.stderr);

    let unknown = world.run(&["cert", "show", "--token", "SAST-ADN0011aa22"]);
    assert_eq!(unknown.code, 3);
    assert!(
        unknown.stderr.contains("there is  serial-A (SAST token A, SAST-ADN008580ef)"),
        "{}",
        unknown.stderr
    );

    for (uri, code, why) in [
        ("pkcs11:token=x?pin-value=4711", 2, "a PIN is never an argument"),
        ("pkcs11:pin-value=4711", 2, "a PIN is never an argument"),
        ("pkcs11:token=x;pin-source=file:4711", 2, "a PIN is never an argument"),
        ("pkcs11:token=x&PIN-VALUE=4711", 2, "a PIN is never an argument"),
        ("pkcs11:token=%2", 2, "is not well-formed"),
        ("pkcs11:token=%+1", 2, "is not well-formed"),
        ("pkcs11:token", 2, "is not well-formed"),
        ("pkcs11:slot-id=x", 2, "is not well-formed"),
        ("pkcs11:slot=1", 2, "does not say which token"),
        (" ", 2, "this one is empty"),
        // A label that only sounds like a PIN, and the beginning of one.
        ("pkcs11:token=spin-doctor;serial=pin-1?module-name=pin-x", 3, "no token matches"),
        ("SAST token", 3, "no token matches"),
    ] {
        let refused = world.run(&["cert", "show", "--token", uri]);
        assert_eq!(refused.code, code, "{uri}: {}", refused.all());
        assert!(refused.stderr.contains(why), "{uri}: {}", refused.stderr);
        assert!(!refused.all().contains("4711"), "{}", refused.all());
    }
}

#[test]
fn without_a_token_the_message_shows_what_was_checked() {
    let mut world = World::with_tokens();
    std::fs::create_dir(world.path("empty")).unwrap();
    let conf =
        format!("directories.tokendir = {}\nobjectstore.backend = file\n", world.path("empty").display());
    std::fs::write(world.path("empty.conf"), conf).unwrap();
    world.set("SOFTHSM2_CONF", world.path("empty.conf").to_str().unwrap());
    insta::assert_snapshot!(world.run(&["cert", "export"]).all(), @"
    --- stderr
    error: no token was found that is initialised
      module   MODULE
      slots    1, blank token
    help: insert a token and wait for its light; then sastctl token list
    help: sastctl token init makes a blank token ready
    --- exit code 3
    ");
}

#[test]
fn a_module_that_does_not_load_says_which_paths_were_tried() {
    let mut world = World::new();
    insta::assert_snapshot!(world.run(&["token", "list", "--module", "no/such.so"]).all(), @"
    --- stderr
    error: the PKCS#11 module no/such.so was not loaded: there is no such file
    help: install the HSM's client software, or name its library with --module PATH
    --- exit code 3
    ");

    std::fs::write(world.path("text.so"), "not a library").unwrap();
    let text = world.run(&["token", "list", "--module", "text.so"]);
    assert_eq!(text.code, 3);
    assert!(text.stderr.contains("text.so was not loaded: "), "{}", text.stderr);

    // A library, but not a PKCS#11 one.
    let libc = ["/lib/x86_64-linux-gnu/libc.so.6", "/lib64/libc.so.6", "/lib/aarch64-linux-gnu/libc.so.6"];
    let libc = libc.iter().find(|p| std::path::Path::new(p).exists()).unwrap();
    let not_pkcs11 = world.run(&["token", "list", "--module", libc]);
    assert_eq!(not_pkcs11.code, 3);
    assert!(not_pkcs11.stderr.contains("C_GetFunctionList"), "{}", not_pkcs11.stderr);

    // SoftHSM with a configuration that is not there.
    world.set("SOFTHSM2_CONF", "/no/such.conf");
    let broken = world.run(&["token", "list", "--profile", "softhsm"]);
    assert_eq!(broken.code, 3);
    assert!(broken.stderr.contains("C_Initialize failed: CKR_GENERAL_ERROR"), "{}", broken.stderr);
}

#[test]
fn profiles_are_listed_shown_and_written_as_files() {
    let world = World::with_tokens();
    let list = world.run(&["profile", "list", "--json"]).done().json();
    let names: Vec<&str> =
        list["profiles"].as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 15);
    assert_eq!(names[0], "safenet-etoken");

    // A profile that was printed is one that can be used.
    let shown = world.run(&["profile", "show", "softhsm"]).done();
    std::fs::write(world.path("mine.toml"), shown.bytes).unwrap();
    let tested = world.run(&["profile", "test", "--profile", "mine.toml", "--token", "SAST token A"]).done();
    let (_, tested) = tested.stdout.split_once('\n').unwrap();
    insta::assert_snapshot!(tested, @"
    SAST token A, serial serial-A, reader Reader A with SAST-ADN008580ef
      SHA-1    signed and verified, 128 bytes
      SHA-256  signed and verified, 128 bytes
      SHA-512  signed and verified, 128 bytes
    ");

    std::fs::write(world.path("bad.toml"), "name = 1").unwrap();
    assert_eq!(world.run(&["token", "list", "--profile", "bad.toml"]).code, 4);
    assert_eq!(world.run(&["token", "list", "--profile", "nonsense"]).code, 2);
}

/// A cryptographic card may show several tokens with the same serial number: that number selects none of them.
#[test]
fn tokens_that_share_a_serial_number_are_distinguished() {
    let mut world = World::with_tokens();
    for (name, value) in [("NEW_PIN", "N3w-password"), ("SO_PIN", "12345678")] {
        world.set(name, value);
    }
    world.behind_faulty_token();
    let serial = "0123456789abcdef";
    let (which, _) = world.faulty("same-serial", &["cert", "show"]);
    assert_eq!(which.code, 3, "{}", which.all());
    for label in ["SAST token A", "SAST token B"] {
        let listed =
            format!("there is  {label}, serial {serial}, reader Reader {}", label.chars().last().unwrap());
        assert!(which.stderr.contains(&listed), "{}", which.stderr);
    }
    // The selector in the hint matches one token.
    let named = which.stderr.split("help: name one: --token '").nth(1).unwrap().split('\'').next().unwrap();
    let (shown, _) = world.faulty("same-serial", &["cert", "show", "--token", named]);
    shown.done();

    // A command that changes a token never uses the first of several matches.
    let pins = ["--so-pin-source=env:SO_PIN", "--new-pin-source=env:NEW_PIN"];
    let init = ["token", "init", serial, "--label=Empty", "--confirm", serial];
    for command in [
        [&init[..], &pins].concat(),
        [&["token", "unlock", serial][..], &pins].concat(),
        vec!["token", "change-pin", serial, "--new-pin-source=env:NEW_PIN"],
        vec!["cert", "enroll", serial, "--name=SAST-X", "--yes"],
    ] {
        let (refused, calls) = world.faulty("same-serial", &command);
        assert_eq!(refused.code, 3, "{command:?}: {}", refused.all());
        assert!(refused.stderr.contains("two tokens match"), "{}", refused.stderr);
        let tried = ["C_Login", "C_InitToken"].iter().any(|name| calls.iter().any(|(call, _)| call == name));
        assert!(!tried, "{calls:?}");
    }

    // On each of them a stored certificate is found again.
    for letter in ["A", "B"] {
        let (token, name) = (format!("SAST token {letter}"), format!("--name=SAST-NEW-{letter}"));
        let (made, _) =
            world.faulty("same-serial", &["cert", "enroll", &token, &name, "--bits=1024", "--yes"]);
        assert!(made.done().stdout.contains(&format!("stored on \"{token}\" next to its key")), "{letter}");
    }
}
