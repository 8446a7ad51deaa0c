//! What a person reads and presses before a command runs: `-h`, `--help`, man pages, usage errors, TAB.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use clap::error::ErrorKind;

use crate::support::{World, skip};

/// Every command that does something, by its words.
fn leaves() -> Vec<(String, clap::Command)> {
    fn look(command: &clap::Command, path: &str, found: &mut Vec<(String, clap::Command)>) {
        if path.is_empty() || command.has_subcommands() {
            for inner in command.get_subcommands() {
                look(inner, format!("{path} {}", inner.get_name()).trim_start(), found);
            }
        }
        found.push((path.to_owned(), command.clone()));
    }
    let mut whole = sastctl::cli::command_line().term_width(80);
    whole.build();
    let mut found = Vec::new();
    look(&whole, "", &mut found);
    found
}

/// Which words a shell makes of a line.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![];
    for (at, part) in line.split('"').enumerate() {
        if at % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

#[test]
fn a_short_help_fits_one_screen() {
    let all = leaves();
    assert!(all.len() > 35, "{}", all.len());
    for (path, mut command) in all {
        let help = command.render_help().to_string();
        let most = if path.ends_with("revert") { 40 } else { 24 };
        assert!(help.lines().count() <= most, "{path}: {} lines\n{help}", help.lines().count());
        assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
        assert!(help.contains("Global options: sastctl help"), "{help}");
        if command.get_arguments().any(|arg| arg.get_id() == "plan_digest") {
            let first = help.split("\nOptions:\n").nth(1).unwrap().trim_start();
            assert!(first.starts_with("--token <SELECTOR>"), "the signer is first: {help}");
        }
    }
}

#[test]
fn every_long_help_has_examples_that_can_be_typed() {
    for (path, mut command) in leaves() {
        let help = command.render_long_help().to_string();
        if path.is_empty() {
            assert!(help.contains("Global options:") && help.contains("--pin-source"), "{help}");
            continue;
        }
        let (_, examples) = help.split_once("\nExamples:\n").unwrap_or_else(|| panic!("{path}: {help}"));
        let examples = examples.replace(" \\\n     ", " ");
        let examples: Vec<&str> = examples.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        assert!(!examples.is_empty(), "{path}");
        for line in examples {
            assert!(line.starts_with(&format!("sastctl {path}")), "{path}: {line}");
            match sastctl::cli::command_line().try_get_matches_from(words(line)) {
                Ok(_) => {}
                Err(e) => panic!("{line}: {e}"),
            }
        }
    }
}

/// What an error of the command line tells can be typed as it stands.
#[test]
fn usage_errors_name_what_is_missing() {
    let said = |line: &str| {
        let error = sastctl::cli::command_line().try_get_matches_from(words(line)).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::MissingRequiredArgument | ErrorKind::ArgumentConflict));
        error.render().to_string()
    };
    let resume = said("sastctl revert --resume");
    assert!(
        !resume.split("Usage").next().unwrap().contains("<OLD>"),
        "the file does not go with it: {resume}"
    );
    insta::assert_snapshot!(resume, @r"
    error: the following required arguments were not provided:
      --node <NODE>

    Usage: sastctl revert [OPTIONS] <OLD>
           sastctl revert [OPTIONS] --node <NODE>

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(said("sastctl cluster restart --alone"), @r"
    error: the following required arguments were not provided:
      <--node <NODE>|NODE>

    Usage: sastctl cluster restart --alone <--node <NODE>|NODE>

    For more information, try '--help'.
    ");
    said("sastctl cluster status 10.1.2.3 --node 10.1.2.3");
}

/// Options that only the environment sets are not part of the usage: the user did not type them.
#[test]
fn usage_has_no_options_of_the_environment() {
    let mut world = World::new();
    world.set("SASTCTL_PROFILE", "softhsm");
    world.set("SASTCTL_PIN_SOURCE", "env:PIN");
    let said = world.run(&["ctl", "ways"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("Usage: sastctl ctl ways [OPTIONS] <FILE> [WAY]"), "{}", said.stderr);
}

#[test]
fn help_finds_a_topic_by_a_word_of_its_title() {
    let said = World::new().run(&["help", "refuse"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("refusing-phones: Phones that refuse"), "{}", said.stderr);
}

#[test]
fn a_node_is_named_in_one_way_everywhere() {
    for (path, command) in leaves() {
        let takes_node = |arg: &clap::Arg| arg.get_value_names().is_some_and(|names| names[0] == "NODE");
        if command.get_arguments().any(takes_node) {
            assert!(command.get_arguments().any(|arg| arg.get_long() == Some("node")), "{path}");
        }
    }
    for command in ["status", "fetch", "restart", "console"] {
        for node in [&["10.1.2.3"][..], &["--node", "10.1.2.3"]] {
            let words = [&["sastctl", "cluster", command], node].concat();
            sastctl::cli::command_line().try_get_matches_from(words).unwrap();
        }
    }
}

#[test]
fn man_pages_have_examples_exit_codes_variables_and_references() {
    let mut world = World::new();
    world.set("SOURCE_DATE_EPOCH", "1425678813");
    world.run(&["man", "pages"]).done();
    let page = String::from_utf8(world.read("pages/sastctl-ctl-sign.1")).unwrap();
    assert!(page.contains(".TH sastctl-ctl-sign 1 2015-03-06 "), "{page}");
    for part in [
        ".SH EXAMPLES\n.nf\n\\&sastctl ctl sign CTLFile.tlv --token SAST-ADN008580ef\n",
        ".SH EXIT STATUS\n.TP\n\\&\\fB0\\fR\n\\&done\n",
        "\\&\\fB141\\fR\n",
        ".SH ENVIRONMENT\n",
        "\\&\\fBSASTCTL_JOURNAL\\fR\n\\&the value of --journal\n",
        ".SH SEE ALSO\n.BR sastctl-ctl (1),\n",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    if Command::new("mandoc").arg("-h").output().is_err() {
        skip("mandoc is not installed");
        return;
    }
    for (at, name) in std::fs::read_dir(world.path("pages")).unwrap().enumerate() {
        let path = name.unwrap().path();
        let output = Command::new("mandoc").args(["-Tlint", "-Wwarning"]).arg(&path).output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(said.is_empty(), "page {at}: {said}");
    }
}

/// A world whose shells find the program.
fn world_of_shells() -> World {
    let mut world = World::with_tokens();
    let program = Path::new(env!("CARGO_BIN_EXE_sastctl")).parent().unwrap();
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", program.display());
    world.set("PATH", &path);
    world.set("TERM", "xterm");
    world
}

fn is_missing(shell: &str) -> bool {
    let missing = Command::new(shell).arg("--version").output().is_err();
    if missing {
        skip(&format!("{shell} is not installed"));
    }
    missing
}

/// Types lines with TAB in them into a shell on a terminal: the command that the shell completes runs, and prints these words.
fn type_into(shell: &str, args: &[&str], load: &str) {
    let world = world_of_shells();
    let lines = [
        ("sastctl token sh\t--help", "Show everything about one token"),
        ("sastctl token show --token SAST-ADN008\t", "SAST token A"),
        ("sastctl help lo\t", "Lost tokens"),
        ("sastctl profile show softh\t", "SoftHSM 2"),
    ];
    for (line, words) in lines {
        let command = world.program(shell, args);
        let mut session = rexpect::session::spawn_command(command, Some(40_000)).unwrap();
        session.send_line(load).unwrap();
        session.send_line("echo load''ed").unwrap();
        session.exp_string("loaded").unwrap();
        // The program is run by the shell on its own; the shell's answer to TAB comes first.
        session.send(line).unwrap();
        session.flush().unwrap();
        session.send_line("").unwrap();
        let said = session.exp_string(words);
        said.unwrap_or_else(|e| panic!("{shell}: {line:?}: {e}"));
        session.send_line("exit").unwrap();
        session.exp_eof().unwrap();
    }
}

#[test]
fn bash_completes_commands_tokens_topics_and_profiles() {
    type_into("bash", &["--noprofile", "--norc", "-i"], "source <(sastctl completions bash)");
}

#[test]
fn zsh_completes_commands_tokens_topics_and_profiles() {
    if is_missing("zsh") {
        return;
    }
    let load = "autoload -Uz compinit; compinit -u -D; source <(sastctl completions zsh)";
    type_into("zsh", &["-f", "-i"], load);
}

/// Packages put the script where zsh finds it as a function: the first TAB completes, too.
#[test]
fn zsh_completes_with_the_script_of_a_package() {
    if is_missing("zsh") {
        return;
    }
    let load = "mkdir -p site; sastctl completions zsh >site/_sastctl; fpath=($PWD/site $fpath); \
                autoload -Uz compinit; compinit -u -D";
    type_into("zsh", &["-f", "-i"], load);
}

#[test]
fn fish_completes_commands_tokens_topics_and_profiles() {
    if is_missing("fish") {
        return;
    }
    let world = world_of_shells();
    for (line, candidate) in [
        ("sastctl token sh", "show\t"),
        ("sastctl --token SAST", "SAST-ADN008580ef\tSAST token A"),
        ("sastctl token show SAST", "SAST-ADN0054f509\tSAST token B"),
        ("sastctl help lo", "lost-tokens\t"),
        ("sastctl ctl ways CTLFile.tlv br", "bridge"),
    ] {
        let asked = format!("sastctl completions fish | source; complete -C '{line}'");
        let said = world.tool("fish", &["--no-config", "-c", &asked]);
        assert!(said.lines().any(|line| line.starts_with(candidate)), "{line}: {said:?}");
    }
}

#[test]
fn powershell_gets_its_script() {
    let script = World::new().run(&["completions", "powershell"]).done().stdout;
    insta::assert_snapshot!(script.trim());
}

/// TAB behind `ctl ways FILE` offers each procedure that `ctl ways` can print, and no other.
#[test]
fn the_shell_offers_the_procedures_that_ctl_ways_prints() {
    let world = World::new();
    let mut command = world.command(&["--", "sastctl", "ctl", "ways", "CTLFile.tlv", ""]);
    let output = command.env("SASTCTL_COMPLETE", "fish").output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let names = said.lines().filter(|line| !line.starts_with('-'));
    let offered: BTreeSet<String> = names.map(str::to_owned).collect();
    let mut printed = BTreeSet::new();
    for list in ["tokenless.tlv", "token-signed.tlv"] {
        world.place(list, "CTLFile.tlv");
        let document = world.run(&["ctl", "ways", "CTLFile.tlv", "--json"]).done().json();
        let ways = document["ways"].as_array().unwrap();
        printed.extend(ways.iter().map(|way| way["name"].as_str().unwrap().to_owned()));
    }
    assert_eq!(offered, printed);
}

/// A shell that waits for names waits for seconds, and shows no error.
#[test]
fn a_module_that_never_answers_or_is_not_there_has_no_candidates() {
    let mut world = World::with_tokens();
    let ask = |world: &World| {
        let mut command = world.command(&["--", "sastctl", "token", "show", ""]);
        let output = command.env("SASTCTL_COMPLETE", "fish").output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        let is_option = |line: &&str| line.starts_with("--");
        said.lines().filter(|line| !is_option(line)).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(ask(&world).len(), 2, "{:?}", ask(&world));
    world.set("SASTCTL_MODULE", "/nowhere/module.so");
    assert_eq!(ask(&world), Vec::<String>::new());
    world.unset("SASTCTL_MODULE");
    world.behind_faulty_token();
    let script = world.hold("C_GetSlotList", 1);
    world.set("FAULTY_SCRIPT", &script);
    let begun = std::time::Instant::now();
    assert_eq!(ask(&world), Vec::<String>::new());
    assert!(begun.elapsed().as_secs() < 30, "{:?}", begun.elapsed());
}

#[test]
fn journals_are_listed_newest_first() {
    let world = World::with_tokens();
    let none = world.run(&["journal", "list"]).done().stdout;
    assert!(none.starts_with("There is no journal in "), "{none}");
    world.place("tokenless.tlv", "CTLFile.tlv");
    let revert = ["revert", "CTLFile.tlv", "--token=SAST token A", "--spare=SAST token B", "--yes"];
    world.run(&revert).done();
    world.run(&["ctl", "sign", "CTLFile.new.tlv", "--token=SAST token A", "--yes", "--out=again.tlv"]).done();
    let listed = world.run(&["journal", "list", "--json"]).done().json();
    let journals = listed["journals"].as_array().unwrap();
    let of = |key: &str| journals.iter().map(|j| j[key].as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(of("command"), ["ctl-sign", "revert"]);
    assert_eq!(of("subject"), ["CTLFile.new.tlv", "CTLFile.tlv"]);
    assert_eq!(of("outcome"), ["done", "done"]);
    let (newest, folder) = (&journals[0], Path::new(listed["folder"].as_str().unwrap()));
    let name = newest["name"].as_str().unwrap();
    assert_eq!(folder.join(name), Path::new(newest["journal"].as_str().unwrap()));
    world.run(&["journal", "verify", name]).done();

    // A run that was cut off, and what is no journal.
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    let first = text.lines().next().unwrap();
    std::fs::write(folder.join("20300101T000000-revert-node.jsonl"), format!("{first}\n")).unwrap();
    std::fs::write(folder.join("20300101T000001-x.jsonl"), b"\x1b[2Jno journal\xff").unwrap();
    std::fs::create_dir(folder.join("folder.jsonl")).unwrap();
    let table = world.run(&["journal", "list"]).done().stdout;
    assert_eq!(table.lines().count(), 6, "{table}");
    let line = |name: &str| table.lines().find(|line| line.contains(name)).unwrap_or_default().to_owned();
    assert!(line("revert-node.jsonl").contains("not completed"), "{table}");
    assert!(line("000001-x.jsonl").starts_with("(cannot be read)"), "{table}");
    assert!(
        line("-revert.jsonl").contains("CTLFile.tlv") && line("-revert.jsonl").contains("done"),
        "{table}"
    );
}
