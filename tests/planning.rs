//! Plans: refused by the CTL Client's rules, forced, confirmed by digest, and the procedures (`ctl ways`).

use sastctl::phone::Reason;

use crate::pki;
use crate::support::{Outcome, World};

fn world(golden: &str) -> World {
    let world = World::with_tokens();
    world.place(golden, "CTLFile.tlv");
    world.new_token("Third token", "tests/testdata/keys/rsa2048");
    world
}

fn update(world: &World, more: &[&str]) -> Outcome {
    world.run(&[&["ctl", "update", "CTLFile.tlv", "--out", "new.tlv"], more].concat())
}

#[test]
fn a_signer_that_is_not_in_force_is_refused_unless_the_operator_insists() {
    let world = world("token-signed.tlv");
    let refused = update(&world, &["--token", "Third token", "--remove-token", "SAST-ADN0054f509"]);
    insta::assert_snapshot!(refused.all());

    let forced =
        update(&world, &["--token", "Third token", "--remove-token", "SAST-ADN0054f509", "--force"]).done();
    assert!(
        forced.stderr.contains("warning: forced: SAST-RSA2048 is not in the list in force"),
        "{}",
        forced.stderr
    );
    assert!(
        forced
            .stdout
            .contains("7940, 7960, Jabber, …    refuse: SAST-RSA2048 is not a trusted signer (SAST)"),
        "{}",
        forced.stdout
    );
    world.run(&["ctl", "verify", "new.tlv"]).done();
    let list = world.run(&["ctl", "show", "new.tlv", "--json"]).done().json();
    assert_eq!(list["signed_by"], "SAST-RSA2048");
    let page = world.run(&["journal", "show"]).done().stdout;
    assert!(page.contains("forced: SAST-RSA2048"), "never silently: {page}");
}

#[test]
fn one_token_is_refused_unless_the_operator_insists() {
    let world = world("tokenless.tlv");
    let revert =
        |more: &[&str]| world.run(&[&["revert", "CTLFile.tlv", "--token", "SAST token A"], more].concat());
    assert_eq!(revert(&[]).code, 1);
    let forced = revert(&["--force"]).done();
    assert!(forced.stderr.contains("warning: there is only one SAST record"), "{}", forced.stderr);
}

#[test]
fn the_last_sast_cannot_be_removed() {
    let world = world("tokenless.tlv");
    let single = ["revert", "CTLFile.tlv", "--token", "SAST token A", "--single-token", "--out", "one.tlv"];
    world.run(&single).done();
    let refused = world.run(&[
        "ctl",
        "update",
        "one.tlv",
        "--token",
        "SAST token A",
        "--remove-token",
        "SAST-ADN008580ef",
    ]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("it is the last SAST"), "{}", refused.stderr);
}

/// Of a configuration file, too, the digest names the signer, the digest and the time.
#[test]
fn the_digest_of_a_configuration_file_binds_its_signature() {
    let world = world("token-signed.tlv");
    std::fs::write(world.path("SEP001122334455.cnf.xml"), "<device/>").unwrap();
    let sign = |more: &[&str]| world.run(&[&["ctl", "sign", "SEP001122334455.cnf.xml"][..], more].concat());
    let digest = |more: &[&str]| {
        let shown = sign(&[more, &["--dry-run", "--json"]].concat()).done().json();
        shown["plans"][0]["digest"].as_str().unwrap().to_owned()
    };
    let usual = ["--token=SAST token A", "--timestamp=2026-01-01T00:00:00Z"];
    let wanted = digest(&usual);
    for other in [
        &["--token=SAST token B", "--timestamp=2026-01-01T00:00:00Z"][..],
        &["--token=SAST token A", "--timestamp=2026-01-01T00:00:01Z"],
        &["--token=SAST token A", "--timestamp=2026-01-01T00:00:00Z", "--digest=sha512"],
    ] {
        assert_ne!(digest(other), wanted, "{other:?}");
        assert_eq!(sign(&[other, &["--yes", "--plan-digest", &wanted]].concat()).code, 1, "{other:?}");
    }
    sign(&[&usual[..], &["--yes", "--plan-digest", &wanted]].concat()).done();
}

