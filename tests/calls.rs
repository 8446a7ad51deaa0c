//! The number of PKCS#11 calls of each command: on a USB token each call is a round trip.

use crate::support::World;

/// The calls of a command on SoftHSM with two tokens and its spare slot, counted by pkcs11-spy.
fn calls(world: &mut World, args: &[&str]) -> Vec<String> {
    calls_by("softhsm", world, args)
}

fn calls_by(profile: &str, world: &mut World, args: &[&str]) -> Vec<String> {
    let spy = world.spied_on();
    let _ = std::fs::remove_file(world.path("calls"));
    let args = [&["--module", &spy, "--profile", profile], args].concat();
    world.run(&args).done();
    called(world)
}

fn called(world: &World) -> Vec<String> {
    let log = String::from_utf8_lossy(&world.read("calls")).into_owned();
    let number = |line: &str| line.split(':').next().is_some_and(|n| n.parse::<u32>().is_ok());
    let calls = log.lines().filter(|line| number(line)).filter_map(|line| line.split(": ").nth(1));
    calls.filter(|name| name.starts_with("C_")).map(|name| name.trim().to_owned()).collect()
}

/// The serial number of the token in the first slot, which is found first.
fn first_serial(world: &World) -> String {
    let list = world.run(&["token", "list", "--json"]).done();
    let list: serde_json::Value = serde_json::from_slice(&list.bytes).unwrap();
    list["tokens"][0]["serial"].as_str().unwrap().to_owned()
}

#[track_caller]
fn at_most(limit: usize, what: &str, calls: &[String]) {
    assert!(calls.len() <= limit, "{what}: {} calls, at most {limit}: {calls:?}", calls.len());
}

#[test]
fn no_command_makes_more_calls_than_it_needs() {
    let mut world = World::with_tokens();
    world.place("tokenless.tlv", "CTLFile.tlv");
    let list = calls(&mut world, &["token", "list"]);
    at_most(11 + 2 * 6, "token list", &list);
    let serial = first_serial(&world);
    at_most(13, "cert export", &calls(&mut world, &["cert", "export", "--token", &serial, "--out=-"]));
    // The token in the second slot: the serial number of the first one must be read, too, as pkcs11-tool does.
    let other = if serial == world.serial("A") { world.serial("B") } else { world.serial("A") };
    at_most(14, "cert export", &calls(&mut world, &["cert", "export", "--token", &other, "--out=-"]));

    let revert = ["revert", "CTLFile.tlv", "--token", "SAST-ADN008580ef", "--spare", "SAST-ADN0054f509"];
    let revert = calls(&mut world, &[&revert[..], &["--out=new.tlv", "--yes"]].concat());
    at_most(40, "revert", &revert);
    let count = |name: &str| revert.iter().filter(|call| *call == name).count();
    assert_eq!((count("C_Login"), count("C_Logout"), count("C_Finalize")), (1, 1, 1), "{revert:?}");

    at_most(
        30,
        "ctl sign",
        &calls(&mut world, &["ctl", "sign", "new.tlv", "--token", &serial, "--out=x.tlv"]),
    );
}

/// At a terminal the operator may exchange the token, so it is checked once more before the PIN; nothing else is read again.
#[cfg(unix)]
#[test]
fn a_terminal_needs_one_more_call() {
    let mut world = World::with_tokens();
    world.place("token-signed.tlv", "one.tlv");
    let serial = first_serial(&world);
    let sign = ["ctl", "sign", "one.tlv", "--token", &serial, "--out=new.tlv"];
    let alone = calls(&mut world, &[&sign[..], &["--yes"]].concat());
    std::fs::remove_file(world.path("calls")).unwrap();
    let spy = world.spied_on();
    let mut command = world.command(&[&["--module", &spy, "--profile", "softhsm"], &sign[..]].concat());
    command.env("TERM", "dumb");
    let mut session = rexpect::session::spawn_command(command, Some(20_000)).unwrap();
    session.exp_string("Sign with").unwrap();
    session.send_line("y").unwrap();
    let said = session.exp_eof().unwrap();
    assert!(said.contains("verified"), "{said}");
    let on_terminal = called(&world);
    assert_eq!(on_terminal.len(), alone.len() + 1, "{on_terminal:?}");
}

/// A thousand files take one login, and three calls each; for many files a second session signs a part if the profile says so.
#[test]
fn every_further_file_takes_three_calls() {
    let mut world = World::with_tokens();
    let sign = ["ctl", "sign", "--in-place", "--token", "SAST token A"];
    world.place("token-signed.tlv", "one.tlv");
    let one = calls(&mut world, &[&sign[..], &["one.tlv"]].concat()).len();
    let profile = concat!(include_str!("../hsm-profiles/softhsm.toml"), "\n[sign]\nsessions = 2\n");
    std::fs::write(world.path("two.toml"), profile).unwrap();
    let cases = [("softhsm", 30, 0), ("two.toml", 8, 0), ("two.toml", 9, 2), ("two.toml", 30, 2)];
    for (profile, count, second_session) in cases {
        let names: Vec<_> =
            (0..count).map(|n| world.place("token-signed.tlv", &format!("{n}.tlv"))).collect();
        let all: Vec<&str> = sign.iter().copied().chain(names.iter().map(String::as_str)).collect();
        let calls = calls_by(profile, &mut world, &all);
        assert_eq!(calls.len(), one + (count - 1) * 3 + second_session, "{profile}: {count} files");
    }
}
