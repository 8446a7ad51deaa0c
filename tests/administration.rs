//! A token's PIN is changed, a token is unlocked, a token is erased.

use crate::support::World;

fn world() -> World {
    let mut world = World::with_tokens();
    world.place("token-signed.tlv", "CTLFile.tlv");
    for (name, value) in [("NEW_PIN", "N3w-password"), ("SO_PIN", "12345678"), ("WRONG", "Wr0ng-one")] {
        world.set(name, value);
    }
    world
}

fn signs(world: &World, pin: &str) -> bool {
    let source = format!("env:{pin}");
    let args =
        ["ctl", "sign", "CTLFile.tlv", "--token", "SAST token A", "--out=x.tlv", "--pin-source", &source];
    world.run(&args).code == 0
}

#[test]
fn a_pin_is_changed() {
    let world = world();
    let change = ["token", "change-pin", "SAST token A", "--new-pin-source", "env:NEW_PIN"];
    let done = world.run(&change).done();
    assert!(done.stdout.contains("the PIN was changed"), "{}", done.all());
    assert!(signs(&world, "NEW_PIN") && !signs(&world, "SAST_PIN"));
    assert!(!done.all().contains("N3w-password"), "{}", done.all());
    assert!(!done.all().contains("public factory PIN"), "it is a good one: {}", done.all());
    let factory = ["token", "change-pin", "SAST token A", "--pin-source", "env:NEW_PIN", "--new-pin-source"];
    let back = world.run(&[&factory[..], &["env:SAST_PIN"]].concat()).done();
    assert!(back.stderr.contains("the new PIN is the public factory PIN"), "{}", back.all());
    world.run(&change).done();

    let wrong = world.run(&[&change[..], &["--pin-source", "env:WRONG"]].concat());
    assert_eq!(wrong.code, 3);
    assert!(wrong.stderr.contains("the PIN is wrong (CKR_PIN_INCORRECT)"), "{}", wrong.stderr);
    assert!(signs(&world, "NEW_PIN"), "nothing changed");
    // Back to the factory PIN.
    let back = [
        "token",
        "change-pin",
        "SAST token A",
        "--pin-source",
        "env:NEW_PIN",
        "--new-pin-source",
        "env:SAST_PIN",
    ];
    let back = world.run(&back).done();
    assert!(back.stderr.contains("public factory PIN"), "{}", back.stderr);
}

#[test]
fn a_new_pin_of_impossible_length_costs_no_try() {
    let mut world = world();
    world.set("NEW_PIN", "abc");
    let short = world.run(&["token", "change-pin", "SAST token A", "--new-pin-source", "env:NEW_PIN", "-v"]);
    assert_eq!(short.code, 3);
    assert!(short.stderr.contains("3") && !short.stderr.contains("C_SetPIN"), "{}", short.stderr);
    assert!(signs(&world, "SAST_PIN"));
}

#[test]
fn a_token_gets_a_new_pin_from_its_administrator() {
    let world = world();
    let unlock = |so: &str| {
        let source = format!("env:{so}");
        world.run(&[
            "token",
            "unlock",
            "SAST token A",
            "--so-pin-source",
            &source,
            "--new-pin-source",
            "env:NEW_PIN",
        ])
    };
    let wrong = unlock("WRONG");
    assert_eq!(wrong.code, 3);
    assert!(
        wrong.stderr.contains("the administrator (SO) PIN is wrong (CKR_PIN_INCORRECT)"),
        "{}",
        wrong.stderr
    );
    assert!(signs(&world, "SAST_PIN"), "nothing changed");
    unlock("SO_PIN").done();
    assert!(signs(&world, "NEW_PIN") && !signs(&world, "SAST_PIN"));
}

#[test]
fn a_token_is_erased_after_its_serial_number_is_typed() {
    let world = world();
    let init = |more: &[&str]| {
        let args = [
            "token",
            "init",
            "SAST token A",
            "--label",
            "Empty",
            "--so-pin-source",
            "env:SO_PIN",
            "--new-pin-source",
            "env:NEW_PIN",
        ];
        world.run(&[&args[..], more].concat())
    };
    for wrong in [&[][..], &["--confirm", "yes"], &["--confirm", &world.serial("B")]] {
        let refused = init(wrong);
        assert_eq!(refused.code, 2, "{}", refused.all());
        assert!(refused.stderr.contains("nothing was deleted"), "{}", refused.stderr);
    }
    assert!(signs(&world, "SAST_PIN"));
    init(&["--confirm", &world.serial("A")]).done();
    let tokens = world.run(&["token", "list", "--json"]).done().json();
    let empty = tokens["tokens"].as_array().unwrap().iter().find(|t| t["label"] == "Empty").unwrap().clone();
    assert_eq!(empty["certificates"].as_array().unwrap().len(), 0);
    assert_eq!(empty["pin_state"], "ok");
}

