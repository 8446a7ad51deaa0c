//! What stands on the screen, from the first window to the last, at the smallest size and at a large one; and what happens
//! when the size changes, a list is long, or the program is ended.

use rustix::process::Signal;

use super::*;
use crate::support::operator::{PAGE_DOWN, UP};

/// Every window once, by the keys that are shown.
fn from_first_to_last(size: (u16, u16)) -> String {
    let world = world("tokenless.tlv");
    let mut all = String::new();
    let mut operator = Operator::at(&world, size, &["--out", "out"]);
    let mut shows = |operator: &mut Operator, text: &str| {
        let screen = operator.sees(text);
        assert!(operator.is_in_its_frame(), "{screen}");
        // The order of the tokens, and their serial numbers, are other ones each time.
        if screen.contains(", serial ") {
            return;
        }
        all.push_str(&screen);
        all.push_str("\n\n");
    };
    shows(&mut operator, "CTL file in force");
    operator.presses(ENTER);
    shows(&mut operator, "Output folder:");
    operator.presses(ENTER);
    shows(&mut operator, "> Set Cisco Unified CallManager Cluster to Mixed Mode");
    operator.presses(ENTER);
    shows(&mut operator, "inserted: ");
    operator.presses(ENTER);
    shows(&mut operator, "Which one?");
    operator.presses(ESC);
    operator.picks_token(FIRST);
    shows(&mut operator, "[ Add ]");
    operator.presses(ENTER);
    shows(&mut operator, "[ Add Tokens ]");
    operator.presses("d");
    shows(&mut operator, "Cisco CTL Client: Details");
    operator.presses(ENTER);
    operator.presses("t");
    shows(&mut operator, "TFTP server, IP address:");
    operator.presses(ESC);
    operator.chooses_entry("Add Tokens", "Finish");
    shows(&mut operator, "a first CTL needs two tokens");
    operator.presses("a");
    operator.adds_the_other();
    operator.chooses_entry("Finish", "Finish");
    shows(&mut operator, "Cisco CTL Client: Finish");
    operator.reads(&format!("{FIRST} signs this file"));
    operator.presses(ENTER);
    shows(&mut operator, "PIN for SAST token A:");
    operator.types_pin("SAST token A", "Wrong1234");
    shows(&mut operator, "the PIN is wrong");
    operator.presses(ENTER);
    operator.types_pin("SAST token A", PIN);
    shows(&mut operator, "What comes next?");
    operator.reads("You must restart all");
    operator.presses(ENTER);
    assert_eq!(operator.leaves().0, 0);
    assert!(world.read("out/CTLFile.tlv") == pki::golden_bytes("token-signed.tlv"));
    all
}

#[test]
fn every_window_at_60_columns_and_20_lines() {
    insta::assert_snapshot!(from_first_to_last(SMALL));
}

#[test]
fn every_window_at_140_columns_and_50_lines() {
    insta::assert_snapshot!(from_first_to_last(LARGE));
}

#[test]
fn another_size_in_the_middle_loses_nothing() {
    let world = world("tokenless.tlv");
    let mut operator = Operator::sits_down(&world, &[]);
    operator.through_server();
    operator.chooses_mode(0);
    operator.picks_token(FIRST);
    operator.adds();
    operator.sees("[ Add Tokens ]");
    for size in [SMALL, (25, 7), (3, 2), LARGE, SMALL] {
        operator.resizes(size);
    }
    operator.sees("[ Add Tokens ]");
    assert!(operator.is_in_its_frame(), "{}", operator.screen());
    operator.presses(ENTER);
    operator.adds_the_other();
    operator.resizes(LARGE);
    operator.chooses_entry("Finish", "Finish");
    signs_the_golden_file(&world, operator, "out/CTLFile.tlv");
}

/// Names from outside: many of them, wide ones, combining ones, and some that would move the cursor.
#[test]
fn a_long_list_scrolls_and_names_stay_in_their_columns() {
    let world = world("tokenless.tlv");
    std::fs::copy(pki::path("tests/testdata/pki/cucm-1051-a-pub.der"), world.path("pub.der")).unwrap();
    let mut file = String::new();
    for host in ["\u{96fb}\u{8a71}-\u{4ea4}\u{63db}", "e\u{301}e\u{301}e\u{301}", "red\\u001b[31mred"] {
        file.push_str(&format!(
            "[[server]]\nfunction = 'TFTP'\nhost = \"{host}\"\ncertificate = 'pub.der'\n"
        ));
    }
    for last in 1..=60 {
        file.push_str(&format!(
            "[[server]]\nfunction = 'CAPF'\naddress = '10.9.8.{last}'\ncertificate = 'pub.der'\n"
        ));
    }
    std::fs::write(world.path("CTLFile.tlv.toml"), file).unwrap();
    let mut operator = Operator::at(&world, SMALL, &["--out", "out"]);
    operator.sees("CTL file in force");
    operator.types(".toml");
    operator.sees("Output folder:");
    operator.presses(ENTER);
    operator.sees("Cisco CTL Client: Warning");
    operator.presses(ENTER);
    operator.chooses_mode(0);
    operator.picks_token(FIRST);
    operator.adds();
    let screen = operator.sees("\\u{1b}[31m");
    assert!(operator.is_in_its_frame() && !screen.contains("10.9.8.40"), "{screen}");
    for _ in 0..42 {
        operator.presses(DOWN);
    }
    let screen = operator.sees("> CAPF 10.9.8.40 ");
    assert!(!screen.contains("10.9.8.1 ") && operator.is_in_its_frame(), "{screen}");
    operator.presses(UP);
    operator.sees("> CAPF 10.9.8.39 ");
    // Its details by Enter, and back at the same row.
    operator.presses(ENTER);
    operator.sees("Cisco CTL Client: Details");
    operator.sees("10.9.8.39");
    operator.presses(ESC);
    operator.sees("> CAPF 10.9.8.39 ");
    operator.presses("\x1b[F");
    operator.sees("> Security Token");
    operator.presses("\x1b[H");
    operator.sees("> TFTP");
    // The buttons behind the list, one after the other, and the list again.
    for button in ["Finish", "Add Tokens", "Add TFTP", "Add Firewall", "Delete Selected", "Back", "Cancel"] {
        operator.presses(TAB);
        operator.sees(&format!("[ {button} ]"));
    }
    operator.presses(ENTER);
    assert_eq!(operator.leaves().0, 130);
}

