//! A token's PIN is changed, a token is unlocked, a token is made empty.

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

    let wrong = world.run(&[&change[..], &["--pin-source", "env:WRONG"]].concat());
    assert_eq!(wrong.code, 3);
    assert!(wrong.stderr.contains("the PIN is wrong (CKR_PIN_INCORRECT)"), "{}", wrong.stderr);
    assert!(signs(&world, "NEW_PIN"), "nothing changed");
    // Back to what everybody knows.
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
    assert!(back.stderr.contains("everybody knows it"), "{}", back.stderr);
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
fn a_token_is_made_empty_when_its_serial_number_is_typed() {
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
