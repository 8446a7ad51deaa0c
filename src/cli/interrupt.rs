//! Ctrl-C and SIGTERM: the terminal gets its echo back, the token is logged out, nothing is left half done.
//!
//! At a prompt the program ends at once. While a token is logged in, the call that runs is let finish, the token is
//! logged out, and then the program ends; a second Ctrl-C does not wait.

#[cfg(unix)]
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, OnceLock};
use std::time::Duration;

use super::{CommandError, ErrorKind, Ui};
use crate::workflow::OperatorError;

/// The signal handlers are there.
#[cfg(unix)]
static LISTENS: AtomicBool = AtomicBool::new(false);
/// A signal came. The handler itself sets it, before the interrupted thread goes on.
static SIGNALLED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);
/// A token is logged in: do not end in the middle of it.
static BUSY: AtomicBool = AtomicBool::new(false);
/// A file, a token or a cluster was changed.
static CHANGED: AtomicBool = AtomicBool::new(false);
/// A signal came while busy.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);
/// Held while the program ends by a signal, and to its end: nobody logs in any more.
static ENDING: Mutex<()> = Mutex::new(());
/// What to do after an interruption of a run that does more than write files.
static UNDER_WAY: OnceLock<&str> = OnceLock::new();
/// How the terminal was before its echo was turned off.
#[cfg(unix)]
static TERMINAL: Mutex<Option<rustix::termios::Termios>> = Mutex::new(None);

/// Starts listening for signals. For commands that ask for a PIN; others just end.
pub fn listen() -> Result<(), CommandError> {
    #[cfg(unix)]
    if !LISTENS.swap(true, Ordering::SeqCst) {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        let ignored = ignored(&std::fs::read_to_string("/proc/self/status").unwrap_or_default());
        let heard: Vec<i32> =
            [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|s| !ignored.contains(s)).collect();
        let flags = heard
            .iter()
            .try_for_each(|signal| signal_hook::flag::register(*signal, Arc::clone(&SIGNALLED)).map(|_| ()));
        let signals = flags.and_then(|()| signal_hook::iterator::Signals::new(heard)).map_err(|e| {
            CommandError::new(ErrorKind::Token, "the signal handlers could not be installed").caused_by(&e)
        })?;
        std::thread::spawn(|| hear(signals));
    }
    Ok(())
}

#[cfg(unix)]
fn hear(mut signals: signal_hook::iterator::Signals) {
    for _ in signals.forever() {
        let _ending = ENDING.lock();
        if BUSY.load(Ordering::SeqCst) && !INTERRUPTED.swap(true, Ordering::SeqCst) {
            std::thread::spawn(say_what_is_waited_for);
            continue;
        }
        // Twice: the prompt may be about to turn the echo off when the signal comes.
        restore_terminal();
        std::thread::sleep(Duration::from_millis(50));
        restore_terminal();
        // Behind the prompt, so that the shell's own begins a line.
        let _ = writeln!(std::io::stderr(), "\n{}", interrupted());
        if let Some(hint) = UNDER_WAY.get() {
            let _ = writeln!(std::io::stderr(), "help: {hint}");
        }
        // Without the exit handlers of libraries: a module's own may wait for a call that hangs.
        signal_hook::low_level::exit(ErrorKind::Interrupted as i32);
    }
}

/// The signals that whoever began this process had ignored, as `nohup` does with SIGHUP: they stay so. From the text of
/// `/proc/self/status` (proc_pid_status(5): SigIgn, a mask of 64 bits in hexadecimal, signal 1 is the lowest).
#[cfg(unix)]
fn ignored(status: &str) -> Vec<i32> {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).map(str::trim);
    let mask = mask.and_then(|mask| u64::from_str_radix(mask, 16).ok()).unwrap_or(0);
    (1..=64).filter(|signal: &i32| mask & (1_u64 << signal.saturating_sub(1)) != 0).collect()
}

