//! Options on the command line of `client`: each does what it does elsewhere, or is refused.

use super::*;

/// An update begins with a token of the list in force that signs: it must be the one that was named.
#[test]
fn the_token_that_was_named_is_inserted_first() {
    let world = world("token-signed.tlv");
    let mut operator = Operator::sits_down(&world, &["--token", "SAST token B"]);
    operator.through_server();
    operator.chooses_mode(2);
    operator.picks_token(FIRST);
    operator.adds();
    operator.sees("SAST-ADN008580ef is not the token of --token");
    operator.picks_token(SECOND);
    operator.adds();
    operator.chooses_entry("Finish", "Finish");
    signs_and_leaves(&world, operator, "SAST token B");
}

/// A first list of tokens is signed by the one that was named, in whatever order they come; and not without it.
#[test]
fn the_token_that_was_named_signs_a_first_list() {
    let world = world("tokenless.tlv");
    world.new_token("Another token", "tests/testdata/keys/rsa1024");
    let mut operator = Operator::sits_down(&world, &["--token", "SAST-ADN0054f509"]);
    operator.through_server();
    operator.chooses_mode(0);
    operator.picks_token(FIRST);
    operator.adds();
    operator.chooses_entry("Add Tokens", "Add Tokens");
    operator.picks_token("SAST-RSA1024");
    operator.adds();
    operator.chooses_entry("Finish", "Finish");
    operator.sees("The token of --token, SAST-ADN0054f509, is not added");
    operator.chooses_entry("Finish", "Add Tokens");
    operator.adds_the_other();
    operator.sees("SAST-RSA1024");
    // CCM+TFTP, CAPF, CCM+TFTP, and the tokens in the order in which they were inserted.
    operator.deletes(4);
    operator.chooses_entry("Finish", "Add Tokens");
    operator.adds_the_other();
    operator.chooses_entry("Finish", "Finish");
    signs_and_leaves(&world, operator, "SAST token B");
}

#[test]
fn standard_output_is_no_place_for_the_windows() {
    let world = world("tokenless.tlv");
    let refused = world.run(&["client", "CTLFile.tlv", "--out", "-"]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("--out -"), "{}", refused.stderr);
}

#[test]
fn a_dry_run_ends_well() {
    let world = world("tokenless.tlv");
    let mut operator = Operator::sits_down(&world, &["--dry-run"]);
    operator.through_server();
    operator.chooses_mode_and_tokens();
    let (code, said) = operator.leaves();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("Plan digest") && said.contains("nothing was signed"), "{said}");
    assert!(out(&world).is_empty());
}

/// A folder may have a dot in its name; what is typed at "Output folder:" is one.
#[test]
fn a_folder_is_a_folder_whatever_its_name() {
    let world = world("tokenless.tlv");
    let mut operator = Operator::at(&world, LARGE, &["--out", "w/cluster-10.5"]);
    operator.reverts();
    signs_the_golden_file(&world, operator, "w/cluster-10.5/CTLFile.tlv");

    let mut operator = Operator::sits_down(&world, &[]);
    operator.sees("CTL file in force");
    operator.presses(ENTER);
    operator.sees("Output folder:");
    operator.presses("\x7f\x7f\x7f");
    operator.types("CTLFile.tlv");
    operator.sees("CTLFile.tlv is not a folder.");
    operator.sees("CTL file in force");
    operator.presses(ENTER);
    operator.sees("Output folder:");
    operator.presses("\x7f\x7f\x7f");
    operator.types("new.tlv");
    operator.chooses_mode_and_tokens();
    signs_the_golden_file(&world, operator, "new.tlv/CTLFile.tlv");
}

#[test]
fn an_out_that_ends_in_tlv_is_the_file() {
    let world = world("tokenless.tlv");
    let mut operator = Operator::at(&world, LARGE, &["--out", "new.tlv"]);
    operator.reverts();
    signs_the_golden_file(&world, operator, "new.tlv");
}
