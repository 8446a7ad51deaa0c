//! A new user types `sastctl`, and gets the state of this machine and the next step.

use crate::support::World;

/// What it prints; never more than twelve lines.
fn start(world: &World, args: &[&str]) -> String {
    let shown = world.run(args).done().stdout;
    assert!(shown.lines().count() <= 12, "{shown}");
    shown
}

/// The lines about tokens, sorted by name: SoftHSM's order is random.
fn sorted(shown: &str) -> String {
    let (mut tokens, rest): (Vec<_>, Vec<_>) =
        shown.lines().partition(|line| line.starts_with("SAST token "));
    tokens.sort_unstable();
    [tokens, rest].concat().join("\n")
}

#[test]
fn each_state_has_its_next_step() {
    let world = World::with_tokens();
    insta::assert_snapshot!(sorted(&start(&world, &[])), @"
    SAST token A (serial-A):  PIN ok; SAST-ADN008580ef, expired 2022-05-17
    SAST token B (serial-B):  PIN ok; SAST-ADN0054f509, expired 2020-06-09
    Get the CTL and the ITL in force (needs no password):
      sastctl cluster fetch --node NODE --alone
    Export the certificates for Phone-SAST-trust (needs no PIN):
      sastctl cert export --all --out certs
    All commands and topics: sastctl help
    ");

    world.place("tokenless.tlv", "CTLFile.tlv");
    let tokenless = start(&world, &[]);
    let (tokens, steps) = tokenless.split_once("CTLFile.tlv in this folder").unwrap();
    assert!(tokens.contains("PIN ok; SAST-ADN008580ef, expired 2022-05-17"), "{tokens}");
    let steps = steps.replace("SAST-ADN0054f509", "ONE").replace("SAST-ADN008580ef", "ONE");
    insta::assert_snapshot!(steps, @"
    :  tokenless, signed by cucm-1051-a-pub
    Export the certificates for Phone-SAST-trust (needs no PIN):
      sastctl cert export --all --out certs
    List the possible procedures, and what phones do at each step:
      sastctl ctl ways CTLFile.tlv
    Sign a new CTL with the tokens (shows the plan, then asks):
      sastctl revert CTLFile.tlv --token ONE --spare ONE
    All commands and topics: sastctl help
    ");
    // The commands that it names can be entered.
    let revert = tokenless.lines().find(|line| line.contains("sastctl revert")).unwrap();
    let mut words: Vec<&str> = revert.split_whitespace().skip(1).collect();
    words.push("--dry-run");
    let plan = world.run(&words).done().stdout;
    assert!(plan.contains("signs this file"), "{plan}");

    world.place("token-signed.tlv", "CTLFile.new.tlv");
    let signed = start(&world, &["start"]);
    assert!(signed.contains("sastctl ctl check CTLFile.new.tlv --installed-ctl CTLFile.tlv"), "{signed}");

    std::fs::rename(world.path("CTLFile.new.tlv"), world.path("CTLFile.tlv")).unwrap();
    let in_force = start(&world, &[]);
    assert!(in_force.contains("in this folder:  signed by the token SAST-ADN008580ef"), "{in_force}");
    assert!(in_force.contains("List the possible procedures"), "{in_force}");

    std::fs::write(world.path("CTLFile.tlv"), "no list").unwrap();
    let broken = start(&world, &[]);
    assert!(broken.contains("CTLFile.tlv in this folder cannot be used: "), "{broken}");
    assert!(broken.contains("  sastctl ctl verify CTLFile.tlv\n"), "{broken}");
}

#[test]
fn without_a_token_of_the_list_the_way_for_lost_tokens_is_named() {
    let world = World::with_tokens();
    world.place("token-signed.tlv", "CTLFile.tlv");
    for label in ["SAST token A", "SAST token B"] {
        world.tool("softhsm2-util", &["--delete-token", "--token", label]);
    }
    let none = start(&world, &[]);
    assert!(none.starts_with("Every token is blank (1).\n"), "{none}");
    assert!(none.contains("\n  sastctl doctor\n"), "{none}");
    world.new_token("another", "tests/testdata/keys/rsa2048");
    let another = start(&world, &[]);
    assert!(
        another.contains("see what to do if all of them are lost:\n  sastctl ctl ways CTLFile.tlv"),
        "{another}"
    );
}

#[test]
fn without_a_module_doctor_is_named_and_json_says_the_same() {
    let world = World::with_tokens();
    let none = start(&world, &["--module", "/nowhere/module.so"]);
    assert!(none.starts_with("No token can be found: "), "{none}");
    assert!(none.contains("\n  sastctl doctor\n"), "{none}");
    let json = world.run(&["start", "--json"]).done().json();
    assert_eq!(json["next"][0]["command"], "sastctl cluster fetch --node NODE --alone");
    assert_eq!(json["tokens"].as_array().unwrap().len(), 3);
    assert!(json["list"].is_null() && json["problem"].is_null());
}

/// A script reads which schema a document has, and finds it in the documentation.
#[test]
fn every_schema_is_in_the_documentation() {
    let documentation = std::fs::read_to_string(crate::pki::path("docs/json.md")).unwrap();
    let mut names = vec![];
    for entry in std::fs::read_dir(crate::pki::path("docs/schema")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(documentation.contains(&format!("`{name}`")), "{name}");
        names.push(name);
    }
    let world = World::new();
    let said = world.run(&["profile", "show", "softhsm", "--json"]).done().json();
    assert_eq!(said["schema"], "profile-show/1");
    assert!(names.len() > 25 && names.contains(&"profile-show".to_owned()), "{names:?}");
}

/// A line that is too wide goes on below its own words, so that the next line is not taken for a part of it.
#[test]
fn lines_that_go_on_are_indented() {
    let mut world = World::with_tokens();
    world.place("tokenless.tlv", "CTLFile.tlv");
    world.set("COLUMNS", "50");
    let shown = world.run(&["start"]).done().stdout;
    let lines: Vec<&str> = shown.lines().collect();
    for label in ["SAST token A", "CTLFile.tlv"] {
        let at = lines.iter().position(|line| line.starts_with(label)).unwrap();
        assert!(lines[at + 1].starts_with("  ") && lines[at].len() <= 50, "{shown}");
    }
}
