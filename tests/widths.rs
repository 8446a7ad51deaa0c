//! What people read fits their terminal, in colour and without.

use std::process::Command;

use rexpect::reader::Options;
use rexpect::session::{PtySession, spawn_with_options};
use unicode_width::UnicodeWidthStr as _;

use crate::support::{World, run, without_colours};

const UPDATE: [&str; 4] = ["ctl", "update", "token-signed.tlv", "--token=SAST-ADN008580ef"];

/// The program at a terminal of so many columns and lines.
fn at(world: &World, columns: usize, lines: usize, args: &[&str]) -> PtySession {
    let program = world.command(args);
    let mut shell = Command::new("sh");
    let line = format!("stty cols {columns} rows {lines}; exec \"$0\" \"$@\"");
    shell.args(["-c", &line]).arg(program.get_program()).args(args).current_dir(world.path(""));
    shell.env_clear().envs(program.get_envs().filter_map(|(key, value)| Some((key, value?))));
    shell.env_remove("COLUMNS");
    spawn_with_options(shell, Options::new().timeout_ms(Some(60_000))).unwrap()
}

/// What stands on a terminal that is long enough.
fn seen(world: &World, columns: usize, args: &[&str]) -> String {
    let text = at(world, columns, 5000, args).exp_eof().unwrap();
    // rexpect makes a character of each byte.
    let bytes: Vec<u8> = text.chars().filter(|c| *c != '\r').map(|c| u8::try_from(c).unwrap()).collect();
    String::from_utf8(bytes).unwrap()
}

/// No line is wider than the terminal; a word alone may be.
#[track_caller]
fn assert_fits(text: &str, columns: usize, args: &[&str]) {
    assert!(!text.trim().is_empty(), "{args:?}");
    for line in without_colours(text).lines() {
        let is_word = !line.trim().contains(' ');
        assert!(
            line.width() <= columns || is_word && !line.starts_with(' '),
            "{columns}, {args:?}: {line:?}\n{text}"
        );
    }
}

/// The words of a text, in their order, whatever lines they stand in.
fn words(text: &str) -> Vec<String> {
    without_colours(text).split_whitespace().map(str::to_owned).collect()
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    let mut world = World::with_tokens();
    world.set("TERM", "xterm");
    for name in ["tokenless.tlv", "token-signed.tlv"] {
        world.place(name, name);
    }
    for (folder, name) in [("a", "tokenless.tlv"), ("b", "token-signed.tlv")] {
        std::fs::create_dir(world.path(folder)).unwrap();
        world.place(name, &format!("{folder}/CTLFile.tlv"));
    }
    let golden = "--timestamp=2015-03-06T22:53:33+01:00";
    let revert = ["revert", "tokenless.tlv", "--token=SAST-ADN008580ef", "--spare=SAST-ADN0054f509", golden];
    world.run(&[&revert[..], &["--yes", "--out=made.tlv"]].concat()).done();
    let update = [&UPDATE[..], &["--remove-token=SAST-ADN0054f509", "--dry-run"]].concat();
    for args in [
        &["--help"][..],
        &["help"],
        &["revert", "-h"],
        &["ctl", "show", "--help"],
        &["ctl", "update", "--help"],
        &["help", "hsm"],
        &["help", "phones"],
        &["help", "lost-tokens"],
        &["token", "list"],
        &["token", "show", "SAST token A"],
        &["cert", "list"],
        &["cert", "show", "SAST token A"],
        &["cert", "export", "--all", "--force"],
        &["ctl", "show", "tokenless.tlv", "--summary"],
        &["ctl", "verify", "tokenless.tlv", "token-signed.tlv", "none.tlv"],
        &["ctl", "diff", "tokenless.tlv", "token-signed.tlv"],
        &["ctl", "check", "token-signed.tlv", "--installed-ctl=tokenless.tlv"],
        &["ctl", "ways", "tokenless.tlv"],
        &["migrate", "plan", "--from=a", "--to=b"],
        &update,
        &["ctl", "sign", "tokenless.tlv", "--token=SAST-ADN008580ef", "--dry-run"],
        &[&revert[..], &["--dry-run"]].concat(),
        &["doctor"],
        &["profile", "list"],
        &["journal", "show"],
        &["journal", "verify"],
        // Errors, of clap and of ours.
        &["frobnicate"],
        &["ctl", "show", "--frobnicate"],
        &["ctl", "verify", "--signer=none.cer", "tokenless.tlv"],
        &["token", "show", "none of these"],
        &["revert", "token-signed.tlv", "--token=SAST-ADN008580ef", "--spare=SAST-ADN0054f509"],
        &["cluster", "status", "serial:/dev/none"],
        &["--module=/none.so", "token", "list"],
    ] {
        let of = |columns, color| seen(&world, columns, &[args, &["--no-pager", color]].concat());
        for columns in [40, 80, 140] {
            let (plain, coloured) = (of(columns, "--color=never"), of(columns, "--color=auto"));
            assert!(!plain.contains('\u{1b}'), "{args:?}: {plain}");
            assert_fits(&plain, columns, args);
            assert_fits(&coloured, columns, args);
            // Times pass between two runs, and a digest has one in it.
            let same =
                |text: &str| words(text).into_iter().filter(|word| !word.contains("20")).collect::<Vec<_>>();
            assert_eq!(same(&plain), same(&coloured), "{args:?}: colour takes and adds no word");
        }
    }
}

