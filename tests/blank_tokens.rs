//! A token that was never initialised: it is empty, and can be initialised.

use crate::support::World;

fn world() -> World {
    let mut world = World::with_tokens();
    for (name, value) in [("NEW_PIN", "N3w-password"), ("SO_PIN", "12345678")] {
        world.set(name, value);
    }
    world
}

/// The slot of SoftHSM's uninitialised token, which always exists.
fn blank_slot(world: &World) -> String {
    let tokens = world.run(&["token", "list", "--json"]).done().json();
    let mut all = tokens["tokens"].as_array().unwrap().iter();
    all.find(|token| token["initialized"] == false).unwrap()["slot_id"].to_string()
}

#[test]
fn a_blank_token_is_initialised() {
    let world = world();
    let slot = blank_slot(&world);
    let selector = format!("pkcs11:slot-id={slot}");
    let init = ["token", "init", &selector, "--label=Fresh", "--so-pin-source=env:SO_PIN"];
    let init = [&init[..], &["--new-pin-source=env:NEW_PIN"]].concat();
    let refused = world.run(&init);
    assert_eq!(refused.code, 2, "{}", refused.all());
    assert!(refused.stderr.contains(&format!("--confirm {slot}")), "{}", refused.stderr);
    let other = world.run(&[&init[..], &["--confirm", &world.serial("A")]].concat());
    assert_eq!(other.code, 2, "{}", other.all());
    let ready = world.run(&[&init[..], &["--confirm", &slot]].concat()).done();
    assert!(ready.stdout.contains("its label is now \"Fresh\""), "{}", ready.stdout);
    let tokens = world.run(&["token", "list", "--json"]).done().json();
    let fresh = tokens["tokens"].as_array().unwrap().iter().find(|t| t["label"] == "Fresh").unwrap().clone();
    assert_eq!((&fresh["initialized"], &fresh["pin_state"]), (&true.into(), &"ok".into()));
    let enroll = ["cert", "enroll", "Fresh", "--name=SAST-FRESH", "--bits=1024"];
    world.run(&[&enroll[..], &["--pin-source=env:NEW_PIN"]].concat()).done();
}

/// Only init accepts a blank token, by any selector.
#[test]
fn a_blank_token_cannot_sign_or_be_unlocked() {
    let world = world();
    let selector = format!("pkcs11:slot-id={}", blank_slot(&world));
    let pins = ["--so-pin-source=env:SO_PIN", "--new-pin-source=env:NEW_PIN"];
    for command in [
        vec!["cert", "show", "--token", &selector],
        [&["token", "unlock", &selector][..], &pins].concat(),
        vec!["cert", "enroll", &selector, "--name=SAST-X"],
    ] {
        let refused = world.run(&command);
        assert_eq!(refused.code, 3, "{}", refused.all());
        assert!(refused.stderr.contains("no token matches"), "{}", refused.stderr);
    }
    let none =
        world.run(&[&["token", "init", "SAST token Z", "--label=E", "--confirm=1"][..], &pins].concat());
    assert!(none.stderr.contains("there is  blank token in slot "), "{}", none.stderr);
}
