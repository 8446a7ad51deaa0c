//! Whole runs on a cluster: what `revert --node`, `renew` and `tokenless` share.

mod confirmed_checks;

use std::path::PathBuf;
use std::time::Duration;

use askama::Template;
use clap::Args;

pub use confirmed_checks::{CHECKED, ConfirmedChecks, readiness_text};

use super::cluster::publish::PublishArgs;
use super::cluster::{ConnectArgs, PortArgs, StoreArgs, TvsArgs};
use super::operator::TVS_NOT_ASKED;
use super::phones::{AT_ONCE, PageArgs};
use super::signing::{checksums_text, note_request, numbered, phones_text, plan_text};
use super::texts::text;
use super::{CommandError, TerminalOperator, interrupt};
use crate::cluster::{Connector, NodeAddress, Ports};
use crate::workflow::Unit;
use crate::workflow::cluster_run::{
    ClusterRun, DryRun, RunFolder, RunKind, RunMode, RunOptions, RunPhones, RunResult,
};
use crate::workflow::phones::read_phones;

/// Options of `revert --node` and `request revert --node`.
#[derive(Debug, Args)]
#[command(next_help_heading = THE_RUN)]
pub struct NodeArgs {
    /// Do the whole run on a cluster. The publisher: HOST, ssh://user@host, serial:/dev/ttyUSB0?baud=9600 or serial:COM3
    #[arg(long, value_name = "NODE")]
    pub node: Option<NodeAddress>,
    /// Publish a bridge CTL first; then phones without TVS also accept the new CTL (sastctl help bridge)
    #[arg(long, requires = "node")]
    pub bridge: bool,
    #[command(flatten)]
    pub run: RunArgs,
    /// Every phone has the bridge CTL; only with --bridge
    #[arg(long, requires = "bridge", help_heading = CHECKED)]
    pub phones_have_it: bool,
    #[command(flatten)]
    pub store: StoreArgs,
    #[command(flatten)]
    pub tvs: TvsArgs,
}

/// The heading of these options.
pub const THE_RUN: &str = "The whole run";

/// Options of every whole run.
#[derive(Debug, Args)]
#[command(next_help_heading = THE_RUN)]
pub struct RunArgs {
    /// The folder of the run: it has the old CTL, the certificates and the new CTL
    #[arg(long, value_name = "DIR", requires = "node")]
    work: Option<PathBuf>,
    /// Continue an interrupted run; completed steps are not repeated
    #[arg(long, requires = "node", conflicts_with = "rollback")]
    resume: bool,
    /// Restore the CTL that was in force before the run
    #[arg(long, requires = "node")]
    rollback: bool,
    /// Ask the phones on this list whether they hold a CTL; a phone that refused the new one stops the run. A CSV file that
    /// phones list writes
    #[arg(long, value_name = "FILE", requires = "node")]
    phones_from: Option<PathBuf>,
    /// Ask only the first N of these phones
    #[arg(long, value_name = "N", requires = "phones_from")]
    phones_sample: Option<usize>,
    #[command(flatten)]
    pages: PageArgs,
    #[command(flatten)]
    confirmed_checks: ConfirmedChecks,
    #[command(flatten)]
    publish: PublishArgs,
    #[command(flatten)]
    ports: PortArgs,
    #[command(flatten)]
    connect: ConnectArgs,
}

impl NodeArgs {
    /// What the run does.
    pub fn kind(&self) -> RunKind {
        if self.bridge { RunKind::RevertByBridge } else { RunKind::Revert }
    }

    /// The first given option that needs `--node`.
    pub fn not_for_a_file(&self) -> Option<&'static str> {
        let run = &self.run;
        let given = [
            (self.bridge, "--bridge"),
            (run.work.is_some(), "--work"),
            (run.phones_from.is_some(), "--phones-from"),
            (run.resume, "--resume"),
            (run.rollback, "--rollback"),
            (!run.publish.tftp_root.is_empty(), "--tftp-root"),
        ];
        let confirmed = run.confirmed_checks.options().map(|(_, given, option)| (given, option));
        given.into_iter().chain(confirmed).find(|(given, _)| *given).map(|(_, name)| name)
    }
}

impl RunArgs {
    /// The folder of the run, else this one; and where lists are fetched.
    pub fn place(&self, else_in: RunFolder) -> (RunFolder, Ports) {
        (self.work.clone().map_or(else_in, RunFolder), self.ports.ports())
    }

    fn phones(&self) -> Result<Option<RunPhones>, CommandError> {
        let Some(file) = &self.phones_from else { return Ok(None) };
        let mut list = read_phones(file)?;
        list.truncate(self.phones_sample.unwrap_or(usize::MAX));
        Ok(Some(RunPhones { list, pace: self.pages.pace(AT_ONCE) }))
    }

    /// Does the run, or as far as its request, or shows what it would do, or only the plan of renewals that are to come.
    pub fn carry_out(
        &self,
        options: RunOptions<'_>,
        operator: TerminalOperator<'_>,
        phones_have_it: bool,
        before: &[Unit],
    ) -> Result<(), CommandError> {
        interrupt::listen()?;
        let (settings, ui) = (operator.settings, operator.ui);
        let password_source = self.connect.operator(false, settings, ui)?.password_source;
        let done_by_hand = operator.confirmed_checks.done_by_hand.clone();
        let confirmed_checks =
            ConfirmedChecks { phones_have_it, done_by_hand, ..self.confirmed_checks.clone() };
        // The plan is always shown before the cluster changes, also with --yes.
        let operator = TerminalOperator { password_source, confirmed_checks, sees_plans: true, ..operator };
        let options = RunOptions {
            folder: self.place(options.folder.clone()).0,
            tftp_folders: self.publish.tftp_root.clone(),
            upload_wait: Duration::from_secs(self.publish.publish_wait),
            ports: self.ports.ports(),
            phones: self.phones()?,
            ..options
        };
        let connector = Connector::new(self.connect.options(), &operator);
        let mut run = ClusterRun::connect(&options, connector, &operator)?;
        let what = options.kind.journal();
        if !before.is_empty() {
            let steps = run.before(before)?;
            let json = serde_json::json!({ "node": options.publisher.to_string(), "steps": steps });
            return ui.answer("renew-before", &json, || format!("Plan\n{}", numbered(&steps)));
        }
        if options.order.dry_run {
            let planned = run.dry_run()?;
            planned.file.iter().flat_map(|(_, file)| &file.warnings).for_each(|warning| ui.warn(warning));
            return ui.answer(what, &planned.json(), || text(&DryRunText { planned: &planned }));
        }
        run.begin(match (self.resume, self.rollback) {
            (true, _) => RunMode::Resume,
            (_, true) => RunMode::Rollback,
            _ => RunMode::New,
        })?;
        interrupt::under_way(if self.rollback {
            "to continue from here, run the same command with --rollback"
        } else {
            "to continue from here, run the same command with --resume"
        });
        if let Some(carry) = &options.ask {
            return note_request(carry.out, &run.ask_for_signature(carry)?, ui);
        }
        let done = run.carry_out()?;
        ui.answer(what, &done.json(), || text(&RunText { done: &done, new_ctl: options.folder.new_ctl() }))
    }
}

/// The result as text.
#[derive(Template)]
#[template(path = "run.txt")]
struct RunText<'a> {
    done: &'a RunResult,
    new_ctl: PathBuf,
}

/// What a run would do, as text.
#[derive(Template)]
#[template(path = "dry-run.txt")]
struct DryRunText<'a> {
    planned: &'a DryRun,
}
