//! `ctl check`, and a Trust Verification Service over real TLS on loopback with valid, invalid, missing and hostile answers.

use std::time::Duration;

use sastctl::phone::tvs::TvsAddress;

use crate::pki;
use crate::support::tvs::{
    Age, Behaviour, TVS_2048, VALID, answer, answers, question, says_invalid, says_valid, serve,
};
use crate::support::{self, Outcome, World};

/// An ITL of the cluster: CallManager, and TVS by its certificate or by its hash.
pub fn itl(world: &World, tvs: &str, by_hash: bool) {
    itl_of(world, "ITLFile.tlv", "tests/testdata/pki/cucm-1051-a-pub", tvs, by_hash);
}

fn itl_of(world: &World, file: &str, publisher: &str, tvs: &str, by_hash: bool) {
    std::fs::write(world.path(file), support::tvs::itl_of(publisher, tvs, by_hash)).unwrap();
}

pub fn world() -> World {
    let world = World::new();
    world.place("tokenless.tlv", "CTLFile.tlv");
    world.place("token-signed.tlv", "new.tlv");
    for name in ["SAST-ADN008580ef", "SAST-ADN0054f509"] {
        let der = pki::read(&format!("softhsm-fixtures/{name}.der"));
        std::fs::write(world.path(&format!("{name}.cer")), der).unwrap();
    }
    world
}

pub fn check(world: &World, more: &[&str]) -> Outcome {
    world.run(&[&["ctl", "check", "new.tlv", "--installed-ctl", "CTLFile.tlv"], more].concat())
}

/// The decision of a class of phones.
pub fn decision(outcome: &Outcome, class: &str) -> String {
    let json = outcome.json();
    let phones = json["phones"].as_array().unwrap();
    let phone = phones.iter().find(|p| p["class"] == class).unwrap();
    match phone["by"].as_str() {
        Some(by) => format!("{} by {by}", phone["decision"].as_str().unwrap()),
        None => phone["decision"].as_str().unwrap().to_owned(),
    }
}

#[test]
fn from_tokenless_to_tokens_phones_need_tvs() {
    let world = world();
    let alone = check(&world, &[]);
    insta::assert_snapshot!(alone.all());
    assert_eq!(alone.code, 1);

    let trusted = check(&world, &["--trusted", "SAST-ADN008580ef.cer", "--json"]);
    assert_eq!(trusted.code, 1, "phones without TVS still refuse");
    assert_eq!(decision(&trusted, "security-by-default"), "accepts by tvs");
    assert_eq!(decision(&trusted, "without-tvs"), "refuses");
    assert_eq!(decision(&trusted, "without-list"), "accepts by blind");

    let without_old_phones =
        ["--trusted", "SAST-ADN008580ef.cer", "--phones", "security-by-default,without-list"];
    check(&world, &without_old_phones).done();
    let other = check(&world, &["--trusted", "SAST-ADN0054f509.cer", "--json"]);
    assert_eq!(decision(&other, "security-by-default"), "refuses", "the spare alone is not the signer");
}

#[test]
fn the_change_back_to_tokenless_and_a_second_list_of_the_same_tokens() {
    let world = world();
    let back = world.run(&["ctl", "check", "CTLFile.tlv", "--installed-ctl", "new.tlv", "--json"]);
    assert_eq!(back.code, 1);
    assert_eq!(decision(&back, "without-tvs"), "refuses");
    itl(&world, TVS_2048, false);
    let args =
        ["ctl", "check", "CTLFile.tlv", "--installed-ctl", "new.tlv", "--installed-itl", "ITLFile.tlv"];
    let by_itl = world.run(&[&args[..], &["--json"]].concat());
    assert_eq!(decision(&by_itl, "security-by-default"), "accepts by itl");

    world.place("token-signed-non-secure.tlv", "again.tlv");
    let again = world.run(&["ctl", "check", "again.tlv", "--installed-ctl", "new.tlv", "--json"]).done();
    assert_eq!(decision(&again, "security-by-default"), "accepts by ctl");
    assert_eq!(decision(&again, "without-tvs"), "accepts by ctl");
}

