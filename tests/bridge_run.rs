//! `revert --node --bridge` on nodes that serve a new CTL only after a restart of Cisco Tftp, and what is checked before a run
//! changes anything.

use sastctl::trustlist::{TrustList, digest};

use crate::pki;
use crate::support::World;
use crate::support::cluster::{Cluster, Ssh, can_run};
use crate::support::run::{acts, arguments, go};

/// Nodes that behave like those of CUCM.
fn started(count: usize) -> Option<(World, Cluster)> {
    if !can_run() {
        return None;
    }
    let world = World::with_tokens();
    let cluster = Cluster::start(&world, count, Ssh::Today);
    Some((world, cluster))
}

/// The commands to a node that change something.
fn changes(cluster: &Cluster, node: usize) -> Vec<String> {
    let is_change = |c: &String| {
        ["file delete", "utils service restart", "set cert", "utils ctl"].iter().any(|w| c.starts_with(w))
    };
    cluster.nodes[node].told().into_iter().filter(is_change).collect()
}

#[track_caller]
fn assert_all_serve(cluster: &Cluster, wanted: &[u8]) {
    for node in &cluster.nodes {
        assert!(node.ctl().is_some_and(|ctl| ctl == wanted), "{}", node.address);
    }
}

/// The bridge is for the phones: if nobody confirms that they hold it, the run stops before it signs.
#[test]
fn a_bridge_run_needs_no_upload_by_hand() {
    let Some((world, cluster)) = started(3) else { return };
    let stopped = go(&world, &cluster, &["--bridge"]);
    assert_eq!(stopped.code, 1, "{}", stopped.all());
    for words in [
        "the operator must confirm that every phone holds the bridge, and there is no terminal to ask",
        "stopped  at hold",
        "nothing is signed",
        "--resume --phones-have-it",
        "--yes does not confirm this",
    ] {
        assert!(stopped.stderr.contains(words), "{words}: {}", stopped.stderr);
    }
    assert!(!world.path("run/CTLFile.new.tlv").exists());
    let bridge = world.read("run/CTLFile.bridge.tlv");
    assert_all_serve(&cluster, &bridge);
    let list = TrustList::decode(bridge.clone()).unwrap().verify().unwrap();
    assert_eq!(list.signer_name(), "cucm-1051-a-pub");
    let phone = digest::phone_lines(&digest::sha1(&bridge)).join(" ");
    assert!(stopped.stderr.contains(&phone), "SHA-1 as the phone shows it: {}", stopped.stderr);
    let before = [0, 1, 2].map(|node| changes(&cluster, node));
    assert_eq!(
        before[0][2..],
        [
            "utils ctl update CTLFile",
            "utils service restart Cisco Tftp",
            "utils service restart Cisco CallManager"
        ]
    );
    assert_eq!(before[1], before[0][3..]);
    assert_eq!(go(&world, &cluster, &["--bridge", "--resume"]).code, 1, "phones never take it");
    assert_eq!([0, 1, 2].map(|node| changes(&cluster, node)), before, "and nothing is done twice");

    let done = go(&world, &cluster, &["--bridge", "--resume", "--phones-have-it"]).done();
    assert_all_serve(&cluster, &pki::golden_bytes("token-signed.tlv"));
    for all in [&stopped, &done] {
        assert!(!all.all().contains("Upload File"), "nothing is uploaded by hand: {}", all.all());
    }
    for (new, old) in
        [("run/CTLFile.bridge.tlv", "run/CTLFile.tlv"), ("run/CTLFile.new.tlv", "run/CTLFile.bridge.tlv")]
    {
        world.run(&["ctl", "check", new, "--installed-ctl", old]).done();
    }
    assert!(done.stdout.contains("reset the phones"), "{}", done.stdout);
    assert!(!done.stdout.contains("delete the list by hand"), "nobody is left behind: {}", done.stdout);
}

