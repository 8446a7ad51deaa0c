//! Tokens are inserted and removed: with polling (a file stands for an inserted token), and through a real pcscd with a virtual
//! reader.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use sastctl::workflow::settles;

use crate::pki;
use crate::support::readers::Readers;
use crate::support::watch::Watch;
use crate::support::{World, rounds};
use rexpect::session::{PtySession, spawn_command};

/// Slots of the faulty module: a token is inserted while a file with its label is in the folder.
struct Slots {
    world: World,
    folder: PathBuf,
}

impl Slots {
    fn new() -> Self {
        let mut world = World::with_tokens();
        world.behind_faulty_token();
        let folder = world.path("inserted");
        std::fs::create_dir(&folder).unwrap();
        world.set("FAULTY_SCRIPT", &format!("present {}; empty-slots 8", folder.display()));
        Slots { world, folder }
    }

    fn insert(&self, letter: &str, slot: u32) {
        // Written next to it and renamed: the module never sees an incomplete file.
        let beside = self.folder.with_extension(letter);
        std::fs::write(&beside, slot.to_string()).unwrap();
        std::fs::rename(beside, self.folder.join(format!("SAST token {letter}"))).unwrap();
    }

    fn remove(&self, letter: &str) {
        std::fs::remove_file(self.folder.join(format!("SAST token {letter}"))).unwrap();
    }

    fn watch(&self, args: &[&str]) -> Watch {
        Watch::begin(&self.world, &[&["token", "watch", "--json"], args].concat())
    }
}

/// The text of an event: `inserted SAST token A in 3`.
fn words(event: &serde_json::Value) -> String {
    let token = &event["token"];
    format!(
        "{} {} in {}",
        event["event"].as_str().unwrap(),
        token["label"].as_str().unwrap(),
        token["slot_id"]
    )
}

/// One USB port: the first token is removed, the second inserted, in any slot; several at once; the same token again.
#[test]
fn insertions_and_removals_are_reported_within_half_a_second() {
    let slots = Slots::new();
    let watch = slots.watch(&["--count", "6"]);
    let expect = |act: &dyn Fn(), expected: &str| {
        let since = Instant::now();
        act();
        let (event, latency) = watch.next(since);
        assert_eq!(words(&event), expected);
        assert_soon(expected, latency);
        event
    };
    let event = expect(&|| slots.insert("A", 3), "inserted SAST token A in 3");
    assert_eq!(event["certificates"], serde_json::json!(["SAST-ADN008580ef"]));
    assert_eq!(event["token"]["serial"], slots.world.serial("A"));
    expect(&|| slots.remove("A"), "removed SAST token A in 3");
    expect(&|| slots.insert("B", 3), "inserted SAST token B in 3");
    expect(&|| slots.insert("A", 0), "inserted SAST token A in 0");
    // Moved to another slot: removed and inserted.
    let since = Instant::now();
    slots.insert("A", 5);
    assert_eq!(words(&watch.next(since).0), "removed SAST token A in 0");
    assert_eq!(words(&watch.next(since).0), "inserted SAST token A in 5");
    assert_eq!(watch.end(), 0);
}

#[test]
fn a_watch_ends_by_its_count_or_its_time() {
    let slots = Slots::new();
    let nothing = slots.world.run(&["token", "watch", "--timeout", "1"]).done();
    assert_eq!((nothing.stdout.as_str(), nothing.stderr.as_str()), ("", "Watching. No token is inserted.\n"));
    let too_few = slots.world.run(&["token", "watch", "--timeout", "1", "--count", "1"]);
    assert_eq!((too_few.code, too_few.stderr.contains("0 of 1 events in 1 seconds")), (1, true));
    slots.insert("A", 1);
    let there = slots.world.run(&["token", "watch", "--timeout", "0"]).done();
    assert_eq!(there.stderr, "Watching. Inserted: SAST token A.\n");
}

