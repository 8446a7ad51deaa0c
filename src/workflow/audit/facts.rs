//! What an audit asks a cluster. What was not read is a fact, too: why.

use crate::cluster::shell::answers::ClusterNode;
use crate::cluster::shell::certificates::OwnCertificate;
use crate::cluster::shell::health::{Backup, License, Replication};
use crate::cluster::{ClusterError, Connector, NodeAddress, Ports, SecurityMode, nodes_of};
use crate::workflow::WorkError;
use crate::workflow::readiness::shows_licence;
use crate::workflow::status::{Asks, NodeStatus, ask_nodes};
use crate::workflow::trust::TvsOptions;

/// Phones get their own certificates from this service of the publisher.
pub(super) const CAPF_SERVICE: &str = "Cisco Certificate Authority Proxy Function";
/// The service whose certificate is in every ITL.
const TVS_SERVICE: &str = "Cisco Trust Verification Service";
/// The services whose state is asked.
const SERVICES: [&str; 4] = ["Cisco Tftp", "Cisco CallManager", TVS_SERVICE, CAPF_SERVICE];

/// How a cluster is asked.
#[derive(Debug, Clone, Copy)]
pub struct How<'a> {
    /// The ports of its file servers.
    pub ports: Ports,
    /// How its TVS are asked; `None`: not at all.
    pub tvs: Option<&'a TvsOptions>,
}

/// What is known of a cluster.
#[derive(Debug)]
pub(super) struct AuditFacts {
    pub release: Option<String>,
    pub mode: Option<SecurityMode>,
    /// The publisher is first.
    pub nodes: Vec<NodeFacts>,
    /// Whether these are all nodes.
    pub knows_nodes: bool,
    pub replication: Option<Replication>,
    pub backup: Option<Backup>,
    pub licence: Option<License>,
    /// The lines of `show cert list trust`.
    pub trust_list: Option<Vec<String>>,
    /// What was not read: of what, and why.
    pub not_known: Vec<(String, String)>,
}

/// What is known of a node.
#[derive(Debug)]
pub(super) struct NodeFacts {
    pub node: ClusterNode,
    pub status: NodeStatus,
    pub certificates: Vec<OwnCertificate>,
}

impl NodeFacts {
    pub fn certificate(&self, unit: &str) -> Option<&OwnCertificate> {
        self.certificates.iter().find(|own| own.unit.eq_ignore_ascii_case(unit))
    }

    /// Whether a service is activated; `None` if the node was not asked.
    pub fn runs(&self, service: &str) -> Option<bool> {
        let (_, state) = self.status.services.iter().find(|(name, _)| name == service)?;
        Some(!matches!(&state[..], "not activated" | "not there"))
    }
}

/// Asks a cluster. An error only if its publisher is not reached. `done` is called after each node.
pub(super) fn gather(
    publisher: &NodeAddress,
    how: How<'_>,
    connector: &mut Connector<'_>,
    done: impl Fn(&NodeAddress) + Sync,
) -> Result<AuditFacts, WorkError> {
    let mut shell = connector.open(publisher)?;
    let mut not_known = Vec::new();
    let name = publisher.to_string();
    let mode = known(shell.security_mode(), &name, &mut not_known);
    let release = known(shell.version(), &name, &mut not_known);
    let nodes = known(nodes_of(&mut shell, publisher), &name, &mut not_known);
    let replication = known(shell.replication(), &name, &mut not_known);
    let backup = known(shell.backups(), &name, &mut not_known);
    let trust_list = known(shell.trust_list(), &name, &mut not_known);
    let has_licence = release.as_deref().is_some_and(shows_licence);
    let licence = has_licence.then(|| known(shell.license(), &name, &mut not_known)).flatten();
    drop(shell);
    let knows_nodes = nodes.is_some();
    let nodes = nodes.unwrap_or_else(|| vec![(publisher.clone(), ClusterNode::alone(publisher))]);
    let How { ports, tvs } = how;
    let asks = Asks { mode: mode.unwrap_or_default(), ports, tvs, services: &SERVICES };
    let asked = ask_nodes(&nodes, asks, connector, |shell| shell.own_certificates(), done);
    let mut found = Vec::new();
    for ((_, node), (status, own)) in nodes.into_iter().zip(asked) {
        let own = own.and_then(|own| known(own, &status.node, &mut not_known));
        let (certificates, errors) = own.unwrap_or_default();
        let errors = errors.iter().map(ToString::to_string);
        let errors = errors.chain(status.not_asked.as_ref().map(ToString::to_string));
        not_known.extend(errors.map(|why| (status.node.clone(), why)));
        found.push(NodeFacts { node, status, certificates });
    }
    let nodes = found;
    Ok(AuditFacts { release, mode, nodes, knows_nodes, replication, backup, licence, trust_list, not_known })
}

/// A value that was read; else why it was not is written down.
fn known<T>(read: Result<T, ClusterError>, of: &str, not_known: &mut Vec<(String, String)>) -> Option<T> {
    read.map_err(|e| not_known.push((of.to_owned(), e.to_string()))).ok()
}
