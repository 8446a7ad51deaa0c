//! Before a signature the operator sees what phones will do, wherever standard output goes; without a question, a refusal by
//! phones is still reported.

use rexpect::session::{PtySession, spawn_command};

use crate::pki;
use crate::support::{Outcome, World};

const REVERT: [&str; 4] = ["revert", "tokenless.tlv", "--token=SAST-ADN008580ef", "--spare=SAST-ADN0054f509"];
const LOCKS_OUT: [&str; 6] = [
    "ctl",
    "update",
    "itl.tlv",
    "--token=SAST-ADN008580ef",
    "--force",
    "--remove-server=tvs:CUCM8-Publisher.bbbburns.lab",
];
const REFUSED: &str = "refuse: SAST-ADN008580ef is not a trusted signer (SAST) in the phone's CTL; its list must be deleted by hand";
const LOCKED_OUT: &str = "LOCKED OUT: no TVS record is left";

fn world() -> World {
    let world = World::with_tokens();
    lists(&world);
    world
}

fn lists(world: &World) {
    world.place("tokenless.tlv", "tokenless.tlv");
    world.place("itl.tlv", "itl.tlv");
}

/// The program on a terminal, its standard output in a file.
fn on_a_terminal(world: &World, args: &[&str]) -> PtySession {
    let program = world.command(args);
    let mut command = world.program("sh", &["-c", "exec \"$0\" \"$@\" > output"]);
    command.arg(program.get_program()).args(program.get_args()).env("TERM", "dumb");
    spawn_command(command, Some(20_000)).unwrap()
}

#[test]
fn the_plan_is_shown_before_the_question_even_if_output_goes_to_a_file() {
    let world = world();
    let ways: [&[&str]; 6] =
        [&[], &["--json"], &["--json", "-q"], &["--out=-"], &["--out=-", "-q"], &["--out=-", "--json"]];
    for (command, says) in [(&REVERT[..], REFUSED), (&LOCKS_OUT[..], LOCKED_OUT)] {
        for way in ways {
            let args = [command, way].concat();
            let mut session = on_a_terminal(&world, &args);
            let seen = session.exp_string("Sign with").unwrap();
            assert!(seen.contains(says), "{args:?}: {seen}");
            assert_eq!(seen.matches("Plan\r\n").count(), 1, "{args:?}: {seen}");
            session.send_line("n").unwrap();
            let rest = session.exp_eof().unwrap();
            assert!(
                rest.contains("cancelled; nothing was signed and nothing was written"),
                "{args:?}: {rest}"
            );
        }
    }
    assert_eq!(world.files(), ["itl.tlv", "output", "tokenless.tlv"]);
}

/// One rule for all commands: without a terminal nothing is signed, no key is made and no file is written unless `--yes` is
/// given.
#[test]
fn without_a_terminal_nothing_is_done_without_yes() {
    let world = world();
    world.place("token-signed.tlv", "CTLFile.tlv");
    let server = pki::path("tests/testdata/pki/cucm-1051-a-pub.der").display().to_string();
    let cluster =
        format!("[[server]]\nfunction = 'CCM+TFTP'\naddress = '10.1.1.1'\ncertificate = '{server}'\n");
    std::fs::write(world.path("cluster.toml"), cluster).unwrap();
    std::fs::write(world.path("SEP001122334455.cnf.xml"), "<device/>\n").unwrap();
    let issued = pki::path("softhsm-fixtures/SAST-ADN008580ef.der").display().to_string();
    let (signer, spare) = ("--token=SAST-ADN008580ef", "--spare=SAST-ADN0054f509");
    let before = world.files();
    let objects = world.run(&["token", "list", "--json"]).done().stdout;
    let acts: [&[&str]; 8] = [
        &REVERT,
        &["ctl", "update", "CTLFile.tlv", "--set-mode=non-secure", signer],
        &["ctl", "sign", "CTLFile.tlv", signer],
        &["ctl", "sign", "SEP001122334455.cnf.xml", "CTLFile.tlv", "--out=.", signer],
        &["ctl", "create", "--cluster=cluster.toml", signer, spare],
        &["cert", "enroll", "SAST token B", "--name=SAST-NEW"],
        &["cert", "enroll", "SAST token B", "--name=SAST-NEW", "--csr=new.csr"],
        &["cert", "enroll", "SAST token A", "--import", &issued],
    ];
    for act in acts {
        for more in [&[][..], &["--json"]] {
            let args = [act, more].concat();
            let refused = world.run_without_yes(&args, b"y\n");
            assert_eq!(refused.code, 2, "{args:?}: {}", refused.all());
            assert!(refused.stderr.contains("--yes confirms without a question"), "{}", refused.stderr);
            assert_eq!(world.files(), before, "{args:?}");
        }
    }
    assert_eq!(world.run(&["token", "list", "--json"]).done().stdout, objects, "no key, no certificate");
    assert!(!world.path("state/sastctl").exists(), "no run was begun");
}

