//! Which journal a run writes: a new one, or that of the run that was cut off. The run's folder (`--work`) knows where it
//! lies, and the journal knows node and folder: no run goes on with another's, and none is begun over one that counts.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::super::error::{CommandError, ErrorKind};
use super::super::signing::{RunLog, who};
use super::look::kept_list;
use super::{NodeArgs, WHAT, begun, no};
use crate::cluster::NodeAddress;
use crate::files::{self, OnExisting};
use crate::workflow::Progress;
use crate::workflow::journal::{Event, FileFingerprint, VerifiedJournal};

/// The file in the run's folder that says where its journal lies.
const JOURNAL: &str = "journal.path";

/// The file in the run's folder that says who is at work there.
const LOCK: &str = "run.lock";

/// The journal's name for taking back a run that came to its end.
const TAKING_BACK: &str = "rollback-node";

/// The run of a folder, as its journal has it.
struct Earlier {
    path: PathBuf,
    progress: Progress,
    ended: bool,
}

/// A new journal, or the one of the run that was cut off; and what is done of that run. Nobody else is at work in the
/// folder as long as the lock is held.
pub(super) fn begin(
    args: &NodeArgs,
    named: Option<&Path>,
    publisher: &NodeAddress,
    work: &Path,
    agree: impl FnOnce(&Progress) -> Result<(), CommandError>,
) -> Result<(RunLog, Progress, File), CommandError> {
    let anew = !args.resume && !args.rollback;
    if anew {
        files::make_folder(work)?;
    } else if !work.is_dir() {
        return Err(no_run(work));
    }
    let lock = lock(work)?;
    let here = format!("{publisher} in {}", files::place_of(work).display());
    let (log, progress) = match earlier(work)? {
        None if !anew => return Err(no_run(work)),
        None => new_run(named, work, &here)?,
        Some(earlier) if anew => {
            may_be_left(&earlier, work)?;
            new_run(named, work, &here)?
        }
        Some(earlier) => {
            same_run(&earlier, &here)?;
            if args.rollback {
                kept(&earlier, work)?;
                // Nothing of the run is undone, and nothing of that written down, before the operator wants it.
                agree(&earlier.progress)?;
                take_back(earlier, named, work, &here)?
            } else {
                go_on(earlier, &here)?
            }
        }
    };
    Ok((log, progress, lock))
}

/// The run that the folder knows of.
fn earlier(work: &Path) -> Result<Option<Earlier>, CommandError> {
    let place = match files::read_text(&work.join(JOURNAL)) {
        Ok(text) => PathBuf::from(text.trim_end_matches('\n')),
        Err(files::FileError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            return Ok(None);
        }
        Err(e) => return Err(unreadable(&work.join(JOURNAL), &e)),
    };
    let bytes = files::read_plain(&place, files::MAX_JOURNAL).map_err(|e| unreadable(&place, &e))?;
    let (journal, _) = VerifiedJournal::read_whole_lines(&bytes).map_err(|e| unreadable(&place, &e))?;
    let (progress, ended) = (Progress::of(&journal), journal.outcome().is_some());
    Ok(Some(Earlier { path: place, progress, ended }))
}

/// Begins a journal, bound to the node and the folder.
fn new_journal(named: Option<&Path>, what: &str, here: &str) -> Result<RunLog, CommandError> {
    let mut log = RunLog::begin_run(named, what)?;
    log.add(begun(Progress::RUN, here))?;
    Ok(log)
}

fn new_run(named: Option<&Path>, work: &Path, here: &str) -> Result<(RunLog, Progress), CommandError> {
    let log = new_journal(named, WHAT, here)?;
    keep_place(&log, work)?;
    Ok((log, Progress::default()))
}

fn go_on(earlier: Earlier, here: &str) -> Result<(RunLog, Progress), CommandError> {
    let takes_back = earlier.path.file_name().is_some_and(|n| n.to_string_lossy().contains(TAKING_BACK));
    if takes_back && !earlier.ended {
        return Err(no("the run in this folder came to its end, and is being taken back")
            .hint("--rollback goes on with that; then a new run can be begun, without --resume"));
    }
    let (log, mut progress) = reopen(&earlier, Progress::ON, here)?;
    progress.go_on();
    Ok((log, progress))
}

fn reopen(earlier: &Earlier, goes: &str, here: &str) -> Result<(RunLog, Progress), CommandError> {
    let (mut log, journal) = RunLog::reopen(&earlier.path)?;
    log.add(begun(goes, here))?;
    Ok((log, Progress::of(&journal)))
}