/// At a terminal, the question is asked even with `--yes`.
#[test]
fn only_the_question_about_phones_confirms_that_they_hold_the_bridge() {
    let Some((world, cluster)) = started(1) else { return };
    let at_terminal = |more: &[&str], answer: &str| {
        let args = arguments(&cluster, more);
        let command = world.command(&args.iter().map(String::as_str).collect::<Vec<_>>());
        let mut session = rexpect::session::spawn_command(command, Some(60_000)).unwrap();
        session.exp_string("Does every phone show one of these checksums? [y/N] ").unwrap();
        session.send_line(answer).unwrap();
        session.exp_eof().unwrap()
    };
    let no = at_terminal(&["--bridge"], "n");
    assert!(
        no.contains("not every phone holds the bridge") && no.contains("sastctl help refusing-phones"),
        "{no}"
    );
    assert!(!world.path("run/CTLFile.new.tlv").exists());
    let yes = at_terminal(&["--bridge", "--resume"], "y");
    assert!(yes.contains("Done. Every node shows and serves the new CTL"), "{yes}");
    assert_all_serve(&cluster, &pki::golden_bytes("token-signed.tlv"));
}

/// The nodes are checked after the restart; a list without the tokens is an error only then.
#[test]
fn a_bridge_without_the_tokens_stops_after_the_restart() {
    let Some((world, cluster)) = started(2) else { return };
    cluster.nodes[0].quirks(&["no-bridge"]);
    let stopped = go(&world, &cluster, &["--bridge", "--phones-have-it"]);
    assert_eq!(stopped.code, 1, "{}", stopped.all());
    for words in [
        "contains no SAST record of SAST-ADN008580ef",
        "no public source says whether",
        "at cross",
        "without --bridge",
    ] {
        assert!(stopped.stderr.contains(words), "{words}: {}", stopped.stderr);
    }
    for node in [0, 1] {
        let told = changes(&cluster, node);
        assert!(told.contains(&"utils service restart Cisco Tftp".to_owned()), "{told:?}");
    }
    go(&world, &cluster, &["--resume"]).done();
    assert_all_serve(&cluster, &pki::golden_bytes("token-signed.tlv"));
}

/// If CUCM makes the list, no target folder is needed; if a list is copied into a folder, the services are restarted, too.
#[test]
fn nodes_that_serve_the_old_list_until_the_restart_get_the_new_one() {
    let Some((world, cluster)) = started(2) else { return };
    let done = go(&world, &cluster, &[]).done();
    assert_all_serve(&cluster, &pki::golden_bytes("token-signed.tlv"));
    acts(&cluster);
    for words in
        ["Left to do by hand", "reset the phones", "delete the list by hand on phones that refuse: 7940"]
    {
        assert!(done.stdout.contains(words), "{words}: {}", done.stdout);
    }
    let golden = pki::golden_bytes("token-signed.tlv");
    let end = done.stdout.split("Done.").last().unwrap();
    for sum in [&digest::md5(&golden)[..], &digest::sha1(&golden)] {
        assert!(end.contains(&digest::phone_lines(sum).join(" ")), "{end}");
    }
    assert!(end.contains("Trust List update failed"), "{end}");
    go(&world, &cluster, &["--rollback"]).done();
    assert_all_serve(&cluster, &pki::golden_bytes("tokenless.tlv"));
}

/// The new list is on the disk of every node, and the connection broke before Cisco Tftp was restarted: a node that still
/// serves the old list would serve the new one after a restart.
#[test]
fn a_node_may_serve_another_list_than_the_one_on_its_disk() {
    let Some((world, cluster)) = started(2) else { return };
    let (old, new) = (pki::golden_bytes("tokenless.tlv"), pki::golden_bytes("token-signed.tlv"));
    let cut = |more: &[&str], disk: &[u8], served: &[u8]| {
        cluster.nodes[0].quirks(&["hangup=utils service restart"]);
        assert_eq!(go(&world, &cluster, more).code, 5);
        let node = &cluster.nodes[1];
        assert!(node.disk_ctl().unwrap() == disk && node.ctl().unwrap() == served, "{more:?}");
    };
    cut(&[], &new, &old);
    go(&world, &cluster, &["--rollback"]).done();
    assert_all_serve(&cluster, &old);
    go(&world, &cluster, &[]).done();
    assert_all_serve(&cluster, &new);
    cut(&["--rollback"], &old, &new);
    go(&world, &cluster, &["--rollback"]).done();
    assert_all_serve(&cluster, &old);
}

