//! The first page: what happened, in one headline, and what it means for phones and for the operator.

use super::entry::{Event, FileFingerprint, Outcome, PhoneLine};
use super::summary::JournalSummary;
use crate::phone::PhoneClass;
use crate::workflow::cluster_run::{RunState, Step, StepName};
use crate::workflow::left_to_do_if;
use crate::workflow::phones::PhonesByClass;

/// What the first page says of a run.
pub struct Overview<'a> {
    /// `Done`, `Rolled back`, `Stopped` or `Refused`.
    pub verdict: &'static str,
    pub why: String,
    /// How far a run on a cluster came that did not end.
    pub cluster_state: Option<&'static str>,
    /// The publisher as it was named, and the servers in the list.
    pub cluster: Vec<String>,
    /// Each class of phones that has a verdict.
    pub phones: Vec<&'a PhoneLine>,
    /// How many of these refuse.
    pub refuse: usize,
    /// Of how many it is known what they do.
    pub known: usize,
    /// How many phones these are, in a sentence.
    pub counted: String,
    pub to_do: Vec<String>,
    pub way_back: WayBack,
    /// The files whose checksums phones and nodes show.
    pub files: Vec<&'a FileFingerprint>,
}

/// How what was done is undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WayBack {
    /// Nothing was made, or it was put back already.
    Nothing,
    /// Files that no node serves yet.
    Files,
    /// A list that was put on nodes by itself.
    Publish,
    /// A run on a cluster that ended.
    Rollback,
    /// A run on a cluster that can go on, or back.
    ResumeOrRollback,
}

impl<'a> JournalSummary<'a> {
    /// The first page.
    pub fn overview(&self) -> Overview<'a> {
        let run = RunState::of(self.shown.lines().iter().map(|line| &line.event));
        let published = self.changes.iter().find(|change| change.alone == Some("published"));
        let outputs: Vec<_> = self.changes.iter().filter_map(|change| change.output).collect();
        let last_step = self.shown.lines().iter().rev().find_map(|line| match &line.event {
            Event::Step { name: StepName::Known(step), says, done, .. } => Some((*step, says, *done)),
            _ => None,
        });
        let phones = self.each(|change| if run.rolls_back { &[] } else { change.phones });
        let refuse = phones.iter().filter(|it| it.refuses()).count();
        let known = phones.iter().filter(|it| it.is_known()).count();
        let counted = in_a_sentence(&phones, self.shown.phones.as_ref());
        let refusing = phones.iter().filter(|it| it.refuses()).map(|it| it.phones.as_str());
        let outcome = self.shown.journal.outcome();
        let done = matches!(outcome, Some((Outcome::Done, _)));
        let (verdict, why) = match (outcome, last_step) {
            (Some((Outcome::Done, _)), _) if run.rolls_back => {
                ("Rolled back", "every node serves the CTL that was in force before".to_owned())
            }
            (Some((Outcome::Done, says)), _) => (
                "Done",
                match (&run.id, published, &outputs[..]) {
                    (Some(_), ..) => "every node shows and serves the new CTL".to_owned(),
                    (_, Some(change), _) => format!("every node serves {}", change.name()),
                    (.., [file]) => format!("{} is signed and verified", file.file),
                    (.., [_, ..]) => format!("{} files are signed and verified", outputs.len()),
                    _ => says.to_owned(),
                },
            ),
            (Some((Outcome::Interrupted, says)), _) => {
                ("Stopped", format!("interrupted by the operator: {says}"))
            }
            (Some((Outcome::Failed, says)), _) => ("Stopped", says.to_owned()),
            (None, Some((step @ (Step::Preflight | Step::CheckTvs), says, Some(false)))) => {
                ("Refused", format!("{}: {says}", step.name()))
            }
            (None, Some((step, says, Some(false)))) => ("Stopped", format!("{}: {says}", step.name())),
            (None, Some((step, ..))) => {
                ("Stopped", format!("the run was not completed; its last step is {}", step.name()))
            }
            (None, None) => ("Stopped", "the run was not completed".to_owned()),
        };
        let to_do = match () {
            () if !done => vec![],
            () if run.id.is_some() => left_to_do_if(refusing),
            () if published.is_some() => {
                let restart = "restart Cisco Tftp, then Cisco CallManager, on every node that runs them";
                [restart.to_owned()].into_iter().chain(left_to_do_if(refusing)).collect()
            }
            () => self
                .each(|change| match change.plan {
                    Some(Event::Plan { by_hand, .. }) => by_hand,
                    _ => &[],
                })
                .into_iter()
                .cloned()
                .collect(),
        };
        let way_back = match (&run.id, published) {
            (Some(_), _) if !done => WayBack::ResumeOrRollback,
            (Some(_), _) if run.rolls_back => WayBack::Nothing,
            (Some(_), _) => WayBack::Rollback,
            (None, Some(_)) => WayBack::Publish,
            (None, None) if outputs.is_empty() => WayBack::Nothing,
            (None, None) => WayBack::Files,
        };
        let is_kept = |change: &&super::summary::Change<'a>| change.alone.is_some();
        let files = if outputs.is_empty() || run.rolls_back {
            self.changes.iter().filter(is_kept).filter_map(|change| change.input).collect()
        } else {
            outputs
        };
        let servers =
            files.iter().rev().find_map(|file| self.shown.lists.get(&file.sha256)).map(|list| list.servers());
        let cluster_state = last_step.filter(|_| run.id.is_some() && !done);
        let cluster_state = cluster_state.map(|(step, ..)| step.state_if_it_fails());
        let cluster = run.id.map(|id| id.node).into_iter().chain(servers.unwrap_or_default()).collect();
        Overview {
            verdict,
            why,
            cluster_state,
            cluster,
            phones,
            refuse,
            known,
            counted,
            to_do,
            way_back,
            files,
        }
    }
}

/// How many phones are on the list, and are of a class that refuses.
fn in_a_sentence(phones: &[&PhoneLine], list: Option<&PhonesByClass>) -> String {
    let Some(list) = list else { return "How many phones a class has is not known.".to_owned() };
    let refuses = |class: &PhoneClass| phones.iter().any(|it| it.refuses() && it.phones == class.label());
    let refusing = PhoneClass::ALL.into_iter().filter(refuses).map(|class| list.names(Some(class)).len());
    let (refusing, no_class) = (refusing.sum::<usize>(), list.names(None).len());
    let no_class =
        if no_class == 0 { String::new() } else { format!("; the class of {no_class} is not known") };
    format!("Of {} phones on the list, {refusing} are of a class that refuses{no_class}.", list.count())
}

impl Overview<'_> {
    /// How many phones a line is about, if their list was given.
    pub fn count(&self, summary: &JournalSummary<'_>, line: &PhoneLine) -> Option<usize> {
        let class = PhoneClass::ALL.into_iter().find(|class| class.label() == line.phones)?;
        let names = summary.shown.phones.as_ref()?.names(Some(class));
        (class != PhoneClass::WithoutList).then_some(names.len())
    }
}
