//! Targets that are not plain files, file systems with missing features, and disks that fail at a bad moment: the messages
//! afterwards are correct.

use std::os::unix::fs::{FileTypeExt as _, symlink};

use sastctl::files::{OnExisting, write_new};
use sastctl::trustlist::TrustList;

use crate::pki;
use crate::support::{Outcome, World, can_trace, skip};

const SIGN: [&str; 5] = ["ctl", "sign", "CTLFile.tlv", "--token=SAST-ADN0054f509", "--yes"];
const REVERT: [&str; 5] =
    ["revert", "tokenless.tlv", "--token=SAST-ADN008580ef", "--spare=SAST-ADN0054f509", "--yes"];
const UPDATE: [&str; 6] =
    ["ctl", "update", "CTLFile.tlv", "--token=SAST-ADN0054f509", "--set-mode=non-secure", "--yes"];

fn world() -> World {
    let world = World::with_tokens();
    world.place("token-signed.tlv", "CTLFile.tlv");
    world.place("tokenless.tlv", "tokenless.tlv");
    std::fs::create_dir(world.path("place")).unwrap();
    world
}

fn names(world: &World, folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(world.path(folder)).unwrap();
    let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A pipe and a socket, and links to them; with root a device, too. Each with the word for its type.
fn special_files(world: &World) -> Vec<(&'static str, &'static str)> {
    world.tool("mkfifo", &["place/pipe.tlv"]);
    // The file stays when the socket is closed.
    drop(std::os::unix::net::UnixListener::bind(world.path("place/socket.tlv")).unwrap());
    symlink("pipe.tlv", world.path("place/link.tlv")).unwrap();
    let mut all = vec![("pipe.tlv", "a pipe"), ("socket.tlv", "a socket"), ("link.tlv", "a pipe")];
    if world.program("mknod", &["place/null.tlv", "c", "1", "3"]).status().is_ok_and(|s| s.success()) {
        all.push(("null.tlv", "a device"));
    }
    all
}

#[test]
fn a_target_that_is_not_a_plain_file_is_refused_before_the_login() {
    let world = world();
    let all = special_files(&world);
    let before = names(&world, "place");
    for command in [&SIGN[..], &REVERT, &UPDATE] {
        for (name, what) in &all {
            let out = format!("--out=place/{name}");
            let outcome = world.run(&[command, &[&out, "-v"]].concat());
            assert_eq!(outcome.code, 4, "{out}: {}", outcome.stderr);
            let words = format!("place/{name} is {what}, not a file");
            assert!(outcome.stderr.contains(&words), "{words}: {}", outcome.stderr);
            assert!(!outcome.stderr.contains("C_Login"), "{}", outcome.stderr);
            assert_eq!(names(&world, "place"), before);
            assert!(!std::fs::metadata(world.path("place").join(name)).unwrap().is_file());
        }
    }
    // A folder, too.
    for command in [&REVERT[..], &UPDATE] {
        let outcome = world.run(&[command, &["--out=place", "-v"]].concat());
        assert_eq!(outcome.code, 4, "{}", outcome.stderr);
        assert!(outcome.stderr.contains("place is a folder"), "{}", outcome.stderr);
        assert!(!outcome.stderr.contains("C_Login"), "{}", outcome.stderr);
    }
}

/// Another user can change the target of his link at any time: nothing is written through it, in any form of the path.
#[test]
fn a_link_of_another_user_is_not_followed() {
    let world = world();
    std::fs::create_dir(world.path("shared")).unwrap();
    world.tool("chmod", &["1777", "shared"]);
    symlink("../place", world.path("shared/folder")).unwrap();
    symlink("../place/CTLFile.tlv", world.path("shared/file.tlv")).unwrap();
    symlink("../shared/folder", world.path("place/way")).unwrap();
    world.place("tokenless.tlv", "place/CTLFile.tlv");
    if world
        .program("chown", &["-h", "65534", "shared/folder", "shared/file.tlv"])
        .status()
        .is_ok_and(|s| !s.success())
    {
        skip("only root gives links away");
        return;
    }
    let before = names(&world, "place");
    for out in ["shared/folder/x.tlv", "shared/file.tlv", "place/way/x.tlv", "place/way/way/way/x.tlv"] {
        let outcome = world.run(&[&SIGN[..], &["--out", out, "-v"]].concat());
        assert_eq!(outcome.code, 4, "{out}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(", a link of another user (65534)"), "{out}: {}", outcome.stderr);
        assert!(!outcome.stderr.contains("C_Login"), "{}", outcome.stderr);
        assert_eq!(names(&world, "place"), before);
    }
    for command in
        [&["man", "shared/folder/pages"][..], &["cert", "export", "--all", "--out=shared/folder/certs"]]
    {
        let outcome = world.run(command);
        assert_eq!(outcome.code, 4, "{command:?}: {}", outcome.stderr);
        assert!(
            outcome.stderr.contains(", a link of another user (65534)"),
            "{command:?}: {}",
            outcome.stderr
        );
        assert_eq!(names(&world, "place"), before);
    }
    // Through a link of this user in the same folder.
    symlink("../place", world.path("shared/ours")).unwrap();
    world.run(&[&SIGN[..], &["--out=shared/ours/x.tlv"]].concat()).done();
}

/// A pipe can be read by its number, also in a process that others may not trace.
#[test]
fn standard_input_can_be_read_by_its_path_without_root() {
    let world = World::new();
    world.place("token-signed.tlv", "CTLFile.tlv");
    let line = "cat CTLFile.tlv | \"$0\" ctl verify /dev/stdin && \"$0\" ctl verify /dev/fd/3 3<CTLFile.tlv";
    let anybody = ["--reuid=65534", "--clear-groups", "sh", "-c", line, env!("CARGO_BIN_EXE_sastctl")];
    let mut command = if rustix::process::geteuid().is_root() {
        world.tool("chmod", &["-R", "a+rX", "."]);
        world.program("setpriv", &anybody)
    } else {
        world.program("sh", &anybody[3..])
    };
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said.matches(": verified, signed by SAST-ADN008580ef").count(), 2, "{output:?}");
}

/// A file that would block or never end is refused at once if a plain file is expected.
#[test]
fn a_pipe_a_device_and_two_gigabytes_are_refused_at_once() {
    let mut world = world();
    world.tool("mkfifo", &["pipe.toml"]);
    world.tool("mkfifo", &["pipe.so"]);
    for name in ["big.toml", "big.so", "big.tlv"] {
        std::fs::File::create(world.path(name)).unwrap().set_len(1 << 31).unwrap();
    }
    std::fs::create_dir_all(world.path("home/.config/sastctl")).unwrap();
    for (args, code, says) in [
        (&["token", "list", "--profile=./pipe.toml"][..], 4, "pipe.toml is a pipe, not a file"),
        (
            &["token", "list", "--profile=/dev/zero", "--allow-insecure-module"],
            4,
            "/dev/zero is a device, not a file",
        ),
        (&["token", "list", "--profile=./big.toml"], 4, "big.toml has more than 1048576 bytes"),
        (&["token", "list", "--module=pipe.so"], 3, "pipe.so is a pipe, not a file"),
        (
            &["token", "list", "--module=/dev/zero", "--allow-insecure-module"],
            3,
            "/dev/zero is a device, not a file",
        ),
        (&["token", "list", "--module=big.so"], 3, "big.so has more than 268435456 bytes"),
        (&["ctl", "show", "big.tlv"], 4, "big.tlv has more than 16777216 bytes"),
        (&["ctl", "verify", "big.tlv"], 4, "it is larger than "),
        (&["journal", "verify", "big.tlv"], 4, "big.tlv has more than 536870912 bytes"),
    ] {
        let refused = world.run(args);
        assert_eq!(refused.code, code, "{args:?}: {}", refused.all());
        assert!(refused.all().contains(says), "{args:?}: {}", refused.all());
    }
    let refused = world.run_with_input(&["ctl", "show", "-"], &vec![0; 16 * 1024 * 1024 + 1]);
    assert_eq!(refused.code, 4, "{}", refused.all());
    assert!(refused.stderr.contains("standard input has more than 16777216 bytes"), "{}", refused.all());
    // The time zone and the configuration also come from outside.
    world.set("TZ", "/dev/zero");
    assert!(world.run(&["ctl", "show", "CTLFile.tlv"]).done().stdout.contains(" UTC 2015"));
    world.unset("TZ");
    world.set("TZ", ":Europe/Warsaw");
    assert!(world.run(&["ctl", "show", "CTLFile.tlv"]).done().stdout.contains(" CET 2015"));
    world.tool("mkfifo", &["home/.config/sastctl/config.toml"]);
    let refused = world.run(&["ctl", "show", "CTLFile.tlv"]);
    assert!(refused.code == 4 && refused.stderr.contains("config.toml is a pipe"), "{}", refused.all());
}

#[test]
fn no_key_is_made_if_the_certificate_cannot_be_written() {
    let world = world();
    special_files(&world);
    let make = ["--init-token", "--free", "--label", "HSM", "--so-pin", "12345678", "--pin", "Cisco123"];
    world.tool("softhsm2-util", &make);
    for option in ["--csr=place/pipe.tlv", "--out=place/pipe.tlv", "--out=place"] {
        let outcome = world.run(&["cert", "enroll", "HSM", "--name=X", "--force", "--yes", "-v", option]);
        assert_eq!(outcome.code, 4, "{option}: {}", outcome.stderr);
        assert!(!outcome.stderr.contains("C_GenerateKeyPair"), "{}", outcome.stderr);
    }
    assert!(std::fs::metadata(world.path("place/pipe.tlv")).unwrap().file_type().is_fifo());
    world.tool("mkfifo", &["place/SAST-ADN008580ef.cer"]);
    let before = names(&world, "place");
    let export = ["cert", "export", "--token=SAST-ADN008580ef", "--out=place", "--force"];
    let outcome = world.run(&export);
    assert_eq!(outcome.code, 4, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("SAST-ADN008580ef.cer is a pipe, not a file"), "{}", outcome.stderr);
    assert_eq!(names(&world, "place"), before);
}

/// Without hard links the old file is copied; here the disk becomes full during the copy.
#[test]
fn a_copy_that_does_not_fit_leaves_no_backup() {
    let mut world = world();
    if !can_trace() {
        return;
    }
    let folder = world.path("").display().to_string();
    let script = format!(
        "cd '{folder}'; mount -t tmpfs -o size=20k none place || exit 99; cp CTLFile.tlv place/old.tlv; \
         \"$@\"; code=$?; mkdir kept; cp -a place/. kept/; exit $code"
    );
    let no_links = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=link,linkat"];
    let inject = ["-e", "inject=link,linkat:error=EPERM"];
    world.run_inside(&[&["unshare", "-m", "sh", "-c", &script, "sh"], &no_links[..], &inject].concat());
    let outcome = world.run(&[&SIGN[..], &["--out=place/old.tlv"]].concat());
    if outcome.code == 99 || outcome.stderr.contains("unshare failed") {
        skip("no mount namespace can be had here");
        return;
    }
    assert_eq!(outcome.code, 4, "{}", outcome.stderr);
    let words = "place/old.tlv was not written (keeping the old file): No space left on device";
    assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    assert_eq!(names(&world, "kept"), ["old.tlv"]);
    assert!(world.read("kept/old.tlv") == pki::golden_bytes("token-signed.tlv"));
}

/// A file of another user: the system allows no hard link to it, and it cannot be read.
#[test]
fn a_failed_backup_leaves_no_file() {
    if !can_trace() {
        return;
    }
    let mut world = world();
    world.place("tokenless.tlv", "place/old.tlv");
    let old = std::fs::canonicalize(world.path("place/old.tlv")).unwrap().display().to_string();
    let traced = ["strace", "-f", "-qq", "-o", "/dev/null", "-P", &old, "-e", "trace=link,linkat,openat"];
    let refused = ["-e", "inject=link,linkat:error=EPERM", "-e", "inject=openat:error=EACCES"];
    world.run_inside(&[&traced[..], &refused].concat());
    for _ in 0..2 {
        let outcome = world.run(&[&SIGN[..], &["--out=place/old.tlv"]].concat());
        assert_eq!(outcome.code, 4, "{}", outcome.stderr);
        let words = "place/old.tlv was not written (keeping the old file): Permission denied";
        assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
        assert_eq!(names(&world, "place"), ["old.tlv"]);
    }
}

/// The first, second … sync of a folder fails.
fn with_failing_sync(world: &mut World, nth: usize, args: &[&str]) -> Outcome {
    let folder = std::fs::canonicalize(world.path("place")).unwrap().display().to_string();
    let inject = format!("inject=fsync:error=EIO:when={nth}");
    let traced =
        ["strace", "-f", "-qq", "-o", "/dev/null", "-P", &folder, "-e", "trace=fsync", "-e", &inject];
    world.run_inside(&traced);
    let outcome = world.run(args);
    world.run_inside(&[]);
    outcome
}

#[test]
fn a_file_that_was_written_but_not_synced_is_reported() {
    if !can_trace() {
        return;
    }
    let golden = pki::golden_bytes("token-signed.tlv");
    for (there_is_one, nth) in [(false, 1), (true, 2)] {
        for command in [&SIGN[..], &REVERT, &UPDATE] {
            let mut world = world();
            if there_is_one {
                world.place("token-signed.tlv", "place/new.tlv");
            }
            let args = [command, &["--out=place/new.tlv", "--journal=journals"]].concat();
            let outcome = with_failing_sync(&mut world, nth, &args);
            assert_eq!(outcome.code, 4, "{}", outcome.all());
            let words = "place/new.tlv was written, but it is not known to be on the disk";
            assert!(outcome.stderr.contains(words), "{}", outcome.all());
            for untrue in ["was not written", "still is", "the others were not", "nothing was written"] {
                assert!(!outcome.stderr.contains(untrue), "{untrue}: {}", outcome.all());
            }
            assert!(world.read("place/new.tlv") != golden);
            TrustList::decode(world.read("place/new.tlv")).unwrap().verify().unwrap();
            if there_is_one {
                assert!(world.read("place/new.tlv.bak") == golden);
                assert!(outcome.stderr.contains("is kept as"), "{}", outcome.all());
            }
            let journal = format!("journals/{}", names(&world, "journals")[0]);
            let page = world.run(&["journal", "show", &journal]).done().stdout;
            assert!(page.contains("### After: place/new.tlv"), "{page}");
        }
    }
}

/// A request is useless without its key.
#[test]
fn an_unsynced_request_keeps_its_key() {
    if !can_trace() {
        return;
    }
    let mut world = world();
    let make = ["--init-token", "--free", "--label", "HSM", "--so-pin", "12345678", "--pin", "Cisco123"];
    world.tool("softhsm2-util", &make);
    let enroll = ["cert", "enroll", "HSM", "--name=X", "--csr=place/x.csr", "--yes"];
    let outcome = with_failing_sync(&mut world, 1, &enroll);
    assert_eq!(outcome.code, 4, "{}", outcome.all());
    assert!(outcome.stderr.contains("place/x.csr was written, but"), "{}", outcome.all());
    world.tool("openssl", &["req", "-in", "place/x.csr", "-noout", "-verify"]);
    let module = crate::support::softhsm_module();
    let look = ["--token-label=HSM", "--login", "--pin=Cisco123", "-O", "--type=privkey"];
    let objects = world.tool("pkcs11-tool", &[&["--module", module.to_str().unwrap()], &look[..]].concat());
    assert!(objects.contains("Private Key Object"), "{objects}");
}

/// It is not known whether the backup is on the disk: the old file is not replaced, and the backup is removed.
#[test]
fn an_unsynced_backup_does_not_count() {
    if !can_trace() {
        return;
    }
    let mut world = world();
    world.place("tokenless.tlv", "place/new.tlv");
    let outcome = with_failing_sync(&mut world, 1, &[&SIGN[..], &["--out=place/new.tlv"]].concat());
    assert_eq!(outcome.code, 4, "{}", outcome.all());
    assert!(outcome.stderr.contains("place/new.tlv was not written"), "{}", outcome.all());
    assert_eq!(names(&world, "place"), ["new.tlv"]);
    assert!(world.read("place/new.tlv") == pki::golden_bytes("tokenless.tlv"));
}

/// If the folder of many files was not synced, the files exist and are in the journal.
#[test]
fn the_unsynced_ones_of_many_files_are_reported() {
    if !can_trace() {
        return;
    }
    let mut world = world();
    let files: Vec<String> =
        (0..20).map(|n| world.place("token-signed.tlv", &format!("{n:02}.tlv"))).collect();
    let args = ["ctl", "sign", "--token=SAST-ADN0054f509", "--yes", "--out=place", "--journal=journals"];
    let args: Vec<&str> = args.into_iter().chain(files.iter().map(String::as_str)).collect();
    let outcome = with_failing_sync(&mut world, 2, &args);
    assert_eq!(outcome.code, 4, "{}", outcome.all());
    assert!(outcome.stderr.contains("place/08.tlv was written, but"), "{}", outcome.all());
    assert!(outcome.stderr.contains("16 files were written, the others were not"), "{}", outcome.all());
    assert_eq!(names(&world, "place"), files[..16]);
    let journal = format!("journals/{}", names(&world, "journals")[0]);
    let page = world.run(&["journal", "show", &journal]).done().stdout;
    assert_eq!(page.matches("### After: place/").count(), 16, "{page}");
}

/// The owner of a replaced file stays the same, so that another program can still read it.
#[test]
fn a_file_that_is_replaced_keeps_its_owner() {
    use std::os::unix::fs::MetadataExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("CTLFile.tlv");
    std::fs::write(&path, "old").unwrap();
    let nobody = (rustix::fs::Uid::from_raw(65534), rustix::fs::Gid::from_raw(65534));
    if rustix::fs::chown(&path, Some(nobody.0), Some(nobody.1)).is_err() {
        skip("only root gives files away");
        return;
    }
    let kept = write_new(&path, b"new", OnExisting::KeepBackup).unwrap().backup.unwrap();
    for path in [path, kept] {
        let found = std::fs::metadata(&path).unwrap();
        assert_eq!((found.uid(), found.gid()), (65534, 65534), "{}", path.display());
    }
}
