//! `revert --node`: the whole change from tokenless to tokens on three nodes, and every way to stop it.

use std::io::{BufReader, Read as _};
use std::process::Stdio;
use std::time::{Duration, Instant};

use sastctl::trustlist::digest;

use crate::pki;
use crate::support::cluster::{HTTP_PORT, Ssh, TFTP_PORT};
use crate::support::run::{acts, arguments, assert_reverted, go, kill_after, started, started_with};
use crate::support::{World, read_until, until};

/// Three nodes behind an sshd that speaks only old algorithms, with noise, delays and both pagers.
#[test]
fn a_cluster_goes_from_tokenless_to_tokens() {
    let Some((world, cluster)) = started_with(3, Ssh::Old) else { return };
    cluster.nodes[0].quirks(&["noise", "delay=15", "start=1500"]);
    cluster.nodes[1].quirks(&["pager=first", "ansi"]);
    cluster.nodes[2].quirks(&["pager=second", "old", "delay=10"]);
    let dry = go(&world, &cluster, &["--dry-run", "--legacy-ssh"]).done();
    assert!(dry.stdout.contains("Dry run: nothing was changed on the cluster"), "{}", dry.all());
    assert!(acts(&cluster).iter().all(Vec::is_empty), "a dry run changes nothing");

    let done = go(&world, &cluster, &["--legacy-ssh"]).done();
    assert_reverted(&world, &cluster);
    let acts = acts(&cluster);
    assert_eq!(
        acts[0],
        [
            "set cert import trust Phone-SAST-trust",
            "set cert import trust Phone-SAST-trust",
            "file delete tftp CTLFile.tlv",
            "utils service restart Cisco Tftp",
            "utils service restart Cisco CallManager",
        ]
    );
    assert_eq!(acts[1], ["utils service restart Cisco Tftp", "utils service restart Cisco CallManager"]);
    assert!(done.stdout.contains("Done. Every node shows and serves the new CTL."), "{}", done.all());
    world.run(&["journal", "verify"]).done();
    let transcript = String::from_utf8(world.read("run/transcript.txt")).unwrap();
    assert!(transcript.contains("file delete tftp CTLFile.tlv"), "every byte is written down");
    let page = world.run(&["journal", "show"]).done().stdout;
    assert!(page.contains("## Steps") && page.contains("verify: done:"), "{page}");
    let again = go(&world, &cluster, &["--resume", "--legacy-ssh"]);
    assert_eq!(again.code, 1, "{}", again.all());
    assert!(again.stderr.contains("is complete"), "{}", again.stderr);
}

/// A file in the run's folder may be replaced before the run continues: no phone would accept this list.
/// The token is logged in only for one step: its signature covers the journal up to that step, and contains that position.
#[test]
fn the_journal_of_a_run_is_signed_up_to_the_signing_step() {
    let Some((world, cluster)) = started(1) else { return };
    go(&world, &cluster, &["--journal-sign"]).done();
    assert_reverted(&world, &cluster);
    let journals = std::fs::read_dir(world.path("state/sastctl")).unwrap().map(|e| e.unwrap().path());
    let journal = journals.into_iter().find(|p| p.extension().is_some_and(|e| e == "jsonl")).unwrap();
    let signer = pki::path("softhsm-fixtures/SAST-ADN008580ef.der").display().to_string();
    let verify = ["journal", "verify", journal.to_str().unwrap(), "--signer", &signer, "--json"];
    let proved = world.run(&verify).done();
    let answer = proved.json();
    assert_eq!(answer["signed_by"], "SAST-ADN008580ef");
    let text = std::fs::read_to_string(&journal).unwrap();
    let signed = answer["signed_lines"].as_u64().unwrap() as usize;
    assert!(signed < text.lines().count(), "{}", proved.all());
    let covered: Vec<&str> = text.lines().take(signed).collect();
    assert!(covered.iter().any(|line| line.contains("\"event\":\"output\"")), "the signed list is in it");
    assert!(!covered.iter().any(|line| line.contains("\"name\":\"delete\"")), "the deletion comes after");
    assert!(proved.stderr.contains("warning"), "{}", proved.all());
}

