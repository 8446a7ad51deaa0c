//! `doctor` from start to end: the problems of this machine. The findings that need hardware are tested in `judging`.

mod judging;

use std::process::Command;

use crate::support::readers::Readers;
use crate::support::{World, softhsm_module};

/// The names of the findings that are problems.
fn problems(world: &World, args: &[&str]) -> Vec<String> {
    let outcome = world.run(&[&["doctor", "--json"], args].concat());
    let findings = outcome.json()["findings"].as_array().unwrap().clone();
    let problems: Vec<_> = findings.iter().filter(|f| f["severity"] == "problem").collect();
    assert_eq!(outcome.code, i32::from(!problems.is_empty()), "{}", outcome.all());
    for problem in &problems {
        for system in ["debian", "fedora", "macos", "windows"] {
            let advice = problem["remedies"][system].as_array().unwrap();
            assert!(!advice.is_empty(), "{problem}");
        }
    }
    problems.iter().map(|f| f["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn two_software_tokens_have_no_problems() {
    let world = World::with_tokens();
    let well = world.run(&["doctor"]).done();
    let lines: Vec<_> = well.stdout.lines().filter(|line| !line.contains("the clock shows")).collect();
    // The order of slots is random.
    let mut tokens: Vec<_> = lines[1..].to_vec();
    tokens.sort_unstable();
    insta::assert_snapshot!(format!("{}\n{}", lines[0], tokens.join("\n")), @"
    ok       MODULE (profile softhsm): Implementation of PKCS11 2.6 by SoftHSM, Cryptoki 2.40, 3 slots
    note     SAST token A: SAST-ADN008580ef expired on 2022-05-17: it still signs; no public source says that phones look at its date
    note     SAST token B: SAST-ADN0054f509 expired on 2020-06-09: it still signs; no public source says that phones look at its date
    ok       SAST token A: PIN ok
    ok       SAST token B: PIN ok
    ");
}

/// xrdp on Linux gives its sessions the readers of this machine.
#[test]
fn a_remote_desktop_session_is_a_matter_of_windows() {
    let mut world = World::new();
    let mut finds = |session: &str| {
        world.set("SESSIONNAME", session);
        problems(&world, &["--profile", "safenet-etoken"]).contains(&"remote-desktop".to_owned())
    };
    assert_eq!((finds("RDP-Tcp#0"), finds("Console")), (cfg!(windows), false));
}

#[test]
fn the_reason_why_a_module_does_not_load_is_shown() {
    let world = World::new();
    let compile = |source: &str, out: &str, more: &[&str]| {
        std::fs::write(world.path("source.c"), source).unwrap();
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "source.c", "-o", out]).args(more).current_dir(world.path(""));
        assert!(cc.status().unwrap().success());
    };
    compile("int x;", "plain.so", &[]);
    compile("int f(void) { return 1; }", "libneeded.so", &[]);
    compile("int f(void); int C_GetFunctionList(void) { return f(); }", "needs.so", &["-L.", "-lneeded"]);
    std::fs::remove_file(world.path("libneeded.so")).unwrap();
    let mut other = world.read("plain.so");
    // ELF's e_machine: EM_S390.
    (other[18], other[19]) = (22, 0);
    std::fs::write(world.path("other.so"), &other).unwrap();
    // Only the header of a shared library for 32-bit programs: class 1, little-endian, ET_DYN, EM_386, 52 bytes long.
    let mut small = [0_u8; 52];
    small[..7].copy_from_slice(b"\x7fELF\x01\x01\x01");
    (small[16], small[18], small[20], small[40], small[42]) = (3, 3, 1, 52, 32);
    (small[46], small[44]) = (40, 0);
    std::fs::write(world.path("small.so"), small).unwrap();
    std::fs::write(world.path("text.so"), "GROUP ( /usr/lib/libx.so )").unwrap();
    for (module, id) in [
        ("none.so", "module-missing"),
        ("plain.so", "module-not-pkcs11"),
        ("needs.so", "module-dependency"),
        ("other.so", "module-architecture"),
        ("small.so", "module-architecture"),
        ("text.so", "module-damaged"),
    ] {
        let path = world.path(module).display().to_string();
        assert_eq!(problems(&world, &["--profile=softhsm", "--module", &path]), [id], "{module}");
        // Every other command reports the same, in short.
        let list = world.run(&["token", "list", "--profile=softhsm", "--module", &path]);
        assert_eq!(list.code, 3, "{}", list.all());
    }
}

#[test]
fn missing_requirements_of_a_module_are_shown() {
    let mut world = World::new();
    world.set("SOFTHSM2_CONF", "/nonexistent");
    assert_eq!(problems(&world, &["--profile=softhsm"]), ["module-initialize"]);
    let profile = r#"
name = "mine"
description = "one that needs a daemon and a variable"
daemons = ["sastctl-nobody"]
[paths]
linux = ["MODULE"]
[[environment]]
name = "MINE_CONF"
required = true
purpose = "names its configuration"
"#;
    let profile = profile.replace("MODULE", softhsm_module().to_str().unwrap());
    std::fs::write(world.path("mine.toml"), profile).unwrap();
    assert_eq!(
        problems(&world, &["--profile=mine.toml"]),
        ["module-initialize", "environment", "middleware"]
    );
    // The daemon runs, under a name that the kernel cuts at 15 bytes.
    std::fs::copy("/bin/sleep", world.path("sastctl-nobody")).unwrap();
    let mut daemon = Command::new(world.path("sastctl-nobody")).arg("30").spawn().unwrap();
    world.set("MINE_CONF", "x");
    let found = problems(&world, &["--profile=mine.toml"]);
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    assert_eq!(found, ["module-initialize"]);
}

#[test]
fn tokens_and_pins_are_checked() {
    let mut world = World::with_tokens();
    world.behind_faulty_token();
    let tries = world.path("tries");
    world.set("FAULTY_SCRIPT", &format!("tries 15 {}", tries.display()));
    for (left, found) in [(15, vec![]), (2, vec![]), (1, vec!["pin-last-try"]), (0, vec!["pin-locked"])] {
        std::fs::write(&tries, format!("SAST token A={left}\n")).unwrap();
        assert_eq!(problems(&world, &[]), found, "{left}");
    }
    world.set("FAULTY_SCRIPT", "fail C_GetSlotList 1.. CKR_DEVICE_ERROR");
    assert_eq!(problems(&world, &[]), ["tokens"]);
    world.set("FAULTY_SCRIPT", "fail C_OpenSession 1 CKR_GENERAL_ERROR");
    assert_eq!(problems(&world, &[]), ["token-unreadable"]);
    world.set("FAULTY_SCRIPT", "present /nonexistent; empty-slots 8");
    assert_eq!(problems(&world, &[]), ["no-token"]);
    world.set("FAULTY_SCRIPT", "");
    world.pkcs11_tool("SAST token A", &["--delete-object", "--type", "cert", "--id", "01"]);
    assert_eq!(problems(&world, &[]), ["no-certificate"]);
}

/// A clock that is earlier than the build date of the program.
#[test]
fn a_slow_clock_is_reported() {
    let world = World::with_tokens();
    let program = world.path("sastctl");
    std::fs::copy(env!("CARGO_BIN_EXE_sastctl"), &program).unwrap();
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(3600);
    std::fs::File::options().write(true).open(&program).unwrap().set_modified(later).unwrap();
    let template = world.command(&["doctor"]);
    let mut command = Command::new(program);
    command.arg("doctor").env_clear().envs(template.get_envs().filter_map(|(k, v)| Some((k, v?))));
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("PROBLEM  the clock shows"), "{text}");
}

