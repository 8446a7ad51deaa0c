//! Places that are no plain files, file systems that cannot do everything, and disks that fail at the wrong moment: what is
//! said afterwards is what is so.

use std::os::unix::fs::{FileTypeExt as _, symlink};

use crate::support::World;

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

/// A pipe and a socket, and links to them; as root a device, too. What each is called.
fn no_plain_files(world: &World) -> Vec<(&'static str, &'static str)> {
    world.tool("mkfifo", &["place/pipe.tlv"]);
    // It stays when it is closed.
    drop(std::os::unix::net::UnixListener::bind(world.path("place/socket.tlv")).unwrap());
    symlink("pipe.tlv", world.path("place/link.tlv")).unwrap();
    let mut all = vec![("pipe.tlv", "a pipe"), ("socket.tlv", "a socket"), ("link.tlv", "a pipe")];
    if world.program("mknod", &["place/null.tlv", "c", "1", "3"]).status().is_ok_and(|s| s.success()) {
        all.push(("null.tlv", "a device"));
    }
    all
}

#[test]
fn what_is_no_plain_file_is_refused_before_the_login() {
    let world = world();
    let all = no_plain_files(&world);
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

#[test]
fn no_key_is_made_for_a_certificate_that_has_no_place() {
    let world = world();
    no_plain_files(&world);
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
