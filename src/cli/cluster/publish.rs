//! `cluster publish`, and the options of everything that publishes.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::super::error::CommandError;
use super::super::settings::Settings;
use super::super::ui::Ui;
use super::connect::ConnectArgs;
use super::fetch::PortArgs;
use crate::cluster::{Connector, NodeAddress, TftpFolder};
use crate::workflow::publication::{Publication, publish};

/// Where the list goes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Publishing")]
pub struct PublishArgs {
    /// The folder of a TFTP server, for all nodes or for one: a path, or sftp://user@host/path. Without this option you
    /// upload by hand
    #[arg(long, value_name = "[NODE=]DIR")]
    pub tftp_root: Vec<TftpFolder>,
    /// How long to wait for the nodes when you upload by hand
    #[arg(long, value_name = "SECONDS", default_value_t = 1800)]
    publish_wait: u64,
}

impl PublishArgs {
    /// How long the operator has for an upload by hand.
    pub fn by_hand(&self) -> Duration {
        Duration::from_secs(self.publish_wait)
    }
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
    /// The folder for the journal of the run [default: $XDG_STATE_HOME/sastctl, else ~/.local/state/sastctl]
    #[arg(long, value_name = "DIR", env = "SASTCTL_JOURNAL")]
    journal: Option<PathBuf>,
    #[command(flatten)]
    publish: PublishArgs,
    #[command(flatten)]
    ports: PortArgs,
    #[command(flatten)]
    connect: ConnectArgs,
}

pub fn run(args: &PublishCommand, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let operator = args.connect.operator(args.yes, settings, ui)?;
    let mut connector = Connector::new(args.connect.options(), &operator);
    let publication = Publication {
        file: &args.file,
        node: &args.node,
        alone: args.alone,
        folders: &args.publish.tftp_root,
        ports: args.ports.ports(),
        wait: args.publish.by_hand(),
        journal: args.journal.as_deref(),
    };
    let published = publish(&publication, &mut connector, &operator)?;
    if ui.is_json() {
        ui.print_json(&published)?;
    }
    ui.note(&format!("Journal: {}", published.journal));
    ui.note("Next: sastctl cluster restart, then reset the phones.");
    Ok(())
}
