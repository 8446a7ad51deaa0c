//! Resume and rollback of `revert --node`: which cluster and tokens the run belongs to, and how each undoes the other.

use std::io::{BufReader, Read as _};
use std::process::{Child, Stdio};

use crate::pki;
use crate::support::cluster::{Cluster, Ssh};
use crate::support::run::{acts, arguments, assert_reverted, go, kill_after, started};
use crate::support::{Outcome, World, read_until, until};

/// The run with another value of one of its options.
fn go_with(world: &World, cluster: &Cluster, (option, value): (&str, &str), more: &[&str]) -> Outcome {
    let mut args = arguments(cluster, more);
    let at = args.iter().position(|a| a == option).unwrap();
    args[at + 1] = value.to_owned();
    world.run(&args.iter().map(String::as_str).collect::<Vec<_>>())
}

#[track_caller]
fn assert_all_serve(cluster: &Cluster, golden: &str) {
    let wanted = pki::golden_bytes(golden);
    for node in &cluster.nodes {
        assert!(node.ctl().is_some_and(|ctl| ctl == wanted), "{} does not serve {golden}", node.address);
    }
}

/// The journals of runs and rollbacks.
fn journals(world: &World) -> Vec<String> {
    let journals = std::fs::read_dir(world.path("state/sastctl")).unwrap();
    let mut names: Vec<String> =
        journals.map(|j| j.unwrap().file_name().into_string().unwrap()[16..].to_owned()).collect();
    names.sort();
    names
}

/// The restart commands that a node received.
fn restarts(cluster: &Cluster, node: usize) -> usize {
    cluster.nodes[node].told().iter().filter(|c| c.starts_with("utils service restart")).count()
}

