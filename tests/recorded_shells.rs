//! Recorded output of real nodes, played over a serial line to the program.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use sastctl::cluster::console::serial::SerialConsole;
use sastctl::cluster::shell::{Reply, Shell};
use sastctl::cluster::{ClusterError, ConsoleError, Node, SerialAddress};
use sastctl::trustlist::Certificate;

use crate::pki;

fn recorded(name: &str) -> String {
    String::from_utf8(pki::read(&format!("tests/testdata/field/shell/{name}.txt"))).unwrap()
}

/// The text that it waits for, and its answer.
type Part = (String, String);

/// The node's end of a serial line: it sends each part after it received the expected text; then it closes the line, or not.
fn line(parts: Vec<Part>, hangs_up: bool) -> (SerialConsole, Arc<Mutex<String>>) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let device = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    let held = File::options().read(true).write(true).open(&device).unwrap();
    let mut mode = rustix::termios::tcgetattr(&held).unwrap();
    mode.make_raw();
    rustix::termios::tcsetattr(&held, rustix::termios::OptionalActions::Now, &mode).unwrap();
    let console = SerialConsole::open(&SerialAddress { device: device.into(), baud: 9600 }).unwrap();
    let typed = Arc::new(Mutex::new(String::new()));
    let heard = typed.clone();
    thread::spawn(move || {
        let mut master = File::from(master);
        let mut pending = String::new();
        for (until, says) in parts {
            while !pending.contains(&until) {
                let mut buffer = [0; 4096];
                let Ok(n @ 1..) = master.read(&mut buffer) else { return };
                let text = String::from_utf8_lossy(&buffer[..n]).into_owned();
                heard.lock().unwrap().push_str(&text);
                pending.push_str(&text);
            }
            let at = pending.find(&until).unwrap() + until.len();
            pending.drain(..at);
            master.write_all(says.as_bytes()).unwrap();
        }
        if hangs_up {
            // Closes only after the program has read everything.
            thread::sleep(Duration::from_millis(100));
            drop(held);
            return;
        }
        let mut buffer = [0; 4096];
        while let Ok(n @ 1..) = master.read(&mut buffer) {
            heard.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..n]));
        }
        drop(held);
    });
    (console, typed)
}

fn part(until: &str, says: &str) -> Part {
    (until.to_owned(), says.to_owned())
}

/// A node at its prompt, with pagers off.
fn at_the_prompt(parts: Vec<Part>) -> Vec<Part> {
    let off = "set cli pagination off\r\nAutomatic pagination is turned off\r\nadmin:";
    [vec![part("", "\r\nadmin:"), part("set cli pagination off\n", off)], parts].concat()
}

/// A node that answers one command with a recorded text.
fn answers(command: &str, name: &str) -> Node<SerialConsole> {
    Node::open(line(at_the_prompt(vec![part(&format!("{command}\n"), &recorded(name))]), false).0).unwrap()
}

#[test]
fn a_message_to_all_terminals_after_the_prompt_does_not_end_the_wait() {
    let parts = vec![
        part("", "\r\nadmin:"),
        part("set cli pagination off\n", &recorded("broadcast-after-prompt")),
        part(
            "show version active\n",
            "show version active\r\nActive Master Version: 14.0.1.10000-20\r\nadmin:",
        ),
    ];
    let (console, typed) = line(parts, false);
    assert_eq!(Node::open(console).unwrap().version().unwrap(), "14.0.1.10000-20");
    // The program sends Enter after some time without a prompt.
    assert_eq!(*typed.lock().unwrap(), "set cli pagination off\nshow version active\n");
}

#[test]
fn an_expired_password_is_not_changed_by_the_program() {
    let (console, typed) = line(vec![part("", &recorded("expired-password"))], false);
    let error = Shell::open(console).map(drop).unwrap_err();
    assert!(matches!(error, ClusterError::Console(ConsoleError::Asked { .. })), "{error}");
    assert!(error.to_string().ends_with("(current) UNIX password:"), "{error}");
    assert!(error.to_string().contains("WARNING: Your password has expired."), "{error}");
    assert_eq!(*typed.lock().unwrap(), "", "nothing is typed at a password question");
}

#[test]
fn a_session_that_ends_at_once_reports_the_reason() {
    let (console, _) = line(vec![part("", &recorded("session-limit"))], true);
    let error = Shell::open(console).map(drop).unwrap_err();
    let says = "The maximum number of CLI sessions has been reached. Please close one and try again.";
    assert!(error.to_string().ends_with(says), "{error}");
}

#[test]
fn a_question_of_the_platform_is_recognised() {
    let command = "utils service restart Cisco Tftp";
    let question = part(&format!("{command}\n"), &recorded("question-please-answer"));
    let done = "\r\nCisco Tftp[STOPPING]  \r\nCisco Tftp[STARTED]  \r\nadmin:";
    let asks = |words: &str| part(&format!("{command}\n"), &format!("{command}\r\nRestart it {words} "));
    for (asked, answer) in [
        (question.clone(), "y\n"),
        (asks("(y/n)?"), "y\n"),
        (asks("(yes|no)?"), "yes\n"),
        (asks("(yes/no)?"), "yes\n"),
    ] {
        let parts = at_the_prompt(vec![asked, part(answer, done)]);
        Node::open(line(parts, false).0).unwrap().restart("Cisco Tftp").unwrap();
    }

    let parts = at_the_prompt(vec![question, part("n\n", "n\r\nadmin:")]);
    let mut shell = Shell::open(line(parts, false).0).unwrap();
    let refused = shell.run(command).unwrap_err();
    assert!(matches!(refused, ClusterError::UnexpectedQuestion { .. }), "{refused}");
    assert!(refused.to_string().contains("Do you really want to restart the service?"), "{refused}");
}

