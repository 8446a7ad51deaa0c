//! Publishing to a cluster: names from outside, wrong folders, and the check of what nodes serve.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use sastctl::cluster::tftp::TftpServer;
use sastctl::trustlist::{Digest, Draft};

use crate::pki::{self, KeyFile};
use crate::support::cluster::{Cluster, SSH_PORT, Ssh, can_run};
use crate::support::{World, without_colours};
use crate::tftp::{acknowledged, data, tftp_server};

/// A node that serves these bytes by TFTP, whatever it is asked for.
fn serving(bytes: Vec<u8>) -> TftpServer {
    tftp_server(move |_, transfer| {
        for (index, block) in bytes.chunks(512).enumerate() {
            let number = u16::try_from(index + 1).unwrap();
            transfer.send(&data(number, block)).unwrap();
            while acknowledged(transfer).is_some_and(|n| n < number) {}
        }
    })
}

/// The tokenless list under another FILENAME, signed anew.
pub fn named(name: &str) -> Vec<u8> {
    let records = pki::golden("tokenless.tlv").list().records().to_vec();
    let mut key = KeyFile::open("tests/testdata/pki/cucm-1051-a-pub");
    let signed = Draft::new(name, records, pki::options(Digest::Sha1)).sign(&mut key).unwrap();
    signed.list().bytes().to_vec()
}

/// Over a serial line no file can be copied or fetched, so publishing could not be proved.
#[test]
fn nothing_is_published_over_a_serial_line() {
    let world = World::new();
    world.place("token-signed.tlv", "new.tlv");
    std::fs::create_dir(world.path("root")).unwrap();
    for more in [&["--alone"][..], &[], &["--alone", "--tftp-root", "root"], &["--alone", "--json"]] {
        let publish = ["cluster", "publish", "new.tlv", "--node", "serial:/dev/ttyUSB0", "--yes"];
        let refused = world.run(&[&publish[..], more].concat());
        assert_eq!(refused.code, 2, "{more:?}: {}", refused.all());
        assert!(refused.stderr.contains("/dev/ttyUSB0 is a serial line"), "{}", refused.stderr);
        assert!(refused.stderr.contains("--node HOST"), "{}", refused.stderr);
        assert_eq!(refused.stdout, "");
    }
    assert!(std::fs::read_dir(world.path("root")).unwrap().next().is_none());
    assert!(!world.path("state/sastctl").exists(), "a run that does not begin has no journal");
}

/// A CUCM node serves the files of its TFTP folder only after a restart of Cisco Tftp: waiting is not enough, and nothing is
/// restarted without a request.
#[test]
fn a_node_that_needs_a_restart_is_reported_at_once() {
    if !can_run() {
        return;
    }
    let world = World::new();
    let cluster = Cluster::start(&world, 2, Ssh::Today);
    world.place("token-signed.tlv", "new.tlv");
    let (publisher, options, ports) = (cluster.publisher(), cluster.options(), Cluster::ports());
    let roots: Vec<String> = (cluster.nodes.iter())
        .map(|node| format!("{}={}", node.address, node.folder.join("tftp").display()))
        .collect();
    let run = |args: &[&str]| {
        let options = options.iter().map(String::as_str);
        world.run(&args.iter().copied().chain(options).collect::<Vec<_>>())
    };
    let publish = || {
        let mut args =
            vec!["cluster", "publish", "new.tlv", "--node", &publisher, "--yes", "--publish-wait=3600"];
        args.extend(ports.iter().map(String::as_str));
        args.extend(roots.iter().flat_map(|root| ["--tftp-root", root]));
        run(&args)
    };
    // A command that waits until the node serves the file would wait an hour.
    let not_yet = publish();
    assert_eq!(not_yet.code, 1, "{}", not_yet.all());
    for node in &cluster.nodes {
        let says = format!("{}:{SSH_PORT}: copied to the node, but not served yet", node.address);
        assert!(not_yet.stderr.contains(&says), "{}", not_yet.stderr);
        assert!(node.disk_ctl() == Some(pki::golden_bytes("token-signed.tlv")));
        assert!(!node.told().iter().any(|command| command.contains("restart")), "{:?}", node.told());
    }
    let restart = format!("sastctl cluster restart --node {publisher}");
    assert!(not_yet.stderr.contains(&restart), "{}", not_yet.stderr);
    run(&["cluster", "restart", "--node", &publisher, "--yes"]).done();
    let served = publish().done();
    assert_eq!(served.stdout.matches("serves it, MD5").count(), 2, "{}", served.all());
}

