//! What an audit asks a cluster. What was not read is a fact, too: why.

use serde::Serialize;

use crate::cluster::shell::answers::ClusterNode;
use crate::cluster::shell::certificates::OwnCertificate;
use crate::cluster::shell::health::{Backup, License, Replication};
use crate::cluster::{ClusterError, Connector, NodeAddress, Ports, SecurityMode, nodes_of};
use crate::workflow::WorkError;
use crate::workflow::readiness::shows_licence;
use crate::workflow::status::{Asks, NodeStatus, ask_nodes};
use crate::workflow::trust::TvsOptions;

/// Gives phones their own certificates, on the publisher.
pub(super) const CAPF: &str = "Cisco Certificate Authority Proxy Function";
/// The services whose state is asked.
const SERVICES: [&str; 4] = ["Cisco Tftp", "Cisco CallManager", "Cisco Trust Verification Service", CAPF];

/// What is known of a cluster.
pub(super) struct AuditFacts {
    pub release: Option<String>,
    pub mode: Option<SecurityMode>,
    /// The publisher is first.
    pub nodes: Vec<NodeFacts>,
    /// Whether these are all nodes.
    pub knows_nodes: bool,
    /// "Prepare Cluster for Rollback to pre 8.0"; no document prints its values, so that it was not read is no finding.
    pub rollback: Option<bool>,
    pub replication: Option<Replication>,
    pub backup: Option<Backup>,
    pub licence: Option<License>,
    /// The lines of `show cert list trust`.
    pub trust_list: Option<Vec<String>>,
    /// What was not read: of what, and why.
    pub not_known: Vec<(String, String)>,
}

/// What is known of a node.
#[derive(Debug, Serialize)]
pub struct NodeFacts {
    #[serde(flatten)]
    pub node: ClusterNode,
    #[serde(skip)]
    pub(super) status: NodeStatus,
    pub certificates: Vec<OwnCertificate>,
}

impl NodeFacts {
    pub fn certificate(&self, unit: &str) -> Option<&OwnCertificate> {
        self.certificates.iter().find(|own| own.unit.eq_ignore_ascii_case(unit))
    }

    /// Whether a service is activated, as far as the node was asked.
    pub fn runs(&self, service: &str) -> bool {
        let mut services = self.status.services.iter();
        services.any(|(name, state)| name == service && !matches!(&state[..], "not activated" | "not there"))
    }
}

/// Asks a cluster. An error only if its publisher is not reached. `done` is called after each node.
pub(super) fn gather(
    publisher: &NodeAddress,
    (ports, tvs): (Ports, Option<&TvsOptions>),
    connector: &mut Connector<'_>,
    done: impl Fn(&NodeAddress) + Sync,
) -> Result<AuditFacts, WorkError> {
    let mut shell = connector.open(publisher)?;
    let (name, mut not_known) = (publisher.to_string(), Vec::new());
    let mode = known(shell.security_mode(), &name, &mut not_known);
    let release = known(shell.version(), &name, &mut not_known);
    let nodes = known(nodes_of(&mut shell, publisher), &name, &mut not_known);
    let rollback = shell.rollback().ok();
    let replication = known(shell.replication(), &name, &mut not_known);
    let backup = known(shell.backups(), &name, &mut not_known);
    let trust_list = known(shell.trust_list(), &name, &mut not_known);
    let has_licence = release.as_deref().is_some_and(shows_licence);
    let licence = has_licence.then(|| known(shell.license(), &name, &mut not_known)).flatten();
    drop(shell);
    let knows_nodes = nodes.is_some();
    let of_all = nodes.unwrap_or_else(|| vec![(publisher.clone(), ClusterNode::alone(publisher))]);
    let asks = Asks { mode: mode.unwrap_or_default(), ports, tvs, services: &SERVICES };
    let asked = ask_nodes(&of_all, asks, connector, |shell| shell.own_certificates(), done);
    let mut nodes = Vec::new();
    for ((_, node), (status, own)) in of_all.into_iter().zip(asked) {
        let own = own.and_then(|own| known(own, &status.node, &mut not_known));
        let (certificates, errors) = own.unwrap_or_default();
        let errors = errors.iter().map(ToString::to_string);
        let errors = errors.chain(status.not_asked.as_ref().map(ToString::to_string));
        not_known.extend(errors.map(|why| (status.node.clone(), why)));
        nodes.push(NodeFacts { node, status, certificates });
    }
    Ok(AuditFacts {
        release,
        mode,
        nodes,
        knows_nodes,
        rollback,
        replication,
        backup,
        licence,
        trust_list,
        not_known,
    })
}

/// A value that was read; else why it was not is written down.
fn known<T>(read: Result<T, ClusterError>, of: &str, not_known: &mut Vec<(String, String)>) -> Option<T> {
    read.map_err(|e| not_known.push((of.to_owned(), e.to_string()))).ok()
}