#[test]
fn the_installed_lists_must_be_given_with_the_right_options() {
    let world = world();
    assert_eq!(world.run(&["ctl", "check", "new.tlv"]).code, 2);
    world.place("itl.tlv", "ITLFile.tlv");
    let swapped = world.run(&["ctl", "check", "new.tlv", "--installed-ctl", "ITLFile.tlv"]);
    assert_eq!(swapped.code, 2);
    assert!(swapped.stderr.contains("ITLFile.tlv is an ITL, not a CTL"), "{}", swapped.stderr);
    let mut damaged = pki::golden_bytes("token-signed.tlv");
    damaged[3000] ^= 1;
    std::fs::write(world.path("new.tlv"), damaged).unwrap();
    let refused = check(&world, &[]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("phones refuse a list that does not verify"), "{}", refused.stderr);
}

/// A list that verifies, but without the servers of the phones.
#[test]
fn a_list_that_locks_phones_out_is_reported() {
    let mut world = World::with_tokens();
    world.place("token-signed.tlv", "CTLFile.tlv");
    world.set("SAST_PIN", crate::support::PIN);
    let remove = |world: &World, servers: &[&str], out: &str| {
        let mut args = vec!["ctl", "update", "CTLFile.tlv", "--token", "SAST token A", "--out", out];
        args.extend(servers.iter().flat_map(|s| ["--remove-server", *s]));
        world.run(&args).done()
    };
    let told =
        remove(&world, &["ccm+tftp:10.48.47.155", "ccm+tftp:10.48.47.156", "capf:10.48.47.155"], "none.tlv");
    for told_in_the_plan in [
        "careful: 7945, 7965 and newer: no CCM+TFTP or TFTP certificate is left",
        "LOCKED OUT: 7940, 7960, Jabber, …: no CCM+TFTP or TFTP certificate is left",
    ] {
        assert!(told.stdout.contains(told_in_the_plan), "{}", told.stdout);
    }
    remove(&world, &["ccm+tftp:10.48.47.156"], "one.tlv");
    let check = |new: &str, more: &[&str]| {
        world.run(&[&["ctl", "check", new, "--installed-ctl", "CTLFile.tlv"], more].concat())
    };
    let one = check("one.tlv", &[]).done();
    assert!(
        one.stdout.contains("careful: cucm-1051-a-sub1 (10.48.47.156) leaves: configuration files"),
        "{}",
        one.stdout
    );
    itl(&world, TVS_2048, false);
    // The ITL still has the publisher, but no CAPF.
    let none = check("none.tlv", &["--installed-itl", "ITLFile.tlv"]);
    assert_eq!(none.code, 1, "{}", none.all());
    assert!(none.stdout.contains("LOCKED OUT: no CAPF record is left"), "{}", none.stdout);
    assert!(none.stdout.contains("accept (by CTL)"), "it verifies, all the same: {}", none.stdout);
    let emptied = pki::golden_bytes("itl.tlv");
    std::fs::write(world.path("ITLFile.tlv"), emptied).unwrap();
    let capf =
        check("none.tlv", &["--installed-itl", "ITLFile.tlv", "--phones", "security-by-default"]).done();
    assert!(capf.stdout.contains("CAPF-e41e7d87 (10.48.47.155) leaves"), "{}", capf.stdout);
}

#[test]
fn tvs_is_asked_as_a_phone_would() {
    let world = world();
    itl(&world, TVS_2048, false);
    let server = serve(TVS_2048, Age::Today, says_valid);
    let outcome = check(
        &world,
        &[
            "--installed-itl",
            "ITLFile.tlv",
            "--tvs",
            &server.address,
            "--device-name",
            "CP-7962-SEP001122334455",
            "--json",
        ],
    );
    assert_eq!(decision(&outcome, "security-by-default"), "accepts by tvs", "{}", outcome.all());
    let json = outcome.json();
    assert_eq!(json["tvs"][0]["valid"], true);
    assert_eq!(json["tvs"][0]["roles"][0], "SAST");
    assert_eq!(json["tvs"][0]["ttl_seconds"], 86_400);
    assert_eq!(json["tvs"][0]["certificate_in_itl"], true);

    // The request of an 8861 about the signer of a list: names and serial as in the file.
    let request = server.asked.recv_timeout(Duration::from_secs(5)).unwrap();
    let signer = pki::golden("token-signed.tlv").list().header().signer.clone();
    let element = |tag: u8, value: &[u8]| [&[tag, 0, u8::try_from(value.len()).unwrap()], value].concat();
    let device = element(1, b"\x01CP-7962-SEP001122334455");
    let expected = [device, element(3, &signer.name), element(4, &signer.issuer), element(5, &signer.serial)];
    assert_eq!(request[..4], [87, 1, 3, 0]);
    assert_eq!(request[10..], expected.concat());
}

