//! What the operator reads when a signal or a call that hangs ends the program, and how the terminal is left.

use std::io::{self, Write as _};
use std::sync::{Mutex, OnceLock, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use crossterm::cursor::Show;
use crossterm::execute;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen};

use super::{CommandError, ErrorKind, Ui, pager_runs};
use crate::system::{process, terminal};
use crate::workflow::{OperatorError, interruption};

/// What to do after an interruption of a run that changes more than files.
static UNDER_WAY: OnceLock<&str> = OnceLock::new();
/// Whether the terminal shows its other screen. Locked by whoever draws on it.
static FULL_SCREEN: Mutex<bool> = Mutex::new(false);
/// How long the end of the program waits for a drawing: nobody may read what the terminal prints.
const DRAWING: Duration = Duration::from_secs(1);

/// Starts listening for signals. Only for commands that ask for a PIN; a signal ends the others at once.
pub fn listen() -> Result<(), CommandError> {
    interruption::listen(on_signal).map_err(|e| {
        CommandError::new(ErrorKind::Token, "the signal handlers could not be installed").caused_by(&e)
    })
}

fn on_signal() {
    if pager_runs() {
        return;
    }
    if !interruption::ends_now() {
        std::thread::spawn(tell_that_it_waits);
        return;
    }
    // Twice: the prompt may be about to turn the echo off when the signal comes.
    restore_terminal();
    std::thread::sleep(Duration::from_millis(50));
    restore_terminal();
    // On a new line after the prompt.
    let _ = writeln!(std::io::stderr(), "\n{}", OperatorError::interrupted());
    if let Some(hint) = UNDER_WAY.get() {
        let _ = writeln!(std::io::stderr(), "help: {hint}");
    }
    // Does not run the exit handlers of libraries: a module's handler may wait for a call that hangs.
    process::end(ErrorKind::Interrupted as u8)
}

/// Tells the operator that Ctrl-C was received, if the current call takes long.
fn tell_that_it_waits() {
    std::thread::sleep(Duration::from_secs(1));
    if interruption::is_token_in_use() {
        let what = "interrupted: the token will be logged out when its call returns; press Ctrl-C again to exit \
             without waiting";
        Ui::default().show(&format!("\n{what}"));
    }
}

/// From now on the cluster may have been changed, even if no file was written; `hint` tells how to continue.
pub fn under_way(hint: &'static str) {
    interruption::something_changes();
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

/// Shows the terminal's other screen, until its end or that of the program.
pub fn begin_full_screen() -> io::Result<()> {
    let mut shown = FULL_SCREEN.lock().unwrap_or_else(PoisonError::into_inner);
    *shown = true;
    execute!(io::stderr(), EnterAlternateScreen)
}

/// Draws on the terminal's other screen, unless the program ends and the terminal was given back.
pub fn draw_full_screen(draw: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let shown = FULL_SCREEN.lock().unwrap_or_else(PoisonError::into_inner);
    if *shown { draw() } else { Ok(()) }
}

/// Shows the screen that was there before.
pub fn end_full_screen() {
    let begin = Instant::now();
    let mut shown = loop {
        match FULL_SCREEN.try_lock() {
            Ok(shown) => break Some(shown),
            Err(TryLockError::Poisoned(shown)) => break Some(shown.into_inner()),
            Err(TryLockError::WouldBlock) if begin.elapsed() > DRAWING => break None,
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    if shown.as_deref_mut().is_none_or(std::mem::take) {
        let _ = execute!(io::stderr(), LeaveAlternateScreen, Show);
    }
}

/// Restores the terminal as it was: its screen and its echo.
pub fn restore_terminal() {
    end_full_screen();
    terminal::restore();
}
