//! A run in progress: started, resumed or rolled back, step after step to its end.

use std::cell::OnceCell;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::{RunError, Stopped};
use super::folder::{RunFolder, verified};
use super::report::{DryRun, RunResult};
use super::state::RunState;
use super::step::{NON_SECURE_QUESTION, Part, ROLLBACK_QUESTION, RunKind, Step};
use crate::cluster::shell::phones::ListedPhone;
use crate::cluster::{Connector, NodeAddress, Ports, TftpFolder, nodes_of};
use crate::files;
use crate::phone::{Installed, InstalledItl, NewList, TvsStatus, assess_classes};
use crate::token::Selector;
use crate::trustlist::{Certificate, MAX_FILE_BYTES, VerifiedList};
use crate::workflow::Spell;
use crate::workflow::error::WorkError;
use crate::workflow::exchange::Carry;
use crate::workflow::fetched::{OtherCluster, served_lists};
use crate::workflow::journal::{Event, FileFingerprint, Journal, RunId};
use crate::workflow::operator::{Operator, Question, View};
use crate::workflow::phone_impact::PhoneImpact;
use crate::workflow::phones::Pace;
use crate::workflow::plan::{PlanError, Release, Request, left_to_do};
use crate::workflow::session::ModuleOptions;
use crate::workflow::signing::SigningOrder;
use crate::workflow::trust::{TvsOptions, UploadOptions};

/// What a plan needs in addition to the records, for this signer.
pub type Requested<'a> = &'a dyn Fn(&Certificate) -> Result<Request<'_>, WorkError>;

/// What a run works with.
#[allow(missing_docs, reason = "the fields are called by what they are")]
pub struct RunOptions<'a> {
    pub kind: RunKind,
    pub publisher: NodeAddress,
    pub folder: RunFolder,
    /// Certificates of the cluster, where its database does not show them.
    pub certificates: Vec<Certificate>,
    pub tftp_folders: Vec<TftpFolder>,
    /// How long an upload by hand may take.
    pub upload_wait: Duration,
    pub upload: UploadOptions,
    /// How TVS is asked; `None` if it is not asked.
    pub tvs: Option<TvsOptions>,
    pub ports: Ports,
    pub module: ModuleOptions,
    /// The token that signs.
    pub selector: Option<Selector>,
    pub spares: &'a [String],
    pub single_token: bool,
    /// The certificates of the tokens, that of the signer first; `None`: the tokens are here.
    pub tokens: Option<Vec<Certificate>>,
    /// For what the run asks for its signature; `None`: it signs itself, or has the answer.
    pub ask: Option<Carry<'a>>,
    /// The answer to the request of the run, and the ledger.
    pub answer: Option<(&'a Path, Option<&'a Path>, Spell)>,
    /// The release; `None`: the release that the publisher shows.
    pub release: Option<Release>,
    /// The cluster that phones go to, if they do.
    pub other: Option<OtherCluster>,
    /// The phones that are asked whether they hold a CTL; `None`: none is asked.
    pub phones: Option<RunPhones>,
    pub request: Requested<'a>,
    pub order: SigningOrder<'a>,
}

impl<'a> RunOptions<'a> {
    /// A run of this kind on this publisher, which signs nothing; everything else as if nothing was chosen.
    pub fn new(
        kind: RunKind,
        publisher: &NodeAddress,
        (module, selector): (ModuleOptions, Option<Selector>),
        order: SigningOrder<'a>,
    ) -> Self {
        RunOptions {
            kind,
            publisher: publisher.clone(),
            folder: RunFolder::of(publisher, kind),
            certificates: vec![],
            tftp_folders: vec![],
            upload_wait: Duration::ZERO,
            upload: UploadOptions::default(),
            tvs: None,
            ports: Ports::default(),
            module,
            selector,
            spares: &[],
            single_token: false,
            tokens: None,
            ask: None,
            answer: None,
            release: None,
            other: None,
            phones: None,
            request: &|_| Err(PlanError::NothingToDo.into()),
            order,
        }
    }
}

/// The phones that a run asks, and how.
#[derive(Debug, Clone)]
pub struct RunPhones {
    /// Each of them.
    pub list: Vec<ListedPhone>,
    /// How they are asked.
    pub pace: Pace,
}

/// What to do with the run of a folder.
#[allow(missing_docs, reason = "they are called by what they are")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunMode {
    New,
    Resume,
    Rollback,
}

