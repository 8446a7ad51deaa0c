//! Ctrl-C, SIGTERM, a closed terminal and a closed pipe at any moment of any command: the token is logged out, no file is
//! incomplete, and the exit code says what happened.

use std::io::{BufReader, Read as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::pki;
use crate::support::{World, read_until, rounds};

/// The command that is interrupted, and whether it logs in.
const COMMANDS: [(&[&str], bool); 15] = [
    (&["token", "list"], false),
    (&["cert", "export", "--all", "--force"], false),
    (&["ctl", "verify", "CTLFile.tlv"], false),
    (
        &[
            "ctl",
            "sign",
            "CTLFile.tlv",
            "--in-place",
            "--token=SAST token A",
            "--timestamp=2026-11-21T07:30:00Z",
            "--yes",
        ],
        true,
    ),
    (
        &[
            "revert",
            "tokenless.tlv",
            "--token=SAST-ADN008580ef",
            "--spare=SAST-ADN0054f509",
            "--out=new.tlv",
            "--yes",
            "--timestamp=2015-03-06T22:53:33+01:00",
        ],
        true,
    ),
    (&["profile", "test", "--token=SAST token B"], true),
    (&["doctor"], false),
    (&["token", "show", "SAST token A"], false),
    (&["token", "watch", "--timeout=1"], false),
    (&["ctl", "check", "CTLFile.tlv", "--installed-ctl=CTLFile.tlv"], false),
    (&["ctl", "ways", "tokenless.tlv"], false),
    (&["journal", "verify", "journal.jsonl"], false),
    (
        &[
            "ctl",
            "update",
            "CTLFile.tlv",
            "--token=SAST-ADN0054f509",
            "--set-mode=non-secure",
            "--yes",
            "--out=new.tlv",
        ],
        true,
    ),
    (
        &[
            "ctl",
            "sign",
            "CTLFile.tlv",
            "newer.tlv",
            "newest.tlv",
            "--in-place",
            "--token=SAST token A",
            "--yes",
        ],
        true,
    ),
    (
        &[
            "cert",
            "enroll",
            "SAST token B",
            "--name=SAST-X",
            "--bits=1024",
            "--csr=new.csr",
            "--force",
            "--yes",
        ],
        true,
    ),
];

/// SIGINT, SIGTERM, SIGHUP; 0 closes the pipe instead.
const SIGNALS: [i32; 4] = [2, 15, 1, 0];

fn world() -> World {
    let mut world = World::with_tokens();
    world.behind_faulty_token();
    world.place("tokenless.tlv", "tokenless.tlv");
    world.place("token-signed.tlv", "CTLFile.tlv");
    world
        .run(&["ctl", "sign", "CTLFile.tlv", "--in-place", "--token=SAST token A", "--yes", "--journal=."])
        .done();
    let journal = world.files().into_iter().find(|name| name.ends_with(".jsonl")).unwrap();
    std::fs::rename(world.path(&journal), world.path("journal.jsonl")).unwrap();
    tokens(&world, "rm -rf hsm.kept && cp -a hsm hsm.kept");
    world
}

fn tokens(world: &World, line: &str) {
    let done = std::process::Command::new("sh").args(["-c", line]).current_dir(world.path("")).status();
    assert!(done.unwrap().success(), "{line}");
}

fn signal(pid: u32, number: i32) {
    let pid = rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap();
    let number = match number {
        2 => rustix::process::Signal::INT,
        15 => rustix::process::Signal::TERM,
        _ => rustix::process::Signal::HUP,
    };
    // The process may have ended before.
    let _ = rustix::process::kill_process(pid, number);
}

/// One run, interrupted after some time; returns the result.
fn interrupt(world: &mut World, n: usize) -> String {
    let (args, logs_in) = COMMANDS[n % COMMANDS.len()];
    let number = SIGNALS[(n / COMMANDS.len()) % SIGNALS.len()];
    let old = pki::golden_bytes("token-signed.tlv");
    for name in world.files() {
        if name.starts_with("CTLFile") || name.starts_with("new") || name.starts_with("SAST-") {
            std::fs::remove_file(world.path(&name)).unwrap();
        }
    }
    for name in ["CTLFile.tlv", "newer.tlv", "newest.tlv"] {
        std::fs::write(world.path(name), &old).unwrap();
    }
    let _ = std::fs::remove_file(world.path("calls"));

    let mut child = world.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Delays over the whole duration of a run: 0 to 60 ms, in steps without a common factor with the other numbers.
    std::thread::sleep(Duration::from_micros((n as u64).wrapping_mul(7919) % 60_000));
    match number {
        0 => drop(child.stdout.take()),
        number => signal(child.id(), number),
    }
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let what = format!("run {n}: {args:?} by {number}: {:?}\n{stderr}", output.status);

    // The documented codes: done, interrupted, or the signal itself if no token was open.
    match (output.status.code(), output.status.signal()) {
        (Some(0), _) => {}
        (Some(130), _) => {
            assert!(stderr.contains("interrupted"), "{what}");
            let changed = |name: &str| std::fs::read(world.path(name)).is_ok_and(|bytes| bytes != old);
            let wrote =
                changed("CTLFile.tlv") || ["new.tlv", "new.csr"].iter().any(|n| world.path(n).exists());
            assert!(!wrote || !stderr.contains("nothing was written"), "{what}");
        }
        (None, Some(by)) => assert!(by == number && number != 0, "{what}"),
        // A closed pipe ends the program quietly, as other tools.
        (Some(code), _) => assert!(number == 0 && code == 141, "{what}"),
        (None, None) => panic!("{what}"),
    }
    assert!(!stderr.contains("panicked"), "{what}");

    let calls = world.calls();
    let count = |name: &str| calls.iter().filter(|(call, _)| call == name).count();
    assert!(count("C_Login") <= usize::from(logs_in), "{what}: {calls:?}");
    let logged_in = calls.iter().any(|(call, code)| call == "C_Login" && *code == 0);
    if logged_in {
        assert_eq!(count("C_Logout"), 1, "{what}: still logged in: {calls:?}");
    }
    for name in world.files() {
        if ["tokenless.tlv", "calls", "journal.jsonl", "hsm.kept"].contains(&name.as_str()) {
            continue;
        }
        let bytes = world.read(&name);
        let whole = match name.as_str() {
            name if name.ends_with(".tlv") => {
                bytes == old || sastctl::trustlist::TrustList::decode(bytes).is_ok_and(|l| l.verify().is_ok())
            }
            name if name.contains(".tlv.bak") => bytes == old,
            "new.csr" => {
                bytes.starts_with(b"-----BEGIN") && bytes.ends_with(b"-----END CERTIFICATE REQUEST-----\n")
            }
            name if name.starts_with("SAST-") => sastctl::trustlist::Certificate::from_der(bytes).is_ok(),
            // Temporary files next to the target.
            name => name.starts_with('.'),
        };
        assert!(whole, "{what}: {name} is not whole");
    }
    if args.contains(&"enroll") {
        tokens(world, "rm -rf hsm && cp -a hsm.kept hsm");
    }
    match output.status.code() {
        Some(0) => "done",
        Some(130) => "interrupted, 130",
        None => "by the signal",
        Some(_) => "closed pipe",
    }
    .to_owned()
}

#[test]
fn interruptions_at_any_moment() {
    let runs = rounds(240, 1_500);
    let next = AtomicUsize::new(0);
    let workers = std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 8);
    let results = std::thread::scope(|scope| {
        let work = || {
            let mut world = world();
            let mut results = vec![];
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= runs {
                    return results;
                }
                results.push(interrupt(&mut world, n));
            }
        };
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    let count = |word: &str| results.iter().filter(|result| *result == word).count();
    let (done, interrupted) = (count("done"), count("interrupted, 130"));
    println!("done {done}, interrupted {interrupted}, by the signal {}", count("by the signal"));
    assert_eq!(results.len(), runs);
    assert!(done > runs / 100 && runs - done > runs / 5, "done {done}: the moments are not spread");
}

/// The program ends a moment after the signal: until then there is no login.
#[test]
fn a_signal_right_before_the_login_prevents_it() {
    let mut world = world();
    let made = std::process::Command::new("mkfifo").args(["-m", "600"]).arg(world.path("pin")).status();
    assert!(made.unwrap().success());
    world.set("SASTCTL_PIN_SOURCE", &format!("file:{}", world.path("pin").display()));
    for n in 0..10_u64 {
        let _ = std::fs::remove_file(world.path("calls"));
        let sign = ["ctl", "sign", "CTLFile.tlv", "--token=SAST token A", "--out=new.tlv", "--yes"];
        let child = world.command(&sign).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        // The pipe opens for writing when the program reads it, which then waits for the PIN.
        let mut pin = std::fs::File::options().write(true).open(world.path("pin")).unwrap();
        signal(child.id(), 15);
        // The login would come in the 50 ms in which the program ends.
        std::thread::sleep(Duration::from_millis(4 * n));
        let _ = std::io::Write::write_all(&mut pin, b"Cisco123\n");
        drop(pin);
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        let calls = world.calls();
        let count = |name: &str| calls.iter().filter(|(call, _)| call == name).count();
        assert_eq!(count("C_Login"), count("C_Logout"), "{n}: {stderr}: {calls:?}");
        assert_eq!(output.status.code(), Some(130), "{n}: {stderr}");
        assert!(stderr.contains("interrupted; nothing was written") && !world.path("new.tlv").exists());
    }
}

/// A call never returns, and the exit handler of the module waits for it: the second Ctrl-C still ends the program.
#[test]
fn a_second_ctrl_c_ends_a_program_whose_call_hangs() {
    let mut world = world();
    let sign = ["ctl", "sign", "CTLFile.tlv", "--token=SAST token A", "--out=new.tlv", "--yes"];
    let (_, calls) = world.faulty("", &sign);
    let names: Vec<_> = calls.into_iter().map(|(call, _)| call).collect();
    let first = |name: &str| names.iter().position(|call| call == name).unwrap();
    for last in [first("C_Login") - 1, first("C_Login"), first("C_Sign")] {
        let hangs = &names[last];
        let nth = names[..=last].iter().filter(|call| *call == hangs).count();
        world.set("FAULTY_SCRIPT", &format!("hang {hangs} {nth}"));
        for name in ["calls", "new.tlv"] {
            let _ = std::fs::remove_file(world.path(name));
        }
        let mut child = world.command(&sign).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        world.until_held(hangs);
        signal(child.id(), 2);
        let mut stderr = read_until(&mut said, "press Ctrl-C again to exit without waiting");
        assert!(child.try_wait().unwrap().is_none(), "{hangs}: ended by the first Ctrl-C");
        signal(child.id(), 2);
        said.read_to_string(&mut stderr).unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(130), "{hangs}: {stderr}");
        assert!(stderr.contains("interrupted; nothing was written") && !world.path("new.tlv").exists());
    }
}

