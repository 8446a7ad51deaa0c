//! A fleet: requests of many clusters are signed with one login; one that is refused stops no other.

use std::collections::HashSet;

use rexpect::session::spawn_command;
use sastctl::trustlist::Digest;
use sastctl::workflow;
use sastctl::workflow::exchange::{CarriedFile, Requested, SigningAnswer, SigningRequest, Work};
use serde_json::Value;

use crate::changed_requests::read;
use crate::exchange::{A, B, TIME, world};
use crate::pki;
use crate::power_cut::{cut_where, steps};
use crate::support::{Outcome, PIN, World, can_trace, rounds};

/// A request to revert the list in force, for the token whose certificate is `token`.
fn ask(world: &World, name: &str, token: &str) {
    let spare = if token == A { B } else { A };
    let cluster = format!("Site {name}");
    let args = ["request", "revert", "CTLFile.tlv", "--token", token, "--spare", spare, TIME];
    world.run(&[&args[..], &["--cluster-name", &cluster, "--out", &file(name)]].concat()).done();
}

fn file(name: &str) -> String {
    format!("{name}.sastreq")
}

/// Requests r000, r001 … of as many clusters.
fn fleet(count: usize) -> (World, Vec<String>) {
    let world = world("tokenless.tlv");
    let requests: Vec<_> = (0..count).map(|n| file(&format!("r{n:03}"))).collect();
    let (signer, now) = (pki::token("SAST-ADN008580ef"), jiff::Timestamp::now().as_second());
    let time = |seconds| jiff::Timestamp::from_second(seconds).unwrap();
    for (n, name) in requests.iter().enumerate() {
        let list = pki::golden_bytes("tokenless.tlv");
        let (request, _) = SigningRequest::make(Requested {
            serial: [[0; 8], (n as u64).to_be_bytes()].concat().try_into().unwrap(),
            made: time(now),
            expires: time(now + 3600),
            asked_by: "somebody".to_owned(),
            cluster: Some(format!("Site r{n:03}")),
            change: None,
            needs_approvals: 0,
            request: workflow::Request {
                signer: &signer,
                options: pki::options(Digest::Sha1),
                name_style: None,
                now,
                force: false,
                spell: pki::spell,
            },
            work: Work::Revert {
                in_force: CarriedFile { path: "CTLFile.tlv".to_owned(), bytes: list.into() },
                spares: vec![pki::token("SAST-ADN0054f509")],
                release: None,
                single_token: false,
                edits: vec![],
            },
            seen: None,
        })
        .unwrap();
        std::fs::write(world.path(name), request.to_bytes()).unwrap();
    }
    (world, requests)
}

