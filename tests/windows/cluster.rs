//! From the name of the publisher to "Passed" on every node.

use super::*;
use crate::cluster_servers::with_passwords;
use crate::support::cluster::{Cluster, SSH_PORT, Ssh, can_run, fake_cucm};
use crate::support::population::{assert_all_reach, population, reset};
use crate::support::site::Site;

const PASSWORD: &str = "Adm1n-password";
const CTRL_U: &str = "\x15";

#[test]
fn a_cluster_gets_its_new_list_in_the_windows() {
    if !can_run() {
        return;
    }
    let world = world("tokenless.tlv");
    let cluster = Cluster::start(&world, 2, Ssh::Today).serving_at_once();
    let Some(wrapped) = with_passwords(&cluster) else { return };
    let wrapped: Vec<&str> = wrapped.iter().map(String::as_str).collect();
    let lines = format!(
        "UsePAM yes\nPubkeyAuthentication no\nPasswordAuthentication yes\nKbdInteractiveAuthentication no\n\
         ForceCommand {} {}",
        fake_cucm().display(),
        cluster.nodes[0].folder.display()
    );
    let publisher = cluster.other_sshd(205, &lines, &wrapped);
    let ports = Cluster::ports();
    let known_hosts = format!("--known-hosts={}", world.path("known_hosts").display());
    let options: Vec<&str> = ports.iter().map(String::as_str).chain([&*known_hosts]).collect();
    let mut operator = Operator::sits_down(&world, &options);

    operator.sees("The publisher's host name, the CTL file in force");
    operator.types(&format!("{CTRL_U}{}", publisher.address));
    // A node that cannot be reached is said in the window, which asks again.
    for (port, password) in [("2".to_owned(), None), (SSH_PORT.to_string(), Some("not-this-one"))] {
        operator.sees("Port of SSH:");
        operator.types(&format!("{CTRL_U}{port}"));
        operator.sees("User name of the OS administrator:");
        operator.types(&format!("{CTRL_U}root"));
        operator.sees("Output folder:");
        operator.presses(ENTER);
        if let Some(password) = password {
            operator.sees(&format!("The host key of {}", publisher.address));
            operator.presses(DOWN);
            operator.presses(ENTER);
            operator.types_pin_for(&format!("password for root@{}:", publisher.address), password);
        }
        operator.sees("The publisher's host name, the CTL file in force");
        operator.sees(if password.is_some() { "does not accept the login of root" } else { "refuses" });
        operator.presses(ENTER);
    }
    operator.sees("Port of SSH:");
    operator.presses(ENTER);
    operator.sees("User name of the OS administrator:");
    operator.presses(ENTER);
    operator.sees("Output folder:");
    operator.presses(ENTER);
    operator.types_pin_for(&format!("password for root@{}:", publisher.address), PASSWORD);
    operator.chooses_mode_and_tokens();
    operator.sees("Cisco CTL Client: Finish");
    operator.signs("SAST token A", PIN);
    operator.sees("> Done");
    assert!(world.read("out/CTLFile.tlv") == pki::golden_bytes("tokenless.tlv"), "the list in force");
    let new = world.read("out/CTLFile.new.tlv");
    assert!(new == pki::golden_bytes("token-signed.tlv"));

    operator.presses("\x1b[A\x1b[A");
    operator.presses(ENTER);
    operator.reads("Phones that hold what");
    operator.sees("Publish CTLFile.tlv, signed by SAST-ADN008580ef?");
    operator.presses(DOWN);
    operator.presses(ENTER);
    operator.sees_at_work("Waiting until every node serves it");
    for node in &cluster.nodes {
        std::fs::write(node.folder.join("tftp/CTLFile.tlv"), &new).unwrap();
    }
    for node in &cluster.nodes {
        operator.reads(&format!("{}:{SSH_PORT} /usr/local/cm/tftp/CTLFile.tlv Passed", node.address));
    }
    operator.is_done();
    let (code, said) = operator.leaves();
    assert_eq!(code, 0, "{said}");
    assert!(!said.contains(PASSWORD) && said.matches("Passed").count() >= 3, "{said}");
    let log = std::fs::read_to_string(cluster.folder.join("sshd_205.log")).unwrap();
    assert_eq!(log.matches("Failed password").count(), 1, "each password is sent once: {log}");
}

/// Ctrl-C at the question about the host key leaves the windows, as everywhere.
#[test]
fn ctrl_c_while_the_node_is_connected_leaves() {
    if !can_run() {
        return;
    }
    let world = world("tokenless.tlv");
    let cluster = Cluster::start(&world, 1, Ssh::Today);
    let known_hosts = format!("--known-hosts={}", world.path("known_hosts").display());
    let mut operator = Operator::sits_down(&world, &[&known_hosts]);
    operator.sees("The publisher's host name, the CTL file in force");
    operator.types(&format!("{CTRL_U}{}", cluster.publisher()));
    for question in ["Port of SSH:", "User name of the OS administrator:", "Output folder:"] {
        operator.sees(question);
        operator.presses(ENTER);
    }
    operator.sees("Is it right?");
    operator.presses_unseen(CTRL_C);
    let (code, said) = operator.leaves();
    assert_eq!(code, 130, "{said}");
    assert!(said.contains("nothing was written"), "{said}");
}

