//! Places that cannot be written, or are not plain files: the old file stays, no incomplete file is left, and an error is
//! printed.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use sastctl::trustlist::TrustList;

use crate::pki;
use crate::support::{Outcome, World, can_trace, skip};

const SIGN: [&str; 6] = ["ctl", "sign", "CTLFile.tlv", "--token", "SAST-ADN0054f509", "--yes"];
const REVERT: [&str; 7] =
    ["revert", "tokenless.tlv", "--token", "SAST-ADN008580ef", "--spare", "SAST-ADN0054f509", "--yes"];
const CREATE: [&str; 7] =
    ["ctl", "update", "CTLFile.tlv", "--token", "SAST-ADN0054f509", "--set-mode=non-secure", "--yes"];

fn world() -> World {
    let world = World::with_tokens();
    world.place("token-signed.tlv", "CTLFile.tlv");
    world.place("tokenless.tlv", "tokenless.tlv");
    std::fs::create_dir(world.path("place")).unwrap();
    world.place("token-signed.tlv", "place/old.tlv");
    world
}

/// Runs the program after `mount` prepared `place`; then copies the content of `place` to `kept`. `None` if there are no mount
/// namespaces.
fn inside(world: &mut World, mount: &str, args: &[&str]) -> Option<Outcome> {
    let _ = std::fs::remove_dir_all(world.path("kept"));
    let folder = world.path("").display().to_string();
    let script = format!(
        "cd '{folder}'; {mount} || exit 99; \"$@\"; code=$?; mkdir kept; cp -a place/. kept/; exit $code"
    );
    world.run_inside(&["unshare", "-m", "sh", "-c", &script, "sh"]);
    let outcome = world.run(args);
    if outcome.code == 99 || outcome.stderr.contains("unshare failed") {
        skip("no mount namespace can be had here");
        return None;
    }
    Some(outcome)
}

