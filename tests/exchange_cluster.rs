//! `request revert --node`: the run waits at its signing step while its request is signed where no network goes, and goes on
//! with the answer.

use std::path::PathBuf;
use std::process::Command;

use jiff::Timestamp;
use sastctl::trustlist::digest;
use sastctl::workflow::exchange::SigningRequest;
use sastctl::workflow::journal::{Event, Journal, VerifiedJournal};
use serde_json::Value;

use crate::pki;
use crate::support::cluster::Cluster;
use crate::support::run::{acts, arguments, assert_reverted, go, kill_when_done, started};
use crate::support::{Outcome, World, schema, skip};

const A: &str = "SAST-ADN008580ef.cer";
const B: &str = "SAST-ADN0054f509.cer";

/// A cluster, and the certificates of both tokens on the connected machine, which has no token and no module.
fn connected(count: usize) -> Option<(World, Cluster)> {
    let (mut world, cluster) = started(count)?;
    for (file, name) in [(A, "SAST-ADN008580ef"), (B, "SAST-ADN0054f509")] {
        std::fs::write(world.path(file), pki::token(name).der()).unwrap();
    }
    world.set("SASTCTL_MODULE", "/nonexistent/module.so");
    Some((world, cluster))
}

/// The options of `request revert --node`.
fn request_arguments(cluster: &Cluster, more: &[&str]) -> Vec<String> {
    let mut args = arguments(cluster, &["--out", "R.sastreq"]);
    args.insert(0, "request".to_owned());
    for (option, file) in [("--token", A), ("--spare", B)] {
        let at = args.iter().position(|a| a == option).unwrap();
        args[at + 1] = file.to_owned();
    }
    args.extend(more.iter().map(|m| (*m).to_owned()));
    args
}

/// The options of `revert --node` without tokens.
fn resume_arguments(cluster: &Cluster, more: &[&str]) -> Vec<String> {
    let mut args = arguments(cluster, &["--resume"]);
    for option in ["--token", "--spare", "--timestamp"] {
        let at = args.iter().position(|a| a == option).unwrap();
        args.drain(at..at + 2);
    }
    args.extend(more.iter().map(|m| (*m).to_owned()));
    args
}

fn run(world: &World, args: &[String]) -> Outcome {
    world.run_without_yes(&args.iter().map(String::as_str).collect::<Vec<_>>(), b"")
}

fn ask(world: &World, cluster: &Cluster, more: &[&str]) -> Outcome {
    run(world, &request_arguments(cluster, more))
}

/// The machine with the token signs.
fn sign(world: &mut World) -> Outcome {
    schema::holds("sastctl-request", &request(world));
    world.unset("SASTCTL_MODULE");
    let signed = world.run(&["sign-request", "R.sastreq", "--ledger", "signing-room/ledger"]);
    world.set("SASTCTL_MODULE", "/nonexistent/module.so");
    signed
}

/// TVS may forget the token while the request is away: phones would refuse the list that is about to be published.
#[test]
fn a_signer_that_tvs_knows_no_more_stops_the_run() {
    let Some((mut world, cluster)) = connected(2) else { return };
    ask(&world, &cluster, &[]).done();
    sign(&mut world).done();
    let (trust, away) = (cluster.nodes[0].folder.join("trust"), world.path("trust"));
    std::fs::rename(&trust, &away).unwrap();
    let before = acts(&cluster);
    let stopped = go_on(&world, &cluster);
    assert_eq!(stopped.code, 1, "{}", stopped.all());
    assert!(
        stopped.stderr.contains("phones would refuse a list signed by SAST-ADN008580ef"),
        "{}",
        stopped.all()
    );
    assert_eq!(acts(&cluster), before, "nothing was changed");
    std::fs::rename(&away, &trust).unwrap();
    go_on(&world, &cluster).done();
    assert_reverted(&world, &cluster);
}