#[test]
fn a_changed_bridge_file_is_refused() {
    let Some((world, cluster)) = started(2) else { return };
    let stopped = go(&world, &cluster, &["--bridge"]);
    assert!(stopped.stderr.contains("at hold"), "{}", stopped.all());
    let bridge = world.read("run/CTLFile.bridge.tlv");
    for other in [pki::golden_bytes("token-signed.tlv"), bridge[..bridge.len() - 1].to_vec()] {
        std::fs::write(world.path("run/CTLFile.bridge.tlv"), other).unwrap();
        let refused = go(&world, &cluster, &["--bridge", "--resume", "--phones-have-it"]);
        assert_eq!(refused.code, 4, "{}", refused.all());
        assert!(refused.stderr.contains("the bridge in run is missing, or was changed"), "{}", refused.all());
        assert!(cluster.nodes[1].ctl().unwrap() == bridge, "nothing else is put there");
    }
    std::fs::write(world.path("run/CTLFile.bridge.tlv"), bridge).unwrap();
    go(&world, &cluster, &["--bridge", "--resume", "--phones-have-it"]).done();
    for node in &cluster.nodes {
        assert!(node.ctl().unwrap() == world.read("run/CTLFile.new.tlv"));
    }
}

/// SIGKILL after each step, then resume: the same result, and no step is done twice.
#[test]
fn a_killed_run_continues_where_it_stopped() {
    for step in ["preflight", "keep", "trust", "vouch", "sign", "delete"] {
        let Some((world, cluster)) = started(1) else { return };
        kill_after(&world, &cluster, step, &[]);
        let done = go(&world, &cluster, &["--resume"]);
        assert_eq!(done.code, 0, "killed after {step}: {}", done.all());
        assert_reverted(&world, &cluster);
        acts(&cluster);
        world.run(&["journal", "verify"]).done();
    }
}

#[test]
fn a_run_killed_late_continues_where_it_stopped() {
    for step in ["publish", "restart", "verify"] {
        let Some((world, cluster)) = started(2) else { return };
        kill_after(&world, &cluster, step, &[]);
        let on = go(&world, &cluster, &["--resume"]);
        // After the last step the run may already be completed.
        let ended = step == "verify" && on.stderr.contains("nothing to continue");
        assert!(on.code == 0 || ended, "killed after {step}: {}", on.all());
        assert_reverted(&world, &cluster);
        acts(&cluster);
    }
}

/// The connection ends during a command, so its result is not known: the run stops with an error, and can be resumed.
fn cut_in_the_middle_of(command: &str) {
    let Some((world, cluster)) = started(1) else { return };
    cluster.nodes[0].quirks(&[&format!("hangup={command}")]);
    let stopped = go(&world, &cluster, &[]);
    assert_eq!(stopped.code, 5, "{command}: {}", stopped.all());
    assert!(stopped.stderr.contains("ended in the middle of"), "{command}: {}", stopped.stderr);
    // Before the first step there is no run to resume.
    let on = if stopped.stderr.contains("--resume") { &["--resume"][..] } else { &[] };
    go(&world, &cluster, on).done();
    assert_reverted(&world, &cluster);
}

#[test]
fn the_connection_is_cut_during_the_checks() {
    for command in ["show network cluster", "show version", "run sql", "show ctl"] {
        cut_in_the_middle_of(command);
    }
}

#[test]
fn the_connection_is_cut_during_a_change() {
    for command in
        ["show cert list", "set cert import", "file delete", "utils service list", "utils service restart"]
    {
        cut_in_the_middle_of(command);
    }
}

#[test]
fn a_run_is_rolled_back() {
    let Some((world, cluster)) = started(2) else { return };
    kill_after(&world, &cluster, "publish", &[]);
    let back = go(&world, &cluster, &["--rollback"]).done();
    assert!(back.stdout.contains("is on every node again"), "{}", back.all());
    let old = pki::golden_bytes("tokenless.tlv");
    for node in &cluster.nodes {
        assert!(node.ctl().is_some_and(|ctl| ctl == old), "{}", node.address);
    }
    assert_eq!(go(&world, &cluster, &["--resume"]).code, 1, "what was taken back does not go on");
}

