//! The journal of a run: its contents, the detection of changes, and the page for the change ticket.

use sastctl::workflow::journal::{Event, Journal, JournalError, Outcome, VerifiedJournal};

use crate::pki;
use crate::support::{PIN, World, rounds};

mod first_page;
mod pages;
mod redacted;

const REVERT: [&str; 8] = [
    "revert",
    "CTLFile.tlv",
    "--token",
    "SAST-ADN008580ef",
    "--spare",
    "SAST-ADN0054f509",
    "--timestamp",
    "2015-03-06T22:53:33+01:00",
];

fn world() -> World {
    let world = World::with_tokens();
    world.place("tokenless.tlv", "CTLFile.tlv");
    world
}

/// The only journal of the world.
fn journal(world: &World) -> (String, Vec<u8>) {
    let mut journals = std::fs::read_dir(world.path("state/sastctl")).unwrap();
    let path = journals.next().unwrap().unwrap().path();
    assert!(journals.next().is_none(), "one run, one journal");
    (path.to_str().unwrap().to_owned(), std::fs::read(path).unwrap())
}

#[test]
fn the_journal_of_a_run_contains_no_secrets() {
    let world = world();
    world.run(&REVERT).done();
    let (path, bytes) = journal(&world);
    let text = String::from_utf8(bytes.clone()).unwrap();
    assert!(!text.contains(PIN));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "nobody else's affair");
    }
    let events: Vec<String> = text
        .lines()
        .map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap()["event"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(events, ["start", "token", "input", "plan", "output", "end"]);
    let shown = world.run(&["journal", "show", &path, "--json"]).done().json();
    let line = |event: &str| {
        let lines = shown["lines"].as_array().unwrap();
        lines.iter().find(|l| l["event"] == event).unwrap().clone()
    };
    assert_eq!(line("token")["serial"], world.serial("A").as_str());
    assert_eq!(line("token")["name"], "SAST-ADN008580ef");
    assert_eq!(line("input")["bytes"], 4947);
    assert_eq!(line("output")["bytes"], 5728);
    let golden = pki::golden_bytes("token-signed.tlv");
    let sha1 = sastctl::trustlist::digest::hex(&sastctl::trustlist::digest::sha1(&golden), "");
    assert_eq!(line("output")["sha1"], sha1.as_str());
    let (digest, time) =
        line("plan")["digest"].as_str().unwrap().split_once('@').map(|(d, t)| (d.len(), t.len())).unwrap();
    assert_eq!((digest, time), (64, "2026-11-21T08:18:43Z".len()));
    let said = world.run(&["journal", "verify"]).done().stdout;
    assert!(said.contains("verified, 6 lines; everything was written"), "{said}");
}

/// Any byte, any line, any order.
#[test]
fn a_journal_that_was_changed_does_not_verify() {
    let world = world();
    world.run(&REVERT).done();
    let (path, bytes) = journal(&world);
    assert_eq!(VerifiedJournal::read(&bytes).unwrap().outcome().unwrap().0, Outcome::Done);
    let every = rounds(7, 1);
    for at in (0..bytes.len()).step_by(every) {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert!(VerifiedJournal::read(&changed).is_err(), "byte {at} changed unseen");
    }
    let lines: Vec<&[u8]> = bytes.split_inclusive(|b| *b == b'\n').collect();
    for gone in 0..lines.len() {
        let rest: Vec<&[u8]> =
            lines.iter().enumerate().filter(|(i, _)| *i != gone).map(|(_, l)| *l).collect();
        assert!(VerifiedJournal::read(&rest.concat()).is_err(), "line {} taken out unseen", gone + 1);
        for other in 0..gone {
            let mut swapped = lines.clone();
            swapped.swap(gone, other);
            assert!(
                VerifiedJournal::read(&swapped.concat()).is_err(),
                "lines {gone} and {other} swapped unseen"
            );
        }
        let twice = [&lines[..=gone], &lines[gone..]].concat().concat();
        assert!(VerifiedJournal::read(&twice).is_err(), "line {} doubled unseen", gone + 1);
    }
    for cut in (0..bytes.len()).step_by(every) {
        assert!(VerifiedJournal::read(&bytes[..cut]).is_err(), "cut at {cut} unseen");
    }
    let last = lines.len();
    assert_eq!(
        VerifiedJournal::read(&lines[..last - 1].concat()),
        Err(JournalError::NoEnd { line: last - 1 }),
        "a run that was cut off says so"
    );
    assert!(VerifiedJournal::read_so_far(&lines[..last - 1].concat()).is_ok(), "and can still be read");

    std::fs::write(&path, [&bytes[..700], b"x", &bytes[701..]].concat()).unwrap();
    let refused = world.run(&["journal", "verify"]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("does not verify: line"), "{}", refused.stderr);
    assert_eq!(world.run(&["journal", "show"]).code, 1, "what was changed is not shown as if it were true");
}

