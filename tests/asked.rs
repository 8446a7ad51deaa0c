//! Signing through the library: what an operator is asked and shown, in which order, and which files exist after a stop.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use sastctl::trustlist::{Digest, SigningOptions};
use sastctl::workflow::signing::{Batch, BatchFile, Signed, SigningOrder, SigningSession};
use sastctl::workflow::{ModuleOptions, OperatorError, Request, WorkError, read_verified, resign};

use crate::pki::spell;
use crate::support::scripted::Scripted;
use crate::support::{PIN, World};

/// Set for the process that a story runs in.
const STORY: &str = "SASTCTL_STORY";

/// Runs a story in a separate process, in the folder of a world with tokens, because the module reads the environment.
#[track_caller]
fn in_a_world(name: &str, story: impl FnOnce()) {
    if std::env::var_os(STORY).is_some() {
        return story();
    }
    let world = World::with_tokens();
    for file in ["CTLFile.tlv", "second.tlv", "third.tlv"] {
        world.place("token-signed.tlv", file);
    }
    let program = std::env::current_exe().unwrap();
    let mut command = world.program(program.to_str().unwrap(), &["--exact", &format!("asked::{name}")]);
    let output = command.env(STORY, "yes").output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// Signs lists again without changes; each result is written next to its list.
fn signs(files: &[&str], operator: &Scripted) -> Result<Option<Signed>, WorkError> {
    let profile = std::env::var("SASTCTL_PROFILE").ok();
    let options = ModuleOptions { profile, ..ModuleOptions::default() };
    let selector = "SAST-ADN008580ef".parse().unwrap();
    let session = SigningSession::open_for_one(&options, Some(&selector), operator)?;
    let signer = session.signer().certificate().clone();
    let options = SigningOptions { digest: Digest::Sha1, timestamp: 1_425_678_813, signer_version: None };
    let request =
        Request { signer: &signer, options, name_style: None, now: 1_425_678_813, force: false, spell };
    let plan = |path: &Path| {
        let old = read_verified(path)?;
        Ok(BatchFile::list(resign(&old, &request)?, path.with_extension("new.tlv"), Some((path, &old))))
    };
    let paths: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
    let batch = Batch::Files { paths: &paths, plan: &plan };
    let (journal, what) = (Some(Path::new("journals")), "story");
    let order =
        SigningOrder { what, dry_run: false, plan_digest: None, journal, change: None, sign_journal: false };
    session.sign(batch, &order, operator)
}

fn exists(file: &str) -> bool {
    Path::new(file).exists()
}

#[test]
fn the_plan_is_shown_before_the_question_and_the_pin_asked_for_after_it() {
    in_a_world("the_plan_is_shown_before_the_question_and_the_pin_asked_for_after_it", || {
        let operator = Scripted::with_pin(PIN);
        assert!(signs(&["CTLFile.tlv"], &operator).unwrap().unwrap().journal.exists());
        let serial = operator.story().split_once("\" (").unwrap().1.split_once(')').unwrap().0.to_owned();
        let expected = "\
plan of CTLFile.new.tlv
asked Sign with SAST-ADN008580ef on \"SAST token A\" (SERIAL), and write CTLFile.new.tlv?
secret: the PIN of SAST token A
token in use
factory PIN of SAST token A
looks for an interruption
changes
written CTLFile.new.tlv, 5728 bytes
token free
";
        assert_eq!(operator.story().replace(&serial, "SERIAL"), expected);
        assert!(exists("CTLFile.new.tlv"));
    });
}

#[test]
fn if_the_operator_answers_no_no_file_and_no_journal_is_written() {
    in_a_world("if_the_operator_answers_no_no_file_and_no_journal_is_written", || {
        let answers = Mutex::new([false].into());
        let operator = Scripted { answers, ..Scripted::with_pin(PIN) };
        let error = signs(&["CTLFile.tlv"], &operator).err().unwrap();
        assert_eq!(error.to_string(), "cancelled; nothing was signed and nothing was written");
        assert_eq!((operator.count("secret"), operator.count("token in use")), (0, 0));
        assert!(!exists("CTLFile.new.tlv") && !exists("journals"));
    });
}

#[test]
fn without_a_terminal_to_ask_nothing_is_signed() {
    in_a_world("without_a_terminal_to_ask_nothing_is_signed", || {
        let operator = Scripted { away: true, ..Scripted::with_pin(PIN) };
        let error = signs(&["CTLFile.tlv"], &operator).err().unwrap();
        assert!(matches!(error, WorkError::Operator(OperatorError::CannotAsk(_))), "{error}");
        assert!(!exists("CTLFile.new.tlv"));
    });
}

#[test]
fn an_interruption_before_the_write_leaves_no_file() {
    in_a_world("an_interruption_before_the_write_leaves_no_file", || {
        let operator = Scripted { interrupts_at: Some(1), ..Scripted::with_pin(PIN) };
        let error = signs(&["CTLFile.tlv"], &operator).err().unwrap();
        assert!(error.is_interrupted(), "{error}");
        assert_eq!(error.to_string(), "interrupted; nothing was written");
        assert_eq!((operator.count("changes"), operator.count("token free")), (0, 1));
        assert!(!exists("CTLFile.new.tlv"));
    });
}

#[test]
fn an_interruption_between_two_files_says_how_many_were_written() {
    in_a_world("an_interruption_between_two_files_says_how_many_were_written", || {
        let operator = Scripted { interrupts_at: Some(2), ..Scripted::with_pin(PIN) };
        let error = signs(&["CTLFile.tlv", "second.tlv", "third.tlv"], &operator).err().unwrap();
        assert_eq!(error.to_string(), "interrupted; 1 file was written, the others were not");
        assert!(matches!(error, WorkError::Partly { written: 1, .. }) && error.is_interrupted());
        assert!(exists("CTLFile.new.tlv") && !exists("second.new.tlv") && !exists("third.new.tlv"));
    });
}

#[test]
fn a_wrong_pin_is_asked_for_once() {
    in_a_world("a_wrong_pin_is_asked_for_once", || {
        let operator = Scripted::with_pin("not the PIN");
        let error = signs(&["CTLFile.tlv", "second.tlv"], &operator).err().unwrap();
        assert!(matches!(error, WorkError::NotSigned { .. }), "{error}");
        assert_eq!((operator.count("asked"), operator.count("secret")), (1, 1));
        assert_eq!((operator.count("token in use"), operator.count("token free")), (1, 1));
        assert!(!exists("CTLFile.new.tlv") && !exists("journals"));
    });
}