/// Where the call that runs takes its time, the operator should not wonder whether Ctrl-C was heard.
#[cfg(unix)]
fn say_what_is_waited_for() {
    std::thread::sleep(Duration::from_secs(1));
    if BUSY.load(Ordering::SeqCst) {
        let what = "interrupted: the token will be logged out when its call returns; press Ctrl-C again to exit \
             without waiting";
        let _ = writeln!(std::io::stderr(), "\n{what}");
    }
}

/// From here on a first signal waits while a token is logged in (`true`), and ends the program once it is out (`false`).
/// Where one came just before the login, this blocks: the program is ending.
pub fn token_in_use(in_use: bool) {
    // The thread that ends the program may not have run yet.
    while in_use && SIGNALLED.load(Ordering::SeqCst) && !INTERRUPTED.load(Ordering::SeqCst) {
        std::thread::sleep(Duration::from_millis(10));
    }
    let _ending = ENDING.lock();
    BUSY.store(in_use, Ordering::SeqCst);
}

/// An error if a signal came while the token was logged in. Called before anything is written.
pub fn check() -> Result<(), OperatorError> {
    if SIGNALLED.load(Ordering::SeqCst) { Err(interrupted()) } else { Ok(()) }
}

/// From here on something may have been changed elsewhere, whatever was written here; and how to go on.
pub fn under_way(hint: &'static str) {
    something_changes();
    let _ = UNDER_WAY.set(hint);
}

/// Ends the process because a call to the module does not return; nothing was written yet.
pub fn give_up(profile: &str, call: &'static str, limit: Duration) {
    restore_terminal();
    let seconds = limit.as_secs();
    let what = format!("the module did not return from {call} within {seconds} seconds");
    Ui::default().error(
        &CommandError::new(ErrorKind::Token, what)
            .detail("profile", profile)
            .detail("", "nothing was written by this call")
            .hint("take the token out, insert it, and run the same command again; if a key needs more time: --timeout")
            .hint("if the problem remains: restart the token's middleware or pcscd; sastctl doctor"),
    );
    // Without the exit handlers of libraries: the module's own may wait for what hangs.
    signal_hook::low_level::exit(ErrorKind::Token as i32);
}

/// What an interruption is called.
pub fn interrupted() -> OperatorError {
    OperatorError::Interrupted { changed: CHANGED.load(Ordering::SeqCst) }
}

/// Right before a token or a cluster is changed: from here on no interruption says that nothing was.
pub fn something_changes() {
    CHANGED.store(true, Ordering::SeqCst);
}

/// Remembers the terminal as it is, and gives it back when dropped or interrupted.
pub struct Terminal;

impl Terminal {
    /// Before a prompt without echo.
    pub fn remember() -> Self {
        #[cfg(unix)]
        if let (Ok(tty), Ok(mut terminal)) = (std::fs::File::open("/dev/tty"), TERMINAL.lock()) {
            *terminal = rustix::termios::tcgetattr(&tty).ok();
        }
        Terminal
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        restore_terminal();
        #[cfg(unix)]
        if let Ok(mut terminal) = TERMINAL.lock() {
            *terminal = None;
        }
    }
}

/// Gives the terminal its echo back, if it was taken.
pub fn restore_terminal() {
    #[cfg(unix)]
    if let (Ok(tty), Ok(terminal)) = (std::fs::File::open("/dev/tty"), TERMINAL.lock())
        && let Some(termios) = terminal.as_ref()
    {
        let _ = rustix::termios::tcsetattr(&tty, rustix::termios::OptionalActions::Now, termios);
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_was_ignored_is_read_from_the_mask() {
        assert_eq!(ignored("SigBlk:\tff\nSigIgn:\t0000000000001001\nSigCgt:\t3\n"), [1, 13]);
        assert_eq!(ignored("SigIgn:\t8000000000000002\n"), [2, 64]);
        assert!(ignored("").is_empty() && ignored("SigIgn:\tx\n").is_empty());
    }
}
