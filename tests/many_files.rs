//! Many files with one login: they are read, signed and written in parallel, with the same results as one after the other.

use std::collections::HashSet;

use rexpect::session::spawn_command;
use sastctl::trustlist::{Digest, Draft, Record, Signer as _, Style, TrustFile, TrustList};

use crate::pki;
use crate::support::{Outcome, PIN, World, skip};

const SIGNER: [&str; 2] = ["--token", "SAST-ADN0054f509"];

/// Lists and, every tenth, configuration files, in the order of their names; and tokens of a module that signs in two
/// sessions, as a network HSM may.
fn world(count: usize) -> (World, Vec<String>) {
    let mut world = World::with_tokens();
    let profile = concat!(include_str!("../hsm-profiles/softhsm.toml"), "\n[sign]\nsessions = 2\n");
    std::fs::write(world.path("two-sessions.toml"), profile).unwrap();
    world.set("SASTCTL_PROFILE", "two-sessions.toml");
    let bytes = pki::golden_bytes("token-signed.tlv");
    std::fs::create_dir(world.path("in")).unwrap();
    std::fs::create_dir(world.path("out")).unwrap();
    let name = |n: usize| match n % 10 {
        7 => format!("in/SEP0000000{n:05}.cnf.xml"),
        _ => format!("in/list{n:05}.tlv"),
    };
    let names: Vec<String> = (0..count).map(name).collect();
    for name in &names {
        let config = format!("<device name=\"{name}\"/>\n");
        std::fs::write(world.path(name), if name.ends_with("xml") { config.as_bytes() } else { &bytes })
            .unwrap();
    }
    (world, names)
}

fn sign<'a>(names: &'a [String], more: &[&'a str]) -> Vec<&'a str> {
    let files = names.iter().map(String::as_str);
    let how = ["ctl", "sign", "--out", "out", "--journal", "journals"];
    how.into_iter().chain(SIGNER).chain(more.iter().copied()).chain(files).collect()
}

fn result_of(name: &str) -> String {
    let file = name.replace("in/", "out/");
    if file.ends_with("xml") { format!("{file}.sgn") } else { file }
}

/// The files in the folder of results, each signed by the token.
fn written(world: &World) -> HashSet<String> {
    let signer = pki::token("SAST-ADN0054f509");
    let entries = std::fs::read_dir(world.path("out")).unwrap();
    let names = entries.map(|e| format!("out/{}", e.unwrap().file_name().into_string().unwrap()));
    names
        .inspect(|name| match TrustFile::decode(world.read(name)).unwrap() {
            TrustFile::List(list) => assert_eq!(list.verify().unwrap().signer_name(), "SAST-ADN0054f509"),
            TrustFile::Signed(signed) => drop(signed.verify(&signer).unwrap()),
        })
        .collect()
}

/// The files that the program says it wrote, in its order.
fn said(outcome: &Outcome) -> Vec<String> {
    let lines = outcome.stdout.lines().filter(|line| line.ends_with("verified"));
    lines.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
}

fn journal(world: &World) -> String {
    let mut all: Vec<_> =
        std::fs::read_dir(world.path("journals")).unwrap().map(|e| e.unwrap().path()).collect();
    all.sort();
    all.pop().unwrap().display().to_string()
}

#[test]
fn a_hundred_results_are_in_the_order_of_their_files() {
    let (world, names) = world(103);
    let outcome = world.run(&sign(&names, &["--yes", "-v"])).done();
    let wanted: Vec<String> = names.iter().map(|name| result_of(name)).collect();
    assert_eq!(said(&outcome), wanted);
    assert_eq!(written(&world), wanted.iter().cloned().collect());
    let times = |what: &str| outcome.stderr.matches(&format!("{what}: CKR_OK")).count();
    assert_eq!((times("C_Login"), times("C_Logout"), times("C_Sign")), (1, 1, 103));
    let (opened, closed) = (times("C_OpenSession"), times("C_CloseSession"));
    assert_eq!((opened, closed), (4, 2), "two that read last to the end; the one that logs in has a helper");
    let warning = "the signer's key is RSA 1024";
    assert_eq!(outcome.stderr.matches(warning).count(), 1, "what holds for all is said once");
    // In the journal each plan is next to the result of the same file.
    let journal = journal(&world);
    world.run(&["journal", "verify", &journal]).done();
    let page = world.run(&["journal", "show", &journal]).done().stdout;
    let sections: Vec<&str> = page.split("\n## ").filter(|s| s.contains("### Before: ")).collect();
    assert_eq!(sections.len(), 20, "those that a reader looks at; the others are rows of a table");
    let (_, table) = page.split_once("\n## 83 more files\n").unwrap();
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("| out/")).collect();
    assert_eq!(rows.len(), 83, "{table}");
    for (row, name) in rows.iter().zip(&names[20..]) {
        assert!(row.starts_with(&format!("| {} |", result_of(name))), "{name}: {row}");
    }
    for (section, name) in sections.iter().zip(&names) {
        let (before, after) = (format!("### Before: {name}\n"), format!("### After: {}\n", result_of(name)));
        assert!(section.contains(&before) && section.contains(&after), "{name}: {section}");
        assert_eq!(section.contains("\nPlan `"), name.ends_with("tlv"), "{section}");
    }
}

