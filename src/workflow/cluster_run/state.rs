//! A run on a cluster as a value. The events of its journal are its only changes, so what a journal says and what is in
//! memory are the same.

use std::borrow::Cow;

use super::step::{Part, Step, StepName};
use crate::cluster::{NodeAddress, SERVICES};
use crate::workflow::journal::{Event, FileFingerprint, RunId, TokenCertificate};

/// The role of the CTL that was in force before, among the journal's files.
pub const IN_FORCE: &str = "in force";
/// The role of the bridge.
pub const BRIDGE: &str = "bridge";

/// A run on a cluster, as its journal has it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunState {
    /// Which one it is.
    pub id: Option<RunId>,
    /// The CTL that was in force when it began.
    pub in_force: Option<FileFingerprint>,
    /// The tokenless CTL with the tokens in it, as the publisher wrote it.
    pub bridge: Option<FileFingerprint>,
    /// The CTL that it signed.
    pub signed: Option<FileFingerprint>,
    /// The tokens that the cluster was asked to trust; `None` before it was.
    pub tokens: Option<Vec<TokenCertificate>>,
    /// Whether it puts back what was in force before.
    pub rolls_back: bool,
    /// Whether a step was begun. A rollback before any is that of a run that ended, in a separate journal.
    begun: bool,
    done: Vec<(Step, Option<Part>)>,
    ended: bool,
}

/// How a run is opened: what is written first, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// Whether it has a new journal.
    pub new_journal: bool,
    /// The first lines.
    pub events: Vec<Event>,
}

/// Why a run is not begun, resumed or rolled back.
#[allow(missing_docs, reason = "the words say what each is")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RunRefused {
    #[error("the run in this folder has not ended")]
    NotEnded,
    #[error("this folder is that of another run")]
    AnotherRun,
    #[error("the run of this journal ended: there is nothing to continue")]
    Ended,
    #[error("the run in this folder ended, and is being rolled back")]
    IsRolledBack,
    #[error("the run in this folder kept no CTL: there is nothing to go back to")]
    NothingKept,
}

impl RunState {
    /// The state after these events.
    pub fn of<'e>(events: impl IntoIterator<Item = &'e Event>) -> Self {
        let mut state = RunState::default();
        events.into_iter().for_each(|event| state.apply(event));
        state
    }

    /// Begins a run in a folder that may hold an earlier one.
    pub fn begin(earlier: Option<&RunState>, id: RunId) -> Result<Opening, RunRefused> {
        let changed = |run: &RunState| run.tokens.is_some() || run.rolls_back;
        // It would take as the CTL in force what the run before left half done.
        if earlier.is_some_and(|run| !run.ended && changed(run)) {
            return Err(RunRefused::NotEnded);
        }
        Ok(Opening { new_journal: true, events: vec![Event::Run(id)] })
    }

    /// Goes on.
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

    /// Puts back what was in force before; if the run ended, by a separate run.
    pub fn rollback(&self, id: &RunId) -> Result<Opening, RunRefused> {
        self.is(id)?;
        let file = self.in_force.clone().ok_or(RunRefused::NothingKept)?;
        if !self.ended {
            return Ok(Opening { new_journal: false, events: vec![Event::Rollback] });
        }
        let in_force = Event::Input { role: IN_FORCE.to_owned(), out: None, file };
        Ok(Opening { new_journal: true, events: vec![Event::Run(id.clone()), in_force, Event::Rollback] })
    }

    fn is(&self, id: &RunId) -> Result<(), RunRefused> {
        if self.id.as_ref() == Some(id) { Ok(()) } else { Err(RunRefused::AnotherRun) }
    }

    /// What an event changes.
    pub fn apply(&mut self, event: &Event) {
        let event = typed(event);
        self.begun |=
            matches!(*event, Event::Step { name: StepName::Known(step), .. } if step != Step::Rollback);
        match event.as_ref() {
            Event::Run(id) => self.id = Some(id.clone()),
            Event::Tokens { certificates } => self.tokens = Some(certificates.clone()),
            Event::Resume => {
                self.rolls_back = false;
                // Looking again does no harm, and the world may have changed.
                self.done.retain(|(step, _)| !matches!(step, Step::Rollback | Step::Preflight));
            }
            Event::Rollback => {
                self.rolls_back = true;
                self.done.retain(|(step, _)| !step.is_undone_by_rollback());
            }
            Event::Step { name: StepName::Known(step), part, done: Some(true), .. } => {
                self.done.push((*step, part.clone()));
            }
            // A bridge is signed upon later.
            Event::Input { role, file, .. } if role == IN_FORCE && !self.is_done(Step::Backup, None) => {
                self.in_force = Some(file.clone());
            }
            Event::Input { role, file, .. } if role == BRIDGE => self.bridge = Some(file.clone()),
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
        step.parts(nodes).into_iter().filter(|part| !self.is_done(step, Some(part))).collect()
    }

    /// What is to be done next: a part of a step, or a step whose parts are done. `None`: the run may end.
    pub fn next(&self, bridge: bool, nodes: &[NodeAddress]) -> Option<(Step, Option<Part>)> {
        let steps = if self.rolls_back { vec![Step::Rollback] } else { Step::all(bridge) };
        let step = steps.into_iter().find(|step| !self.ended && !self.is_done(*step, None))?;
        Some((step, self.left(step, nodes).into_iter().next()))
    }
}

/// The event as it is written today: the journals of earlier builds had steps with a text alone, see `docs/journal.md`.
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
        "run" => says
            .split_once(" in ")
            .map(|(node, folder)| Event::Run(RunId { node: node.to_owned(), folder: folder.to_owned() })),
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