#[test]
fn a_watch_reads_like_a_log() {
    let slots = Slots::new();
    slots.insert("A", 1);
    let mut command = slots.world.command(&["token", "watch", "--count", "1"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut ready = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut ready).unwrap();
    slots.remove("A");
    let output = child.wait_with_output().unwrap();
    let line = slots.world.named(&String::from_utf8_lossy(&output.stdout));
    let (time, rest) = line.split_once("  ").unwrap();
    assert!(time.ends_with('Z') && time.len() == 24, "{time}");
    insta::assert_snapshot!(rest, @"removed   SAST token A  serial serial-A, reader AKS ifdh 01 00, SAST-ADN008580ef");
}

/// The limit is half a second. It is measured only in `make soak`, where no other work runs.
fn assert_soon(what: &str, latency: Duration) {
    println!("{what}: after {latency:?}");
    assert!(latency.as_millis() < rounds(60_000, 500) as u128, "{what}: after {latency:?}");
}

/// Waiting needs less than 0.5 % of a processor. The smallest of several measurements counts, because other load can only
/// increase a measurement.
fn assert_idle(watch: &Watch) {
    let window = Duration::from_secs(rounds(1, 4) as u64);
    let mut windows = (0..6).map(|_| {
        let before = processor_time(watch.id());
        std::thread::sleep(window);
        processor_time(watch.id()) - before
    });
    let mut seen = Vec::new();
    let idle = windows.any(|used| {
        seen.push(used);
        used < window / 200
    });
    println!("{seen:?} of {window:?} each");
    assert!(idle, "{seen:?} of {window:?} each");
}

#[test]
fn a_watch_that_waits_is_idle() {
    let world = World::with_tokens();
    let watch = Watch::begin(&world, &["token", "watch", "--json"]);
    assert_idle(&watch);
}

/// Processor time of a process: of each of its threads in nanoseconds (proc(5), schedstat).
pub fn processor_time(pid: u32) -> Duration {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let time = |thread: std::fs::DirEntry| {
        let text = std::fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0)
    };
    Duration::from_nanos(threads.map(|thread| time(thread.unwrap())).sum())
}

const A: &str = "SAST-ADN008580ef";
const B: &str = "SAST-ADN0054f509";

/// Through pcscd and vpcd. pcscd polls such a reader every 400 ms, so the time is measured from its notice.
#[test]
fn pcscd_reports_insertions_and_removals_of_cards() {
    let mut world = World::new();
    let Some(mut readers) = Readers::start(&mut world) else { return };
    let watch = Watch::begin(&world, &["token", "watch", "--json", "--count", "6"]);
    let expect = |noticed: Instant, event: &str, name: &str, reader: &str| {
        let (line, latency) = watch.next(noticed);
        assert_eq!(line["event"], event, "{line}");
        assert_eq!(line["certificates"], serde_json::json!([name]), "{line}");
        assert_eq!(line["token"]["reader"], reader, "{line}");
        assert_soon(event, latency);
    };
    expect(readers.insert(0, A), "inserted", A, "AKS ifdh 00 00");
    expect(readers.remove(0), "removed", A, "AKS ifdh 00 00");
    expect(readers.insert(0, B), "inserted", B, "AKS ifdh 00 00");
    expect(readers.insert(1, A), "inserted", A, "AKS ifdh 00 01");
    expect(readers.remove(0), "removed", B, "AKS ifdh 00 00");
    expect(readers.remove(1), "removed", A, "AKS ifdh 00 01");
    assert_eq!(watch.end(), 0);
}

#[test]
fn waiting_for_a_reader_is_idle() {
    let mut world = World::new();
    let Some(mut readers) = Readers::start(&mut world) else { return };
    readers.insert(0, A);
    let watch = Watch::begin(&world, &["token", "watch", "--json"]);
    assert_idle(&watch);
}

fn pty(world: &World, args: &[&str]) -> PtySession {
    let mut command = world.command(args);
    command.env("TERM", "dumb");
    spawn_command(command, Some(20_000)).unwrap()
}

/// One USB port and two tokens: the spare's certificate is read, the signer comes back, and signs.
#[test]
fn one_port_is_enough_for_two_tokens() {
    let mut world = World::new();
    let Some(mut readers) = Readers::start(&mut world) else { return };
    world.place("tokenless.tlv", "CTLFile.tlv");
    let mut session = pty(
        &world,
        &["revert", "CTLFile.tlv", "--token", A, "--spare", B, "--out=new.tlv", "--pin-source=env:SAST_PIN"],
    );
    session
        .exp_string("Insert the token SAST-ADN008580ef. Now inserted: no token. (Ctrl-C cancels)")
        .unwrap();
    // First the wrong token.
    readers.insert(0, B);
    session.exp_string("Now inserted: SAST-ADN0054f509.").unwrap();
    readers.remove(0);
    readers.insert(0, A);
    session.exp_string("Insert the token SAST-ADN0054f509. Now inserted: SAST-ADN008580ef.").unwrap();
    readers.remove(0);
    readers.insert(1, B);
    session.exp_string("[y/N]").unwrap();
    session.send_line("y").unwrap();
    session.exp_string("Insert the token SAST-ADN008580ef. Now inserted: SAST-ADN0054f509.").unwrap();
    readers.remove(1);
    readers.insert(1, A);
    session.exp_string("verified").unwrap();
    session.exp_eof().unwrap();
    assert!(matches!(session.process().wait().unwrap(), rexpect::process::WaitStatus::Exited(_, 0)));
    world.unset("SASTCTL_PROFILE");
    let verified = world.run(&["ctl", "verify", "new.tlv"]).done();
    assert!(verified.stdout.contains(A), "{}", verified.stdout);
}

