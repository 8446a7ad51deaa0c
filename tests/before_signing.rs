//! What is printed before a signature is true, and the advice of an error can be followed.

use crate::pki;
use crate::support::{Outcome, World};

const A: &str = "SAST-ADN008580ef";
const B: &str = "SAST-ADN0054f509";
const TIME: &str = "2015-03-06T22:53:33+01:00";

fn world(golden: &str) -> World {
    let world = World::with_tokens();
    world.place(golden, "CTLFile.tlv");
    world
}

fn run(world: &World, words: &str, more: &[&str]) -> Outcome {
    let words: Vec<&str> = words.split(' ').collect();
    world.run(&[&words[..], more].concat())
}

/// A list that is signed again with default options loses other values of its header: a warning, and a difference.
#[test]
fn a_dry_run_shows_the_changes_of_the_header() {
    let world = world("token-signed.tlv");
    let new = ["--token", A, "--timestamp", TIME, "--yes", "--digest", "sha512", "--signer-version", "1.1"];
    run(&world, "ctl sign CTLFile.tlv", &[&new[..], &["--out", "CTLFile.tlv"]].concat()).done();
    let again = ["--token", A, "--timestamp", TIME, "--dry-run"];
    let planned = run(&world, "ctl sign CTLFile.tlv", &again).done();
    for line in ["  signer version: 1.1 → none\n", "  digest: SHA-512 → SHA-1\n"] {
        assert!(planned.stdout.contains(line), "{}", planned.stdout);
    }
    assert!(!planned.stdout.contains("the same header"), "{}", planned.stdout);
    assert!(planned.stderr.contains("from SHA-512 to SHA-1: --digest sha512 keeps it"), "{}", planned.stderr);
    assert!(planned.stderr.contains("--signer-version 1.1 keeps it"), "{}", planned.stderr);
    let kept = run(&world, "ctl sign CTLFile.tlv", &[&again[..], &new[5..]].concat()).done();
    assert!(kept.stdout.contains("the same records and the same header"), "{}", kept.stdout);
    assert!(!kept.stderr.contains("keeps it"), "{}", kept.stderr);
    let json = run(&world, "ctl sign CTLFile.tlv --json", &again).done().json();
    assert_eq!(json["plans"][0]["difference"]["changes"][0]["field"], "signer version");
}

/// No deletion on phones, other signer or TVS helps with a list that no phone loads.
#[test]
fn for_a_list_that_is_too_large_the_advice_is_to_remove_records() {
    let world = world("tokenless.tlv");
    let certificate = pki::path("tests/testdata/pki/cucm8-callmanager.der").display().to_string();
    let servers: Vec<String> =
        (1..=62).map(|n| format!("--add-server=tftp:10.0.0.{n}:{certificate}")).collect();
    let servers: Vec<&str> = servers.iter().map(String::as_str).collect();
    let revert = ["--token", A, "--spare", B, "--out", "large.tlv"];
    let planned = run(&world, "revert CTLFile.tlv --dry-run", &[&revert[..], &servers].concat()).done();
    assert!(planned.stdout.contains("  1. remove records: no phone loads"), "{}", planned.stdout);
    assert!(!planned.all().contains("by hand on phones"), "{}", planned.stdout);
    assert!(!planned.all().contains("must be deleted by hand"), "{}", planned.stdout);
    run(&world, "revert CTLFile.tlv --yes", &[&revert[..], &servers].concat()).done();
    let checked = run(&world, "ctl check large.tlv --installed-ctl CTLFile.tlv", &[]);
    assert_eq!(checked.code, 1);
    assert!(checked.stderr.contains("help: remove records"), "{}", checked.stderr);
    assert!(!checked.stderr.contains("ctl ways"), "{}", checked.stderr);
}

/// The most likely mistake of the main task: the hint names the right command.
#[test]
fn for_a_tokenless_list_the_advice_is_revert() {
    let world = world("tokenless.tlv");
    for words in ["ctl update CTLFile.tlv --yes --add-token SAST-ADN0054f509", "ctl sign CTLFile.tlv --yes"] {
        let refused = run(&world, words, &["--token", A]);
        assert_eq!(refused.code, 1, "{}", refused.all());
        assert!(refused.stderr.contains("sastctl revert FILE --token … --spare …"), "{}", refused.stderr);
        assert!(refused.stderr.contains("possible procedures: tvs, bridge"), "{}", refused.stderr);
        assert!(!refused.stderr.contains("insert one of these"), "{}", refused.stderr);
    }
    world.place("itl.tlv", "ITLFile.tlv");
    let refused = run(&world, "ctl sign ITLFile.tlv --yes", &["--token", A]);
    assert!(
        refused.stderr.contains("the nodes of a cluster sign their ITL themselves"),
        "{}",
        refused.stderr
    );
    assert!(!refused.stderr.contains("ctl ways"), "{}", refused.stderr);
}

