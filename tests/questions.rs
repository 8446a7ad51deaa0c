//! Before a signature: whoever is asked has seen what phones will do, wherever standard output goes; and where nobody is
//! asked, what phones refuse is still said.

use rexpect::session::{PtySession, spawn_command};

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
const REFUSED: &str =
    "refuse: SAST-ADN008580ef is not SAST in the CTL that they hold; their list must be deleted by hand";
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
fn whoever_is_asked_has_seen_the_plan_wherever_the_output_goes() {
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
            assert!(rest.contains("not signed; nothing was written"), "{args:?}: {rest}");
        }
    }
    assert_eq!(world.files(), ["itl.tlv", "output", "tokenless.tlv"]);
}

/// Of many files, each.
#[test]
fn of_many_files_every_plan_is_seen() {
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
fn where_nobody_is_asked_what_phones_refuse_is_said_all_the_same() {
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
        // Where the plan itself is shown, it is not said twice.
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

/// Nothing of a dry run goes where the file would.
#[test]
fn a_quiet_dry_run_says_what_it_is_there_to_say() {
    let world = world();
    let outcome = world.run(&[&REVERT[..], &["--out=-", "-q", "--dry-run"]].concat()).done();
    assert!(outcome.stdout.contains(REFUSED), "{}", outcome.all());
    assert!(outcome.stdout.contains("Plan digest "), "{}", outcome.all());
}
