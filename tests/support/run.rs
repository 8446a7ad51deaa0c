//! `revert --node` on a simulated cluster: started, killed, checked.

use std::process::{Child, Stdio};

use super::cluster::{Cluster, Ssh, TVS_PORT, can_run};
use super::{Outcome, World, until};
use crate::pki;

pub fn started(count: usize) -> Option<(World, Cluster)> {
    started_with(count, Ssh::Today)
}

pub fn started_with(count: usize, ssh: Ssh) -> Option<(World, Cluster)> {
    if !can_run() {
        return None;
    }
    let world = World::with_tokens();
    // The TFTP server is not CUCM's, so it serves a file at once; the nodes in `bridge_run` do so only after a restart.
    let cluster = Cluster::start(&world, count, ssh).serving_at_once();
    Some((world, cluster))
}

pub fn arguments(cluster: &Cluster, more: &[&str]) -> Vec<String> {
    let mut args: Vec<String> = [
        "revert",
        "--node",
        &cluster.publisher(),
        "--token",
        "SAST-ADN008580ef",
        "--spare",
        "SAST-ADN0054f509",
        "--timestamp",
        "2015-03-06T22:53:33+01:00",
        "--work",
        "run",
        "--tvs-port",
        &TVS_PORT.to_string(),
        "--tvs-wait",
        "2",
        "--yes",
    ]
    .map(str::to_owned)
    .to_vec();
    args.extend(cluster.options());
    args.extend(Cluster::ports());
    for node in &cluster.nodes {
        let root = node.folder.join("tftp");
        args.extend(["--tftp-root".to_owned(), format!("{}={}", node.address, root.display())]);
    }
    args.extend(more.iter().map(|m| (*m).to_owned()));
    args
}

pub fn go(world: &World, cluster: &Cluster, more: &[&str]) -> Outcome {
    let args = arguments(cluster, more);
    world.run(&args.iter().map(String::as_str).collect::<Vec<_>>())
}

#[track_caller]
pub fn assert_reverted(world: &World, cluster: &Cluster) {
    let golden = pki::golden_bytes("token-signed.tlv");
    assert!(world.read("run/CTLFile.tlv") == pki::golden_bytes("tokenless.tlv"), "the old list is kept");
    assert!(world.read("run/CTLFile.new.tlv") == golden);
    for node in &cluster.nodes {
        assert!(node.ctl().is_some_and(|ctl| ctl == golden), "{}", node.address);
    }
}

/// The commands to the nodes that change something; no line may occur twice.
#[track_caller]
pub fn acts(cluster: &Cluster) -> Vec<Vec<String>> {
    let changes = |c: &String| {
        ["file delete", "utils service restart", "set cert", "utils ctl"].iter().any(|w| c.starts_with(w))
    };
    let acts: Vec<Vec<String>> =
        cluster.nodes.iter().map(|n| n.told().into_iter().filter(changes).collect()).collect();
    for (node, acts) in cluster.nodes.iter().zip(&acts) {
        for (at, act) in acts.iter().enumerate() {
            let twice = acts[..at].contains(act) && !act.starts_with("set cert");
            assert!(!twice, "{} was told twice: {act} ({acts:?})", node.address);
        }
        assert!(acts.iter().filter(|a| a.starts_with("set cert")).count() <= 2, "{acts:?}");
    }
    acts
}

/// Kills the run as soon as its journal says that a step is done.
pub fn kill_after(world: &World, cluster: &Cluster, step: &str, more: &[&str]) {
    kill_when_done(world, &arguments(cluster, more), step, 0);
}

/// The same for any run, where `before` earlier journals say the same.
pub fn kill_when_done(world: &World, args: &[String], step: &str, before: usize) {
    let mut command = world.command(&args.iter().map(String::as_str).collect::<Vec<_>>());
    let mut child: Child =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let wanted = format!("\"name\":\"{step}\"");
    until(&format!("{step} is done"), || {
        let journals = std::fs::read_dir(world.path("state/sastctl")).into_iter().flatten();
        let says_so = |j: &std::fs::DirEntry| {
            let text = std::fs::read_to_string(j.path()).unwrap_or_default();
            // The step itself, not one of its parts.
            text.lines()
                .any(|l| l.contains(&wanted) && l.contains("\"done\":true") && !l.contains("\"part\":"))
        };
        let done = journals.filter_map(Result::ok).filter(says_so).count() > before;
        if let (false, Some(status)) = (done, child.try_wait().unwrap()) {
            panic!("the run ended before {step} was done: {status}");
        }
        done
    });
    child.kill().unwrap();
    child.wait().unwrap();
}