/// The administrator's PIN has its own counter; after its last try the token is lost.
#[test]
fn the_pin_counter_of_the_administrator_is_respected() {
    let mut world = world();
    world.behind_faulty_token();
    let script = format!("so-tries 15 {}", world.path("so-tries").display());
    let serial = world.serial("A");
    let pins = ["--so-pin-source", "env:SO_PIN", "--new-pin-source", "env:NEW_PIN"];
    let unlock = [&["token", "unlock", "SAST token A"][..], &pins].concat();
    let init = ["token", "init", "SAST token A", "--label", "Empty", "--confirm", &serial];
    let init = [&init[..], &pins].concat();
    let spent = |calls: &[(String, u64)]| {
        calls.iter().filter(|(name, _)| ["C_Login", "C_InitToken"].contains(&name.as_str())).count()
    };
    let counter = world.path("so-tries");
    let left = |n: u32| std::fs::write(&counter, format!("SAST token A={n}\n")).unwrap();
    for (tries, says) in
        [(0, "administrator (SO) PIN is locked"), (1, "this is the last try of the administrator PIN!")]
    {
        for command in [&unlock, &init] {
            left(tries);
            let (refused, calls) = world.faulty(&script, command);
            assert_eq!((refused.code, spent(&calls)), (3, 0), "{}", refused.all());
            assert!(refused.stderr.contains(says), "{}", refused.stderr);
        }
    }
    // Another program uses up tries before the login: the confirmation is no longer valid.
    for (command, before) in [(&unlock, "C_OpenSession"), (&init, "C_GetTokenInfo")] {
        for tries in [0, 1] {
            left(15);
            let nth = if before == "C_GetTokenInfo" { 2 } else { 1 };
            let delayed = format!("{script}; {}", world.hold(before, nth));
            let _ = std::fs::remove_file(world.path("calls"));
            world.set("FAULTY_SCRIPT", &delayed);
            let child = world.command(command).stderr(std::process::Stdio::piped()).spawn().unwrap();
            world.until_held(before);
            left(tries);
            world.release();
            let output = child.wait_with_output().unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            let calls = world.calls();
            assert_eq!(
                (output.status.code(), spent(&calls)),
                (Some(3), 0),
                "{command:?} {tries}: {stderr}\n{calls:?}"
            );
        }
    }
    left(2);
    let (done, _) = world.faulty(&script, &unlock);
    assert!(done.done().stderr.contains("few tries are left"));
}

/// The new PIN and the label are checked before the token is erased.
#[test]
fn a_token_is_not_erased_if_the_pin_or_label_is_invalid() {
    let mut world = world();
    let serial = world.serial("A");
    world.set("SHORT", "abc");
    let long = "x".repeat(33);
    for (label, new, code, why) in [
        ("Empty", "env:SHORT", 3, "the new PIN has 3 characters; the token accepts 4 to 255"),
        ("Empty", "pinpad", 3, "no PIN pad"),
        ("", "env:NEW_PIN", 2, "a token's label has 1 to 32 bytes; this one has 0"),
        ("  ", "env:NEW_PIN", 2, "a token's label has 1 to 32 bytes"),
        (&long, "env:NEW_PIN", 2, "a token's label has 1 to 32 bytes; this one has 33"),
        ("Bücher", "env:SHORT", 3, "the new PIN has 3 characters"),
    ] {
        let init =
            ["token", "init", "SAST token A", "--confirm", &serial, "-v", "--so-pin-source=env:SO_PIN"];
        let refused = world.run(&[&init[..], &["--label", label, "--new-pin-source", new]].concat());
        assert_eq!(refused.code, code, "{label:?} {new}: {}", refused.all());
        assert!(refused.stderr.contains(why), "{label:?} {new}: {}", refused.stderr);
        assert!(!refused.stderr.contains("C_InitToken"), "{}", refused.stderr);
    }
    assert!(signs(&world, "SAST_PIN"), "nothing was deleted");
}

