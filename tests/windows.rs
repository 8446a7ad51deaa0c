//! The CTL Client's windows through a real terminal, from the first to the result, and every way out of them.

mod cluster;
mod first_file;
mod options;
mod pictures;
mod pins;
mod plain;
mod whats_next;

use crate::pki;
use crate::support::operator::{CTRL_C, DOWN, ENTER, ESC, FIRST, LARGE, Operator, SECOND, SMALL, TAB};
use crate::support::{PIN, World};

fn world(golden: &str) -> World {
    let world = World::with_tokens();
    world.place(golden, "CTLFile.tlv");
    std::fs::create_dir(world.path("out")).unwrap();
    world
}

/// The command that a run names as doing the same.
fn the_same_without_questions(said: &str) -> String {
    let (_, behind) = said.rsplit_once("The same without questions:").unwrap_or_else(|| panic!("{said}"));
    behind.trim().lines().next().unwrap().trim().to_owned()
}

/// Runs it as a shell would, into another file, and compares.
fn repeats(world: &World, said: &str, made: &str) {
    let line = the_same_without_questions(said).replace(made, "again.tlv");
    let mut shell = std::process::Command::new("sh");
    let program = world.command(&[]);
    let line = line.replacen("sastctl", &program.get_program().to_string_lossy(), 1);
    shell.args(["-c", &line]).env_clear().envs(program.get_envs().filter_map(|(k, v)| Some((k, v?))));
    let output = shell.current_dir(world.path("")).output().unwrap();
    assert!(output.status.success(), "{line}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(world.read("again.tlv") == world.read(made), "{line} makes another file");
}

/// From the plan to the end; the line that was said last makes the same file.
#[track_caller]
fn signs_and_leaves(world: &World, mut operator: Operator, token: &str) {
    operator.signs(token, PIN);
    operator.is_done();
    let (code, said) = operator.leaves();
    assert_eq!(code, 0, "{said}");
    repeats(world, &said, "out/CTLFile.tlv");
}

/// From the plan to the end: the first token signs what the CTL Client would have made. What was said behind the PIN.
#[track_caller]
fn signs_the_golden_file(world: &World, mut operator: Operator, made: &str) -> String {
    operator.signs("SAST token A", PIN);
    operator.is_done();
    let (code, said) = operator.leaves();
    assert_eq!(code, 0, "{said}");
    assert!(world.read(made) == pki::golden_bytes("token-signed.tlv"), "{said}");
    said
}

fn out(world: &World) -> Vec<String> {
    let files = std::fs::read_dir(world.path("out")).unwrap();
    files.map(|f| f.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_cluster_goes_back_to_tokens_window_by_window() {
    let world = world("tokenless.tlv");
    let mut operator = Operator::sits_down(&world, &[]);
    operator.sees("The same without questions: sastctl revert");
    operator.reverts();
    operator.signs("SAST token A", PIN);
    operator.is_done();
    let (code, said) = operator.leaves();
    assert_eq!(code, 0, "{said}");
    assert!(!said.contains(PIN), "{said}");
    for text in [
        "File Location",
        "Passed",
        "10.48.47.156",
        "/usr/local/cm/tftp/CTLFile.tlv",
        "You must restart all the Cisco Unified Communications Manager and TFTP nodes in the Cluster.",
    ] {
        assert!(said.contains(text), "{text}: {said}");
    }
    assert!(
        world.read("out/CTLFile.tlv") == pki::golden_bytes("token-signed.tlv"),
        "not the CTL Client's file"
    );
    assert!(world.read("CTLFile.tlv") == pki::golden_bytes("tokenless.tlv"), "the list in force was touched");
    repeats(&world, &said, "out/CTLFile.tlv");
    world.run(&["journal", "verify"]).done();
}

/// The options that decide what is signed are in the command that does the same, too.
#[test]
fn the_same_without_questions_is_the_same_with_options() {
    let world = world("tokenless.tlv");
    let mut operator = Operator::sits_down(
        &world,
        &["--digest", "sha256", "--name-style", "cucm", "--signer-version", "1.1"],
    );
    operator.reverts();
    operator.signs("SAST token A", PIN);
    operator.is_done();
    let (code, said) = operator.leaves();
    assert_eq!(code, 0, "{said}");
    let line = the_same_without_questions(&said);
    assert!(line.contains("--digest sha256 --name-style cucm --signer-version 1.1"), "{line}");
    repeats(&world, &said, "out/CTLFile.tlv");
}

#[test]
fn esc_goes_back_and_nothing_is_forgotten() {
    let world = world("tokenless.tlv");
    let mut operator = Operator::sits_down(&world, &[]);
    operator.through_server();
    operator.sees("Update CTL File");
    operator.presses(ESC);
    // Window 1 again, with what was typed.
    operator.sees("CTL file in force");
    operator.presses(ENTER);
    operator.sees("Output folder:");
    operator.presses(ESC);
    operator.through_server();
    operator.chooses_mode(0);
    operator.sees("inserted: ");
    operator.presses(ESC);
    operator.chooses_mode(0);
    operator.picks_token(FIRST);
    operator.sees("[ Add ]");
    operator.presses(ESC);
    operator.picks_token(FIRST);
    operator.adds();
    operator.sees("Delete Selected");
    operator.presses(ESC);
    // The token that was added is still there.
    operator.chooses_mode(0);
    operator.chooses_entry("Add Tokens", "Add TFTP");
    operator.sees("TFTP server, IP address:");
    operator.presses(ESC);
    operator.chooses_entry("Add Tokens", "Add Tokens");
    operator.adds_the_other();
    operator.chooses_entry("Finish", "Finish");
    operator.sees("Back to the CTL entries");
    operator.presses(ESC);
    operator.chooses_entry("Finish", "Finish");
    signs_the_golden_file(&world, operator, "out/CTLFile.tlv");
}

/// At the first window Esc leaves, too.
#[test]
fn esc_at_the_first_window_leaves() {
    let world = world("tokenless.tlv");
    let mut operator = Operator::sits_down(&world, &[]);
    operator.sees("CTL file in force");
    operator.presses(ESC);
    let (code, said) = operator.leaves();
    assert_eq!(code, 130);
    assert!(said.contains("nothing was written"), "{said}");
}

#[test]
fn ctrl_c_leaves_at_every_window_with_nothing_changed() {
    type GoThere = fn(&mut Operator);
    let steps: [(&str, GoThere); 9] = [
        ("server", |o| drop(o.sees("CTL file in force"))),
        ("folder", |o| {
            o.sees("CTL file in force");
            o.presses(ENTER);
            o.sees("Output folder:");
        }),
        ("mode", |o| {
            o.through_server();
            o.sees("Update CTL File");
        }),
        ("insert", |o| {
            o.through_server();
            o.chooses_mode(0);
            o.sees("inserted: ");
        }),
        ("information", |o| {
            o.through_server();
            o.chooses_mode(0);
            o.picks_token(FIRST);
            o.sees("[ Add ]");
        }),
        ("entries", |o| {
            o.through_server();
            o.chooses_mode(0);
            o.picks_token(FIRST);
            o.adds();
            o.sees("Delete Selected");
        }),
        ("add tftp", |o| {
            o.through_server();
            o.chooses_mode(0);
            o.picks_token(FIRST);
            o.adds();
            o.chooses_entry("Add Tokens", "Add TFTP");
            o.sees("TFTP server, IP address:");
        }),
        ("finish", |o| {
            o.reverts();
            o.sees("Back to the CTL entries");
        }),
        ("password", |o| {
            o.reverts();
            o.sees("Back to the CTL entries");
            o.presses(ENTER);
            o.sees("PIN for SAST token A:");
        }),
    ];
    let mut world = world("tokenless.tlv");
    let spy = world.spied_on();
    for (window, go_there) in steps {
        let mut operator = Operator::sits_down(&world, &["--module", &spy]);
        go_there(&mut operator);
        operator.presses(CTRL_C);
        let (code, said) = operator.leaves();
        assert_eq!(code, 130, "{window}: {said}");
        assert!(said.contains("nothing was written"), "{window}: {said}");
        assert!(out(&world).is_empty(), "{window}");
        assert!(world.read("CTLFile.tlv") == pki::golden_bytes("tokenless.tlv"), "{window}");
        let journals = std::fs::read_dir(world.path("state")).unwrap().count();
        assert_eq!(journals, 0, "{window}: nothing was signed, so there is nothing to record");
        let calls = String::from_utf8(world.read("calls")).unwrap();
        let count = |name: &str| calls.matches(&format!(": {name}\n")).count();
        assert_eq!(count("C_OpenSession"), count("C_CloseSession"), "{window}: a session is left");
        assert_eq!(count("C_Login"), 0, "{window}");
    }
}

#[test]
fn a_wrong_password_is_tried_once_and_changes_nothing() {
    let mut world = world("tokenless.tlv");
    let spy = world.spied_on();
    let mut operator = Operator::sits_down(&world, &["--module", &spy]);
    operator.reverts();
    operator.signs("SAST token A", "Wrong1234");
    operator.sees("the PIN is wrong (CKR_PIN_INCORRECT)");
    operator.presses(CTRL_C);
    let (code, said) = operator.leaves();
    assert_eq!(code, 130, "{said}");
    assert!(said.contains("nothing was written") && !said.contains("Wrong1234"), "{said}");
    assert!(out(&world).is_empty());
    let calls = String::from_utf8(world.read("calls")).unwrap();
    assert_eq!(calls.matches(": C_Login\n").count(), 1);
}

/// Tokens of another cluster; and the right one after it.
#[test]
fn a_token_that_is_not_in_the_file_is_refused_in_the_ctl_clients_words() {
    let world = world("token-signed.tlv");
    world.new_token("Strange token", "tests/testdata/keys/rsa1024");
    let mut operator = Operator::sits_down(&world, &[]);
    operator.through_server();
    operator.chooses_mode(2);
    operator.picks_token("SAST-RSA1024");
    operator.adds();
    operator.sees("The Security Token you have inserted does not exist in the CTL File");
    operator.sees(
        "Please remove any Security Tokens already inserted and insert another Security Token.  Click Ok when done.",
    );
    operator.picks_token(FIRST);
    operator.adds();
    operator.chooses_entry("Finish", "Add Tokens");
    operator.picks_token("SAST-RSA1024");
    operator.adds();
    operator.chooses_entry("Finish", "Finish");
    signs_and_leaves(&world, operator, "SAST token A");
    let list = world.run(&["ctl", "show", "out/CTLFile.tlv", "--json"]).done().json();
    assert_eq!(list["signed_by"], FIRST);
    assert_eq!(list["records"].as_array().unwrap().len(), 6);
}

/// The wrong entry was deleted: its token brings it back, and so does choosing the file once more.
#[test]
fn a_deleted_entry_is_put_back() {
    let world = world("token-signed.tlv");
    let mut operator = Operator::sits_down(&world, &[]);
    let deletes_the_first = |operator: &mut Operator| {
        operator.sees("> Security Token - No Hostname -");
        operator.deletes(0);
    };
    operator.through_server();
    operator.chooses_mode(2);
    operator.picks_token(FIRST);
    operator.adds();
    deletes_the_first(&mut operator);
    operator.chooses_entry("Finish", "Add Tokens");
    operator.adds_the_other();
    deletes_the_first(&mut operator);
    operator.sees("[ Finish ]");
    operator.presses(ESC);
    operator.sees("Update CTL File");
    operator.presses(ESC);
    // The same file again, with nothing chosen.
    operator.through_server();
    operator.chooses_mode(2);
    operator.picks_token(FIRST);
    operator.adds();
    operator.chooses_entry("Finish", "Finish");
    let said = signs_the_golden_file(&world, operator, "out/CTLFile.tlv");
    repeats(&world, &said, "out/CTLFile.tlv");
}

/// Non-secure mode, a firewall, an alternate TFTP server, and an entry that is deleted.
#[test]
fn the_other_buttons_do_what_the_commands_do() {
    let world = world("token-signed.tlv");
    std::fs::copy(pki::path("tests/testdata/keys/rsa2048.der"), world.path("alt.cer")).unwrap();
    let mut operator = Operator::sits_down(&world, &[]);
    operator.through_server();
    operator.chooses_mode(1);
    operator.picks_token(SECOND);
    operator.adds();
    operator.chooses_entry("Finish", "Add TFTP");
    operator.sees("TFTP server, IP address:");
    operator.types("10.48.47.300");
    operator.sees("10.48.47.300 is not an IPv4 address.");
    operator.sees("TFTP server, IP address:");
    for _ in 0..3 {
        operator.presses("\x7f");
    }
    operator.types("160");
    operator.sees("TFTP server, certificate file:");
    operator.types("alt.cer");
    operator.chooses_entry("Finish", "Add Firewall");
    operator.sees("Firewall server, IP address:");
    operator.types("10.48.47.1");
    operator.sees("Firewall server, certificate file:");
    operator.types("alt.cer");
    operator.sees("CAPF 10.48.47.155");
    // The third of the list: SAST, CCM+TFTP, CAPF.
    operator.deletes(2);
    operator.chooses_entry("Finish", "Finish");
    operator.signs("SAST token B", PIN);
    operator.is_done();
    let (code, said) = operator.leaves();
    assert_eq!(code, 0, "{said}");
    repeats(&world, &said, "out/CTLFile.tlv");
    let list = world.run(&["ctl", "show", "out/CTLFile.tlv", "--json"]).done().json();
    let functions: Vec<&str> =
        list["records"].as_array().unwrap().iter().map(|r| r["function"].as_str().unwrap()).collect();
    assert_eq!(functions, ["SAST", "CCM+TFTP", "CCM+TFTP", "TFTP", "CCM", "SAST"]);
}

/// One token is not enough for a first file, and the list in force is not overwritten by its successor.
#[test]
fn one_token_is_refused_and_the_second_is_added() {
    let world = world("tokenless.tlv");
    let mut operator = Operator::sits_down(&world, &[]);
    operator.through_server();
    operator.chooses_mode(0);
    operator.picks_token(FIRST);
    operator.adds();
    operator.chooses_entry("Add Tokens", "Finish");
    operator.sees("a first CTL needs two tokens");
    operator.chooses_entry("Add Tokens", "Add Tokens");
    operator.adds_the_other();
    // Both are added: the window waits for a third.
    operator.chooses_entry("Finish", "Add Tokens");
    operator.sees("waiting for a token");
    operator.presses(ENTER);
    operator.sees("All inserted Security Tokens are already added.");
    operator.presses(ESC);
    operator.chooses_entry("Finish", "Finish");
    operator.signs("SAST token A", PIN);
    operator.is_done();
    assert_eq!(operator.leaves().0, 0);
    assert!(world.read("out/CTLFile.tlv") == pki::golden_bytes("token-signed.tlv"));
}

#[test]
fn without_a_terminal_the_commands_are_named() {
    let world = world("tokenless.tlv");
    let refused = world.run(&["client", "CTLFile.tlv"]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("the windows need a terminal"), "{}", refused.stderr);
}

/// Tokens are seen as they come; the one that was added already is not added again; one port is enough.
#[test]
fn tokens_are_seen_as_they_come() {
    let mut world = world("tokenless.tlv");
    world.behind_faulty_token();
    let inserted = world.path("inserted");
    std::fs::create_dir(&inserted).unwrap();
    world.set("FAULTY_SCRIPT", &format!("present {}; empty-slots 8", inserted.display()));
    let put_in = |letter: &str| std::fs::write(inserted.join(format!("SAST token {letter}")), "3").unwrap();
    let mut operator = Operator::sits_down(&world, &[]);
    operator.through_server();
    operator.chooses_mode(0);
    operator.sees("Please insert a Security Token.  Click Ok when done.");
    operator.sees("waiting for a token");
    put_in("A");
    operator.sees(&format!("inserted: {FIRST}"));
    operator.presses(ENTER);
    operator.sees("Security Token Information");
    operator.adds();
    operator.chooses_entry("Add Tokens", "Add Tokens");
    operator.sees("waiting for a token");
    operator.presses(ENTER);
    operator.sees("All inserted Security Tokens are already added.");
    std::fs::remove_file(inserted.join("SAST token A")).unwrap();
    put_in("B");
    operator.sees(&format!("inserted: {SECOND}"));
    operator.presses(ENTER);
    operator.sees("Security Token Information");
    operator.adds();
    operator.chooses_entry("Finish", "Finish");
    operator.sees("Back to the CTL entries");
    operator.presses(ENTER);
    // The first one signs, and is put in again.
    operator.sees_at_work(&format!("Insert the token {FIRST}."));
    std::fs::remove_file(inserted.join("SAST token B")).unwrap();
    put_in("A");
    operator.types_pin("SAST token A", PIN);
    operator.is_done();
    let (code, said) = operator.leaves();
    assert_eq!(code, 0, "{said}");
    assert!(world.read("out/CTLFile.tlv") == pki::golden_bytes("token-signed.tlv"), "{said}");
}

/// The first token that was added signs, as in Cisco's documents; the operator sees that, and may choose another.
#[test]
fn another_signer_is_chosen_in_the_window() {
    let world = world("tokenless.tlv");
    let mut operator = Operator::sits_down(&world, &[]);
    operator.reverts();
    operator.sees(&format!("Sign with {FIRST} on \"SAST token A\""));
    operator.sees("Back to the CTL entries");
    operator.presses(DOWN);
    operator.presses(ENTER);
    // Its plan is another one.
    operator.sees(&format!("{SECOND} signs this file"));
    operator.sees(&format!("Sign with {SECOND} on \"SAST token B\""));
    signs_and_leaves(&world, operator, "SAST token B");
    let list = world.run(&["ctl", "show", "out/CTLFile.tlv", "--json"]).done().json();
    assert_eq!(list["signed_by"], SECOND);
}
