//! `cluster audit`: each way in which a cluster and its lists drift apart is named, with what it does to phones and what mends
//! it.

mod fleet;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::cluster::{started, with_ports};
use crate::support::cluster::{Cluster, Ssh, TVS_PORT};
use crate::support::cluster_lists::{
    TOKENS, fit, put_ctl, put_ctl_of, put_emptied_itl, put_itls, renew, renew_with,
};
use crate::support::site::Site;
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
        text.stdout.contains(": release 10.5.1.10000-7, mixed mode, 5 nodes, CTL signed by SAST-ADN008580ef"),
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
        let mend = format!("sastctl renew --node {}:2222 --token SAST-ADN008580ef", address(&cluster, 0));
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

/// A state of a cluster, and what is found in it: kind and subject; `0` is the address of node 0.
type Case = (&'static str, fn(&Cluster), &'static [(&'static str, &'static str)]);

fn write(cluster: &Cluster, node: usize, file: &str, text: &str) {
    std::fs::write(cluster.nodes[node].folder.join(file), text).unwrap();
}

fn replace(cluster: &Cluster, node: usize, file: &str, old: &str, new: &str) {
    let text = std::fs::read_to_string(cluster.nodes[node].folder.join(file)).unwrap();
    assert!(text.contains(old), "{text}");
    write(cluster, node, file, &text.replace(old, new));
}

fn network(cluster: &Cluster, text: &str) {
    cluster.nodes.iter().for_each(|node| std::fs::write(node.folder.join("network"), text).unwrap());
}

/// Everything else that an audit names, each in a cluster of two nodes that fits otherwise.
#[test]
fn every_other_finding_has_its_state() {
    let cases: [Case; 29] = [
        (
            "a service that is down",
            |c| replace(c, 1, "services", "Cisco Tftp[STARTED]", "Cisco Tftp[STOPPED]"),
            &[("service-stopped", "1")],
        ),
        ("replication", |c| c.nodes[0].quirks(&["replication=down"]), &[("not-known", "0")]),
        (
            "replication of a node",
            |c| c.nodes[0].quirks(&[&format!("replication={}", c.nodes[1].address)]),
            &[("replication", "0")],
        ),
        ("no backup", |c| c.nodes[0].quirks(&["backup=none"]), &[("no-backup", "0")]),
        ("backup service down", |c| c.nodes[0].quirks(&["backup=down"]), &[("not-known", "0")]),
        (
            "a certificate that is newer than the backup",
            |c| {
                renew_with(&c.nodes[1], "CallManager", "20261201000000Z", "20460101000000Z");
                put_ctl(c, &TOKENS);
                put_itls(c);
            },
            &[("backup-outdated", "0")],
        ),
        (
            "the licence",
            |c| {
                c.nodes
                    .iter()
                    .for_each(|n| std::fs::write(n.folder.join("version"), "12.5.1.10000-22").unwrap());
                c.nodes[0].quirks(&["no-license"]);
            },
            &[("licence", "0")],
        ),
        (
            "a token that an upgrade dropped",
            |c| std::fs::remove_file(c.nodes[0].folder.join("trust/SAST-ADN0054f509.der")).unwrap(),
            &[("token-not-trusted", "SAST-ADN0054f509")],
        ),
        ("one token", |c| put_ctl(c, &TOKENS[..1]), &[("no-spare-token", "SAST-ADN008580ef")]),
        (
            "an address that changed",
            |c| put_ctl_of(c, &TOKENS, &[(0, &c.nodes[0].address), (1, "10.9.9.9")]),
            &[("address-changed", "1")],
        ),
        (
            "a node that does not answer",
            |c| {
                let (old, new) = (&c.nodes[1].address, "127.9.9.9");
                let text = std::fs::read_to_string(c.nodes[0].folder.join("network")).unwrap();
                network(c, &text.replace(old, new));
            },
            &[("not-known", "127.9.9.9"), ("node-gone", "1")],
        ),
        (
            "CAPF that was activated",
            |c| {
                let capf = c.nodes[0].folder.join("capf.der");
                std::fs::rename(&capf, c.nodes[0].folder.join("later.der")).unwrap();
                put_ctl(c, &TOKENS);
                std::fs::rename(c.nodes[0].folder.join("later.der"), capf).unwrap();
            },
            &[("capf-missing", "0")],
        ),
        (
            "ITLRecovery",
            |c| {
                renew(&c.nodes[0], "ITLRecovery");
                put_ctl(c, &TOKENS);
                renew(&c.nodes[0], "ITLRecovery");
            },
            &[("itl-recovery-renewed", "0")],
        ),
        (
            "an EC certificate that was renewed",
            |c| {
                renew(&c.nodes[0], "CallManager-ECDSA");
                put_ctl(c, &TOKENS);
                renew(&c.nodes[0], "CallManager-ECDSA");
            },
            &[("call-manager-renewed", "0")],
        ),
        ("an EC certificate that the CTL does not have", |c| renew(&c.nodes[0], "CallManager-ECDSA"), &[]),
        (
            "a certificate that has ended",
            |c| {
                renew_with(&c.nodes[1], "TVS", "20250101000000Z", "20260601000000Z");
                put_itls(c);
            },
            &[("expired", "1")],
        ),
        (
            "a certificate that ends soon",
            |c| renew_with(&c.nodes[1], "tomcat", "20250101000000Z", &soon()),
            &[("expires", "1")],
        ),
        ("no ITL", |c| c.nodes[1].remove("ITLFile.tlv"), &[("itl-missing", "1")]),
        (
            "a TVS that does not answer",
            |c| std::fs::remove_file(c.nodes[1].folder.join("tvs.key.pem")).unwrap(),
            &[("not-known", "1")],
        ),
        (
            "a CAPF that is not activated",
            |c| {
                renew(&c.nodes[0], "CAPF");
                let off = "Proxy Function[STOPPED]  Service Not Activated";
                replace(c, 0, "services", "Proxy Function[STARTED]", off);
            },
            &[],
        ),
        ("the rollback parameter", |c| write(c, 0, "rollback", "T"), &[("rollback", "0")]),
        ("a parameter that is not understood", |c| write(c, 0, "rollback", "perhaps"), &[]),
        ("an ITL that is emptied", |c| put_emptied_itl(c, 1), &[("rollback", "1")]),
        (
            "an ITL from before the restart of TFTP",
            |c| {
                renew(&c.nodes[1], "CallManager");
                put_ctl(c, &TOKENS);
            },
            &[("itl-outdated", "1")],
        ),
        (
            "a node that has another CTL",
            |c| {
                let old = c.nodes[1].ctl().unwrap();
                renew(&c.nodes[0], "CAPF");
                put_ctl(c, &TOKENS);
                c.nodes[1].put("CTLFile.tlv", &old);
            },
            &[("ctls-differ", "1")],
        ),
        (
            "a CTL that is not served yet",
            |c| {
                renew(&c.nodes[0], "CAPF");
                let old = c.nodes[1].ctl().unwrap();
                put_ctl(c, &TOKENS);
                std::fs::write(c.nodes[1].folder.join("served/CTLFile.tlv"), old).unwrap();
            },
            &[("list-problem", "1"), ("ctls-differ", "1")],
        ),
        (
            "a CTL that was left behind",
            |c| c.nodes.iter().for_each(|n| std::fs::write(n.folder.join("mode"), "0").unwrap()),
            &[("ctl-left-behind", "0"), ("ctl-left-behind", "1")],
        ),
        ("a mode that is not understood", |c| write(c, 0, "mode", "7"), &[("not-known", "0")]),
        (
            "a multi-SAN certificate, which the CTL has once",
            |c| {
                for ending in ["der", "key.pem"] {
                    let of = |node: usize| c.nodes[node].folder.join("callmanager").with_extension(ending);
                    std::fs::copy(of(0), of(1)).unwrap();
                }
                put_ctl_of(c, &TOKENS, &[(0, &c.nodes[0].address)]);
                put_itls(c);
            },
            &[],
        ),
    ];
    // The time is spent waiting for shells.
    std::thread::scope(|scope| {
        for some in cases.chunks(cases.len().div_ceil(4)) {
            scope.spawn(|| some.iter().for_each(check));
        }
    });
}

