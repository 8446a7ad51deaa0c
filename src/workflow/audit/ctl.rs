//! The server records of the CTL in force, against the nodes and their certificates.

use super::facts::{CAPF_SERVICE, NodeFacts};
use super::finding::{Finding, Kind, Mend};
use super::judge::{Judge, is_of, serial};
use crate::cluster::SecurityMode;
use crate::cluster::shell::answers::ClusterNode;
use crate::cluster::shell::certificates::OwnCertificate;
use crate::trustlist::{Function, Record, TrustList};
use crate::workflow::{ListCommand, ListOption, Next};

/// The units whose certificates are in server records.
const UNITS: [&str; 2] = ["CallManager", "CallManager-ECDSA"];

/// Whether a record has the address or the name of a node.
fn stands_at(record: &Record, node: &ClusterNode) -> bool {
    let first_label = |name: &str| name.split('.').next().unwrap_or_default().to_lowercase();
    let is_name = |name: &str| !name.is_empty() && name.parse::<std::net::IpAddr>().is_err();
    let dns = record.dns_name().unwrap_or_default();
    let same_name = is_name(&dns) && is_name(&node.name) && first_label(&dns) == first_label(&node.name);
    let ip = record.ip_address().filter(|ip| !ip.is_unspecified()).map(|ip| ip.to_string());
    // A name may belong to another address now.
    ip.map_or(same_name || dns == node.address, |ip| ip == node.address)
}

/// Where a record stands: its address, else its name.
fn place(record: &Record) -> String {
    let ip = record.ip_address().filter(|ip| !ip.is_unspecified()).map(|ip| ip.to_string());
    ip.or(record.dns_name()).unwrap_or_default()
}

fn is_server(record: &Record) -> bool {
    matches!(record.function(), Function::CCM_TFTP | Function::CCM)
}