/// In the signing room two of Anna and Ben must approve, and token A may sign a CTL.
fn approvers(world: &World) {
    let mut text = "approvals = 2\n".to_owned();
    for name in ["anna", "ben"] {
        world.tool("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", name]);
        let key = String::from_utf8(world.read(&format!("{name}.pub"))).unwrap();
        text += &format!("[[person]]\nname = {name:?}\nkeys = [{:?}]\nroles = [\"approve\"]\n", key.trim());
    }
    let sha256 = digest::hex(&pki::token("SAST-ADN008580ef").sha256(), "");
    text += &format!("[[token]]\ncertificate = {sha256:?}\nsigns = [\"CTL\"]\n");
    std::fs::create_dir_all(world.path("home/.config/sastctl")).unwrap();
    std::fs::write(world.path("home/.config/sastctl/signers.toml"), text).unwrap();
}

const ANSWER: [&str; 2] = ["--answer", "R.sastans"];

fn go_on(world: &World, cluster: &Cluster) -> Outcome {
    run(world, &resume_arguments(cluster, &ANSWER))
}

fn request(world: &World) -> Value {
    serde_json::from_slice(&world.read("R.sastreq")).unwrap()
}

/// Addresses, times, serial numbers and digests are replaced by names.
fn shown(world: &World, cluster: &Cluster, text: &str) -> String {
    let request = request(world);
    let of = |key: &str| request[key].as_str().unwrap().to_owned();
    let (read, _) = SigningRequest::read(&world.read("R.sastreq"), pki::spell).unwrap();
    let text = text.replace(&read.digest_groups(), "GROUPS").replace(&read.digest_words(), "WORDS");
    let mut text = text.replace(&cluster.publisher(), "PUBLISHER");
    for (at, node) in cluster.nodes.iter().enumerate() {
        if let Some(when) = request["seen"]["nodes"][at]["tvs"]["at"].as_str() {
            text = text.replace(&format!("at {when}"), "at WHEN");
        }
        text = text.replace(&node.address, &format!("NODE{at}"));
    }
    for (key, name) in [
        ("serial", "SERIAL"),
        ("digest", "DIGEST"),
        ("made", "MADE"),
        ("expires", "EXPIRES"),
        ("asked_by", "SOMEBODY"),
    ] {
        text = text.replace(&of(key), name);
    }
    text
}

/// The lines of a text that have one of these words.
fn lines_with(text: &str, words: &[&str]) -> String {
    text.lines().filter(|line| words.iter().any(|word| line.contains(word))).collect::<Vec<_>>().join("\n")
}

/// Whether a process gets a network without interfaces here.
fn can_be_alone() -> bool {
    let alone = Command::new("unshare").args(["-n", "cat", "/proc/net/dev"]).output();
    let Some(alone) = alone.ok().filter(|alone| alone.status.success()) else {
        skip("unshare makes no network namespace here: nothing proves that the signer needs no network");
        return false;
    };
    let text = String::from_utf8_lossy(&alone.stdout).into_owned();
    assert!(text.lines().skip(2).all(|line| line.trim_start().starts_with("lo:")), "{text}");
    true
}