#[test]
fn every_replaced_file_is_kept_as_a_backup() {
    let (world, names) = world(40);
    world.run(&sign(&names, &["--yes"])).done();
    let first: Vec<_> = names.iter().map(|name| world.read(&result_of(name))).collect();
    world.run(&sign(&names, &["--yes", "--timestamp", "2031-01-01T00:00:00Z"])).done();
    for (name, first) in names.iter().zip(first) {
        let result = result_of(name);
        assert!(world.read(&format!("{result}.bak")) == first, "{result}");
        assert!(world.read(&result) != first, "{result}");
    }
    assert_eq!(written(&world).len(), 80);
}

#[test]
fn a_damaged_file_among_many_stops_all_of_them_before_the_login() {
    let (world, names) = world(60);
    std::fs::write(world.path(&names[50]), b"\x01\x00\x02half a list").unwrap();
    let outcome = world.run(&sign(&names, &["--yes", "-v"]));
    assert_eq!(outcome.code, 4, "{}", outcome.stderr);
    assert!(outcome.stderr.contains(&names[50]), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("C_Login"), "{}", outcome.stderr);
    assert!(written(&world).is_empty());
}

#[test]
fn no_result_replaces_another() {
    let (world, mut names) = world(20);
    std::fs::create_dir(world.path("other")).unwrap();
    std::fs::copy(world.path(&names[3]), world.path("other/list00003.tlv")).unwrap();
    names.push("other/list00003.tlv".to_owned());
    let few = [names[3].clone(), names[20].clone()];
    for names in [&names[..], &few] {
        for more in [&["--yes"][..], &["--yes", "--json"]] {
            let outcome = world.run(&sign(names, more));
            assert_eq!(outcome.code, 2, "{}", outcome.all());
            assert!(
                outcome.stderr.contains("two files would be written as out/list00003.tlv"),
                "{}",
                outcome.all()
            );
            assert!(written(&world).is_empty());
        }
    }
}

