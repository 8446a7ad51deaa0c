//! `revert --node`: the whole way from tokenless to tokens on a running cluster, step by step, with a way back.

mod answer;
mod begin;
mod look;
mod ready;
mod steps;
mod tokens;
mod way_back;

use std::cell::OnceCell;
use std::path::PathBuf;

use clap::Args;

use ready::LookedAt;
pub use ready::readiness_text;

use super::cluster::publish::PublishArgs;
use super::cluster::{ConnectArgs, PortArgs, StoreArgs, TvsArgs};
use super::error::{CommandError, ErrorKind};
use super::interrupt;
use super::operator::TVS_NOT_ASKED;
use super::settings::Settings;
use super::signing::SigningArgs;
use super::ui::Ui;
use crate::cluster::{Connector, NodeAddress, nodes_of};
use crate::trustlist::Certificate;
use crate::workflow::Operator;
use crate::workflow::cluster_run::{self, Action, Part, RunState, Step};
use crate::workflow::journal::{Event, FileFingerprint, Journal};

/// What phones fetch.
const CTL: &str = "CTLFile.tlv";

/// The tokenless CTL with the tokens in it, in the run's folder.
const BRIDGE: &str = "CTLFile.bridge.tlv";

/// The CTL that the run makes, in its folder.
const NEW_CTL: &str = "CTLFile.new.tlv";

/// The journal's name for these runs.
pub const WHAT: &str = "revert-node";

/// Options of `revert --node`.
#[derive(Debug, Args)]
#[command(next_help_heading = "The whole run")]
pub struct NodeArgs {
    /// Do the whole run on a cluster. The publisher: HOST, ssh://user@host or serial:/dev/ttyUSB0?baud=9600
    #[arg(long, value_name = "HOST")]
    pub node: Option<String>,
    /// Go over the bridge, so that phones without TVS also accept the new CTL (sastctl help bridge)
    #[arg(long, requires = "node")]
    bridge: bool,
    /// The folder of the run, for the old CTL, the certificates and the new CTL
    #[arg(long, value_name = "DIR", requires = "node")]
    work: Option<PathBuf>,
    /// Continue an interrupted run; completed steps are not repeated
    #[arg(long, requires = "node", conflicts_with = "rollback")]
    resume: bool,
    /// Restore the CTL that was in force before the run
    #[arg(long, requires = "node")]
    rollback: bool,
    #[command(flatten)]
    looked: LookedAt,
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
    /// The first option that means something with `--node` alone.
    pub fn not_for_a_file(&self) -> Option<&'static str> {
        let given = [
            (self.bridge, "--bridge"),
            (self.work.is_some(), "--work"),
            (self.resume, "--resume"),
            (self.rollback, "--rollback"),
            (!self.publish.tftp_root.is_empty(), "--tftp-root"),
        ];
        given.into_iter().chain(self.looked.given()).find(|(given, _)| *given).map(|(_, name)| name)
    }
}

/// What the tokens are for in this run.
pub struct Tokens<'a> {
    /// `--spare`.
    pub spare: &'a [String],
    /// `--single-token`.
    pub single: bool,
    /// `--release`.
    pub release: Option<&'a str>,
    /// The options of signing.
    pub signing: &'a SigningArgs,
}

/// A run that is under way.
struct Run<'a> {
    args: &'a NodeArgs,
    tokens: &'a Tokens<'a>,
    settings: &'a Settings,
    ui: &'a Ui,
    operator: &'a dyn Operator,
    connector: Connector<'a>,
    publisher: NodeAddress,
    version: String,
    nodes: Vec<NodeAddress>,
    work: PathBuf,
    /// `None` in a dry run, which writes nothing.
    log: Option<Journal>,
    state: RunState,
    /// The CTL in force, as this run found it.
    found: Option<FileFingerprint>,
    /// The signer's certificate and the spares', once they were read: with one USB port a token cannot be asked again
    /// without taking the other one out.
    certificates: OnceCell<Vec<Certificate>>,
}

/// Carries it out.
pub fn run(args: &NodeArgs, tokens: &Tokens<'_>, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let node = args.node.as_deref().unwrap_or_default();
    let publisher: NodeAddress = node.parse()?;
    interrupt::listen()?;
    let work = args.work.clone().unwrap_or_else(|| PathBuf::from(format!("sastctl-{}", safe(&publisher))));
    let operator = &args.connect.operator(tokens.signing.yes(), settings, ui)?;
    let mut connector = Connector::new(args.connect.options(), operator);
    let (version, nodes) = {
        let mut shell = connector.open(&publisher)?;
        let nodes = nodes_of(&mut shell, &publisher)?;
        (shell.version()?, nodes.into_iter().map(|(node, _)| node).collect())
    };
    let (log, state, certificates) = (None, RunState::default(), OnceCell::new());
    let mut run = Run {
        args,
        tokens,
        settings,
        ui,
        operator,
        connector,
        publisher,
        version,
        nodes,
        work,
        log,
        state,
        found: None,
        certificates,
    };
    if tokens.signing.is_dry_run() {
        return run.dry_run();
    }
    let journal = tokens.signing.journal_folder();
    let (log, state, _lock) = begin::begin(args, journal, &run.publisher, &run.work, |earlier| {
        way_back::show_phone_impact(&run.work, earlier, operator)?;
        agree(ui, tokens, cluster_run::ROLLBACK_QUESTION, "--rollback")
    })?;
    interrupt::under_way(if args.rollback {
        "the same command with --rollback goes on from here"
    } else {
        "the same command with --resume goes on from here"
    });
    let path = run.connector.keep_transcript(run.work.join("transcript.txt")).display().to_string();
    (run.log, run.state) = (Some(log), state);
    run.record(Event::Transcript { file: path })?;
    run.go()
}

