//! `cluster audit`.

use askama::Template;
use clap::Args;

use super::connect::{ConnectArgs, OneNode};
use super::fetch::PortArgs;
use super::trust::TvsReach;
use crate::cli::{CommandError, ErrorKind, STATE, Settings, Ui, next, texts};
use crate::cluster::Connector;
use crate::workflow::audit::{AuditReport, How, Target, audit};

/// Check whether the CTL in force is what the cluster is: nodes, certificates, tokens, lists, backup
#[derive(Debug, Args)]
pub struct AuditArgs {
    #[command(flatten)]
    node: OneNode,
    /// Report certificates that expire within this time: 90d, 6 weeks, 3 months
    #[arg(long, value_name = "TIME", default_value = "90d")]
    within: jiff::Span,
    #[command(flatten)]
    ports: PortArgs,
    #[command(flatten)]
    tvs: TvsReach,
    #[command(flatten)]
    connect: ConnectArgs,
}

#[derive(Template)]
#[template(path = "audit.txt")]
struct AuditText<'a> {
    report: &'a AuditReport,
}

pub fn run(args: &AuditArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    let until = now.checked_add(args.within).map_err(|e| CommandError::usage(format!("--within: {e}")))?;
    let operator = args.connect.operator(false, settings, ui)?;
    let publisher = args.node.address()?.clone();
    let connector = Connector::new(args.connect.options(), &operator);
    let target = Target { name: publisher.to_string(), publisher, tokens: vec![], connector };
    let tvs = args.tvs.options();
    let how = How { ports: args.ports.ports(), tvs: tvs.as_ref() };
    let until = until.timestamp().as_second();
    let mut report = audit(vec![target], how, (until, 1), &operator, next::spell)?;
    if let [cluster] = &mut report.clusters[..]
        && let Some(error) = cluster.source.take()
    {
        return Err(error.into());
    }
    ui.answer("cluster-audit", &report, || texts::text(&AuditText { report: &report }))?;
    if !report.needs_a_hand {
        return Ok(());
    }
    Err(CommandError::new(ErrorKind::No, "the audit found what needs a hand"))
}