#[test]
fn a_cluster_is_changed_by_a_token_that_no_network_reaches() {
    let Some((mut world, cluster)) = connected(3) else { return };
    let asked = ask(&world, &cluster, &["--change", "CHG0012345"]).done();
    // What the signing step needs was done, and no list was changed.
    let done = acts(&cluster);
    assert_eq!(done[0], ["set cert import trust Phone-SAST-trust"; 2]);
    assert!(done[1].is_empty() && done[2].is_empty(), "{done:?}");
    insta::assert_snapshot!(shown(&world, &cluster, &asked.stdout), @"
    run/CTLFile.tlv   4947 bytes, tokenless, signed by cucm-1051-a-pub, 4 records
    Plan
      - SAST       cucm-1051-a-pub   the tokenless signer leaves
      ~ CCM+TFTP   cucm-1051-a-pub   10.48.47.155, as the CTL Client writes it
      ~ CAPF       CAPF-e41e7d87     10.48.47.155, as the CTL Client writes it
      ~ CCM+TFTP   cucm-1051-a-sub1  10.48.47.156, as the CTL Client writes it
      + SAST       SAST-ADN0054f509  spare
      + SAST       SAST-ADN008580ef  signs this file (RSA 1024, SHA-1)
    Phones that hold run/CTLFile.tlv
      7945, 7965 and newer     accept: TVS knows SAST-ADN008580ef
      7940, 7960, Jabber, …    refuse: SAST-ADN008580ef is not a trusted signer (SAST) in the phone's CTL; its list must be deleted by hand
      no list yet              accept
    R.sastreq   request SERIAL
      asked by  SOMEBODY, MADE
      change    CHG0012345
      signer    SAST-ADN008580ef, SHA-256 415967b38e0485e6cb64117c0c8b0c58393b183a147de9c20434c5f2c327536b
      run       on PUBLISHER, in the folder run
      node      NODE0:2222: CTL with MD5 070367a63575fce81194a47c671ce3c2, TVS on NODE0:12445 said valid, as SAST, at WHEN
      node      NODE1:2222: CTL with MD5 070367a63575fce81194a47c671ce3c2, TVS on NODE1:12445 said valid, as SAST, at WHEN
      node      NODE2:2222: CTL with MD5 070367a63575fce81194a47c671ce3c2, TVS on NODE2:12445 said valid, as SAST, at WHEN
      expires   EXPIRES
      digest    GROUPS
      words     WORDS
    ");
    let next = lines_with(&asked.stderr, &["Carry it", "The run waits"]);
    insta::assert_snapshot!(shown(&world, &cluster, &next), @"
    Carry it to the machine with the token, and there: sastctl sign-request R.sastreq
    The run waits for the answer. Then, with the options of this command: sastctl revert --node PUBLISHER --work run --resume --answer R.sastans
    ");
    let there = world.run(&["journal", "show"]).done().stdout;
    assert!(there.contains("CHG0012345"), "{there}");
    approvers(&world);
    let too_few = sign(&mut world);
    assert!(too_few.code == 1 && too_few.stderr.contains("approv"), "{}", too_few.all());
    for name in ["anna", "ben"] {
        world.run(&["approve", "R.sastreq", "--key", name]).done();
    }
    world.run(&["ceremony", "R.sastreq", "--html", "sheet.html"]).done();
    let sheet = String::from_utf8(world.read("sheet.html")).unwrap();
    let goes_on =
        format!("sastctl revert --node {} --work run --resume --answer R.sastans", cluster.publisher());
    assert!(sheet.contains(&goes_on) && !sheet.contains("sastctl apply"), "{sheet}");

    if !can_be_alone() {
        return;
    }
    world.run_inside(&["unshare", "-n"]);
    let (publisher, options) = (cluster.publisher(), cluster.options());
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let unreached = world.run(&[&["cluster", "status", "--node", &publisher][..], &options].concat());
    assert_eq!(unreached.code, 5, "the signer reaches no node: {}", unreached.all());
    let signed = sign(&mut world).done();
    // The same plan, the same facts.
    let plan = |text: &str| {
        text[text.find("Plan\n").unwrap()..text.find("\nR.sastreq").unwrap_or(text.len())].to_owned()
    };
    let there = plan(&asked.stdout);
    assert!(signed.stdout.contains(there.trim_end()), "{}\n---\n{there}", signed.stdout);
    let facts = |text: &str| lines_with(text, &["  run ", "  node ", "  digest ", "  words "]);
    assert_eq!(facts(&signed.stdout), facts(&asked.stdout));
    let back = lines_with(&signed.stderr, &["Carry it"]);
    insta::assert_snapshot!(shown(&world, &cluster, &back), @"Carry it back to the machine that asked, and there: sastctl revert --node PUBLISHER --work run --resume --answer R.sastans");
    world.run_inside(&[]);

    let done = go_on(&world, &cluster).done();
    assert_reverted(&world, &cluster);
    assert!(done.stdout.contains("Done. Every node shows and serves the new CTL."), "{}", done.all());
    for (at, acts) in acts(&cluster).iter().enumerate() {
        assert!(
            acts.iter().filter(|act| act.starts_with("utils service restart")).count() == 2,
            "{at}: {acts:?}"
        );
    }
    let ledger = String::from_utf8(world.read("state/sastctl/requests.ledger")).unwrap();
    let serial = request(&world)["serial"].as_str().unwrap().to_owned();
    assert!(ledger.starts_with(&format!("applied {serial} ")), "{ledger}");
    world.run(&["journal", "verify"]).done();
    let page = world.run(&["journal", "show"]).done().stdout;
    assert!(page.contains("SAST-ADN008580ef") && page.contains("verify: done:"), "{page}");
    world.run(&["journal", "verify", "run/signing.jsonl", "--signer", A]).done();
    let again = go_on(&world, &cluster);
    assert!(again.code == 1 && again.stderr.contains("is complete"), "{}", again.all());
    // The way back is that of every run.
    go(&world, &cluster, &["--rollback"]).done();
    assert!(cluster.nodes[2].ctl().unwrap() == pki::golden_bytes("tokenless.tlv"));
}

#[test]
fn a_list_that_changes_on_one_node_stops_the_run() {
    let Some((mut world, cluster)) = connected(3) else { return };
    ask(&world, &cluster, &[]).done();
    sign(&mut world).done();
    let (old, other) = (pki::golden_bytes("tokenless.tlv"), pki::golden_bytes("tokenless-regenerated.tlv"));
    let before = acts(&cluster);
    // The publisher is not always the one that changed.
    for changed in [1, 0] {
        cluster.nodes[changed].put("CTLFile.tlv", &other);
        let stopped = go_on(&world, &cluster);
        assert_eq!(stopped.code, 1, "{}", stopped.all());
        let said = shown(&world, &cluster, &stopped.stderr).replace(&format!("NODE{changed}:"), "CHANGED:");
        let said = lines_with(&said, &["error", "stopped", "state", "help"]);
        insta::allow_duplicates! {
            insta::assert_snapshot!(said, @"
    error: CHANGED:2222 holds another CTL than when the request was made: MD5 d0eea391fe1e0d6f8fbc836401111657
      stopped  at sign: plan the new CTL and sign it on the token
      state    the new CTL is not on the cluster; the CTL in force still is
    help: the answer is not for this CTL; make a new request, with the other options of this run: sastctl request revert --node PUBLISHER --work run --token run/certs/SAST-ADN008580ef.cer --spare run/certs/SAST-ADN0054f509.cer --out R.sastreq
    help: to continue, run the same command with --resume
    ");
        }
        cluster.nodes[changed].put("CTLFile.tlv", &old);
    }
    assert_eq!(acts(&cluster), before, "nothing was changed");
    assert!(!world.path("run/CTLFile.new.tlv").exists());
    // The new request is for the new list; the old answer is not an answer to it.
    cluster.nodes.iter().for_each(|node| node.put("CTLFile.tlv", &other));
    ask(&world, &cluster, &[]).done();
    let foreign = go_on(&world, &cluster);
    assert!(foreign.stderr.contains("error: the answer is to the request"), "{}", foreign.all());
    sign(&mut world).done();
    go_on(&world, &cluster).done();
    assert!(world.read("run/CTLFile.tlv") == other);
    for node in &cluster.nodes {
        assert!(node.ctl().unwrap() == world.read("run/CTLFile.new.tlv"), "{}", node.address);
    }
}

/// The journal of the run.
fn journal(world: &World) -> PathBuf {
    PathBuf::from(String::from_utf8(world.read("run/journal.path")).unwrap().trim_end())
}

fn copy(world: &World, from: &str, to: &str) {
    world.tool("cp", &["-a", from, to]);
}

/// What is said where the run does not go on.
fn refused(world: &World, cluster: &Cluster, more: &[&str]) -> String {
    let stopped = run(world, &resume_arguments(cluster, more));
    assert_eq!(stopped.code, 1, "{}", stopped.all());
    lines_with(&shown(world, cluster, &stopped.stderr), &["error", "help", "used"])
}

#[test]
fn each_answer_that_does_not_fit_has_its_own_message() {
    let Some((mut world, cluster)) = connected(1) else { return };
    ask(&world, &cluster, &[]).done();
    sign(&mut world).done();
    insta::assert_snapshot!(refused(&world, &cluster, &[]), @"
    error: the run waits for the answer to the request SERIAL
    help: run the same command with --resume --answer FILE
    help: to sign with a token here instead, start a new run: the same command without --resume
    help: to continue, run the same command with --resume
    ");
    let applied = world.run(&["apply", "R.sastans", "--request", "R.sastreq", "--out", "new.tlv"]);
    assert_eq!(applied.code, 1, "{}", applied.all());
    insta::assert_snapshot!(shown(&world, &cluster, &applied.stderr), @"
    error: the request belongs to a run on a cluster, which goes on with the answer
      nothing was written
    help: sastctl revert --node PUBLISHER --work run --resume --answer R.sastans
    ");

    // Another request of the same run: its own answer only.
    copy(&world, "R.sastans", "foreign.sastans");
    ask(&world, &cluster, &["--resume"]).done();
    let foreign = refused(&world, &cluster, &["--answer", "foreign.sastans"]);
    let first: Value = serde_json::from_slice(&world.read("foreign.sastans")).unwrap();
    let named = |text: String, key: &str, name: &str| text.replace(first[key].as_str().unwrap(), name);
    let foreign = named(named(foreign, "serial", "OTHER"), "request", "OTHER-DIGEST");
    insta::assert_snapshot!(foreign, @"
    error: the answer is to the request OTHER with the digest OTHER-DIGEST, not to SERIAL with the digest DIGEST
    help: give the answer and the request that belong together
    help: to continue, run the same command with --resume
    ");

    // An answer is used once, also where the run is put back to where it waited.
    sign(&mut world).done();
    let journal = journal(&world).display().to_string();
    copy(&world, "run", "kept-run");
    copy(&world, &journal, "kept-journal");
    go_on(&world, &cluster).done();
    assert_reverted(&world, &cluster);
    go(&world, &cluster, &["--rollback"]).done();
    std::fs::remove_dir_all(world.path("run")).unwrap();
    copy(&world, "kept-run", "run");
    copy(&world, "kept-journal", &journal);
    let twice = refused(&world, &cluster, &ANSWER);
    let when = twice.split("used     ").nth(1).unwrap().lines().next().unwrap().to_owned();
    insta::assert_snapshot!(twice.replace(&when, "TIME"), @"
    error: the answer to the request SERIAL was used before
      used     TIME
    help: for another signature make a new request
    help: to continue, run the same command with --resume
    ");
    assert!(cluster.nodes[0].ctl().unwrap() == pki::golden_bytes("tokenless.tlv"));
}

#[test]
fn an_answer_that_comes_too_late_is_refused() {
    let Some((mut world, cluster)) = connected(1) else { return };
    ask(&world, &cluster, &[]).done();
    // As if the request had been made with less time.
    let text = String::from_utf8(world.read("R.sastreq")).unwrap();
    let of = |key: &str| request(&world)[key].as_str().unwrap().to_owned();
    let soon = Timestamp::from_second(Timestamp::now().as_second() + 6).unwrap();
    let (text, sum) = sealed(&text.replace(&of("expires"), &soon.to_string()), &of("digest"));
    let (path, serial) = (journal(&world), of("serial"));
    let lines = VerifiedJournal::read_whole_lines(&std::fs::read(&path).unwrap()).unwrap().0;
    let mut again = Journal::create(&world.path("again"), "revert-node", "2026-11-21T07:30:00Z").unwrap();
    for line in lines.lines() {
        let event = match &line.event {
            Event::Request { .. } => {
                Event::Request { serial: serial.clone(), digest: sum.clone(), people: vec![] }
            }
            other => other.clone(),
        };
        again.add_at(&line.time, event).unwrap();
    }
    std::fs::copy(again.path(), path).unwrap();
    for file in ["R.sastreq", "run/request.sastreq"] {
        std::fs::write(world.path(file), &text).unwrap();
    }
    sign(&mut world).done();
    std::thread::sleep(std::time::Duration::from_secs(6));
    let late = go_on(&world, &cluster);
    assert_eq!(late.code, 1, "{}", late.all());
    let said = lines_with(&shown(&world, &cluster, &late.stderr), &["error", "help"]);
    assert!(said.starts_with("error: the answer comes too late: its request expired at EXPIRES"), "{said}");
    assert!(cluster.nodes[0].ctl().unwrap() == pki::golden_bytes("tokenless.tlv"));
    // A new request, for the same run.
    ask(&world, &cluster, &["--resume"]).done();
    sign(&mut world).done();
    go_on(&world, &cluster).done();
    assert_reverted(&world, &cluster);
    acts(&cluster);
}

/// A request with this digest, changed, with a digest that fits.
fn sealed(text: &str, digest: &str) -> (String, String) {
    let sum = digest::hex(&digest::sha256(text.replace(digest, "").as_bytes()), "");
    (text.replace(digest, &sum), sum)
}

/// SIGKILL after each step, before the request and after the answer; the same command with `--resume` continues.
#[test]
fn a_killed_run_asks_and_goes_on_where_it_stopped() {
    for step in ["keep", "trust", "vouch"] {
        let Some((mut world, cluster)) = connected(1) else { return };
        kill_when_done(&world, &request_arguments(&cluster, &[]), step, 0);
        ask(&world, &cluster, &["--resume"]).done();
        sign(&mut world).done();
        go_on(&world, &cluster).done();
        assert_reverted(&world, &cluster);
        acts(&cluster);
    }
}

#[test]
fn a_run_killed_with_its_answer_goes_on() {
    killed_with_the_answer(&["sign", "delete"]);
}

#[test]
fn a_run_killed_between_publish_steps_goes_on() {
    killed_with_the_answer(&["publish", "restart"]);
}

fn killed_with_the_answer(after: &[&str]) {
    for step in after {
        let Some((mut world, cluster)) = connected(2) else { return };
        ask(&world, &cluster, &[]).done();
        sign(&mut world).done();
        kill_when_done(&world, &resume_arguments(&cluster, &ANSWER), step, 0);
        go_on(&world, &cluster).done();
        assert_reverted(&world, &cluster);
        acts(&cluster);
        world.run(&["journal", "verify"]).done();
    }
}

/// Every place in the signing step where the run may be killed: the ledger has one line, and the list is published.
#[test]
fn a_run_killed_while_it_takes_its_answer_goes_on() {
    let Some((mut world, cluster)) = connected(1) else { return };
    ask(&world, &cluster, &[]).done();
    sign(&mut world).done();
    kill_when_done(&world, &resume_arguments(&cluster, &ANSWER), "sign", 0);
    let (path, ledger) = (journal(&world), world.path("state/sastctl/requests.ledger"));
    let (lines, entered) =
        (std::fs::read_to_string(&path).unwrap(), std::fs::read_to_string(&ledger).unwrap());
    let asked = lines.find("\"event\":\"request\"").unwrap();
    for (last, in_ledger, is_refused) in [
        ("token", false, false),
        ("input", false, false),
        ("input", true, true),
        ("plan", false, false),
        ("plan", true, false),
        ("output", true, false),
    ] {
        cluster.nodes[0].put("CTLFile.tlv", &pki::golden_bytes("tokenless.tlv"));
        let at = asked + lines[asked..].find(&format!("\"event\":\"{last}\"")).unwrap();
        let end = at + lines[at..].find('\n').unwrap() + 1;
        std::fs::write(&path, &lines[..end]).unwrap();
        std::fs::write(&ledger, if in_ledger { &entered } else { "" }).unwrap();
        let on = go_on(&world, &cluster);
        if is_refused {
            assert!(on.stderr.contains("was used before"), "after {last}: {}", on.all());
            continue;
        }
        assert_eq!(on.code, 0, "after {last}: {}", on.all());
        assert_reverted(&world, &cluster);
        assert_eq!(std::fs::read_to_string(&ledger).unwrap().lines().count(), 1, "after {last}");
        world.run(&["journal", "verify", "run/signing.jsonl", "--signer", A]).done();
    }
}

#[test]
fn over_the_bridge_the_request_is_for_the_bridge() {
    let Some((mut world, cluster)) = connected(2) else { return };
    ask(&world, &cluster, &["--bridge", "--phones-have-it", "--no-tvs"]).done();
    let signed = sign(&mut world).done();
    assert!(signed.stdout.contains("TVS was not asked"), "{}", signed.stdout);
    assert!(lines_with(&signed.stderr, &["Carry it"]).contains(" --bridge "), "{}", signed.stderr);
    run(&world, &resume_arguments(&cluster, &["--answer", "R.sastans", "--bridge"])).done();
    for node in &cluster.nodes {
        assert!(node.ctl().unwrap() == world.read("run/CTLFile.new.tlv"), "{}", node.address);
    }
}

/// What the nodes showed is made again from the list, decides about the plan, or is covered by the digest.
#[test]
fn changed_facts_are_refused() {
    let Some((world, cluster)) = connected(1) else { return };
    let json = ask(&world, &cluster, &["--json"]).done().json();
    assert_eq!(json["request"], "R.sastreq");
    let text = String::from_utf8(world.read("R.sastreq")).unwrap();
    let read = |text: &str| SigningRequest::read(text.as_bytes(), pki::spell).map(drop);
    read(&text).unwrap();
    let seen = &request(&world)["seen"]["nodes"][0];
    let (md5, digest) =
        (seen["ctl_md5"].as_str().unwrap(), request(&world)["digest"].as_str().unwrap().to_owned());
    let at = text.find("\"seen\"").unwrap();
    let changed = |from: &str, to: &str| text[..at].to_owned() + &text[at..].replace(from, to);
    let valid = "\"roles\": [\n            0\n          ]";
    assert!(text[at..].contains(valid), "{}", &text[at..]);
    for (from, to, field) in [
        (md5, "0123456789abcdef0123456789abcdef", "the field seen.nodes"),
        (valid, "\"roles\": [\n            2\n          ]", "plans.0.digest"),
        ("\"query\"", "\"asked\"", "unknown variant"),
    ] {
        let refused = read(&sealed(&changed(from, to), &digest).0).unwrap_err().to_string();
        assert!(refused.contains(field), "{refused}");
    }
    let when = seen["tvs"]["at"].as_str().unwrap();
    let refused = read(&changed(when, "2026-01-01T00:00:00Z")).unwrap_err().to_string();
    assert!(refused.contains("the field digest"), "{refused}");
}

#[test]
fn what_a_request_cannot_do_is_refused() {
    let Some((mut world, cluster)) = connected(1) else { return };
    let taken_back = ask(&world, &cluster, &["--rollback"]);
    assert_eq!(taken_back.code, 2, "{}", taken_back.all());
    assert!(!world.run(&["help", "request", "revert"]).done().stdout.contains("--rollback"));
    world.place("tokenless.tlv", "CTLFile.tlv");
    let file =
        ["request", "revert", "CTLFile.tlv", "--token", A, "--spare", B, "--out", "R.sastreq", "--resume"];
    let refused = world.run(&file);
    assert!(refused.code == 2 && refused.stderr.contains("--resume needs --node"), "{}", refused.all());
    let nothing = world.run(&["request", "revert", "--token", A, "--out", "R.sastreq"]);
    assert_eq!(nothing.code, 2, "{}", nothing.all());
    assert!(acts(&cluster).iter().all(Vec::is_empty));
    // A run that signs itself has no use for an answer.
    world.unset("SASTCTL_MODULE");
    let stopped = go(&world, &cluster, &["--timestamp", "no time"]);
    assert_ne!(stopped.code, 0);
    kill_when_done(&world, &arguments(&cluster, &[]), "vouch", 0);
    std::fs::write(world.path("R.sastans"), "{}").unwrap();
    let not_asked = go_on(&world, &cluster);
    assert!(not_asked.stderr.contains("the request in run is missing"), "{}", not_asked.all());
    go(&world, &cluster, &["--resume"]).done();
    let signed = ask(&world, &cluster, &["--resume"]);
    assert!(signed.stderr.contains("is complete"), "{}", signed.all());
}
