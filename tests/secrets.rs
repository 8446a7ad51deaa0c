//! A unique PIN: after all commands it is only on the token.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rexpect::session::spawn_command;

use crate::support::{Outcome, World};

const CANARY: &str = "Canary-5f3a9c17";
const NEW: &str = "Kestrel-80d1e4b2";
const SO: &str = "Heron-44c7719a";
const ALL: [&str; 3] = [CANARY, NEW, SO];

/// A token with the canaries as PINs, behind the faulty module.
fn world() -> World {
    let mut world = World::with_tokens();
    world.behind_faulty_token();
    let make = ["--init-token", "--free", "--label", "Cage", "--so-pin", SO, "--pin", CANARY];
    world.tool("softhsm2-util", &make);
    world.place("tokenless.tlv", "CTLFile.tlv");
    for (name, value) in [("CANARY", CANARY), ("NEW", NEW), ("SO", SO)] {
        world.set(name, value);
    }
    world.set("SASTCTL_PIN_SOURCE", "env:CANARY");
    world
}

/// Every file under a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return vec![] };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn holds(bytes: &[u8], secret: &str) -> bool {
    bytes.windows(secret.len()).any(|window| window == secret.as_bytes())
}

#[track_caller]
fn nowhere(what: &str, bytes: &[u8]) {
    for secret in ALL {
        assert!(!holds(bytes, secret), "{what} holds a PIN");
    }
}

#[test]
fn a_pin_is_in_no_output_and_no_file() {
    let mut world = world();
    let sources = ["--so-pin-source=env:SO", "--new-pin-source=env:NEW"];
    let runs: [(&[&str], &str); 16] = [
        (&["cert", "enroll", "Cage", "--name=SAST-CAGE", "--bits=1024", "--out=cage.cer"], ""),
        (&["token", "list"], ""),
        (&["token", "show", "Cage"], ""),
        (&["profile", "test", "--token=Cage"], ""),
        (&["doctor"], ""),
        (
            &[
                "revert",
                "CTLFile.tlv",
                "--token=SAST-CAGE",
                "--spare=SAST-ADN0054f509",
                "--out=a.tlv",
                "--json",
            ],
            "",
        ),
        (&["ctl", "sign", "a.tlv", "--token=SAST-CAGE"], ""),
        (&["ctl", "sign", "a.tlv", "--token=SAST-CAGE"], "fail C_Login 1 CKR_PIN_INCORRECT"),
        (&["ctl", "sign", "a.tlv", "--token=SAST-CAGE"], "fail C_Login 1 CKR_PIN_LEN_RANGE"),
        (&["ctl", "sign", "a.tlv", "--token=SAST-CAGE"], "fail C_Sign 1 CKR_DEVICE_REMOVED"),
        (&["ctl", "sign", "a.tlv", "--token=SAST-CAGE"], "wrong-signature"),
        (&["ctl", "sign", "a.tlv", "--token=SAST-CAGE", "--timeout=1"], "hang C_Sign 1"),
        (&["token", "change-pin", "Cage", "--new-pin-source=env:NEW"], "fail C_SetPIN 1 CKR_PIN_INVALID"),
        (&["token", "change-pin", "Cage", "--new-pin-source=env:NEW"], ""),
        (&["token", "unlock", "Cage", sources[0], "--new-pin-source=env:CANARY"], ""),
        (&["ctl", "sign", "a.tlv", "--token=SAST-CAGE", "--pin-source=env:SO"], ""),
    ];
    for (args, script) in runs {
        let (outcome, _): (Outcome, _) = world.faulty(script, &[args, &["-vv"]].concat());
        assert!(matches!(outcome.code, 0 | 3), "{args:?}\n{}", outcome.all());
        nowhere(&format!("what {args:?} says"), outcome.all().as_bytes());
        nowhere(&format!("what {args:?} says"), &outcome.bytes);
    }
    // A PIN file, given by name and by a descriptor.
    std::fs::write(world.path("home/pin"), format!("{CANARY}\n")).unwrap();
    let by_file = world.run(&["profile", "test", "--token=Cage", "--pin-source=file:home/pin", "-vv"]).done();
    nowhere("a PIN from a file", by_file.all().as_bytes());
    std::fs::remove_file(world.path("home/pin")).unwrap();

    let everything = files(&world.path(""));
    assert!(
        everything.iter().any(|path| path.extension().is_some_and(|e| e == "jsonl")),
        "no journal was looked at"
    );
    for path in everything {
        nowhere(&path.display().to_string(), &std::fs::read(&path).unwrap());
    }
}

