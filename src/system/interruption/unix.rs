//! SIGINT, SIGTERM and SIGHUP.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// Sets the flag at each request, before the interrupted thread continues, and then calls `hear` in a separate thread:
/// whether it was Ctrl-C.
pub fn listen(flag: &Arc<AtomicBool>, mut hear: impl FnMut(bool) + Send + 'static) -> io::Result<()> {
    let ignored = ignored(&std::fs::read_to_string("/proc/self/status").unwrap_or_default());
    let heard: Vec<i32> = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|s| !ignored.contains(s)).collect();
    // The listening thread is started first: with the flag alone the program would not end.
    let mut signals = signal_hook::iterator::Signals::new(&heard)?;
    for signal in heard {
        signal_hook::flag::register(signal, Arc::clone(flag))?;
    }
    std::thread::spawn(move || signals.forever().for_each(|signal| hear(signal == SIGINT)));
    Ok(())
}

/// The signals that the parent process had set to "ignore", as `nohup` does with SIGHUP: they stay ignored. From the text of
/// `/proc/self/status` (proc_pid_status(5): SigIgn, a mask of 64 bits in hexadecimal, signal 1 is the lowest).
pub fn ignored(status: &str) -> Vec<i32> {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).map(str::trim);
    let mask = mask.and_then(|mask| u64::from_str_radix(mask, 16).ok()).unwrap_or(0);
    (1..=64).filter(|signal: &i32| mask & (1_u64 << signal.saturating_sub(1)) != 0).collect()
}
