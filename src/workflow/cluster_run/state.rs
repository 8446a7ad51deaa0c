//! A run on a cluster as a value. Only the events of its journal change it, so the journal and the state in memory are always the same.

use std::borrow::Cow;

use super::step::{Part, RunKind, Step, StepName};
use crate::cluster::{NodeAddress, RENEWAL_SERVICES, SERVICES};
use crate::workflow::journal::{Event, FileFingerprint, RunId, TokenCertificate};

/// The role of the CTL that was in force before, among the journal's files.
pub const IN_FORCE: &str = "in force";
/// The role of the bridge.
pub const BRIDGE: &str = "bridge";
/// The role of a CTL that the publisher made.
pub const TOKENLESS: &str = "tokenless";

/// A run on a cluster, as its journal describes it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunState {
    /// The node and the folder of the run.
    pub id: Option<RunId>,
    /// The CTL that was in force when it started.
    pub in_force: Option<FileFingerprint>,
    /// The tokenless CTL with the tokens in it, as the publisher wrote it.
    pub bridge: Option<FileFingerprint>,
    /// The CTL that it signed, or that the publisher made.
    pub signed: Option<FileFingerprint>,
    /// The tokens whose certificates are put into the trust store; `None` before that step.
    pub tokens: Option<Vec<TokenCertificate>>,
    /// The request for its signature: serial number and digest.
    pub request: Option<[String; 2]>,
    /// Whether the answer to this request is being used.
    pub answered: bool,
    /// Whether it restores the old CTL.
    pub rolls_back: bool,
    /// The services that it restarts; `None`: those that are restarted after each new CTL.
    pub services: Option<Vec<&'static str>>,
    /// Whether a renewal leaves the CTL as it is.
    pub ctl_stays: bool,
    /// Whether the cluster had no CTL in force, and is set to mixed mode.
    pub sets_mixed: bool,
    /// What is left to the operator after a renewal.
    pub left_to_do: Vec<String>,
    /// Whether a step was started that changes what nodes have.
    changes: bool,
    /// Whether a step was started. A rollback before any step is the rollback of a completed run, in a separate journal.
    begun: bool,
    done: Vec<(Step, Option<Part>)>,
    ended: bool,
}

/// How a run is opened: in which journal, and with which first lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// Whether it gets a new journal.
    pub new_journal: bool,
    /// The first lines.
    pub events: Vec<Event>,
}

/// Why a run is not started, resumed or rolled back.
#[allow(missing_docs, reason = "the words say what each is")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RunRefused {
    #[error("the run in this folder has not ended")]
    NotEnded,
    #[error("this folder belongs to another run")]
    AnotherRun,
    #[error("the run in this folder is complete: there is nothing to continue")]
    Ended,
    #[error("the run in this folder is being rolled back")]
    IsRolledBack,
    #[error("the run in this folder has no backup of the old CTL: there is nothing to restore")]
    NothingKept,
}

