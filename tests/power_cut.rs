//! A power cut at every step of every command that writes: the old or the new file is complete, and the next run works. strace
//! kills the program at each write, sync and rename, one after the other.

use std::collections::HashMap;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};

use crate::pki;
use crate::support::{World, can_trace, rounds};
use crate::tftp::{acknowledged, data, tftp_server};

/// The system calls that bring data to the disk: a power cut may come before each of them.
const STEPS: &str = "write,pwrite64,writev,fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlink,unlinkat,\
                     ftruncate,openat,mkdir,fchmod,fallocate";

/// In `make test` only the steps after which the disk may have other contents.
pub fn steps() -> &'static str {
    if rounds(0, 1) == 1 {
        STEPS
    } else {
        "fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlink,unlinkat"
    }
}

/// Runs a command that strace kills at its `n`th step; `odd` is another fault that strace injects. Returns whether the command
/// ended before that.
pub fn cut_where(world: &World, steps: &str, odd: &[&str], n: usize, args: &[&str]) -> bool {
    let program = env!("CARGO_BIN_EXE_sastctl");
    let inject = format!("--inject={steps}:signal=SIGKILL:when={n}");
    let mut words = vec!["-f", "-qq", "-o", "/dev/null"];
    let trace = format!("--trace={steps},link,linkat");
    words.extend([&[trace.as_str(), &inject], odd, &[program], args].concat());
    let mut command = world.program("strace", &words);
    let output = command.stdin(Stdio::null()).output().unwrap();
    // strace ends with the status of the traced program.
    let killed = output.status.signal() == Some(9) || output.status.code() == Some(137);
    assert!(killed || output.status.code() == Some(0), "{n}: {}", String::from_utf8_lossy(&output.stderr));
    !killed
}