/// The token's signature, made in the same login, proves what the hashes cannot.
#[test]
fn a_signed_journal_is_proof_and_an_unsigned_one_is_not() {
    let world = world();
    world.run(&["cert", "export", "--all"]).done();
    let (a, b) = (["--signer", "SAST-ADN008580ef.cer"], ["--signer", "SAST-ADN0054f509.cer"]);
    world.run(&[&REVERT[..], &["--journal=unsigned"]].concat()).done();
    let unsigned = std::fs::read_dir(world.path("unsigned")).unwrap().next().unwrap().unwrap().path();
    let verify = |path: &str, more: &[&str]| world.run(&[&["journal", "verify", path][..], more].concat());
    let accidents = verify(unsigned.to_str().unwrap(), &[]).done();
    assert!(accidents.stderr.contains("This detects accidental changes only."), "{}", accidents.all());
    let refused = verify(unsigned.to_str().unwrap(), &a);
    assert_eq!(refused.code, 1, "{}", refused.all());
    assert!(refused.stderr.contains("is not signed"), "{}", refused.stderr);

    let run = world.run(&[&REVERT[..], &["--journal-sign", "-v"]].concat()).done();
    let times = |what: &str| run.stderr.matches(&format!("{what}: CKR_OK")).count();
    assert_eq!((times("C_Login"), times("C_Sign")), (1, 2), "in the same login");
    let journals = std::fs::read_dir(world.path("state/sastctl")).unwrap().map(|e| e.unwrap().path());
    let path =
        journals.into_iter().find(|p| p.extension().unwrap() == "jsonl").unwrap().display().to_string();
    let proved = verify(&path, &a).done();
    assert!(
        proved.stdout.contains("verified, 6 lines, 6 of them signed by SAST-ADN008580ef"),
        "{}",
        proved.all()
    );
    assert!(!proved.stderr.contains("accidental"), "{}", proved.stderr);
    let json = verify(&path, &[&a[..], &["--json"]].concat()).done().json();
    assert_eq!((&json["signed_by"], &json["signed_lines"]), (&"SAST-ADN008580ef".into(), &6.into()));
    assert_eq!(verify(&path, &b).code, 1, "another token's certificate");

    // A forger makes a whole new journal with correct hashes.
    let (kept, signature) = (std::fs::read(&path).unwrap(), format!("{path}.sig"));
    let forged = VerifiedJournal::read(&kept).unwrap();
    let mut other = Journal::create(&world.path("forged"), "revert", "2026-11-21T08:18:43Z").unwrap();
    for line in forged.lines() {
        let mut event = line.event.clone();
        if let Event::Start { operator, .. } = &mut event {
            *operator = "somebody else".to_owned();
        }
        other.add_at(&line.time, event).unwrap();
    }
    std::fs::copy(other.path(), &path).unwrap();
    verify(&path, &[]).done();
    let refused = verify(&path, &a);
    assert_eq!(refused.code, 1, "{}", refused.all());
    assert!(refused.stderr.contains("its signature belongs to other lines"), "{}", refused.stderr);
    std::fs::write(&path, &kept).unwrap();
    let text = std::fs::read_to_string(&signature).unwrap();
    let changed = |from: &str, to: &str| {
        std::fs::write(&signature, text.replacen(from, to, 1)).unwrap();
        assert_ne!(std::fs::read_to_string(&signature).unwrap(), text, "{from}");
        let refused = verify(&path, &a);
        assert_eq!(refused.code, 1, "{}", refused.all());
        refused.stderr
    };
    assert!(changed("\"version\":1", "\"version\":2").contains("version 2"));
    changed("\"lines\":6", "\"lines\":5");
    changed("\"lines\":6", "\"lines\":7");
    changed("\"lines\":6", "\"lines\":-6");
    changed("\"signature\":\"", "\"signature\":\"AAAA");
    changed("{", "");
    std::fs::write(&signature, &text).unwrap();
    verify(&path, &a).done();
}