/// There must be something to go back to.
fn kept<'a>(earlier: &'a Earlier, work: &Path) -> Result<&'a FileFingerprint, CommandError> {
    let old = earlier.progress.in_force.as_ref().ok_or_else(|| {
        let what = "the run in this folder kept no CTL: there is nothing to go back to";
        no(what)
            .detail("journal", earlier.path.display().to_string())
            .detail("", "it changed nothing on the cluster, and neither did this command")
    })?;
    kept_list(work, Some(old)).map(|_| old)
}

fn take_back(
    earlier: Earlier,
    named: Option<&Path>,
    work: &Path,
    here: &str,
) -> Result<(RunLog, Progress), CommandError> {
    if earlier.ended {
        // That is a run of its own, which may be cut off as well.
        let old = kept(&earlier, work)?.clone();
        let mut log = new_journal(named, TAKING_BACK, here)?;
        log.add(Event::Input { role: "in force".to_owned(), out: None, file: old })?;
        log.add(begun(Progress::BACK, here))?;
        keep_place(&log, work)?;
        return Ok((log, earlier.progress.files_alone()));
    }
    let (log, mut progress) = reopen(&earlier, Progress::BACK, here)?;
    progress.go_back();
    Ok((log, progress))
}

/// From now on this is the folder's journal.
fn keep_place(log: &RunLog, work: &Path) -> Result<(), CommandError> {
    let place = files::place_of(log.path());
    let text = place.to_str().ok_or_else(|| {
        let what = format!("the name of the journal's folder is no text: {}", place.display());
        CommandError::new(ErrorKind::File, what).hint("name another one: --journal DIR")
    })?;
    files::write_new(&work.join(JOURNAL), format!("{text}\n").as_bytes(), OnExisting::Replace)?;
    Ok(())
}

/// A new run would keep as the CTL in force what the run before it left half done.
fn may_be_left(earlier: &Earlier, work: &Path) -> Result<(), CommandError> {
    let changed = earlier.progress.tokens.is_some() || earlier.progress.takes_back;
    if earlier.ended || !changed {
        return Ok(());
    }
    let what = format!("the run in {} has not come to its end", work.display());
    Err(no(what)
        .detail("run", earlier.progress.run.as_deref().unwrap_or("of an unknown node"))
        .detail("journal", earlier.path.display().to_string())
        .detail("", "nothing was changed by this command")
        .hint("way on: the same command with --resume")
        .hint("way back: the same command with --rollback puts the old CTL back")
        .hint("a run of its own needs a folder of its own: --work DIR"))
}

/// Another node, or a folder that was copied: its steps are not this run's.
fn same_run(earlier: &Earlier, here: &str) -> Result<(), CommandError> {
    match earlier.progress.run.as_deref() {
        Some(run) if run == here => Ok(()),
        run => Err(no("this folder is that of another run")
            .detail("run", run.unwrap_or("of an unknown node"))
            .detail("chosen", here)
            .detail("", "nothing was changed by this command")
            .hint("--node and --work as the run began with them")),
    }
}

fn no_run(work: &Path) -> CommandError {
    CommandError::new(ErrorKind::File, format!("there is no run in {}", work.display()))
        .hint("--work DIR names the folder of the run")
}

/// What was done is not known: nothing is begun over it.
fn unreadable(path: &Path, error: &(dyn std::error::Error + 'static)) -> CommandError {
    CommandError::new(
        ErrorKind::File,
        format!("{} cannot be read: what the run did is not known", path.display()),
    )
    .caused_by(error)
    .hint("bring the journal back to where it was")
    .hint("a run of its own needs a folder of its own: --work DIR")
}

/// Held while somebody is at work in a run's folder: two at once would do things twice, and break the journal's chain.
/// Gone when dropped or when the process ends.
fn lock(work: &Path) -> Result<File, CommandError> {
    let path = work.join(LOCK);
    let failed = |e: io::Error| {
        CommandError::new(ErrorKind::File, format!("{} was not written", path.display())).caused_by(&e)
    };
    files::check_place(&path)?;
    let options = File::options().read(true).write(true).create(true).truncate(false).open(&path);
    let mut file = options.map_err(failed)?;
    // Where the file system has no locks, the operator has to see to it.
    if let Ok(Some(holder)) = files::try_hold(&mut file, &who()) {
        let holder = if holder.is_empty() { "another process" } else { &holder };
        return Err(no(format!("{holder} is at work in {} already", work.display()))
            .detail("", "nothing was changed by this command")
            .hint("wait until it ends; then --resume goes on, and --rollback goes back"));
    }
    Ok(file)
}