/// One file under several names is still one file.
#[test]
fn no_result_replaces_another_through_a_second_path() {
    let (world, _) = world(12);
    std::os::unix::fs::symlink("list00003.tlv", world.path("in/link.tlv")).unwrap();
    let before = world.read("in/list00003.tlv");
    for other in ["./in/list00003.tlv", "in/../in/list00003.tlv", "in/link.tlv"] {
        let args = ["ctl", "sign", "in/list00003.tlv", "in/list00004.tlv", other, "--in-place", "--yes"];
        let outcome = world.run(&[&args[..], &SIGNER].concat());
        assert_eq!(outcome.code, 2, "{other}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("two files would be written as"), "{}", outcome.stderr);
        assert!(world.read("in/list00003.tlv") == before);
    }
    // The same for new files.
    std::fs::create_dir(world.path("other")).unwrap();
    std::os::unix::fs::symlink("in", world.path("again")).unwrap();
    let args = ["ctl", "sign", "in/SEP000000000007.cnf.xml", "again/SEP000000000007.cnf.xml", "--yes"];
    let outcome = world.run(&[&args[..], &SIGNER].concat());
    assert_eq!(outcome.code, 2, "{}", outcome.stderr);
    assert!(!world.path("in/SEP000000000007.cnf.xml.sgn").exists());
}

/// The journal's disk is full in the middle: the written files are reported, and the journal is valid up to its end.
#[test]
fn a_journal_that_is_full_in_the_middle_hides_nothing() {
    for size in [230, 300, 420] {
        let (mut world, names) = world(60);
        std::fs::create_dir(world.path("journals")).unwrap();
        let keep = format!(
            "mount -t tmpfs -o size={size}k none journals || exit 99; \
             \"$@\"; code=$?; mkdir kept; cp -a journals/. kept/; exit $code"
        );
        let folder = world.path("").display().to_string();
        world.run_inside(&["unshare", "-m", "sh", "-c", &format!("cd '{folder}'; {keep}"), "sh"]);
        let outcome = world.run(&sign(&names, &["--yes"]));
        if outcome.code == 99 || outcome.stderr.contains("unshare failed") {
            skip("no mount namespace can be had here");
            return;
        }
        assert_eq!(outcome.code, 4, "{}", outcome.stderr);
        assert!(outcome.stderr.contains("No space left on device"), "{}", outcome.stderr);
        let (said, written) = (said(&outcome), written(&world));
        assert_eq!(said.iter().cloned().collect::<HashSet<_>>(), written, "{size}");
        let count = format!("{} files were written, the others were not", written.len());
        assert!(written.len() > 1 && outcome.stderr.contains(&count), "{count}: {}", outcome.stderr);
        world.run_inside(&[]);
        let journal = std::fs::read_dir(world.path("kept")).unwrap().next().unwrap().unwrap().path();
        let verified = world.run(&["journal", "verify", journal.to_str().unwrap()]);
        // There may be space for one more line, which says that the run failed.
        let whole = ["the last line is missing", "cannot be written"]
            .iter()
            .any(|words| verified.all().contains(words));
        assert!(whole, "{size}: {}", verified.all());
    }
}

#[test]
fn the_plan_of_many_files_has_one_digest() {
    let (world, names) = world(30);
    let time = ["--timestamp", "2026-11-01T00:00:00Z"];
    let dry = world.run(&sign(&names, &[&time[..], &["--dry-run"]].concat())).done();
    let digest = dry.stdout.lines().find_map(|line| line.strip_prefix("Plan digest of all 30: ")).unwrap();
    assert!(written(&world).is_empty());
    let wrong = format!("{}@2026-11-01T00:00:00Z", "0".repeat(64));
    let refused = world.run(&sign(&names, &[&time[..], &["--yes", "--plan-digest", &wrong]].concat()));
    assert_eq!(refused.code, 1, "{}", refused.all());
    assert!(written(&world).is_empty());
    world.run(&sign(&names, &[&time[..], &["--yes", "--plan-digest", digest]].concat())).done();
    assert_eq!(written(&world).len(), 30);
}

/// The token fails at different points: the reported files exist and are complete, and they are the first ones of the list.
#[test]
fn a_token_that_fails_in_the_middle_leaves_whole_files() {
    for (nth, code) in [(1, "CKR_DEVICE_ERROR"), (17, "CKR_DEVICE_REMOVED"), (58, "CKR_GENERAL_ERROR")] {
        let (mut world, names) = world(70);
        world.behind_faulty_token();
        let script = format!("fail C_Sign {nth} {code}");
        let (outcome, calls) = world.faulty(&script, &sign(&names, &["--yes"]));
        assert_eq!(outcome.code, 3, "{}", outcome.all());
        assert!(outcome.stderr.contains(code), "{}", outcome.stderr);
        let said = said(&outcome);
        let wanted: Vec<String> = names.iter().take(said.len()).map(|name| result_of(name)).collect();
        assert_eq!(said, wanted, "the first ones");
        assert_eq!(written(&world), wanted.into_iter().collect());
        assert!(said.len() < nth, "{} of {nth}", said.len());
        let words = match said.len() {
            0 => "nothing was written".to_owned(),
            n => format!("{n} files were written, the others were not"),
        };
        assert!(outcome.stderr.contains(&words), "{words}: {}", outcome.stderr);
        assert_eq!(calls.iter().filter(|(name, _)| name == "C_Logout").count(), 1);
        let page = world.run(&["journal", "show", &journal(&world)]).done().stdout;
        assert!(page.contains("failed"), "{page}");
    }
}

/// A file is replaced between the question and the signature.
#[test]
fn a_file_replaced_before_its_signature_is_refused() {
    let (world, names) = world(60);
    let mut command = world.command(&sign(&names, &[]));
    command.env_remove("SASTCTL_PIN_SOURCE").env("TERM", "dumb");
    let mut session = spawn_command(command, Some(20_000)).unwrap();
    session.exp_string("[y/N] ").unwrap();
    std::fs::write(world.path(&names[45]), pki::golden_bytes("token-signed-non-secure.tlv")).unwrap();
    session.send_line("y").unwrap();
    session.exp_string("PIN for SAST token").unwrap();
    session.send_line(PIN).unwrap();
    let rest = session.exp_eof().unwrap();
    assert!(rest.contains("what out/list00045.tlv is made from changed after the plan was shown"), "{rest}");
    assert!(rest.contains("45 files were written, the others were not"), "{rest}");
    let wanted: HashSet<String> = names[..45].iter().map(|name| result_of(name)).collect();
    assert_eq!(written(&world), wanted);
}

/// The disk becomes full during the run: written files are complete, and old files are still there.
#[test]
fn a_disk_that_is_full_in_the_middle_leaves_whole_files() {
    let (mut world, names) = world(60);
    let keep = "mount -t tmpfs -o size=200k none out || exit 99; cp in/list00059.tlv out/; \
                \"$@\"; code=$?; mkdir kept; cp -a out/. kept/; exit $code";
    world.run_inside(&[
        "unshare",
        "-m",
        "sh",
        "-c",
        &format!("cd '{}'; {keep}", world.path("").display()),
        "sh",
    ]);
    let outcome = world.run(&sign(&names, &["--yes"]));
    if outcome.code == 99 || outcome.stderr.contains("unshare failed") {
        skip("no mount namespace can be had here");
        return;
    }
    assert_eq!(outcome.code, 4, "{}", outcome.all());
    assert!(outcome.stderr.contains("No space left on device"), "{}", outcome.stderr);
    let said = said(&outcome);
    assert!(outcome.stderr.contains(&format!("{} files were written, the others were not", said.len())));
    let kept = std::fs::read_dir(world.path("kept")).unwrap();
    let kept: HashSet<String> = kept.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    let mut wanted: HashSet<String> = said.iter().map(|name| name.replace("out/", "")).collect();
    assert!(wanted.len() > 10 && wanted.len() < 60, "{}", wanted.len());
    wanted.insert("list00059.tlv".to_owned());
    assert_eq!(kept, wanted);
    assert!(world.read("kept/list00059.tlv") == pki::golden_bytes("token-signed.tlv"));
    for name in kept.iter().filter(|name| name.ends_with("tlv")) {
        TrustList::decode(world.read(&format!("kept/{name}"))).unwrap().verify().unwrap();
    }
}

/// Standard input and pipes can be read only once, also together with other files.
#[test]
fn pipes_are_signed_together_with_files() {
    let (world, _) = world(1);
    let (second, again) = (pki::golden_bytes("token-signed-non-secure.tlv"), world.path("in/pipe.tlv"));
    std::fs::write(world.path("second.tlv"), &second).unwrap();
    let sign = ["ctl", "sign", "in/list00000.tlv", "--out", "out", "--yes"];
    let outcome = world.run_with_input(&[&sign[..], &["-"], &SIGNER].concat(), &second).done();
    assert_eq!(said(&outcome), ["out/list00000.tlv", "out/CTLFile.tlv"], "the name that its header has");
    assert_eq!(written(&world).len(), 2);

    world.tool("mkfifo", &[again.to_str().unwrap()]);
    let mut writer = world.program("sh", &["-c", "cat second.tlv > in/pipe.tlv"]).spawn().unwrap();
    let outcome = world.run(&[&sign[..], &["in/pipe.tlv"], &SIGNER].concat()).done();
    assert!(writer.wait().unwrap().success());
    assert_eq!(said(&outcome), ["out/list00000.tlv", "out/pipe.tlv"]);
}

/// In a folder, a list from standard input gets the name in its header, if that is a valid file name.
#[test]
fn in_a_folder_standard_input_gets_the_name_from_its_header() {
    let (world, names) = world(1);
    let sign = [&["ctl", "sign", "-", "--out", "out", "--yes"], &SIGNER[..]].concat();
    world.run_with_input(&sign, &world.read(&names[0])).done();
    assert_eq!(written(&world), HashSet::from(["out/CTLFile.tlv".to_owned()]));

    let mut key = pki::KeyFile::open("softhsm-fixtures/SAST-ADN0054f509");
    let record = Record::token(key.certificate(), Style::CtlClient).unwrap();
    for name in ["../CTLFile.tlv", "/CTL.tlv", "a/../CTL.tlv", "..", "CTL\u{1b}[2J.tlv"] {
        let draft = Draft::new(name, vec![record.clone()], pki::options(Digest::Sha1));
        let list = draft.sign(&mut key).unwrap();
        let refused = world.run_with_input(&sign, list.list().bytes());
        assert_eq!(refused.code, 4, "{}", refused.all());
        assert!(refused.stderr.contains("not a plain file name"), "{}", refused.stderr);
        assert!(refused.stderr.contains("--out"), "{}", refused.stderr);
        assert!(!refused.stderr.contains('\u{1b}'), "{}", refused.stderr);
    }
    assert_eq!(written(&world).len(), 1);

    let twice = world.run_with_input(&[&sign[..], &["-"]].concat(), &world.read(&names[0]));
    assert_eq!(twice.code, 2, "{}", twice.all());
    assert!(twice.stderr.contains("standard input"), "{}", twice.stderr);
}