/// Ctrl-C during the wait for a token ends the program at once; nothing is written.
#[test]
fn waiting_can_be_cancelled() {
    let slots = Slots::new();
    let mut world = slots.world;
    world.place("token-signed.tlv", "CTLFile.tlv");
    world.unset("SASTCTL_PIN_SOURCE");
    let mut session = pty(&world, &["ctl", "sign", "CTLFile.tlv", "--token", A, "--out=new.tlv"]);
    session.exp_string("Insert the token SAST-ADN008580ef.").unwrap();
    session.send_control('c').unwrap();
    session.exp_string("interrupted; nothing was written").unwrap();
    session.exp_eof().unwrap();
    assert!(matches!(session.process().wait().unwrap(), rexpect::process::WaitStatus::Exited(_, 130)));
    assert_eq!(world.read("CTLFile.tlv"), pki::golden_bytes("token-signed.tlv"));
    assert!(!world.path("new.tlv").exists());
}

/// A card is removed while it is read, and while it signs: an error, and the next run works.
#[test]
fn a_removed_card_is_an_error_and_the_next_run_works() {
    let mut world = World::new();
    let Some(mut readers) = Readers::start(&mut world) else { return };
    world.place("token-signed.tlv", "CTLFile.tlv");
    world.set("SASTCTL_PIN_SOURCE", "env:SAST_PIN");
    // OpenSC 0.23 may deadlock if a card is removed while it is read for the first time.
    world.set("SASTCTL_TIMEOUT", "5");
    readers.insert(0, A);
    for delay in (0..200).step_by(rounds(60, 10)) {
        let mut command =
            world.command(&["ctl", "sign", "CTLFile.tlv", "--token", A, "--out=new.tlv", "--yes"]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(delay));
        readers.remove(0);
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        match output.status.code() {
            Some(0) => assert!(world.path("new.tlv").exists()),
            Some(3) => assert!(stderr.contains("help: ") && !world.path("new.tlv").exists(), "{stderr}"),
            other => panic!("{other:?}: {stderr}"),
        }
        readers.insert(0, A);
        let again = world.run(&["ctl", "sign", "CTLFile.tlv", "--token", A, "--out=new.tlv"]);
        assert_eq!(again.code, 0, "{}", again.all());
        std::fs::remove_file(world.path("new.tlv")).unwrap();
    }
}

/// A token that was just inserted may give no answer at first: it is asked again.
#[test]
fn a_token_that_is_not_ready_is_asked_again() {
    let slots = Slots::new();
    slots.world.place("token-signed.tlv", "CTLFile.tlv");
    let mut world = slots.world;
    let script = format!(
        "present {}; empty-slots 8; fail C_OpenSession 1 CKR_DEVICE_ERROR; fail C_OpenSession 2 CKR_DEVICE_ERROR",
        slots.folder.display()
    );
    world.set("FAULTY_SCRIPT", &script);
    let slots = Slots { world, folder: slots.folder };
    let mut session =
        pty(&slots.world, &["ctl", "sign", "CTLFile.tlv", "--token", A, "--out=new.tlv", "--yes"]);
    session.exp_string("Insert the token SAST-ADN008580ef.").unwrap();
    slots.insert("A", 3);
    session.exp_string("verified").unwrap();
    session.exp_eof().unwrap();
    assert!(slots.world.path("new.tlv").exists());
}

#[test]
fn a_change_settles_until_its_time_is_over() {
    let (now, moment) = (Instant::now(), Duration::from_millis(200));
    let until = now + Duration::from_millis(1500);
    assert!(settles(Some(until), now) && settles(Some(until), until - moment));
    assert!(!settles(Some(until), until) && !settles(Some(until), until + moment));
    assert!(!settles(None, now));
}

/// Another process uses the tokens while the watch starts: a token that was there before is not an event.
#[test]
fn a_token_that_was_already_inserted_is_not_an_event() {
    let mut slots = Slots::new();
    slots.insert("A", 1);
    let script = format!("present {}; delay C_FindObjectsInit 1 1000", slots.folder.display());
    slots.world.set("FAULTY_SCRIPT", &script);
    let mut busy = slots.world.command(&["token", "list"]).stdout(Stdio::null()).spawn().unwrap();
    slots.world.until_held("C_FindObjectsInit");
    let watched = slots.world.run(&["token", "watch", "--timeout", "2"]).done();
    busy.wait().unwrap();
    assert_eq!(
        (watched.stdout.as_str(), watched.stderr.as_str()),
        ("", "Watching. Inserted: SAST token A.\n")
    );
}