impl Judge<'_> {
    /// The new CTL with this change. A tokenless one is made by the cluster itself.
    pub(super) fn update_ctl(&self, ctl: &TrustList, change: ListOption) -> Option<Mend> {
        let signer = ctl.sasts().find(|record| ctl.is_signer(record) && record.is_token());
        Some(match signer {
            Some(signer) => Mend::Next(Next::MakeList {
                command: ListCommand::Update,
                file: "CTLFile.tlv".to_owned(),
                options: vec![change, ListOption::Signer(signer.short_name())],
            }),
            None => Mend::Shell { node: self.publisher.to_owned(), command: "utils ctl update CTLFile" },
        })
    }

    /// The CallManager certificates of every node, and the servers that belong to none.
    pub(super) fn servers(&self, ctl: &TrustList, found: &mut Vec<Finding>) {
        let whole: Vec<&Record> = ctl.records().iter().filter(|r| is_server(r) && !r.is_emptied()).collect();
        if whole.is_empty() {
            let says = "the CTL has no CCM+TFTP record with a certificate, and the cluster is in mixed mode";
            let mixed = ListOption::Mode(SecurityMode::Mixed);
            let mend = self.update_ctl(ctl, mixed);
            found.push(Finding::new(Kind::CtlWithoutCertificates, self.publisher, says, mend));
            return;
        }
        for node in &self.facts.nodes {
            let runs = ["Cisco CallManager", "Cisco Tftp"].map(|service| node.runs(service));
            if runs.contains(&Some(true)) {
                for own in UNITS.iter().filter_map(|unit| node.certificate(unit)) {
                    found.extend(self.server(ctl, &whole, node, own));
                }
            }
        }
        let nodes = &self.facts.nodes;
        let of_node = |record: &Record, node: &NodeFacts| {
            let shown = UNITS.iter().filter_map(|unit| node.certificate(unit));
            stands_at(record, &node.node) || shown.into_iter().any(|own| is_of(record, own))
        };
        // A CCM record may be a firewall, a TFTP record an alternate server.
        let gone = whole.iter().filter(|r| r.function() == Function::CCM_TFTP && self.facts.knows_nodes);
        for record in gone.filter(|record| !nodes.iter().any(|node| of_node(record, node))) {
            let says = format!(
                "the CTL has {} at {}, and the cluster has no such node",
                record.short_name(),
                place(record)
            );
            let mend = self.update_ctl(ctl, ListOption::RemoveServer(place(record)));
            found.push(Finding::new(Kind::NodeGone, place(record), says, mend));
        }
    }

    /// One CallManager certificate of a node.
    fn server(
        &self,
        ctl: &TrustList,
        servers: &[&Record],
        node: &NodeFacts,
        own: &OwnCertificate,
    ) -> Option<Finding> {
        let (name, address) = (&node.status.node, &node.node.address);
        let file = format!("{}.der", own.unit);
        let holding: Vec<&&Record> = servers.iter().filter(|record| is_of(record, own)).collect();
        // A multi-SAN certificate belongs to several nodes, and stands in the CTL once.
        let owners =
            self.facts.nodes.iter().filter(|n| n.certificates.iter().any(|c| c.serial == own.serial));
        let mut owners = owners.map(|owner| &owner.node);
        if let Some(first) = holding.first() {
            let is_right = owners.any(|owner| holding.iter().any(|record| stands_at(record, owner)));
            return (!is_right).then(|| {
                let says = format!(
                    "its {} certificate is in the CTL at {}, and the node has the address {address}",
                    own.unit,
                    place(first)
                );
                let add = ListOption::AddServer(format!("ccm+tftp:{address}:{file}"));
                Finding::new(Kind::AddressChanged, name, says, self.update_ctl(ctl, add))
            });
        }
        let is_ec = |record: &Record| {
            record.certificate().and_then(Result::ok).is_some_and(|c| c.public_key.rsa().is_none())
        };
        let wants_ec = own.unit.ends_with("-ECDSA");
        let there = servers.iter().find(|r| stands_at(r, &node.node) && is_ec(r) == wants_ec);
        let shown = serial(&own.serial);
        let (kind, says, change) = match there {
            Some(old) => {
                let held = old.id().map(|(_, held)| serial(held)).unwrap_or_default();
                let says =
                    format!("its {} certificate was renewed: serial {shown}, in the CTL {held}", own.unit);
                (Kind::CallManagerRenewed, says, ListOption::Refresh(format!("{address}={file}")))
            }
            None => {
                let says = format!("its {} certificate, serial {shown}, is not in the CTL", own.unit);
                let kind = if wants_ec { Kind::EcRecordMissing } else { Kind::NodeMissing };
                (kind, says, ListOption::AddServer(format!("ccm+tftp:{address}:{file}")))
            }
        };
        Some(Finding::new(kind, name, says, self.update_ctl(ctl, change)))
    }

    /// The CAPF and ITLRecovery certificates of the publisher.
    pub(super) fn capf(&self, ctl: &TrustList, found: &mut Vec<Finding>) {
        let Some(publisher) = self.facts.nodes.iter().find(|n| n.node.publisher) else { return };
        let address = &publisher.node.address;
        let mut compare = |unit: &str, records: &[&Record], renewed, missing: Option<Kind>, add: String| {
            let Some(own) = publisher.certificate(unit) else { return };
            if records.iter().any(|record| is_of(record, own)) {
                return;
            }
            let shown = serial(&own.serial);
            let name = &publisher.status.node;
            if let Some((_, held)) = records.first().and_then(|record| record.id()) {
                let says = format!(
                    "its {unit} certificate was renewed: serial {shown}, in the CTL {}",
                    serial(held)
                );
                let refresh =
                    ListOption::Refresh(add.replacen(&format!("{address}:"), &format!("{address}="), 1));
                found.push(Finding::new(renewed, name, says, self.update_ctl(ctl, refresh)));
            } else if let Some(missing) = missing {
                let says = format!("its {unit} certificate, serial {shown}, is not in the CTL");
                found.push(Finding::new(
                    missing,
                    name,
                    says,
                    self.update_ctl(ctl, ListOption::AddServer(add)),
                ));
            }
        };
        let of = |is_it: &dyn Fn(&Record) -> bool| -> Vec<&Record> {
            ctl.records().iter().filter(|record| !record.is_emptied() && is_it(record)).collect()
        };
        let capf = of(&|record| record.function() == Function::CAPF);
        let is_active = publisher.runs(CAPF_SERVICE) == Some(true);
        let add = format!("capf:{address}:CAPF.der");
        compare("CAPF", &capf, Kind::CapfRenewed, is_active.then_some(Kind::CapfMissing), add);
        let recovery = of(&Record::is_itl_recovery);
        compare("ITLRecovery", &recovery, Kind::ItlRecoveryRenewed, None, "ITLRecovery.der".to_owned());
    }
}
