//! Ctrl-C and SIGTERM: the terminal gets its echo back, the token is logged out, nothing is left half done.
//!
//! At a prompt the program ends at once. While a token is logged in, the call that runs is let finish, the token is
//! logged out, and then the program ends; a second Ctrl-C does not wait.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, OnceLock};
use std::time::Duration;

use super::{CommandError, ErrorKind, Ui};
use crate::system::{interruption, process, terminal};
use crate::workflow::OperatorError;

/// The signal handlers are there.
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
static TERMINAL: Mutex<Option<terminal::State>> = Mutex::new(None);

/// Starts listening for signals. For commands that ask for a PIN; others just end.
pub fn listen() -> Result<(), CommandError> {
    if LISTENS.swap(true, Ordering::SeqCst) {
        return Ok(());
    }
    interruption::listen(&SIGNALLED, hear).map_err(|e| {
        CommandError::new(ErrorKind::Token, "the signal handlers could not be installed").caused_by(&e)
    })
}

fn hear() {
    let _ending = ENDING.lock();
    if BUSY.load(Ordering::SeqCst) && !INTERRUPTED.swap(true, Ordering::SeqCst) {
        std::thread::spawn(say_what_is_waited_for);
        return;
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
    process::end(ErrorKind::Interrupted as u8)
}

/// Where the call that runs takes its time, the operator should not wonder whether Ctrl-C was heard.
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
    if in_use {
        wait_for_the_end();
    }
    let _ending = ENDING.lock();
    BUSY.store(in_use, Ordering::SeqCst);
}

/// An error if a signal came while the token was logged in. Called before anything is written.
pub fn check() -> Result<(), OperatorError> {
    wait_for_the_end();
    if SIGNALLED.load(Ordering::SeqCst) { Err(interrupted()) } else { Ok(()) }
}

/// Blocks where a signal came while no token was logged in: the thread that ends the program may not have run yet.
fn wait_for_the_end() {
    let is = |flag: &AtomicBool| flag.load(Ordering::SeqCst);
    while is(&SIGNALLED) && !is(&INTERRUPTED) && !is(&BUSY) {
        std::thread::sleep(Duration::from_millis(10));
    }
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
    process::end(ErrorKind::Token as u8)
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
        if let Ok(mut terminal) = TERMINAL.lock() {
            *terminal = terminal::state();
        }
        Terminal
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        restore_terminal();
        if let Ok(mut terminal) = TERMINAL.lock() {
            *terminal = None;
        }
    }
}

/// Gives the terminal its echo back, if it was taken.
pub fn restore_terminal() {
    if let Ok(terminal) = TERMINAL.lock()
        && let Some(state) = terminal.as_ref()
    {
        state.restore();
    }
}
