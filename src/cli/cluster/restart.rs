//! `cluster restart`: Cisco Tftp, then Cisco CallManager, on the nodes that run them.

use clap::Args;

use super::super::error::{CommandError, ErrorKind};
use super::super::settings::Settings;
use super::super::ui::Ui;
use super::connect::ConnectArgs;
use crate::cluster::shell::answers::ServiceState;
use crate::cluster::{Connector, NodeAddress, SERVICES, restart, restart_order};
use crate::workflow::{Operator as _, Question, View};

/// Restart Cisco Tftp, then Cisco CallManager, on the nodes that run them
#[derive(Debug, Args)]
pub struct RestartArgs {
    /// The publisher: HOST, ssh://user@host or serial:/dev/ttyUSB0?baud=9600
    #[arg(long)]
    node: NodeAddress,
    /// Only this node
    #[arg(long)]
    alone: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    connect: ConnectArgs,
}

pub fn run(args: &RestartArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let operator = args.connect.operator(args.yes, settings, ui)?;
    let mut connector = Connector::new(args.connect.options(), &operator);
    let nodes = connector.nodes(&args.node, args.alone)?;
    let names: Vec<String> = nodes.iter().map(ToString::to_string).collect();
    ui.note(&format!(
        "{} on {}: calls may be cut off while CallManager restarts.",
        SERVICES.join(", then "),
        names.join(", ")
    ));
    if !operator.agrees(&Question::Consent("Restart them?".to_owned()))? {
        return Err(CommandError::new(ErrorKind::Interrupted, "nothing was restarted"));
    }
    operator.something_changes();
    let mut done = Vec::new();
    for (service, node) in restart_order(&nodes) {
        let state = restart(&mut connector, &node, service)?;
        if state == ServiceState::Started {
            operator.show(&View::Text(&format!("{node}: {service} {state}")))?;
        }
        done.push(serde_json::json!({
            "node": node.to_string(), "service": service, "state": state.to_string(),
        }));
    }
    if ui.is_json() {
        ui.print_json(&serde_json::json!({ "restarted": done }))?;
    }
    Ok(())
}