/// A run on a cluster.
pub struct ClusterRun<'a> {
    pub(super) options: &'a RunOptions<'a>,
    pub(super) operator: &'a dyn Operator,
    pub(super) connector: Connector<'a>,
    /// The release, as the publisher shows it.
    pub version: String,
    /// The publisher comes first.
    pub(super) nodes: Vec<NodeAddress>,
    pub(super) state: RunState,
    /// The CTL in force that was found.
    pub(super) found: Option<FileFingerprint>,
    /// What the run needs beside its steps, until it is in the journal.
    pub(super) needed: Option<Event>,
    pub(super) journal: Option<(Journal, File)>,
    /// Kept, because with one USB port a token cannot be read again without removing the other one.
    pub(super) certificates: OnceCell<Vec<Certificate>>,
}

impl<'a> ClusterRun<'a> {
    /// Reads which nodes the cluster has. Changes nothing.
    pub fn connect(
        options: &'a RunOptions<'a>,
        mut connector: Connector<'a>,
        operator: &'a dyn Operator,
    ) -> Result<Self, WorkError> {
        let mut shell = connector.open(&options.publisher)?;
        let nodes = nodes_of(&mut shell, &options.publisher)?.into_iter().map(|(node, _)| node).collect();
        let version = shell.version()?;
        Ok(ClusterRun {
            options,
            operator,
            connector,
            version,
            nodes,
            state: RunState::default(),
            found: None,
            needed: None,
            journal: None,
            certificates: options.tokens.clone().map(OnceCell::from).unwrap_or_default(),
        })
    }

    /// Does the steps that only read.
    pub fn dry_run(mut self) -> Result<DryRun, WorkError> {
        let old = self.in_force()?;
        let before = self.findings()?;
        let kind = self.options.kind;
        let (mut says, mut file, mut impact) = (None, None, None);
        match (kind, &old) {
            (_, None) => {
                says = Some(self.first_says()?);
                impact =
                    Some(self.first_impact(&served_lists(&self.options.publisher, self.options.ports)?)?);
                self.state.apply(&self.tokenless_needs(true));
            }
            (RunKind::Renew, Some(old)) => {
                let renewal = self.renewal(old)?;
                says = Some(renewal.says);
                self.state.apply(&renewal.event);
                file = renewal.file;
            }
            (RunKind::Tokenless, Some(old)) => {
                impact = Some(self.tokenless_impact(old)?);
                self.state.apply(&self.tokenless_needs(false));
            }
            (_, Some(old)) => {
                if !kind.way().is_empty() {
                    impact = Some(self.migration_impact(old)?);
                }
                if kind.is_revert() || kind == RunKind::MigrateBySignedBridge {
                    file = Some(self.plan_by_kind(&self.options.folder.old(), old)?);
                }
            }
        }
        let plan = file.as_ref().and_then(|(_, file)| file.plan());
        let phones = plan.map(|plan| &plan.phones[..]).or(impact.as_ref().map(|it| &it.verdicts[..]));
        // Over the bridge, every class of phones in the plan accepts the new CTL.
        let phones = phones.filter(|_| kind != RunKind::RevertByBridge);
        let left_to_do = [&left_to_do(phones.unwrap_or_default())[..], &self.state.left_to_do].concat();
        Ok(DryRun {
            before,
            says,
            steps: self.state.steps(kind),
            services: self.state.services().to_vec(),
            file: file.map(|(session, file)| (session.signer().clone(), file)),
            impact,
            left_to_do,
            node: self.options.publisher.clone(),
            nodes: self.nodes,
        })
    }