/// The places where the module finds a text in the memory of the process while it signs.
fn left_in_memory(world: &World, text: &str) -> Vec<String> {
    let looked = String::from_utf8(world.read("home/left")).unwrap();
    std::fs::remove_file(world.path("home/left")).unwrap();
    let (found, bytes) = looked.trim_end().rsplit_once('\n').unwrap_or(("", looked.trim_end()));
    let bytes: usize = bytes.strip_suffix(" bytes").unwrap().parse().unwrap();
    assert!(bytes > 1 << 20, "the heap was looked at for {text}: {looked}");
    found.lines().map(str::to_owned).collect()
}

fn look_for(world: &World, text: &str) -> String {
    let backwards: String = text.chars().rev().collect();
    format!("look-for {} {backwards}", world.path("home/left").display())
}

/// The PIN is wiped after the login: while a list is signed, no part of it is in the memory of the process.
#[test]
fn a_pin_is_not_in_memory_while_the_token_signs() {
    let mut world = world();
    world.run(&["cert", "enroll", "Cage", "--name=SAST-CAGE", "--bits=1024"]).done();
    for name in ["CANARY", "NEW", "SO", "SASTCTL_PIN_SOURCE"] {
        world.unset(name);
    }
    std::fs::write(world.path("home/pin"), format!("{CANARY}\n")).unwrap();
    let from_file = ["profile", "test", "--token=Cage", "--pin-source=file:home/pin"];
    for text in [CANARY, &CANARY[..8]] {
        let script = look_for(&world, text);
        world.faulty(&script, &from_file).0.done();
        assert_eq!(left_in_memory(&world, text), [] as [&str; 0], "{text} from a file");

        world.set("FAULTY_SCRIPT", &script);
        let mut command = world.command(&["profile", "test", "--token=Cage"]);
        command.env("TERM", "dumb");
        let mut session = spawn_command(command, Some(20_000)).unwrap();
        session.exp_string("PIN for Cage: ").unwrap();
        session.send_line(CANARY).unwrap();
        session.exp_eof().unwrap();
        assert_eq!(left_in_memory(&world, text), [] as [&str; 0], "{text} from the terminal");
    }
    // A key that needs the PIN at each signature still gets it, and then the search finds it in memory.
    let script = format!("always-authenticate; {}", look_for(&world, CANARY));
    world.faulty(&script, &from_file).0.done();
    assert_ne!(left_in_memory(&world, CANARY), [] as [&str; 0]);
}

/// The output of a terminal, and the access to the process while it waits for the PIN and keeps it.
#[test]
fn a_typed_pin_is_not_shown_and_not_left_in_memory() {
    let mut world = world();
    world.run(&["cert", "enroll", "Cage", "--name=SAST-CAGE", "--bits=1024"]).done();
    world.set("FAULTY_SCRIPT", &world.hold("C_Sign", 1));
    for name in ["CANARY", "NEW", "SO", "SASTCTL_PIN_SOURCE"] {
        world.unset(name);
    }
    // The shell writes its process id and then executes the program.
    let line = "echo $$ > home/pid; exec \"$0\" profile test --token=Cage -vv";
    let mut command = world.program("sh", &["-c", line, env!("CARGO_BIN_EXE_sastctl")]);
    command.env("TERM", "dumb");
    let mut session = spawn_command(command, Some(20_000)).unwrap();
    let before = session.exp_string("PIN for Cage: ").unwrap();
    session.send_line(CANARY).unwrap();
    // It is in C_Sign now, with the PIN in memory.
    world.until_held("C_Sign");
    let pid = String::from_utf8(world.read("home/pid")).unwrap().trim().to_owned();
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().collect::<Vec<_>>()[4..6], ["0", "0"], "{core}");
    for file in ["cmdline", "environ"] {
        nowhere(file, &std::fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default());
    }
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    assert_eq!(children.trim(), "", "a child could inherit what it holds");
    // A crash leaves no core file.
    let _ = std::process::Command::new("kill").args(["-ABRT", &pid]).status();
    let after = session.exp_eof().unwrap();
    nowhere("the terminal", [before, after].concat().as_bytes());
    for path in files(&world.path("")) {
        assert!(!path.file_name().unwrap().to_string_lossy().starts_with("core"), "{}", path.display());
        nowhere(&path.display().to_string(), &std::fs::read(&path).unwrap());
    }
}

