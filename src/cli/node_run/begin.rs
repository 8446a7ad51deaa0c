//! Which journal a run writes: a new one, or that of the run that was cut off. The run's folder (`--work`) knows where it
//! lies, and the journal knows node and folder: no run goes on with another's, and none is begun over one that counts.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::super::error::{CommandError, ErrorKind};

use super::look::kept_list;
use super::{NodeArgs, WHAT, no};
use crate::cluster::NodeAddress;
use crate::files::{self, OnExisting};
use crate::workflow::cluster_run::{RunRefused, RunState};
use crate::workflow::journal::{Journal, RunId, VerifiedJournal, who};

/// The file in the run's folder that says where its journal lies.
const JOURNAL: &str = "journal.path";

/// The file in the run's folder that says who is at work there.
const LOCK: &str = "run.lock";

/// The journal's name for the rollback of a run that ended.
const ROLLBACK: &str = "rollback-node";

/// A new journal, or the one of the run that was cut off; and what is done of that run. Nobody else is at work in the
/// folder as long as the lock is held.
pub(super) fn begin(
    args: &NodeArgs,
    named: Option<&Path>,
    publisher: &NodeAddress,
    work: &Path,
    agree: impl FnOnce(&RunState) -> Result<(), CommandError>,
) -> Result<(Journal, RunState, File), CommandError> {
    let anew = !args.resume && !args.rollback;
    if anew {
        files::make_folder(work)?;
    } else if !work.is_dir() {
        return Err(no_run(work));
    }
    let lock = lock(work)?;
    let id = RunId { node: publisher.to_string(), folder: files::resolve(work).display().to_string() };
    let (place, earlier) = earlier(work)?.unzip();
    let opening = match &earlier {
        earlier if anew => RunState::begin(earlier.as_ref(), id.clone()),
        None => return Err(no_run(work)),
        Some(earlier) if args.rollback => earlier.rollback(&id),
        Some(earlier) => earlier.resume(&id),
    };
    let opening = opening.map_err(|why| refused(why, (place.as_deref(), earlier.as_ref()), &id))?;
    if let (true, Some(earlier)) = (args.rollback, &earlier) {
        kept_list(work, earlier.in_force.as_ref())?;
        // Nothing of the run is undone, and nothing of that written down, before the operator wants it.
        agree(earlier)?;
    }
    let (mut log, mut state) = match (&place, earlier) {
        (Some(place), Some(earlier)) if !opening.new_journal => (Journal::reopen(place)?.0, earlier),
        _ => (Journal::begin(named, if args.rollback { ROLLBACK } else { WHAT })?, RunState::default()),
    };
    for event in opening.events {
        state.apply(&event);
        log.add(event)?;
    }
    if opening.new_journal {
        keep_place(&log, work)?;
    }
    Ok((log, state, lock))
}

/// The run that the folder knows of, and its journal.
fn earlier(work: &Path) -> Result<Option<(PathBuf, RunState)>, CommandError> {
    let place = match files::read_text(&work.join(JOURNAL)) {
        Ok(text) => PathBuf::from(text.trim_end_matches('\n')),
        Err(files::FileError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            return Ok(None);
        }
        Err(e) => return Err(unreadable(&work.join(JOURNAL), &e)),
    };
    let bytes = files::read_plain(&place, files::MAX_JOURNAL).map_err(|e| unreadable(&place, &e))?;
    let (journal, _) = VerifiedJournal::read_whole_lines(&bytes).map_err(|e| unreadable(&place, &e))?;
    let state = RunState::of(journal.lines().iter().map(|line| &line.event));
    Ok(Some((place, state)))
}

/// From now on this is the folder's journal.
fn keep_place(log: &Journal, work: &Path) -> Result<(), CommandError> {
    let place = files::resolve(log.path());
    let text = place.to_str().ok_or_else(|| {
        let what = format!("the name of the journal's folder is no text: {}", place.display());
        CommandError::new(ErrorKind::File, what).hint("name another one: --journal DIR")
    })?;
    files::write_new(&work.join(JOURNAL), format!("{text}\n").as_bytes(), OnExisting::Replace)?;
    Ok(())
}

/// What to do about a run that is not begun, resumed or rolled back.
fn refused(
    why: RunRefused,
    (journal, earlier): (Option<&Path>, Option<&RunState>),
    id: &RunId,
) -> CommandError {
    let run =
        earlier.and_then(|run| run.id.as_ref()).map_or("of an unknown node".to_owned(), RunId::to_string);
    let journal = journal.map(|path| path.display().to_string()).unwrap_or_default();
    let error = no(why.to_string());
    match why {
        RunRefused::NotEnded => error
            .detail("run", run)
            .detail("journal", journal)
            .detail("", "nothing was changed by this command")
            .hint("way on: the same command with --resume")
            .hint("way back: the same command with --rollback puts the old CTL back")
            .hint("a run of its own needs a folder of its own: --work DIR"),
        RunRefused::AnotherRun => error
            .detail("run", run)
            .detail("chosen", id.to_string())
            .detail("", "nothing was changed by this command")
            .hint("--node and --work as the run began with them"),
        RunRefused::NothingKept => error
            .detail("journal", journal)
            .detail("", "it changed nothing on the cluster, and neither did this command"),
        RunRefused::IsRolledBack => {
            error.hint("--rollback goes on with that; then a new run can be begun, without --resume")
        }
        RunRefused::Ended => error,
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
    if let Ok(Some(holder)) = files::try_lock_file(&mut file, &who()) {
        let holder = if holder.is_empty() { "another process" } else { &holder };
        return Err(no(format!("{holder} is at work in {} already", work.display()))
            .detail("", "nothing was changed by this command")
            .hint("wait until it ends; then --resume goes on, and --rollback goes back"));
    }
    Ok(file)
}
