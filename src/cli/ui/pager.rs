//! Long output goes through a pager.

use std::ffi::OsStr;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::system::interruption;

/// A pager runs: Ctrl-C is for it.
static RUNS: AtomicBool = AtomicBool::new(false);

/// Whether a pager runs.
pub fn runs() -> bool {
    RUNS.load(Ordering::SeqCst)
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
    // Ctrl-C reaches this program, too, which has nothing left to do but to wait.
    RUNS.store(true, Ordering::SeqCst);
    let spawned = interruption::listen(&Arc::default(), || {}).and_then(|()| command.spawn());
    let Ok(mut pager) = spawned else {
        RUNS.store(false, Ordering::SeqCst);
        return false;
    };
    if let Some(mut input) = pager.stdin.take() {
        // It may be left before its end.
        let _ = input.write_all(text.as_bytes());
    }
    let _ = pager.wait();
    RUNS.store(false, Ordering::SeqCst);
    true
}
