//! The file of a journal: created, continued, and read.

use std::path::Path;
use std::{fs, io};

use sastctl::trustlist::digest;
use sastctl::workflow::cluster_run::StepName;
use sastctl::workflow::journal::{
    Event, FileFingerprint, Journal, JournalError, JournalReopenError, JournalWriteError, Outcome,
    VerifiedJournal,
};

fn sum_of(text: &str) -> String {
    digest::hex(&digest::sha256(text.as_bytes()), "")
}

const TIME: &str = "2026-11-21T08:18:43Z";

fn start() -> Event {
    let text = || "x".to_owned();
    Event::Start { version: text(), command: vec![], operator: text(), host: text(), change: None }
}

fn step(name: &str) -> Event {
    Event::Step { name: StepName::Other(name.to_owned()), part: None, says: String::new(), done: None }
}

fn end() -> Event {
    Event::End { outcome: Outcome::Done, says: String::new() }
}

/// The bytes of a journal with these lines.
fn written(folder: &Path, lines: Vec<(&str, Event)>) -> Vec<u8> {
    let mut journal = Journal::create(folder, "revert", TIME).unwrap();
    lines.into_iter().for_each(|(time, event)| journal.add_at(time, event).unwrap());
    fs::read(journal.path()).unwrap()
}

#[test]
fn runs_of_one_second_have_journals_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("a/b");
    let name = || {
        let journal = Journal::create(&folder, "revert", TIME).unwrap();
        journal.path().file_name().unwrap().to_str().unwrap().to_owned()
    };
    let names = [name(), name(), name()];
    assert_eq!(names, ["", "-2", "-3"].map(|n| format!("20261121T081843-revert{n}.jsonl")));
    // Any other error is reported unchanged.
    let refused = Journal::create(&folder, &"x".repeat(300), TIME).unwrap_err();
    let JournalWriteError::Io { source, .. } = refused else { panic!("{refused}") };
    assert_ne!(source.kind(), io::ErrorKind::AlreadyExists);
}

#[test]
fn a_clock_that_goes_back_overwrites_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let lines = vec![(TIME, start()), ("1999-01-01T00:00:00Z", step("a")), ("1970-01-01T00:00:00Z", end())];
    let bytes = written(dir.path(), lines);
    let journal = VerifiedJournal::read(&bytes).unwrap();
    assert_eq!(journal.lines().len(), 3);
    // A run in the same second, and an earlier one: nothing is overwritten.
    let earlier = Journal::create(dir.path(), "revert", "1970-01-01T00:00:00Z").unwrap();
    assert!(earlier.path().ends_with("19700101T000000-revert.jsonl"));
    assert_eq!(fs::read(dir.path().join("20261121T081843-revert.jsonl")).unwrap(), bytes);
}

#[test]
fn a_journal_has_one_start_and_it_comes_first() {
    let dir = tempfile::tempdir().unwrap();
    let read = |lines| VerifiedJournal::read(&written(dir.path(), lines)).map(drop);
    assert!(read(vec![(TIME, start()), (TIME, end())]).is_ok());
    assert!(matches!(read(vec![(TIME, step("a")), (TIME, end())]), Err(JournalError::NoStart)));
    let twice = read(vec![(TIME, start()), (TIME, start()), (TIME, end())]);
    assert!(matches!(twice, Err(JournalError::Broken { line: 2 })), "{twice:?}");
    let behind = read(vec![(TIME, start()), (TIME, end()), (TIME, step("a"))]);
    assert!(matches!(behind, Err(JournalError::BehindTheEnd { line: 3 })), "{behind:?}");
    assert!(matches!(read(vec![(TIME, start())]), Err(JournalError::NoEnd { line: 1 })));
}

#[test]
fn a_truncated_journal_continues_after_its_last_complete_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("20261121T081843-revert.jsonl");
    let whole = written(dir.path(), vec![(TIME, start()), (TIME, step("a"))]);
    fs::write(&path, [&whole, &b"{\"seq\":3,"[..]].concat()).unwrap();
    let (mut journal, verified) = Journal::reopen(&path).unwrap();
    assert_eq!(verified.lines().len(), 2);
    journal.add_at(TIME, end()).unwrap();
    let bytes = fs::read(&path).unwrap();
    assert!(bytes.starts_with(&whole));
    assert_eq!(VerifiedJournal::read(&bytes).unwrap().lines().len(), 3);
    assert_eq!(fs::read(dir.path().join("20261121T081843-revert.jsonl.cut")).unwrap(), b"{\"seq\":3,");
    assert!(matches!(Journal::reopen(&path), Err(JournalReopenError::AtItsEnd)));
}

/// A forged line with a correct hash.
#[test]
fn a_line_with_a_wrong_number_or_a_wrong_previous_hash_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = written(dir.path(), vec![(TIME, start()), (TIME, step("a"))]);
    let text = String::from_utf8(bytes).unwrap();
    let (first, second) = text.split_once('\n').unwrap();
    let (body, _) = second.rsplit_once(",\"sum\":\"").unwrap();
    let read = |body: &str| {
        VerifiedJournal::read_so_far(format!("{first}\n{body},\"sum\":\"{}\"}}\n", sum_of(body)).as_bytes())
            .map(drop)
    };
    assert_eq!(read(body), Ok(()));
    let other_number = body.replace("\"seq\":2", "\"seq\":3");
    let prev = sum_of(first);
    assert!(body.contains(&prev) && other_number != body);
    let other_chain = body.replace(&prev, &sum_of("another line"));
    for forged in [other_number, other_chain] {
        assert_eq!(read(&forged), Err(JournalError::Broken { line: 2 }), "{forged}");
    }
}

#[test]
fn a_file_is_kept_whole_up_to_a_limit() {
    // Several times what phones load.
    const LARGEST_DATA: usize = 262_144;
    let of = |bytes: usize| FileFingerprint::of("x", &vec![7; bytes]);
    assert_eq!(of(LARGEST_DATA).content(), Some(vec![7; LARGEST_DATA]));
    assert_eq!(of(LARGEST_DATA + 1).content(), None);
    let mut changed = of(3);
    changed.sha256 = of(4).sha256;
    assert_eq!(changed.content(), None, "not what the checksum says");
}