#[test]
fn a_cluster_fits_the_terminal() {
    let Some((world, cluster)) = run::started(2) else { return };
    let ports = crate::support::cluster::Cluster::ports();
    let options: Vec<String> = cluster.options().into_iter().chain(ports).collect();
    let publisher = cluster.publisher();
    let mut args = vec!["cluster", "status", &publisher, "--no-pager", "--no-tvs"];
    args.extend(options.iter().map(String::as_str));
    for columns in [40, 80, 140] {
        let text = seen(&world, columns, &args);
        assert!(text.contains("070367a63575fce81194a47c671ce3c2"), "{text}");
        assert_fits(&text, columns, &args);
    }
}

/// Without a terminal a line has 80 columns, and what programs read is as it always is.
#[test]
fn without_a_terminal_lines_have_80_columns() {
    let mut world = World::with_tokens();
    world.place("token-signed.tlv", "CTLFile.tlv");
    let wide = world.run(&["ctl", "show", "CTLFile.tlv"]).done();
    let topic = world.run(&["help", "hsm"]).done();
    world.unset("COLUMNS");
    let args = ["ctl", "check", "CTLFile.tlv", "--installed-ctl=CTLFile.tlv"];
    assert_fits(&world.run(&args).done().stdout, 80, &args);
    let narrow = world.run(&["help", "hsm"]).done();
    assert_fits(&narrow.stdout, 80, &["help", "hsm"]);
    // A command that goes on in a further line has a backslash at its end.
    let said = |text: &str| words(text).into_iter().filter(|word| word != "\\").collect::<Vec<_>>();
    assert_eq!(said(&narrow.stdout), said(&topic.stdout));
    world.set("COLUMNS", "10");
    assert_fits(&world.run(&args).done().stdout, 40, &args);
    let layout = world.run(&["ctl", "show", "CTLFile.tlv"]).done().stdout;
    assert!(layout == wide.stdout && layout.lines().any(|line| line.len() > 80), "as CUCM prints it");
    assert!(world.run(&["token", "list", "--json"]).done().json()["tokens"].is_array());
}

/// Each stream for itself: standard error may be a file while standard output is a terminal, and the other way round.
#[test]
fn colour_is_for_terminals_unless_something_else_is_said() {
    let mut world = World::with_tokens();
    world.set("TERM", "xterm");
    let list = ["token", "list", "--no-pager"];
    let is_coloured = |world: &World, args: &[&str]| seen(world, 80, args).contains('\u{1b}');
    assert!(is_coloured(&world, &list) && is_coloured(&world, &["--help"]) && is_coloured(&world, &["frob"]));
    for (key, value) in [("NO_COLOR", "1"), ("TERM", "dumb"), ("SASTCTL_COLOR", "never")] {
        world.set(key, value);
        for args in [&list[..], &["--help"], &["frob"], &["doctor", "--no-pager"]] {
            assert!(!is_coloured(&world, args), "{key} {args:?}");
        }
        world.unset(key);
        world.set("TERM", "xterm");
    }
    assert!(!world.run(&list).done().stdout.contains('\u{1b}'), "a pipe");
    world.set("CLICOLOR_FORCE", "1");
    assert!(world.run(&list).done().stdout.contains('\u{1b}'));
    assert!(world.run(&["frob"]).stderr.contains('\u{1b}'));
    assert!(!world.run(&["frob", "--color=never"]).stderr.contains('\u{1b}'), "what is typed goes before");
}