/// No service, readers without a card, a card, and the card removed again.
#[test]
fn readers_and_cards_are_checked() {
    let mut world = World::new();
    let Some(mut readers) = Readers::start(&mut world) else { return };
    assert_eq!(problems(&world, &[]), ["no-token"]);
    let empty = world.run(&["doctor"]);
    insta::assert_snapshot!(without_module_and_clock(&empty.stdout), @"
    ok       the smart card service is running
    ok       AKS ifdh 00 00: empty
    ok       AKS ifdh 00 01: empty
    PROBLEM  no token: the module shows 2 slots, all empty
             -> insert a token and wait for its light
             -> sastctl token watch reports when it is found
    ");
    readers.insert(0, "SAST-ADN008580ef");
    assert_eq!(problems(&world, &[]), Vec::<String>::new());
    let well = world.run(&["doctor"]).done();
    insta::assert_snapshot!(without_module_and_clock(&well.stdout), @"
    ok       the smart card service is running
    ok       AKS ifdh 00 00: a card, eToken 5100 or 5110, ATR 3BD518008131FE7D8073C82110F4
    ok       AKS ifdh 00 01: empty
    ok       SAST-ADN008580ef: PIN ok
    note     SAST-ADN008580ef: SAST-ADN008580ef expired on 2022-05-17: it still signs; no public source says that phones look at its date
    ");
    // A card that the module does not see: ykcs11 ignores readers with this name.
    let found = problems(&world, &["--profile=yubikey"]);
    if found != ["module-missing"] {
        assert!(found.contains(&"card-not-seen".to_owned()), "{found:?}");
    }
    readers.remove(0);
    assert_eq!(problems(&world, &[]), ["no-token"]);
    readers.stop_service();
    let found = problems(&world, &[]);
    assert!(found.contains(&"pcscd".to_owned()), "{found:?}");
    let advice = world.run(&["doctor", "--system", "fedora"]).stdout;
    assert!(advice.contains("sudo dnf install pcsc-lite"), "{advice}");
}

fn without_module_and_clock(text: &str) -> String {
    text.lines().skip(1).filter(|line| !line.contains("the clock shows")).collect::<Vec<_>>().join("\n")
}