fn check((what, state, expected): &Case) {
    let Some((world, cluster)) = fitting(2) else { return };
    state(&cluster);
    let outcome = audit(&world, &cluster, &["--json"]);
    let named = |subject: &str| match subject {
        "0" | "1" => cluster.nodes[subject.parse::<usize>().unwrap()].address.clone(),
        other => other.to_owned(),
    };
    let expected: BTreeSet<String> =
        expected.iter().map(|(kind, subject)| format!("{kind} {}", named(subject))).collect();
    assert_eq!(found(&outcome.json()), expected, "{what}: {}", outcome.all());
    let is_tvs = what.contains("TVS that does not answer");
    assert_eq!(outcome.stdout.contains("with --no-tvs"), is_tvs, "{what}: {}", outcome.all());
    assert_eq!(outcome.code, i32::from(!expected.is_empty()), "{what}");
}

/// In a month.
fn soon() -> String {
    let time = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(30 * 24);
    time.strftime("%Y%m%d%H%M%SZ").to_string()
}

/// What an audit names, `renew` mends: then the audit has nothing more to say about it.
#[test]
fn what_is_named_is_mended() {
    let renewals = [
        ("CallManager", 1, "call-manager-renewed"),
        ("CAPF", 0, "capf-renewed"),
        ("TVS", 2, "tvs-renewed"),
        ("ITLRecovery", 0, "itl-recovery-renewed"),
    ];
    std::thread::scope(|scope| {
        for (unit, node, kind) in renewals {
            scope.spawn(move || {
                let Some(site) = Site::start(3, 0, "12.5.1.11900-146") else { return };
                site.give_token_ctl(&[0, 1, 2], true);
                let kinds = || {
                    let report = audit(&site.world, &site.cluster, &["--json"]).json();
                    let all = found(&report).into_iter();
                    let kinds = all.map(|finding| finding.split(' ').next().unwrap().to_owned());
                    // The tokens were uploaded nowhere, and the backup is as old as the transcripts.
                    let other =
                        |kind: &String| !["token-not-trusted", "backup-outdated"].contains(&&kind[..]);
                    kinds.filter(other).collect::<BTreeSet<String>>()
                };
                assert_eq!(kinds(), BTreeSet::new(), "{unit}: before");
                site.regenerate(node, unit);
                let named = kinds();
                assert!(named.contains(kind), "{unit}: {named:?}");
                site.renew(&["--work", "run"]).done();
                assert_eq!(kinds(), BTreeSet::new(), "{unit}: after");
            });
        }
    });
}