/// The writer of the list chooses FILENAME: it must be a file in the TFTP folder.
#[test]
fn a_list_with_a_path_outside_the_tftp_folder_is_not_published() {
    let world = World::new();
    std::fs::create_dir(world.path("root")).unwrap();
    let absolute = world.path("x.tlv").display().to_string();
    for name in ["../x.tlv", &absolute, "below/../x.tlv", "..\\x.tlv", "..", ".hidden.tlv"] {
        std::fs::write(world.path("evil.tlv"), named(name)).unwrap();
        // A server that serves it would wrongly confirm the publication.
        let server = serving(named(name));
        let refused = world.run(&[
            "cluster",
            "publish",
            "evil.tlv",
            "--node",
            "127.0.0.1",
            "--alone",
            "--yes",
            "--tftp-root",
            "root",
            "--tftp-port",
            &server.port.to_string(),
        ]);
        assert_eq!(refused.code, 4, "{name:?}: {}", refused.all());
        assert!(refused.stderr.contains("is not the name of a TFTP file"), "{}", refused.stderr);
        assert!(refused.stderr.contains("nothing was published"), "{}", refused.stderr);
        assert_eq!(world.files(), ["evil.tlv", "root"], "{name:?}");
        assert!(std::fs::read_dir(world.path("root")).unwrap().next().is_none(), "{name:?}");
    }
    assert!(!world.path("state/sastctl").exists(), "a run that does not begin has no journal");
}

/// A file outside the TFTP folder is not requested either.
#[test]
fn a_file_outside_the_tftp_folder_is_not_fetched() {
    let world = World::new();
    let server = serving(pki::golden_bytes("tokenless.tlv"));
    for name in ["../x.tlv", "/etc/passwd", "CTLFile.tlv\n", ""] {
        let port = server.port.to_string();
        let fetch = ["cluster", "fetch", "--node", "127.0.0.1", "--alone", "--tftp-port", &port];
        let refused = world.run(&[&fetch[..], &["--file", "CTLFile.tlv", "--file", name]].concat());
        assert_eq!(refused.code, 2, "{name:?}: {}", refused.all());
        assert!(refused.stderr.contains("is not the name of a TFTP file"), "{}", refused.stderr);
        assert!(world.files().is_empty(), "before anything is fetched: {:?}", world.files());
    }
}

#[test]
fn a_file_in_a_folder_of_the_tftp_root_is_fetched() {
    let world = World::new();
    let port = serving(pki::golden_bytes("tokenless.tlv")).port.to_string();
    let name = "Desktops/320x212x16/List.xml.sgn";
    let fetch = ["cluster", "fetch", "--node", "127.0.0.1", "--alone", "--tftp-port", &port, "--file", name];
    let fetched = world.run(&[&fetch[..], &["--out", "out"]].concat());
    let there = std::fs::read(world.path("out").join(name));
    assert!(there.is_ok_and(|bytes| bytes == pki::golden_bytes("tokenless.tlv")), "{}", fetched.all());
}

/// A list whose names contain escape sequences: TFTP is not authenticated, so anybody can send one.
fn evil() -> Vec<u8> {
    let mut bytes = pki::golden_bytes("tokenless.tlv");
    let name = b"CN=cucm-1051-a-pub";
    let places: Vec<usize> =
        bytes.windows(name.len()).enumerate().filter(|(_, w)| w == name).map(|(at, _)| at + 3).collect();
    assert!(places.len() > 1, "the signer and a record");
    for at in places {
        bytes[at..at + 4].copy_from_slice("\x1b\u{202e}".as_bytes());
    }
    bytes
}

#[test]
fn escape_sequences_in_a_fetched_list_do_not_reach_the_terminal() {
    let world = World::new();
    let port = serving(evil()).port.to_string();
    let fetch =
        ["--color", "always", "cluster", "fetch", "--node", "127.0.0.1", "--alone", "--tftp-port", &port];
    let fetched = world.run(&[&fetch[..], &["--file", "CTLFile.tlv"]].concat());
    assert!(fetched.stdout.contains("not verified: "), "{}", fetched.all());
    assert!(fetched.stdout.contains("\\u{1b}\\u{202e}"), "{}", fetched.all());
    assert!(!without_colours(&fetched.all()).contains(['\x1b', '\u{202e}']), "{:?}", fetched.all());
}

