//! The windows as lines: for screen readers, and for terminals that do not move their cursor.

use super::*;
use crate::support::operator::Listener;

const DUMB: ((u16, u16), &str) = (LARGE, "dumb");

/// From the first window to the plan, on two tokens.
fn reverts(listener: &mut Listener) {
    listener.answers("[CTLFile.tlv] ", "");
    listener.answers("[out] ", "");
    listener.hears("Cluster Security Mode");
    listener.picks("to Mixed Mode");
    listener.hears("Please insert a Security Token.  Click Ok when done.");
    listener.hears("inserted: ");
    listener.picks("Ok");
    listener.hears("Which one?");
    listener.picks(FIRST);
    listener.hears("Subject Name:");
    listener.picks("Add");
    listener.hears("Hostname/IP Address");
    listener.picks("Add Tokens");
    listener.picks("Ok");
    listener.picks("Add");
    listener.picks("Finish");
    listener.hears("signs this file");
}

#[test]
fn a_cluster_goes_back_to_tokens_line_by_line() {
    let world = world("tokenless.tlv");
    let mut listener = Listener::at(&world, DUMB, &[]);
    listener.hears(
        "Lines of text instead of full-screen windows: this terminal does not move its cursor (TERM).",
    );
    listener.hears("The same without questions: sastctl revert");
    reverts(&mut listener);
    listener.picks(&format!("Sign with {FIRST}"));
    // A wrong PIN, and then none.
    listener.answers("PIN for SAST token A:", "Wrong1234");
    listener.hears("the PIN is wrong (CKR_PIN_INCORRECT)");
    listener.picks("Type the PIN again");
    listener.answers("PIN for SAST token A:", "");
    listener.picks("Finish");
    listener.picks(&format!("Sign with {FIRST}"));
    listener.answers("PIN for SAST token A:", PIN);
    listener.picks("Publish");
    listener.hears("sastctl cluster publish out/CTLFile.tlv");
    listener.picks("Done");
    let (code, said) = listener.leaves();
    assert_eq!(code, 0, "{said}");
    assert!(!said.contains(PIN) && !said.contains("Wrong1234"), "{said}");
    assert!(world.read("out/CTLFile.tlv") == pki::golden_bytes("token-signed.tlv"));
    repeats(&world, &said, "out/CTLFile.tlv");
}

#[test]
fn every_question_has_a_way_back_and_says_what_it_takes() {
    let world = world("tokenless.tlv");
    let mut listener = Listener::at(&world, (LARGE, "xterm"), &["--plain"]);
    listener.answers("[CTLFile.tlv] ", "");
    listener.answers("[out] ", "<");
    listener.answers("[CTLFile.tlv] ", "missing.tlv");
    listener.hears("missing.tlv");
    listener.answers("[CTLFile.tlv] ", "");
    listener.answers("[out] ", "");
    listener.answers("go back [1]: ", "7");
    listener.answers("Answer with a number from 0 to 3.", "x");
    listener.answers("Answer with a number from 0 to 3.", "0");
    listener.answers("[CTLFile.tlv] ", "");
    listener.answers("[out] ", "");
    listener.picks("Update CTL File");
    listener.picks("Ok");
    listener.picks(FIRST);
    listener.picks("Add");
    listener.picks("Details");
    listener.picks("10.48.47.156");
    for text in ["Type: CCM+TFTP", "10.48.47.156", "Subject", "Issuer", "Serial", "Valid", "SHA256"] {
        listener.hears(text);
    }
    listener.picks("Delete Selected");
    listener.picks("CAPF  10.48.47.155");
    listener.answers("go back [2]: ", "0");
    listener.answers("go back [3]: ", "0");
    // At the first window the way back leaves.
    listener.answers("[CTLFile.tlv] ", "<");
    let (code, said) = listener.leaves();
    assert_eq!(code, 130, "{said}");
    assert!(said.contains("cancelled; nothing was written"), "{said}");
}

#[test]
fn a_small_terminal_gets_lines_and_is_told_why() {
    let world = world("tokenless.tlv");
    let mut listener = Listener::at(&world, ((59, 20), "xterm"), &[]);
    listener.hears("the terminal has 59x20 characters, the windows need 60x20.");
    // The end of input, and Ctrl-C.
    listener.presses("\x04");
    let (code, said) = listener.leaves();
    assert_eq!(code, 130, "{said}");
    let mut listener = Listener::at(&world, DUMB, &[]);
    listener.hears("[CTLFile.tlv] ");
    listener.presses(CTRL_C);
    let (code, said) = listener.leaves();
    assert_eq!(code, 130, "{said}");
    assert!(said.contains("nothing was written"), "{said}");
}
