//! `cluster publish` and `cluster restart`, and the options of everything that publishes.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::connect::{ConnectArgs, OneNode};
use super::fetch::PortArgs;
use crate::cli::signing::JournalPlaceArgs;
use crate::cli::{CommandError, Settings, Ui};
use crate::cluster::{Connector, NodeAddress, TftpFolder};
use crate::workflow::publication::{self, Publication};

/// Where the list goes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Publishing")]
pub struct PublishArgs {
    /// The folder of a TFTP server: a path, or sftp://user@host/path; for all nodes or for one. Without this option you
    /// upload by hand
    #[arg(long, value_name = "[NODE=]DIR")]
    pub tftp_root: Vec<TftpFolder>,
    /// How long to wait for the nodes when you upload by hand
    #[arg(long, value_name = "SECONDS", default_value_t = 1800)]
    pub publish_wait: u64,
}

/// Copy a signed CTL to where phones fetch it, and prove that every node serves it
#[derive(Debug, Args)]
pub struct PublishCommand {
    /// The signed list
    file: PathBuf,
    /// The publisher: HOST or ssh://user@host
    #[arg(long)]
    node: NodeAddress,
    /// Only this node
    #[arg(long)]
    alone: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    journal: JournalPlaceArgs,
    #[command(flatten)]
    publish: PublishArgs,
    #[command(flatten)]
    ports: PortArgs,
    #[command(flatten)]
    connect: ConnectArgs,
}

pub fn publish(args: &PublishCommand, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let operator = args.connect.operator(args.yes, settings, ui)?;
    let mut connector = Connector::new(args.connect.options(), &operator);
    let publication = Publication {
        file: &args.file,
        node: &args.node,
        alone: args.alone,
        folders: &args.publish.tftp_root,
        ports: args.ports.ports(),
        wait: Duration::from_secs(args.publish.publish_wait),
        journal: args.journal.journal.as_deref(),
        change: args.journal.change.as_deref(),
    };
    let published = publication::publish(&publication, &mut connector, &operator)?;
    if ui.json {
        ui.print_json("cluster-publish", &published)?;
    }
    ui.note(&format!("Journal: {}", published.journal));
    ui.note("Next: sastctl cluster restart, then reset the phones.");
    Ok(())
}

/// Restart Cisco Tftp, then Cisco CallManager, on the nodes that run them
#[derive(Debug, Args)]
pub struct RestartArgs {
    #[command(flatten)]
    node: OneNode,
    /// Only this node
    #[arg(long)]
    alone: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    connect: ConnectArgs,
}

pub fn restart(args: &RestartArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let operator = args.connect.operator(args.yes, settings, ui)?;
    let mut connector = Connector::new(args.connect.options(), &operator);
    let restarted = publication::restart(args.node.address()?, args.alone, &mut connector, &operator)?;
    if ui.json { ui.print_json("cluster-restart", &json!({ "restarted": restarted })) } else { Ok(()) }
}
