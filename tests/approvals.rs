//! More than one person: people approve a request with their SSH keys, and `signers.toml` on the machine with the token
//! decides who may, and which token signs what. The keys are those of `ssh-keygen`.

use std::os::unix::fs::PermissionsExt as _;

use rexpect::session::spawn_command;
use sastctl::workflow::exchange::{ApprovalError, NAMESPACE, Signers, SigningRequest, verify};
use serde_json::Value;
use ssh_key::private::Ed25519Keypair;
use ssh_key::public::{KeyData, SkEd25519};
use ssh_key::{Algorithm, HashAlg, Signature, SshSig};

use crate::pki;
use crate::support::{Numbers, Outcome, World, rounds, schema};

const A: &str = "SAST-ADN008580ef.cer";
/// SHA-256 of the certificate of token A.
const PIN_OF_A: &str = "415967b38e0485e6cb64117c0c8b0c58393b183a147de9c20434c5f2c327536b";

/// A request of the cluster Krakow, and the keys of three people.
fn world() -> World {
    let world = World::with_tokens();
    std::fs::write(world.path(A), pki::token("SAST-ADN008580ef").der()).unwrap();
    world.place("token-signed.tlv", "CTLFile.tlv");
    for name in ["anna", "ben", "cleo"] {
        key(&world, name, "ed25519", "");
    }
    request(&world, &["sign", "CTLFile.tlv", "--cluster-name", "Krakow"]);
    world
}

fn request(world: &World, args: &[&str]) {
    let more = ["--token", A, "--timestamp=2015-03-06T22:53:33+01:00", "--out", "R.sastreq"];
    world.run(&[&["request"], args, &more].concat()).done();
}

fn key(world: &World, name: &str, kind: &str, passphrase: &str) {
    world.tool("ssh-keygen", &["-q", "-t", kind, "-N", passphrase, "-C", name, "-f", name]);
}

fn public(world: &World, name: &str) -> String {
    String::from_utf8(world.read(&format!("{name}.pub"))).unwrap().trim().to_owned()
}

fn fingerprint(world: &World, name: &str) -> String {
    world.tool("ssh-keygen", &["-lf", &format!("{name}.pub")]).split(' ').nth(1).unwrap().to_owned()
}

/// A person of `signers.toml` with these keys.
fn person(world: &World, name: &str, keys: &[&str], roles: &str) -> String {
    let keys: Vec<_> = keys.iter().map(|key| public(world, key)).collect();
    format!("[[person]]\nname = {name:?}\nkeys = {keys:?}\nroles = {roles}\n")
}

fn token(more: &str) -> String {
    format!("[[token]]\ncertificate = {PIN_OF_A:?}\n{more}\n")
}

const ANY: &str = r#"signs = ["CTL"]"#;
const APPROVES: &str = r#"["approve"]"#;

/// A `signers.toml` where it usually is: two approvals of Anna, Ben and Cleo.
fn usual(world: &World) {
    signers(world, &usual_text(world));
}

fn usual_text(world: &World) -> String {
    let people = [("Anna Nowak", "anna"), ("Ben", "ben"), ("Cleo", "cleo")];
    let people: String = people.iter().map(|(name, key)| person(world, name, &[key], APPROVES)).collect();
    format!("approvals = 2\n{people}{}", token(ANY))
}

fn signers(world: &World, text: &str) {
    let folder = world.path("home/.config/sastctl");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("signers.toml"), text).unwrap();
}

fn approve(world: &World, key: &str) -> Outcome {
    let outcome = world.run(&["approve", "R.sastreq", "--key", key]);
    schema::holds("sastctl-request", &serde_json::from_slice(&world.read("R.sastreq")).unwrap());
    outcome
}

/// In a ledger of its own each time, so that one request can be signed again.
fn sign(world: &World) -> Outcome {
    let _ = std::fs::remove_file(world.path("ledger"));
    world.run(&["sign-request", "R.sastreq", "--ledger", "ledger"])
}

/// What a refusal says. Nobody was logged in, and nothing was written.
#[track_caller]
fn refused(world: &World) -> String {
    let _ = std::fs::remove_file(world.path("R.sastans"));
    let outcome = sign(world);
    assert_eq!(outcome.code, 1, "{}", outcome.all());
    assert!(!world.path("R.sastans").exists() && !world.path("ledger").exists(), "{}", outcome.all());
    named(world, &outcome.stderr)
}

