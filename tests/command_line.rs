//! The program as scripts and shells use it.

use std::io::Read as _;
use std::process::Stdio;

use sastctl::cli::next::{for_sh, for_windows};

use crate::support::{World, can_trace};

#[test]
fn a_wrong_command_line_exits_with_2() {
    let world = World::new();
    for args in [&["nonsense"][..], &["ctl"], &["ctl", "verify"], &["revert"], &["ctl", "show", "--frob"]] {
        assert_eq!(world.run(args).code, 2, "{args:?}");
    }
    assert_eq!(world.run(&["--version"]).done().stdout, format!("sastctl {}\n", env!("CARGO_PKG_VERSION")));
    let details = world.run(&["--version", "--verbose"]).done().stdout;
    let first: Vec<_> = details.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(first, ["sastctl", "commit", "target", "features", "OpenSSL", "PC/SC"], "{details}");
    assert!(details.contains("OpenSSL 3"), "{details}");
    assert_eq!(details.contains(", built in"), cfg!(feature = "vendored-openssl"), "{details}");
}

/// An option that a command would ignore is refused: with `--rollback` the operator must not get a new list.
#[test]
fn options_of_the_other_revert_are_refused() {
    let world = World::with_tokens();
    world.place("tokenless.tlv", "CTLFile.tlv");
    let file =
        ["revert", "CTLFile.tlv", "--token=SAST token A", "--spare=SAST token B", "--yes", "--out=x.tlv"];
    let node = ["revert", "--node=192.0.2.1", "--token=SAST token A", "--yes"];
    for (command, options) in [
        (&file[..], &["--rollback", "--resume", "--bridge", "--work=w", "--tftp-root=."][..]),
        (
            &node[..],
            &["--set-mode=mixed", "--remove-server=a", "--out=x.tlv", "--plan-digest=00", "--release=x"],
        ),
    ] {
        for option in options {
            let refused = world.run(&[command, &[*option]].concat());
            assert_eq!(refused.code, 2, "{option}: {}", refused.all());
            let name = option.split('=').next().unwrap();
            let said = refused.stderr.contains(name) || refused.stderr.contains("servers and mode stay");
            assert!(said, "{option}: {}", refused.all());
            assert_eq!(world.files(), ["CTLFile.tlv"], "{option}");
        }
    }
}

#[test]
fn help_explains_commands_and_topics() {
    let world = World::new();
    insta::assert_snapshot!(world.run(&["help"]).done().stdout);
    assert_eq!(
        world.run(&["help", "ctl", "update"]).done().stdout,
        world.run(&["ctl", "update", "--help"]).done().stdout
    );
    assert!(world.run(&["help", "lost-tokens"]).done().stdout.contains("All tokens of the CTL are lost"));
    assert_eq!(world.run(&["help", "nonsense"]).code, 2);
}

#[test]
fn every_help_topic_in_a_message_exists() {
    let world = World::new();
    for topic in ["exit-codes", "lost-tokens", "pin", "refusing-phones", "way-back"] {
        world.run(&["help", topic]).done();
    }
}

#[test]
fn completions_and_man_pages_come_with_the_program() {
    let world = World::new();
    for shell in ["bash", "zsh", "fish", "powershell"] {
        assert!(world.run(&["completions", shell]).done().stdout.contains("sastctl"), "{shell}");
    }
    world.run(&["man", "pages"]).done();
    let mut pages: Vec<_> = std::fs::read_dir(world.path("pages"))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    pages.sort();
    assert!(
        pages.contains(&"sastctl.1".to_owned()) && pages.contains(&"sastctl-ctl-update.1".to_owned()),
        "{pages:?}"
    );
    world.run(&["man", "pages"]).done();
    let again = std::fs::read_dir(world.path("pages")).unwrap().count();
    assert_eq!(again, pages.len(), "what can be made again is not kept");
}

/// A command loads a module, starts a thread, opens a connection or reads a folder only if it needs to.
#[test]
fn a_command_starts_only_what_it_needs() {
    let mut world = World::with_tokens();
    if !can_trace() {
        return;
    }
    world.place("token-signed.tlv", "CTLFile.tlv");
    world.unset("TZ");
    let trace = ["strace", "-f", "-qq", "-o", "calls", "-e", "trace=openat,connect,clone,clone3,vfork"];
    world.run_inside(&trace);
    for args in [
        &["--version"][..],
        &["ctl", "show", "CTLFile.tlv"],
        &["ctl", "verify", "CTLFile.tlv"],
        &["ctl", "check", "CTLFile.tlv", "--installed-ctl=CTLFile.tlv"],
        &["profile", "list"],
        &["token", "list"],
    ] {
        world.run(args).done();
        let log = String::from_utf8(world.read("calls")).unwrap();
        let count = |word: &str| log.lines().filter(|line| line.contains(word)).count();
        let of_token = usize::from(args[0] == "token");
        assert_eq!(count("clone"), of_token, "the watchdog alone, {args:?}: {log}");
        assert_eq!(count("connect("), 0, "{args:?}: {log}");
        assert_eq!(count("libsofthsm2"), of_token, "{args:?}: {log}");
        // The files that SoftHSM reads do not count.
        let folders =
            log.lines().filter(|line| line.contains("O_DIRECTORY") && !line.contains("/hsm/tokens"));
        assert_eq!(folders.count(), 0, "{args:?}: {log}");
    }
}