fn md5_of(golden: &str) -> String {
    digest::hex(&digest::md5(&pki::golden_bytes(golden)), "")
}

/// For a script: the plan and the decision of phones are printed before the cluster changes, separate from the JSON.
#[test]
fn with_json_the_plan_is_shown_beside_the_answer() {
    let Some((world, cluster)) = started(1) else { return };
    let dry = go(&world, &cluster, &["--json", "--dry-run"]).done().json();
    assert_eq!((&dry["dry_run"], &dry["plans"][0]["signer"]), (&true.into(), &"SAST-ADN008580ef".into()));
    let done = go(&world, &cluster, &["--json"]).done();
    let (plan, delete) = (done.stderr.find("Plan\n").unwrap(), done.stderr.find("\ndelete ").unwrap());
    let verdict = done.stderr.find("Phones that hold run/CTLFile.tlv\n").unwrap();
    assert!(plan < verdict && verdict < delete, "{}", done.stderr);
    let answer = done.json();
    assert_eq!(answer["serves"]["md5"], md5_of("token-signed.tlv"));
    assert_eq!(answer["nodes"].as_array().unwrap().len(), 1);
    assert!(std::path::Path::new(answer["journal"].as_str().unwrap()).exists());
    let back = go(&world, &cluster, &["--json", "--rollback"]).done().json();
    assert_eq!(
        (&back["rolled_back"], &back["serves"]["md5"]),
        (&true.into(), &md5_of("tokenless.tlv").into())
    );
}

/// Without a terminal and without `--yes` nothing on the cluster changes, with any option.
#[test]
fn without_a_yes_nothing_on_the_cluster_changes() {
    let Some((world, cluster)) = started(1) else { return };
    let without_yes = |more: &[&str]| {
        let args: Vec<String> = arguments(&cluster, more).into_iter().filter(|a| a != "--yes").collect();
        world.run_without_yes(&args.iter().map(String::as_str).collect::<Vec<_>>(), b"")
    };
    for more in [&[][..], &["--bridge"]] {
        let refused = without_yes(more);
        assert_eq!(refused.code, 2, "{}", refused.all());
        assert!(refused.stderr.contains("--yes confirms without a question"), "{}", refused.stderr);
        assert!(acts(&cluster).iter().all(Vec::is_empty), "{:?}", acts(&cluster));
    }
    go(&world, &cluster, &["--resume"]).done();
    let before = acts(&cluster);
    assert_eq!(without_yes(&["--rollback"]).code, 2);
    assert_eq!(acts(&cluster), before, "the way back asks, too");
    let ended = go(&world, &cluster, &["--resume"]);
    assert!(ended.stderr.contains("nothing to continue"), "nothing is being taken back: {}", ended.all());
}

/// Without a target folder the operator uploads the file on the web page of the node, and the run detects it.
#[test]
fn a_run_waits_for_an_upload_by_hand() {
    let Some((world, cluster)) = started(1) else { return };
    let mut args = arguments(&cluster, &["--publish-wait", "60"]);
    let root = args.iter().position(|a| a == "--tftp-root").unwrap();
    args.drain(root..root + 2);
    let mut run = world.command(&args.iter().map(String::as_str).collect::<Vec<_>>());
    let run = run.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut run = run.unwrap();
    let mut said = BufReader::new(run.stderr.take().unwrap());
    let mut stderr = read_until(&mut said, "TFTP File Management > Upload File");
    let served = cluster.nodes[0].folder.join("tftp/CTLFile.tlv");
    until("the old list is deleted", || !served.exists());
    std::fs::copy(world.path("run/CTLFile.new.tlv"), &served).unwrap();
    said.read_to_string(&mut stderr).unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(0), "{stderr}");
    assert_reverted(&world, &cluster);
    acts(&cluster);
}

/// The run was completed, but phones refused the list.
#[test]
fn a_completed_run_can_be_rolled_back() {
    let Some((world, cluster)) = started(1) else { return };
    go(&world, &cluster, &[]).done();
    assert_reverted(&world, &cluster);
    let back = go(&world, &cluster, &["--rollback"]).done();
    assert!(back.stdout.contains("is on every node again"), "{}", back.all());
    assert!(cluster.nodes[0].ctl().unwrap() == pki::golden_bytes("tokenless.tlv"));
    world.run(&["journal", "verify"]).done();
}

