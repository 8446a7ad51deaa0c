//! The journals of a folder. Of each only the beginning and the end are read; whether it was changed is not checked.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::entry::{Event, JournalLine, Outcome};

/// How much is read at the beginning of a journal, in bytes: a line may hold a file of 256 KiB as Base64.
const BEGINNING: u64 = 1024 * 1024;
/// How much is read at its end, in bytes.
const END: u64 = 64 * 1024;

/// A journal in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListedJournal {
    /// Its path.
    pub journal: PathBuf,
    /// Its file name.
    pub name: String,
    /// When it begins, RFC 3339 in UTC; `None` if its first line cannot be read.
    pub time: Option<String>,
    /// The command, as its file name has it (`revert`, `ctl-sign`).
    pub command: String,
    /// The publisher of a run on a cluster.
    pub node: Option<String>,
    /// The publisher, else the first file of the run.
    pub subject: Option<String>,
    /// How the run ended; `None` if it did not end.
    pub outcome: Option<Outcome>,
    /// What its last line says.
    pub says: Option<String>,
}

/// The journals of a folder, newest first.
pub(super) fn paths(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let journals = fs::read_dir(folder)?.filter_map(Result::ok).map(|entry| entry.path());
    let journals = journals.filter(|path| path.extension().is_some_and(|e| e == "jsonl"));
    // Their names begin with the time, but runs of one second have names in any order.
    let written = |path: &PathBuf| fs::metadata(path).and_then(|m| m.modified()).ok();
    let mut journals: Vec<_> = journals.map(|path| (written(&path), path)).collect();
    journals.sort_unstable_by(|one, other| other.cmp(one));
    Ok(journals.into_iter().map(|(_, path)| path).collect())
}

/// The newest journals of a folder, newest first, and how many more there are.
pub fn list(folder: &Path, most: usize) -> io::Result<(Vec<ListedJournal>, usize)> {
    let mut journals = paths(folder)?;
    let more = journals.len().saturating_sub(most);
    journals.truncate(most);
    Ok((journals.into_iter().map(look).collect(), more))
}

fn look(journal: PathBuf) -> ListedJournal {
    let name = journal.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let stem = journal.file_stem().and_then(OsStr::to_str).unwrap_or_default();
    let command = stem.split_once('-').map(|(_, command)| command.to_owned()).unwrap_or_default();
    let (first, (mut node, mut subject)) = (first(&journal), <(Option<String>, Option<String>)>::default());
    for line in &first {
        match &line.event {
            Event::Run(run) => node = node.or_else(|| Some(run.node.clone())),
            Event::Input { file, .. } | Event::Output { file, .. } => {
                subject = subject.or_else(|| Some(file.file.clone()));
            }
            _ => {}
        }
    }
    let (outcome, says) = match last(&journal).map(|line| line.event) {
        Some(Event::End { outcome, says }) => (Some(outcome), Some(says)),
        _ => (None, None),
    };
    let time = first.into_iter().next().map(|line| line.time);
    let subject = node.clone().or(subject);
    ListedJournal { journal, name, time, command, node, subject, outcome, says }
}

/// The lines at the beginning, up to the first that tells which cluster or which file it is about.
fn first(journal: &Path) -> Vec<JournalLine> {
    let Some(file) = open(journal) else { return Vec::new() };
    let lines = BufReader::new(file.take(BEGINNING)).lines().map_while(Result::ok);
    let mut found = Vec::new();
    for line in lines.map_while(|text| serde_json::from_str::<JournalLine>(&text).ok()) {
        let tells = matches!(line.event, Event::Run(_) | Event::Input { .. } | Event::Output { .. });
        found.push(line);
        if tells {
            break;
        }
    }
    found
}

fn last(journal: &Path) -> Option<JournalLine> {
    let mut file = open(journal)?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(END))).ok()?;
    let mut end = Vec::new();
    file.take(END).read_to_end(&mut end).ok()?;
    let text = end.strip_suffix(b"\n")?.rsplit(|byte| *byte == b'\n').next()?;
    serde_json::from_slice(text).ok()
}

/// A plain file: a pipe would be waited for.
fn open(journal: &Path) -> Option<File> {
    fs::metadata(journal).ok().filter(fs::Metadata::is_file)?;
    File::open(journal).ok()
}
