//! `revert --node`: the whole run on a cluster from tokenless to tokens.

mod confirmed_checks;

use std::path::PathBuf;
use std::time::Duration;

use askama::Template;
use clap::Args;

pub use confirmed_checks::{ConfirmedChecks, option as confirming_option, readiness_text};

use super::cluster::publish::PublishArgs;
use super::cluster::{ConnectArgs, PortArgs, StoreArgs, TvsArgs};
use super::operator::TVS_NOT_ASKED;
use super::signing::{SigningArgs, checksums_text, numbered, plan_text};
use super::texts::text;
use super::{CommandError, Settings, TerminalOperator, Ui, interrupt};
use crate::cluster::{Connector, NodeAddress};
use crate::workflow::cluster_run::{ClusterRun, DryRun, RunFolder, RunMode, RunOptions, RunResult, Step};
use crate::workflow::{Release, left_to_do};

/// Options of `revert --node`.
#[derive(Debug, Args)]
#[command(next_help_heading = "The whole run")]
pub struct NodeArgs {
    /// Do the whole run on a cluster. The publisher: HOST, ssh://user@host, serial:/dev/ttyUSB0?baud=9600 or serial:COM3
    #[arg(long, value_name = "NODE")]
    pub node: Option<NodeAddress>,
    /// Publish a bridge CTL first; then phones without TVS also accept the new CTL (sastctl help bridge)
    #[arg(long, requires = "node")]
    bridge: bool,
    /// The folder of the run: it has the old CTL, the certificates and the new CTL
    #[arg(long, value_name = "DIR", requires = "node")]
    work: Option<PathBuf>,
    /// Continue an interrupted run; completed steps are not repeated
    #[arg(long, requires = "node", conflicts_with = "rollback")]
    resume: bool,
    /// Restore the CTL that was in force before the run
    #[arg(long, requires = "node")]
    rollback: bool,
    #[command(flatten)]
    confirmed_checks: ConfirmedChecks,
    #[command(flatten)]
    publish: PublishArgs,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    ports: PortArgs,
    #[command(flatten)]
    tvs: TvsArgs,
    #[command(flatten)]
    connect: ConnectArgs,
}

impl NodeArgs {
    /// The first given option that needs `--node`.
    pub fn not_for_a_file(&self) -> Option<&'static str> {
        let given = [
            (self.bridge, "--bridge"),
            (self.work.is_some(), "--work"),
            (self.resume, "--resume"),
            (self.rollback, "--rollback"),
            (!self.publish.tftp_root.is_empty(), "--tftp-root"),
        ];
        let confirmed = self.confirmed_checks.options().map(|(_, given, option)| (given, option));
        given.into_iter().chain(confirmed).find(|(given, _)| *given).map(|(_, name)| name)
    }
}

/// Does the run, with these spares, the permission to use a single token, and the release.
pub fn run(
    args: &NodeArgs,
    node: &NodeAddress,
    (spares, single_token, release): (&[String], bool, Option<Release>),
    signing: &SigningArgs,
    (settings, ui): (&Settings, &Ui),
) -> Result<(), CommandError> {
    interrupt::listen()?;
    let options = RunOptions {
        publisher: node.clone(),
        folder: args.work.clone().map_or_else(|| RunFolder::of(node), RunFolder),
        bridge: args.bridge,
        tftp_folders: args.publish.tftp_root.clone(),
        upload_wait: Duration::from_secs(args.publish.publish_wait),
        upload: args.store.options(),
        tvs: args.tvs.options(),
        ports: args.ports.ports(),
        module: settings.module_options(),
        selector: settings.selector()?,
        spares,
        single_token,
        release,
        request: &|signer| Ok(signing.request(signer)?),
        order: signing.order("revert-node"),
    };
    let password_source = args.connect.operator(false, settings, ui)?.password_source;
    // The plan is always shown before the cluster changes, also with --yes.
    let (confirmed_checks, sees_plans) = (args.confirmed_checks.clone(), true);
    let operator = signing.operator(false, settings, ui);
    let operator = TerminalOperator { password_source, confirmed_checks, sees_plans, ..operator };
    let connector = Connector::new(args.connect.options(), &operator);
    let mut run = ClusterRun::connect(&options, connector, &operator)?;
    if signing.dry_run {
        let planned = run.dry_run()?;
        planned.file.warnings.iter().for_each(|warning| ui.warn(warning));
        return ui.answer("revert-node", &planned.json(), || dry_run_text(&planned, args.bridge));
    }
    run.begin(match (args.resume, args.rollback) {
        (true, _) => RunMode::Resume,
        (_, true) => RunMode::Rollback,
        _ => RunMode::New,
    })?;
    interrupt::under_way(if args.rollback {
        "to continue from here, run the same command with --rollback"
    } else {
        "to continue from here, run the same command with --resume"
    });
    let done = run.carry_out()?;
    ui.answer("revert-node", &done.json(), || {
        text(&RunText { done: &done, left: left_to_do(&done.phones), new_ctl: options.folder.new_ctl() })
    })
}

/// The result as text.
#[derive(Template)]
#[template(path = "run.txt")]
struct RunText<'a> {
    done: &'a RunResult,
    left: Vec<String>,
    new_ctl: PathBuf,
}

/// What a run would do, as text.
fn dry_run_text(planned: &DryRun, bridge: bool) -> String {
    let step = |step: Step| format!("  {:<10} {}\n", step.name(), step.description());
    format!(
        "{}Steps\n{}{}Left to do by hand\n{}Dry run: nothing was changed on the cluster, and nothing was written.",
        readiness_text(&planned.before),
        Step::all(bridge).into_iter().map(step).collect::<String>(),
        plan_text(&planned.file),
        numbered(&planned.left_to_do)
    )
}
