//! The events of the console: Ctrl-C, Ctrl-Break, the console is closed, the user logs off, the system shuts down. The
//! system gives a program about five seconds after one of the last three.
#![allow(unsafe_code, reason = "calls of the system's C interface")]

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use windows_sys::Win32::System::Console::{CTRL_BREAK_EVENT, CTRL_C_EVENT, SetConsoleCtrlHandler};
use windows_sys::core::BOOL;

struct Listener {
    flag: Arc<AtomicBool>,
    requests: Mutex<Sender<bool>>,
}

static LISTENER: OnceLock<Listener> = OnceLock::new();

/// Sets the flag at each request, and then calls `hear` in a separate thread: whether it was Ctrl-C or Ctrl-Break.
pub fn listen(flag: &Arc<AtomicBool>, mut hear: impl FnMut(bool) + Send + 'static) -> io::Result<()> {
    let (requests, received) = channel();
    if LISTENER.set(Listener { flag: Arc::clone(flag), requests: Mutex::new(requests) }).is_err() {
        return Ok(());
    }
    // SAFETY: the handler is a function of this program, which is never unloaded.
    if unsafe { SetConsoleCtrlHandler(Some(handler), 1) } == 0 {
        return Err(io::Error::last_os_error());
    }
    std::thread::spawn(move || received.into_iter().for_each(&mut hear));
    Ok(())
}

/// Runs in a thread of the system. After an event other than Ctrl-C and Ctrl-Break the system ends the process as soon as the
/// handler returns. So the handler waits: the program ends itself after the token is logged out.
unsafe extern "system" fn handler(event: u32) -> BOOL {
    let by_key = event == CTRL_C_EVENT || event == CTRL_BREAK_EVENT;
    if let Some(listener) = LISTENER.get() {
        listener.flag.store(true, Ordering::SeqCst);
        if let Ok(requests) = listener.requests.lock() {
            let _ = requests.send(by_key);
        }
        if !by_key {
            std::thread::sleep(Duration::from_secs(30));
        }
    }
    1
}