#[test]
fn escape_sequences_in_a_certificate_do_not_reach_the_terminal() {
    let world = World::new();
    let mut der = pki::read("softhsm-fixtures/SAST-ADN008580ef.der");
    let name = b"SAST-ADN008580ef";
    let places: Vec<usize> =
        der.windows(name.len()).enumerate().filter(|(_, w)| w == name).map(|(at, _)| at).collect();
    places.iter().for_each(|at| der[*at..*at + 4].copy_from_slice(b"\x1b[2J"));
    std::fs::write(world.path("evil.der"), der).unwrap();
    let trust = ["cluster", "trust", "evil.der", "--node", "127.0.0.1", "--by", "hand", "--no-tvs"];
    let done = world.run(&[&["--color", "always"], &trust[..]].concat()).done();
    assert!(done.stderr.contains("file \\u{1b}[2J-ADN008580ef.cer"), "{}", done.all());
    assert!(!without_colours(&done.all()).contains('\x1b'), "{:?}", done.all());
}

#[test]
fn escape_sequences_in_the_lists_of_a_cluster_do_not_reach_the_terminal() {
    if !can_run() {
        return;
    }
    let world = World::new();
    let cluster = Cluster::start(&world, 2, Ssh::Today);
    let publisher = cluster.publisher();
    let all = |words: &[&str]| {
        let (options, ports) = (cluster.options(), Cluster::ports());
        let more = options.iter().chain(&ports).map(String::as_str);
        let args: Vec<&str> = ["--color", "always"].iter().chain(words).copied().chain(more).collect();
        world.run(&args)
    };
    cluster.nodes[0].put("CTLFile.tlv", &evil());
    let status = all(&["cluster", "status", &publisher]);
    assert!(status.stdout.contains("\\u{1b}\\u{202e}"), "{}", status.all());
    assert!(!without_colours(&status.all()).contains(['\x1b', '\u{202e}']), "{:?}", status.all());
    // The words of the second node are in an error.
    cluster.nodes[0].put("CTLFile.tlv", &pki::golden_bytes("tokenless.tlv"));
    cluster.nodes[1].put("CTLFile.tlv", &evil());
    let fetched = all(&["cluster", "fetch", "--node", &publisher, "--file", "CTLFile.tlv"]);
    assert!(fetched.stderr.contains("has another CTLFile.tlv than"), "{}", fetched.all());
    assert!(fetched.stderr.contains("\\u{1b}\\u{202e}"), "{}", fetched.all());
    assert!(!without_colours(&fetched.all()).contains(['\x1b', '\u{202e}']), "{:?}", fetched.all());
}

/// A folder whose name is not UTF-8: the result is reported, in JSON too.
#[test]
fn folders_whose_names_are_not_utf8_are_reported() {
    let world = World::new();
    let port = serving(pki::golden_bytes("token-signed.tlv")).port.to_string();
    let odd = OsStr::from_bytes(b"odd\xff");
    let run = |args: &[&str], option: &str| {
        let output = world.command(args).arg(option).arg(odd).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{stderr}");
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        document
    };
    let node = ["--node", "127.0.0.1", "--alone", "--tftp-port", &port];
    let fetch = [&["cluster", "fetch", "--json", "--file", "CTLFile.tlv"][..], &node].concat();
    let fetched = run(&fetch, "--out");
    assert_eq!(fetched["written"][0]["file"], "odd\u{fffd}/CTLFile.tlv");
    let again = run(&[&fetch[..], &["--force"]].concat(), "--out");
    let kept = again["written"][0]["kept_old_as"].as_str().unwrap();
    assert!(kept.ends_with("/odd\u{fffd}/CTLFile.tlv.bak"), "{kept}");

    world.place("token-signed.tlv", "new.tlv");
    std::fs::create_dir(world.path("root")).unwrap();
    let publish = ["cluster", "publish", "new.tlv", "--json", "--yes", "--tftp-root", "root"];
    let published = run(&[&publish[..], &node].concat(), "--journal");
    let journal = published["journal"].as_str().unwrap();
    assert!(journal.starts_with("odd\u{fffd}/"), "{journal}");
    assert!(world.path("root/CTLFile.tlv").exists());
}
