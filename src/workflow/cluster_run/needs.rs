//! What the lists of a cluster must hold now: certificates, activated services and addresses of every node.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use super::error::RunError;
use crate::cluster::shell::certificates::OwnCertificate;
use crate::cluster::{CAPF, Connector, NodeAddress, Ports, SERVICES, fetch, side_by_side};
use crate::phone::is_emptied_itl;
use crate::trustlist::{Certificate, Function, TrustList, VerifiedList, digest};
use crate::workflow::error::WorkError;
use crate::workflow::plan::{Change, Edit, Needed, NeededRecord, Release, Unit, changes};

/// What the CTL and the ITLs of a cluster must hold now.
#[derive(Debug, Clone)]
pub struct Needs {
    /// The addresses of the nodes, the publisher first.
    pub nodes: Vec<Ipv4Addr>,
    /// The records of the CTL that come from nodes.
    pub records: Vec<NeededRecord>,
    /// For each ITL that lacks TVS certificates a line.
    pub tvs: Vec<String>,
}

/// What one node shows.
struct Own {
    address: Ipv4Addr,
    /// Whether phones get files from it or register with it.
    serves: bool,
    has_capf: bool,
    certificates: Vec<OwnCertificate>,
    itl: Option<TrustList>,
}

impl Own {
    fn certificate(&self, unit: &str) -> Option<&OwnCertificate> {
        self.certificates.iter().find(|own| own.unit == unit)
    }
}

impl Needs {
    /// Asks the cluster of this publisher. Changes nothing.
    pub fn of_cluster(
        publisher: &NodeAddress,
        ports: Ports,
        connector: &mut Connector<'_>,
    ) -> Result<Self, WorkError> {
        let release = connector.open(publisher)?.version()?.parse::<Release>().map_err(RunError::from)?;
        let nodes = connector.nodes(publisher, false)?;
        Needs::read(&nodes, connector, ports, release, &[])
    }

    /// Asks every node. `known`: certificates in addition to those in the database of the cluster. Changes nothing.
    pub fn read(
        nodes: &[NodeAddress],
        connector: &mut Connector<'_>,
        ports: Ports,
        release: Release,
        known: &[Certificate],
    ) -> Result<Self, WorkError> {
        let owns = side_by_side(nodes, connector, |node, connector| own(node, connector, ports));
        let owns = owns.into_iter().collect::<Result<Vec<_>, _>>()?;
        let mut known = known.to_vec();
        if let Some(publisher) = nodes.first() {
            known.extend(connector.open(publisher)?.certificates_in_database()?);
        }
        let mut records: Vec<NeededRecord> = Vec::new();
        for (number, node) in owns.iter().enumerate() {
            let signs = number == 0 && release == Release::WithRecovery;
            for (unit_name, unit, function, is_needed) in [
                ("CallManager", Unit::CallManager, Function::CCM_TFTP, node.serves),
                ("CAPF", Unit::Capf, Function::CAPF, number == 0 && node.has_capf),
                ("CallManager-ECDSA", Unit::CallManager, Function::CCM_TFTP, node.serves),
                ("ITLRecovery", Unit::ItlRecovery, Function::SAST, signs),
                ("CallManager", Unit::CallManager, Function::SAST, signs),
            ] {
                let own = node.certificate(unit_name);
                // Releases before 11.0 have no EC certificates.
                if !is_needed || own.is_none() && unit_name == "CallManager-ECDSA" {
                    continue;
                }
                let found = known.iter().find(|certificate| own.is_some_and(|own| own.is(certificate)));
                let lost = || RunError::NoCertificate {
                    node: node.address.to_string(),
                    unit: unit_name,
                    serial: own.map(|own| digest::colons(&own.serial)).unwrap_or_default(),
                };
                let certificate = found.cloned().ok_or_else(lost)?;
                // A list holds a certificate of several nodes once.
                if !records.iter().any(|r| r.function == function && r.certificate == certificate) {
                    records.push(NeededRecord { function, unit, address: node.address, certificate });
                }
            }
        }
        let itls = owns.iter().filter(|own| own.serves).filter_map(|own| Some((own, own.itl.as_ref()?)));
        let lacking = |(node, itl): (&Own, &TrustList)| {
            let holds = |own: &OwnCertificate| {
                itl.records().iter().any(|r| r.function() == Function::TVS && own.is_in(r))
            };
            let lacks = owns.iter().filter(|of| of.certificate("TVS").is_some_and(|own| !holds(own)));
            let lacks: Vec<String> = lacks.map(|of| of.address.to_string()).collect();
            let says =
                format!("the ITL of {} lacks the TVS certificate of {}", node.address, lacks.join(", "));
            (!lacks.is_empty() && !is_emptied_itl(itl)).then_some(says)
        };
        let tvs = itls.filter_map(lacking).collect();
        Ok(Needs { nodes: owns.iter().map(|own| own.address).collect(), records, tvs })
    }

    /// Without the ITLs.
    pub fn needed(&self) -> Needed {
        Needed { records: self.records.clone(), nodes: self.nodes.clone() }
    }

    /// The same for a change of this CTL, by these edits, too; none if nothing is to be changed.
    pub fn to_change(&self, ctl: &VerifiedList, edits: &[Edit]) -> Result<Option<Needed>, WorkError> {
        let nothing = edits.is_empty() && self.changes(ctl)?.is_empty();
        Ok((!nothing).then(|| self.needed()))
    }

    /// What changed since this CTL was made.
    pub fn changes(&self, ctl: &VerifiedList) -> Result<BTreeSet<Change>, WorkError> {
        let mut changes = changes(ctl, &self.records, &self.nodes)?;
        changes.extend((!self.tvs.is_empty()).then_some(Change::Renewed(Unit::Tvs)));
        Ok(changes)
    }
}

fn own(node: &NodeAddress, connector: &mut Connector<'_>, ports: Ports) -> Result<Own, WorkError> {
    let not_ipv4 = || RunError::NotIpv4 { node: node.to_string() };
    let host = node.host().ok_or_else(not_ipv4)?;
    let address = host.parse().map_err(|_| not_ipv4())?;
    let mut shell = connector.open(node)?;
    let states = shell.states(&[SERVICES[0], SERVICES[1], CAPF])?;
    let runs = |service| states.iter().any(|(name, state)| *name == service && state.is_activated());
    let (certificates, unread) = shell.own_certificates()?;
    // A certificate that is not read would leave the list.
    if let Some(error) = unread.into_iter().next() {
        return Err(error.into());
    }
    let itl = fetch(host, ports, "ITLFile.tlv")?.and_then(|fetched| TrustList::decode(fetched.bytes).ok());
    let serves = runs(SERVICES[0]) || runs(SERVICES[1]);
    Ok(Own { address, serves, has_capf: runs(CAPF), certificates, itl })
}