/// `set cert regen` and similar commands ask like this; the answer to an unexpected question is the word for no.
#[test]
fn a_question_that_needs_a_word_is_answered_with_a_word() {
    let asks = "set cert regen tomcat\r\nProceed with regeneration (yes|no)? ";
    for (replies, answer) in
        [(vec![], "no\n"), (vec![Reply { question: "(yes|no)", answer: "yes" }], "yes\n")]
    {
        let parts = vec![part("set cert regen tomcat\n", asks), part(answer, "\r\nadmin:")];
        let mut shell = Shell::open(line(at_the_prompt(parts), false).0).unwrap();
        let said = shell.run_and_reply("set cert regen tomcat", &replies, Duration::from_secs(10));
        assert_eq!(said.is_ok(), !replies.is_empty(), "{said:?}");
    }
}

#[test]
fn a_refused_import_reports_the_reason() {
    let said = recorded("import-refused");
    let (asks, then) = said.split_at(said.find("-----BEGIN").unwrap());
    let pem = then.split_inclusive("-----END CERTIFICATE-----").next().unwrap();
    let certificate = Certificate::from_file_bytes(pem.as_bytes()).unwrap();
    let command = "set cert import trust Phone-SAST-trust\n";
    let parts = at_the_prompt(vec![part(command, asks), part("-----END CERTIFICATE-----\n\n", then)]);
    let error = Node::open(line(parts, false).0).unwrap().import(&certificate).unwrap_err().to_string();
    assert!(error.ends_with("Import of trust certificate failed: certificate already exists"), "{error}");
    assert!(!error.contains("CERTIFICATE--"), "{error}");
}

#[test]
fn all_nodes_of_a_wrapped_list_are_read() {
    let nodes = answers("show network cluster", "network-wrapped").cluster().unwrap();
    let seen: Vec<(&str, &str, bool)> = nodes.iter().map(|n| (&*n.address, &*n.name, n.publisher)).collect();
    assert_eq!(
        seen,
        [
            ("10.1.1.10", "cucm-pub", true),
            ("10.1.1.11", "cucm-sub1", false),
            ("10.1.1.12", "cucm-subscriber-two", false)
        ]
    );
}

#[test]
fn a_list_with_one_name_for_each_node_is_read() {
    let nodes = answers("show network cluster", "network-short-names").cluster().unwrap();
    let names: Vec<&str> = nodes.iter().map(|n| &*n.name).collect();
    assert_eq!(names, ["CUCMPUB", "CUCMSUB", "CUCMTFTP1"]);
}

#[test]
fn a_list_that_lacks_a_node_of_the_table_is_an_error() {
    let whole = recorded("network-wrapped");
    for (what, damaged) in [
        ("a row is missing", whole.replacen("10.1.1.11 ", "          ", 1)),
        ("a row has no role", whole.replacen("Subscriber callmanager DBSub auth", "callmanager auth", 1)),
        ("no row at all", "show network cluster\r\n\r\nSuccessful\r\nadmin:".to_owned()),
    ] {
        assert_ne!(damaged, whole);
        let parts = at_the_prompt(vec![part("show network cluster\n", &damaged)]);
        let error = Node::open(line(parts, false).0).unwrap().cluster().unwrap_err();
        assert!(matches!(error, ClusterError::NotUnderstood { .. }), "{what}: {error}");
        assert!(error.to_string().ends_with("Successful"), "{what}: {error}");
    }
}

#[test]
fn a_certificate_is_found_by_the_name_of_its_file() {
    for (name, there) in [
        ("SAST Lab 1", true),
        ("SAST-ADN008580ef", true),
        ("SAST-ADN008580ef\0\0\0", true),
        ("SAST Lab", false),
        ("SAST-ADN0054f509", false),
        ("Cisco Manufacturing CA", false),
    ] {
        let trusted = answers("show cert list trust", "trust-list-names").trusts(name).unwrap();
        assert_eq!(trusted, there, "{name:?}");
    }
}

#[test]
fn a_file_for_phones_is_deleted_where_it_is() {
    let command = "file delete tftp CTLFile.tlv";
    let asks =
        format!("{command}\r\nDelete the File CTLFile.tlv?\r\nEnter \"y\" followed by return to continue: ");
    for (count, there) in [(1, true), (0, false)] {
        let done = format!("y\r\nfiles: found = {count}, deleted = {count}\r\nadmin:");
        let parts = at_the_prompt(vec![part(&format!("{command}\n"), &asks), part("y\n", &done)]);
        assert_eq!(Node::open(line(parts, false).0).unwrap().delete_tftp("CTLFile.tlv").unwrap(), there);
    }
}

/// A node may send output without end; only a limited amount is kept.
#[test]
fn a_command_that_never_ends_is_an_error() {
    let mut flood = "show ctl\r\n".to_owned();
    flood.push_str(&"CTL Record #:1\r\n".repeat(2_000_000));
    let parts = at_the_prompt(vec![part("show ctl\n", &flood)]);
    let error = Node::open(line(parts, false).0).unwrap().shown_ctl().unwrap_err();
    let ClusterError::CutOff { source, .. } = &error else { panic!("{error}") };
    assert!(matches!(**source, ConsoleError::TooMuch { .. }), "{source}");
}