/// A pager that leaves a trace, and shows what it gets.
fn with_pager(world: &mut World, key: &str) {
    let pager = world.path("home/pager");
    std::fs::write(&pager, "#!/bin/sh\necho \"$LESS\" > home/paged\necho BEGIN; cat; echo END\n").unwrap();
    std::fs::set_permissions(&pager, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    world.set(key, pager.to_str().unwrap());
}

#[test]
fn long_output_goes_through_the_pager_and_short_output_does_not() {
    let mut world = World::with_tokens();
    world.place("token-signed.tlv", "CTLFile.tlv");
    let was_paged = |world: &World, lines, args: &[&str]| {
        let _ = std::fs::remove_file(world.path("home/paged"));
        let text = at(world, 80, lines, args).exp_eof().unwrap();
        let paged = std::fs::read_to_string(world.path("home/paged")).ok();
        assert_eq!(paged.is_some(), text.contains("BEGIN") && text.contains("END"), "{text}");
        paged
    };
    with_pager(&mut world, "PAGER");
    let show = ["ctl", "show", "CTLFile.tlv"];
    for args in
        [&show[..], &["help", "hsm"], &["revert", "--help"], &["help"], &["ctl", "ways", "CTLFile.tlv"]]
    {
        assert_eq!(was_paged(&world, 24, args).as_deref(), Some("FRX\n"), "{args:?}");
        assert_eq!(was_paged(&world, 1000, args), None, "{args:?}");
        assert_eq!(was_paged(&world, 24, &[args, &["--no-pager"]].concat()), None, "{args:?}");
    }
    assert!(!world.run(&show).done().stdout.contains("BEGIN"), "a pipe");
    let plan = [&UPDATE[..2], &["CTLFile.tlv", "--token=SAST token A", "--set-mode=non-secure", "--dry-run"]]
        .concat();
    assert_eq!(was_paged(&world, 5, &plan), None, "a plan may ask");
    for none in ["", "cat", "/no/such/pager"] {
        world.set("SASTCTL_PAGER", none);
        assert_eq!(was_paged(&world, 24, &show), None, "{none:?} goes before PAGER");
    }
    world.unset("PAGER");
    with_pager(&mut world, "SASTCTL_PAGER");
    assert!(was_paged(&world, 24, &show).is_some());
}

#[test]
fn a_pager_that_is_left_or_interrupted_is_no_error() {
    let mut world = World::with_tokens();
    // More than fits into a pipe.
    let golden = crate::pki::golden_bytes("token-signed.tlv");
    let records = golden[304..].repeat(100);
    std::fs::write(world.path("big.tlv"), [&golden[..304], &records].concat()).unwrap();
    let session = |world: &World| at(world, 80, 24, &["ctl", "show", "big.tlv"]);
    world.set("SASTCTL_PAGER", "head -n 1");
    let mut left = session(&world);
    let text = left.exp_eof().unwrap();
    assert!(!text.contains("error"), "{text}");
    assert!(format!("{:?}", left.process().wait().unwrap()).contains("Exited"), "{text}");
    // Ctrl-C goes to both; the pager goes on, and sastctl waits for it.
    let pager = world.path("home/pager");
    std::fs::write(
        &pager,
        "#!/bin/sh\ntrap 'echo HEARD' INT\nhead -n 1\necho READY\nsleep 1\nsleep 1\necho END\n",
    )
    .unwrap();
    std::fs::set_permissions(&pager, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    world.set("SASTCTL_PAGER", pager.to_str().unwrap());
    let mut interrupted = session(&world);
    interrupted.exp_string("READY").unwrap();
    interrupted.send_control('c').unwrap();
    interrupted.exp_string("HEARD").unwrap();
    interrupted.exp_string("END").unwrap();
    let rest = interrupted.exp_eof().unwrap();
    assert!(!rest.contains("error"), "{rest}");
}

/// Only Ctrl-C is for the pager: other signals end the program and the pager, and the terminal is as it was before.
#[test]
fn a_signal_ends_the_program_while_the_pager_runs() {
    let mut world = World::with_tokens();
    world.place("token-signed.tlv", "CTLFile.tlv");
    let pager = world.path("home/pager");
    std::fs::write(
        &pager,
        "#!/bin/sh\necho $$ > home/pid\nstty raw -echo < /dev/tty\necho READY\nexec sleep 60\n",
    )
    .unwrap();
    std::fs::set_permissions(&pager, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    world.set("SASTCTL_PAGER", pager.to_str().unwrap());
    let program = world.command(&[]);
    for signal in ["TERM", "HUP"] {
        let line = format!(
            "stty rows 24 cols 80 echo; sh -c 'echo $$ > home/own; exec \"$0\" ctl show CTLFile.tlv' '{}'; echo code $?; stty -a",
            program.get_program().display()
        );
        let mut shell = Command::new("sh");
        shell.args(["-c", &line]).current_dir(world.path("")).env_clear();
        shell.envs(program.get_envs().filter_map(|(key, value)| Some((key, value?))));
        let mut session = spawn_with_options(shell, Options::new().timeout_ms(Some(10_000))).unwrap();
        session.exp_string("READY").unwrap();
        let number = |name: &str| String::from_utf8(world.read(name)).unwrap().trim().to_owned();
        world.tool("kill", &[&format!("-{signal}"), &number("home/own")]);
        session.exp_string("code 130").unwrap_or_else(|e| panic!("{signal}: {e}"));
        let terminal = session.exp_eof().unwrap();
        assert!(terminal.contains(" echo ") && terminal.contains(" icanon "), "{signal}: {terminal}");
        let is_there = std::path::Path::new("/proc").join(number("home/pid")).exists();
        assert!(!is_there, "{signal}: the pager still runs");
    }
}

/// A colour is for what a word means: the same word as the name of a token or a file has none.
#[test]
fn a_name_that_is_a_word_with_a_colour_has_none() {
    let world = World::with_tokens();
    for label in ["locked", "ok", "warning:"] {
        world.new_token(label, "tests/testdata/keys/rsa2048");
    }
    world.place("token-signed.tlv", "verified");
    let (good, bad, end) = ("\u{1b}[32m", "\u{1b}[1m\u{1b}[31m", "\u{1b}[0m");
    let list = world.run(&["token", "list", "--color=always"]).done().stdout;
    assert!(!list.contains(bad), "no token is locked: {list}");
    let rows = list.lines().filter(|line| line.contains("RSA")).count();
    assert_eq!((rows, list.matches(&format!("{good}ok{end}")).count()), (5, 5), "{list}");
    assert!(list.lines().any(|line| line.contains("  ok  ") && line.contains(good)), "{list}");
    let show = world.run(&["token", "show", "locked", "--color=always"]).done().stdout;
    assert!(
        show.contains("Token            locked\n") && show.contains(&format!("{good}ok{end}, ")),
        "{show}"
    );
    let verify = world.run(&["ctl", "verify", "verified", "--color=always"]).done().stdout;
    assert!(verify.starts_with(&format!("verified: {good}verified{end}, signed by")), "{verify}");
    let damaged = "NOT verified";
    std::fs::write(world.path(damaged), "x").unwrap();
    let verify = world.run(&["ctl", "verify", damaged, "--color=always"]).stdout;
    assert!(verify.starts_with(&format!("{damaged}: {bad}NOT verified{end}: ")), "{verify}");
    // Without colour nothing is left of the marks.
    for args in [&["token", "list"][..], &["doctor"], &["ctl", "verify", "verified"]] {
        assert!(!world.run(args).stdout.contains('\u{2060}'), "{args:?}");
    }
}
