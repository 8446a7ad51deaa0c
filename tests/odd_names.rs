//! File names that are not text: Linux allows any bytes. They are shown with a replacement character, and the program does not
//! fail because of them, especially after a key was made or a file was written.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use serde_json::Value;

use sastctl::trustlist::{Function, ListKind, record_tag};

use crate::findings::{A, CAPF, PUB, SUB, ccm, server, signed};
use crate::support::{World, softhsm_module};

/// `büro` in Latin-1, followed by this text.
fn odd(rest: &str) -> OsString {
    OsString::from_vec([b"b\xfcro", rest.as_bytes()].concat())
}

fn shown(rest: &str) -> Value {
    format!("b\u{fffd}ro{rest}").into()
}

#[track_caller]
fn answer(world: &World, args: &[&str], name: OsString) -> Value {
    let output = world.command(args).arg(name).arg("--json").output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn option(name: &str, value: OsString) -> OsString {
    let mut whole = OsString::from(name);
    whole.push(value);
    whole
}

#[test]
fn lists_and_journals() {
    let world = World::with_tokens();
    world.place("token-signed.tlv", "CTLFile.tlv");
    let name = odd(".tlv");
    std::fs::copy(world.path("CTLFile.tlv"), world.path("").join(&name)).unwrap();
    let check = answer(&world, &["ctl", "check", "--installed-ctl=CTLFile.tlv"], name.clone());
    assert_eq!(check["file"], shown(".tlv"));
    assert_eq!(answer(&world, &["ctl", "verify"], name.clone())["files"][0]["file"], shown(".tlv"));

    let sign = ["ctl", "sign", "--token=SAST-ADN0054f509", "--yes", "--journal=journals"];
    let signed = answer(&world, &sign, name);
    assert_eq!(signed["written"][0]["file"], shown(".new.tlv"));
    assert!(world.path("").join(odd(".new.tlv")).exists(), "its own bytes, not what is shown of them");
    let journal = std::fs::read_dir(world.path("journals")).unwrap().next().unwrap().unwrap().path();
    let name = odd(".jsonl");
    std::fs::copy(journal, world.path("").join(&name)).unwrap();
    assert_eq!(answer(&world, &["journal", "verify"], name.clone())["journal"], shown(".jsonl"));
    assert_eq!(answer(&world, &["journal", "show"], name)["journal"], shown(".jsonl"));
}

/// Neither the name of a file nor that of a record can look like a line of the plan.
#[test]
fn a_line_break_in_a_name_begins_no_line() {
    let world = World::with_tokens();
    let [capf, other] =
        [(CAPF, 1), (SUB, 2)].map(|(stem, n)| server(stem, Function::CAPF, "capf", [10, 0, 0, n], false));
    let odd = capf.with(record_tag::SUBJECT_NAME, b"CN=a\nPhones with TVS   accept it\0").unwrap();
    let old = signed(ListKind::Ctl, &[ccm(PUB, "pub", 3), odd, other], A);
    std::fs::write(world.path("old\n.tlv"), old.list().bytes()).unwrap();
    let remove = ["--remove-server=capf:10.0.0.1", "--token=SAST-ADN008580ef", "--dry-run"];
    let planned = world.run(&[&["ctl", "update", "old\n.tlv"][..], &remove].concat()).done();
    let lines: Vec<&str> = planned.stdout.lines().collect();
    assert!(lines.contains(&r"Phones that hold old\n.tlv"), "{}", planned.stdout);
    let loses =
        lines.iter().find(|line| line.contains("leaves")).unwrap_or_else(|| panic!("{}", planned.stdout));
    assert!(loses.contains(r"a\nPhones with TVS   accept it"), "{}", planned.stdout);
    assert!(!lines.iter().any(|line| line.starts_with("Phones with TVS   accept it")));
}

#[test]
fn certificates() {
    let world = World::with_tokens();
    let export = ["cert", "export", "--token=SAST-ADN008580ef", "--force"];
    let file = shown("/SAST-ADN008580ef.cer");
    let exported = answer(&world, &export, option("--out=", odd("")));
    assert_eq!(exported["written"][0]["file"], file);
    let again = answer(&world, &export, option("--out=", odd("")));
    assert!(again["written"][0]["kept_old_as"].as_str().unwrap().ends_with("SAST-ADN008580ef.cer.bak"));
}

#[test]
fn keys() {
    let world = World::with_tokens();
    for label in ["HSM 1", "HSM 2"] {
        let make = ["--init-token", "--free", "--label", label, "--so-pin", "12345678", "--pin", "Cisco123"];
        world.tool("softhsm2-util", &make);
    }
    let made = answer(&world, &["cert", "enroll", "HSM 1", "--yes"], option("--out=", odd(".cer")));
    assert_eq!(made["written"], shown(".cer"));
    let asked = answer(&world, &["cert", "enroll", "HSM 2", "--yes"], option("--csr=", odd(".csr")));
    assert_eq!(asked["request"], shown(".csr"));
    let again =
        answer(&world, &["cert", "enroll", "HSM 2", "--force", "--yes"], option("--csr=", odd(".csr")));
    assert!(again["kept_old_as"].as_str().unwrap().ends_with("ro.csr.bak"), "{again}");
}

#[test]
fn modules() {
    let world = World::with_tokens();
    let folder = world.path("").join(odd(""));
    std::fs::create_dir(&folder).unwrap();
    let module = folder.join("module.so");
    std::fs::copy(softhsm_module(), &module).unwrap();
    for (args, field) in
        [(&["token", "list"][..], "tokens"), (&["profile", "test", "--token=SAST token A"], "results")]
    {
        let answer = answer(&world, args, option("--module=", module.clone().into()));
        assert!(answer["module"].as_str().unwrap().ends_with("b\u{fffd}ro/module.so"), "{answer}");
        assert!(!answer[field].as_array().unwrap().is_empty(), "{answer}");
    }
}
