//! `cluster status`.

use askama::Template;
use clap::Args;

use super::connect::{ConnectArgs, OneNode};
use super::fetch::PortArgs;
use super::trust::TvsReach;
use crate::cli::{CommandError, STATE, Settings, Ui, printable, table_with_asides, texts};
use crate::cluster::{Connector, leftover_says};
use crate::workflow::status::{NodeStatus, Status, status};

/// Show the state of a cluster: security mode, and the CTL, signer, checksums and services of every node
#[derive(Debug, Args)]
pub struct StatusArgs {
    #[command(flatten)]
    node: OneNode,
    #[command(flatten)]
    ports: PortArgs,
    #[command(flatten)]
    tvs: TvsReach,
    #[command(flatten)]
    connect: ConnectArgs,
}

pub fn run(args: &StatusArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let operator = args.connect.operator(false, settings, ui)?;
    let mut connector = Connector::new(args.connect.options(), &operator);
    let tvs = args.tvs.options();
    let status = status(args.node.address()?, args.ports.ports(), tvs.as_ref(), &mut connector, &operator)?;
    ui.answer("cluster-status", &status, || text(&status))?;
    if status.same_everywhere {
        return Ok(());
    }
    Err(CommandError::no("not every node serves the same verified CTL"))
}

#[derive(Template)]
#[template(path = "status.txt")]
struct StatusText<'a> {
    status: &'a Status,
    table: String,
}

fn text(status: &Status) -> String {
    let dash = || "-".to_owned();
    let row = |n: &NodeStatus| {
        let services: Vec<&str> = n.services.iter().map(|(_, state)| &state[..]).collect();
        // Text from the network is not trusted: its control characters are made visible.
        let cells = [
            format!("{}{}", n.node, if n.publisher { " (publisher)" } else { "" }),
            n.ctl.clone(),
            n.signed_by.clone().unwrap_or_else(dash),
            if n.tokens.is_empty() { "none".to_owned() } else { n.tokens.join(", ") },
            n.md5.clone().unwrap_or_else(dash),
            services.join(", "),
        ];
        let [node, ctl, rest @ ..] = cells.map(|cell| printable(&cell));
        [node, format!("{STATE}{ctl}")].into_iter().chain(rest).collect()
    };
    let head = ["NODE", "CTL", "SIGNED BY", "TOKENS", "MD5", "TFTP, CALLMANAGER"];
    let rows: Vec<_> = status.nodes.iter().map(row).collect();
    texts::text(&StatusText { status, table: table_with_asides(&head, &rows, &["MD5", "TOKENS"]) })
}
