//! PINs at the windows: each try is typed, none is seen, none is tried again by itself.

use super::*;

/// A world behind a token that counts its tries, of which so many are left.
fn counting(left: u64) -> World {
    let mut world = world("tokenless.tlv");
    world.behind_faulty_token();
    world.set("FAULTY_SCRIPT", &format!("tries 15 {}", world.path("tries").display()));
    std::fs::write(world.path("tries"), format!("SAST token A={left}\n")).unwrap();
    world
}

fn left(world: &World) -> String {
    std::fs::read_to_string(world.path("tries")).unwrap().trim().to_owned()
}

fn logins(world: &World) -> usize {
    world.calls().iter().filter(|(name, _)| name == "C_Login").count()
}

#[test]
fn a_wrong_pin_returns_to_its_window_and_the_right_one_signs() {
    let world = counting(3);
    let mut operator = Operator::sits_down(&world, &[]);
    operator.reverts();
    operator.signs("SAST token A", "Wrong1234");
    operator.sees("Cisco CTL Client: Security Token Password");
    let screen = operator.sees("the PIN is wrong (CKR_PIN_INCORRECT)");
    assert!(screen.contains("Few tries are left"), "{screen}");
    assert_eq!((logins(&world), left(&world)), (1, "SAST token A=2".to_owned()));
    operator.sees("> Type the PIN again");
    operator.presses(ENTER);
    operator.sees("a wrong PIN was entered before; few tries are left");
    operator.types_pin("SAST token A", "Wrong5678");
    operator.sees("The next try is the last one!");
    // Nothing happens by itself.
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert_eq!((logins(&world), left(&world)), (2, "SAST token A=1".to_owned()));
    operator.presses(ENTER);
    // The last one is asked about, and No comes first.
    operator.sees("this is the last PIN try!");
    operator.sees("> No");
    operator.presses(ENTER);
    operator.sees("the PIN was not tried");
    operator.presses(ENTER);
    operator.sees("> No");
    operator.presses(DOWN);
    operator.presses(ENTER);
    operator.types_pin("SAST token A", PIN);
    operator.is_done();
    let (code, said) = operator.leaves();
    assert_eq!((code, logins(&world)), (0, 3), "{said}");
    assert!(world.read("out/CTLFile.tlv") == pki::golden_bytes("token-signed.tlv"), "{said}");
}

#[test]
fn a_token_that_locks_leaves_only_the_way_back() {
    let world = counting(1);
    let mut operator = Operator::sits_down(&world, &[]);
    operator.reverts();
    operator.sees("Back to the CTL entries");
    operator.presses(ENTER);
    operator.sees("> No");
    operator.presses(DOWN);
    operator.presses(ENTER);
    operator.types_pin("SAST token A", "Wrong1234");
    let screen = operator.sees("The PIN is locked.");
    assert!(!screen.contains("Type the PIN again"), "{screen}");
    operator.presses(ENTER);
    operator.sees("Cisco CTL Client: CTL Entries");
    // No PIN is asked for.
    operator.chooses_entry("Finish", "Finish");
    operator.sees("Back to the CTL entries");
    operator.presses(ENTER);
    operator.sees("The PIN is locked.");
    operator.presses(CTRL_C);
    assert_eq!((operator.leaves().0, logins(&world)), (130, 1));
    assert!(out(&world).is_empty());
}

#[test]
fn nothing_of_a_pin_is_seen_and_without_one_the_window_goes_back() {
    let world = world("tokenless.tlv");
    let mut operator = Operator::at(&world, SMALL, &["--out", "out"]);
    operator.reverts();
    operator.sees("Back to the CTL entries");
    operator.presses(ENTER);
    let before = operator.sees("PIN for SAST token A:");
    let sent = operator.sent.len();
    operator.presses_unseen("Wrong1234");
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert_eq!((operator.screen(), operator.sent.len()), (before, sent));
    operator.presses_unseen("\x15");
    operator.presses(ENTER);
    operator.chooses_entry("Finish", "Finish");
    let said = signs_the_golden_file(&world, operator, "out/CTLFile.tlv");
    assert!(!said.contains(PIN), "{said}");
}

/// A PIN that nobody types is not tried again, whoever sits there.
#[test]
fn a_pin_from_elsewhere_is_tried_once() {
    let mut world = counting(3);
    world.set("SAST_PIN", "Wrong1234");
    let mut operator = Operator::sits_down(&world, &["--pin-source", "env:SAST_PIN"]);
    operator.reverts();
    operator.sees("Back to the CTL entries");
    operator.presses(ENTER);
    let (code, said) = operator.leaves();
    assert_eq!((code, logins(&world), left(&world)), (3, 1, "SAST token A=2".to_owned()), "{said}");
    assert!(said.contains("the PIN is wrong (CKR_PIN_INCORRECT)"), "{said}");
}