#[test]
fn without_a_writable_journal_nothing_is_signed() {
    let world = world();
    std::fs::write(world.path("blocked"), "").unwrap();
    let refused = world.run(&[&REVERT[..], &["--journal", "blocked/journals"]].concat());
    assert_eq!(refused.code, 4, "{}", refused.all());
    assert!(refused.stderr.contains("--journal DIR"), "{}", refused.stderr);
    assert_eq!(world.files(), ["CTLFile.tlv", "blocked"]);
    world.run(&[&REVERT[..], &["--journal", "journals"]].concat()).done();
    assert_eq!(std::fs::read_dir(world.path("journals")).unwrap().count(), 1);
}

#[test]
fn the_journal_of_a_failed_run_records_the_failure() {
    let world = world();
    let failed = world.run(&[&REVERT[..], &["--out", "no/such/folder.tlv"]].concat());
    assert_eq!(failed.code, 4, "{}", failed.all());
    let said = world.run(&["journal", "verify"]).done().stdout;
    assert!(said.contains("folder.tlv was not written"), "{said}");
    let page = world.run(&["journal", "show"]).done().stdout;
    assert!(page.contains("Outcome: **failed**") && page.contains("**Nothing was written.**"), "{page}");
}

/// The newest run is searched in the folder that was given to the signing commands.
#[test]
fn the_newest_journal_is_searched_in_the_journal_folder() {
    let mut world = world();
    world.run(&REVERT).done();
    world.set("SASTCTL_JOURNAL", &world.path("tickets").display().to_string());
    world.run(&REVERT).done();
    let shown = world.run(&["journal", "show", "--json", "--html=page.html"]).done().json();
    assert!(shown["journal"].as_str().unwrap().contains("/tickets/"), "{}", shown["journal"]);
    assert_eq!(shown["html"], "page.html");
    assert!(world.read("page.html").starts_with(b"<!doctype html>"));
    let verified = world.run(&["journal", "verify", "--json"]).done().json();
    assert_eq!(verified["journal"], shown["journal"]);
    assert_eq!(world.run(&["journal", "show", "--json", "--html=-"]).code, 2);
}

/// The names of runs in the same second do not show which was last.
#[test]
fn among_journals_of_one_second_the_last_is_the_newest() {
    let world = world();
    for number in 1..=12 {
        let out = format!("out{number}.tlv");
        let sign = ["ctl", "sign", "CTLFile.tlv", "--token", "SAST-ADN008580ef", "--yes", "--out", &out];
        let revert = [&REVERT[..], &["--yes", "--out", &out]].concat();
        world.run(if number == 1 { &revert } else { &sign[..] });
        std::fs::copy(world.path("out1.tlv"), world.path("CTLFile.tlv")).unwrap();
        let verified = world.run(&["journal", "show"]).done().stdout;
        assert!(verified.contains(&format!("--out {out}`")), "{number}: {verified}");
    }
}

#[test]
fn without_a_journal_there_is_an_error() {
    let world = World::new();
    let none = world.run(&["journal", "show"]);
    assert_eq!(none.code, 4);
    assert!(none.stderr.contains("there is no journal in"), "{}", none.stderr);
    std::fs::write(world.path("text"), "hello\n").unwrap();
    assert_eq!(world.run(&["journal", "verify", "text"]).code, 1);
    std::fs::write(world.path("empty"), "").unwrap();
    assert_eq!(world.run(&["journal", "verify", "empty"]).code, 1);
}
