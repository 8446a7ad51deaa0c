//! Work that takes long says what it does, how far it is, and how long it takes: in one moving line on a terminal, in one
//! line that stays elsewhere.

use std::process::Command;

use rexpect::reader::Options;
use rexpect::session::spawn_with_options;

use crate::pki;
use crate::support::cluster::{Cluster, TVS_PORT};
use crate::support::{World, run};

/// Everything that a terminal of 80 columns gets.
fn on_a_terminal(world: &World, args: &[&str]) -> String {
    let program = world.command(args);
    let mut shell = Command::new("sh");
    shell.args(["-c", "stty cols 80 rows 24; exec \"$0\" \"$@\""]).arg(program.get_program()).args(args);
    shell.current_dir(world.path("")).env_clear().env("TERM", "xterm");
    shell.envs(program.get_envs().filter_map(|(key, value)| Some((key, value?))));
    shell.env_remove("COLUMNS");
    let mut session = spawn_with_options(shell, Options::new().timeout_ms(Some(60_000))).unwrap();
    session.exp_eof().unwrap()
}

/// How long something still takes, or has taken, in the words of the moving line.
fn has_time(text: &str, before: &str, after: &str) -> bool {
    text.split(before).skip(1).any(|rest| {
        let digits = rest.trim_start().chars().take_while(char::is_ascii_digit).count();
        digits > 0 && rest.trim_start()[digits..].starts_with(after)
    })
}

#[test]
fn many_signed_files_are_counted_with_the_time_that_is_left() {
    let world = World::with_tokens();
    let names: Vec<String> = (0..40).map(|n| format!("list{n}.tlv")).collect();
    for name in &names {
        std::fs::write(world.path(name), pki::golden_bytes("token-signed.tlv")).unwrap();
    }
    let sign = |more: &'static str| {
        let how = ["ctl", "sign", "--token=SAST-ADN0054f509", "--in-place", "--yes", more];
        let how = how.into_iter().filter(|word| !word.is_empty());
        how.chain(names.iter().map(String::as_str)).collect::<Vec<&str>>()
    };
    let plain = sign("");
    let terminal = on_a_terminal(&world, &plain);
    assert!(terminal.contains("Signing 40 files: ") && terminal.contains(" of 40, "), "{terminal}");
    assert!(has_time(&terminal, " of 40, ", "s left"), "{terminal}");
    let screen = screen_of(&terminal);
    assert!(!screen.contains("Signing 40 files"), "it is gone at the end: {screen}");
    assert!(screen.contains("list39.tlv"), "{screen}");

    let piped = world.run(&plain).done();
    assert_eq!(piped.stderr.matches("Signing 40 files …").count(), 1, "{}", piped.stderr);
    assert!(!piped.all().contains(" left") && !piped.all().contains('\r'), "{}", piped.all());
    for silent in ["--json", "--quiet"] {
        let words = sign(silent);
        let outcome = world.run(&words).done();
        assert!(!outcome.all().contains("Signing 40"), "{silent}: {}", outcome.all());
        let terminal = on_a_terminal(&world, &words);
        assert!(!terminal.contains("Signing 40"), "{silent}: {terminal}");
    }
}

/// What stands on the terminal at the end.
fn screen_of(text: &str) -> String {
    // rexpect makes a character of each byte.
    let bytes: Vec<u8> = text.chars().map(|c| u8::try_from(c).unwrap()).collect();
    let mut terminal = vt100::Parser::new(24.try_into().unwrap(), 80.try_into().unwrap(), 0);
    terminal.process(&bytes);
    terminal.screen().contents()
}

#[test]
fn many_nodes_are_counted_with_the_time_that_is_left() {
    let Some((world, cluster)) = run::started(3) else { return };
    let publisher = cluster.publisher();
    let options: Vec<String> = cluster.options().into_iter().chain(Cluster::ports()).collect();
    let status = |more: &'static str| {
        let words = ["cluster", "status", &publisher, "--no-tvs", "--no-pager", more];
        let words = words.into_iter().filter(|word| !word.is_empty());
        words.chain(options.iter().map(String::as_str)).collect::<Vec<&str>>()
    };
    let terminal = on_a_terminal(&world, &status(""));
    assert!(terminal.contains("Asking 3 nodes: ") && has_time(&terminal, " of 3, ", "s left"), "{terminal}");
    assert!(!screen_of(&terminal).contains("Asking 3 nodes"), "{terminal}");
    let piped = world.run(&status("")).done();
    assert_eq!(piped.stderr.matches("Asking 3 nodes …").count(), 1, "{}", piped.stderr);
    for silent in ["--json", "--quiet"] {
        assert!(!world.run(&status(silent)).done().all().contains("Asking 3"), "{silent}");
    }
}

/// A token tells nothing while it makes a key: the line says what is done, and for how long already.
#[test]
fn a_key_that_is_being_made_shows_how_long_it_takes() {
    let mut world = World::with_tokens();
    world.tool(
        "softhsm2-util",
        &["--init-token", "--free", "--label", "HSM", "--so-pin", "12345678", "--pin", "Cisco123"],
    );
    world.behind_faulty_token();
    world.set("FAULTY_SCRIPT", "delay C_GenerateKeyPair 1 2500");
    let terminal = on_a_terminal(&world, &["cert", "enroll", "HSM", "--name=SAST-HSM-01", "--yes"]);
    let what = "Making a key of 2048 bits on HSM; this may take a minute";
    assert!(has_time(&terminal, &format!("{what}: "), "s"), "{terminal}");
    assert!(terminal.contains(&format!("{what}: 2s")), "{terminal}");
    let piped = world.run(&["cert", "enroll", "HSM", "--name=SAST-HSM-02", "--id=02"]).done();
    assert_eq!(piped.stderr.matches(what).count(), 1, "{}", piped.stderr);
    let silent = world.run(&["cert", "enroll", "HSM", "--name=SAST-HSM-03", "--id=03", "--json"]).done();
    assert!(!silent.stderr.contains(what), "{}", silent.stderr);
}

/// TVS takes its time to know a certificate: the line says what is waited for, and for how long already.
#[test]
fn the_wait_for_tvs_shows_how_long_it_takes() {
    let Some((world, cluster)) = run::started(1) else { return };
    let certificate = pki::path("softhsm-fixtures/SAST-ADN0054f509.der").display().to_string();
    let (publisher, tvs_port) = (cluster.publisher(), TVS_PORT.to_string());
    let trust =
        ["cluster", "trust", &certificate, "--node", &publisher, "--tvs-port", &tvs_port, "--by=hand"];
    let options: Vec<String> = cluster.options().into_iter().chain(Cluster::ports()).collect();
    let words: Vec<&str> =
        trust.into_iter().chain(["--tvs-wait=3"]).chain(options.iter().map(String::as_str)).collect();
    let terminal = on_a_terminal(&world, &words);
    assert!(terminal.contains("Waiting until TVS on "), "{terminal}");
    assert!(has_time(&terminal, " knows SAST-ADN0054f509: ", "s"), "{terminal}");
}
