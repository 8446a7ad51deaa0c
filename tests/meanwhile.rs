//! Another program writes while a run asks, signs and writes: only the file from which the plan was made is replaced, and no
//! other file is lost.

use rexpect::session::{PtySession, spawn_command};
use sastctl::trustlist::{Record, TrustList};

use crate::pki;
use crate::support::{World, can_trace, until};

const TOKEN: &str = "--token=SAST-ADN0054f509";
const MODE: [&str; 6] = ["ctl", "update", "CTLFile.tlv", "--set-mode=non-secure", "--in-place", TOKEN];
const REMOVE: [&str; 6] =
    ["ctl", "update", "CTLFile.tlv", "--remove-token=SAST-ADN008580ef", "--in-place", TOKEN];

fn world() -> World {
    let world = World::with_tokens();
    world.place("token-signed.tlv", "CTLFile.tlv");
    world.place("tokenless.tlv", "tokenless.tlv");
    world
}

/// A run that waits at its question.
fn asked(world: &World, args: &[&str]) -> PtySession {
    let mut command = world.command(args);
    command.env("TERM", "dumb");
    let mut session = spawn_command(command, Some(20_000)).unwrap();
    session.exp_string("[y/N] ").unwrap();
    session
}

#[track_caller]
fn is_refused(mut session: PtySession) {
    session.send_line("y").unwrap();
    let rest = session.exp_eof().unwrap();
    assert!(rest.contains("is made from changed after the plan was shown"), "{rest}");
    assert!(rest.contains("nothing was written"), "{rest}");
    assert!(rest.contains("run the command again"), "{rest}");
}

#[test]
fn two_simultaneous_changes_are_not_lost() {
    let world = world();
    let first = asked(&world, &MODE);
    world.run(&[&REMOVE[..], &["--yes"]].concat()).done();
    let there = world.read("CTLFile.tlv");
    is_refused(first);
    assert!(world.read("CTLFile.tlv") == there);
    assert_eq!(world.files(), ["CTLFile.tlv", "CTLFile.tlv.bak", "tokenless.tlv"]);
    // The next try starts from the current list and contains both changes.
    world.run(&[&MODE[..], &["--yes"]].concat()).done();
    let list = TrustList::decode(world.read("CTLFile.tlv")).unwrap().verify().unwrap();
    let records = list.list().records();
    assert!(records.iter().all(|record| record.short_name() != "SAST-ADN008580ef"));
    assert!(records.iter().any(Record::is_emptied));
}

#[test]
fn a_plan_is_not_carried_out_on_another_file() {
    let spare = "--spare=SAST-ADN0054f509";
    let revert = ["revert", "tokenless.tlv", "--token=SAST-ADN008580ef", spare];
    let config = ["ctl", "sign", "SEP001122334455.cnf.xml", TOKEN];
    let other = pki::golden_bytes("token-signed-non-secure.tlv");
    for (args, input) in [
        (&["ctl", "sign", "CTLFile.tlv", "--in-place", TOKEN][..], "CTLFile.tlv"),
        (&["ctl", "sign", "CTLFile.tlv", "--json", TOKEN], "CTLFile.tlv"),
        (&["ctl", "sign", "tokenless2.tlv", "CTLFile.tlv", "--in-place", "--json", TOKEN], "CTLFile.tlv"),
        (&["ctl", "sign", "CTLFile.tlv", "--out=-", TOKEN], "CTLFile.tlv"),
        (&["ctl", "update", "CTLFile.tlv", "--set-mode=non-secure", "--out=new.tlv", TOKEN], "CTLFile.tlv"),
        (&revert, "tokenless.tlv"),
        (&[&revert[..], &["--out=tokenless.tlv"]].concat(), "tokenless.tlv"),
        (&config, "SEP001122334455.cnf.xml"),
    ] {
        let world = world();
        world.place("token-signed.tlv", "tokenless2.tlv");
        std::fs::write(world.path("SEP001122334455.cnf.xml"), "<device/>\n").unwrap();
        let before = world.files();
        let session = asked(&world, args);
        std::fs::write(world.path(input), &other).unwrap();
        if args.contains(&"tokenless2.tlv") {
            let mut session = session;
            session.send_line("y").unwrap();
            let rest = session.exp_eof().unwrap();
            assert!(rest.contains("is made from changed after the plan was shown"), "{rest}");
            assert!(rest.contains("1 file was written, the others were not"), "{rest}");
        } else {
            is_refused(session);
            assert_eq!(world.files(), before, "{args:?}");
        }
        assert!(world.read(input) == other, "{args:?}");
        // A deleted file counts as changed, too.
        if args.contains(&"--out=-") || input == "SEP001122334455.cnf.xml" {
            continue;
        }
        world.place(if input == "tokenless.tlv" { "tokenless.tlv" } else { "token-signed.tlv" }, input);
        let mut session = asked(&world, args);
        std::fs::remove_file(world.path(input)).unwrap();
        session.send_line("y").unwrap();
        let rest = session.exp_eof().unwrap();
        assert!(rest.contains("changed after the plan was shown"), "{rest}");
        assert!(!world.path(input).exists());
    }
}

/// A list that comes from a pipe, or from standard input, can be read only once.
#[test]
fn a_pipe_is_read_only_once() {
    let world = world();
    let list = world.read("tokenless.tlv");
    let more = ["--token=SAST-ADN008580ef", "--spare=SAST-ADN0054f509", "--out=new.tlv", "--yes"];
    let outcome = world.run_with_input(&[&["revert", "-"][..], &more].concat(), &list);
    assert_eq!(outcome.code, 0, "{}", outcome.all());
    let outcome = world.run_with_input(&[&["revert", "/dev/stdin"][..], &more].concat(), &list);
    assert_eq!(outcome.code, 0, "{}", outcome.all());
}

/// Between the backup and the rename another program creates a file there.
#[test]
fn a_file_created_before_the_rename_is_not_lost() {
    if !can_trace() {
        return;
    }
    let mut world = world();
    std::fs::create_dir(world.path("place")).unwrap();
    for many in [false, true] {
        world.place("tokenless.tlv", "place/CTLFile.tlv");
        world.place("token-signed-non-secure.tlv", "other.tlv");
        let folder = std::fs::canonicalize(world.path("place")).unwrap().display().to_string();
        let slow = ["strace", "-f", "-qq", "-o", "/dev/null", "-P", &folder, "-e", "trace=fsync", "-e"];
        world.run_inside(&[&slow[..], &["inject=fsync:delay_enter=2000000:when=1"]].concat());
        // Many files are written together.
        let others: Vec<String> =
            (0..9).map(|n| world.place("token-signed.tlv", &format!("{n}.tlv"))).collect();
        let mut args = vec!["ctl", "sign", TOKEN, "--yes", "--out=place", "CTLFile.tlv"];
        args.extend(others.iter().filter(|_| many).map(String::as_str));
        let mut command = world.command(&args);
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        let run = command.spawn().unwrap();
        until("there is a backup", || world.path("place/CTLFile.tlv.bak").exists());
        std::fs::rename(world.path("other.tlv"), world.path("place/CTLFile.tlv")).unwrap();
        let output = run.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains("place/CTLFile.tlv was changed by another program"), "{stderr}");
        assert!(world.read("place/CTLFile.tlv") == pki::golden_bytes("token-signed-non-secure.tlv"));
        assert!(world.read("place/CTLFile.tlv.bak") == pki::golden_bytes("tokenless.tlv"), "its only name");
        world.run_inside(&[]);
        std::fs::remove_dir_all(world.path("place")).unwrap();
        std::fs::create_dir(world.path("place")).unwrap();
    }
}
