//! The ITL of a node, as CUCM makes it: its CallManager certificate, the TVS certificates of all nodes, CAPF; signed by the
//! CallManager key, from 12.0 on by that of ITLRecovery.

use std::path::{Path, PathBuf};

use super::{CAPF, CCM_TFTP, Certificate, Key, Layout, SAST, TVS, record, sign};

/// The folders of the nodes that belong to the cluster, the publisher first: those whose address is in its file `network`.
pub fn members(publisher: &Path) -> Vec<PathBuf> {
    let network = std::fs::read_to_string(publisher.join("network")).unwrap();
    let beside = std::fs::read_dir(publisher.parent().unwrap()).unwrap();
    let folders: Vec<PathBuf> = beside.map(|entry| entry.unwrap().path()).collect();
    let of = |line: &str| {
        let address = line.split_whitespace().next()?.to_owned();
        let is_it = |f: &&PathBuf| std::fs::read_to_string(f.join("address")).is_ok_and(|a| a == address);
        folders.iter().find(is_it).cloned()
    };
    network.lines().filter_map(of).collect()
}

/// For nodes with a file `address`, that of each is made again, on its disk.
pub fn make_all(publisher: &Path, timestamp: u32) {
    let members = members(publisher);
    let der = |folder: &Path, name: &str| {
        Certificate::read(&std::fs::read(folder.join(format!("{name}.der"))).unwrap()).unwrap()
    };
    for node in &members {
        let callmanager = Key::open(&node.join("publisher")).unwrap();
        let version = std::fs::read_to_string(publisher.join("version")).unwrap();
        let recovery = Key::open(&publisher.join("itlrecovery")).filter(|_| version.as_str() >= "12");
        let signer = recovery.as_ref().unwrap_or(&callmanager);
        let mut records = vec![
            record(SAST, &signer.certificate, &Layout::Itl),
            record(CCM_TFTP, &callmanager.certificate, &Layout::Itl),
        ];
        records.extend(members.iter().map(|of| record(TVS, &der(of, "tvs"), &Layout::ItlHash)));
        records.push(record(CAPF, &der(publisher, "capf"), &Layout::ItlHash));
        std::fs::write(node.join("tftp/ITLFile.tlv"), sign("ITLFile.tlv", &records, signer, timestamp))
            .unwrap();
    }
}
