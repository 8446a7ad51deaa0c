//! A page for others: nothing on it names a node, a person, a token, a certificate, a phone or a place.

use sastctl::trustlist::{TrustFile, TrustList, digest};
use sastctl::workflow::cluster_run::{Part, RunKind, Step};
use sastctl::workflow::journal::{Event, FileFingerprint, Journal, Outcome, RunId};

use super::{REVERT, journal, world};
use crate::pki;
use crate::support::World;

/// The page in every form: Markdown, HTML, JSON.
fn pages(world: &World, path: &str) -> [String; 3] {
    let show =
        |more: &[&str]| world.run(&[&["journal", "show", path, "--redact"], more].concat()).done().stdout;
    [show(&[]), show(&["--html", "-"]), show(&["--json"])]
}

/// What the records of a list name.
fn names(list: &TrustList) -> Vec<String> {
    let mut names = vec![list.header().signer_short_name()];
    for record in list.records() {
        let serial = record.signer_id().serial;
        let address = record.ip_address().filter(|ip| !ip.is_unspecified()).map(|ip| ip.to_string());
        let texts = [record.dns_name(), record.subject_name(), record.issuer_name(), address];
        names.extend(texts.into_iter().flatten());
        names.extend([record.short_name(), digest::hex(&serial, ""), digest::hex(&serial, ":")]);
    }
    names
}

fn assert_none(page: &str, names: &[String]) {
    let page = page.to_lowercase();
    for name in names.iter().filter(|name| name.len() > 2) {
        assert!(!page.contains(&name.to_lowercase()), "{name} is on the page:\n{page}");
    }
    // Nothing that could be a file in Base64, where a name could hide.
    let longest = page.split(|c: char| !(c.is_ascii_alphanumeric() || "+/=".contains(c))).map(str::len).max();
    assert!(longest.unwrap() <= 64, "{longest:?}");
}

#[test]
fn no_name_of_a_run_is_on_a_redacted_page_and_every_checksum_is() {
    let mut world = world();
    world.set("SASTCTL_CHANGE", "CHG7 of SAST-ADN008580ef on cucm.example.com");
    let out = world.path("Acme Ltd.tlv").display().to_string();
    world.run(&[&REVERT[..], &["--out", &out]].concat()).done();
    let (path, bytes) = journal(&world);
    let plain = world.run(&["journal", "show", "--json"]).done().json();
    let event = |name: &str| {
        plain["lines"].as_array().unwrap().iter().find(|line| line["event"] == name).unwrap().clone()
    };
    let mut secret: Vec<String> = ["tokenless.tlv", "token-signed.tlv"]
        .map(pki::golden_bytes)
        .into_iter()
        .flat_map(|bytes| {
            let TrustFile::List(list) = TrustFile::decode(bytes).unwrap() else { panic!("a list") };
            names(&list)
        })
        .collect();
    let text = |event: &serde_json::Value, key: &str| event[key].as_str().unwrap().to_owned();
    secret.extend(["label", "serial", "name"].map(|key| text(&event("token"), key)));
    secret.extend([text(&event("start"), "operator"), "Acme".to_owned(), "cucm.example.com".to_owned()]);
    secret.push(world.path("").display().to_string().trim_end_matches('/').to_owned());
    assert!(secret.iter().any(|name| name == "cucm-1051-a-sub1") && bytes.len() > 1000);
    let sums = ["md5", "sha1"].map(|key| text(&event("output"), key));
    let [markdown, html, json] = pages(&world, &path);
    for page in [&markdown, &html, &json] {
        assert_none(page, &secret);
        assert!(sums.iter().all(|sum| page.contains(sum)), "{page}");
        assert!(page.contains("token A") && page.contains("node 1"), "{page}");
        assert!(page.contains(event("plan")["digest"].as_str().unwrap()), "{page}");
    }
    assert!(html.contains("27 34 5A 32 76 45 D8 BE<br>62 EA 7F 26 FC 9E 34 C0<br>93 FF AC F8"), "{html}");
    assert!(html.contains("<td>CCM+TFTP</td><td>node 1</td><td>node 1</td>"), "{html}");
    assert!(html.contains("Before: CTLFile.tlv") && html.contains("After: file "), "{html}");
    assert!(html.contains("sastctl revert … --token … --spare …") && !html.contains("Local time"), "{html}");
}

/// What only texts name: addresses, hosts, phones, users, places.
#[test]
fn names_within_sentences_are_left_out_too() {
    let world = World::new();
    let mut journal = Journal::create(&world.path("runs"), "acme", "2026-11-21T08:18:43Z").unwrap();
    let file = FileFingerprint::of("/srv/acme/SEP0011AABBCCDD.cnf.xml.sgn", b"x");
    let part = |node: &str| Some(Part { service: None, node: node.to_owned() });
    let says = "anna@pub.acme.example (10.9.8.7, fe80::9:8) said no for SEP0011aabbccdd; see /home/anna/notes on PUB1";
    let events = [
        Event::Start {
            version: "0.1.0".to_owned(),
            command: ["/home/anna/sastctl", "revert", "--node", "ssh://anna@acme-pub", "--tvs=acme-tvs"]
                .map(str::to_owned)
                .to_vec(),
            operator: "anna (uid 1000)".to_owned(),
            host: "pc".to_owned(),
            change: None,
        },
        Event::Run(RunId {
            node: "acme-pub:2222".to_owned(),
            folder: "/home/anna/run".to_owned(),
            kind: RunKind::Revert,
        }),
        Event::input("in force", None, file),
        Event::step(Step::Publish, part("pub1"), says, Some(false)),
        Event::End {
            outcome: Outcome::Failed,
            says: "C:\\Users\\anna\\x.tlv on PC: no space on the CPC".to_owned(),
        },
    ];
    events.into_iter().for_each(|event| journal.add_at("2026-11-21T08:18:43Z", event).unwrap());
    let secret = ["anna", "acme", "10.9.8.7", "fe80", "0011aabbccdd", "pub1", "/home", "/srv", "uid 1000"];
    for page in pages(&world, journal.path().to_str().unwrap()) {
        assert_none(&page, &secret.map(str::to_owned));
        assert!(page.contains("on host 1: no space on the CPC"), "only the whole of a short name: {page}");
    }
}
