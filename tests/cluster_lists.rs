//! How the lists of a cluster's nodes are reported: left behind, not verified, or different for a valid reason.

use sastctl::trustlist::digest;

use crate::pki;
use crate::support::cluster::{Cluster, Ssh, can_run};
use crate::support::{Outcome, World};

fn started(count: usize) -> Option<(World, Cluster)> {
    if !can_run() {
        return None;
    }
    let world = World::new();
    let cluster = Cluster::start(&world, count, Ssh::Today);
    Some((world, cluster))
}

fn run(world: &World, cluster: &Cluster, args: &[&str]) -> Outcome {
    let (options, ports) = (cluster.options(), Cluster::ports());
    let more = options.iter().chain(&ports).map(String::as_str);
    world.run(&args.iter().copied().chain(more).collect::<Vec<_>>())
}

/// Cisco 118893: with mode 0 and a CTL, the cluster was once in mixed mode, and the CTL was not deleted.
#[test]
fn a_ctl_that_was_left_behind_is_not_shown_as_in_force() {
    let Some((world, cluster)) = started(2) else { return };
    cluster.nodes.iter().for_each(|node| std::fs::write(node.folder.join("mode"), "0").unwrap());
    let publisher = cluster.publisher();
    let status = run(&world, &cluster, &["cluster", "status", &publisher]).done();
    for words in [
        "it is from an earlier mixed mode and not in force",
        "file delete activelog cm/tftpdata/CTLFile.tlv",
        "left behind",
    ] {
        assert!(status.stdout.contains(words), "{words}: {}", status.stdout);
    }
    assert!(!status.stdout.contains("accept the next one"), "{}", status.stdout);
    let json = run(&world, &cluster, &["cluster", "status", &publisher, "--json"]).done().json();
    assert_eq!(json["nodes"][1]["left_behind"], true);
    assert_eq!(json["phones_follow"].as_array().unwrap().len(), 0);
    // Emptied CCM+TFTP records are CUCM's own in non-secure mode.
    cluster
        .nodes
        .iter()
        .for_each(|n| n.put("CTLFile.tlv", &pki::golden_bytes("token-signed-non-secure.tlv")));
    let status = run(&world, &cluster, &["cluster", "status", &publisher]).done();
    assert!(!status.stdout.contains("left behind"), "{}", status.stdout);
    // A node without a CTL is shown without one.
    cluster.nodes.iter().for_each(|n| n.remove("CTLFile.tlv"));
    run(&world, &cluster, &["cluster", "status", &publisher]).done();
}

/// Every node serves the same bytes, but they do not verify.
#[test]
fn a_ctl_that_does_not_verify_ends_with_exit_code_1() {
    let Some((world, cluster)) = started(2) else { return };
    let mut bytes = pki::golden_bytes("tokenless.tlv");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    cluster.nodes.iter().for_each(|node| node.put("CTLFile.tlv", &bytes));
    let status = run(&world, &cluster, &["cluster", "status", &cluster.publisher()]);
    assert_eq!(status.code, 1, "{}", status.all());
    let says = format!("{}:2222: serves a CTL that does not verify", cluster.nodes[1].address);
    assert!(status.stdout.contains(&says), "{}", status.all());
    // In mixed mode a node without a CTL is a problem, too.
    cluster.nodes.iter().for_each(|n| n.remove("CTLFile.tlv"));
    let status = run(&world, &cluster, &["cluster", "status", &cluster.publisher()]);
    assert_eq!(status.code, 1, "{}", status.all());
    assert!(status.stdout.contains("serves no CTL, though the cluster is in mixed mode"), "{}", status.all());
}

#[test]
fn status_has_both_checksums_as_phones_show_them() {
    let Some((world, cluster)) = started(1) else { return };
    let golden = pki::golden_bytes("tokenless.tlv");
    let status = run(&world, &cluster, &["cluster", "status", &cluster.publisher()]).done();
    let json = run(&world, &cluster, &["cluster", "status", &cluster.publisher(), "--json"]).done().json();
    for (field, sum) in [("md5_phone", &digest::md5(&golden)[..]), ("sha1_phone", &digest::sha1(&golden))] {
        let lines = digest::phone_lines(sum);
        assert!(status.stdout.contains(&lines.join(" ")), "{}", status.stdout);
        assert_eq!(json["nodes"][0][field][0], lines[0]);
    }
}

/// Each TFTP server signs its own ITL: differences are not a problem, and no ITL is copied to another node.
#[test]
fn itls_of_several_nodes_may_differ() {
    let Some((world, cluster)) = started(2) else { return };
    cluster.give_own_itls();
    let publisher = cluster.publisher();
    let fetch = ["cluster", "fetch", "--node", &publisher, "--out", "lists"];
    let fetched = run(&world, &cluster, &fetch).done();
    assert!(!fetched.all().contains("put the right file"), "{}", fetched.all());
    let own = |node: usize| std::fs::read(cluster.nodes[node].folder.join("served/ITLFile.tlv")).unwrap();
    assert!(world.read("lists/ITLFile.tlv") == own(0));
    assert!(
        own(0) != own(1) && fetched.stderr.contains("each TFTP server signs its own ITL"),
        "{}",
        fetched.all()
    );
    // The CTL is the same on all nodes.
    cluster.nodes[1].put("CTLFile.tlv", &pki::golden_bytes("token-signed.tlv"));
    let differs = run(&world, &cluster, &[&fetch[..], &["--force"]].concat());
    assert_eq!(differs.code, 1, "{}", differs.all());
    assert!(differs.stderr.contains("has another CTLFile.tlv"), "{}", differs.stderr);
    assert!(!differs.stderr.contains("right file"), "{}", differs.stderr);
    let publish = ["cluster", "publish", "lists/ITLFile.tlv", "--node", &publisher, "--yes"];
    let refused = run(&world, &cluster, &publish);
    assert_eq!(refused.code, 2, "{}", refused.all());
    assert!(refused.stderr.contains("every TFTP server signs its own ITL"), "{}", refused.stderr);
}