/// An error after the token was erased reports that it was erased.
#[test]
fn an_erased_token_without_a_pin_is_reported() {
    let mut world = world();
    world.behind_faulty_token();
    let serial = world.serial("A");
    let init = ["token", "init", "SAST token A", "--confirm", &serial, "--label=Empty"];
    let init = [&init[..], &["--so-pin-source=env:SO_PIN", "--new-pin-source=env:NEW_PIN"]].concat();
    let (failed, _) = world.faulty("fail C_InitPIN 1 CKR_DEVICE_ERROR", &init);
    assert_eq!(failed.code, 3, "{}", failed.all());
    for part in
        ["C_InitPIN failed: CKR_DEVICE_ERROR", "the token was erased", "no PIN", "sastctl token unlock "]
    {
        assert!(failed.stderr.contains(part), "{part}: {}", failed.stderr);
    }
    // A later command reports it, too.
    let (unset, _) = world.faulty("", &["token", "change-pin", &serial, "--new-pin-source=env:NEW_PIN"]);
    assert!(unset.stderr.contains("no PIN is set on the token"), "{}", unset.stderr);
    assert!(unset.stderr.contains("sastctl token unlock"), "{}", unset.stderr);
    // The command in the hint sets the PIN.
    let unlock = failed.stderr.split("sastctl token unlock ").nth(1).unwrap();
    assert_eq!(unlock.split_whitespace().next(), Some("serial-A"));
    let pins = ["--so-pin-source=env:SO_PIN", "--new-pin-source=env:NEW_PIN"];
    world.faulty("", &[&["token", "unlock", &serial][..], &pins].concat()).0.done();
    let tokens = world.run(&["token", "list", "--json"]).done().json();
    let empty = tokens["tokens"].as_array().unwrap().iter().find(|t| t["label"] == "Empty").unwrap().clone();
    assert_eq!(empty["pin_state"], "ok");
}

/// The hint of an ambiguous token names `--token`, and so does the help.
#[test]
fn the_token_can_also_be_given_with_the_global_option() {
    let mut world = world();
    let (a, b) = (world.serial("A"), world.serial("B"));
    let change = ["token", "change-pin", "--new-pin-source=env:NEW_PIN"];
    let which = world.run(&change);
    assert!(which.stderr.contains("name one: --token serial-"), "{}", which.stderr);
    world.run(&[&change[..], &["--token", &a]].concat()).done();
    assert!(signs(&world, "NEW_PIN"));
    let unlock =
        ["token", "unlock", "--so-pin-source=env:SO_PIN", "--new-pin-source=env:SAST_PIN", "--token"];
    world.run(&[&unlock[..], &[&a]].concat()).done();
    assert!(signs(&world, "SAST_PIN"));
    let init =
        ["token", "init", "--label=Empty", "--so-pin-source=env:SO_PIN", "--new-pin-source=env:NEW_PIN"];
    let none = world.run(&[&init[..], &["--confirm", &b]].concat());
    assert_eq!(none.code, 2, "{}", none.all());
    assert!(none.stderr.contains("name the token to erase"), "{}", none.stderr);
    world.set("SASTCTL_TOKEN", &a);
    let other = world.run(&[&init[..], &["--confirm", &b, &b]].concat()).done();
    assert!(other.stdout.contains("erased; its label is now"), "{}", other.all());
    assert!(signs(&world, "SAST_PIN"), "the token that is named behind the command is the one that is meant");
    world.unset("SASTCTL_TOKEN");
    world.run(&[&init[..], &["--token", &a, "--confirm", &a]].concat()).done();
}

/// A command in a shell that opens descriptor 7 for it.
fn with_descriptor(world: &World, args: &[&str], redirection: &str) -> crate::support::Outcome {
    let mut shell = vec!["-c", redirection, env!("CARGO_BIN_EXE_sastctl")];
    shell.extend(args);
    let output = world.program("sh", &shell).output().unwrap();
    crate::support::Outcome {
        code: output.status.code().unwrap_or(-1),
        stdout: world.named(&String::from_utf8_lossy(&output.stdout)),
        stderr: world.named(&String::from_utf8_lossy(&output.stderr)),
        bytes: output.stdout,
    }
}

