//! A journal sorted into what a page shows.

use std::path::Path;

use crate::trustlist::{Record, TrustFile, TrustList, VerifiedList};
use crate::workflow::PlanStep;
use crate::workflow::journal::{
    Event, FileSeal, JournalLine, Outcome, PhoneLine, TokenSeal, VerifiedJournal,
};

/// What a page shows of a run.
pub struct Story<'a> {
    /// The journal's file name.
    pub name: String,
    /// Its lines.
    pub lines: &'a [JournalLine],
    /// How the run ended.
    pub outcome: Option<(Outcome, &'a str)>,
    /// The token that signed.
    pub token: Option<&'a TokenSeal>,
    /// The files that were signed, with what they replace.
    pub changes: Vec<Change<'a>>,
}

/// One file's way through a run.
#[derive(Default)]
pub struct Change<'a> {
    /// The list in force, or the configuration file.
    pub input: Option<&'a FileSeal>,
    /// The plan.
    pub plan: Option<Planned<'a>>,
    /// What was written.
    pub output: Option<Written<'a>>,
    /// What the input is, where nothing was to be made of it: `published`, or kept as the list `in force`.
    pub alone: Option<&'a str>,
}

/// Changes whose result was not written yet, each with where it goes, as far as that is known: of many files that are
/// signed together several are on their way.
#[derive(Default)]
struct Open<'a>(Vec<(Option<&'a str>, Change<'a>)>);

impl<'a> Open<'a> {
    fn begin(&mut self, out: Option<&'a str>, change: Change<'a>) {
        self.0.push((out, change));
    }

    /// Adds a plan to the change with its result, else to the last one that says nothing of where it goes.
    fn plan(&mut self, out: &'a str, plan: Planned<'a>) {
        match self.find(out).and_then(|at| self.0.get_mut(at)) {
            Some((goes_to, change)) => {
                *goes_to = Some(out);
                change.alone = None;
                change.plan = Some(plan);
            }
            None => self.begin(Some(out), Change { plan: Some(plan), ..Change::default() }),
        }
    }

    /// Takes the change out whose result was written.
    fn end(&mut self, out: &str) -> Change<'a> {
        self.find(out).map(|at| self.0.remove(at).1).unwrap_or_default()
    }

    fn find(&self, out: &str) -> Option<usize> {
        let position = |wanted| self.0.iter().rposition(|(goes_to, _)| *goes_to == wanted);
        position(Some(out)).or_else(|| position(None))
    }
}

/// A plan as the journal has it.
pub struct Planned<'a> {
    /// Its digest.
    pub digest: &'a str,
    /// What happens to each record.
    pub steps: &'a [PlanStep],
    /// What the operator was told.
    pub warnings: &'a [String],
    /// What phones do.
    pub phones: &'a [PhoneLine],
    /// What they lose.
    pub findings: &'a [String],
    /// What is left to do.
    pub by_hand: &'a [String],
}

/// A file that was written.
pub struct Written<'a> {
    /// The file.
    pub file: &'a FileSeal,
    /// Who signed it.
    pub signed_by: &'a str,
    /// Where the one before it is kept.
    pub kept_old_as: Option<&'a str>,
}

impl<'a> Story<'a> {
    /// Sorts a journal.
    pub fn of(journal: &'a VerifiedJournal, path: &Path) -> Self {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let lines = journal.lines();
        let mut story = Story { name, lines, outcome: journal.outcome(), token: None, changes: Vec::new() };
        let mut open = Open::default();
        for line in lines {
            match &line.event {
                Event::Token(token) => story.token = Some(token),
                Event::Input { role, file, out } => {
                    let alone = out.is_none().then_some(role.as_str());
                    open.begin(out.as_deref(), Change { input: Some(file), alone, ..Change::default() });
                }
                Event::Plan { digest, out, steps, warnings, phones, findings, by_hand } => {
                    open.plan(out, Planned { digest, steps, warnings, phones, findings, by_hand });
                }
                Event::Output { signed_by, kept_old_as, file } => {
                    let mut change = open.end(&file.file);
                    change.alone = None;
                    change.output = Some(Written { file, signed_by, kept_old_as: kept_old_as.as_deref() });
                    story.changes.push(change);
                }
                Event::Start { .. } | Event::Step { .. } | Event::End { .. } => {}
            }
        }
        story.changes.extend(open.0.into_iter().map(|(_, change)| change));
        story
    }

    /// Version, command, operator and host.
    pub fn start(&self) -> Option<(&str, String, &str, &str)> {
        match &self.lines.first()?.event {
            Event::Start { version, command, operator, host } => {
                Some((version, command.join(" "), operator, host))
            }
            _ => None,
        }
    }

    /// From when to when.
    pub fn times(&self) -> (&str, &str) {
        let time = |line: Option<&'a JournalLine>| line.map(|l| l.time.as_str()).unwrap_or_default();
        (time(self.lines.first()), time(self.lines.last()))
    }
}

/// The list in a file of the journal, if it is one.
pub fn list_of(file: &FileSeal) -> Option<TrustList> {
    match TrustFile::decode(file.content()?).ok()? {
        TrustFile::List(list) => Some(list),
        TrustFile::Signed(_) => None,
    }
}

/// A record in one row: function, name, where, which key.
pub fn row(list: &TrustList, record: &Record) -> [String; 4] {
    let at = record.ip_address().filter(|ip| !ip.is_unspecified()).map(|ip| ip.to_string());
    let key = match record.certificate() {
        Some(Ok(certificate)) => certificate.public_key().describe(),
        Some(Err(_)) => "unreadable".to_owned(),
        None => "no certificate".to_owned(),
    };
    let signs = if list.is_signer(record) { "signs" } else { "" };
    let key = if signs.is_empty() { key } else { format!("{key}, {signs}") };
    [record.function().to_string(), record.short_name(), at.unwrap_or_default(), key]
}

/// Whether the signature of a file of the journal verifies, in words.
pub fn verified(list: &TrustList) -> String {
    match list.verify().as_ref().map(VerifiedList::signer_name) {
        Ok(name) => format!("verified, signed by {name}"),
        Err(e) => format!("not verified: {e}"),
    }
}