/// If --add-server names an existing server, the advised option renews its certificate, with any subject.
#[test]
fn a_certificate_of_another_subject_goes_to_the_given_server() {
    let world = world("token-signed.tlv");
    let new = pki::path("tests/testdata/pki/cucm8-callmanager.der").display().to_string();
    let update = |option: &str, value: &str| {
        run(&world, "ctl update CTLFile.tlv --dry-run", &["--token", A, option, value])
    };
    let there = update("--add-server", &format!("ccm+tftp:10.48.47.155:{new}"));
    assert!(there.stderr.contains("--refresh ccm+tftp:10.48.47.155=CERTFILE renews"), "{}", there.stderr);
    let slip = update("--refresh", &format!("10.48.47.155={new}"));
    assert_eq!(slip.code, 1, "{}", slip.all());
    assert!(slip.stderr.contains("CAPF-e41e7d87"), "{}", slip.stderr);
    assert!(
        slip.stderr.contains("replace the old one: --refresh ccm+tftp:10.48.47.155=CERTFILE"),
        "{}",
        slip.stderr
    );
    let meant = update("--refresh", &format!("ccm+tftp:10.48.47.155={new}")).done();
    let changed: Vec<&str> = meant.stdout.lines().filter(|line| line.starts_with("  ~ ")).collect();
    assert!(matches!(changed[..], [one] if one.contains("takes the new certificate")), "{}", meant.stdout);
    let taken = run(
        &world,
        "ctl update CTLFile.tlv --yes --out taken.tlv",
        &["--token", A, "--refresh", &format!("ccm+tftp:10.48.47.155={new}")],
    );
    taken.done();
    let list = sastctl::trustlist::TrustList::decode(world.read("taken.tlv")).unwrap();
    let named: Vec<String> = list.records()[1..4].iter().map(|record| record.short_name()).collect();
    assert_eq!(named, ["CUCM8-Publisher.bbbburns.lab", "CAPF-e41e7d87", "cucm-1051-a-sub1"]);
    let nowhere = update("--refresh", &format!("tftp:10.48.47.155={new}"));
    assert!(nowhere.stderr.contains("no record matches \"TFTP:10.48.47.155\""), "{}", nowhere.stderr);
}

/// If a new certificate matches two records of a server, the advised commands work.
#[test]
fn one_of_two_matching_records_can_be_selected() {
    let world = world("token-signed.tlv");
    let path = |name: &str| pki::path(&format!("tests/testdata/pki/{name}.der")).display().to_string();
    let server = |name: &str| {
        let path = path(name);
        format!("[[server]]\nfunction = 'CCM+TFTP'\naddress = '10.48.47.155'\ncertificate = '{path}'\n")
    };
    std::fs::write(world.path("two.toml"), server("cucm-1051-a-pub") + &server("cucm-1051-a-sub1")).unwrap();
    let tokens = ["--token", A, "--spare", B, "--out", "two.tlv", "--yes"];
    run(&world, "ctl create --cluster two.toml", &tokens).done();
    let new = path("cucm8-callmanager");
    let renewed = format!("ccm+tftp:10.48.47.155={new}");
    let which = run(&world, "ctl update two.tlv --yes", &["--token", A, "--refresh", &renewed]);
    insta::assert_snapshot!(which.all());
    let added = format!("ccm+tftp:10.48.47.155:{new}");
    let told = ["--token", A, "--remove-server", "ccm+tftp:10.48.47.155", "--add-server", &added];
    run(&world, "ctl update two.tlv --in-place --yes", &told).done();
    let list = sastctl::trustlist::TrustList::decode(world.read("two.tlv")).unwrap();
    let servers = list.records().iter().filter(|r| r.function() == sastctl::trustlist::Function::CCM_TFTP);
    assert_eq!(servers.map(|r| r.short_name()).collect::<Vec<_>>(), ["CUCM8-Publisher.bbbburns.lab"]);
}

/// The message names the record without a certificate, and where to give it.
#[test]
fn a_missing_certificate_is_reported_with_the_place_to_give_it() {
    let world = world("token-signed.tlv");
    let server = |function: &str| format!("[[server]]\nfunction = '{function}'\naddress = '10.48.47.155'\n");
    let cluster = format!("mode = 'non-secure'\n{}{}", server("CCM+TFTP"), server("CAPF"));
    std::fs::write(world.path("cluster.toml"), cluster).unwrap();
    let first = ["--token", A, "--spare", B, "--out", "first.tlv", "--yes"];
    let refused = run(&world, "ctl create --cluster cluster.toml", &first);
    assert!(
        refused.stderr.contains("the CAPF record of 10.48.47.155 needs a certificate"),
        "{}",
        refused.stderr
    );
    assert!(
        refused.stderr.contains("in its [[server]]") && !refused.stderr.contains("--refresh"),
        "{}",
        refused.stderr
    );

    let cucm = format!("mode = 'non-secure'\nstyle = 'cucm'\n{}host = 'pub'\n", server("CCM+TFTP"));
    std::fs::write(world.path("cluster.toml"), cucm).unwrap();
    run(&world, "ctl create --cluster cluster.toml", &first).done();
    let mixed = run(&world, "ctl update first.tlv --set-mode mixed", &["--token", A, "--yes"]);
    assert!(mixed.stderr.contains("--refresh 10.48.47.155=CERTFILE"), "{}", mixed.stderr);
}

/// A SAST token signs configuration files, too; phones check them with other certificates.
#[test]
fn a_signed_configuration_file_comes_with_its_warnings() {
    let world = world("token-signed.tlv");
    std::fs::write(world.path("SEP001122334455.cnf.xml"), "<device/>\n").unwrap();
    let sign = run(&world, "ctl sign SEP001122334455.cnf.xml --yes --digest sha512", &["--token", A]).done();
    for says in [
        "CCM+TFTP and TFTP certificates of their lists",
        "expired on",
        "RSA 1024",
        "not every phone accepts it",
    ] {
        assert!(sign.stderr.contains(says), "{says}: {}", sign.stderr);
    }
}
