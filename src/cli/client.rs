//! The arguments of `client`. Its windows are a front end of their own, in `src/client`.

use std::path::PathBuf;

use clap::Args;

use super::cluster::connect::ConnectArgs;
use super::cluster::fetch::PortArgs;
use super::cluster::publish::PublishArgs;
use super::signing::SigningArgs;
use crate::cluster::NodeAddress;

/// Show the windows of the CTL Client in the terminal
#[derive(Debug, Args)]
pub struct ClientArgs {
    /// The CTL in force, or a cluster file (*.toml) to make a first CTL [default: the first window asks]
    pub file: Option<PathBuf>,
    /// The publisher: fetch its CTL, and publish the new one from the last window: HOST or ssh://user@host
    #[arg(long, value_name = "NODE", conflicts_with = "file")]
    pub node: Option<NodeAddress>,
    /// Lines of text instead of full-screen windows: nothing moves the cursor, choices have numbers. For screen readers
    #[arg(long)]
    pub plain: bool,
    #[command(flatten)]
    pub signing: SigningArgs,
    #[command(flatten)]
    pub publish: PublishArgs,
    #[command(flatten)]
    pub ports: PortArgs,
    #[command(flatten)]
    pub connect: ConnectArgs,
}