/// One descriptor, a file or a pipe, contains both secrets, one in each line.
#[test]
fn two_secrets_come_from_two_lines_of_one_descriptor() {
    let mut world = world();
    let change = ["token", "change-pin", "SAST token A"];
    world.set("OTHER", "0ther-password");
    for (source, redirection, old, new) in [
        ("fd:7", r#"exec "$0" "$@" 7<pins"#, "SAST_PIN", "NEW_PIN"),
        ("fd:7", r#"cat pins | (exec "$0" "$@" 7<&0)"#, "NEW_PIN", "OTHER"),
        ("file:/dev/fd/7", r#"exec "$0" "$@" 7<pins"#, "OTHER", "NEW_PIN"),
        ("fd:0", r#"exec "$0" "$@" <pins"#, "NEW_PIN", "OTHER"),
        ("file:/dev/stdin", r#"exec "$0" "$@" <pins"#, "OTHER", "SAST_PIN"),
    ] {
        let text = |name: &str| match name {
            "SAST_PIN" => crate::support::PIN,
            "NEW_PIN" => "N3w-password",
            _ => "0ther-password",
        };
        std::fs::write(world.path("pins"), format!("{}\n{}\n", text(old), text(new))).unwrap();
        let args = [&change[..], &["--pin-source", source, "--new-pin-source", source]].concat();
        with_descriptor(&world, &args, redirection).done();
        assert!(signs(&world, new) && !signs(&world, old), "{source} {redirection}");
    }
    // A descriptor that has no second line has no second secret.
    std::fs::write(world.path("pins"), format!("{}\n", crate::support::PIN)).unwrap();
    let args = [&change[..], &["--pin-source=fd:7", "--new-pin-source=fd:7"]].concat();
    let missing = with_descriptor(&world, &args, r#"exec "$0" "$@" 7<pins"#);
    assert_eq!(missing.code, 3, "{}", missing.all());
    assert!(missing.stderr.contains("the new PIN for SAST token A is empty"), "{}", missing.stderr);
    let closed = with_descriptor(&world, &args, r#"exec "$0" "$@""#);
    assert!(closed.stderr.contains("the PIN cannot be read from file descriptor 7"), "{}", closed.stderr);
    assert!(signs(&world, "SAST_PIN"));
}

/// The same file or the same secret for both PINs would change nothing, so it is an error.
#[test]
fn the_new_pin_must_differ_from_the_old_one() {
    let world = world();
    std::fs::write(world.path("pin"), "Cisco123\nN3w-password\n").unwrap();
    let serial = world.serial("A");
    let so_pin = ["--so-pin-source=file:pin", "--new-pin-source=file:./pin"];
    let init = ["token", "init", "SAST token A", "--label=Empty", "--confirm", &serial];
    let one_file = "a file contains only one secret: pin is given for two";
    let cases = [
        (
            [
                &["token", "change-pin", "SAST token A"][..],
                &["--pin-source=file:pin", "--new-pin-source=file:pin"],
            ]
            .concat(),
            2,
            one_file,
        ),
        ([&["token", "unlock", "SAST token A"][..], &so_pin].concat(), 2, one_file),
        ([&init[..], &so_pin].concat(), 2, one_file),
        (
            vec!["token", "change-pin", "SAST token A", "--new-pin-source=env:SAST_PIN"],
            3,
            "the new PIN is the old one",
        ),
        (
            [
                &["token", "unlock", "SAST token A"][..],
                &["--so-pin-source=env:SO_PIN", "--new-pin-source=env:SO_PIN"],
            ]
            .concat(),
            3,
            "the new PIN is the administrator (SO) PIN",
        ),
        (
            [&init[..], &["--so-pin-source=env:SO_PIN", "--new-pin-source=env:SO_PIN"]].concat(),
            3,
            "the new PIN is the administrator (SO) PIN",
        ),
    ];
    for (args, code, why) in cases {
        let refused = world.run(&[&args[..], &["-v"]].concat());
        assert_eq!(refused.code, code, "{args:?}: {}", refused.all());
        assert!(refused.stderr.contains(why), "{args:?}: {}", refused.stderr);
        let tried = ["C_Login", "C_SetPIN", "C_InitToken"].iter().any(|call| refused.stderr.contains(call));
        assert!(!tried, "{}", refused.stderr);
    }
    assert!(signs(&world, "SAST_PIN"));
}

/// A token may have rules for PINs: if it refuses the new PIN, the old PIN is not reported as wrong.
#[test]
fn a_new_pin_that_the_token_refuses_is_reported_as_the_new_one() {
    let mut world = world();
    world.behind_faulty_token();
    let pins = ["--so-pin-source=env:SO_PIN", "--new-pin-source=env:NEW_PIN"];
    let change = ["token", "change-pin", "SAST token A", "--new-pin-source=env:NEW_PIN"];
    let unlock = [&["token", "unlock", "SAST token A"][..], &pins].concat();
    let serial = world.serial("A");
    let init =
        [&["token", "init", "SAST token A", "--label=Empty", "--confirm", &serial][..], &pins].concat();
    for code in ["CKR_PIN_INVALID", "CKR_PIN_LEN_RANGE"] {
        for (call, command, which) in [
            ("C_SetPIN", &change[..], "the new PIN"),
            ("C_InitPIN", &unlock, "the new PIN"),
            ("C_InitToken", &init, "the administrator (SO) PIN"),
        ] {
            let (refused, _) = world.faulty(&format!("fail {call} 1 {code}"), command);
            assert_eq!(refused.code, 3, "{call}: {}", refused.all());
            let says = format!("error: the token does not accept {which} ({code})");
            assert!(refused.stderr.contains(&says), "{call}: {}", refused.stderr);
            assert!(refused.stderr.contains("no try was used"), "{call}: {}", refused.stderr);
            assert!(!refused.stderr.contains("wrong"), "{call}: {}", refused.stderr);
        }
    }
    // A PIN that is tried and does not match is wrong, whatever the option.
    let (wrong, _) = world.faulty("fail C_SetPIN 1 CKR_PIN_INCORRECT", &change);
    assert!(wrong.stderr.contains("error: the PIN is wrong (CKR_PIN_INCORRECT)"), "{}", wrong.stderr);
    world.set("NEW_PIN", "abc");
    let (short, _) = world.faulty("", &change);
    assert!(short.stderr.contains("error: the new PIN has 3 characters"), "{}", short.stderr);
    world.set("SO_PIN", "12");
    let (short, _) = world.faulty("", &unlock);
    assert!(short.stderr.contains("error: the administrator (SO) PIN has 2 characters"), "{}", short.stderr);
}

/// No PIN is asked for if the token is locked.
#[test]
fn a_locked_token_is_refused_before_a_secret_is_asked_for() {
    let mut world = world();
    world.behind_faulty_token();
    let serial = world.serial("A");
    let counter = world.path("tries");
    std::fs::write(&counter, "SAST token A=0\n").unwrap();
    let script = |kind: &str| format!("{kind} 15 {}", counter.display());
    let nowhere = ["--so-pin-source=env:NOWHERE", "--new-pin-source=env:NOWHERE"];
    let change = ["token", "change-pin", "SAST token A", "--pin-source=env:NOWHERE", nowhere[1]];
    let unlock = [&["token", "unlock", "SAST token A"][..], &nowhere].concat();
    let init = [&["token", "init", "SAST token A", "--label=E", "--confirm", &serial][..], &nowhere].concat();
    for (kind, command, why) in [
        ("tries", &change[..], "error: the PIN is locked (CKR_PIN_LOCKED)"),
        ("so-tries", &unlock, "error: the administrator (SO) PIN is locked"),
        ("so-tries", &init, "error: the administrator (SO) PIN is locked"),
    ] {
        let (refused, _) = world.faulty(&script(kind), command);
        assert_eq!(refused.code, 3, "{}", refused.all());
        assert!(refused.stderr.contains(why), "{}", refused.stderr);
    }
    let pins = ["--so-pin-source=env:SO_PIN", "--new-pin-source=env:NEW_PIN"];
    let unlock = [&["token", "unlock", "SAST token A"][..], &pins].concat();
    let (refused, _) = world.faulty("fail C_InitPIN 1 CKR_TOKEN_WRITE_PROTECTED", &unlock);
    assert!(refused.stderr.contains("help: the token is write-protected"), "{}", refused.stderr);
}
