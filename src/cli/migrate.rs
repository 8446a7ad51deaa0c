//! `migrate plan`: the ways to move phones from one cluster to another.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::cluster::connect::ConnectArgs;
use super::cluster::fetch::PortArgs;
use super::ctl::ways;
use super::{CommandError, Settings, Ui};
use crate::cluster::Connector;
use crate::workflow::migration::Migration;

/// Plan how phones move from one cluster to another
#[derive(Debug, Subcommand)]
pub enum MigrateCommand {
    Plan(Box<PlanArgs>),
}

/// Show which ways are open to move phones, what phones do then, and which certificates go where; nothing changes
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The cluster that phones leave: its publisher, or a folder with its CTLFile.tlv and ITLFile.tlv
    #[arg(long, value_name = "NODE|DIR")]
    from: String,
    /// The cluster that phones go to: the same
    #[arg(long, value_name = "NODE|DIR")]
    to: String,
    /// The folder for the certificates that the old cluster must trust, and for the lists that are fetched
    #[arg(long, value_name = "DIR", default_value = "migration")]
    out: PathBuf,
    #[command(flatten)]
    ports: PortArgs,
    #[command(flatten)]
    connect: ConnectArgs,
}

pub fn run(
    MigrateCommand::Plan(args): MigrateCommand,
    settings: &Settings,
    ui: &Ui,
) -> Result<(), CommandError> {
    let operator = args.connect.operator(false, settings, ui)?;
    let migration = Migration { from: &args.from, to: &args.to, out: &args.out, ports: args.ports.ports() };
    let procedures = migration.plan(&mut Connector::new(args.connect.options(), &operator), &operator)?;
    ways::show("migrate-plan", &[], &procedures, ui)
}