fn sign(requests: &[String], more: &[&'static str]) -> Vec<String> {
    let args = ["sign-request", "--yes", "--ledger", "ledger", "--journal", "journals"];
    args.iter().chain(more).map(|arg| (*arg).to_owned()).chain(requests.iter().cloned()).collect()
}

fn run(world: &World, args: &[String]) -> Outcome {
    world.run(&args.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The requests in this folder that have an answer, each of them true and complete.
fn answered(world: &World, folder: &str) -> Vec<String> {
    let mut names: Vec<_> =
        std::fs::read_dir(world.path(folder)).unwrap().map(|e| e.unwrap().path()).collect();
    names.retain(|path| path.extension().is_some_and(|e| e == "sastans"));
    names.sort();
    let golden = pki::golden_bytes("token-signed.tlv");
    let name = |path: std::path::PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let (request, batch) = read(&world.read(&file(&name))).unwrap();
        let (_, signed) = SigningAnswer::read(&std::fs::read(path).unwrap(), &request, batch).unwrap();
        assert!(*signed[0].new_file().bytes == *golden, "{name}");
        file(&name)
    };
    names.into_iter().map(name).collect()
}

/// The serial numbers in the ledger.
fn ledger(world: &World) -> Vec<String> {
    let text = std::fs::read_to_string(world.path("ledger")).unwrap_or_default();
    text.lines().map(|line| line.split(' ').nth(1).unwrap().to_owned()).collect()
}

fn serial(world: &World, request: &str) -> String {
    let request: Value = serde_json::from_slice(&world.read(request)).unwrap();
    request["serial"].as_str().unwrap().to_owned()
}

#[test]
fn two_hundred_requests_need_one_login() {
    let (world, requests) = fleet(200);
    let mut bad = world.read(&requests[77]);
    let at = bad.len() / 2;
    bad[at] ^= 1;
    std::fs::write(world.path(&requests[77]), bad).unwrap();
    let signed = run(&world, &sign(&requests, &["-v"]));
    assert_eq!(signed.code, 1, "{}", signed.all());
    let times = |what: &str| signed.stderr.matches(&format!("{what}: CKR_OK")).count();
    assert_eq!((times("C_Login"), times("C_Logout")), (1, 1));
    assert_eq!(times("C_Sign"), 2 * 199, "the list, and the journal in the answer");
    assert!(signed.stderr.contains("error: 1 of 200 requests were refused"), "{}", signed.stderr);
    let rows: Vec<_> =
        signed.stdout.lines().skip_while(|line| !line.starts_with("REQUEST")).skip(1).collect();
    assert!(rows[76].contains("r076.sastans") && rows[77].contains("refused: "), "{rows:?}");
    let mut good = requests;
    good.remove(77);
    assert_eq!(answered(&world, "."), good);
    let entered: HashSet<_> = ledger(&world).into_iter().collect();
    assert_eq!(entered, good.iter().map(|request| serial(&world, request)).collect());
    assert_eq!(ledger(&world).len(), 199);
    world.run(&["apply", "r076.sastans", "--request", "r076.sastreq", "--out", "new.tlv"]).done();
    assert!(world.read("new.tlv") == pki::golden_bytes("token-signed.tlv"));
    // The journal of a signing knows of no other cluster.
    let page = world.run(&["journal", "show", "r076.jsonl"]).done().stdout;
    assert!(!world.read("r076.jsonl").windows(4).any(|w| w == b"r075"), "{page}");
}

#[test]
fn each_request_has_its_own_result() {
    let (world, mut requests) = fleet(3);
    ask(&world, "other", B);
    std::fs::copy(world.path("r000.sastreq"), world.path("copy.sastreq")).unwrap();
    std::fs::write(world.path("text.sastreq"), "not a request").unwrap();
    requests.extend(["other", "copy", "text", "missing"].map(file));
    let dry = run(&world, &sign(&requests, &["--dry-run"]));
    assert!(dry.stdout.contains("can be signed") && answered(&world, ".").is_empty(), "{}", dry.all());
    let signed = run(&world, &sign(&requests, &[]));
    let table = &signed.stdout[signed.stdout.find("REQUEST").unwrap()..];
    let errors = signed.stderr.lines().filter(|line| !line.starts_with("warning: "));
    let text = format!("{table}{}", errors.collect::<Vec<_>>().join("\n"))
        .replace(&serial(&world, "r000.sastreq"), "SERIAL");
    insta::assert_snapshot!(text, @"
    REQUEST          CLUSTER     ANSWER
    r000.sastreq     Site r000   r000.sastans
    r001.sastreq     Site r001   r001.sastans
    r002.sastreq     Site r002   r002.sastans
    other.sastreq    Site other  refused: it is for the token SAST-ADN0054f509; this run signs with SAST-ADN008580ef
    copy.sastreq     Site r000   refused: the request SERIAL is given twice; the first is r000.sastreq
    text.sastreq     -           refused: it is not a request that this version reads: expected ident at line 1 column 2
    missing.sastreq  -           refused: there is no file missing.sastreq
    There is no signers.toml: nobody but you approves what is signed here
    The token SAST-ADN0054f509 signs the others with a login of its own: sastctl sign-request other.sastreq
    A journal for each answer is in journals
    Carry the answers back to the machine that asked; sastctl help secured tells what to do there.
    error: 4 of 7 requests were refused
    ");
    let json = run(&world, &sign(&requests, &["--json"])).json();
    assert_eq!(json["requests"].as_array().unwrap().len(), 7);
    // The command that was printed signs the other one.
    world.run(&["sign-request", "other.sastreq"]).done();
}

#[test]
fn the_answers_go_into_one_folder() {
    let (world, requests) = fleet(2);
    std::fs::create_dir(world.path("in")).unwrap();
    ask(&world, "in/r000", A);
    let all = [&requests[..], &[file("in/r000")]].concat();
    let signed = run(&world, &sign(&all, &["--out", "answers"]));
    assert_eq!(signed.code, 1, "{}", signed.all());
    assert!(signed.stdout.contains("two files would be written as answers/r000.sastans"), "{}", signed.all());
    assert_eq!(answered(&world, "answers"), requests);
}

/// One question for all, and a request that is replaced after it is not signed.
#[test]
fn a_request_that_changes_after_the_question_is_refused() {
    let (world, requests) = fleet(12);
    let mut args = sign(&requests, &[]);
    args.retain(|arg| arg != "--yes");
    let mut command = world.command(&args.iter().map(String::as_str).collect::<Vec<_>>());
    command.env_remove("SASTCTL_PIN_SOURCE").env("TERM", "dumb");
    let mut session = spawn_command(command, Some(20_000)).unwrap();
    session.exp_string("write 12 files, r000.sastans to r011.sastans").unwrap();
    session.exp_string("[y/N] ").unwrap();
    ask(&world, "r010", A);
    session.send_line("y").unwrap();
    session.exp_string("PIN for SAST token").unwrap();
    session.send_line(PIN).unwrap();
    let rest = session.exp_eof().unwrap();
    assert!(rest.contains("refused: it changed after it was shown"), "{rest}");
    assert!(rest.contains("1 of 12 requests were refused"), "{rest}");
    let (mut good, entered) = (requests, ledger(&world));
    good.remove(10);
    assert_eq!(answered(&world, "."), good);
    assert!(entered.len() == 11 && !entered.contains(&serial(&world, "r010.sastreq")));
}

/// The token fails: what was signed has its answer, and what is not in the ledger is signed by the next run.
#[test]
fn a_token_that_fails_in_the_middle_leaves_whole_answers() {
    for nth in [1, 17, 58] {
        let (mut world, requests) = fleet(20);
        world.behind_faulty_token();
        let args = sign(&requests, &[]);
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        let (stopped, _) = world.faulty(&format!("fail C_Sign {nth} CKR_DEVICE_REMOVED"), &args);
        assert_eq!(stopped.code, 3, "{}", stopped.all());
        let (answers, entered) = (answered(&world, "."), ledger(&world));
        // Each of the two signatures is two calls: for its length, and for itself.
        assert_eq!(answers.len(), (nth - 1) / 4, "{}", stopped.all());
        let left: Vec<_> =
            requests.iter().filter(|request| !entered.contains(&serial(&world, request))).cloned().collect();
        assert!(left.len() + answers.len() >= 20 - 8, "{}: {}", left.len(), stopped.all());
        let said = stopped.stdout.matches("not signed: the run stopped before it").count();
        assert_eq!(said, left.len(), "{}", stopped.all());
        let (again, _) = world.faulty("", &args);
        assert_eq!(again.code, 1, "{}", again.all());
        assert_eq!(answered(&world, ".").len(), answers.len() + left.len(), "{}", again.all());
    }
}

/// Two runs at the same time share a ledger: each request is signed once.
#[test]
fn two_runs_sign_no_request_twice() {
    let (world, requests) = fleet(30);
    let other = sign(&requests, &["--out", "other"]);
    let mut command = world.command(&other.iter().map(String::as_str).collect::<Vec<_>>());
    let mut other = command.stdout(std::process::Stdio::null()).spawn().unwrap();
    run(&world, &sign(&requests, &[]));
    other.wait().unwrap();
    let (here, there) = (answered(&world, "."), answered(&world, "other"));
    let all: HashSet<_> = here.iter().chain(&there).collect();
    assert_eq!((all.len(), here.len() + there.len()), (30, 30), "{here:?} {there:?}");
    assert_eq!(ledger(&world).len(), 30);
}

/// A power cut at any moment: every answer is whole, and the ledger knows of it.
#[test]
fn a_power_cut_leaves_no_answer_without_its_line() {
    if !can_trace() {
        return;
    }
    let (world, requests) = fleet(3);
    let args = sign(&requests, &[]);
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    for n in (1..500).step_by(rounds(3, 1)) {
        for file in requests.iter().map(|name| name.replace("req", "ans")).chain(["ledger".to_owned()]) {
            let _ = std::fs::remove_file(world.path(&file));
        }
        let ended = cut_where(&world, steps(), &[], n, &args);
        let entered = ledger(&world);
        for request in answered(&world, ".") {
            assert!(entered.contains(&serial(&world, &request)), "cut at {n}: {request}");
        }
        if ended {
            return;
        }
    }
    panic!("it never comes to its end");
}

/// A line of the ledger that a power cut left without its end is no line.
#[test]
fn half_a_line_of_the_ledger_is_removed() {
    let (world, requests) = fleet(2);
    run(&world, &sign(&requests[..1], &[])).done();
    let whole = world.read("ledger");
    let half = [&whole[..], format!("signed {} ", serial(&world, &requests[1])).as_bytes()].concat();
    std::fs::write(world.path("ledger"), half).unwrap();
    run(&world, &sign(&requests[1..], &[])).done();
    let ledger = world.read("ledger");
    assert!(ledger.starts_with(&whole) && ledger.len() == 2 * whole.len(), "{ledger:?}");
}
