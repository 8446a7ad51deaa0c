//! Long output goes through a pager.

use std::ffi::OsStr;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::ErrorKind;
use crate::system::{interruption, process, terminal};

/// The number of the pager's process; 0 if none runs.
static PAGER: AtomicU32 = AtomicU32::new(0);
/// Locked when a signal ends the program, and not unlocked.
static ENDING: Mutex<()> = Mutex::new(());

/// Whether a pager runs: Ctrl-C is for it.
pub fn runs() -> bool {
    PAGER.load(Ordering::SeqCst) != 0
}

/// Ends the program and the pager, which has a second to restore the terminal. Ctrl-C reaches the pager itself: the program
/// has nothing left to do but to wait for it.
fn on_signal(is_ctrl_c: bool) {
    let _ending = ENDING.lock();
    if is_ctrl_c || !runs() {
        return;
    }
    process::ask_to_end(PAGER.load(Ordering::SeqCst));
    for _ in 0..100 {
        if runs() {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    terminal::restore();
    process::end(ErrorKind::Interrupted as u8)
}

/// Shows a text in the pager, and waits until it ends; whether there is one. SASTCTL_PAGER names it, else PAGER, else it is
/// `less`. An empty name and `cat` are none. The words of its name are parted at blanks: no shell reads them.
pub fn show(text: &str) -> bool {
    let named = ["SASTCTL_PAGER", "PAGER"].into_iter().find_map(std::env::var_os);
    let name = named.as_deref().unwrap_or(OsStr::new("less")).to_string_lossy();
    let mut words = name.split_whitespace();
    let Some(program) = words.next().filter(|program| *program != "cat") else { return false };
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::piped());
    // Leaves a short text on the screen (F, X), and shows colours (R).
    if std::env::var_os("LESS").is_none() {
        command.env("LESS", "FRX");
    }
    let _terminal = terminal::remember();
    let spawned = interruption::listen(&Arc::default(), on_signal).and_then(|()| command.spawn());
    let Ok(mut pager) = spawned else { return false };
    PAGER.store(pager.id(), Ordering::SeqCst);
    if let Some(mut input) = pager.stdin.take() {
        // It may be left before its end.
        let _ = input.write_all(text.as_bytes());
    }
    let _ = pager.wait();
    PAGER.store(0, Ordering::SeqCst);
    drop(ENDING.lock());
    true
}
