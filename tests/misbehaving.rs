//! Tokens with special behaviour: changing slots, PIN counters, PIN pads, always-authenticate keys, wrong signatures.

use crate::faults::{SIGN, count, sign, world};
use crate::support::World;

/// If a slot list or a mechanism list grows after its length was read, it is read again.
#[test]
fn lists_may_grow_while_they_are_read() {
    let mut world = world();
    for script in ["grow C_GetSlotList 2", "grow C_GetMechanismList 2", "grow C_GetMechanismList 1"] {
        let (outcome, _) = sign(&mut world, script);
        assert_eq!(outcome.code, 0, "{script}\n{}", outcome.all());
    }
    let (outcome, _) = sign(&mut world, "grow C_GetMechanismList 1..");
    assert_eq!(outcome.code, 3);
    assert!(outcome.stderr.contains("CKR_BUFFER_TOO_SMALL"), "{}", outcome.stderr);
}

/// A token removed after the slots were listed is not an error. After any other failure it is listed with the reason.
#[test]
fn a_removed_token_is_distinguished_from_one_that_fails() {
    let mut world = world();
    let listed = |world: &mut World, code: &str| {
        let script = format!("fail C_GetTokenInfo 1.. {code}");
        world.faulty(&script, &["token", "list", "--json"]).0.done().json()["tokens"].clone()
    };
    assert_eq!(listed(&mut world, "CKR_TOKEN_NOT_PRESENT").as_array().unwrap().len(), 0);
    let failing = listed(&mut world, "CKR_FUNCTION_FAILED");
    assert!(failing.as_array().unwrap().len() >= 2, "{failing}");
    assert!(failing[0].to_string().contains("CKR_FUNCTION_FAILED"), "{failing}");
}

/// A temporary error does not end a watch; a permanent one is reported.
#[test]
fn a_watch_goes_on_while_a_token_settles() {
    let mut world = world();
    let watch = ["token", "watch", "--timeout=1"];
    let (passing, calls) = world.faulty("fail C_GetSlotList 3.. CKR_DEVICE_ERROR", &watch);
    assert_eq!(passing.code, 0, "{}", passing.all());
    assert!(calls.iter().any(|(_, code)| *code == 0x30), "{calls:?}");
    let (lasting, _) = world.faulty("fail C_GetSlotList 3.. CKR_GENERAL_ERROR", &watch);
    assert_eq!(lasting.code, 3, "{}", lasting.all());
    assert!(lasting.stderr.contains("CKR_GENERAL_ERROR"), "{}", lasting.stderr);
}

/// An older module that does not know CKA_ALWAYS_AUTHENTICATE still signs; a removed token does not.
#[test]
fn an_unknown_attribute_is_distinguished_from_a_removed_token() {
    let mut world = world();
    let (_, calls) = sign(&mut world, "");
    let before = calls.iter().take_while(|(name, _)| name != "C_SignInit");
    let last = before.filter(|(name, _)| name == "C_GetAttributeValue").count();
    for (code, exit) in [
        ("CKR_ATTRIBUTE_TYPE_INVALID", 0),
        ("CKR_FUNCTION_FAILED", 0),
        ("CKR_DEVICE_REMOVED", 3),
        ("CKR_SESSION_HANDLE_INVALID", 3),
    ] {
        let (outcome, _) = sign(&mut world, &format!("fail C_GetAttributeValue {last} {code}"));
        assert_eq!(outcome.code, exit, "{code}: {}", outcome.all());
        assert_eq!(outcome.stderr.contains(code), exit != 0, "{}", outcome.all());
    }
}

#[test]
fn a_wrong_signature_is_discarded() {
    let mut world = world();
    for (script, why) in [
        ("wrong-signature", "another key made it, or the token is broken"),
        ("short-signature", "it has 127 bytes instead of 128"),
        ("long-signature", "it has 129 bytes instead of 128"),
    ] {
        let (outcome, calls) = sign(&mut world, script);
        assert_eq!(outcome.code, 3, "{script}");
        assert!(
            outcome.stderr.contains("a signature that its certificate does not verify"),
            "{}",
            outcome.all()
        );
        assert!(outcome.stderr.contains(why), "{script}: {}", outcome.all());
        assert_eq!(count(&calls, "C_Logout"), 1, "{calls:?}");
        assert_eq!(world.files().iter().filter(|f| f.starts_with("new")).count(), 0);
    }
}

