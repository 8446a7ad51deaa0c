//! From the name of the publisher to "Passed" on every node.

use super::*;
use crate::cluster_servers::with_passwords;
use crate::support::cluster::{Cluster, SSH_PORT, Ssh, can_run, fake_cucm};

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
    assert!(world.read("out/CTLFile.tlv") == pki::golden_bytes("tokenless.tlv"), "the list in force");
    let new = world.read("out/CTLFile.new.tlv");
    assert!(new == pki::golden_bytes("token-signed.tlv"));

    operator.sees("> Done");
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