/// The text of a window is turned page by page.
#[test]
fn a_long_plan_scrolls() {
    let world = world("tokenless.tlv");
    let mut operator = Operator::at(&world, SMALL, &["--out", "out"]);
    operator.reverts();
    let screen = operator.sees("CTLFile.tlv 4947 bytes");
    assert!(!screen.contains("FIPS"), "{screen}");
    operator.presses(PAGE_DOWN);
    operator.reads("phones in FIPS mode refuse keys below 2048 bits");
    operator.sees("Back to the CTL entries");
    operator.presses("c");
    assert_eq!(operator.leaves().0, 130);
}

#[test]
fn the_terminal_is_given_back_when_the_program_is_ended() {
    type GoThere = fn(&mut Operator);
    let windows: [GoThere; 3] = [
        |o| drop(o.sees("CTL file in force")),
        |o| {
            o.through_server();
            o.chooses_mode(0);
            o.sees("inserted: ");
        },
        |o| {
            o.reverts();
            o.sees("Back to the CTL entries");
            o.presses(ENTER);
            o.sees("PIN for SAST token A:");
        },
    ];
    let world = world("tokenless.tlv");
    for (go_there, signal) in windows.iter().flat_map(|w| [(w, Signal::TERM), (w, Signal::HUP)]) {
        let mut operator = Operator::sits_down(&world, &[]);
        go_there(&mut operator);
        operator.signals(signal);
        let (code, said) = operator.leaves();
        assert_eq!(code, 130, "{said}");
        assert!(said.contains("nothing was written") && out(&world).is_empty(), "{said}");
    }
}

/// Ctrl-Z and `fg`, in a window of buttons and in one where text is typed.
#[test]
fn a_stopped_program_gives_the_terminal_back_and_draws_its_window_again() {
    let world = world("tokenless.tlv");
    let mut operator = Operator::with_jobs(&world, &["--out", "out"]);
    let before = operator.sees("CTL file in force");
    operator.presses_unseen("\u{1a}");
    operator.has_the_terminal_back();
    assert!(!operator.screen().contains("CTL file in force"), "{}", operator.screen());
    operator.presses_unseen("\n");
    assert_eq!(operator.sees("CTL file in force"), before);
    assert!(operator.is_in_its_frame());
    // It goes on as if nothing had been.
    operator.through_server();
    operator.chooses_mode(0);
    operator.sees("inserted: ");
    operator.presses_unseen(CTRL_C);
    assert_eq!(operator.leaves().0, 130);
}

/// The terminal goes away, and no signal says so: the connection of a session without a controlling terminal was cut.
#[test]
fn the_windows_end_when_the_terminal_is_gone() {
    use std::io::{BufRead as _, Write as _};
    use std::process::Stdio;

    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

    let world = world("tokenless.tlv");
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let size = rustix::termios::Winsize { ws_row: 30, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
    rustix::termios::tcsetwinsize(&master, size).unwrap();
    let line = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    let terminal = rustix::fs::open(
        &line,
        rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::CLOEXEC,
        rustix::fs::Mode::empty(),
    );
    let terminal = std::fs::File::from(terminal.unwrap());
    let stdio = || Stdio::from(terminal.try_clone().unwrap());
    let mut command = world.program("setsid", &[env!("CARGO_BIN_EXE_sastctl"), "client", "CTLFile.tlv"]);
    command.env("TERM", "xterm").stdin(stdio()).stdout(stdio()).stderr(stdio());
    let mut child = command.spawn().unwrap();
    drop((terminal, command));
    let mut keys = std::fs::File::from(master);
    let mut shown = std::io::BufReader::new(keys.try_clone().unwrap());
    let mut reads = |end: u8, text: &str| {
        let mut seen = vec![];
        while !String::from_utf8_lossy(&seen).contains(text) {
            assert_ne!(shown.read_until(end, &mut seen).unwrap(), 0);
        }
    };
    // It waits for keys.
    reads(b'l', "cancel");
    keys.write_all(b"~").unwrap();
    reads(b'~', "~");
    crate::support::until("it sleeps", || {
        let state = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
        state.contains(") S ")
    });
    drop(keys);
    drop(shown);
    let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
    let code = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status.code(),
            None if std::time::Instant::now() > end => {
                child.kill().unwrap();
                panic!("the windows wait for keys of a terminal that is gone");
            }
            None => std::thread::sleep(std::time::Duration::from_millis(20)),
        }
    };
    assert_eq!(code, Some(2));
}