/// The special behaviour of SafeNet's library and tokens, one at a time and all together.
#[test]
fn the_behaviour_of_safenet_tokens_is_supported() {
    let mut world = world();
    let habits = [
        "empty-slots 8",
        "move-slots",
        "pad-nul",
        "id-mismatch",
        "vendor-mechanisms",
        "vendor-types",
        "always-authenticate",
        "delay C_Sign 1 200",
    ];
    let (plain, _) = sign(&mut world, "");
    plain.done();
    let right = world.read("new.tlv");
    for script in habits.iter().map(|habit| (*habit).to_owned()).chain([habits.join("; ")]) {
        let (outcome, calls) = sign(&mut world, &script);
        assert_eq!(outcome.code, 0, "{script}\n{}", outcome.all());
        assert!(world.read("new.tlv") == right, "{script}");
        // With CKA_ALWAYS_AUTHENTICATE the same PIN is used again for the operation; it is known to be right.
        let logins = if script.contains("always-authenticate") { 2 } else { 1 };
        assert_eq!(count(&calls, "C_Login"), logins, "{script}");
    }
    let (list, _) = world.faulty(&habits.join("; "), &["token", "list", "--json"]);
    let list = list.done().json();
    let labels: Vec<_> =
        list["tokens"].as_array().unwrap().iter().map(|t| t["label"].as_str().unwrap()).collect();
    assert_eq!(labels.len(), 2, "{labels:?}");
    assert!(labels.contains(&"SAST token A") && labels.contains(&"SAST token B"), "{labels:?}");
}

