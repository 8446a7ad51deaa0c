//! Restarting the services that serve a list.

use super::address::NodeAddress;
use super::connect::Connector;
use super::error::ClusterError;
use super::node::SERVICES;
use super::shell::answers::ServiceState;

/// Which service is restarted where, in which order: Cisco Tftp on all nodes first, since phones that register again must find
/// the new list wherever they ask.
pub fn restart_order(nodes: &[NodeAddress]) -> Vec<(&'static str, NodeAddress)> {
    SERVICES.into_iter().flat_map(|service| nodes.iter().map(move |node| (service, node.clone()))).collect()
}

/// Restarts a service where it runs, and waits until it is started; its state.
pub fn restart(
    connector: &mut Connector<'_>,
    node: &NodeAddress,
    service: &'static str,
) -> Result<ServiceState, ClusterError> {
    let mut shell = connector.open(node)?;
    let before = shell.services()?.into_iter().find(|(name, _)| *name == service);
    let before = before.map_or(ServiceState::Missing, |(_, state)| state);
    if matches!(before, ServiceState::Missing | ServiceState::NotActivated) {
        connector.prompt().note(&format!("{node}: {service} does not run here"));
        return Ok(before);
    }
    connector.prompt().note(&format!("{node}: {service} restarts; this may take some minutes …"));
    match shell.restart(service)? {
        ServiceState::Started => Ok(ServiceState::Started),
        state => Err(ClusterError::NotStarted { node: node.clone(), service, state }),
    }
}
