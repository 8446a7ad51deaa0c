//! A cluster whose nodes have certificates of their own, and a CTL that tokens sign.

use std::fmt::Write as _;
use std::path::PathBuf;

use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::{X509, X509NameBuilder};

use super::cluster::{Cluster, SSH_PORT, Ssh, can_run};
use super::lists::itl;
use super::{Outcome, World};

/// The services of the publisher and of the other nodes.
const SERVICES: &str = "Cisco CallManager[STARTED]\nCisco Tftp[STARTED]\nCisco Trust Verification Service[STARTED]\n\
                        Cisco CTIManager[STARTED]\nCisco HAProxy[STARTED]\n";
const CAPF: &str = "Cisco Certificate Authority Proxy Function[STARTED]\n";

pub struct Site {
    pub world: World,
    pub cluster: Cluster,
}

/// A new certificate and its key: of an elliptic curve, or RSA.
fn make(name: &str, elliptic: bool) -> (Vec<u8>, Vec<u8>) {
    let key: PKey<Private> = if elliptic {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
    } else {
        PKey::from_rsa(Rsa::generate(1024).unwrap()).unwrap()
    };
    let mut subject = X509NameBuilder::new().unwrap();
    for (part, value) in [("CN", name), ("OU", "TAC"), ("O", "Cisco"), ("C", "PL")] {
        subject.append_entry_by_text(part, value).unwrap();
    }
    let subject = subject.build();
    let mut serial = BigNum::new().unwrap();
    serial.rand(120, MsbOption::ONE, false).unwrap();
    let mut certificate = X509::builder().unwrap();
    certificate.set_version(2).unwrap();
    certificate.set_serial_number(&serial.to_asn1_integer().unwrap()).unwrap();
    certificate.set_subject_name(&subject).unwrap();
    certificate.set_issuer_name(&subject).unwrap();
    certificate.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    certificate.set_not_after(&Asn1Time::days_from_now(1825).unwrap()).unwrap();
    certificate.set_pubkey(&key).unwrap();
    certificate.sign(&key, MessageDigest::sha256()).unwrap();
    (certificate.build().to_der().unwrap(), key.private_key_to_pem_pkcs8().unwrap())
}

impl Site {
    /// `members` nodes, and further ones that are no part of the cluster yet.
    pub fn start(members: usize, further: usize, release: &str) -> Option<Site> {
        if !can_run() {
            return None;
        }
        let world = World::with_tokens();
        let cluster = Cluster::start(&world, members + further, Ssh::Today);
        let site = Site { world, cluster };
        site.equip(members, release);
        Some(site)
    }

    fn equip(&self, members: usize, release: &str) {
        let site = self;
        for (number, node) in site.cluster.nodes.iter().enumerate() {
            let folder = &node.folder;
            std::fs::write(folder.join("address"), &node.address).unwrap();
            std::fs::write(folder.join("version"), release).unwrap();
            let capf = if number == 0 { CAPF } else { "" };
            std::fs::write(folder.join("services"), format!("{SERVICES}{capf}")).unwrap();
            for stale in ["sub1", "capf", "tvs", "publisher"] {
                let _ = std::fs::remove_file(folder.join(format!("{stale}.der")));
                let _ = std::fs::remove_file(folder.join(format!("{stale}.key.pem")));
            }
            site.put(number, "publisher", &format!("cucm-{number}"), false);
            site.put(number, "tvs", &format!("TVS-cucm-{number}"), false);
        }
        site.put(0, "capf", "CAPF-00000001", false);
        site.put(0, "itlrecovery", "ITLRECOVERY_cucm-0", false);
        site.set_members(&(0..members).collect::<Vec<_>>());
        site.restart_tftp();
    }

    /// For a page of the guide: the world and its two nodes become a site with a CTL of tokens, and the CAPF certificate was
    /// renewed after it or not.
    pub fn of_the_guide(world: World, cluster: Cluster, renewed: bool) -> Site {
        let site = Site { world, cluster };
        site.equip(2, "12.5.1.11900-146");
        site.give_token_ctl(&[0, 1], true);
        if renewed {
            site.put(0, "capf", "CAPF-00000002", false);
            site.set_members(&[0, 1]);
            site.restart_tftp();
        }
        site
    }

    /// Writes a certificate and its key into the folder of a node.
    fn put(&self, node: usize, stem: &str, name: &str, elliptic: bool) {
        let (der, key) = make(name, elliptic);
        let folder = &self.cluster.nodes[node].folder;
        std::fs::write(folder.join(format!("{stem}.der")), der).unwrap();
        std::fs::write(folder.join(format!("{stem}.key.pem")), key).unwrap();
    }

    pub fn folder(&self, node: usize) -> &PathBuf {
        &self.cluster.nodes[node].folder
    }

    pub fn der(&self, node: usize, stem: &str) -> Vec<u8> {
        std::fs::read(self.folder(node).join(format!("{stem}.der"))).unwrap()
    }

    /// Which nodes the cluster has, the publisher first; the data of its CTL follow.
    pub fn set_members(&self, members: &[usize]) {
        let (mut network, mut servers) = (String::new(), String::new());
        for (at, number) in members.iter().enumerate() {
            let address = &self.cluster.nodes[*number].address;
            let role = if at == 0 { "Publisher callmanager DBPub" } else { "Subscriber callmanager DBSub" };
            writeln!(network, "{address} cucm-{number}.example.com cucm-{number} {role} authenticated")
                .unwrap();
            writeln!(servers, "CCM+TFTP cucm-{number} {address} ../node{number}/publisher").unwrap();
        }
        writeln!(servers, "CAPF cucm-0 {} capf", self.cluster.nodes[0].address).unwrap();
        for node in &self.cluster.nodes {
            std::fs::write(node.folder.join("network"), &network).unwrap();
            std::fs::write(node.folder.join("servers"), &servers).unwrap();
        }
        itl::make_all(self.folder(0), 1_425_680_000);
    }