#[test]
fn tvs_can_be_asked_with_a_verify_request() {
    let world = world();
    itl(&world, TVS_2048, false);
    let server = serve(TVS_2048, Age::Today, says_valid);
    let ask = ["--installed-itl", "ITLFile.tlv", "--tvs", &server.address, "--tvs-ask", "verify", "--json"];
    let outcome = check(&world, &ask);
    assert_eq!(decision(&outcome, "security-by-default"), "accepts by tvs", "{}", outcome.all());
    let request = server.asked.recv_timeout(Duration::from_secs(5)).unwrap();
    assert_eq!(request[..4], [87, 1, 1, 0]);
    assert_eq!(request[10..40], b"\x01\x00\x18\x01CP-7965-SEP000000000000\x02\x03\x86"[..]);
    assert!(request.ends_with(&pki::read("softhsm-fixtures/SAST-ADN008580ef.der")));
}

/// The bytes that an 8861 sent and got (Cisco document 213407; tags 4 and 5 are derived).
#[test]
fn a_query_and_its_answer_are_those_of_a_phone() {
    use sastctl::phone::tvs::{Message, Status, decode_header, query_request, verify_request};
    use sastctl::trustlist::{Certificate, Function, SignerId};
    let signer = SignerId {
        name: b"CN=cucm-pub.example.com;OU=Voice;O=Example;L=Brisbane;ST=QLD;C=AU\0"[..].into(),
        issuer: b"CN=EXAMPLE-WIN2012-CA\0"[..].into(),
        serial: b"\x24\0\0\0\x17\x94\x79\xb8\xf1\x24\xac\x3f\x3b\0\0\0\0\0\x17"[..].into(),
    };
    let request = query_request(0x3e9, "CP-8861-SEP001122334455", &signer).unwrap();
    assert_eq!(request, pki::read("tests/testdata/field/tvs/query-request.bin"));

    assert_eq!(verify_request(1, "x", &vec![0; 70_000]), None, "it has no length for so much");

    let response = pki::read("tests/testdata/field/tvs/query-response.bin");
    let (header, body) = response.split_at(10);
    assert_eq!(header[3], 0xF7);
    let (command, session, length) = decode_header(header).unwrap();
    assert_eq!((command, session, length), (4, 0x3e9, body.len()));
    let message = Message::decode(command, session, body).unwrap();
    assert_eq!(message.status, Some(Status::Valid));
    assert_eq!(message.roles, [Function::SAST, Function::TFTP]);
    assert_eq!(message.ttl, Some(86_400));
    assert_eq!(Certificate::from_der(message.certificate.unwrap()).unwrap().sast_name(), "SAST Field");
}

/// TVS may know another certificate with this issuer and serial, whose key did not sign the list.
#[test]
fn an_answer_about_another_certificate_does_not_count() {
    let world = world();
    itl(&world, TVS_2048, false);
    let server = serve(TVS_2048, Age::Today, |tls| {
        let session = question(tls);
        let der = pki::read("softhsm-fixtures/SAST-ADN0054f509.der");
        let length = u16::try_from(der.len()).unwrap().to_be_bytes();
        answer(tls, session, answers(), &[&VALID[..], &[2], &length, &der].concat());
    });
    let outcome = check(&world, &["--installed-itl", "ITLFile.tlv", "--tvs", &server.address]);
    assert!(outcome.stdout.contains("answered about another certificate"), "{}", outcome.all());
    assert!(outcome.stdout.contains("cannot be known"), "{}", outcome.all());
}

#[test]
fn an_old_tvs_without_the_query_gets_a_verify_request() {
    let world = world();
    itl(&world, TVS_2048, false);
    for behaviour in [(|tls| assert_ne!(question(tls), [0; 4])) as Behaviour, |tls| {
        let session = question(tls);
        answer(tls, session, 2, &VALID);
    }] {
        let server = serve(TVS_2048, Age::Today, behaviour);
        let ask = ["--installed-itl", "ITLFile.tlv", "--tvs", &server.address];
        let outcome = check(&world, &ask);
        assert_eq!(outcome.code, 1);
        assert!(outcome.stdout.contains("did not answer the query (command 3)"), "{}", outcome.all());
        assert!(outcome.stderr.contains("--tvs-ask verify"), "{}", outcome.stderr);
    }
}