impl Run<'_> {
    fn go(mut self) -> Result<(), CommandError> {
        for step in Step::all(self.args.bridge).filter(|step| self.state.is_done(*step, None)) {
            self.ui.note(&format!("{:<10} done before", step.name()));
        }
        let mut before = Step::Preflight;
        while let Action::Step(step) | Action::Part(step, _) = self.state.next(self.args.bridge, &self.nodes)
        {
            // A signal waits while a token is logged in; what it waited for is over now.
            interrupt::check().map_err(|e| self.interrupted(step, before, e.into()))?;
            before = step;
            self.ui.note(&format!("{:<10} {}", step.name(), step.description()));
            if let Some(question) = step.question() {
                agree(self.ui, self.tokens, question, "--resume")?;
            }
            self.record(Event::step(step, None, step.description(), None))?;
            match self.perform(step) {
                Ok(says) => self.finish(step, None, &says)?,
                Err(e) => return Err(self.stopped(step, e)),
            }
        }
        let path = self.end_log()?;
        if self.args.rollback {
            return self.rolled_back(&path);
        }
        let new = self.made()?;
        let unproved = match self.args.tvs.reach.no_tvs {
            true => format!("The signer is {TVS_NOT_ASKED}.\n"),
            false => String::new(),
        };
        let words = format!(
            "{unproved}Done. Every node shows and serves the new CTL.\n{}{}sastctl journal show {} is the page for the change ticket.",
            answer::checksums(new.list().bytes()),
            self.left_to_do(&self.phones_say(&new)?),
            path.display()
        );
        self.answer((&self.new_path(), &new), &path, &words)
    }

    /// Writes a line of the journal; from then on it holds.
    fn record(&mut self, event: Event) -> Result<(), CommandError> {
        self.state.apply(&event);
        self.log.as_mut().map_or(Ok(()), |log| Ok(log.add(event)?))
    }

    fn note_failure(&mut self, step: Step, error: &CommandError) {
        // The error itself is what counts, whether it can be written down or not.
        let _ = self.record(Event::step(step, None, error.message(), Some(false)));
    }

    /// The last line of the journal; where it lies.
    fn end_log(&mut self) -> Result<PathBuf, CommandError> {
        let Some(mut log) = self.log.take() else { return Ok(PathBuf::new()) };
        let path = log.end(None)?;
        self.ui.note(&format!("Journal: {}", path.display()));
        Ok(path)
    }

    fn finish(&mut self, step: Step, part: Option<Part>, says: &str) -> Result<(), CommandError> {
        self.record(Event::step(step, part, says, Some(true)))?;
        self.ui.note(&format!("{:<10} {says}", ""));
        Ok(())
    }

    /// What state the cluster is in, the way on and the way back.
    fn stopped(&mut self, step: Step, error: CommandError) -> CommandError {
        self.note_failure(step, &error);
        let error = self.ways(format!("at {}: {}", step.name(), step.description()), step, error);
        match step {
            Step::Preflight | Step::Backup | Step::Trust | Step::CheckTvs | Step::Sign | Step::Rollback => {
                error
            }
            _ => error.hint("way back: the same command with --rollback puts the old CTL back"),
        }
    }

    /// The step was not begun, and the one before was not undone.
    fn interrupted(&self, step: Step, before: Step, error: CommandError) -> CommandError {
        self.ways(format!("before {}: {}", step.name(), step.description()), before, error)
    }

    /// Where it stopped, what the cluster is like, and the way on.
    fn ways(&self, stopped: String, step: Step, error: CommandError) -> CommandError {
        let kept = self.old_path().display().to_string();
        if self.args.rollback {
            return error
                .detail("kept", kept)
                .hint("the same command with --rollback goes on where it stopped");
        }
        let node = self.args.node.as_deref().unwrap_or_default();
        error
            .detail("stopped", stopped)
            .detail("state", step.state_if_it_fails())
            .detail("kept", kept)
            .hint(format!("way on: the same command with --resume (--node {node})"))
    }

    /// The CTL that was in force before the run.
    fn old_path(&self) -> PathBuf {
        self.work.join("CTLFile.tlv")
    }

    /// The CTL that the run makes.
    fn new_path(&self) -> PathBuf {
        self.work.join(NEW_CTL)
    }
}

/// What stops a run.
fn no(what: impl Into<String>) -> CommandError {
    CommandError::new(ErrorKind::No, what)
}

/// The operator's yes to a change on the cluster.
fn agree(ui: &Ui, tokens: &Tokens<'_>, question: &str, again: &str) -> Result<(), CommandError> {
    if ui.agrees(tokens.signing.yes(), question)? {
        return Ok(());
    }
    Err(CommandError::new(ErrorKind::Interrupted, "the cluster was left as it is")
        .hint(format!("the same command with {again} goes on from here")))
}

/// A folder's name for a node.
fn safe(node: &NodeAddress) -> String {
    node.to_string()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "-.".contains(c) { c } else { '_' })
        .collect()
}