/// A command in a separate shell on a terminal; the shell prints the exit code and the state of the terminal.
fn on_a_terminal(world: &World, args: &[&str]) -> rexpect::session::PtySession {
    let program = world.command(&[]);
    let words: Vec<_> = args.iter().map(|arg| format!("'{arg}'")).collect();
    // The shell ignores the interrupt, the program receives it.
    let line = format!(
        "trap : INT; stty echo; {} {}; echo code $?; stty -a",
        program.get_program().display(),
        words.join(" ")
    );
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &line]).env_clear().current_dir(world.path(""));
    shell.envs(program.get_envs().filter_map(|(key, value)| Some((key, value?))));
    rexpect::session::spawn_command(shell, Some(10_000)).unwrap()
}

/// At every question and every secret Ctrl-C ends the program at once, and the terminal echoes again.
#[test]
fn ctrl_c_at_a_question_or_a_secret_ends_the_program() {
    let mut world = world();
    world.unset("SASTCTL_PIN_SOURCE");
    std::fs::write(world.path("tries"), "SAST token A=1\n").unwrap();
    let tries = format!("tries 15 {}", world.path("tries").display());
    let sign = ["ctl", "sign", "CTLFile.tlv", "--token=SAST token A", "--out=new.tlv", "--yes"];
    let change = ["token", "change-pin", "SAST token B"];
    let unlock = ["token", "unlock", "SAST token B"];
    for (args, script, asks) in [
        (&sign[..], tries.as_str(), "Try the PIN? [y/N] "),
        (&change[..], "", "PIN for SAST token B: "),
        (&unlock[..], "", "administrator (SO) PIN for SAST token B: "),
    ] {
        world.set("FAULTY_SCRIPT", script);
        let mut session = on_a_terminal(&world, args);
        session.exp_string(asks).unwrap();
        session.send_control('c').unwrap();
        session.exp_string("code 130").unwrap_or_else(|e| panic!("{args:?}: {e}"));
        let terminal = session.exp_eof().unwrap();
        assert!(terminal.contains(" echo ") && !terminal.contains(" -echo "), "{args:?}: {terminal}");
        assert!(!world.path("new.tlv").exists());
    }
}