#[test]
fn without_a_token_the_empty_slots_are_counted() {
    let mut world = world();
    std::fs::create_dir(world.path("inserted")).unwrap();
    let script = format!("present {}; empty-slots 8", world.path("inserted").display());
    let (none, _) = world.faulty(&script, &SIGN);
    insta::assert_snapshot!(none.stderr, @"
    error: no token was found
      module   MODULE
      slots    8, all empty
    help: insert a token and wait for its light; then sastctl token list
    ");
    let (list, _) = world.faulty(&script, &["token", "list"]);
    insta::assert_snapshot!(list.stdout, @"No token found. Checked MODULE (profile softhsm): 8 slots, all empty.");
}

/// A PIN counter at 2, at 1, and locked: what the operator sees, and which tries are used.
#[test]
fn a_pin_counter_is_respected() {
    let mut world = world();
    let script = format!("tries 15 {}", world.path("tries").display());
    let left = |world: &World| std::fs::read_to_string(world.path("tries")).unwrap().trim().to_owned();
    let set = |world: &World, left: u64| {
        std::fs::write(world.path("tries"), format!("SAST token A={left}\n")).unwrap();
    };

    // Two left: a warning, and a right PIN resets the count.
    set(&world, 2);
    world.set("SAST_PIN", "wrong-4711");
    let (outcome, calls) = sign(&mut world, &script);
    insta::assert_snapshot!(outcome.stderr, @"
    warning: the certificate of SAST-ADN008580ef expired on 2022-05-17: it still signs; no public source says that phones look at its date
    warning: expired: cucm-1051-a-pub (CCM+TFTP, 2019-06-04), cucm-1051-a-sub1 (CCM+TFTP, 2019-06-04): encrypted and authenticated phones do not register, phones do not trust TFTP (configuration files, ITL), secure SIP trunks and media resources fail
    warning: expired: CAPF-e41e7d87 (CAPF, 2019-06-04): CUCM refuses the LSCs of phones, and issues no new ones; encrypted configuration files fail
    warning: the signer's key is RSA 1024: phones in FIPS mode refuse keys below 2048 bits
    warning: RSA 1024 is the key of cucm-1051-a-pub, CAPF-e41e7d87, cucm-1051-a-sub1: phones in FIPS mode refuse keys below 2048 bits
    warning: SAST token A: a wrong PIN was entered before; few tries are left
    error: SAST-ADN008580ef did not sign: the PIN is wrong (CKR_PIN_INCORRECT)
      token    SAST token A, serial serial-A, reader Reader A
      tries    the token says few are left; it locks for good when they run out
      nothing was written
    help: check the PIN, then run the same command again. The PIN is tried once per run.
    ");
    assert_eq!((outcome.code, count(&calls, "C_Login")), (3, 1));
    assert_eq!(left(&world), "SAST token A=1", "one try was spent");

    // One left: it is not used without a confirmation.
    let (outcome, calls) = sign(&mut world, &script);
    insta::assert_snapshot!(outcome.stderr, @"
    warning: the certificate of SAST-ADN008580ef expired on 2022-05-17: it still signs; no public source says that phones look at its date
    warning: expired: cucm-1051-a-pub (CCM+TFTP, 2019-06-04), cucm-1051-a-sub1 (CCM+TFTP, 2019-06-04): encrypted and authenticated phones do not register, phones do not trust TFTP (configuration files, ITL), secure SIP trunks and media resources fail
    warning: expired: CAPF-e41e7d87 (CAPF, 2019-06-04): CUCM refuses the LSCs of phones, and issues no new ones; encrypted configuration files fail
    warning: the signer's key is RSA 1024: phones in FIPS mode refuse keys below 2048 bits
    warning: RSA 1024 is the key of cucm-1051-a-pub, CAPF-e41e7d87, cucm-1051-a-sub1: phones in FIPS mode refuse keys below 2048 bits
    warning: SAST token A: this is the last PIN try! A wrong PIN locks the token for good.
    error: SAST token A: the PIN was not tried
      token    SAST token A, serial serial-A, reader Reader A
      nothing was written
    help: if you are sure of the PIN, run the command again with --allow-last-try
    ");
    assert_eq!((outcome.code, count(&calls, "C_Login")), (3, 0));
    assert_eq!(left(&world), "SAST token A=1", "none was spent");
    let allowed = [&SIGN[..], &["--allow-last-try"]].concat();
    let (outcome, calls) = world.faulty(&script, &allowed);
    assert_eq!((outcome.code, count(&calls, "C_Login")), (3, 1));
    assert!(outcome.stderr.contains("that was the last one"), "{}", outcome.stderr);
    assert_eq!(left(&world), "SAST token A=0");

    // Locked: no PIN is asked for or tried.
    world.set("SAST_PIN", crate::support::PIN);
    let (outcome, calls) = sign(&mut world, &script);
    insta::assert_snapshot!(outcome.stderr, @"
    warning: the certificate of SAST-ADN008580ef expired on 2022-05-17: it still signs; no public source says that phones look at its date
    warning: expired: cucm-1051-a-pub (CCM+TFTP, 2019-06-04), cucm-1051-a-sub1 (CCM+TFTP, 2019-06-04): encrypted and authenticated phones do not register, phones do not trust TFTP (configuration files, ITL), secure SIP trunks and media resources fail
    warning: expired: CAPF-e41e7d87 (CAPF, 2019-06-04): CUCM refuses the LSCs of phones, and issues no new ones; encrypted configuration files fail
    warning: the signer's key is RSA 1024: phones in FIPS mode refuse keys below 2048 bits
    warning: RSA 1024 is the key of cucm-1051-a-pub, CAPF-e41e7d87, cucm-1051-a-sub1: phones in FIPS mode refuse keys below 2048 bits
    error: the PIN is locked (CKR_PIN_LOCKED)
      token    SAST token A, serial serial-A, reader Reader A
      nothing was written
    help: sign with the other token, or set a new PIN with the administrator PIN: sastctl token unlock
    ");
    assert_eq!((outcome.code, count(&calls, "C_Login")), (3, 0));
    let (list, _) = world.faulty(&script, &["token", "list", "--json"]);
    let list = list.done().json();
    let state = |label: &str| {
        let tokens = list["tokens"].as_array().unwrap();
        tokens.iter().find(|t| t["label"] == label).unwrap()["pin_state"].clone()
    };
    assert_eq!((state("SAST token A"), state("SAST token B")), ("locked".into(), "ok".into()));

    // The administrator unlocks it.
    world.set("SO_PIN", "12345678");
    world.set("NEW_PIN", "N3w-password");
    let unlock = [
        "token",
        "unlock",
        "SAST token A",
        "--so-pin-source",
        "env:SO_PIN",
        "--new-pin-source",
        "env:NEW_PIN",
    ];
    world.faulty(&script, &unlock).0.done();
    world.set("SAST_PIN", "N3w-password");
    sign(&mut world, &script).0.done();
    assert_eq!(left(&world), "SAST token A=15");
}

/// Another program uses tries while the operator types: the confirmation is no longer valid.
#[test]
fn no_pin_is_tried_if_its_state_got_worse_before_the_login() {
    let mut world = world();
    let tries = format!("tries 15 {}", world.path("tries").display());
    // A second process writes the file after the token was read and before the login.
    world.set("SAST_PIN", "wrong-4711");
    std::fs::write(world.path("tries"), "SAST token A=15\n").unwrap();
    let script = format!("{tries}; {}", world.hold("C_GetMechanismList", 1));
    world.set("FAULTY_SCRIPT", &script);
    let _ = std::fs::remove_file(world.path("calls"));
    let child = world.command(&SIGN).arg("--yes").stderr(std::process::Stdio::piped()).spawn().unwrap();
    world.until_held("C_GetMechanismList");
    std::fs::write(world.path("tries"), "SAST token A=1\n").unwrap();
    world.release();
    let output = child.wait_with_output().unwrap();
    let stderr = world.named(&String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("the token's PIN state changed in the meantime: last try!"), "{stderr}");
    assert!(stderr.contains("no PIN was tried"), "{stderr}");
    assert_eq!(count(&world.calls(), "C_Login"), 0);
}

/// The PIN is typed on the reader: the program does not ask for it.
#[test]
fn on_a_pin_pad_no_pin_is_asked_for() {
    let mut world = world();
    world.unset("SASTCTL_PIN_SOURCE");
    let (outcome, calls) = sign(&mut world, "pin-pad Cisco123");
    assert!(outcome.stderr.contains("Type the PIN for SAST token A on its reader."), "{}", outcome.all());
    assert_eq!((outcome.code, count(&calls, "C_Login")), (0, 1), "{}", outcome.all());

    // The same for a request.
    world.run(&["cert", "export", "--token", "SAST token A", "--out", "certs"]).done();
    let request =
        ["request", "sign", "CTLFile.tlv", "--token", "certs/SAST-ADN008580ef.cer", "--out", "R.sastreq"];
    world.run(&request).done();
    let (answered, calls) = world.faulty("pin-pad Cisco123", &["sign-request", "R.sastreq"]);
    assert!(answered.stderr.contains("Type the PIN for SAST token A on its reader."), "{}", answered.all());
    assert_eq!((answered.code, count(&calls, "C_Login")), (0, 1), "{}", answered.all());

    let (cancelled, calls) = sign(&mut world, "pin-pad Cisco123; fail C_Login 1 CKR_FUNCTION_CANCELED");
    assert!(cancelled.stderr.contains("the PIN entry was cancelled on the reader"), "{}", cancelled.stderr);
    assert_eq!((cancelled.code, count(&calls, "C_Login")), (3, 1));

    let (wrong, calls) = sign(&mut world, "pin-pad wrong-one");
    assert!(wrong.stderr.contains("the PIN is wrong (CKR_PIN_INCORRECT)"), "{}", wrong.stderr);
    assert_eq!((wrong.code, count(&calls, "C_Login")), (3, 1));

    // A PIN pad that does not accept a PIN from the program is reported; no try was used.
    world.set("SASTCTL_PIN_SOURCE", "env:SAST_PIN");
    let (refused, calls) = sign(&mut world, "pin-pad Cisco123");
    assert!(refused.stderr.contains("use --pin-source pinpad"), "{}", refused.stderr);
    assert_eq!((refused.code, count(&calls, "C_Login")), (3, 1));

    // A token without a PIN pad is not asked to use one.
    world.set("SASTCTL_PIN_SOURCE", "pinpad");
    let (none, calls) = sign(&mut world, "");
    assert!(none.stderr.contains("it has no PIN pad"), "{}", none.stderr);
    assert_eq!((none.code, count(&calls, "C_Login")), (3, 0));
}

/// Another token is in the slot when the PIN would be tried: the PIN is not tried.
#[test]
fn a_pin_is_not_tried_on_a_token_that_replaced_another() {
    let mut world = world();
    let inserted = world.path("inserted");
    std::fs::create_dir(&inserted).unwrap();
    std::fs::write(inserted.join("SAST token A"), "2").unwrap();
    let held = world.hold("C_GetMechanismList", 1);
    world.set("FAULTY_SCRIPT", &format!("present {}; {held}", inserted.display()));
    let child = world.command(&SIGN).arg("--yes").stderr(std::process::Stdio::piped()).spawn().unwrap();
    world.until_held("C_GetMechanismList");
    std::fs::remove_file(inserted.join("SAST token A")).unwrap();
    std::fs::write(inserted.join("SAST token B"), "2").unwrap();
    world.release();
    let output = child.wait_with_output().unwrap();
    let stderr = world.named(&String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("another token is in the slot now: SAST token B"), "{stderr}");
    assert_eq!(count(&world.calls(), "C_Login"), 0);
}

/// A list that grows at every call is read at most four times.
#[test]
fn a_list_that_never_stops_growing_is_an_error() {
    let mut world = world();
    let (outcome, calls) = world.faulty("fail C_GetSlotList 1.. CKR_BUFFER_TOO_SMALL", &["token", "list"]);
    assert_eq!(outcome.code, 3, "{}", outcome.all());
    assert!(outcome.stderr.contains("CKR_BUFFER_TOO_SMALL"), "{}", outcome.stderr);
    assert_eq!(count(&calls, "C_GetSlotList"), 4);
}

/// In openCryptoki a login applies to every program of the user.
#[test]
fn a_token_that_is_logged_in_already_signs() {
    let mut world = world();
    let (outcome, calls) = sign(&mut world, "after C_Login 1 CKR_USER_ALREADY_LOGGED_IN");
    outcome.done();
    assert_eq!((count(&calls, "C_Login"), count(&calls, "C_Logout")), (1, 1));
    assert!(world.path("new.tlv").exists());
}

/// If a call does not return, the program ends, whatever call it is, and nothing is written.
#[test]
fn a_call_that_hangs_ends_after_the_timeout() {
    let mut world = world();
    world.set("SASTCTL_TIMEOUT", "1");
    for call in
        ["C_Initialize", "C_GetTokenInfo", "C_OpenSession", "C_Login", "C_Sign", "C_Logout", "C_Finalize"]
    {
        let (outcome, calls) = sign(&mut world, &format!("hang {call} 1"));
        assert_eq!(outcome.code, 3, "{call}\n{}", outcome.all());
        let told = format!("the module did not return from {call} within 1 seconds");
        assert!(outcome.stderr.contains(&told), "{call}\n{}", outcome.all());
        assert_eq!(
            count(&calls, "C_Login"),
            usize::from(["C_Sign", "C_Logout", "C_Finalize"].contains(&call))
        );
        // Files that were signed and verified before are complete.
        let written = ["C_Logout", "C_Finalize"].contains(&call);
        assert_eq!(world.path("new.tlv").exists(), written, "{call}");
    }
    let (delayed, _) = sign(&mut world, "delay C_Sign 1 700");
    assert_eq!(delayed.code, 0, "{}", delayed.all());
}

/// Lengths larger than memory or than the buffer: an error that names the call, nothing is written, and the token is logged
/// out.
#[test]
fn impossible_lengths_are_errors() {
    let mut world = world();
    // For every token, because their order is random.
    for call in ["C_GetSlotList 1", "C_FindObjects 1..", "C_GetMechanismList 1", "C_Sign 1"] {
        let (outcome, calls) = sign(&mut world, &format!("huge {call}"));
        assert_eq!(outcome.code, 3, "{call}\n{}", outcome.all());
        assert!(!outcome.stderr.contains("panicked"), "{call}\n{}", outcome.all());
        assert!(outcome.stderr.contains("makes no sense"), "{call}\n{}", outcome.all());
        assert!(!world.path("new.tlv").exists(), "{call}");
        assert_eq!(count(&calls, "C_Login"), count(&calls, "C_Logout"), "{call}: {calls:?}");
        assert_eq!(calls.last().unwrap().0, "C_Finalize", "{call}: {calls:?}");
    }
}

/// With a PIN pad every secret is typed on the reader: the program asks for none when it changes, unlocks or erases a token.
#[test]
fn on_a_pin_pad_no_secret_is_asked_for() {
    let mut world = world();
    world.unset("SASTCTL_PIN_SOURCE");
    let pad = |pin: &str, new: &str| format!("pin-pad {pin}; pin-pad-new {new}; pin-pad-so 12345678");
    let (changed, calls) =
        world.faulty(&pad("Cisco123", "N3w-password"), &["token", "change-pin", "SAST token A"]);
    assert_eq!((changed.code, count(&calls, "C_SetPIN")), (0, 1), "{}", changed.all());
    assert!(changed.stderr.contains("Type the new PIN for SAST token A on its reader"), "{}", changed.stderr);
    sign(&mut world, "pin-pad N3w-password").0.done();

    let (wrong, calls) =
        world.faulty(&pad("wrong-one", "x1234567"), &["token", "change-pin", "SAST token A"]);
    assert_eq!((wrong.code, count(&calls, "C_SetPIN")), (3, 1), "{}", wrong.all());
    assert!(wrong.stderr.contains("the PIN is wrong (CKR_PIN_INCORRECT)"), "{}", wrong.stderr);

    let (unlocked, _) = world.faulty(&pad("", "Third-one-1"), &["token", "unlock", "SAST token A"]);
    unlocked.done();
    sign(&mut world, "pin-pad Third-one-1").0.done();

    // PKCS#11 does not allow one secret on the reader and the other from the program.
    let half = ["token", "change-pin", "SAST token A", "--new-pin-source=env:SAST_PIN"];
    let (refused, calls) = world.faulty(&pad("Third-one-1", "x"), &half);
    assert_eq!((refused.code, count(&calls, "C_SetPIN")), (2, 0), "{}", refused.all());
    // A token without a PIN pad is not asked to use one.
    let explicit = ["token", "unlock", "SAST token A", "--so-pin-source=pinpad", "--new-pin-source=pinpad"];
    let (none, calls) = world.faulty("", &explicit);
    assert_eq!((none.code, count(&calls, "C_Login")), (3, 0), "{}", none.all());
    assert!(none.stderr.contains("it has no PIN pad"), "{}", none.stderr);

    let confirm = format!("--confirm={}", world.serial("A"));
    // The module gets all 32 bytes directly, without the wrapper.
    let init = ["token", "init", "SAST token A", "--label=Ümlaut token with a name that i", &confirm];
    let (emptied, calls) = world.faulty(&pad("", "Fourth-one-1"), &init);
    assert_eq!((emptied.code, count(&calls, "C_InitToken")), (0, 1), "{}", emptied.all());
    let list = world.run(&["token", "list", "--json"]).done().json();
    let labels: Vec<_> =
        list["tokens"].as_array().unwrap().iter().map(|t| t["label"].as_str().unwrap()).collect();
    assert!(labels.contains(&"Ümlaut token with a name that i"), "{labels:?}");
}