/// The entries are those that the cluster needs now, not only those of its list: a node joined since.
#[test]
fn the_entries_are_those_of_the_cluster() {
    let Some(site) = Site::start(2, 1, "12.5.1.11900-146") else { return };
    site.give_token_ctl(&[0, 1], true);
    site.set_members(&[0, 1, 2]);
    let mut options = [site.cluster.options(), Cluster::ports()].concat();
    for node in &site.cluster.nodes {
        let folder = node.folder.join("tftp").display().to_string();
        options.extend(["--tftp-root".to_owned(), format!("{}={folder}", node.address)]);
    }
    std::fs::create_dir(site.world.path("out")).unwrap();
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let mut operator = Operator::sits_down(&site.world, &options);
    operator.sees("The publisher's host name, the CTL file in force");
    operator.types(&format!("{CTRL_U}{}", site.cluster.publisher()));
    for question in ["Port of SSH:", "User name of the OS administrator:", "Output folder:"] {
        operator.sees(question);
        operator.presses(ENTER);
    }
    operator.chooses_mode(2);
    operator.picks_token(FIRST);
    operator.adds();
    let joined = &site.cluster.nodes[2].address;
    operator.sees(&format!("CCM+TFTP {joined}"));
    operator.chooses_entry("Finish", "Finish");
    operator.reads(&format!("{joined} is a node of the cluster"));
    operator.signs("SAST token A", PIN);
    operator.sees("> Done");
    operator.presses("\x1b[A\x1b[A");
    operator.presses(ENTER);
    operator.sees("Publish CTLFile.tlv, signed by");
    operator.presses(DOWN);
    operator.presses(ENTER);
    operator.sees("What comes next?");
    operator.is_done();
    let (code, said) = operator.leaves();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("--from-cluster ssh://"), "{said}");
    let new = site.world.read("out/CTLFile.new.tlv");
    for node in &site.cluster.nodes {
        assert!(node.disk_ctl().unwrap() == new, "{}: {said}", node.address);
    }
}

/// A cluster in mixed mode whose CTL has gone, or that never had one: its own certificates make the first, and every node serves
/// it.
#[test]
fn a_cluster_without_a_ctl_gets_its_first_from_its_own_certificates() {
    let Some(site) = Site::start(2, 0, "12.5.1.11900-146") else { return };
    let site = Site { world: site.world, cluster: site.cluster.serving_at_once() };
    site.cluster.nodes.iter().for_each(|node| node.remove("CTLFile.tlv"));
    let mut options = [site.cluster.options(), Cluster::ports()].concat();
    for node in &site.cluster.nodes {
        options.extend([
            "--tftp-root".to_owned(),
            format!("{}={}", node.address, node.folder.join("tftp").display()),
        ]);
    }
    std::fs::create_dir(site.world.path("out")).unwrap();
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let mut operator = Operator::sits_down(&site.world, &options);
    operator.sees("The publisher's host name, the CTL file in force");
    operator.types(&format!("{CTRL_U}{}", site.cluster.publisher()));
    for question in ["Port of SSH:", "User name of the OS administrator:", "Output folder:"] {
        operator.sees(question);
        operator.presses(ENTER);
    }
    operator.sees("No CTL File exists on the server");
    operator.presses(ENTER);
    operator.chooses_mode(0);
    operator.picks_token(FIRST);
    operator.adds();
    let entries = operator.sees("CTL Entries");
    for (entry, node) in [("SAST", 0), ("CCM+TFTP", 0), ("CCM+TFTP", 1), ("CAPF", 0)] {
        let entry = format!("{entry} {}", site.cluster.nodes[node].address);
        let words = entries.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(&entry), "{entry}: {entries}");
    }
    operator.chooses_entry("Add Tokens", "Add Tokens");
    operator.adds_the_other();
    operator.chooses_entry("Finish", "Finish");
    operator.signs("SAST token A", PIN);
    operator.sees("> Done");
    operator.presses("\x1b[A\x1b[A");
    operator.presses(ENTER);
    operator.sees("Publish CTLFile.tlv, signed by SAST-ADN008580ef?");
    operator.presses(DOWN);
    operator.presses(ENTER);
    for node in &site.cluster.nodes {
        operator.reads(&format!("{}:{SSH_PORT} /usr/local/cm/tftp/CTLFile.tlv Passed", node.address));
    }
    operator.is_done();
    let (code, said) = operator.leaves();
    assert_eq!(code, 0, "{said}");
    let new = site.world.read("out/CTLFile.tlv");
    for node in &site.cluster.nodes {
        assert!(node.ctl().unwrap() == new, "{}: {said}", node.address);
    }
    repeats(&site.world, &said, "out/CTLFile.tlv");
    let mut phones = population(&[0, 1]);
    reset(&site, &[0, 1], &mut phones);
    assert_all_reach(&site, &phones);
}
