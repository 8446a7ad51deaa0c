//! `cluster status`.

use std::fmt::Write as _;

use clap::Args;

use super::connect::{ConnectArgs, OneNode};
use super::fetch::PortArgs;
use super::trust::TvsReach;
use crate::cli::{CommandError, ErrorKind, Settings, Ui, printable, table_with_asides};
use crate::cluster::{Connector, leftover_says};
use crate::workflow::status::{Status, status};

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
    Err(CommandError::new(ErrorKind::No, "not every node serves the same verified CTL"))
}

fn text(status: &Status) -> String {
    let mut text = format!("Release {}, {} mode\n", printable(&status.version), status.mode);
    let dash = || "-".to_owned();
    let rows: Vec<Vec<String>> = status
        .nodes
        .iter()
        .map(|n| {
            let services: Vec<String> = n.services.iter().map(|(_, state)| state.clone()).collect();
            // Text from the network is not trusted: its control characters are made visible.
            let cells = [
                format!("{}{}", n.node, if n.publisher { " (publisher)" } else { "" }),
                n.ctl.clone(),
                n.signed_by.clone().unwrap_or_else(dash),
                if n.tokens.is_empty() { "none".to_owned() } else { n.tokens.join(", ") },
                n.md5.clone().unwrap_or_else(dash),
                services.join(", "),
            ];
            cells.iter().map(|cell| printable(cell)).collect()
        })
        .collect();
    let head = ["NODE", "CTL", "SIGNED BY", "TOKENS", "MD5", "TFTP, CALLMANAGER"];
    text.push_str(&table_with_asides(&head, &rows, &["MD5", "TOKENS"]));
    if !status.phones_follow.is_empty() {
        let _ = writeln!(
            text,
            "Phones that hold this CTL accept the next one if {} signs it; another signer only if TVS knows it. \
             sastctl ctl ways lists the possible procedures.",
            printable(&status.phones_follow.join(" or "))
        );
    }
    let tvs = status.nodes.iter().filter_map(|n| Some((n, format!("TVS: {}", n.tvs.as_ref()?))));
    let problems = status.nodes.iter().filter_map(|n| Some((n, n.problem.clone()?)));
    for (node, says) in tvs.chain(problems) {
        let _ = writeln!(text, "{}: {}", node.node, printable(&says));
    }
    let mut told: Vec<&str> = Vec::new();
    for node in &status.nodes {
        let Some(md5) = node.md5.as_deref().filter(|md5| !told.contains(md5)) else { continue };
        told.push(md5);
        let (md5, sha1) = (node.md5_phone.join(" "), node.sha1_phone.join(" "));
        let _ = writeln!(
            text,
            "A phone that holds the CTL of {} shows one of these, depending on its model:\n  MD5   {md5}",
            node.node
        );
        if !sha1.is_empty() {
            let _ = writeln!(text, "  SHA1  {sha1}");
        }
    }
    if status.nodes.iter().any(|n| n.left_behind) {
        let _ = writeln!(text, "CTL left behind: {}", leftover_says());
    }
    text
}