fn kept(world: &World) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(world.path("kept"))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_full_disk_leaves_the_old_file() {
    let full = "cp place/old.tlv old; mount -t tmpfs -o size=12k none place && cp old place/old.tlv; \
                head -c 20k /dev/zero > place/filler 2>/dev/null; true";
    for command in [&SIGN[..], &REVERT, &CREATE] {
        let mut world = world();
        let Some(outcome) = inside(&mut world, full, &[command, &["--out", "place/old.tlv"]].concat()) else {
            return;
        };
        assert_eq!(outcome.code, 4, "{command:?}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("No space left on device"), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("place/old.tlv was not written"), "{}", outcome.stderr);
        assert_eq!(kept(&world), ["filler", "old.tlv"], "{command:?}");
        assert!(world.read("kept/old.tlv") == pki::golden_bytes("token-signed.tlv"));
    }
    let mut world = world();
    let export = ["cert", "export", "--token", "SAST-ADN008580ef", "--out", "place"];
    let outcome = inside(&mut world, full, &export).unwrap();
    assert_eq!(outcome.code, 4, "{}", outcome.stderr);
    assert_eq!(kept(&world), ["filler", "old.tlv"]);
}

#[test]
fn without_room_for_the_journal_nothing_is_signed() {
    let full = "mount -t tmpfs -o size=4k none place; head -c 20k /dev/zero > place/filler 2>/dev/null; true";
    for command in [&SIGN[..], &REVERT] {
        let mut world = world();
        let args = [command, &["--out", "new.tlv", "--journal", "place", "-v"]].concat();
        let Some(outcome) = inside(&mut world, full, &args) else { return };
        assert_eq!(outcome.code, 4, "{}", outcome.stderr);
        assert!(outcome.stderr.contains("No space left on device"), "{}", outcome.stderr);
        assert!(!outcome.stderr.contains("C_Sign"), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("C_Logout: CKR_OK"), "{}", outcome.stderr);
        assert!(!world.path("new.tlv").exists());
    }
}

/// Before the run reports success, the list, its folder and the journal are synced.
#[test]
fn a_file_reported_as_written_is_synced() {
    let mut world = world();
    if !can_trace() {
        return;
    }
    world.run_inside(&["strace", "-f", "-y", "-qq", "-o", "syncs", "-e", "trace=fsync,fdatasync"]);
    world.run(&[&SIGN[..], &["--out=new.tlv", "--journal=journals"]].concat()).done();
    let log = String::from_utf8(world.read("syncs")).unwrap();
    let folder = std::fs::canonicalize(world.path("")).unwrap().display().to_string();
    let syncs = |what: &str| log.lines().filter(|line| line.contains(what)).count();
    assert_eq!(syncs(&format!("{folder}/.sastctl-")), 1, "{log}");
    assert_eq!(syncs(&format!("<{folder}>")), 1, "{log}");
    // Before the PIN is asked for, before the signature, once the list is written, and at the end.
    assert_eq!(syncs(&format!("<{folder}/journals/")), 4, "{log}");
}

#[test]
fn a_read_only_folder_is_reported() {
    let read_only = "mount --bind place place && mount -o remount,bind,ro place";
    for command in [&SIGN[..], &REVERT, &CREATE] {
        for name in ["place/old.tlv", "place/new.tlv"] {
            let mut world = world();
            let Some(outcome) = inside(&mut world, read_only, &[command, &["--out", name]].concat()) else {
                return;
            };
            assert_eq!(outcome.code, 4, "{}", outcome.stderr);
            assert!(outcome.stderr.contains("Read-only file system"), "{}", outcome.stderr);
            assert_eq!(kept(&world), ["old.tlv"]);
            assert!(world.read("kept/old.tlv") == pki::golden_bytes("token-signed.tlv"));
        }
    }
}

#[test]
fn the_target_of_a_link_is_replaced() {
    for command in [&SIGN[..], &REVERT, &CREATE] {
        let world = world();
        symlink("place/old.tlv", world.path("link.tlv")).unwrap();
        world.tool("chmod", &["640", "place/old.tlv"]);
        world.run(&[command, &["--out", "link.tlv"]].concat()).done();
        assert!(std::fs::symlink_metadata(world.path("link.tlv")).unwrap().is_symlink());
        TrustList::decode(world.read("place/old.tlv")).unwrap().verify().unwrap();
        assert!(world.read("place/old.tlv") != pki::golden_bytes("token-signed.tlv"));
        assert!(world.read("place/old.tlv.bak") == pki::golden_bytes("token-signed.tlv"));
        let mode = std::fs::metadata(world.path("place/old.tlv")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
    }
}

#[test]
fn a_link_to_nowhere_or_to_itself_is_not_replaced() {
    let world = world();
    symlink("nowhere.tlv", world.path("dangling.tlv")).unwrap();
    symlink("loop.tlv", world.path("loop.tlv")).unwrap();
    for name in ["dangling.tlv", "loop.tlv"] {
        let outcome = world.run(&[&SIGN[..], &["--out", name]].concat());
        assert_eq!(outcome.code, 4, "{}", outcome.stderr);
        assert!(outcome.stderr.contains(&format!("{name} is there already")), "{}", outcome.stderr);
        assert!(std::fs::symlink_metadata(world.path(name)).unwrap().is_symlink());
    }
    assert!(!world.files().iter().any(|name| name.starts_with(".sastctl")), "{:?}", world.files());
}

#[test]
fn a_folder_is_not_replaced_by_a_file() {
    let world = world();
    let outcome = world.run(&[&REVERT[..], &["--out", "place"]].concat());
    assert_eq!(outcome.code, 4, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("place is a folder"), "{}", outcome.stderr);
    assert!(world.read("place/old.tlv") == pki::golden_bytes("token-signed.tlv"));
    // Lists that are signed again can be written into a folder.
    world.run(&[&SIGN[..], &["--out", "place"]].concat()).done();
    TrustList::decode(world.read("place/CTLFile.tlv")).unwrap().verify().unwrap();
}

/// Eight runs write to one place: each waits until the token is free, and no file of another run is lost.
#[test]
fn parallel_runs_lose_nothing() {
    let world = world();
    let args = [&SIGN[..], &["--out", "new.tlv"]].concat();
    let runs: Vec<_> = (0..8)
        .map(|n| {
            let time = format!("2026-11-01T00:00:0{n}Z");
            let mut command = world.command(&[&args[..], &["--timestamp", &time]].concat());
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for run in runs {
        let output = run.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let names = world.files().into_iter().filter(|name| name.starts_with("new.tlv"));
    let mut times: Vec<u32> = names
        .map(|name| {
            let list = TrustList::decode(world.read(&name)).unwrap();
            list.verify().unwrap();
            list.header().timestamp
        })
        .collect();
    times.sort_unstable();
    times.dedup();
    assert_eq!(times.len(), 8, "eight lists, each there once");
}
