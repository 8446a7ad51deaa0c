//! Signing where no network goes: a request leaves the connected machine, its answer comes back, and nothing that was changed
//! on the way is used.

use sastctl::trustlist::digest;
use sastctl::workflow::exchange::SigningAnswer;
use serde_json::Value;

use crate::changed_requests::{Step, Tree, read};
use crate::pki;
use crate::power_cut::{cut_where, steps};
use crate::support::{Outcome, World, can_trace, rounds, schema};

pub const A: &str = "SAST-ADN008580ef.cer";
pub const B: &str = "SAST-ADN0054f509.cer";
pub const TIME: &str = "--timestamp=2015-03-06T22:53:33+01:00";

/// The list in force and the certificates of both tokens, as they are on the connected machine.
pub fn world(golden: &str) -> World {
    let world = World::with_tokens();
    for (file, name) in [(A, "SAST-ADN008580ef"), (B, "SAST-ADN0054f509")] {
        std::fs::write(world.path(file), pki::token(name).der()).unwrap();
    }
    world.place(golden, "CTLFile.tlv");
    world
}

pub fn request(world: &World, args: &[&str]) -> Outcome {
    world.run(&[&["request"], args, &["--token", A, TIME, "--out", "R.sastreq"]].concat())
}

pub const REVERT: [&str; 4] = ["revert", "CTLFile.tlv", "--spare", B];

pub fn revert(world: &World) -> Outcome {
    request(world, &REVERT)
}

pub fn sign(world: &World) -> Outcome {
    schema::holds("sastctl-request", &serde_json::from_slice(&world.read("R.sastreq")).unwrap());
    world.run(&["sign-request", "R.sastreq"])
}

pub fn apply(world: &World) -> Outcome {
    schema::holds("sastctl-answer", &serde_json::from_slice(&world.read("R.sastans")).unwrap());
    world.run(&["apply", "R.sastans", "--request", "R.sastreq", "--out", "new.tlv"])
}

/// Serial numbers, digests and times are replaced by names.
pub fn shown(world: &World, text: &str) -> String {
    let request: Value = serde_json::from_slice(&world.read("R.sastreq")).unwrap();
    let of = |key: &str| request[key].as_str().unwrap().to_owned();
    let groups: Vec<_> =
        of("digest").as_bytes().chunks(8).map(|g| String::from_utf8_lossy(g).into_owned()).collect();
    let mut text = text.replace(&groups.join(" "), "GROUPS").replace(&of("serial"), "SERIAL");
    if let Ok((request, _)) = read(&world.read("R.sastreq")) {
        text = text.replace(&request.digest_words(), "WORDS");
    }
    for (key, name) in
        [("digest", "DIGEST"), ("made", "MADE"), ("expires", "EXPIRES"), ("asked_by", "SOMEBODY")]
    {
        text = text.replace(&of(key), name);
    }
    text
}

