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
use super::cluster::{ConnectArgs, PortArgs, StoreArgs, TvsArgs, UNPROVED};
use super::error::{CommandError, ErrorKind};
use super::interrupt;
use super::settings::Settings;
use super::signing::{RunLog, SigningArgs};
use super::ui::Ui;
use crate::cluster::{Connector, NodeAddress, nodes_of};
use crate::trustlist::Certificate;
use crate::workflow::journal::Event;
use crate::workflow::{Operator, Progress, RunStep};

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
    log: Option<RunLog>,
    progress: Progress,
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
    let (log, progress, certificates) = (None, Progress::default(), OnceCell::new());
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
        progress,
        certificates,
    };
    if tokens.signing.is_dry_run() {
        return run.dry_run();
    }
    let journal = tokens.signing.journal_folder();
    let (mut log, progress, _lock) = begin::begin(args, journal, &run.publisher, &run.work, |progress| {
        way_back::foretell(&run.work, progress, ui)?;
        agree(ui, tokens, way_back::QUESTION, "--rollback")
    })?;
    interrupt::under_way(if args.rollback {
        "the same command with --rollback goes on from here"
    } else {
        "the same command with --resume goes on from here"
    });
    let path = run.connector.keep_transcript(run.work.join("transcript.txt")).display().to_string();
    log.add(begun("transcript", &path))?;
    (run.log, run.progress) = (Some(log), progress);
    if args.rollback { run.roll_back() } else { run.go() }
}

impl Run<'_> {
    fn go(mut self) -> Result<(), CommandError> {
        let mut before = RunStep::Preflight;
        for step in RunStep::all(self.args.bridge) {
            // A signal waits while a token is logged in; what it waited for is over now.
            interrupt::check().map_err(|e| self.interrupted(step, before, e.into()))?;
            before = step;
            // Looking again does no harm, and the world may have changed.
            if self.progress.is_done(step.name()) && step != RunStep::Preflight {
                self.ui.note(&format!("{:<10} done before", step.name()));
                continue;
            }
            self.ui.note(&format!("{:<10} {}", step.name(), step.says()));
            if let Some(question) = step.question() {
                agree(self.ui, self.tokens, question, "--resume")?;
            }
            self.begin_step(step.name(), step.says())?;
            match self.perform(step) {
                Ok(says) => self.end_step(step.name(), &says)?,
                Err(e) => return Err(self.stopped(step, e)),
            }
        }
        let new = self.made()?;
        let path = self.end_log()?;
        let unproved = match self.args.tvs.reach.no_tvs {
            true => format!("The signer is {UNPROVED}.\n"),
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

    fn begin_step(&mut self, name: &str, says: &str) -> Result<(), CommandError> {
        self.note_down(begun(name, says))
    }

    /// A line of the journal.
    fn note_down(&mut self, event: Event) -> Result<(), CommandError> {
        self.log.as_mut().map_or(Ok(()), |log| log.add(event))
    }

    fn note_failure(&mut self, name: &str, error: &CommandError) {
        let (name, says) = (name.to_owned(), error.message().to_owned());
        // The error itself is what counts, whether it can be written down or not.
        let _ = self.note_down(Event::Step { name, says, done: Some(false) });
    }

    /// The last line of the journal; where it lies.
    fn end_log(&mut self) -> Result<PathBuf, CommandError> {
        let Some(mut log) = self.log.take() else { return Ok(PathBuf::new()) };
        let path = log.end(&Ok::<(), CommandError>(()))?;
        self.ui.note(&format!("Journal: {}", path.display()));
        Ok(path)
    }

    fn end_step(&mut self, name: &str, says: &str) -> Result<(), CommandError> {
        self.note_down(Event::Step { name: name.to_owned(), says: says.to_owned(), done: Some(true) })?;
        self.progress.mark(name);
        self.ui.note(&format!("{:<10} {says}", ""));
        Ok(())
    }

    /// What state the cluster is in, the way on and the way back.
    fn stopped(&mut self, step: RunStep, error: CommandError) -> CommandError {
        self.note_failure(step.name(), &error);
        let error = self.ways(format!("at {}: {}", step.name(), step.says()), step, error);
        match step {
            RunStep::Preflight | RunStep::Keep | RunStep::Trust | RunStep::Vouch | RunStep::Sign => error,
            _ => error.hint("way back: the same command with --rollback puts the old CTL back"),
        }
    }

    /// The step was not begun, and the one before was not undone.
    fn interrupted(&self, step: RunStep, before: RunStep, error: CommandError) -> CommandError {
        self.ways(format!("before {}: {}", step.name(), step.says()), before, error)
    }

    /// Where it stopped, what the cluster is like, and the way on.
    fn ways(&self, stopped: String, step: RunStep, error: CommandError) -> CommandError {
        let node = self.args.node.as_deref().unwrap_or_default();
        error
            .detail("stopped", stopped)
            .detail("state", step.state_when_stopped())
            .detail("kept", self.old_path().display().to_string())
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

/// A line of the journal that says what begins, or what holds from now on.
fn begun(name: &str, says: &str) -> Event {
    Event::Step { name: name.to_owned(), says: says.to_owned(), done: None }
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
