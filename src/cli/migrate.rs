//! `migrate plan`: the ways to move phones from one cluster to another. `migrate run`: one of them, step by step.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::cluster::connect::ConnectArgs;
use super::cluster::fetch::PortArgs;
use super::cluster::{StoreArgs, TvsArgs};
use super::cluster_run::{CHECKED, RunArgs};
use super::ctl::ways;
use super::signing::SigningArgs;
use super::{CommandError, Settings, Ui};
use crate::cluster::{Connector, NodeAddress};
use crate::workflow::cluster_run::{ByHand, MigrationWay, RunFolder, RunKind, RunOptions};
use crate::workflow::fetched::{OtherCluster, served_lists};
use crate::workflow::migration::Migration;

/// Plan how phones move from one cluster to another
#[derive(Debug, Subcommand)]
pub enum MigrateCommand {
    Plan(Box<PlanArgs>),
    Run(Box<MigrateArgs>),
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

/// Prepare the old cluster on one of these ways, step by step
#[derive(Debug, Args)]
pub struct MigrateArgs {
    /// The publisher that phones leave, in mixed mode: HOST or ssh://user@host
    #[arg(id = "node", long = "from", value_name = "PUB")]
    from: NodeAddress,
    /// The publisher that phones go to; only its lists are read
    #[arg(long, value_name = "PUB")]
    to: NodeAddress,
    /// The way that migrate plan shows: tvs, bridge or same-tokens
    #[arg(long, hide_possible_values = true)]
    way: MigrationWay,
    #[command(flatten)]
    run: RunArgs,
    /// Every phone has the bridge CTL
    #[arg(long, help_heading = CHECKED)]
    phones_have_it: bool,
    /// What you have done by hand: store or move; may be given several times
    #[arg(long, value_name = "STEP", help_heading = CHECKED, hide_possible_values = true)]
    done_by_hand: Vec<ByHand>,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    tvs: TvsArgs,
    #[command(flatten)]
    signing: SigningArgs,
}

pub fn run(command: MigrateCommand, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    match command {
        MigrateCommand::Plan(args) => plan(&args, settings, ui),
        MigrateCommand::Run(args) => carry_out(&args, settings, ui),
    }
}

fn carry_out(args: &MigrateArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let signing = &args.signing;
    if let Some(option) = signing.not_for_a_node() {
        return Err(CommandError::usage(format!("{option} cannot be used with migrate run")));
    }
    let (folder, ports) = args.run.place(RunFolder::of(&args.from, RunKind::MigrateByTvs));
    let kind = args.way.kind(&folder, &args.from, ports)?;
    let token = (settings.module_options(), settings.selector()?);
    let options = RunOptions {
        other: Some(OtherCluster { node: args.to.clone(), lists: served_lists(&args.to, ports)? }),
        upload: args.store.options(),
        tvs: args.tvs.options(),
        request: &|signer| Ok(signing.request(signer)?),
        ..RunOptions::new(kind, &args.from, token, signing.order(kind.journal()))
    };
    let mut operator = signing.operator(false, settings, ui);
    operator.confirmed_checks.done_by_hand.clone_from(&args.done_by_hand);
    args.run.carry_out(options, operator, args.phones_have_it, &[])
}

fn plan(args: &PlanArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let operator = args.connect.operator(false, settings, ui)?;
    let migration = Migration { from: &args.from, to: &args.to, out: &args.out, ports: args.ports.ports() };
    let procedures = migration.plan(&mut Connector::new(args.connect.options(), &operator), &operator)?;
    ways::show("migrate-plan", &[], &procedures, ui)
}