#[test]
fn a_revert_goes_to_the_token_and_back() {
    let mut world = world("tokenless.tlv");
    // The connected machine has no token, and no module either.
    world.set("SASTCTL_MODULE", "/nonexistent/module.so");
    let args = ["--change", "CHG0012345", "--cluster-name", "Krakow"];
    let made = request(&world, &[&REVERT[..], &args].concat()).done();
    insta::assert_snapshot!(shown(&world, &made.all()), @"
    CTLFile.tlv   4947 bytes, tokenless, signed by cucm-1051-a-pub, 4 records
    Plan
      - SAST       cucm-1051-a-pub   the tokenless signer leaves
      ~ CCM+TFTP   cucm-1051-a-pub   10.48.47.155, as the CTL Client writes it
      ~ CAPF       CAPF-e41e7d87     10.48.47.155, as the CTL Client writes it
      ~ CCM+TFTP   cucm-1051-a-sub1  10.48.47.156, as the CTL Client writes it
      + SAST       SAST-ADN0054f509  spare
      + SAST       SAST-ADN008580ef  signs this file (RSA 1024, SHA-1)
    Phones that hold CTLFile.tlv
      7945, 7965 and newer     accept, if TVS knows SAST-ADN008580ef: its certificate must be in Phone-SAST-trust first
      7940, 7960, Jabber, …    refuse: SAST-ADN008580ef is not a trusted signer (SAST) in the phone's CTL; its list must be deleted by hand
      no list yet              accept
    R.sastreq   request SERIAL
      asked by  SOMEBODY, MADE
      cluster   Krakow
      change    CHG0012345
      signer    SAST-ADN008580ef, SHA-256 415967b38e0485e6cb64117c0c8b0c58393b183a147de9c20434c5f2c327536b
      expires   EXPIRES
      digest    GROUPS
      words     WORDS
    --- stderr
    warning: the certificate of SAST-ADN008580ef expired on 2022-05-17: it still signs; no public source says that phones look at its date
    warning: expired: cucm-1051-a-pub (CCM+TFTP, 2019-06-04), cucm-1051-a-sub1 (CCM+TFTP, 2019-06-04): encrypted and authenticated phones do not register, phones do not trust TFTP (configuration files, ITL), secure SIP trunks and media resources fail
    warning: expired: CAPF-e41e7d87 (CAPF, 2019-06-04): CUCM refuses the LSCs of phones, and issues no new ones; encrypted configuration files fail
    warning: the signer's key is RSA 1024: phones in FIPS mode refuse keys below 2048 bits
    warning: RSA 1024 is the key of cucm-1051-a-pub, CAPF-e41e7d87, cucm-1051-a-sub1: phones in FIPS mode refuse keys below 2048 bits
    Carry it to the machine with the token, and there: sastctl sign-request R.sastreq
    --- exit code 0
    ");
    assert!(world.read("R.sastreq").len() < 64 * 1024, "a usual cluster");
    world.unset("SASTCTL_MODULE");
    // The other machine has nothing but the request.
    std::fs::rename(world.path("CTLFile.tlv"), world.path("away")).unwrap();
    let signed = sign(&world).done();
    insta::assert_snapshot!(shown(&world, &signed.all()), @"
    R.sastreq   request SERIAL
      asked by  SOMEBODY, MADE
      cluster   Krakow
      change    CHG0012345
      signer    SAST-ADN008580ef, SHA-256 415967b38e0485e6cb64117c0c8b0c58393b183a147de9c20434c5f2c327536b
      expires   EXPIRES
      digest    GROUPS
      words     WORDS
    CTLFile.tlv   4947 bytes, tokenless, signed by cucm-1051-a-pub, 4 records
    Plan
      - SAST       cucm-1051-a-pub   the tokenless signer leaves
      ~ CCM+TFTP   cucm-1051-a-pub   10.48.47.155, as the CTL Client writes it
      ~ CAPF       CAPF-e41e7d87     10.48.47.155, as the CTL Client writes it
      ~ CCM+TFTP   cucm-1051-a-sub1  10.48.47.156, as the CTL Client writes it
      + SAST       SAST-ADN0054f509  spare
      + SAST       SAST-ADN008580ef  signs this file (RSA 1024, SHA-1)
    Phones that hold CTLFile.tlv
      7945, 7965 and newer     accept, if TVS knows SAST-ADN008580ef: its certificate must be in Phone-SAST-trust first
      7940, 7960, Jabber, …    refuse: SAST-ADN008580ef is not a trusted signer (SAST) in the phone's CTL; its list must be deleted by hand
      no list yet              accept
    CTLFile.new.tlv   5728 bytes, signed by SAST-ADN008580ef, verified
      MD5   5402a98cb52f35fd9f251d9a6472cedf
            on a phone: 54 02 A9 8C B5 2F 35 FD 9F 25 1D 9A 64 72 CE DF
      SHA1  27345a327645d8be62ea7f26fc9e34c093ffacf8
            on a phone: 27 34 5A 32 76 45 D8 BE 62 EA 7F 26 FC 9E 34 C0 93 FF AC F8
    R.sastans   the answer to the request SERIAL
    --- stderr
    warning: the certificate of SAST-ADN008580ef expired on 2022-05-17: it still signs; no public source says that phones look at its date
    warning: expired: cucm-1051-a-pub (CCM+TFTP, 2019-06-04), cucm-1051-a-sub1 (CCM+TFTP, 2019-06-04): encrypted and authenticated phones do not register, phones do not trust TFTP (configuration files, ITL), secure SIP trunks and media resources fail
    warning: expired: CAPF-e41e7d87 (CAPF, 2019-06-04): CUCM refuses the LSCs of phones, and issues no new ones; encrypted configuration files fail
    warning: the signer's key is RSA 1024: phones in FIPS mode refuse keys below 2048 bits
    warning: RSA 1024 is the key of cucm-1051-a-pub, CAPF-e41e7d87, cucm-1051-a-sub1: phones in FIPS mode refuse keys below 2048 bits
    There is no signers.toml: nobody but you approves what is signed here
    warning: SAST token A still has the public factory PIN; change it with sastctl token change-pin NAME
    Journal: DIR/state/sastctl/TIME-sign-request.jsonl
    Carry it back to the machine that asked, and there: sastctl apply R.sastans --request R.sastreq --out FILE
    --- exit code 0
    ");
    std::fs::rename(world.path("away"), world.path("CTLFile.tlv")).unwrap();
    let applied = apply(&world).done();
    insta::assert_snapshot!(shown(&world, &applied.all()), @"
    R.sastreq   request SERIAL
      asked by  SOMEBODY, MADE
      cluster   Krakow
      change    CHG0012345
      signer    SAST-ADN008580ef, SHA-256 415967b38e0485e6cb64117c0c8b0c58393b183a147de9c20434c5f2c327536b
      expires   EXPIRES
      digest    GROUPS
      words     WORDS
    new.tlv   5728 bytes, signed by SAST-ADN008580ef, verified
      MD5   5402a98cb52f35fd9f251d9a6472cedf
            on a phone: 54 02 A9 8C B5 2F 35 FD 9F 25 1D 9A 64 72 CE DF
      SHA1  27345a327645d8be62ea7f26fc9e34c093ffacf8
            on a phone: 27 34 5A 32 76 45 D8 BE 62 EA 7F 26 FC 9E 34 C0 93 FF AC F8
    --- stderr
    Journal: R.jsonl
    Left to do by hand:
      1. before anything else: export the certificates (sastctl cert export --all --out certs) and upload them as Phone-SAST-trust, so that TVS knows SAST-ADN008580ef
      2. put the file on every TFTP node, in the place of the one in force
      3. restart Cisco Tftp, then Cisco CallManager, on every node that runs them; reset the phones
      4. delete the list by hand on phones that refuse: 7940, 7960, Jabber, …; with the procedure bridge no phone refuses: sastctl ctl ways FILE bridge
      5. compare the checksum with that of show ctl on every node, and with a phone's screen
    --- exit code 0
    ");
    // The connected machine has the journal that the token signed, for the change ticket.
    world.run(&["journal", "verify", "R.jsonl", "--signer", A]).done();
    assert!(world.run(&["journal", "show", "R.jsonl"]).done().stdout.contains("CHG0012345"));
    assert!(world.read("new.tlv") == pki::golden_bytes("token-signed.tlv"));
    assert!(world.read("CTLFile.tlv") == pki::golden_bytes("tokenless.tlv"));
}

/// Twelve words of the list of BIP-39, for the first 132 bits of the digest.
#[test]
fn the_digest_can_be_read_aloud() {
    let list = include_str!("../src/workflow/exchange/words.txt");
    let list: String = list.split_whitespace().map(|word| format!("{word}\n")).collect();
    let published = "2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda";
    assert_eq!(digest::hex(&digest::sha256(list.as_bytes()), ""), published, "english.txt of BIP-39");
    let world = world("tokenless.tlv");
    revert(&world).done();
    let (mut request, _) = read(&world.read("R.sastreq")).unwrap();
    // Examples of BIP-39 add a checksum of four bits to 128 bits.
    for (byte, words) in [
        ("7f", "legal winner thank year wave sausage worth useful legal winner thank yellow"),
        ("80", "letter advice cage absurd amount doctor acoustic avoid letter advice cage above"),
        ("ff", "zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo wrong"),
    ] {
        let bits = [u8::from_str_radix(byte, 16).unwrap(); 16];
        let checksum = digest::hex(&digest::sha256(&bits)[..16], "");
        request.digest = byte.repeat(16) + &checksum;
        assert_eq!(request.digest_words(), words);
        assert_eq!(request.digest_groups().split(' ').map(str::len).collect::<Vec<_>>(), [8; 8]);
    }
}

#[test]
fn an_update_and_a_new_signature_go_the_same_way() {
    let world = world("token-signed.tlv");
    let update = ["update", "CTLFile.tlv", "--set-mode", "non-secure"];
    request(&world, &update).done();
    sign(&world).done();
    apply(&world).done();
    world
        .run(&[&["ctl"], &update[..], &["--token", "SAST-ADN008580ef", TIME, "--out", "direct.tlv"]].concat())
        .done();
    assert!(world.read("new.tlv") == world.read("direct.tlv"), "as if it was signed here");
    request(&world, &["sign", "CTLFile.tlv"]).done();
    sign(&world).done();
    apply(&world).done();
    assert!(world.read("new.tlv") == pki::golden_bytes("token-signed.tlv"));
}

#[test]
fn a_first_list_is_asked_for_with_its_certificates() {
    let world = world("token-signed.tlv");
    std::fs::write(world.path("cucm.der"), pki::read("tests/testdata/pki/cucm-1051-a-pub.der")).unwrap();
    let cluster = "[[server]]\nfunction = 'CCM+TFTP'\naddress = '10.48.47.155'\ncertificate = 'cucm.der'\n";
    std::fs::write(world.path("cluster.toml"), cluster).unwrap();
    let create = ["create", "--cluster", "cluster.toml", "--spare", B];
    request(&world, &create).done();
    sign(&world).done();
    apply(&world).done();
    world
        .run(&[&["ctl"], &create[..], &["--token", "SAST-ADN008580ef", TIME, "--out", "direct.tlv"]].concat())
        .done();
    assert!(world.read("new.tlv") == world.read("direct.tlv"), "as if it was signed here");
}

#[test]
fn many_files_are_one_request_and_one_login() {
    let world = world("token-signed.tlv");
    let names: Vec<_> = (0..20).map(|n| format!("SEP0011223344{n:02}.cnf.xml")).collect();
    for name in &names {
        std::fs::write(world.path(name), format!("<device>{name}</device>")).unwrap();
    }
    let files: Vec<_> = names.iter().map(String::as_str).collect();
    request(&world, &[&["sign", "CTLFile.tlv"], &files[..]].concat()).done();
    sign(&world).done();
    let applied =
        world.run(&["apply", "R.sastans", "--request", "R.sastreq", "--out", "signed", "--json"]).done();
    assert_eq!(applied.json()["written"].as_array().unwrap().len(), 21);
    assert!(world.read("signed/CTLFile.tlv") == pki::golden_bytes("token-signed.tlv"));
    world
        .run(&[&["ctl", "sign", "--token", "SAST-ADN008580ef", TIME, "--out", "."], &files[..]].concat())
        .done();
    for name in names {
        assert!(world.read(&format!("signed/{name}.sgn")) == world.read(&format!("{name}.sgn")), "{name}");
    }
}

/// Every change that a request can hold has its place in the schema.
#[test]
fn every_change_goes_into_a_request() {
    let world = world("token-signed.tlv");
    for (file, name) in [("capf.der", "capf-e41e7d87"), ("sub.der", "cucm-1051-a-sub1")] {
        std::fs::write(world.path(file), pki::read(&format!("tests/testdata/pki/{name}.der"))).unwrap();
    }
    let changes = ["update", "CTLFile.tlv", "--refresh", "capf:10.48.47.155=capf.der", "--remove-token"];
    let more =
        ["SAST-ADN0054f509", "--remove-server", "10.48.47.156", "--add-server", "ccm:10.1.2.3:sub.der"];
    let json =
        request(&world, &[&changes[..], &more, &["--json", "--name-style", "cucm"]].concat()).done().json();
    assert_eq!(json["request"], "R.sastreq");
    let signed = world.run(&["sign-request", "R.sastreq", "--json"]).done().json();
    let signed = &signed["requests"][0];
    assert_eq!((&signed["answer"], &signed["serial"]), (&"R.sastans".into(), &json["serial"]));
    apply(&world).done();
    let direct = ["--token", "SAST-ADN008580ef", TIME, "--out", "direct.tlv", "--name-style", "cucm"];
    world.run(&[&["ctl"], &changes[..], &more, &direct].concat()).done();
    assert!(world.read("new.tlv") == world.read("direct.tlv"));
}

#[test]
fn no_network_is_used() {
    let mut world = world("tokenless.tlv");
    revert(&world).done();
    if !can_trace() {
        return;
    }
    world.run_inside(&["strace", "-f", "-qq", "-o", "calls", "-e", "trace=socket,socketpair,connect,write"]);
    sign(&world).done();
    let log = String::from_utf8(world.read("calls")).unwrap();
    assert!(log.contains("write("), "the trace works");
    let sockets: Vec<_> =
        log.lines().filter(|line| line.contains("AF_") && !line.contains("AF_UNIX")).collect();
    assert!(sockets.is_empty(), "{sockets:?}");
}

/// After a power cut at any moment the ledger and the answer are whole, or not there; nothing is signed twice.
#[test]
fn a_power_cut_leaves_no_half_answer_and_no_half_ledger() {
    let world = world("tokenless.tlv");
    if !can_trace() {
        return;
    }
    revert(&world).done();
    let request = world.read("R.sastreq");
    let (mut was_entered, mut n) = (false, 0);
    loop {
        n += 1;
        for file in ["R.sastans", "ledger", "ledger.lock"] {
            let _ = std::fs::remove_file(world.path(file));
        }
        let args = ["sign-request", "R.sastreq", "--yes", "--ledger", "ledger"];
        let ended = cut_where(&world, steps(), &[], n, &args);
        let ledger = std::fs::read_to_string(world.path("ledger")).unwrap_or_default();
        let entered = !ledger.is_empty();
        if entered {
            let words: Vec<_> = ledger.strip_suffix('\n').unwrap().split(' ').collect();
            assert!(
                words.len() == 4 && words[0] == "signed" && !ledger.contains('\0'),
                "cut at {n}: {ledger:?}"
            );
        }
        if world.path("R.sastans").is_file() {
            assert!(entered, "cut at {n}: an answer of which the ledger does not know");
            let (request, batch) = read(&request).unwrap();
            SigningAnswer::read(&world.read("R.sastans"), &request, batch).unwrap();
        } else if entered && !was_entered {
            // The signature may be in the journal already.
            let again = world.run(&args);
            assert!(again.stderr.contains("was signed before"), "{}", again.all());
            was_entered = true;
        }
        if ended {
            break;
        }
    }
    assert!(was_entered, "{n}: no cut between ledger and answer");
    assert!(n > rounds(6, 30), "{n}: the steps are not seen");
}

/// What a refusal says, with names for what is random.
fn refused(world: &World, outcome: &Outcome, code: i32) -> String {
    assert_eq!(outcome.code, code, "{}", outcome.all());
    shown(world, &outcome.stderr)
}

#[test]
fn a_request_is_signed_once_and_its_answer_used_once() {
    let world = world("tokenless.tlv");
    revert(&world).done();
    sign(&world).done();
    let answer = world.read("R.sastans");
    let again = refused(&world, &sign(&world), 1);
    let again = again.replace(again.split("signed   ").nth(1).unwrap().lines().next().unwrap(), "TIME");
    insta::assert_snapshot!(again, @"
    error: the request SERIAL was signed before
      nothing was written
      signed   TIME
      ledger   DIR/state/sastctl/TIME
    help: its answer is next to the request; sastctl journal list shows the journal of the signing
    ");
    assert!(world.read("R.sastans") == answer);
    apply(&world).done();
    let again = refused(&world, &apply(&world), 1);
    assert!(again.contains("was used before"), "{again}");
    // Another ledger is another room.
    world.run(&["sign-request", "R.sastreq", "--ledger", "other/ledger"]).done();
    assert!(world.path("other/ledger").is_file());
}

#[test]
fn what_is_late_foreign_or_of_another_list_has_its_own_message() {
    let world = world("tokenless.tlv");
    revert(&world).done();
    sign(&world).done();
    let (of_first, first) = (world.read("R.sastans"), world.read("R.sastreq"));
    // The list in force changes while the request is away.
    world.place("tokenless-regenerated.tlv", "CTLFile.tlv");
    insta::assert_snapshot!(refused(&world, &apply(&world), 1), @"
    error: CTLFile.tlv is not as it was when the request was made
      nothing was written
    help: fetch the list in force again, and make a new request
    ");
    world.place("tokenless.tlv", "CTLFile.tlv");
    assert!(!world.path("new.tlv").exists());
    // The answer to another request.
    revert(&world).done();
    insta::assert_snapshot!(shown_of(&first, &refused(&world, &apply(&world), 1)), @"
    error: the answer is to the request OTHER with the digest OTHER-DIGEST, not to SERIAL with the digest DIGEST
      nothing was written
    help: give the answer and the request that belong together
    ");
    // Time goes on.
    let expires_in = |seconds: i64| {
        let mut request = Tree::read(&first);
        let then = jiff::Timestamp::from_second(jiff::Timestamp::now().as_second() + seconds).unwrap();
        *request.at(&[Step::Key("expires".to_owned())]) = Tree::Leaf(then.to_string().into());
        std::fs::write(world.path("R.sastreq"), request.sealed()).unwrap();
    };
    let ledger = ["--ledger", "ledger"];
    expires_in(-1);
    let late = refused(&world, &world.run(&[&["sign-request", "R.sastreq"], &ledger[..]].concat()), 1);
    assert!(late.starts_with("error: the request expired at "), "{late}");
    expires_in(4);
    world.run(&[&["sign-request", "R.sastreq"], &ledger[..]].concat()).done();
    std::thread::sleep(std::time::Duration::from_secs(4));
    let late = refused(&world, &apply(&world), 1);
    assert!(late.starts_with("error: the answer comes too late: its request expired at "), "{late}");
    assert!(!String::from_utf8(of_first).unwrap().contains(crate::support::PIN), "no secret in an answer");
}

fn shown_of(request: &[u8], text: &str) -> String {
    let request: Value = serde_json::from_slice(request).unwrap();
    let of = |key: &str| request[key].as_str().unwrap().to_owned();
    text.replace(&of("serial"), "OTHER").replace(&of("digest"), "OTHER-DIGEST")
}
