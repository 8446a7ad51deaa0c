//! What happened to each file in a run, as one value.

use std::collections::HashMap;
use std::path::Path;

use super::entry::{Event, FileFingerprint, JournalLine, PhoneLine, TokenCertificate, TokenSeal};
use super::list_view::ListView;
use super::redaction::Redaction;
use super::signature::beside;
use super::verify::VerifiedJournal;
use crate::workflow::cluster_run::Step;
use crate::workflow::phones::PhonesByClass;

/// The most items that are shown of one kind.
pub const MANY: usize = 200;
/// Files whose lists are shown, counted from the first.
const DETAILED: usize = 40;

/// A journal as it is shown.
pub struct ShownJournal {
    /// The journal's file name.
    pub name: String,
    /// The number of the change.
    pub change: Option<String>,
    /// Whether names and addresses are left out.
    pub redacted: bool,
    /// Whether there is a signature next to it.
    pub signed: bool,
    pub journal: VerifiedJournal,
    /// By the SHA-256 of the file.
    pub lists: HashMap<String, ListView>,
    /// The phones that there are, if their list was given.
    pub phones: Option<PhonesByClass>,
}

impl ShownJournal {
    /// The journal in this file, of this change unless it says of which itself; `redact`: without names and addresses.
    pub fn new(journal: VerifiedJournal, path: &Path, change: Option<&str>, redact: bool) -> Self {
        let redaction = redact.then(|| Redaction::of(&journal));
        let say = |text: &str| redaction.as_ref().map_or_else(|| text.to_owned(), |it| it.text(text));
        let said = journal.lines().iter().find_map(|line| match &line.event {
            Event::Start { change, .. } => change.as_deref(),
            _ => None,
        });
        let change = said.or(change).filter(|change| !change.is_empty()).map(say);
        let files = journal.lines().iter().filter_map(|line| match &line.event {
            Event::Input { file, .. } | Event::Output { file, .. } => Some(file),
            _ => None,
        });
        let list = |file: &FileFingerprint| Some((file.sha256.clone(), ListView::of(file.content()?, &say)?));
        let lists = files.take(DETAILED).filter_map(list).collect();
        let name = path.file_name().filter(|_| !redact).map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_else(|| "journal".to_owned());
        let signed = beside(path).exists();
        let journal = match &redaction {
            Some(redaction) => redaction.journal(journal),
            None => journal,
        };
        ShownJournal { name, change, redacted: redact, signed, journal, lists, phones: None }
    }

    /// Its lines.
    pub fn lines(&self) -> &[JournalLine] {
        self.journal.lines()
    }
}

/// What a page shows of a run.
pub struct JournalSummary<'a> {
    pub shown: &'a ShownJournal,
    /// The token that signed.
    pub token: Option<&'a TokenSeal>,
    /// The files that were signed, with what they replace.
    pub changes: Vec<Change<'a>>,
}

/// One file's way through a run.
#[derive(Default)]
pub struct Change<'a> {
    /// Where the result goes, as far as that is known.
    out: Option<&'a str>,
    /// The list in force, or the configuration file.
    pub input: Option<&'a FileFingerprint>,
    /// An [`Event::Plan`].
    pub plan: Option<&'a Event>,
    /// What phones do with the list, and what they lose; of a plan, or of a list that is published.
    pub phones: &'a [PhoneLine],
    pub findings: &'a [String],
    /// What was written.
    pub output: Option<&'a FileFingerprint>,
    pub signed_by: Option<&'a str>,
    /// The backup of the old file.
    pub kept_old_as: Option<&'a str>,
    /// What the input is, where nothing was to be made of it: `published`, or kept as the list `in force`.
    pub alone: Option<&'a str>,
}

