//! Long work at the terminal: how far it is, and how much time is left or has passed.

use std::io::{self, IsTerminal as _};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::workflow::LongWork;

/// Fewer nodes or files than these are done before anybody waits.
const FEW: usize = 3;
/// How often the time that has passed is shown.
const TICK: Duration = Duration::from_millis(500);

/// The line that is on the terminal now.
static SHOWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// A line of progress; removed when dropped.
pub struct Progress(ProgressBar);

impl Progress {
    /// Of work that nobody sees.
    pub fn hidden() -> Self {
        Progress(ProgressBar::hidden())
    }

    /// Begins work on so many items, which is shown unless these are few; `None` is one step without a number. Without a
    /// terminal there is no line that moves.
    pub fn begin(what: &str, count: Option<usize>) -> Option<Self> {
        if count.is_some_and(|count| count < FEW) {
            return Some(Progress::hidden());
        }
        if !io::stderr().is_terminal() || std::env::var_os("TERM").is_some_and(|term| term == "dumb") {
            return None;
        }
        let total = count.and_then(|count| u64::try_from(count).ok());
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
        let of =
            if total.is_some() { "{msg}: {pos} of {len}, {eta} left {wide_bar}" } else { "{msg}: {elapsed}" };
        if let Ok(style) = ProgressStyle::with_template(of) {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        bar.enable_steady_tick(TICK);
        *SHOWN.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar.clone());
        Some(Progress(bar))
    }
}

impl LongWork for Progress {
    fn one_done(&self) {
        self.0.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if !self.0.is_hidden() {
            *SHOWN.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        self.0.finish_and_clear();
    }
}

/// Writes or asks without the line of progress, which comes back after it. Not to be called again from inside.
pub fn without_progress<T>(f: impl FnOnce() -> T) -> T {
    let shown = SHOWN.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match shown {
        Some(bar) => bar.suspend(f),
        None => f(),
    }
}
