//! The plug is pulled at every step of every command that writes: the old file or the new one is there, whole, and the
//! next run works. strace kills the program at each write, sync and rename in turn.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};

use crate::pki;
use crate::support::World;

/// What a power cut may come between: whatever the program calls to bring something to the disk.
const STEPS: &str = "write,pwrite64,writev,fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlink,unlinkat,\
                     ftruncate,openat,mkdir,fchmod,fallocate";

fn can_trace() -> bool {
    let works =
        Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    let works = works.is_ok_and(|status| status.success());
    if !works {
        println!("skipped: strace is not installed, or may not trace here");
    }
    works
}

/// Runs a command that is killed at its `n`th step; whether it came to its end before that.
fn cut_at(world: &World, n: usize, args: &[&str]) -> bool {
    let program = env!("CARGO_BIN_EXE_sastctl");
    let inject = format!("--inject={STEPS}:signal=SIGKILL:when={n}");
    let mut words = vec!["-f", "-qq", "-o", "/dev/null", "-e"];
    let trace = format!("trace={STEPS}");
    words.extend([trace.as_str(), inject.as_str(), program]);
    words.extend(args);
    let mut command = world.program("strace", &words);
    let output = command.stdin(Stdio::null()).output().unwrap();
    // strace ends as what it traced.
    let killed = output.status.signal() == Some(9) || output.status.code() == Some(137);
    assert!(killed || output.status.code() == Some(0), "{n}: {}", String::from_utf8_lossy(&output.stderr));
    !killed
}

/// Cuts the command at each of its steps; `check` looks at what is left, then the command is run to its end.
fn pull_the_plug(world: &World, args: &[&str], prepare: &dyn Fn(), check: &dyn Fn(usize)) -> usize {
    for n in 1..2000 {
        prepare();
        let ended = cut_at(world, n, args);
        check(n);
        if ended {
            return n - 1;
        }
        let again = world.run(args);
        assert_eq!(again.code, 0, "cut at {n}, then: {}", again.all());
        check(n);
    }
    panic!("it never comes to its end");
}

/// Files that no run should leave behind: half of something, under a name of its own.
fn litter(world: &World) -> Vec<String> {
    world.files().into_iter().filter(|name| name.starts_with('.') && !name.starts_with(".tmp")).collect()
}

#[test]
fn a_signed_file_is_the_old_one_or_the_new_one() {
    if !can_trace() {
        return;
    }
    let world = World::with_tokens();
    let old = pki::golden_bytes("token-signed.tlv");
    let args = [
        "ctl",
        "sign",
        "CTLFile.tlv",
        "--token=SAST token A",
        "--timestamp=2026-11-21T07:30:00Z",
        "--yes",
        "-q",
    ];
    std::fs::write(world.path("CTLFile.tlv"), &old).unwrap();
    world.run(&args).done();
    let new = world.read("CTLFile.tlv");
    assert_ne!(old, new);
    let prepare = || {
        for name in world.files() {
            if name.starts_with("CTLFile") {
                std::fs::remove_file(world.path(&name)).unwrap();
            }
        }
        std::fs::write(world.path("CTLFile.tlv"), &old).unwrap();
    };
    let check = |n: usize| {
        let there = world.read("CTLFile.tlv");
        assert!(there == old || there == new, "cut at {n}: {} bytes that are neither", there.len());
        if there == new {
            // The old file is kept, whole.
            let kept = world.files().into_iter().filter(|name| name.starts_with("CTLFile.tlv."));
            assert!(
                kept.into_iter().any(|name| world.read(&name) == old),
                "cut at {n}: the old file is lost"
            );
        }
    };
    let steps = pull_the_plug(&world, &args, &prepare, &check);
    println!("ctl sign: {steps} steps; left behind: {:?}", litter(&world));
    assert!(steps > 20, "{steps}: the steps are not seen");
}

#[test]
fn an_exported_certificate_is_whole_or_not_there() {
    if !can_trace() {
        return;
    }
    let world = World::with_tokens();
    let args = ["cert", "export", "--token=SAST token A", "--force", "-q"];
    world.run(&args).done();
    let right = world.read("SAST-ADN008580ef.cer");
    let prepare = || {
        for name in world.files() {
            if name.starts_with("SAST-") {
                std::fs::remove_file(world.path(&name)).unwrap();
            }
        }
    };
    let check = |n: usize| {
        let there = std::fs::read(world.path("SAST-ADN008580ef.cer")).ok();
        assert!(there.is_none_or(|there| there == right), "cut at {n}: half a certificate");
    };
    let steps = pull_the_plug(&world, &args, &prepare, &check);
    println!("cert export: {steps} steps");
    assert!(steps > 10, "{steps}: the steps are not seen");
}

/// Journals: what is there is a chain that verifies so far, whenever the power goes.
#[test]
fn a_journal_that_was_cut_is_read_up_to_the_cut() {
    if !can_trace() {
        return;
    }
    let world = World::with_tokens();
    world.place("tokenless.tlv", "CTLFile.tlv");
    let args = [
        "revert",
        "CTLFile.tlv",
        "--token=SAST-ADN008580ef",
        "--spare=SAST-ADN0054f509",
        "--out=new.tlv",
        "--yes",
        "-q",
        "--journal=journals",
        "--timestamp=2015-03-06T22:53:33+01:00",
    ];
    let right = pki::golden_bytes("token-signed.tlv");
    let prepare = || {
        let _ = std::fs::remove_dir_all(world.path("journals"));
        for name in world.files().into_iter().filter(|name| name.starts_with("new.tlv")) {
            std::fs::remove_file(world.path(&name)).unwrap();
        }
    };
    let check = |n: usize| {
        let new = std::fs::read(world.path("new.tlv")).ok();
        assert!(new.is_none_or(|new| new == right), "cut at {n}: half a list");
        for entry in std::fs::read_dir(world.path("journals")).into_iter().flatten() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            let read = sastctl::workflow::journal::VerifiedJournal::read_so_far(&bytes);
            assert!(bytes.is_empty() || read.is_ok(), "cut at {n}: {:?}", read.err());
        }
    };
    let steps = pull_the_plug(&world, &args, &prepare, &check);
    println!("revert: {steps} steps");
    assert!(steps > 20, "{steps}: the steps are not seen");
}