impl<'a> JournalSummary<'a> {
    /// Sorts a journal.
    pub fn new(shown: &'a ShownJournal) -> Self {
        let (mut token, mut changes) = (None, Vec::new());
        // Those whose result was not written yet: of many files that are signed together several are on their way.
        let mut open: Vec<Change<'a>> = Vec::new();
        for line in shown.lines() {
            match &line.event {
                Event::Token(it) => token = Some(it),
                Event::Input { role, file, out, phones, findings } => {
                    let alone = out.is_none().then_some(role.as_str());
                    let (out, input) = (out.as_deref(), Some(file));
                    open.push(Change { out, input, alone, phones, findings, ..Change::default() });
                }
                Event::Plan { out, phones, findings, .. } => {
                    let (out, plan) = (Some(out.as_str()), Some(&line.event));
                    let plan = Change { out, plan, phones, findings, ..Change::default() };
                    match plan.out.and_then(|out| position(&open, out)).and_then(|at| open.get_mut(at)) {
                        Some(change) => *change = Change { input: change.input, ..plan },
                        None => open.push(plan),
                    }
                }
                Event::Output { signed_by, kept_old_as, file } => {
                    let mut change =
                        position(&open, &file.file).map(|at| open.remove(at)).unwrap_or_default();
                    (change.output, change.signed_by) = (Some(file), Some(signed_by.as_str()));
                    (change.kept_old_as, change.alone) = (kept_old_as.as_deref(), None);
                    changes.push(change);
                }
                _ => {}
            }
        }
        // What a run keeps is what it replaces: shown once.
        let replaced = |file: &FileFingerprint| {
            changes.iter().any(|change| change.input.is_some_and(|it| it.sha256 == file.sha256))
        };
        open.retain(|it| it.alone.is_none() || !it.input.is_some_and(replaced));
        changes.extend(open);
        JournalSummary { shown, token, changes }
    }

    /// The first line.
    pub fn start(&self) -> Option<&'a Event> {
        self.shown.lines().first().map(|line| &line.event)
    }

    /// From when to when.
    pub fn times(&self) -> [&'a str; 2] {
        [self.shown.lines().first(), self.shown.lines().last()]
            .map(|line| line.map(|l| l.time.as_str()).unwrap_or_default())
    }

    /// What this selects of all changes, each once.
    pub fn each<T: PartialEq>(&self, of: impl Fn(&Change<'a>) -> &'a [T]) -> Vec<&'a T> {
        let mut all = Vec::new();
        for it in self.changes.iter().flat_map(of) {
            if all.len() < MANY && !all.contains(&it) {
                all.push(it);
            }
        }
        all
    }

    /// The steps of a longer run: when, which, how it ended (`done`, `failed`, or nothing while it runs), in words. A step
    /// that ended stands where it began, with its result.
    pub fn steps(&self) -> Vec<[String; 4]> {
        let step = |line: &JournalLine| {
            let (name, how, says) = match &line.event {
                Event::Step { name, part, says, done } => {
                    let part = part.as_ref().map(|part| format!(" {part}")).unwrap_or_default();
                    let how = done.map_or("", |done| if done { "done" } else { "failed" });
                    (format!("{name}{part}"), how, says.clone())
                }
                Event::Run(id) => ("run".to_owned(), "", id.to_string()),
                Event::Tokens { certificates } => {
                    ("tokens".to_owned(), "", TokenCertificate::list(certificates))
                }
                Event::Resume => ("resume".to_owned(), "", "the run continues".to_owned()),
                Event::Rollback => ("rollback".to_owned(), "", Step::Rollback.description().to_owned()),
                Event::Needs { services, .. } => ("needs".to_owned(), "", services.join(", ")),
                Event::Transcript { file } => ("transcript".to_owned(), "", file.clone()),
                _ => return None,
            };
            Some([line.time.clone(), name, how.to_owned(), says])
        };
        let mut steps: Vec<[String; 4]> = Vec::new();
        let mut running: HashMap<String, usize> = HashMap::new();
        for new in self.shown.lines().iter().filter_map(step) {
            let [_, name, how, _] = &new;
            let begun = if how.is_empty() { None } else { running.remove(name) };
            match begun.and_then(|at| steps.get_mut(at)) {
                Some(row) => row.clone_from(&new),
                None if how.is_empty() => drop(running.entry(name.clone()).or_insert(steps.len())),
                None => {}
            }
            if begun.is_none() {
                steps.push(new);
            }
        }
        steps
    }
}

/// The last change with this result, else the last one that says nothing of where it goes.
fn position(open: &[Change<'_>], out: &str) -> Option<usize> {
    let position = |wanted| open.iter().rposition(|change| change.out == wanted);
    position(Some(out)).or_else(|| position(None))
}

impl<'a> Change<'a> {
    /// The file that was written, else the one that was read.
    pub fn file(&self) -> Option<&'a FileFingerprint> {
        self.output.or(self.input)
    }

    /// The file's name.
    pub fn name(&self) -> &'a str {
        self.file().map(|file| file.file.as_str()).unwrap_or_default()
    }
}
