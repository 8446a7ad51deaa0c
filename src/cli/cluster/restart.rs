//! `cluster restart`: Cisco Tftp, then Cisco CallManager, on the nodes that run them.

use clap::Args;

use super::super::error::{CommandError, ErrorKind};
use super::super::interrupt;
use super::super::ui::Ui;
use super::connect::{ConnectArgs, Connector};
use super::status::state;
use crate::cluster::shell::answers::ServiceState;
use crate::cluster::{NodeAddress, SERVICES};

/// Restart Cisco Tftp, then Cisco CallManager, on the nodes that run them
#[derive(Debug, Args)]
pub struct RestartArgs {
    /// The publisher: HOST, ssh://user@host or serial:/dev/ttyUSB0?baud=9600
    #[arg(long)]
    node: String,
    /// Only this node
    #[arg(long)]
    alone: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    connect: ConnectArgs,
}

pub fn run(args: &RestartArgs, ui: &Ui) -> Result<(), CommandError> {
    let address: NodeAddress = args.node.parse()?;
    let mut connector = Connector::new(&args.connect, ui);
    let nodes = connector.nodes(&address, args.alone)?;
    let names: Vec<String> = nodes.iter().map(ToString::to_string).collect();
    ui.note(&format!(
        "{} on {}: calls may be cut off while CallManager restarts.",
        SERVICES.join(", then "),
        names.join(", ")
    ));
    if !ui.agrees(args.yes, "Restart them?")? {
        return Err(CommandError::new(ErrorKind::Interrupted, "nothing was restarted"));
    }
    interrupt::something_changes();
    let mut done = Vec::new();
    for (service, node) in in_order(&nodes) {
        let state = restart(&mut connector, &node, service, ui)?;
        done.push(serde_json::json!({ "node": node.to_string(), "service": service, "state": state }));
    }
    if ui.is_json() {
        ui.print_json(&serde_json::json!({ "restarted": done }))?;
    }
    Ok(())
}

/// All nodes' TFTP first: phones that reset or register again must find the new list wherever they ask.
pub fn in_order(nodes: &[NodeAddress]) -> Vec<(&'static str, NodeAddress)> {
    SERVICES.into_iter().flat_map(|service| nodes.iter().map(move |node| (service, node.clone()))).collect()
}

/// Restarts a service where it runs, and waits until it is started; its state.
pub fn restart(
    connector: &mut Connector<'_>,
    node: &NodeAddress,
    service: &'static str,
    ui: &Ui,
) -> Result<&'static str, CommandError> {
    let mut shell = connector.open(node)?;
    let before = shell.services()?.into_iter().find(|(name, _)| *name == service).and_then(|(_, s)| s);
    if matches!(before, None | Some(ServiceState::NotActivated)) {
        ui.note(&format!("{node}: {service} does not run here"));
        return Ok(state(before));
    }
    ui.note(&format!("{node}: {service} restarts; this may take some minutes …"));
    let now = shell.restart(service)?;
    if now == ServiceState::Started {
        if !ui.is_json() {
            ui.print(&format!("{node}: {service} started"))?;
        }
        return Ok(state(Some(now)));
    }
    let what = format!("{service} on {node} is {} after its restart", state(Some(now)));
    Err(CommandError::new(ErrorKind::Network, what).hint(format!(
        "look at it there: utils service list; then sastctl cluster restart --node {node} --alone"
    )))
}