    /// Every node serves what is on its disk.
    pub fn restart_tftp(&self) {
        for node in &self.cluster.nodes {
            for name in ["CTLFile.tlv", "ITLFile.tlv"] {
                std::fs::copy(node.folder.join("tftp").join(name), node.folder.join("served").join(name))
                    .unwrap();
            }
        }
    }

    /// A CTL that tokens sign, on every node; with the SAST records of ITLRecovery and CallManager, or without.
    pub fn give_token_ctl(&self, members: &[usize], with_recovery: bool) {
        let mut text = String::new();
        let mut server = |function: &str, number: usize, stem: &str| {
            let (address, folder) = (&self.cluster.nodes[number].address, self.folder(number));
            let certificate = folder.join(format!("{stem}.der"));
            writeln!(
                text,
                "[[server]]\nfunction = \"{function}\"\naddress = \"{address}\"\ncertificate = \"{}\"",
                certificate.display()
            )
            .unwrap();
        };
        if with_recovery {
            server("SAST", 0, "itlrecovery");
            server("SAST", 0, "publisher");
        }
        members.iter().for_each(|number| server("CCM+TFTP", *number, "publisher"));
        server("CAPF", 0, "capf");
        self.make_token_ctl(&text);
    }

    /// The same with these servers, as a cluster file.
    pub fn make_token_ctl(&self, servers: &str) {
        std::fs::write(self.world.path("cluster.toml"), servers).unwrap();
        let _ = std::fs::remove_file(self.world.path("made.tlv"));
        let tokens = ["--token", "SAST-ADN008580ef", "--spare", "SAST-ADN0054f509", "--yes"];
        let create = [
            "ctl",
            "create",
            "--cluster",
            "cluster.toml",
            "--out",
            "made.tlv",
            "--pin-source",
            "env:SAST_PIN",
        ];
        self.world.run(&[&create[..], &tokens].concat()).done();
        let ctl = self.world.read("made.tlv");
        self.cluster.nodes.iter().for_each(|node| node.put("CTLFile.tlv", &ctl));
    }

    /// The commands of an administrator on a node's shell.
    pub fn tell(&self, node: usize, lines: &[&str]) -> String {
        let address = format!("ssh://root@{}:{SSH_PORT}", self.cluster.nodes[node].address);
        let options = self.cluster.options();
        let mut args = vec!["cluster", "console", &address];
        args.extend(options.iter().map(String::as_str));
        self.world.run_with_input(&args, format!("{}\nexit\n", lines.join("\n")).as_bytes()).stdout
    }

    /// Renews a certificate, as an administrator does.
    pub fn regenerate(&self, node: usize, unit: &str) {
        let name = match unit {
            "CallManager" => format!("cucm-{node}"),
            // CAPF has another subject each time.
            "CAPF" => format!("CAPF-{:08x}", std::process::id() ^ node as u32 ^ 0x5a5a_0000),
            "TVS" => format!("TVS-cucm-{node}"),
            _ => format!("ITLRECOVERY_cucm-{node}"),
        };
        std::fs::create_dir_all(self.folder(node).join("regenerated")).unwrap();
        self.put(node, &format!("regenerated/{unit}"), &name, false);
        let said = self.tell(node, &[&format!("set cert regen {unit}"), "yes"]);
        assert!(said.contains("Successfully Regenerated"), "{said}");
    }

    /// Gives a node an EC certificate beside its RSA one.
    pub fn give_ec_certificate(&self, node: usize) {
        self.put(node, "callmanager-ecdsa", &format!("cucm-{node}-EC"), true);
    }

    /// The words of a command on the cluster.
    pub fn arguments(&self, command: &[&str], more: &[&str]) -> Vec<String> {
        let mut args: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
        args.extend(["--node".to_owned(), self.cluster.publisher()]);
        args.extend(self.cluster.options());
        args.extend(Cluster::ports());
        for node in &self.cluster.nodes {
            let is_member = self.network().contains(&format!("{} ", node.address));
            let root = node.folder.join("tftp");
            let folder = format!("{}={}", node.address, root.display());
            args.extend(is_member.then_some(["--tftp-root".to_owned(), folder]).into_iter().flatten());
        }
        args.extend(more.iter().map(|word| (*word).to_owned()));
        args
    }

    fn network(&self) -> String {
        std::fs::read_to_string(self.folder(0).join("network")).unwrap()
    }

    pub fn run(&self, command: &[&str], more: &[&str]) -> Outcome {
        let args = self.arguments(command, more);
        self.world.run(&args.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// `renew` with the first token.
    pub fn renew(&self, more: &[&str]) -> Outcome {
        self.run(&["renew"], &[&["--token", "SAST-ADN008580ef", "--yes"], more].concat())
    }

    /// The services that nodes were told to restart since the last call, in order: node, service.
    pub fn restarts(&self) -> Vec<(usize, String)> {
        let mut all = vec![];
        for (number, node) in self.cluster.nodes.iter().enumerate() {
            let told = node.told().into_iter();
            all.extend(
                told.filter_map(|c| Some((number, c.strip_prefix("utils service restart ")?.to_owned()))),
            );
            let _ = std::fs::remove_file(node.folder.join("commands"));
        }
        all
    }
}