/// The effect of a signal that is sent while the named call is paused: the exit code and the output.
fn signalled(world: &World, mut command: std::process::Command, number: i32, held: &str) -> (i32, String) {
    let _ = std::fs::remove_file(world.path("calls"));
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    world.until_held(held);
    signal(child.id(), number);
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap_or(-1), stderr)
}

/// A change of a token is completed: its new PIN is set, and it is logged out.
#[test]
fn a_signal_does_not_leave_a_token_half_changed() {
    let mut world = world();
    world.set("SAST_NEW_PIN", "N3w-password");
    world.set("SO_PIN", "12345678");
    let change = ["token", "change-pin", "SAST token A", "--new-pin-source=env:SAST_NEW_PIN"];
    let serial = format!("--confirm={}", world.serial("B"));
    let init = [
        "token",
        "init",
        "SAST token B",
        "--label=empty",
        &serial,
        "--so-pin-source=env:SO_PIN",
        "--new-pin-source=env:SAST_NEW_PIN",
    ];
    for (args, hurts) in [(&change[..], "C_SetPIN"), (&init[..], "C_InitToken")] {
        world.set("FAULTY_SCRIPT", &format!("delay {hurts} 1 1500"));
        let (code, stderr) = signalled(&world, world.command(args), 15, hurts);
        assert_eq!(code, 0, "{hurts}: {stderr}");
        let calls = world.calls();
        assert!(
            calls.contains(&(hurts.to_owned(), 0)) && calls.last().unwrap().0 == "C_Finalize",
            "{calls:?}"
        );
    }
    world.set("FAULTY_SCRIPT", "");
    world.set("SAST_PIN", "N3w-password");
    world.set("SAST_NEW_PIN", "Th1rd-password");
    for token in ["SAST token A", "empty"] {
        let (outcome, _) =
            world.faulty("", &["token", "change-pin", token, "--new-pin-source=env:SAST_NEW_PIN"]);
        assert_eq!(outcome.code, 0, "{}", outcome.all());
    }
}