/// With a typing error in a node's name, that node would need an upload by hand after the old list was deleted.
#[test]
fn a_folder_of_an_unknown_node_stops_the_run_before_anything_changes() {
    let Some((world, cluster)) = started(1) else { return };
    let root = cluster.nodes[0].folder.join("tftp").display().to_string();
    let with = |option: &str, value: &str, more: &[&str]| {
        let mut args = arguments(&cluster, more);
        let at = args.iter().position(|a| a == option).unwrap();
        args[at + 1] = value.to_owned();
        world.run(&args.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let slip = format!("127.0.0.999={root}");
    for (root, says) in [
        (slip.clone(), "does not belong to this cluster"),
        (format!("{}={root}/gone", cluster.nodes[0].address), "does not exist"),
        ("/gone=away".to_owned(), "/gone=away of"),
        ("sftp://nobody".to_owned(), "is not sftp://user@host/path"),
    ] {
        let stopped = with("--tftp-root", &root, &[]);
        assert!([2, 4].contains(&stopped.code), "{}", stopped.all());
        assert!(stopped.stderr.contains(says), "{}", stopped.all());
        assert!(acts(&cluster).iter().all(Vec::is_empty), "{:?}", acts(&cluster));
    }
    // A resumed run has not deleted the list yet, either.
    let stopped = with("--timestamp", "no time", &[]);
    assert!(stopped.stderr.contains("at sign"), "{}", stopped.all());
    for way in ["--resume", "--rollback"] {
        let stopped = with("--tftp-root", &slip, &[way]);
        assert!(stopped.stderr.contains("does not belong to this cluster"), "{way}: {}", stopped.all());
        assert!(cluster.nodes[0].ctl().is_some(), "{way}: the old list is still there");
    }
}

#[test]
fn every_problem_stops_the_run_at_the_right_step() {
    // One node holds another CTL.
    let Some((world, cluster)) = started(2) else { return };
    let other = cluster.nodes[1].folder.join("tftp/CTLFile.tlv");
    std::fs::write(&other, pki::golden_bytes("tokenless-regenerated.tlv")).unwrap();
    let stopped = go(&world, &cluster, &[]);
    assert_eq!(stopped.code, 1);
    assert!(stopped.stderr.contains("holds another CTL than"), "{}", stopped.stderr);
    assert!(stopped.stderr.contains("stopped  at preflight"), "{}", stopped.stderr);
    assert!(stopped.stderr.contains("the cluster is as it was"), "{}", stopped.stderr);
    std::fs::write(&other, pki::golden_bytes("tokenless.tlv")).unwrap();

    // The cluster is in non-secure mode.
    std::fs::write(cluster.nodes[0].folder.join("mode"), "0").unwrap();
    let stopped = go(&world, &cluster, &[]);
    assert!(stopped.stderr.contains("in non-secure mode"), "{}", stopped.stderr);
    std::fs::write(cluster.nodes[0].folder.join("mode"), "1").unwrap();

    // TVS says invalid, since the shell does not take the certificates.
    cluster.nodes[0].quirks(&["no-import"]);
    let stopped = go(&world, &cluster, &[]);
    assert_eq!(stopped.code, 1, "{}", stopped.all());
    assert!(stopped.stderr.contains("says invalid: phones would refuse"), "{}", stopped.stderr);
    assert!(stopped.stderr.contains("stopped  at vouch"), "{}", stopped.stderr);
    // The operator uploads them on the web page.
    std::fs::create_dir_all(cluster.nodes[0].folder.join("trust")).unwrap();
    for name in ["SAST-ADN008580ef", "SAST-ADN0054f509"] {
        let der = pki::path(&format!("softhsm-fixtures/{name}.der"));
        std::fs::copy(der, cluster.nodes[0].folder.join(format!("trust/{name}.der"))).unwrap();
    }

    // A service does not come up.
    cluster.nodes[1].quirks(&["stays-down=Cisco CallManager"]);
    let services = "Cisco CallManager[STOPPED]\nCisco Tftp[STARTED]\n";
    std::fs::write(cluster.nodes[1].folder.join("services"), services).unwrap();
    let stopped = go(&world, &cluster, &["--work", "run2"]);
    assert_eq!(stopped.code, 2, "--work is given once");
    let stopped = go(&world, &cluster, &["--resume"]);
    assert_eq!(stopped.code, 5, "{}", stopped.all());
    assert!(
        stopped.stderr.contains("Cisco CallManager on") && stopped.stderr.contains("is stopped"),
        "{}",
        stopped.stderr
    );
    assert!(stopped.stderr.contains("stopped  at restart"), "{}", stopped.stderr);
    assert!(stopped.stderr.contains("--rollback"), "{}", stopped.stderr);
}

#[test]
fn a_node_that_is_down_stops_the_run_before_anything_changes() {
    let Some((world, mut cluster)) = started(2) else { return };
    cluster.nodes[1].stop();
    let stopped = go(&world, &cluster, &[]);
    assert_eq!(stopped.code, 5, "{}", stopped.all());
    assert!(stopped.stderr.contains("no connection to"), "{}", stopped.stderr);
    assert!(acts(&cluster).iter().all(Vec::is_empty));
}

/// Figures: `make bench` prints them.
#[test]
#[ignore = "figures, not a check: make bench runs it"]
fn figures_of_a_cluster() {
    let Some((world, cluster)) = started(20) else { return };
    let median = |mut times: Vec<Duration>| {
        times.sort();
        times[times.len() / 2]
    };
    let timed = |work: &dyn Fn()| {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    let preflight = |network: &str| {
        std::fs::write(cluster.nodes[0].folder.join("network"), network).unwrap();
        median((0..5).map(|_| timed(&|| drop(go(&world, &cluster, &["--dry-run"]).done()))).collect())
    };
    let all = std::fs::read_to_string(cluster.nodes[0].folder.join("network")).unwrap();
    let one = preflight(all.lines().next().unwrap());
    let twenty = preflight(&all);
    println!("  preflight of 1 node    {:7.0} ms", one.as_secs_f64() * 1000.0);
    println!(
        "  preflight of 20 nodes  {:7.0} ms, {:.1} times as long",
        twenty.as_secs_f64() * 1000.0,
        twenty.as_secs_f64() / one.as_secs_f64()
    );

    let address = cluster.nodes[0].address.clone();
    let (tftp, http) = (TFTP_PORT.to_string(), HTTP_PORT.to_string());
    let ours = |tftp: &str| {
        let args = [
            "cluster",
            "fetch",
            "--node",
            &address,
            "--alone",
            "--file",
            "CTLFile.tlv",
            "--force",
            "--tftp-port",
            tftp,
            "--http-port",
            &http,
        ];
        timed(&|| drop(world.run(&args).done()))
    };
    let other =
        |line: &str| timed(&|| assert!(shell_ok(&mut std::process::Command::new("sh"), line, &world)));
    let report = |name: &str, times: Vec<Duration>| {
        println!("  {name:<34} {:7.2} ms", median(times).as_secs_f64() * 1000.0)
    };
    report("fetch one CTL by TFTP", (0..20).map(|_| ours(&tftp)).collect());
    let url = format!("http://{address}:{http}/CTLFile.tlv");
    report("curl, the same by HTTP", (0..20).map(|_| other(&format!("curl -s -o c.tlv {url}"))).collect());
    report(
        "curl, the same by TFTP",
        (0..20).map(|_| other(&format!("curl -s -o c.tlv tftp://{address}:{tftp}/CTLFile.tlv"))).collect(),
    );
    if std::path::Path::new("/usr/bin/tftp").exists() {
        let line = format!("tftp -m binary {address} {tftp} -c get CTLFile.tlv c.tlv");
        report("tftp-hpa's client, the same", (0..20).map(|_| other(&line)).collect());
    }
}

fn shell_ok(shell: &mut std::process::Command, line: &str, world: &World) -> bool {
    shell.args(["-c", line]).current_dir(world.path("")).stdout(Stdio::null()).status().unwrap().success()
}