/// One person plans, another signs exactly that plan.
#[test]
fn only_the_plan_that_was_shown_is_signed() {
    let world = world("token-signed.tlv");
    let edit = ["--token", "SAST token A", "--set-mode", "non-secure", "--timestamp", "2026-01-01T00:00:00Z"];
    let planned = update(&world, &[&edit[..], &["--dry-run", "--json"]].concat()).done().json();
    let digest = planned["plans"][0]["digest"].as_str().unwrap().to_owned();
    assert_eq!(planned["plans"][0]["phones"][0]["decision"], "accepts");
    assert!(!planned["plans"][0]["by_hand"].as_array().unwrap().is_empty());

    let mut other = edit;
    other[5] = "2026-01-01T00:00:01Z";
    let refused = update(&world, &[&other[..], &["--plan-digest", &digest]].concat());
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("does not have the digest of --plan-digest"), "{}", refused.stderr);
    assert_eq!(world.files(), ["CTLFile.tlv"]);
    update(&world, &[&edit[..], &["--plan-digest", &digest]].concat()).done();
    let journal = world.run(&["journal", "show"]).done().stdout;
    assert!(journal.contains(&digest), "the journal names the plan");
}

#[test]
fn servers_can_be_added_with_the_first_list_of_tokens() {
    let world = world("tokenless.tlv");
    std::fs::copy(pki::path("tests/testdata/keys/rsa2048.der"), world.path("alt.cer")).unwrap();
    let args = ["revert", "CTLFile.tlv", "--token", "SAST token A", "--spare", "SAST token B"];
    let more = ["--add-server", "tftp:10.48.47.160:alt.cer", "--remove-server", "capf:10.48.47.155"];
    world.run(&[&args[..], &more].concat()).done();
    let list = world.run(&["ctl", "show", "CTLFile.new.tlv", "--json"]).done().json();
    let functions: Vec<&str> =
        list["records"].as_array().unwrap().iter().map(|r| r["function"].as_str().unwrap()).collect();
    assert_eq!(functions, ["SAST", "CCM+TFTP", "CCM+TFTP", "TFTP", "SAST"]);
}