/// The error, without the warnings of the plan before it.
fn said_last(outcome: &Outcome) -> &str {
    outcome.stderr.find("error: ").and_then(|at| outcome.stderr.get(at..)).unwrap()
}

/// Fingerprints by the names of their keys.
fn named(world: &World, text: &str) -> String {
    let keys = ["anna", "ben", "cleo"].map(|name| (fingerprint(world, name), name));
    keys.iter().fold(text.to_owned(), |text, (key, name)| text.replace(key, &format!("KEY-OF-{name}")))
}

fn document(world: &World) -> Value {
    serde_json::from_slice(&world.read("R.sastreq")).unwrap()
}

#[test]
fn two_people_approve_in_any_order_and_the_journal_names_them() {
    let world = world();
    usual(&world);
    let fresh = world.read("R.sastreq");
    for order in [["anna", "ben"], ["ben", "anna"]] {
        std::fs::write(world.path("R.sastreq"), &fresh).unwrap();
        for key in order {
            approve(&world, key).done();
        }
        assert_eq!(document(&world)["digest"], serde_json::from_slice::<Value>(&fresh).unwrap()["digest"]);
        let signed = sign(&world).done();
        let shown = named(&world, &signed.stdout);
        let wanted: String =
            order.iter().map(|key| format!("  approved  {}, KEY-OF-{key}\n", full(key))).collect();
        assert!(shown.contains(&wanted), "{shown}");
        // The answer has it in its journal; the machine that asked has the request without approvals.
        std::fs::write(world.path("asked.sastreq"), &fresh).unwrap();
        let ledger = ["--ledger", "asked.ledger"];
        let _ = std::fs::remove_file(world.path("asked.ledger"));
        let apply = ["apply", "R.sastans", "--request", "asked.sastreq", "--out", "new.tlv"];
        world.run(&[&apply[..], &ledger].concat()).done();
        assert!(world.read("new.tlv") == pki::golden_bytes("token-signed.tlv"));
        let page = named(&world, &world.run(&["journal", "show", "R.jsonl"]).done().stdout);
        for key in order {
            assert!(page.contains(&format!("- approved by: {}, key KEY-OF-{key}\n", full(key))), "{page}");
        }
        let redacted = named(&world, &world.run(&["journal", "show", "R.jsonl", "--redact"]).done().stdout);
        assert!(redacted.contains("- approved by: person 1, key person 1\n"), "{redacted}");
        assert!(!redacted.contains("Nowak") && !redacted.contains("KEY-OF"), "{redacted}");
    }
    world.run(&["ceremony", "R.sastreq", "--html", "sheet.html"]).done();
    let sheet = named(&world, &String::from_utf8(world.read("sheet.html")).unwrap());
    for key in ["anna", "ben"] {
        assert!(sheet.contains(&format!("<li>{}, key <code>KEY-OF-{key}</code></li>", full(key))), "{sheet}");
    }
    let json = world.run(&["sign-request", "R.sastreq", "--ledger", "other", "--json"]).done().json();
    assert_eq!(json["requests"][0]["people"][0]["name"], "Ben");
    assert_eq!(json["requests"][0]["people"][1]["key"], fingerprint(&world, "anna"));
}

fn full(key: &str) -> &str {
    if key == "anna" { "Anna Nowak" } else { "Ben" }
}

