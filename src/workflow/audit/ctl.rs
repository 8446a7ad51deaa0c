//! The server records of the CTL in force, against the nodes and their certificates.

use std::net::IpAddr;

use super::facts::{CAPF, NodeFacts};
use super::finding::Kind;
use super::judge::Judge;
use crate::cluster::SecurityMode;
use crate::cluster::shell::answers::ClusterNode;
use crate::cluster::shell::certificates::OwnCertificate;
use crate::trustlist::{Function, Record, TrustList, digest};
use crate::workflow::ListOption;

/// The units whose certificates are in server records.
const UNITS: [&str; 2] = ["CallManager", "CallManager-ECDSA"];

/// Whether a record has the address of a node; without an address, its name.
fn stands_at(record: &Record, node: &ClusterNode) -> bool {
    let (place, name) = (record.place(), &node.name);
    let is_address = place.parse::<IpAddr>().is_ok() || name.parse::<IpAddr>().is_ok();
    let host = |name: &str| name.split('.').next().unwrap_or_default().to_lowercase();
    place == node.address || (!is_address && !place.is_empty() && host(&place) == host(name))
}

/// `held` is the serial number in the CTL.
fn renewed(own: &OwnCertificate, held: &[u8]) -> String {
    let (unit, shown, held) = (&own.unit, digest::colons(&own.serial), digest::colons(held));
    format!("its {unit} certificate was renewed: serial {shown}, in the CTL {held}")
}

impl Judge<'_> {
    /// The CallManager certificates of every node, and the servers that belong to none.
    pub(super) fn servers(&mut self, ctl: &TrustList) {
        let is_server = |r: &&Record| matches!(r.function(), Function::CCM_TFTP | Function::CCM);
        let whole: Vec<&Record> =
            ctl.records().iter().filter(is_server).filter(|record| !record.is_emptied()).collect();
        if whole.is_empty() {
            let says = "no CCM+TFTP record of the CTL has a certificate, and the cluster is in mixed mode";
            let mend = self.new_ctl(ctl, Some(ListOption::Mode(SecurityMode::Mixed)));
            return self.add(Kind::CtlWithoutCertificates, self.publisher, says, mend);
        }
        let nodes = &self.facts.nodes;
        for node in nodes.iter().filter(|node| node.runs("Cisco CallManager") || node.runs("Cisco Tftp")) {
            for own in UNITS.iter().filter_map(|unit| node.certificate(unit)) {
                if let Some((kind, says)) = self.server(&whole, node, own) {
                    self.add(kind, &node.status.node, says, self.new_ctl(ctl, None));
                }
            }
        }
        let of_node = |record: &Record, node: &NodeFacts| {
            let mut shown = UNITS.iter().filter_map(|unit| node.certificate(unit));
            stands_at(record, &node.node) || shown.any(|own| own.is_in(record))
        };
        // A CCM record may be a firewall.
        let gone = whole.iter().filter(|r| r.function() == Function::CCM_TFTP && self.facts.knows_nodes);
        for record in gone.filter(|record| !nodes.iter().any(|node| of_node(record, node))) {
            let (name, place) = (record.short_name(), record.place());
            let says = format!("the CTL has {name} at {place}, and the cluster has no such node");
            self.add(Kind::NodeGone, &place, says, self.new_ctl(ctl, None));
        }
    }

    /// What is wrong with the records of one CallManager certificate of a node.
    fn server(&self, servers: &[&Record], node: &NodeFacts, own: &OwnCertificate) -> Option<(Kind, String)> {
        let (unit, address) = (&own.unit, &node.node.address);
        let holding: Vec<&&Record> = servers.iter().filter(|record| own.is_in(record)).collect();
        if let Some(first) = holding.first() {
            // A multi-SAN certificate belongs to several nodes, and stands in the CTL once.
            let owners =
                self.facts.nodes.iter().filter(|n| n.certificates.iter().any(|c| c.serial == own.serial));
            let mut owners = owners.map(|owner| &owner.node);
            let is_right = owners.any(|owner| holding.iter().any(|record| stands_at(record, owner)));
            let at = first.place();
            let says =
                format!("its {unit} certificate is in the CTL at {at}, the node has the address {address}");
            return (!is_right).then_some((Kind::AddressChanged, says));
        }
        let is_ec = |record: &Record| {
            record.certificate().and_then(Result::ok).is_some_and(|c| c.public_key.rsa().is_none())
        };
        let wants_ec = unit.ends_with("-ECDSA");
        let there = servers.iter().find(|r| stands_at(r, &node.node) && is_ec(r) == wants_ec);
        if let Some((_, held)) = there.and_then(|record| record.id()) {
            return Some((Kind::CallManagerRenewed, renewed(own, held)));
        }
        let says =
            format!("its {unit} certificate, serial {}, is not in the CTL", digest::colons(&own.serial));
        Some((if wants_ec { Kind::EcRecordMissing } else { Kind::NodeMissing }, says))
    }

    /// The CAPF and ITLRecovery certificates, which count on the publisher alone.
    pub(super) fn publisher_alone(&mut self, ctl: &TrustList) {
        let Some(node) = self.facts.nodes.iter().find(|n| n.node.publisher) else { return };
        let name = &node.status.node;
        let is_capf = |record: &&Record| record.function() == Function::CAPF;
        let capf: Vec<&Record> = ctl.records().iter().filter(is_capf).collect();
        let recovery: Vec<&Record> = ctl.sasts().filter(|record| record.is_itl_recovery()).collect();
        for (unit, records, kind) in
            [("CAPF", capf, Kind::CapfRenewed), ("ITLRecovery", recovery, Kind::ItlRecoveryRenewed)]
        {
            let Some(own) = node.certificate(unit) else { continue };
            let is_used = unit != "CAPF" || node.runs(CAPF);
            if !is_used || records.iter().any(|record| own.is_in(record)) {
                continue;
            }
            if let Some((_, held)) = records.first().and_then(|record| record.id()) {
                self.add(kind, name, renewed(own, held), self.new_ctl(ctl, None));
            } else if unit == "CAPF" {
                let says = format!("{CAPF} is activated, and the CTL has no CAPF record");
                self.add(Kind::CapfMissing, name, says, self.new_ctl(ctl, None));
            }
        }
    }
}