/// A PIN in the environment is in memory from the start: before the command line is read and before a module (which may crash)
/// is loaded, core dumps are disabled and other processes cannot read the memory.
#[test]
fn a_pin_in_the_environment_is_guarded_before_the_module_is_loaded() {
    let mut world = world();
    if !crate::support::can_trace() {
        return;
    }
    world.run_inside(&["strace", "-f", "-qq", "-o", "calls", "-e", "trace=openat,prctl,prlimit64,setrlimit"]);
    let no_secret = &["ctl", "verify", "CTLFile.tlv"][..];
    for args in [&["token", "change-pin", "Cage", "--new-pin-source=env:NEW"][..], no_secret, &["--frob"]] {
        // If the other secret is missing, the program ends later; the calls until then are checked.
        world.run(args);
        let log = String::from_utf8(world.read("calls")).unwrap();
        let at = |word: &str| log.lines().position(|line| line.contains(word));
        let first = |word: &str| at(word).unwrap_or_else(|| panic!("{args:?}: no {word}: {log}"));
        let guarded =
            first("RLIMIT_CORE, {rlim_cur=0, rlim_max=0}").max(first("PR_SET_DUMPABLE, SUID_DUMP_DISABLE"));
        for later in ["config.toml", "libsofthsm2", "CTLFile.tlv"] {
            assert!(at(later).is_none_or(|at| guarded < at), "{args:?}: {later}: {log}");
        }
    }
}

/// Two secrets by descriptors, without root: the second can be read although the process can no longer be traced.
#[test]
fn two_secrets_from_descriptors_work_without_root() {
    let world = world();
    let line = "exec 3<home/old 4<home/new; exec $AS \"$0\" token change-pin Cage --pin-source=fd:3 --new-pin-source=fd:4";
    std::fs::write(world.path("home/old"), format!("{CANARY}\n")).unwrap();
    std::fs::write(world.path("home/new"), "another-word\n").unwrap();
    let mut command = world.program("sh", &["-c", line, env!("CARGO_BIN_EXE_sastctl")]);
    if rustix::process::geteuid().is_root() {
        let anybody = "chmod -R a+rwX . && chmod a+rwx .";
        assert!(
            std::process::Command::new("sh")
                .args(["-c", anybody])
                .current_dir(world.path(""))
                .status()
                .unwrap()
                .success()
        );
        command.env("AS", "setpriv --reuid=65534 --clear-groups");
    }
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
}

/// Fifty processes use one token at the same time: each succeeds in turn or reports who uses the token, and none hangs.
#[test]
fn fifty_processes_take_turns() {
    let world = World::with_tokens();
    world.place("token-signed.tlv", "CTLFile.tlv");
    let since = std::time::Instant::now();
    let children: Vec<_> = (0..50)
        .map(|n| {
            let out = format!("--out=out-{n}.tlv");
            let args = ["ctl", "sign", "CTLFile.tlv", "--token=SAST token A", "--yes", &out];
            world.command(&args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let mut signed = 0;
    for (n, child) in children.into_iter().enumerate() {
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        match output.status.code() {
            Some(0) => {
                signed += 1;
                assert!(world.path(&format!("out-{n}.tlv")).exists());
            }
            Some(3) => assert!(stderr.contains("in use by another sastctl (process "), "{stderr}"),
            other => panic!("{other:?}: {stderr}"),
        }
    }
    println!("{signed} of 50 signed in {:?}", since.elapsed());
    assert!(signed >= 40, "{signed} of 50");
    let _ = std::io::stdout().flush();
}
