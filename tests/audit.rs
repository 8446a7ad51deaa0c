//! `cluster audit`: each way in which a cluster and its lists drift apart is named, with what it does to phones and what mends
//! it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::cluster::{started, with_ports};
use crate::support::cluster::{Cluster, Ssh, TVS_PORT};
use crate::support::cluster_lists::{TOKENS, fit, put_ctl, put_itls, renew};
use crate::support::{Outcome, World};

/// A cluster whose certificates and lists fit.
fn fitting(count: usize) -> Option<(World, Cluster)> {
    let (world, cluster) = started(count, Ssh::Today)?;
    fit(&cluster);
    Some((world, cluster))
}

fn audit(world: &World, cluster: &Cluster, more: &[&str]) -> Outcome {
    let (node, port) = (cluster.publisher(), TVS_PORT.to_string());
    let command = ["cluster", "audit", "--node", &node, "--tvs-port", &port];
    with_ports(world, cluster, &[&command[..], more].concat())
}

/// The findings of the first cluster that are not notes, as `KIND SUBJECT`.
fn found(report: &Value) -> BTreeSet<String> {
    let findings = report["clusters"][0]["findings"].as_array().unwrap();
    let text = |f: &Value, key: &str| f[key].as_str().unwrap().replace(":2222", "");
    let hurts = findings.iter().filter(|f| f["severity"] != "note");
    hurts.map(|f| format!("{} {}", text(f, "kind"), text(f, "subject"))).collect()
}

fn names(findings: &[(&str, &str)]) -> BTreeSet<String> {
    findings.iter().map(|(kind, subject)| format!("{kind} {subject}")).collect()
}

#[test]
fn a_cluster_whose_lists_fit_needs_no_hand() {
    let Some((world, cluster)) = fitting(5) else { return };
    let report = audit(&world, &cluster, &["--json"]).done().json();
    assert_eq!(found(&report), BTreeSet::new(), "{report:#}");
    let audited = &report["clusters"][0];
    assert_eq!(audited["nodes"].as_array().unwrap().len(), 5);
    assert_eq!(audited["signed_by"], TOKENS[0]);
    let notes = audited["findings"].as_array().unwrap();
    assert!(notes.iter().all(|note| note["kind"] == "token-expires"), "{report:#}");
    let text = audit(&world, &cluster, &[]).done();
    assert!(
        text.stdout.contains("release 10.5.1.10000-7, mixed mode, 5 nodes, CTL signed by SAST-ADN008580ef"),
        "{}",
        text.all()
    );
}

#[test]
fn each_drift_of_a_cluster_is_named() {
    let Some((world, mut cluster)) = fitting(5) else { return };
    let address = |cluster: &Cluster, number: usize| cluster.nodes[number].address.clone();
    let drifts = |world: &World, cluster: &Cluster| {
        let outcome = audit(world, cluster, &["--json"]);
        assert_eq!(outcome.code, 1, "{}", outcome.all());
        outcome.json()
    };
    // The CallManager certificates, one by one. Cisco Tftp was restarted, so the ITLs follow.
    for number in [0, 3] {
        renew(&cluster.nodes[number], "CallManager");
        put_itls(&cluster);
        let report = drifts(&world, &cluster);
        assert_eq!(found(&report), names(&[("call-manager-renewed", &address(&cluster, number))]));
        let finding = &report["clusters"][0]["findings"][0];
        let mend = format!(
            "sastctl ctl update CTLFile.tlv --refresh {}=CallManager.der --token SAST-ADN008580ef",
            address(&cluster, number)
        );
        assert_eq!(finding["mend"], mend);
        assert!(finding["phones"].as_str().unwrap().contains("do not register"), "{finding}");
        put_ctl(&cluster, &TOKENS);
    }
    renew(&cluster.nodes[0], "CAPF");
    assert_eq!(found(&drifts(&world, &cluster)), names(&[("capf-renewed", &address(&cluster, 0))]));
    put_ctl(&cluster, &TOKENS);
    renew(&cluster.nodes[4], "TVS");
    let report = drifts(&world, &cluster);
    assert_eq!(found(&report), names(&[("tvs-renewed", &address(&cluster, 4))]));
    let says = report["clusters"][0]["findings"][0]["says"].as_str().unwrap().to_owned();
    assert!(cluster.nodes.iter().all(|node| says.contains(&node.address)), "{says}");
    // Both at once is the one thing never to do.
    renew(&cluster.nodes[4], "CallManager");
    let both = found(&drifts(&world, &cluster));
    for kind in ["call-manager-renewed", "tvs-renewed", "call-manager-and-tvs-renewed", "itl-outdated"] {
        assert!(both.iter().any(|f| f.starts_with(&format!("{kind} "))), "{kind}: {both:?}");
    }
    put_ctl(&cluster, &TOKENS);
    put_itls(&cluster);
    // A node leaves, and joins again.
    let network = std::fs::read_to_string(cluster.nodes[0].folder.join("network")).unwrap();
    let without: String = network.lines().take(4).map(|line| format!("{line}\n")).collect();
    std::fs::write(cluster.nodes[0].folder.join("network"), &without).unwrap();
    let gone = address(&cluster, 4);
    assert_eq!(found(&drifts(&world, &cluster)), names(&[("node-gone", &gone)]));
    let last = cluster.nodes.pop().unwrap();
    put_ctl(&cluster, &TOKENS);
    put_itls(&cluster);
    audit(&world, &cluster, &[]).done();
    cluster.nodes.push(last);
    std::fs::write(cluster.nodes[0].folder.join("network"), &network).unwrap();
    let joined = found(&drifts(&world, &cluster));
    assert!(joined.contains(&format!("node-missing {gone}")), "{joined:?}");
    assert!(joined.contains(&format!("ctls-differ {gone}")), "it still has its old CTL: {joined:?}");
}