#[test]
fn options_come_from_the_command_line_then_the_environment_then_the_configuration() {
    let mut world = World::with_tokens();
    let config = world.path("home/.config/sastctl");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("config.toml"), "token = 'SAST token B'\njson = true\n").unwrap();
    assert_eq!(world.run(&["cert", "show"]).done().json()["name"], "SAST-ADN0054f509");
    world.set("SASTCTL_TOKEN", "SAST token A");
    assert_eq!(world.run(&["cert", "show"]).done().json()["name"], "SAST-ADN008580ef");
    let last = world.run(&["cert", "show", "--token", "SAST token B"]).done();
    assert_eq!(last.json()["name"], "SAST-ADN0054f509");
    world.set("SASTCTL_JSON", "0");
    assert!(!world.run(&["cert", "show"]).done().stdout.starts_with('{'), "no is said, too");
    std::fs::write(config.join("config.toml"), "verbose = 1\nquiet = true\n").unwrap();
    assert!(world.run(&["cert", "show"]).done().stderr.contains("C_Initialize"));
    std::fs::write(config.join("config.toml"), "").unwrap();
    assert!(!world.run(&["cert", "show"]).done().stderr.contains("C_Initialize"));
    world.set("SASTCTL_VERBOSE", "1");
    assert!(world.run(&["cert", "show"]).done().stderr.contains("C_Initialize"));
    world.unset("SASTCTL_VERBOSE");
    std::fs::write(config.join("config.toml"), "tokn = 'x'\n").unwrap();
    let wrong = world.run(&["cert", "show"]);
    assert_eq!(wrong.code, 4);
    assert!(wrong.stderr.contains("tokn"), "{}", wrong.stderr);
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let world = World::new();
    // More than fits into a pipe.
    let header = &crate::pki::golden_bytes("token-signed.tlv")[..304];
    let records = crate::pki::golden_bytes("token-signed.tlv")[304..].repeat(100);
    std::fs::write(world.path("big.tlv"), [header, &records].concat()).unwrap();
    let mut child = world
        .command(&["ctl", "show", "big.tlv"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 10];
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut first).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(141));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn colours_are_for_terminals() {
    let world = World::new();
    let plain = world.run(&["ctl", "verify", "missing.tlv"]);
    assert!(!plain.all().contains('\u{1b}'));
}

/// The messages on a phone's screen are explained in the help and in the man pages.
#[test]
fn messages_of_phones_are_explained_in_the_help_and_the_man_pages() {
    let world = World::new();
    let help = world.run(&["help", "refusing-phones"]).done().stdout;
    world.run(&["man", "pages"]).done();
    let man = String::from_utf8(world.read("pages/sastctl-refusing-phones.7")).unwrap();
    for words in [
        "CTL Installed",
        "ITL installed",
        "CTL and ITL installed",
        "Trust List updated",
        "Trust List update failed",
        "Trust List update failed, verification failure",
        "CTL update failed",
        "No Trust List installed",
        "File Not Found <CTLFile.tlv>",
        "Erasing CTL and ITL files",
        "Cert key size is not FIPS compliant",
        "The security token that signed the updated CTL file does not exist",
    ] {
        assert!(help.contains(words), "{words}");
        assert!(man.contains(words), "{words}");
    }
}

/// If an argument of a command had the name of a global option, the option could not be given after the command.
#[test]
fn every_command_accepts_every_global_option_after_it() {
    fn look(command: &clap::Command, globals: &[(String, String)], path: &str) {
        for (id, long) in globals {
            let here: Vec<_> = command.get_arguments().filter(|a| a.get_id() == id.as_str()).collect();
            assert_eq!(here.len(), 1, "{path} --{long}");
            assert_eq!(here[0].get_long(), Some(long.as_str()), "{path} --{long}");
        }
        for sub in command.get_subcommands() {
            look(sub, globals, &format!("{path} {}", sub.get_name()));
        }
    }
    let mut whole = sastctl::cli::command_line();
    whole.build();
    let of = |a: &clap::Arg| Some((a.get_id().to_string(), a.get_long()?.to_owned()));
    let globals: Vec<_> = whole.get_arguments().filter(|a| a.is_global_set()).filter_map(of).collect();
    assert!(globals.iter().any(|(_, long)| long == "token") && globals.len() >= 9, "{globals:?}");
    look(&whole, &globals, "sastctl");
}

#[test]
fn words_are_quoted_for_a_shell() {
    let sh = ["ccm+tftp:10.1.2.3", "my file's", "", "pkcs11:serial=1;id=%01"].map(for_sh);
    assert_eq!(sh, ["ccm+tftp:10.1.2.3", r"'my file'\''s'", "''", "'pkcs11:serial=1;id=%01'"]);
    let words =
        [r"C:\lists\CTLFile.tlv", r"C:\my lists\it's.tlv", "", "a;b", "pkcs11:id=%01", r"C:\my lists\"];
    let windows = words.map(for_windows);
    let wanted =
        [words[0], r#""C:\my lists\it's.tlv""#, r#""""#, r#""a;b""#, "'pkcs11:id=%01'", r"'C:\my lists\'"];
    assert_eq!(windows, wanted);
}
