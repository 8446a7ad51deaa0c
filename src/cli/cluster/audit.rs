//! `cluster audit`.

use std::path::PathBuf;

use askama::Template;
use clap::Args;
use jiff::{Span, Timestamp, tz::TimeZone};

use super::connect::ConnectArgs;
use super::fetch::PortArgs;
use super::trust::TvsReach;
use crate::cli::{CommandError, STATE, Settings, TerminalOperator, Ui, next, texts};
use crate::cluster::{Connector, NodeAddress};
use crate::files::{self, OnExisting};
use crate::workflow::audit::{AuditReport, InventoryCluster, Target, audit, read_inventory};

/// Check whether the CTL in force is what the cluster is: nodes, certificates, tokens, lists, backup; changes nothing
#[derive(Debug, Args)]
pub struct AuditArgs {
    #[command(flatten)]
    which: Which,
    /// Report certificates that expire within this time: 90d, 6 weeks, 3 months
    #[arg(long, value_name = "TIME", default_value = "90d")]
    within: Span,
    /// Write a page of the findings, sorted by what hurts first; an existing file is replaced
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write metrics for the textfile collector of Prometheus; an existing file is replaced
    #[arg(long, value_name = "FILE")]
    metrics: Option<PathBuf>,
    /// How many clusters are asked at the same time
    #[arg(long, value_name = "N", default_value_t = 8)]
    at_once: usize,
    #[command(flatten)]
    ports: PortArgs,
    #[command(flatten)]
    tvs: TvsReach,
    #[command(flatten)]
    connect: ConnectArgs,
}

/// One cluster, or many.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// The publisher: HOST, ssh://user@host, serial:/dev/ttyUSB0?baud=9600 or serial:COM3
    #[arg(long, value_name = "NODE")]
    node: Option<NodeAddress>,
    /// The same as --node NODE
    #[arg(value_name = "NODE")]
    address: Option<NodeAddress>,
    /// Many clusters, each with its publisher and account, as TOML (see sastctl help audit)
    #[arg(long, value_name = "FILE")]
    inventory: Option<PathBuf>,
}

#[derive(Template)]
#[template(path = "audit.txt")]
struct AuditText<'a> {
    report: &'a AuditReport,
}

pub fn run(args: &AuditArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let until = Timestamp::now().to_zoned(TimeZone::UTC).checked_add(args.within);
    let until = until.map_err(|e| CommandError::usage(format!("--within: {e}")))?.timestamp();
    let (common, operator) = (args.connect.options(), args.connect.operator(false, settings, ui)?);
    let listed = args.which.inventory.as_deref().map(read_inventory).transpose()?.unwrap_or_default();
    let of_cluster = |cluster: &InventoryCluster| TerminalOperator {
        password_source: cluster.password_source.clone(),
        ..TerminalOperator::new(settings, ui)
    };
    let operators: Vec<_> = listed.iter().map(of_cluster).collect();
    let listed = listed.iter().zip(&operators).map(|(cluster, operator)| cluster.target(&common, operator));
    let mut targets = listed.collect::<Result<Vec<_>, _>>()?;
    if let Some(node) = args.which.node.as_ref().or(args.which.address.as_ref()) {
        targets.push(Target::new(node, Connector::new(common.clone(), &operator)));
    }
    let (tvs, ports) = (args.tvs.options(), args.ports.ports());
    let asked = audit(targets, (ports, tvs.as_ref()), (until, args.at_once), &operator, next::spell);
    let mut report = asked?;
    for (file, bytes) in [(&args.html, report.to_string()), (&args.metrics, report.metrics())] {
        let write = |file| files::write_new(file, bytes.as_bytes(), OnExisting::Replace);
        file.as_deref().map(write).transpose()?;
    }
    if let ([cluster], None) = (&mut report.clusters[..], &args.which.inventory)
        && let Some(error) = cluster.source.take()
    {
        return Err(error.into());
    }
    ui.answer("cluster-audit", &report, || texts::text(&AuditText { report: &report }))?;
    if !report.needs_a_hand {
        return Ok(());
    }
    let what = match &report.clusters[..] {
        [cluster] => format!("{} needs a hand: {}", cluster.name, cluster.summary()),
        all => format!("{} of {} clusters need a hand", report.hurt(), all.len()),
    };
    Err(CommandError::no(what))
}
