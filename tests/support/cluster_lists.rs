//! Certificates and lists of a simulated cluster that fit: each node has certificates of its own, the CTL is signed by token A
//! and has exactly these, and each ITL has the TVS of every node.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::x509::{X509, X509NameBuilder};

use super::cluster::{Cluster, FakeNode};
use super::lists::{self, Certificate, Key, Layout, Place};
use crate::pki;

/// When the certificates of a cluster begin and end.
pub const BEGINS: &str = "20260101000000Z";
pub const ENDS: &str = "20460101000000Z";
/// The tokens: the first one signs.
pub const TOKENS: [&str; 2] = ["SAST-ADN008580ef", "SAST-ADN0054f509"];
/// The time of the first list; later ones are later.
const TIME: u32 = 1_780_000_000;

/// A self-signed certificate with a serial number of its own, and its key (`rsa2048`, `ec256`).
pub fn certificate(key: &str, name: &str, begins: &str, ends: &str) -> (Vec<u8>, Vec<u8>) {
    static SERIAL: AtomicU32 = AtomicU32::new(1);
    let pem = pki::read(&format!("tests/testdata/keys/{key}.key.pem"));
    let private = PKey::private_key_from_pem(&pem).unwrap();
    let mut subject = X509NameBuilder::new().unwrap();
    for (part, value) in [("C", "US"), ("O", "Example, Voice"), ("OU", "Lab"), ("CN", name)] {
        subject.append_entry_by_text(part, value).unwrap();
    }
    let subject = subject.build();
    let serial = format!("6A00{:08X}", SERIAL.fetch_add(1, Ordering::SeqCst));
    let mut made = X509::builder().unwrap();
    made.set_version(2).unwrap();
    made.set_serial_number(&BigNum::from_hex_str(&serial).unwrap().to_asn1_integer().unwrap()).unwrap();
    made.set_subject_name(&subject).unwrap();
    made.set_issuer_name(&subject).unwrap();
    made.set_not_before(&Asn1Time::from_str(begins).unwrap()).unwrap();
    made.set_not_after(&Asn1Time::from_str(ends).unwrap()).unwrap();
    made.set_pubkey(&private).unwrap();
    made.sign(&private, MessageDigest::sha256()).unwrap();
    (made.build().to_der().unwrap(), pem)
}

/// Gives a node a new certificate of a unit.
pub fn renew(node: &FakeNode, unit: &str) {
    renew_with(node, unit, BEGINS, ENDS);
}

pub fn renew_with(node: &FakeNode, unit: &str, begins: &str, ends: &str) {
    let number = node.folder.file_name().unwrap().to_string_lossy().replace("node", "");
    let name = match unit {
        "CAPF" => format!("CAPF-{number}"),
        "ITLRecovery" => "ITLRECOVERY_cucm-0".to_owned(),
        "CallManager-ECDSA" => format!("cucm-{number}-EC"),
        _ => format!("cucm-{number}"),
    };
    let key = if unit.ends_with("-ECDSA") { "ec256" } else { "rsa2048" };
    let (der, pem) = certificate(key, &name, begins, ends);
    let stem = node.folder.join(unit.to_lowercase());
    fs::write(stem.with_extension("der"), der).unwrap();
    fs::write(stem.with_extension("key.pem"), pem).unwrap();
}

/// The certificates and lists of every node.
pub fn fit(cluster: &Cluster) {
    for (number, node) in cluster.nodes.iter().enumerate() {
        for unit in ["tomcat", "ipsec", "CallManager", "TVS"] {
            renew(node, unit);
        }
        let capf = if number == 0 { "[STARTED]" } else { "[STOPPED]  Service Not Activated" };
        let services = format!(
            "Cisco CallManager[STARTED]\nCisco Tftp[STARTED]\nCisco Trust Verification Service[STARTED]\n\
             Cisco Certificate Authority Proxy Function{capf}\n"
        );
        fs::write(node.folder.join("services"), services).unwrap();
        let _ = fs::remove_file(node.folder.join("capf.der"));
    }
    renew(&cluster.nodes[0], "CAPF");
    let trust = cluster.nodes[0].folder.join("trust");
    fs::create_dir_all(&trust).unwrap();
    for token in TOKENS {
        fs::copy(pki::path(&format!("softhsm-fixtures/{token}.der")), trust.join(format!("{token}.der")))
            .unwrap();
    }
    put_ctl(cluster, &TOKENS);
    put_itls(cluster);
}

fn of(node: &FakeNode, unit: &str) -> Option<Certificate> {
    Certificate::read(&fs::read(node.folder.join(unit.to_lowercase()).with_extension("der")).ok()?)
}

fn token(name: &str) -> Key {
    Key::open(Path::new(&pki::path(&format!("softhsm-fixtures/{name}")))).unwrap()
}

/// A CTL with the certificates that the nodes have now, and these tokens; the first one signs.
pub fn put_ctl(cluster: &Cluster, tokens: &[&str]) {
    let places: Vec<(usize, &str)> =
        cluster.nodes.iter().enumerate().map(|(number, node)| (number, &node.address[..])).collect();
    put_ctl_of(cluster, tokens, &places);
}

/// The same of some nodes, each at an address.
pub fn put_ctl_of(cluster: &Cluster, tokens: &[&str], places: &[(usize, &str)]) {
    let mut records = vec![];
    for (number, address) in places {
        let node = &cluster.nodes[*number];
        let address: std::net::Ipv4Addr = address.parse().unwrap();
        let name = format!("cucm-{number}");
        let place = || Layout::Server(Place { name: &name, address: address.octets() });
        let units = [
            ("CallManager", lists::CCM_TFTP),
            ("CallManager-ECDSA", lists::CCM_TFTP),
            ("CAPF", lists::CAPF),
            ("ITLRecovery", lists::SAST),
        ];
        for (unit, purpose) in units {
            records.extend(of(node, unit).map(|own| lists::record(purpose, &own, &place())));
        }
    }
    records.extend(tokens.iter().map(|t| lists::record(lists::SAST, &token(t).certificate, &Layout::Token)));
    let ctl = lists::sign("CTLFile.tlv", &records, &token(tokens[0]), TIME);
    cluster.nodes.iter().for_each(|node| node.put("CTLFile.tlv", &ctl));
}

/// What "Prepare Cluster for Rollback to pre 8.0" leaves of the ITL of a node: its SAST alone.
pub fn put_emptied_itl(cluster: &Cluster, number: usize) {
    let node = &cluster.nodes[number];
    let server = Key::open(&node.folder.join("callmanager")).unwrap();
    let records = [lists::record(lists::SAST, &server.certificate, &Layout::Itl)];
    node.put("ITLFile.tlv", &lists::sign("ITLFile.tlv", &records, &server, TIME));
}

/// An ITL for each node, signed by its CallManager certificate, with the TVS certificates of all.
pub fn put_itls(cluster: &Cluster) {
    for node in &cluster.nodes {
        let server = Key::open(&node.folder.join("callmanager")).unwrap();
        let whole = |purpose| lists::record(purpose, &server.certificate, &Layout::Itl);
        let mut records = vec![whole(lists::SAST), whole(lists::CCM_TFTP)];
        for other in &cluster.nodes {
            records.extend(of(other, "TVS").map(|own| lists::record(lists::TVS, &own, &Layout::ItlHash)));
        }
        node.put("ITLFile.tlv", &lists::sign("ITLFile.tlv", &records, &server, TIME));
    }
}
