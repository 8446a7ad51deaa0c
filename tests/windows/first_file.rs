//! The windows from a cluster file: a first list, of inserted tokens and of those that the file names.

use super::*;

const CLUSTER: &str = r#"
[[server]]
function = "CCM+TFTP"
address = "10.48.47.155"
certificate = "cucm-1051-a-pub.der"
[[server]]
function = "CAPF"
address = "10.48.47.155"
certificate = "capf-e41e7d87.der"
[[server]]
function = "CCM+TFTP"
address = "10.48.47.156"
certificate = "cucm-1051-a-sub1.der"
"#;

/// A cluster whose list is lost, and more lines of its file.
fn cluster(more: &str) -> World {
    let world = world("tokenless.tlv");
    for name in ["cucm-1051-a-pub", "capf-e41e7d87", "cucm-1051-a-sub1"] {
        let file = format!("{name}.der");
        std::fs::copy(pki::path(&format!("tests/testdata/pki/{file}")), world.path(&file)).unwrap();
    }
    std::fs::copy(pki::path("softhsm-fixtures/SAST-ADN0054f509.der"), world.path("spare.cer")).unwrap();
    std::fs::write(world.path("CTLFile.tlv.toml"), format!("{more}{CLUSTER}")).unwrap();
    world
}

/// To the third window.
fn names_the_file(world: &World) -> Operator {
    let mut operator = Operator::sits_down(world, &[]);
    operator.sees("CTL file in force");
    operator.types(".toml");
    operator.sees("Output folder:");
    operator.presses(ENTER);
    operator
}

/// Behind the warning of the second window, to the tokens.
fn chooses_tokens(world: &World) -> Operator {
    let mut operator = names_the_file(world);
    operator.sees("Cisco CTL Client: Warning");
    operator.presses(ENTER);
    operator.chooses_mode(0);
    operator
}

/// A first file from certificates: the warning of the second window, word for word.
#[test]
fn a_first_file_begins_with_the_warning() {
    let world = cluster("");
    let mut operator = names_the_file(&world);
    operator.sees(
        "No CTL File exists on the server but the Call Manager Cluster Security Mode is in Secure Mode.",
    );
    operator.sees(
        "For the system to function, you must create the CTL File and set Call Manager Cluster the Secure Mode.",
    );
    operator.presses(ENTER);
    operator.chooses_mode_and_tokens();
    let said = signs_the_golden_file(&world, operator, "out/CTLFile.tlv");
    repeats(&world, &said, "out/CTLFile.tlv");
}

/// The spare lies in a safe: its certificate is in the cluster file, and that is enough.
#[test]
fn a_token_of_the_cluster_file_is_the_spare() {
    let world = cluster("[[token]]\ncertificate = 'spare.cer'\n");
    let mut operator = chooses_tokens(&world);
    operator.picks_token(FIRST);
    operator.adds();
    operator.sees("Cisco CTL Client: CTL Entries");
    operator.sees(SECOND);
    operator.sees("[ Finish ]");
    operator.presses(ENTER);
    let said = signs_the_golden_file(&world, operator, "out/CTLFile.tlv");
    repeats(&world, &said, "out/CTLFile.tlv");
}

/// The spare of the cluster file is inserted, too: it is one token all the same.
#[test]
fn a_token_of_the_cluster_file_that_is_inserted_counts_once() {
    let world = cluster("[[token]]\ncertificate = 'spare.cer'\n");
    let mut operator = chooses_tokens(&world);
    operator.picks_token(FIRST);
    operator.adds();
    operator.chooses_entry("Finish", "Add Tokens");
    operator.adds_the_other();
    operator.chooses_entry("Finish", "Finish");
    let said = signs_the_golden_file(&world, operator, "out/CTLFile.tlv");
    repeats(&world, &said, "out/CTLFile.tlv");
}

/// One token, and none in the file: the windows name what they have, not options of other commands.
#[test]
fn a_first_file_with_one_token_is_refused_in_words_of_the_windows() {
    let world = cluster("");
    let mut operator = chooses_tokens(&world);
    operator.picks_token(FIRST);
    operator.adds();
    operator.chooses_entry("Add Tokens", "Finish");
    operator.sees("a first CTL needs two tokens");
    let said = operator.sees("CTL Entries");
    assert!(said.contains("choose Add Tokens") && !said.contains("--spare"), "{said}");
    operator.presses(CTRL_C);
    assert_eq!(operator.leaves().0, 130);
}