impl RunState {
    /// The state after these events.
    pub fn of<'e>(events: impl IntoIterator<Item = &'e Event>) -> Self {
        let mut state = RunState::default();
        events.into_iter().for_each(|event| state.apply(event));
        state
    }

    /// Starts a run in a folder that may contain an earlier one.
    pub fn begin(earlier: Option<&RunState>, id: RunId) -> Result<Opening, RunRefused> {
        let waits = |run: &RunState| run.request.is_some() && !run.answered;
        let changed = |run: &RunState| run.tokens.is_some() && !waits(run) || run.changes || run.rolls_back;
        // The new run could mistake an unfinished CTL of the earlier run for the CTL in force.
        if earlier.is_some_and(|run| !run.ended && changed(run)) {
            return Err(RunRefused::NotEnded);
        }
        Ok(Opening { new_journal: true, events: vec![Event::Run(id)] })
    }

    /// Continues the run.
    pub fn resume(&self, id: &RunId) -> Result<Opening, RunRefused> {
        self.is(id)?;
        if self.ended {
            return Err(RunRefused::Ended);
        }
        if self.rolls_back && !self.begun {
            return Err(RunRefused::IsRolledBack);
        }
        Ok(Opening { new_journal: false, events: vec![Event::Resume] })
    }

    /// Restores the old CTL; for a run that ended, with a separate run.
    pub fn rollback(&self, id: &RunId) -> Result<Opening, RunRefused> {
        self.is(id)?;
        if self.in_force.is_none() && !self.sets_mixed {
            return Err(RunRefused::NothingKept);
        }
        if !self.ended {
            return Ok(Opening { new_journal: false, events: vec![Event::Rollback] });
        }
        let mut events = vec![Event::Run(id.clone())];
        events.extend(self.in_force.clone().map(|file| Event::input(IN_FORCE, None, file)));
        let services = self.services().iter().map(|service| (*service).to_owned()).collect();
        events.extend(self.sets_mixed.then_some(Event::Needs {
            services,
            ctl_stays: false,
            sets_mixed: true,
            left_to_do: vec![],
        }));
        events.push(Event::Rollback);
        Ok(Opening { new_journal: true, events })
    }

    fn is(&self, id: &RunId) -> Result<(), RunRefused> {
        if self.id.as_ref() == Some(id) { Ok(()) } else { Err(RunRefused::AnotherRun) }
    }

    /// Applies an event.
    pub fn apply(&mut self, event: &Event) {
        let event = typed(event);
        self.begun |=
            matches!(*event, Event::Step { name: StepName::Known(step), .. } if step != Step::Rollback);
        match event.as_ref() {
            Event::Run(id) => self.id = Some(id.clone()),
            Event::Tokens { certificates } => self.tokens = Some(certificates.clone()),
            Event::Needs { services, ctl_stays, sets_mixed, left_to_do } => {
                let is_named = |known: &&str| services.iter().any(|name| name == known);
                self.services = Some(RENEWAL_SERVICES.into_iter().filter(is_named).collect());
                self.left_to_do.clone_from(left_to_do);
                self.ctl_stays = *ctl_stays;
                self.sets_mixed = *sets_mixed;
            }
            Event::Request { serial, digest, .. } => {
                self.request = Some([serial.clone(), digest.clone()]);
                self.answered = false;
            }
            Event::Plan { .. } => self.answered = self.request.is_some(),
            Event::Resume => {
                self.rolls_back = false;
                // The checks are repeated after a resume: they change nothing, and the cluster may have changed.
                self.done.retain(|(step, _)| !matches!(step, Step::Rollback | Step::Preflight));
            }
            Event::Rollback => {
                self.rolls_back = true;
                self.done.retain(|(step, _)| !step.is_undone_by_rollback());
            }
            Event::Step { name: StepName::Known(step), part, done: Some(true), .. } => {
                self.done.push((*step, part.clone()));
            }
            Event::Step { name: StepName::Known(step), done: None, .. } => {
                self.changes |= step.is_undone_by_rollback() && *step != Step::AwaitPhones;
            }
            // The new CTL is later made from the bridge.
            Event::Input { role, file, .. } if role == IN_FORCE && !self.is_done(Step::Backup, None) => {
                self.in_force = Some(file.clone());
            }
            Event::Input { role, file, .. } if role == BRIDGE => self.bridge = Some(file.clone()),
            Event::Input { role, file, .. } if role == TOKENLESS => self.signed = Some(file.clone()),
            Event::Output { file, .. } => self.signed = Some(file.clone()),
            Event::End { .. } => self.ended = true,
            _ => {}
        }
    }

    /// Whether a step, or a part of one, is done.
    pub fn is_done(&self, step: Step, part: Option<&Part>) -> bool {
        self.done.iter().any(|(of, done)| *of == step && done.as_ref() == part)
    }

    /// The parts of a step that are not done yet.
    pub fn left(&self, step: Step, nodes: &[NodeAddress]) -> Vec<Part> {
        let parts = step.parts(nodes, self.services());
        parts.into_iter().filter(|part| !self.is_done(step, Some(part))).collect()
    }

    /// The services that the run restarts, in order.
    pub fn services(&self) -> &[&'static str] {
        self.services.as_deref().unwrap_or(&SERVICES)
    }

    /// The steps of the run forward, in their order. Where the CTL stays, none is signed and published.
    pub fn steps(&self, kind: RunKind) -> Vec<Step> {
        if self.sets_mixed {
            return vec![Step::Preflight, Step::Backup, Step::SetMixed, Step::DistributeBridge, Step::Verify];
        }
        let makes_ctl = |step: &Step| matches!(step, Step::Sign | Step::DeleteOld | Step::Publish);
        kind.steps().into_iter().filter(|step| !(self.ctl_stays && makes_ctl(step))).collect()
    }

    /// What is to be done next: a part of a step, or a step whose parts are done. `None`: everything is done.
    pub fn next(&self, kind: RunKind, nodes: &[NodeAddress]) -> Option<(Step, Option<Part>)> {
        let steps = if self.rolls_back { vec![Step::Rollback] } else { self.steps(kind) };
        let step = steps.into_iter().find(|step| !self.ended && !self.is_done(*step, None))?;
        Some((step, self.left(step, nodes).into_iter().next()))
    }
}

/// The event in today's format: in journals of earlier builds, steps had only a text; see `docs/journal.md`.
fn typed(event: &Event) -> Cow<'_, Event> {
    let of_old = match event {
        Event::Step { name: StepName::Known(Step::Rollback), part: None, done: None, .. } => {
            Some(Event::Rollback)
        }
        Event::Step { name: StepName::Other(name), says, done, .. } => old(name, says, *done),
        _ => None,
    };
    of_old.map_or(Cow::Borrowed(event), Cow::Owned)
}

fn old(name: &str, says: &str, done: Option<bool>) -> Option<Event> {
    match name {
        "run" => says.split_once(" in ").map(|(node, folder)| {
            Event::Run(RunId { node: node.to_owned(), folder: folder.to_owned(), kind: RunKind::Revert })
        }),
        "tokens" => Some(Event::Tokens { certificates: certificates(says) }),
        "resume" => Some(Event::Resume),
        // `publish 10.1.2.3`, `restart Cisco Tftp 10.1.2.3`
        _ => {
            let (step, of) = name.split_once(' ')?;
            let step = serde_json::from_value(step.into()).ok()?;
            let restart = |service: &str| {
                let node = of.strip_prefix(service)?.strip_prefix(' ')?.to_owned();
                Some(Part { service: Some(service.to_owned()), node })
            };
            let restart = SERVICES.into_iter().find_map(restart);
            let part = restart.unwrap_or_else(|| Part { service: None, node: of.to_owned() });
            Some(Event::step(step, Some(part), says, done))
        }
    }
}

/// Of `SAST-A (SHA-256 5d…) and SAST-B (SHA-256 0c…)`.
fn certificates(says: &str) -> Vec<TokenCertificate> {
    let one = |text: &str| {
        let (name, sha256) = text.rsplit_once(" (SHA-256 ")?;
        let sha256 = sha256.trim_end_matches(')');
        Some(TokenCertificate { name: name.to_owned(), certificate_sha256: sha256.to_owned() })
    };
    says.split(") and ").filter_map(one).collect()
}