/// Kills the command at each of these steps; then `check` examines the files, and the command is run to its end.
fn cut_power(
    world: &World,
    (steps, every): (&str, usize),
    args: &[&str],
    prepare: &dyn Fn(),
    check: &dyn Fn(usize),
) -> usize {
    for n in (1..2000).step_by(every) {
        prepare();
        let ended = cut_where(world, steps, &[], n, args);
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

/// The files in the world, by name, and those of its folders.
fn files(world: &World) -> HashMap<String, Vec<u8>> {
    let mut files = HashMap::new();
    for name in world.files() {
        let path = world.path(&name);
        if path.is_dir() {
            let inner =
                std::fs::read_dir(path).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
            files.extend(inner.map(|i| format!("{name}/{i}")).map(|name| (name.clone(), world.read(&name))));
        } else {
            let bytes = world.read(&name);
            files.insert(name, bytes);
        }
    }
    files
}

/// For a command with the same results each time: each file is the complete old or new one, and a replaced old one is kept.
/// `replaces`: files that are not kept because they can be made again.
fn is_old_or_new(world: &World, args: &[&str]) {
    let before = files(world);
    let prepare = || {
        for name in files(world).into_keys().filter(|name| !before.contains_key(name)) {
            std::fs::remove_file(world.path(&name)).unwrap();
        }
        for (name, bytes) in &before {
            std::fs::write(world.path(name), bytes).unwrap();
        }
    };
    world.run(args).done();
    let is_kept = |name: &str| name.rsplit_once(".bak").is_some();
    let after: HashMap<_, _> = files(world).into_iter().filter(|(name, _)| !is_kept(name)).collect();
    assert!(after.iter().any(|(name, bytes)| before.get(name) != Some(bytes)), "it writes nothing");
    let check = |n: usize| {
        let there = files(world);
        for (name, new) in &after {
            let (old, now) = (before.get(name), there.get(name));
            assert!(now == old || now == Some(new), "{args:?} cut at {n}: {name} is neither");
            let Some(old) = old.filter(|old| now != Some(old)) else { continue };
            // Its backup name, or the next number if that exists.
            let mut kept =
                there.iter().filter(|(other, _)| other.starts_with(name.as_str()) && is_kept(other));
            assert!(kept.any(|(_, bytes)| bytes == old), "{args:?} cut at {n}: the old {name} is lost");
        }
    };
    let steps = cut_power(world, (steps(), 1), args, &prepare, &check);
    println!("{}: {steps} steps", args[..2].join(" "));
    assert!(steps > rounds(1, 8), "{steps}: the steps are not seen");
}

const TOKEN: &str = "--token=SAST-ADN008580ef";
const TIME: &str = "--timestamp=2026-11-21T07:30:00Z";

fn signed() -> World {
    let world = World::with_tokens();
    world.place("token-signed.tlv", "CTLFile.tlv");
    world
}

#[test]
fn a_signed_file_is_the_old_one_or_the_new_one() {
    if can_trace() {
        is_old_or_new(&signed(), &["ctl", "sign", "CTLFile.tlv", "--in-place", TOKEN, TIME, "--yes", "-q"]);
    }
}

/// Files that are written together, one of them over an old one.
#[test]
fn of_many_signed_files_each_is_the_old_one_or_the_new_one() {
    if !can_trace() {
        return;
    }
    let world = signed();
    world.place("token-signed-non-secure.tlv", "other.tlv");
    std::fs::write(world.path("SEP001122334455.cnf.xml"), "<device/>\n").unwrap();
    let names = ["CTLFile.tlv", "other.tlv", "SEP001122334455.cnf.xml"];
    let options = [TOKEN, TIME, "--in-place", "--yes", "-q"];
    is_old_or_new(&world, &[&["ctl", "sign"], &names[..], &options].concat());
}

#[test]
fn a_changed_list_is_the_old_one_or_the_new_one() {
    if can_trace() {
        let world = signed();
        world.place("tokenless.tlv", "new.tlv");
        let update = ["ctl", "update", "CTLFile.tlv", "--out=new.tlv", "--set-mode=non-secure", TOKEN, TIME];
        is_old_or_new(&world, &[&update[..], &["--yes", "-q"]].concat());
    }
}

#[test]
fn a_first_list_is_whole_or_not_there() {
    if !can_trace() {
        return;
    }
    let world = World::with_tokens();
    let certificate = pki::path("tests/testdata/pki/cucm-1051-a-pub.der");
    let cluster = format!(
        "[[server]]\nfunction = 'CCM+TFTP'\naddress = '10.48.47.155'\ncertificate = '{}'\n",
        certificate.display()
    );
    std::fs::write(world.path("cluster.toml"), cluster).unwrap();
    let spare = "--spare=SAST-ADN0054f509";
    let create = ["ctl", "create", "--cluster=cluster.toml", TOKEN, spare, TIME, "--yes", "-q"];
    is_old_or_new(&world, &create);
}

/// A file system without hard links: the old file is copied.
#[test]
fn a_backup_that_is_a_copy_is_whole_or_not_there() {
    if !can_trace() {
        return;
    }
    let steps = steps().replace("link,linkat,", "") + ",copy_file_range,sendfile";
    let no_links = ["--inject=link,linkat:error=EPERM"];
    let (world, old) = (signed(), pki::golden_bytes("token-signed.tlv"));
    let sign = ["ctl", "sign", "CTLFile.tlv", "--in-place", TOKEN, TIME, "--yes", "-q"];
    for n in 1.. {
        for name in world.files() {
            std::fs::remove_file(world.path(&name)).unwrap();
        }
        world.place("token-signed.tlv", "CTLFile.tlv");
        let ended = cut_where(&world, &steps, &no_links, n, &sign);
        let (there, now) = (files(&world), world.read("CTLFile.tlv"));
        let kept: Vec<_> = there.iter().filter(|(name, _)| name.contains(".bak")).collect();
        assert!(kept.iter().all(|(_, bytes)| **bytes == old), "cut at {n}: half a backup");
        assert!(now == old || kept.len() == 1, "cut at {n}: the old list is lost");
        if ended {
            assert!(n > rounds(4, 10) && now != old, "{n}: the steps are not seen");
            break;
        }
    }
}

#[test]
fn exported_certificates_are_whole_or_not_there() {
    if can_trace() {
        let world = World::with_tokens();
        is_old_or_new(&world, &["cert", "export", "--all", "--out=certs", "--force", "-q"]);
    }
}

#[test]
fn pages_are_whole_or_not_there() {
    if !can_trace() {
        return;
    }
    let world = signed();
    world.run(&["ctl", "sign", "CTLFile.tlv", TOKEN, "--yes", "--journal=journals"]).done();
    let journal = std::fs::read_dir(world.path("journals")).unwrap().next().unwrap().unwrap().path();
    let journal = journal.to_str().unwrap().to_owned();
    std::fs::write(world.path("page.html"), "an old page").unwrap();
    is_old_or_new(&world, &["journal", "show", &journal, "--html=page.html", "-q"]);
}

#[test]
fn fetched_lists_are_whole_or_not_there() {
    if !can_trace() {
        return;
    }
    let server = tftp_server(|request, transfer| {
        let name = if request.windows(3).any(|w| w == b"ITL") { "itl.tlv" } else { "tokenless.tlv" };
        for (block, bytes) in (1..).zip(pki::golden_bytes(name).chunks(512)) {
            transfer.send(&data(block, bytes)).unwrap();
            if acknowledged(transfer) != Some(block) {
                return;
            }
        }
    });
    let world = World::new();
    world.place("token-signed.tlv", "CTLFile.tlv");
    let port = format!("--tftp-port={}", server.port);
    let fetch = ["cluster", "fetch", "--node=127.0.0.1", "--alone", &port, "--out=.", "--force", "-q"];
    is_old_or_new(&world, &fetch);
}

/// The request is different each time; the module decides what happens to the key on the token.
#[test]
fn a_request_is_whole_or_not_there() {
    if !can_trace() {
        return;
    }
    let world = World::with_tokens();
    let enroll = [
        "cert",
        "enroll",
        "SAST token A",
        "--name=SAST-X",
        "--bits=1024",
        "--csr=x.csr",
        "--force",
        "--yes",
        "-q",
    ];
    let tokens = world.path("hsm").display().to_string();
    let sh =
        |line: &str| assert!(Command::new("sh").args(["-c", line]).status().unwrap().success(), "{line}");
    sh(&format!("cp -a {tokens} {tokens}.kept"));
    let prepare = || {
        sh(&format!("rm -rf {tokens} && cp -a {tokens}.kept {tokens}"));
        for name in world.files().into_iter().filter(|name| name.starts_with("x.csr")) {
            std::fs::remove_file(world.path(&name)).unwrap();
        }
    };
    let check = |n: usize| {
        if world.path("x.csr").exists() {
            let verified = world.tool("openssl", &["req", "-in", "x.csr", "-noout", "-verify", "-subject"]);
            assert!(verified.contains("SAST-X"), "cut at {n}: {verified}");
        }
    };
    let steps = cut_power(&world, (steps(), 1), &enroll, &prepare, &check);
    println!("cert enroll: {steps} steps");
    assert!(steps > rounds(1, 10), "{steps}: the steps are not seen");
}

/// After a power cut at any time, the journal is a valid chain up to its end.
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
    // Each write adds to the journal.
    let steps = cut_power(&world, (STEPS, rounds(9, 1)), &args, &prepare, &check);
    println!("revert: {steps} steps");
    assert!(steps > 20, "{steps}: the steps are not seen");
}