/// Signals that the parent process ignores stay ignored: a program under `nohup` survives the end of the terminal.
#[test]
fn a_signal_that_was_ignored_stays_ignored() {
    let mut world = world();
    world.set("FAULTY_SCRIPT", "delay C_Sign 1 1500");
    let sign = ["ctl", "sign", "CTLFile.tlv", "--token=SAST token A", "--out=new.tlv", "--yes"];
    let program = world.command(&sign);
    let mut nohup = world.program("sh", &["-c", "trap '' HUP; exec \"$0\" \"$@\""]);
    nohup.arg(program.get_program()).args(program.get_args());
    let (code, stderr) = signalled(&world, nohup, 1, "C_Sign");
    assert_eq!(code, 0, "{stderr}");
    let (code, stderr) = signalled(&world, program, 1, "C_Sign");
    assert_eq!(code, 130, "{stderr}");
}

#[test]
fn ignored_signals_are_read_from_the_mask() {
    use sastctl::system::interruption::ignored;
    assert_eq!(ignored("SigBlk:\tff\nSigIgn:\t0000000000001001\nSigCgt:\t3\n"), [1, 13]);
    assert_eq!(ignored("SigIgn:\t8000000000000002\n"), [2, 64]);
    assert!(ignored("").is_empty() && ignored("SigIgn:\tx\n").is_empty());
}