    /// Opens the run of the folder: with a new journal, or with the journal of the interrupted run. From then on the folder is
    /// locked.
    pub fn begin(&mut self, mode: RunMode) -> Result<(), WorkError> {
        let folder = &self.options.folder;
        let no_run = || RunError::NoRun { folder: folder.0.clone() };
        if mode == RunMode::New {
            files::make_folder(&folder.0)?;
        } else if !folder.0.is_dir() {
            return Err(no_run().into());
        }
        let lock = folder.lock()?;
        let (node, path) = (self.options.publisher.to_string(), files::resolve(&folder.0));
        let id = RunId { node, folder: path.display().to_string(), kind: self.options.kind.recognised() };
        let earlier = folder.earlier()?;
        let run = earlier.as_ref().map(|(_, run)| run);
        let opening = match (mode, run) {
            (RunMode::New, run) => RunState::begin(run, id.clone()),
            (_, None) => return Err(no_run().into()),
            (RunMode::Resume, Some(run)) => run.resume(&id),
            (RunMode::Rollback, Some(run)) => run.rollback(&id),
        };
        let opening = opening.map_err(|why| {
            let (journal, run) = earlier.clone().map(|(path, run)| (path, run.id)).unzip();
            RunError::Refused { why, run: run.flatten(), journal, chosen: Box::new(id) }
        })?;
        if let (RunMode::Rollback, Some(run)) = (mode, run) {
            // The operator confirms a rollback before anything is undone or written into the journal.
            self.show_impact_of_rollback(run)?;
            self.agree(if run.sets_mixed { NON_SECURE_QUESTION } else { ROLLBACK_QUESTION }, true)?;
        }
        let journal = match earlier {
            Some((path, run)) if !opening.new_journal => {
                self.state = run;
                Journal::reopen(&path)?.0
            }
            _ => {
                let kind = self.options.kind.journal();
                let what = if mode == RunMode::Rollback { "rollback-node" } else { kind };
                Journal::begin(self.options.order.journal, what, self.options.order.change)?
            }
        };
        self.journal = Some((journal, lock));
        for event in opening.events {
            self.record(event)?;
        }
        if let (true, Some((journal, _))) = (opening.new_journal, &self.journal) {
            self.options.folder.name_journal(journal)?;
        }
        let transcript = self.connector.keep_transcript(self.options.folder.0.join("transcript.txt"));
        let file = transcript.display().to_string();
        self.record(Event::Transcript { file })
    }

    /// Shows what phones that hold the CTL of the run do with the old CTL: they may not know its signer any more.
    fn show_impact_of_rollback(&self, run: &RunState) -> Result<(), WorkError> {
        if run.sets_mixed {
            return Ok(());
        }
        let old = self.options.folder.list(&self.options.folder.old(), OLD, run.in_force.as_ref())?;
        let path = self.options.folder.new_ctl();
        let kept = || files::read_plain(&path, MAX_FILE_BYTES).ok();
        let signed = run.signed.as_ref().and_then(FileFingerprint::content).or_else(kept);
        // If the signed CTL cannot be read any more, the rollback is still possible.
        let Some(Ok(new)) = signed.map(verified) else { return Ok(()) };
        let held = Installed { ctl: Some(&new), itl: InstalledItl::Unknown };
        let impact = PhoneImpact::new(path.display().to_string(), &held, &old);
        Ok(self.operator.show(&View::PhoneImpact(&impact))?)
    }

    /// Does step after step, to the end or until this step is the next.
    pub(super) fn go(&mut self, until: Option<Step>) -> Result<(), WorkError> {
        let kind = self.options.kind;
        for step in self.state.steps(kind).iter().filter(|step| self.state.is_done(**step, None)) {
            self.operator.note(&format!("{:<10} already done", step.name()));
        }
        let mut last = None;
        while let Some((step, _)) = self.state.next(kind, &self.nodes).filter(|it| Some(it.0) != until) {
            // A signal waits while a token is logged in.
            if let Err(e) = self.operator.check_interrupted() {
                return Err(self.stopped(step, Some(last.unwrap_or(step)), e.into()));
            }
            last = Some(step);
            let back = step == Step::Rollback && self.state.sets_mixed;
            let does = if back { "set the cluster to non-secure mode" } else { step.description() };
            self.operator.note(&format!("{:<10} {does}", step.name()));
            if let Some(question) = step.question(self.state.services(), self.state.ctl_stays) {
                self.agree(&question, false)?;
            }
            self.record(Event::step(step, None, does, None))?;
            match self.perform(step) {
                Ok(says) => self.finish(step, None, &says)?,
                Err(e) => {
                    // The first error is reported, even if writing it to the journal fails.
                    let _ = self.record(Event::step(step, None, e.to_string(), Some(false)));
                    return Err(self.stopped(step, None, e));
                }
            }
        }
        Ok(())
    }