/// "Valid" from a server that phones may not be able to authenticate.
#[test]
fn the_answer_of_an_unknown_server_proves_nothing() {
    let world = world();
    let server = serve(TVS_2048, Age::Today, says_valid);
    let outcome = check(&world, &["--tvs", &server.address, "--phones", "security-by-default"]);
    assert_eq!(outcome.code, 1, "{}", outcome.all());
    assert!(outcome.stdout.contains("cannot be known"), "{}", outcome.stdout);
    assert!(
        outcome.stdout.contains("was not checked") && outcome.stdout.contains("--installed-itl"),
        "{}",
        outcome.stdout
    );
}

/// The worst outage of Cisco's document 116232: CallManager and TVS renewed together.
#[test]
fn an_itl_whose_signer_and_tvs_were_both_renewed_is_refused() {
    let world = world();
    let renewed = "tests/testdata/pki/cucm-1051-a-pub-regenerated";
    itl(&world, TVS_2048, true);
    itl_of(&world, "new.tlv", renewed, "tests/testdata/keys/rsa3072", true);
    std::fs::write(world.path("signer.cer"), pki::read(&format!("{renewed}.der"))).unwrap();
    let args =
        ["ctl", "check", "new.tlv", "--installed-itl", "ITLFile.tlv", "--phones", "security-by-default"];
    let check = |more: &[&str]| world.run(&[&args[..], more].concat());
    for more in [&[][..], &["--trusted", "signer.cer"]] {
        let refused = check(more);
        assert_eq!(refused.code, 1, "{}", refused.all());
        assert!(refused.stdout.contains("REFUSE"), "{}", refused.stdout);
        assert!(refused.stdout.contains("cucm-1051-a-pub and TVS were both renewed"), "{}", refused.stdout);
    }
    // The certificate that the TVS shows decides: the new one, or still the old one.
    let new = serve("tests/testdata/keys/rsa3072", Age::Today, says_valid);
    assert!(check(&["--tvs", &new.address]).stdout.contains("REFUSE"));
    let old = serve(TVS_2048, Age::Today, says_valid);
    assert!(check(&["--tvs", &old.address]).done().stdout.contains("accept (by TVS)"));
    // Renewing only one of them is the procedure that Cisco describes.
    itl_of(&world, "new.tlv", renewed, TVS_2048, false);
    let asked = serve(TVS_2048, Age::Today, says_valid);
    assert!(check(&["--trusted", "signer.cer"]).done().stdout.contains("accept (by TVS)"));
    assert!(check(&["--tvs", &asked.address]).done().stdout.contains("accept (by TVS)"));
}

#[test]
fn tvs_answers_invalid() {
    let world = world();
    let server = serve(TVS_2048, Age::Today, says_invalid);
    let outcome = check(&world, &["--tvs", &server.address, "--json"]);
    assert_eq!(outcome.code, 1);
    assert_eq!(decision(&outcome, "security-by-default"), "refuses");
    assert_eq!(outcome.json()["tvs"][0]["certificate_in_itl"], false, "there was no ITL to check it against");

    let server = serve(TVS_2048, Age::Today, says_invalid);
    let told = check(&world, &["--tvs", &server.address]);
    let lines: Vec<&str> = told.stdout.lines().skip_while(|line| !line.starts_with("TVS ")).collect();
    assert!(lines[1].ends_with(" says invalid") && lines[2].starts_with("    TLS"), "{lines:?}");
}

#[test]
fn nodes_give_different_answers() {
    let world = world();
    let yes = serve(TVS_2048, Age::Today, says_valid);
    let no = serve(TVS_2048, Age::Today, says_invalid);
    let outcome = check(&world, &["--tvs", &yes.address, "--tvs", &no.address, "--json"]);
    assert_eq!(decision(&outcome, "security-by-default"), "not-known");
}

#[test]
fn an_address_without_a_port_gets_the_default_port() {
    let parsed = |text: &str| text.parse::<TvsAddress>().map(|a| a.to_string()).ok();
    assert_eq!(parsed("cucm").as_deref(), Some("cucm"));
    assert_eq!(parsed("10.1.2.3:2446").as_deref(), Some("10.1.2.3:2446"));
    assert_eq!(parsed("[::1]:9").as_deref(), Some("[::1]:9"));
    assert_eq!(parsed("[fe80::1]").as_deref(), Some("[fe80::1]:2445"));
    for wrong in ["", ":2445", "cucm:", "cucm:0", "cucm:70000", "a b", "[::1]9", "::1"] {
        assert_eq!(parsed(wrong), None, "{wrong}");
    }
}