/// A run in the background.
fn spawned(world: &World, args: &[String]) -> Child {
    let mut command = world.command(&args.iter().map(String::as_str).collect::<Vec<_>>());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn terminate(child: &Child) {
    let pid = rustix::process::Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
}

/// The exit code and the output.
fn ended(child: Child) -> (Option<i32>, String) {
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// After the step `vouch` the PIN turns out to be unknown, and the operator tries another token, about which TVS was never
/// asked.
#[test]
fn a_run_continues_only_with_its_own_tokens() {
    let Some((mut world, cluster)) = started(1) else { return };
    world.new_token("Third token", "tests/testdata/keys/rsa2048");
    world.unset("SAST_PIN");
    let stopped = go(&world, &cluster, &[]);
    assert!(stopped.stderr.contains("stopped  at sign"), "{}", stopped.stderr);
    world.set("SAST_PIN", crate::support::PIN);
    let before = acts(&cluster);
    for (option, token) in [("--token", "Third token"), ("--spare", "Third token")] {
        let refused = go_with(&world, &cluster, (option, token), &["--resume"]);
        assert_eq!(refused.code, 3, "{}", refused.all());
        assert!(
            refused.stderr.contains("these are not the tokens that the run was started with"),
            "{}",
            refused.stderr
        );
        assert!(refused.stderr.contains("SAST-ADN008580ef"), "{}", refused.stderr);
        assert_eq!(acts(&cluster), before, "nothing on the cluster changes");
        assert_all_serve(&cluster, "tokenless.tlv");
    }
    go(&world, &cluster, &["--resume"]).done();
    assert_reverted(&world, &cluster);
}

/// Half of the run is done, and the operator enters the first command again.
#[test]
fn an_unfinished_run_is_not_started_again() {
    let Some((world, cluster)) = started(2) else { return };
    kill_after(&world, &cluster, "restart", &[]);
    let refused = go(&world, &cluster, &[]);
    assert_eq!(refused.code, 1, "{}", refused.all());
    for word in ["has not ended", "--resume", "--rollback", "--work"] {
        assert!(refused.stderr.contains(word), "{}", refused.stderr);
    }
    assert_eq!(journals(&world), ["revert-node.jsonl"], "no journal hides the one that counts");
    assert!(
        world.read("run/CTLFile.tlv") == pki::golden_bytes("tokenless.tlv"),
        "what was in force stays kept"
    );
    go(&world, &cluster, &["--rollback"]).done();
    assert_all_serve(&cluster, "tokenless.tlv");
    // The run is completed, so the command starts a new run.
    go(&world, &cluster, &[]).done();
    assert_reverted(&world, &cluster);
}

#[test]
fn a_run_of_another_cluster_is_left_alone() {
    let Some((world, a)) = started(1) else { return };
    let b = Cluster::start_in(&world, "cluster2", 1, Ssh::Today).serving_at_once();
    a.nodes[0].quirks(&["hangup=file delete"]);
    assert_eq!(go(&world, &a, &[]).code, 5);
    // In the folder of the first run no other run can be started, resumed or rolled back.
    for more in [&[][..], &["--resume"], &["--rollback"]] {
        let refused = go(&world, &b, more);
        assert_eq!(refused.code, 1, "{}", refused.all());
        assert!(refused.stderr.contains(&a.nodes[0].address), "{}", refused.stderr);
        assert!(acts(&b).iter().all(Vec::is_empty), "{:?}", acts(&b));
    }
    go_with(&world, &b, ("--work", "other"), &[]).done();
    assert_all_serve(&b, "token-signed.tlv");
    go(&world, &a, &["--resume"]).done();
    assert_reverted(&world, &a);
    // Then the rollbacks, the second run first.
    go_with(&world, &b, ("--work", "other"), &["--rollback"]).done();
    assert_all_serve(&b, "tokenless.tlv");
    assert_all_serve(&a, "token-signed.tlv");
    go(&world, &a, &["--rollback"]).done();
    assert_all_serve(&a, "tokenless.tlv");
}

/// Another file has the name of the backup: a file that no run kept is not published.
#[test]
fn without_a_backup_of_the_old_list_there_is_no_rollback() {
    let Some((world, cluster)) = started(1) else { return };
    let none = go(&world, &cluster, &["--rollback"]);
    assert_eq!(none.code, 4, "{}", none.all());
    assert!(none.stderr.contains("there is no run in run"), "{}", none.stderr);
    std::fs::write(cluster.nodes[0].folder.join("mode"), "0").unwrap();
    assert!(go(&world, &cluster, &[]).stderr.contains("stopped  at preflight"));
    std::fs::write(world.path("run/CTLFile.tlv"), pki::golden_bytes("tokenless-regenerated.tlv")).unwrap();
    let refused = go(&world, &cluster, &["--rollback"]);
    assert_eq!(refused.code, 1, "{}", refused.all());
    assert!(refused.stderr.contains("there is nothing to restore"), "{}", refused.stderr);
    assert!(acts(&cluster).iter().all(Vec::is_empty), "{:?}", acts(&cluster));
    assert_all_serve(&cluster, "tokenless.tlv");
}

/// Two terminals with the same run.
#[test]
fn two_processes_cannot_continue_a_run_at_once() {
    let Some((world, cluster)) = started(1) else { return };
    let mut args = arguments(&cluster, &["--publish-wait", "60"]);
    let root = args.iter().position(|a| a == "--tftp-root").unwrap();
    args.drain(root..root + 2);
    let mut first = spawned(&world, &args);
    // The run waits for an upload by hand that never comes.
    until("the old list is deleted", || cluster.nodes[0].ctl().is_none());
    for more in [&[][..], &["--resume"], &["--rollback"]] {
        let refused = go(&world, &cluster, more);
        assert_eq!(refused.code, 1, "{}", refused.all());
        assert!(refused.stderr.contains(&format!("process {} of ", first.id())), "{}", refused.stderr);
        assert!(cluster.nodes[0].ctl().is_none(), "nothing was put there");
    }
    first.kill().unwrap();
    first.wait().unwrap();
    go(&world, &cluster, &["--resume"]).done();
    assert_reverted(&world, &cluster);
    world.run(&["journal", "verify"]).done();
}

/// The rollback stops in the middle, and the operator resumes the run: steps that were undone do not count as done.
#[test]
fn a_resume_after_an_interrupted_rollback() {
    let Some((world, cluster)) = started(2) else { return };
    kill_after(&world, &cluster, "restart", &[]);
    cluster.nodes[1].quirks(&["hangup=utils service restart"]);
    let stopped = go(&world, &cluster, &["--rollback"]);
    assert_eq!(stopped.code, 5, "{}", stopped.all());
    assert_all_serve(&cluster, "tokenless.tlv");
    go(&world, &cluster, &["--resume"]).done();
    assert_reverted(&world, &cluster);
}

/// Rollback, resume, and rollback again, each interrupted: the last command counts.
#[test]
fn a_rollback_after_an_interrupted_resume() {
    let Some((world, cluster)) = started(2) else { return };
    cluster.nodes[0].quirks(&["hangup=file delete"]);
    assert_eq!(go(&world, &cluster, &[]).code, 5);
    cluster.nodes[1].quirks(&["hangup=utils service restart"]);
    assert_eq!(go(&world, &cluster, &["--rollback"]).code, 5);
    kill_after(&world, &cluster, "restart", &["--resume"]);
    assert_all_serve(&cluster, "token-signed.tlv");
    go(&world, &cluster, &["--rollback"]).done();
    assert_all_serve(&cluster, "tokenless.tlv");
}

/// The run was completed, phones refused the list, and the connection broke during the rollback.
#[test]
fn an_interrupted_rollback_continues_where_it_stopped() {
    let Some((world, cluster)) = started(2) else { return };
    go(&world, &cluster, &[]).done();
    cluster.nodes[1].quirks(&["hangup=utils service restart"]);
    assert_eq!(go(&world, &cluster, &["--rollback"]).code, 5);
    let before = restarts(&cluster, 0);
    let on = go(&world, &cluster, &["--resume"]);
    assert_eq!(on.code, 1, "{}", on.all());
    assert!(on.stderr.contains("is being rolled back"), "{}", on.stderr);
    go(&world, &cluster, &["--rollback"]).done();
    assert_all_serve(&cluster, "tokenless.tlv");
    assert_eq!(restarts(&cluster, 0), before + 1, "Cisco Tftp was restarted there before");
    assert_eq!(
        journals(&world),
        ["revert-node.jsonl", "rollback-node.jsonl"],
        "one journal for one way back"
    );
    world.run(&["journal", "verify"]).done();
}

/// The signature is made, and the operator presses Ctrl-C while the token is logged out.
#[test]
fn a_signal_after_the_signature_stops_the_run_before_the_cluster_changes() {
    let Some((mut world, cluster)) = started(1) else { return };
    world.behind_faulty_token();
    world.set("FAULTY_SCRIPT", &world.hold("C_Logout", 1));
    let args = arguments(&cluster, &[]);
    let mut child = spawned(&world, &args);
    world.until_held("C_Logout");
    terminate(&child);
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut stderr = read_until(&mut said, "interrupted");
    world.release();
    said.read_to_string(&mut stderr).unwrap();
    let code = child.wait().unwrap().code();
    assert_eq!(code, Some(130), "{stderr}");
    assert!(stderr.contains("error: interrupted\n") && stderr.contains("--resume"), "{stderr}");
    assert!(stderr.contains("the CTL in force still is"), "{stderr}");
    assert_all_serve(&cluster, "tokenless.tlv");
    assert!(!acts(&cluster)[0].contains(&"file delete tftp CTLFile.tlv".to_owned()));
    world.set("FAULTY_SCRIPT", "");
    go(&world, &cluster, &["--resume"]).done();
    assert_reverted(&world, &cluster);
}

/// The resumed run has written no file yet, but the cluster was changed before: the message says so.
#[test]
fn a_signal_during_the_run_shows_how_to_continue() {
    let Some((world, cluster)) = started(1) else { return };
    kill_after(&world, &cluster, "sign", &[]);
    let mut args = arguments(&cluster, &["--resume", "--publish-wait", "60"]);
    let root = args.iter().position(|a| a == "--tftp-root").unwrap();
    args.drain(root..root + 2);
    let child = spawned(&world, &args);
    until("the old list is deleted", || cluster.nodes[0].ctl().is_none());
    terminate(&child);
    let (code, stderr) = ended(child);
    assert_eq!(code, Some(130), "{stderr}");
    assert!(
        stderr.contains("interrupted\n") && stderr.contains("run the same command with --resume"),
        "{stderr}"
    );
    go(&world, &cluster, &["--resume"]).done();
    assert_reverted(&world, &cluster);
}

/// The name of a received certificate looks like a path.
#[test]
fn the_name_of_a_certificate_is_never_used_as_a_path() {
    use openssl::{asn1::Asn1Time, hash::MessageDigest, pkey::PKey, x509};
    let Some((world, cluster)) = started(1) else { return };
    let key = PKey::private_key_from_pem(&pki::read("tests/testdata/keys/rsa2048.key.pem")).unwrap();
    let mut name = x509::X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", "../../outside\u{1b}[2J").unwrap();
    let name = name.build();
    let mut builder = x509::X509Builder::new().unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&Asn1Time::from_unix(1_400_000_000).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(2_500_000_000).unwrap()).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    std::fs::write(world.path("sent.der"), builder.build().to_der().unwrap()).unwrap();
    let run = go_with(&world, &cluster, ("--spare", "sent.der"), &[]);
    assert!(world.path("run/certs/SAST-ADN008580ef.cer").exists(), "it came that far: {}", run.all());
    assert_eq!(world.files(), ["run", "sent.der"], "{}", run.all());
    let mut kept: Vec<_> =
        std::fs::read_dir(world.path("run/certs")).unwrap().map(|f| f.unwrap().file_name()).collect();
    kept.sort();
    assert_eq!(kept.len(), 2, "{kept:?}");
}

/// The journal was deleted: the steps of the run are not known, so no run is started over it.
#[test]
fn without_its_journal_a_run_is_neither_continued_nor_started_again() {
    let Some((world, cluster)) = started(1) else { return };
    kill_after(&world, &cluster, "delete", &[]);
    let (there, away) = (world.path("state/sastctl"), world.path("state/away"));
    std::fs::rename(&there, &away).unwrap();
    let before = acts(&cluster);
    for more in [&[][..], &["--resume"], &["--rollback"]] {
        let refused = go(&world, &cluster, more);
        assert_eq!(refused.code, 4, "{}", refused.all());
        assert!(refused.stderr.contains("what the run did is not known"), "{}", refused.stderr);
    }
    assert_eq!(acts(&cluster), before);
    std::fs::rename(&away, &there).unwrap();
    // A copy of the folder does not count as the run.
    world.tool("cp", &["-r", "run", "copy"]);
    let copy = go_with(&world, &cluster, ("--work", "copy"), &["--resume"]);
    assert_eq!(copy.code, 1, "{}", copy.all());
    assert!(copy.stderr.contains("this folder belongs to another run"), "{}", copy.stderr);
    go(&world, &cluster, &["--resume"]).done();
    assert_reverted(&world, &cluster);
}