#[test]
fn a_request_without_enough_approvals_is_refused_before_the_login() {
    let mut world = world();
    world.set("SAST_PIN", "a wrong PIN, which is never tried");
    usual(&world);
    let mut said = vec![refused(&world)];
    approve(&world, "anna").done();
    said.push(refused(&world));
    // The same key again adds nothing.
    let before = world.read("R.sastreq");
    approve(&world, "anna").done();
    assert!(world.read("R.sastreq") == before);
    // A second key of the same person is the same person.
    let text = usual_text(&world).replace(&person(&world, "Ben", &["ben"], APPROVES), "");
    let anna = person(&world, "Anna Nowak", &["anna"], APPROVES);
    signers(&world, &text.replace(&anna, &person(&world, "Anna Nowak", &["anna", "ben"], APPROVES)));
    approve(&world, "ben").done();
    said.push(refused(&world));
    // Somebody who may only ask.
    signers(
        &world,
        &usual_text(&world).replace(
            &person(&world, "Ben", &["ben"], APPROVES),
            &person(&world, "Ben", &["ben"], r#"["ask"]"#),
        ),
    );
    said.push(refused(&world));
    insta::assert_snapshot!(said.join("---\n"), @"
    error: too few people approved the request: 0 of 2; Anna Nowak, Ben, Cleo may approve
      nothing was written
    help: each of these people: sastctl approve R.sastreq --key FILE
    ---
    error: too few people approved the request: 1 of 2; Anna Nowak, Ben, Cleo may approve
      nothing was written
    help: each of these people: sastctl approve R.sastreq --key FILE
    ---
    error: too few people approved the request: 1 of 2; Anna Nowak, Cleo may approve
      nothing was written
    help: each of these people: sastctl approve R.sastreq --key FILE
    ---
    error: too few people approved the request: 1 of 2; Anna Nowak, Cleo may approve
      nothing was written
    help: each of these people: sastctl approve R.sastreq --key FILE
    ");
}

#[test]
fn an_unknown_or_a_revoked_key_is_refused() {
    let world = world();
    let text = usual_text(&world);
    for key in ["anna", "ben", "cleo"] {
        approve(&world, key).done();
    }
    signers(&world, &text.replace(&person(&world, "Cleo", &["cleo"], APPROVES), ""));
    let mut said = vec![refused(&world)];
    signers(&world, &format!("revoked = [{:?}]\n{text}", fingerprint(&world, "cleo")));
    said.push(refused(&world));
    insta::assert_snapshot!(said.join("---\n"), @"
    error: nobody in signers.toml has the key KEY-OF-cleo, which approved the request
      nothing was written
    help: docs/exchange.md describes signers.toml
    ---
    error: the key KEY-OF-cleo, which approved the request, is revoked
      nothing was written
    help: docs/exchange.md describes signers.toml
    ");
}

#[test]
fn an_approval_over_something_else_is_refused() {
    let world = world();
    usual(&world);
    approve(&world, "anna").done();
    let of_other = document(&world)["approvals"][0].clone();
    request(&world, &["sign", "CTLFile.tlv", "--cluster-name", "Krakow"]);
    approve(&world, "ben").done();
    let fresh = document(&world);
    let digest = fresh["digest"].as_str().unwrap().to_owned();
    let by_hand = |namespace: &str, text: &str| {
        std::fs::write(world.path("text"), text).unwrap();
        let _ = std::fs::remove_file(world.path("text.sig"));
        world.tool("ssh-keygen", &["-q", "-Y", "sign", "-n", namespace, "-f", "anna", "text"]);
        Value::from(String::from_utf8(world.read("text.sig")).unwrap())
    };
    let mut said = vec![];
    for approval in [of_other, by_hand("file", &format!("{digest}\n")), by_hand(NAMESPACE, &digest)] {
        let mut changed = fresh.clone();
        changed["approvals"].as_array_mut().unwrap().push(approval);
        write(&world, &changed);
        said.push(refused(&world));
        assert!(approve(&world, "cleo").code == 1, "nobody adds to it either");
    }
    insta::assert_snapshot!(said.join("---\n"), @r#"
    error: approval 2 of the request is refused: the signature of the key KEY-OF-anna is over another request, or was changed
      nothing was written
    help: approve the request as it was written, without this approval
    ---
    error: approval 2 of the request is refused: the signature of the key KEY-OF-anna is for "file", not for "sastctl-request"
      nothing was written
    help: approve the request as it was written, without this approval
    ---
    error: approval 2 of the request is refused: the signature of the key KEY-OF-anna is over another request, or was changed
      nothing was written
    help: approve the request as it was written, without this approval
    "#);
    let mut broken = fresh.clone();
    broken["approvals"][0] = "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n".into();
    write(&world, &broken);
    assert_eq!(sign(&world).code, 4);
    // Made by hand as docs/exchange.md says, it counts.
    let mut right = fresh.clone();
    right["approvals"].as_array_mut().unwrap().push(by_hand(NAMESPACE, &format!("{digest}\n")));
    write(&world, &right);
    sign(&world).done();
}

fn write(world: &World, request: &Value) {
    // The order of the fields is that of the document.
    let text = String::from_utf8(world.read("R.sastreq")).unwrap();
    let (head, _) = text.split_once("\n  \"approvals\":").unwrap();
    let approvals = serde_json::to_string_pretty(&request["approvals"]).unwrap().replace('\n', "\n  ");
    std::fs::write(world.path("R.sastreq"), format!("{head}\n  \"approvals\": {approvals}\n}}\n")).unwrap();
}

#[test]
fn every_changed_byte_of_an_approval_is_refused() {
    let world = world();
    for kind in ["ecdsa", "rsa"] {
        key(&world, kind, kind, "");
        approve(&world, kind).done();
    }
    approve(&world, "anna").done();
    let request = world.read("R.sastreq");
    let read = |bytes: &[u8]| SigningRequest::read(bytes, pki::spell);
    assert_eq!(read(&request).unwrap().0.approved_by().unwrap().len(), 3);
    let from = request.windows(12).position(|w| w == b"\"approvals\":").unwrap();
    let mut numbers = Numbers(5);
    for at in (from..request.len()).step_by(rounds(7, 1)) {
        let mut changed = request.clone();
        changed[at] ^= 1 << numbers.below(8);
        assert!(read(&changed).is_err(), "byte {at}");
    }
    // Without one of them it is the same request, with fewer approvals.
    let mut fewer = document(&world);
    fewer["approvals"].as_array_mut().unwrap().remove(1);
    write(&world, &fewer);
    assert_eq!(read(&world.read("R.sastreq")).unwrap().0.approved_by().unwrap().len(), 2);
    let many = vec![fewer["approvals"][0].clone(); 65];
    fewer["approvals"] = many.into();
    write(&world, &fewer);
    let refused = read(&world.read("R.sastreq")).unwrap_err().to_string();
    assert_eq!(refused, "approval 65 of the request is refused: a request has at most 64 approvals");
}

/// A signature of a security key counts if somebody touched it. Nobody has one here: the same bytes come from a key in software.
#[test]
fn a_security_key_must_be_touched() {
    let digest = "00".repeat(32);
    let pair = Ed25519Keypair::from_seed(&[7; 32]);
    let signed = |flags: u8, text: &str| {
        let data = SshSig::signed_data(NAMESPACE, HashAlg::Sha512, text.as_bytes()).unwrap();
        let trailer = [flags, 0, 0, 0, 9];
        let sums = |bytes: &[u8]| sastctl::trustlist::digest::sha256(bytes).to_vec();
        let message = [sums(b"ssh:"), trailer.to_vec(), sums(&data)].concat();
        let raw = signature::Signer::<Signature>::try_sign(&pair, &message).unwrap();
        let signature = Signature::new(Algorithm::SkEd25519, [raw.as_bytes(), &trailer].concat()).unwrap();
        let key = KeyData::SkEd25519(SkEd25519::new(pair.public, "ssh:"));
        let whole = SshSig::new(key, NAMESPACE, HashAlg::Sha512, signature).unwrap();
        verify(&whole, &digest)
    };
    assert!(signed(1, &format!("{digest}\n")).unwrap().starts_with("SHA256:"));
    assert!(matches!(signed(0, &format!("{digest}\n")), Err(ApprovalError::Kind(_))));
    assert!(matches!(signed(1, &digest), Err(ApprovalError::OverOther { .. })));
}

#[test]
fn the_key_that_signs_is_pinned() {
    let world = world();
    let with = |token: &str| signers(&world, &format!("approvals = 0\n{token}"));
    let mut said = vec![];
    for token in [
        String::new(),
        token(r#"signs = ["ITL", "sgn"]"#),
        token("signs = [\"CTL\"]\nclusters = [\"Gdansk\", \"Lodz\"]"),
    ] {
        with(&token);
        said.push(refused(&world));
    }
    with(&token("signs = [\"CTL\"]\nclusters = [\"Krakow\"]"));
    sign(&world).done();
    // A request that names no cluster, and one for a kind of file that is not allowed.
    request(&world, &["sign", "CTLFile.tlv"]);
    said.push(refused(&world));
    std::fs::write(world.path("SEP001122334455.cnf.xml"), "<device/>").unwrap();
    request(&world, &["sign", "SEP001122334455.cnf.xml", "--cluster-name", "Krakow"]);
    said.push(refused(&world));
    insta::assert_snapshot!(said.join("---\n"), @r#"
    error: signers.toml does not have the token SAST-ADN008580ef (SHA-256 415967b38e0485e6cb64117c0c8b0c58393b183a147de9c20434c5f2c327536b)
      nothing was written
    help: docs/exchange.md describes signers.toml
    ---
    error: signers.toml does not allow SAST-ADN008580ef to sign CTLFile.new.tlv, which is a file of the kind CTL
      nothing was written
    help: docs/exchange.md describes signers.toml
    ---
    error: signers.toml does not allow SAST-ADN008580ef to sign for the cluster "Krakow"
      nothing was written
    help: --cluster-name of request names the cluster as in signers.toml
    ---
    error: signers.toml does not allow SAST-ADN008580ef to sign for the cluster ""
      nothing was written
    help: --cluster-name of request names the cluster as in signers.toml
    ---
    error: signers.toml does not allow SAST-ADN008580ef to sign SEP001122334455.cnf.xml.sgn, which is a file of the kind sgn
      nothing was written
    help: docs/exchange.md describes signers.toml
    "#);
}

#[test]
fn a_token_that_is_not_there_is_said_to_be_somewhere() {
    let mut world = world();
    signers(
        &world,
        &format!("approvals = 0\n{}", token(&format!("{ANY}\nprofile = \"luna\"\nlabel = \"HSM 1\""))),
    );
    world.set("SASTCTL_MODULE", "/nonexistent/module.so");
    let gone = sign(&world);
    assert_ne!(gone.code, 0);
    assert!(
        gone.stderr.contains("SAST-ADN008580ef is here, by signers.toml: profile luna, label HSM 1\n"),
        "{}",
        gone.all()
    );
}

#[test]
fn a_request_may_want_more_approvals_never_fewer() {
    let world = world();
    usual(&world);
    request(&world, &["sign", "CTLFile.tlv", "--approvals", "3"]);
    approve(&world, "anna").done();
    approve(&world, "ben").done();
    assert!(refused(&world).starts_with("error: too few people approved the request: 2 of 3; "));
    approve(&world, "cleo").done();
    sign(&world).done();
    // The number is part of what was approved.
    let text = String::from_utf8(world.read("R.sastreq")).unwrap();
    let less = text.replace("\"needs_approvals\": 3", "\"needs_approvals\": 0");
    assert!(less != text);
    std::fs::write(world.path("R.sastreq"), less).unwrap();
    assert!(refused(&world).contains("the field digest does not fit"));
    request(&world, &["sign", "CTLFile.tlv", "--approvals", "1"]);
    approve(&world, "anna").done();
    assert!(refused(&world).starts_with("error: too few people approved the request: 1 of 2; "));
    // Where nobody is known, nobody can approve.
    std::fs::remove_file(world.path("home/.config/sastctl/signers.toml")).unwrap();
    insta::assert_snapshot!(refused(&world), @"
    error: the request needs approvals, but there is no signers.toml that says who may approve
      nothing was written
    help: docs/exchange.md describes signers.toml
    ");
    request(&world, &["sign", "CTLFile.tlv"]);
    let signed = sign(&world).done();
    assert!(
        signed.stderr.contains("There is no signers.toml: nobody but you approves what is signed here\n")
    );
}

#[test]
fn where_people_may_ask_one_of_them_must_have_signed() {
    let world = world();
    let both = r#"["ask", "approve"]"#;
    let anna = person(&world, "Anna Nowak", &["anna"], r#"["ask"]"#);
    let ben = person(&world, "Ben", &["ben"], APPROVES);
    signers(&world, &format!("approvals = 1\n{anna}{ben}{}", token(ANY)));
    approve(&world, "ben").done();
    insta::assert_snapshot!(refused(&world), @"
    error: nobody who may ask has signed the request; Anna Nowak may ask
      nothing was written
    help: each of these people: sastctl approve R.sastreq --key FILE
    ");
    approve(&world, "anna").done();
    let shown = named(&world, &sign(&world).done().stdout);
    assert!(shown.contains("  approved  Ben, KEY-OF-ben\n  asked     Anna Nowak, KEY-OF-anna\n"), "{shown}");
    // Whoever may do both does both with one signature.
    let anna = person(&world, "Anna Nowak", &["anna"], both);
    signers(&world, &format!("approvals = 2\n{anna}{ben}{}", token(ANY)));
    sign(&world).done();
}

#[test]
fn a_wrong_signers_file_is_refused() {
    let world = world();
    let text = usual_text(&world);
    let anna = public(&world, "anna");
    world.tool("ssh-keygen", &["-q", "-N", "", "-t", "rsa", "-b", "1024", "-f", "weak"]);
    let weak = public(&world, "weak");
    let mut said = vec![];
    for wrong in [
        text.replace("approvals = 2\n", ""),
        text.replace("approvals = 2", "approvals = 4"),
        text.replace("approvals = 2", "approvals = -1"),
        text.replace("approvals = 2", "aprovals = 2\napprovals = 2"),
        text.replace("\"Ben\"", "\"anna nowak \""),
        text.replace(&public(&world, "ben"), &anna),
        text.replace(&anna, "ssh-ed25519 AAAA anna"),
        text.replace(&anna, &weak),
        text.replacen(r#"roles = ["approve"]"#, "roles = []", 1),
        text.replacen(r#"roles = ["approve"]"#, r#"roles = ["sign"]"#, 1),
        format!("revoked = [\"MD5:00\"]\n{text}"),
        text.replace(PIN_OF_A, "4159"),
        format!("{text}{}", token(ANY)),
        text.replace(ANY, r#"signs = ["CTL", "LSC"]"#),
    ] {
        assert!(wrong != text);
        let why = Signers::parse(&wrong).unwrap_err();
        said.push(named(&world, &why.replace(&fingerprint(&world, "weak"), "WEAK")));
    }
    let page = String::from_utf8(pki::read("docs/exchange.md")).unwrap();
    let example = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    Signers::parse(example).unwrap();
    insta::assert_snapshot!(said.join("\n"), @r#"
    line 1: missing field `approvals`
    4 people must approve, but only 3 may
    line 1: expected usize
    line 1: unknown field `aprovals`, expected one of `approvals`, `revoked`, `person`, `token`
    "anna nowak " has no key or no role, or is there twice
    the key KEY-OF-anna is there twice; once it is a key of Ben
    a key of Anna Nowak: length invalid
    Anna Nowak: the key WEAK is RSA 1024; RSA keys have 2048 to 8192 bits here
    "Anna Nowak" has no key or no role, or is there twice
    line 5: expected `ask` or `approve`
    "MD5:00" in revoked is not a fingerprint as ssh-keygen -l prints it
    the token "4159" is there twice, is no SHA-256, or signs something other than CTL, ITL and sgn
    the token "415967b38e0485e6cb64117c0c8b0c58393b183a147de9c20434c5f2c327536b" is there twice, is no SHA-256, or signs something other than CTL, ITL and sgn
    the token "415967b38e0485e6cb64117c0c8b0c58393b183a147de9c20434c5f2c327536b" is there twice, is no SHA-256, or signs something other than CTL, ITL and sgn
    "#);
    signers(&world, "approvals = 2");
    let outcome = sign(&world);
    assert_eq!(outcome.code, 4, "{}", outcome.all());
    assert!(
        outcome.stderr.contains("signers.toml is not used: 2 people must approve, but only 0 may"),
        "{}",
        outcome.all()
    );
    // A file that others may write decides nothing; neither does one that was named and is not there.
    usual(&world);
    let file = world.path("home/.config/sastctl/signers.toml");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
    let outcome = sign(&world);
    assert_eq!(outcome.code, 4, "{}", outcome.all());
    insta::assert_snapshot!(outcome.stderr, @"
    error: DIR/home/.config/sastctl/signers.toml is not used: everybody may write DIR/home/.config/sastctl/signers.toml
      nothing was written
    help: docs/exchange.md describes signers.toml
    ");
    let named = world.run(&["sign-request", "R.sastreq", "--signers", "none.toml"]);
    assert!(named.code == 4 && named.stderr.contains("there is no file none.toml"), "{}", named.all());
}

#[test]
fn copies_that_were_approved_on_two_machines_become_one() {
    let world = world();
    usual(&world);
    std::fs::copy(world.path("R.sastreq"), world.path("copy.sastreq")).unwrap();
    approve(&world, "anna").done();
    world.run(&["approve", "copy.sastreq", "--key", "ben"]).done();
    let merged = world.run(&["approve", "R.sastreq", "--merge", "copy.sastreq", "--json"]).done().json();
    let keys = ["anna", "ben"].map(|key| Value::from(fingerprint(&world, key)));
    assert_eq!(merged["approved_by"], Value::from(keys.to_vec()));
    world.run(&["approve", "R.sastreq", "--merge", "copy.sastreq"]).done();
    assert_eq!(document(&world)["approvals"].as_array().unwrap().len(), 2);
    sign(&world).done();
    request(&world, &["sign", "CTLFile.tlv"]);
    let other = world.run(&["approve", "R.sastreq", "--merge", "copy.sastreq"]);
    assert!(other.code == 1 && other.stderr.contains("the other file is not a copy of this request"));
}

#[test]
fn ssh_agent_signs_where_only_the_public_key_is_there() {
    let mut world = world();
    usual(&world);
    std::fs::rename(world.path("anna"), world.path("away")).unwrap();
    let refused = approve(&world, "anna.pub");
    assert_eq!(refused.code, 1);
    let words = "error: ssh-keygen did not sign: No private key found for public key \"anna.pub\"\n";
    assert!(refused.stderr.contains(words), "{}", refused.all());
    assert!(refused.stderr.ends_with("help: with a public key ssh-agent signs; ssh-add -l lists its keys\n"));
    let socket = world.path("agent").to_str().unwrap().to_owned();
    let mut agent = world.program("ssh-agent", &["-D", "-a", &socket]);
    let mut agent = agent.stdout(std::process::Stdio::null()).spawn().unwrap();
    crate::support::until("the agent listens", || world.path("agent").exists());
    world.set("SSH_AUTH_SOCK", &socket);
    world.tool("ssh-add", &["-q", "away"]);
    let approved = approve(&world, "anna.pub");
    agent.kill().unwrap();
    agent.wait().unwrap();
    approved.done();
    approve(&world, "ben").done();
    sign(&world).done();
}

#[test]
fn without_ssh_keygen_nothing_is_approved() {
    let mut world = world();
    let before = world.read("R.sastreq");
    world.set("PATH", "/nonexistent");
    let outcome = approve(&world, "anna");
    assert_eq!(outcome.code, 1);
    insta::assert_snapshot!(said_last(&outcome), @"
    error: ssh-keygen cannot be started: No such file or directory (os error 2)
      nothing was written
    help: ssh-keygen comes with OpenSSH; it must be in the PATH
    ");
    assert!(world.read("R.sastreq") == before);
}

/// The plan is shown, the question asked; the passphrase goes to `ssh-keygen` alone.
#[test]
fn a_person_at_a_terminal_sees_the_plan_and_types_a_passphrase() {
    let world = world();
    key(&world, "dora", "ed25519", "long passphrase");
    let args = ["approve", "R.sastreq", "--key", "dora"];
    let outcome = world.run_without_yes(&args, b"y\n");
    assert!(outcome.code != 0 && outcome.stderr.contains("there is no terminal to ask"), "{}", outcome.all());
    for (answer, typed) in [("n", None), ("y", Some("wrong")), ("y", Some("long passphrase"))] {
        let mut session = spawn_command(world.command(&args), Some(20_000)).unwrap();
        let seen = session.exp_string("Approve this with the key dora?").unwrap();
        assert!(seen.contains("CTLFile.tlv") && seen.contains("digest    "), "{seen}");
        session.send_line(answer).unwrap();
        if let Some(typed) = typed {
            session.exp_string("passphrase").unwrap();
            session.send_line(typed).unwrap();
        }
        let rest = session.exp_eof().unwrap();
        let approved = document(&world)["approvals"].as_array().unwrap().len();
        match typed {
            None => {
                assert!(rest.contains("cancelled; nothing was approved and nothing was written"), "{rest}")
            }
            Some("wrong") => assert!(rest.contains("incorrect passphrase"), "{rest}"),
            Some(_) => assert!(rest.contains("approved with SHA256:"), "{rest}"),
        }
        assert_eq!(approved, usize::from(typed == Some("long passphrase")), "{rest}");
    }
}
