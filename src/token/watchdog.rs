//! Guards against calls that do not return, or panic. After a time limit a handler runs, which can only end the process.
//!
//! A thread in C code cannot be stopped. OpenSC 0.23, for example, deadlocks when a card is removed during its first read.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, Once, OnceLock, PoisonError, Weak};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use cryptoki::error::Error as Pkcs11Error;

/// The handler for a call that does not return: its name and the time limit. It does not return.
pub type OnHang = Box<dyn Fn(&'static str, Duration) + Send>;

/// How long a call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// A call that does not wait for a person.
    Machine,
    /// A PIN is typed on a reader, or a key is made: five times as long.
    Long,
}

/// The running calls, at most one per thread.
type Running = Mutex<Vec<Call>>;

#[derive(Debug, Clone, Copy)]
struct Call {
    name: &'static str,
    thread: ThreadId,
    since: Instant,
    limit: Duration,
}

/// The watchdog of this process, which loads one module.
static WATCHDOG: OnceLock<Watchdog> = OnceLock::new();

/// Starts the watchdog, once.
pub(super) fn begin(limit: Duration, on_hang: OnHang) {
    WATCHDOG.get_or_init(|| Watchdog::begin(limit, on_hang));
}

/// Runs a call, watched if the watchdog was started.
pub(super) fn watched<T>(name: &'static str, patience: Patience, call: impl FnOnce() -> T) -> T {
    match WATCHDOG.get() {
        Some(watchdog) => watchdog.over(name, patience, call),
        None => call(),
    }
}

/// Watches calls, and reports a call that takes too long. Ends when dropped.
#[derive(Debug)]
pub struct Watchdog {
    limit: Duration,
    running: Arc<Running>,
}

impl Watchdog {
    /// Starts to watch; `limit` is the limit for [`Patience::Machine`].
    pub fn begin(limit: Duration, on_hang: OnHang) -> Self {
        let running = Arc::new(Running::default());
        let watched = Arc::downgrade(&running);
        // Several checks within the limit, at most one per second.
        let every =
            limit.checked_div(4).unwrap_or(limit).clamp(Duration::from_millis(20), Duration::from_secs(1));
        // If there is no thread, calls are not watched.
        let _ = std::thread::Builder::new()
            .name("watchdog".to_owned())
            .spawn(move || watch(&watched, every, &on_hang));
        Watchdog { limit, running }
    }

    /// Makes a call, watched.
    pub fn over<T>(&self, name: &'static str, patience: Patience, call: impl FnOnce() -> T) -> T {
        let limit = match patience {
            Patience::Machine => self.limit,
            Patience::Long => self.limit.saturating_mul(5),
        };
        let thread = std::thread::current().id();
        let running = || self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running().push(Call { name, thread, since: Instant::now(), limit });
        let result = call();
        running().retain(|call| call.thread != thread);
        result
    }
}

/// Checks the running calls until the watchdog is dropped.
fn watch(watched: &Weak<Running>, every: Duration, on_hang: &OnHang) {
    loop {
        std::thread::sleep(every);
        let Some(running) = watched.upgrade() else { return };
        let calls = running.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(call) = calls.iter().find(|call| call.since.elapsed() > call.limit) {
            on_hang(call.name, call.limit);
            return;
        }
    }
}

thread_local! {
    /// Whether this thread is in a call: its panics become errors, and are not printed.
    static IN_CALL: Cell<bool> = const { Cell::new(false) };
}

/// Makes a call of the wrapper, which allocates and indexes by the lengths that a module returns, and panics if they are
/// impossible: then the call has failed ([`Pkcs11Error::InvalidValue`]), and the token is logged out.
pub(super) fn catch_panic<T>(call: impl FnOnce() -> Result<T, Pkcs11Error>) -> Result<T, Pkcs11Error> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !IN_CALL.get() {
                others(info);
            }
        }));
    });
    let before = IN_CALL.replace(true);
    // The wrapper holds only handles, which a panic does not change.
    let result = panic::catch_unwind(AssertUnwindSafe(call));
    IN_CALL.set(before);
    result.unwrap_or(Err(Pkcs11Error::InvalidValue))
}