    /// Does step after step, to the end.
    pub fn carry_out(mut self) -> Result<RunResult, WorkError> {
        self.go(None)?;
        let kind = self.options.kind;
        let journal = match &mut self.journal {
            Some((journal, _)) => journal.end(None)?,
            None => PathBuf::new(),
        };
        self.operator.note(&format!("Journal: {}", journal.display()));
        let folder = &self.options.folder;
        let served = match self.state.rolls_back {
            true if self.state.sets_mixed => None,
            false if matches!(kind, RunKind::MigrateByTvs | RunKind::MigrateWithSameTokens) => None,
            false if kind == RunKind::MigrateByBridge => Some((folder.bridge(), self.bridge()?)),
            false if !self.state.ctl_stays => Some((folder.new_ctl(), self.signed()?)),
            _ => Some((folder.old(), self.old()?)),
        };
        let mut phones = vec![];
        if let (false, Some((_, list)), "") = (self.state.rolls_back, &served, kind.way()) {
            let before =
                if self.state.sets_mixed { self.held_before()? } else { Some(self.to_sign_upon()?.1) };
            let held = Installed { ctl: before.as_ref(), itl: InstalledItl::Unknown };
            phones = assess_classes(&held, &NewList::of(list), &TvsStatus::Uploaded);
        }
        let serves = served.as_ref().map(|(path, list)| {
            (FileFingerprint::of(path.display().to_string(), list.list().bytes()), list.signer_name())
        });
        let needs_tvs = kind.is_revert();
        let left_to_do = [&left_to_do(&phones)[..], &self.state.left_to_do].concat();
        let rolled_back = self.state.rolls_back;
        let done = kind.done(rolled_back);
        let (node, tvs_asked) = (self.options.publisher.clone(), self.options.tvs.is_some());
        let nodes = self.nodes;
        Ok(RunResult { serves, done, journal, needs_tvs, left_to_do, rolled_back, tvs_asked, node, nodes })
    }

    pub(super) fn stopped(&self, step: Step, after: Option<Step>, source: WorkError) -> WorkError {
        let sets_mixed = self.state.sets_mixed;
        let keeps = !sets_mixed && self.options.kind.steps().contains(&Step::Backup);
        let kept = keeps.then(|| self.options.folder.old());
        let at = Stopped { step, after, kept, sets_mixed };
        WorkError::Stopped { at: Box::new(at), source: Box::new(source) }
    }

    /// Asks the operator to confirm a change on the cluster.
    fn agree(&self, question: &str, rollback: bool) -> Result<(), WorkError> {
        match self.operator.agrees(&Question::Consent(question.to_owned()))? {
            true => Ok(()),
            false => Err(RunError::Declined { rollback }.into()),
        }
    }

    /// Writes a line of the journal, and then applies it to the state.
    pub(super) fn record(&mut self, event: Event) -> Result<(), WorkError> {
        if let Some((journal, _)) = &mut self.journal {
            journal.add(event.clone())?;
        }
        self.state.apply(&event);
        Ok(())
    }

    /// The same for a finished step, or a finished part of one.
    pub(super) fn finish(&mut self, step: Step, part: Option<Part>, says: &str) -> Result<(), WorkError> {
        let of = part.as_ref().map(|part| format!("{}: ", part.node)).unwrap_or_default();
        self.record(Event::step(step, part, says, Some(true)))?;
        self.operator.note(&format!("{:<10} {of}{says}", ""));
        Ok(())
    }

    /// The CTL that was in force before the run, if its checksum is the one in the journal.
    pub(super) fn old(&self) -> Result<VerifiedList, WorkError> {
        self.options.folder.list(&self.options.folder.old(), OLD, self.state.in_force.as_ref())
    }

    /// The bridge, if its checksum is the one in the journal.
    pub(super) fn bridge(&self) -> Result<VerifiedList, WorkError> {
        self.options.folder.list(&self.options.folder.bridge(), "the bridge", self.state.bridge.as_ref())
    }

    /// The CTL that the run signed, if its checksum is the one in the journal.
    pub(super) fn signed(&self) -> Result<VerifiedList, WorkError> {
        self.options.folder.list(&self.options.folder.new_ctl(), "the new CTL", self.state.signed.as_ref())
    }

    /// The CTL that phones hold when the new one is signed.
    pub(super) fn to_sign_upon(&self) -> Result<(PathBuf, VerifiedList), WorkError> {
        Ok(match self.options.kind == RunKind::RevertByBridge {
            true => (self.options.folder.bridge(), self.bridge()?),
            false => (self.options.folder.old(), self.old()?),
        })
    }
}

/// The CTL that was in force before, in messages.
pub(super) const OLD: &str = "the CTL in force";