#[test]
fn a_served_bridge_that_was_deleted_from_the_disk_is_made_again() {
    let Some((world, cluster)) = started(2) else { return };
    assert!(go(&world, &cluster, &["--bridge"]).stderr.contains("at hold"));
    let bridge = world.read("run/CTLFile.bridge.tlv");
    cluster.nodes[0].quirks(&["hangup=utils service list"]);
    assert_eq!(go(&world, &cluster, &["--rollback"]).code, 5);
    for node in &cluster.nodes {
        assert!(node.disk_ctl().unwrap() != bridge && node.ctl().unwrap() == bridge);
    }
    let done = go(&world, &cluster, &["--bridge", "--resume", "--phones-have-it"]);
    assert_eq!(done.code, 0, "{}", done.all());
    assert_all_serve(&cluster, &pki::golden_bytes("token-signed.tlv"));
}

/// If the shell reports a problem, the run stops; what it does not report is confirmed with a separate option.
#[test]
fn readiness_is_checked_before_anything_changes() {
    let Some((world, cluster)) = started(2) else { return };
    let publisher = &cluster.nodes[0];
    let sub = cluster.nodes[1].address.clone();
    let bad = format!("replication={sub}");
    let unreachable = format!("unreachable={sub}");
    let release = |version: &str| std::fs::write(publisher.folder.join("version"), version).unwrap();
    let refused = |quirks: &[&str], version: &str, more: &[&str], words: &[&str]| {
        publisher.quirks(quirks);
        release(version);
        let refused = go(&world, &cluster, more);
        assert_eq!(refused.code, 1, "{quirks:?}: {}", refused.all());
        for word in words {
            assert!(refused.stderr.contains(word), "{word}: {}", refused.stderr);
        }
        assert!(refused.stderr.contains("the cluster is as it was"), "{}", refused.stderr);
        assert!(acts(&cluster).iter().all(Vec::is_empty), "{:?}", acts(&cluster));
    };
    let ten = "10.5.1.10000-7";
    refused(&[&bad], ten, &[], &["database replication is not in order"]);
    refused(
        &["replication=down", "backup=none", &unreachable],
        ten,
        &[],
        &[
            "--replication-is-ok",
            "--backup-is-there",
            "--nodes-reach-each-other",
            "--yes does not confirm them",
        ],
    );
    refused(&[], "11.5.1.13900-52", &[], &["--licence-is-there", "Prime License Manager 11.5(1)SU2"]);
    refused(&["no-license"], "12.5.1.11900-146", &["--bridge"], &["Allow export-controlled functionality"]);
    refused(&[], "9.1.2.10000-28", &["--bridge"], &["has no `utils ctl` command"]);
    std::fs::write(
        cluster.nodes[1].folder.join("services"),
        "Cisco CallManager[STARTED]\nCisco Tftp[STOPPED]\n",
    )
    .unwrap();
    refused(&[], ten, &[], &["Cisco Tftp on", "is stopped"]);
    std::fs::write(
        cluster.nodes[1].folder.join("services"),
        "Cisco CallManager[STARTED]\nCisco Tftp[STARTED]\n",
    )
    .unwrap();

    // A dry run prints everything and asks nothing.
    publisher.quirks(&["backup=none"]);
    release(ten);
    let dry = go(&world, &cluster, &["--dry-run"]).done();
    for words in ["Before anything changes", "there is a backup", "Left to do by hand", "reset the phones"] {
        assert!(dry.stdout.contains(words), "{words}: {}", dry.stdout);
    }
    assert!(dry.stdout.contains("delete the list by hand on phones that refuse: 7940"), "{}", dry.stdout);
    let json = go(&world, &cluster, &["--dry-run", "--json"]).done().json();
    assert_eq!(json["before"][0]["need"], "confirm");
    go(&world, &cluster, &["--backup-is-there"]).done();
    let page = world.run(&["journal", "show"]).done().stdout;
    assert!(page.contains("confirmed by the operator: there is a backup"), "{page}");
}
