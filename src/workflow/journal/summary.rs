//! What happened to each file in a run, as one value.

use std::path::Path;

use super::entry::{Event, FileFingerprint, JournalLine, Outcome, TokenCertificate, TokenSeal};
use super::verify::VerifiedJournal;
use crate::workflow::cluster_run::Step;

/// What a page shows of a run.
pub struct JournalSummary<'a> {
    /// The journal's file name.
    pub name: String,
    pub lines: &'a [JournalLine],
    pub outcome: Option<(Outcome, &'a str)>,
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
    /// What was written.
    pub output: Option<&'a FileFingerprint>,
    pub signed_by: Option<&'a str>,
    /// Where the file before it is kept.
    pub kept_old_as: Option<&'a str>,
    /// What the input is, where nothing was to be made of it: `published`, or kept as the list `in force`.
    pub alone: Option<&'a str>,
}

impl<'a> JournalSummary<'a> {
    /// Sorts a journal.
    pub fn new(journal: &'a VerifiedJournal, path: &Path) -> Self {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let (mut token, mut changes) = (None, Vec::new());
        // Those whose result was not written yet: of many files that are signed together several are on their way.
        let mut open: Vec<Change<'a>> = Vec::new();
        for line in journal.lines() {
            match &line.event {
                Event::Token(it) => token = Some(it),
                Event::Input { role, file, out } => {
                    let alone = out.is_none().then_some(role.as_str());
                    let (out, input) = (out.as_deref(), Some(file));
                    open.push(Change { out, input, alone, ..Change::default() });
                }
                Event::Plan { out, .. } => {
                    let plan = Change { out: Some(out), plan: Some(&line.event), ..Change::default() };
                    match position(&open, out).and_then(|at| open.get_mut(at)) {
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
        changes.extend(open);
        JournalSummary { name, lines: journal.lines(), outcome: journal.outcome(), token, changes }
    }

    /// The first line.
    pub fn start(&self) -> Option<&'a Event> {
        self.lines.first().map(|line| &line.event)
    }

    /// From when to when.
    pub fn times(&self) -> [&'a str; 2] {
        [self.lines.first(), self.lines.last()].map(|line| line.map(|l| l.time.as_str()).unwrap_or_default())
    }

    /// The steps of a longer run: when, which, how it ended (`done`, `failed`, or nothing while it runs), in words.
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
                Event::Transcript { file } => ("transcript".to_owned(), "", file.clone()),
                _ => return None,
            };
            Some([line.time.clone(), name, how.to_owned(), says])
        };
        self.lines.iter().filter_map(step).collect()
    }
}

/// The last change with this result, else the last one that says nothing of where it goes.
fn position(open: &[Change<'_>], out: &str) -> Option<usize> {
    let position = |wanted| open.iter().rposition(|change| change.out == wanted);
    position(Some(out)).or_else(|| position(None))
}

impl<'a> Change<'a> {
    /// The file's name.
    pub fn name(&self) -> &'a str {
        self.output.or(self.input).map(|file| file.file.as_str()).unwrap_or_default()
    }
}
