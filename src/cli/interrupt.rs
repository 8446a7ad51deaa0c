//! Ctrl-C and SIGTERM: restores the echo of the terminal, logs the token out, leaves no file half written.
//!
//! At a prompt the program ends at once. While a token is logged in, it waits until the current call returns, logs the
//! token out, and then ends; a second Ctrl-C ends it without waiting.

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, OnceLock};
use std::time::Duration;

use crossterm::cursor::Show;
use crossterm::execute;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen};

use super::{CommandError, ErrorKind, Ui, ui};
use crate::system::{interruption, process, terminal};
use crate::workflow::OperatorError;

/// The signal handlers are installed.
static LISTENS: AtomicBool = AtomicBool::new(false);
/// A signal came. The handler itself sets it, before the interrupted thread continues.
static SIGNALLED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);
/// A token is logged in: a signal does not end the program at once.
static BUSY: AtomicBool = AtomicBool::new(false);
/// A file, a token or a cluster was changed.
static CHANGED: AtomicBool = AtomicBool::new(false);
/// A signal came while busy.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);
/// Locked when a signal starts to end the program, and not unlocked: no login is possible any more.
static ENDING: Mutex<()> = Mutex::new(());
/// What to do after an interruption of a run that changes more than files.
static UNDER_WAY: OnceLock<&str> = OnceLock::new();
/// The terminal shows its other screen.
static FULL_SCREEN: AtomicBool = AtomicBool::new(false);
/// The terminal settings before the echo was turned off.
static TERMINAL: Mutex<Option<terminal::State>> = Mutex::new(None);

/// Starts listening for signals. Only for commands that ask for a PIN; a signal ends the others at once.
pub fn listen() -> Result<(), CommandError> {
    if LISTENS.swap(true, Ordering::SeqCst) {
        return Ok(());
    }
    interruption::listen(&SIGNALLED, wait_for_signal).map_err(|e| {
        CommandError::new(ErrorKind::Token, "the signal handlers could not be installed").caused_by(&e)
    })
}

fn wait_for_signal() {
    if ui::pager_runs() {
        return;
    }
    let _ending = ENDING.lock();
    if BUSY.load(Ordering::SeqCst) && !INTERRUPTED.swap(true, Ordering::SeqCst) {
        std::thread::spawn(tell_that_it_waits);
        return;
    }
    // Twice: the prompt may be about to turn the echo off when the signal comes.
    restore_terminal();
    std::thread::sleep(Duration::from_millis(50));
    restore_terminal();
    // On a new line after the prompt.
    let _ = writeln!(std::io::stderr(), "\n{}", interrupted());
    if let Some(hint) = UNDER_WAY.get() {
        let _ = writeln!(std::io::stderr(), "help: {hint}");
    }
    // Does not run the exit handlers of libraries: a module's handler may wait for a call that hangs.
    process::end(ErrorKind::Interrupted as u8)
}

/// Tells the operator that Ctrl-C was received, if the current call takes long.
fn tell_that_it_waits() {
    std::thread::sleep(Duration::from_secs(1));
    if BUSY.load(Ordering::SeqCst) {
        let what = "interrupted: the token will be logged out when its call returns; press Ctrl-C again to exit \
             without waiting";
        Ui::default().show(&format!("\n{what}"));
    }
}

/// Tells that a token will be logged in (`true`) or was logged out (`false`). While it is logged in, the first signal
/// waits for the logout. Blocks if a signal came just before the login: the program is ending.
pub fn token_in_use(in_use: bool) {
    if in_use {
        wait_for_the_end();
    }
    let _ending = ENDING.lock();
    BUSY.store(in_use, Ordering::SeqCst);
}

/// Returns an error if a signal came while the token was logged in. Called before anything is written.
pub fn check() -> Result<(), OperatorError> {
    wait_for_the_end();
    if SIGNALLED.load(Ordering::SeqCst) { Err(interrupted()) } else { Ok(()) }
}

/// Blocks if a signal came while no token was logged in: the thread that ends the program may not have run yet.
fn wait_for_the_end() {
    let is = |flag: &AtomicBool| flag.load(Ordering::SeqCst);
    while is(&SIGNALLED) && !is(&INTERRUPTED) && !is(&BUSY) {
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// From now on the cluster may have been changed, even if no file was written; `hint` tells how to continue.
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
    // Does not run the exit handlers of libraries: the module's handler may wait for the call that hangs.
    process::end(ErrorKind::Token as u8)
}

/// The error of an interruption.
pub fn interrupted() -> OperatorError {
    OperatorError::Interrupted { changed: CHANGED.load(Ordering::SeqCst) }
}

/// Called right before a token or a cluster is changed: after it, an interruption no longer reports that nothing was
/// written.
pub fn something_changes() {
    CHANGED.store(true, Ordering::SeqCst);
}

/// Saves the terminal settings, and restores them when dropped or interrupted.
pub struct Terminal {
    /// Another one saved them before, and keeps them.
    is_inner: bool,
}

impl Terminal {
    /// Before a prompt without echo.
    pub fn remember() -> Self {
        let Ok(mut terminal) = TERMINAL.lock() else { return Terminal { is_inner: true } };
        let is_inner = terminal.is_some();
        *terminal = terminal.take().or_else(terminal::state);
        Terminal { is_inner }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        restore_echo();
        if let Ok(mut terminal) = TERMINAL.lock()
            && !self.is_inner
        {
            *terminal = None;
        }
    }
}

/// Shows the terminal's other screen, until its end or that of the program.
pub fn begin_full_screen() -> io::Result<()> {
    FULL_SCREEN.store(true, Ordering::SeqCst);
    execute!(io::stderr(), EnterAlternateScreen)
}

/// Shows the screen that was there before.
pub fn end_full_screen() {
    if FULL_SCREEN.swap(false, Ordering::SeqCst) {
        let _ = execute!(io::stderr(), LeaveAlternateScreen, Show);
    }
}

/// Restores the terminal as it was: its screen and its echo.
pub fn restore_terminal() {
    end_full_screen();
    restore_echo();
}

/// Restores the echo of the terminal, if it was turned off.
fn restore_echo() {
    if let Ok(terminal) = TERMINAL.lock()
        && let Some(state) = terminal.as_ref()
    {
        state.restore();
    }
}
