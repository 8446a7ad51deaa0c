//! Ctrl-C and SIGTERM: leaves no token logged in and no file half written.
//!
//! At a prompt the program ends at once. While a token is logged in, it waits until the current call returns, logs the
//! token out, and then ends; a second Ctrl-C ends it without waiting.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use crate::system::interruption;

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

fn is(flag: &AtomicBool) -> bool {
    flag.load(Ordering::SeqCst)
}

/// Starts listening for signals, which `on_signal` answers by [`ends_now`]. Only for commands that ask for a PIN; a signal
/// ends the others at once.
pub fn listen(on_signal: fn()) -> io::Result<()> {
    if LISTENS.swap(true, Ordering::SeqCst) {
        Ok(())
    } else {
        interruption::listen(&SIGNALLED, move |_| on_signal())
    }
}

/// Whether a signal ends the program now. Otherwise a token is logged in, and is logged out first.
pub fn ends_now() -> bool {
    let ending = ENDING.lock();
    let ends = !is(&BUSY) || INTERRUPTED.swap(true, Ordering::SeqCst);
    if ends {
        std::mem::forget(ending);
    }
    ends
}

/// Whether a token is logged in.
pub fn is_token_in_use() -> bool {
    is(&BUSY)
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

/// Whether a signal came.
pub fn came() -> bool {
    wait_for_the_end();
    is(&SIGNALLED)
}

/// Blocks if a signal came while no token was logged in: the thread that ends the program may not have run yet.
fn wait_for_the_end() {
    while is(&SIGNALLED) && !is(&INTERRUPTED) && !is(&BUSY) {
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Called right before a token or a cluster is changed: after it, an interruption no longer reports that nothing was
/// written.
pub fn something_changes() {
    CHANGED.store(true, Ordering::SeqCst);
}

/// Whether a file, a token or a cluster was changed.
pub fn something_changed() -> bool {
    is(&CHANGED)
}