#[test]
fn ways_are_computed_from_the_list() {
    let world = World::new();
    world.place("tokenless.tlv", "tokenless.tlv");
    world.place("token-signed.tlv", "tokens.tlv");
    insta::assert_snapshot!(
        "ways_from_tokenless",
        world.run(&["ctl", "ways", "tokenless.tlv"]).done().stdout
    );
    insta::assert_snapshot!("ways_from_tokens", world.run(&["ctl", "ways", "tokens.tlv"]).done().stdout);
    let unknown = world.run(&["ctl", "ways", "tokenless.tlv", "to-hsm"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.stderr.contains("possible  tvs, bridge"), "{}", unknown.stderr);
}

/// A procedure that the release does not support is not offered, and the requirements are named first.
#[test]
fn ways_depend_on_the_release() {
    let world = World::new();
    world.place("tokenless.tlv", "tokenless.tlv");
    world.place("token-signed.tlv", "tokens.tlv");
    let ways = |args: &[&str]| world.run(&[&["ctl", "ways"], args].concat()).done().stdout;
    let old = ways(&["tokenless.tlv", "--release", "9.1.2.10000-28"]);
    assert!(old.contains("not possible: release 9.1.2.10000-28 has no `utils ctl` command"), "{old}");
    assert!(old.contains("revert tokenless.tlv --token SIGNER --spare OTHER --release 9.1.2"), "{old}");
    assert!(!old.contains("utils ctl update"), "{old}");
    let old = ways(&["tokens.tlv", "to-tokenless", "--release", "9.1"]);
    assert!(old.contains("not possible"), "{old}");
    for (release, licence) in
        [("11.5.1.13900-52", "Prime License Manager 11.5(1)SU2"), ("12.5", "export-controlled")]
    {
        let before = ways(&["tokenless.tlv", "--release", release]);
        assert!(before.contains(licence), "{before}");
    }
    let new = ways(&["tokenless.tlv", "--release", "15.0.1.11900-40"]);
    assert!(new.contains("no public source says whether Cisco Tftp serves"), "{new}");
    let json = world.run(&["ctl", "ways", "tokenless.tlv", "--release", "9.1", "--json"]).done().json();
    assert!(json["before"].as_array().unwrap().iter().any(|f| f["subject"] == "release"), "{json}");
    assert!(json["ways"][1]["closed"].as_str().unwrap().contains("no `utils ctl`"));
    let by_tvs = &world.run(&["ctl", "ways", "tokenless.tlv", "tvs", "--json"]).done().json()["ways"][0];
    let phones = &by_tvs["steps"][1]["phones"];
    assert_eq!(phones[0]["class"], "security-by-default");
    assert_eq!([&phones[0]["decision"], &phones[0]["by"]], ["accepts", "tvs"]);
    assert_eq!([&phones[1]["class"], &phones[1]["decision"]], ["without-tvs", "refuses"]);
    assert!(phones[1]["says"].as_str().unwrap().starts_with("refuse: "), "{phones}");
    // From 12.0 on ITLRecovery signs, which this list does not name; before, CallManager, which TVS knows by itself.
    let twelve = ways(&["tokens.tlv", "to-tokenless", "--release", "12.0"]);
    assert!(twelve.contains("first: phones have a token-signed list with the ITLRecovery"), "{twelve}");
    assert!(twelve.contains("own certificate (ITLRecovery), and the list must contain no token"), "{twelve}");
    let ten = ways(&["tokens.tlv", "to-tokenless", "--release", "10.5"]);
    assert!(ten.contains("own certificate (CCM+TFTP), and the list must contain no token"), "{ten}");
    assert!(!ten.contains("accept, if TVS"), "its own certificate is no condition: {ten}");
    assert_eq!(world.run(&["ctl", "ways", "tokens.tlv", "--release", "new"]).code, 2);
}

/// A list that already contains the tokens: `ctl ways` and `revert` report the same about phones.
#[test]
fn the_way_from_a_bridge_agrees_with_revert() {
    let world = World::with_tokens();
    let mut records = pki::golden("tokenless.tlv").list().records().to_vec();
    for name in ["SAST-ADN0054f509", "SAST-ADN008580ef"] {
        let token = pki::token(name);
        records.push(sastctl::trustlist::Record::token(&token, token.sast_style()).unwrap());
    }
    let mut key = pki::KeyFile::open("tests/testdata/pki/cucm-1051-a-pub");
    let options = pki::options(sastctl::trustlist::Digest::Sha1);
    let bridge = sastctl::trustlist::Draft::new("CTLFile.tlv", records, options).sign(&mut key).unwrap();
    std::fs::write(world.path("bridge.tlv"), bridge.list().bytes()).unwrap();
    let way = world.run(&["ctl", "ways", "bridge.tlv", "--json"]).done().json();
    let names: Vec<_> = way["ways"].as_array().unwrap().iter().map(|w| w["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["bridge", "expiring"], "{way}");
    let steps = way["ways"][0]["steps"].as_array().unwrap();
    let step = steps.iter().find(|s| s["command"].as_str().is_some_and(|c| c.contains("revert"))).unwrap();
    let command: Vec<&str> = step["command"].as_str().unwrap().split_whitespace().skip(1).collect();
    let said = world.run(&[&command[..], &["--dry-run"]].concat()).done().stdout;
    for class in step["phones"].as_array().unwrap() {
        assert!(said.contains(class["says"].as_str().unwrap()), "{class} is not in {said}");
    }
    assert!(said.contains("7940, 7960, Jabber, …    accept"), "{said}");
}

/// The two steps to an HSM, both accepted by phones.
#[test]
fn phones_accept_the_change_to_an_hsm_in_two_steps() {
    let world = world("token-signed.tlv");
    let check = |new: &str, old: &str| world.run(&["ctl", "check", new, "--installed-ctl", old]);
    world
        .run(&[
            "ctl",
            "update",
            "CTLFile.tlv",
            "--token",
            "SAST token A",
            "--add-token",
            "Third token",
            "--out",
            "1.tlv",
        ])
        .done();
    check("1.tlv", "CTLFile.tlv").done();
    let second = ["ctl", "update", "1.tlv", "--token", "Third token", "--remove-token", "SAST-ADN008580ef"];
    world.run(&[&second[..], &["--out", "2.tlv"]].concat()).done();
    check("2.tlv", "1.tlv").done();
    let straight = check("2.tlv", "CTLFile.tlv");
    assert_eq!(straight.code, 1, "in one step phones would have refused: {}", straight.all());
}

#[test]
fn a_reason_counts_by_its_value_and_not_by_its_words() {
    let reason = |server: &str| Reason::TvsInvalid { server: server.to_owned() };
    let value = |reason: &Reason| Reason::serialize(reason, serde_json::value::Serializer).unwrap();
    assert_eq!(value(&reason("pub")), serde_json::json!({ "tvs-invalid": { "server": "pub" } }));
    assert_ne!(value(&reason("pub")), value(&reason("sub")));
    assert_eq!(serde_json::json!(reason("pub")), "TVS on pub says invalid", "what --json shows");
}