/// The question names the file that will be written, and says if it replaces an existing file.
#[test]
fn the_question_names_the_file() {
    let world = world();
    std::fs::write(world.path("there.tlv"), "yesterday's").unwrap();
    for (more, says) in [
        (&[][..], "write tokenless.new.tlv? [y/N]"),
        (&["--out=there.tlv"], "replace there.tlv (the old one is kept as .bak)? [y/N]"),
        (&["--out=-"], "write to standard output? [y/N]"),
    ] {
        let mut session = on_a_terminal(&world, &[&REVERT[..], more].concat());
        session.exp_string("Sign with SAST-ADN008580ef on \"SAST token A\" (").unwrap();
        session.exp_string(&format!("), and {says}")).unwrap();
        session.send_line("n").unwrap();
        session.exp_eof().unwrap();
    }
    let key = ["cert", "enroll", "SAST token B", "--name=SAST-NEW", "--csr=new.csr"];
    let mut session = on_a_terminal(&world, &key);
    session.exp_string("Make the key on \"SAST token B\", and write new.csr? [y/N]").unwrap();
    session.send_line("n").unwrap();
    session.exp_eof().unwrap();
}

/// The same for each of many files.
#[test]
fn every_plan_of_many_files_is_shown() {
    let world = world();
    std::fs::create_dir(world.path("out")).unwrap();
    let names: Vec<String> = (0..3).map(|n| world.place("token-signed.tlv", &format!("{n}.tlv"))).collect();
    let args = ["ctl", "sign", "--token=SAST-ADN008580ef", "--out=out", "0.tlv", "1.tlv", "2.tlv"];
    for more in [&[][..], &["--json"]] {
        let mut session = on_a_terminal(&world, &[&args[..], more].concat());
        let seen = session.exp_string("Sign with").unwrap();
        for name in &names {
            assert!(seen.contains(&format!("Phones that hold {name}\r\n")), "{more:?}: {seen}");
        }
        session.send_line("n").unwrap();
        session.exp_eof().unwrap();
    }
}

#[test]
fn with_yes_a_refusal_by_phones_is_still_reported() {
    let world = world();
    let ways: [&[&str]; 5] = [
        &["--json"],
        &["--json", "-q"],
        &["--out=-", "-q"],
        &["--out=-", "--json"],
        &["--json", "--dry-run"],
    ];
    for (command, says) in [(&REVERT[..], REFUSED), (&LOCKS_OUT[..], LOCKED_OUT)] {
        for way in ways {
            let args = [command, way, &["--yes"]].concat();
            lists(&world);
            let Outcome { code, stderr, .. } = world.run(&args);
            assert_eq!(code, 0, "{args:?}: {stderr}");
            let told = stderr.lines().filter(|line| line.starts_with("warning: ") && line.contains(says));
            assert_eq!(told.count(), 1, "{args:?}: {stderr}");
        }
        // If the plan itself is shown, the refusal is not repeated.
        for (more, place) in [(&[][..], "stdout"), (&["--out=-"], "stderr")] {
            lists(&world);
            let outcome = world.run(&[command, more, &["--yes"]].concat()).done();
            let text = if place == "stdout" { &outcome.stdout } else { &outcome.stderr };
            assert!(text.contains(says), "{}", outcome.all());
            assert!(
                !outcome.stderr.lines().any(|l| l.starts_with("warning: ") && l.contains(says)),
                "{}",
                outcome.stderr
            );
        }
    }
}

/// A dry run does not write to the target of the file.
#[test]
fn a_quiet_dry_run_still_prints_the_plan() {
    let world = world();
    let outcome = world.run(&[&REVERT[..], &["--out=-", "-q", "--dry-run"]].concat()).done();
    assert!(outcome.stdout.contains(REFUSED), "{}", outcome.all());
    assert!(outcome.stdout.contains("Plan digest "), "{}", outcome.all());
}
