//! The user by name, error reports, and the end without the detach routines of libraries.
#![allow(unsafe_code, reason = "calls of the system's C interface")]

use windows_sys::Win32::System::ErrorReporting::{WER_FAULT_REPORTING_FLAG_NOHEAP, WerSetFlags};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, TerminateProcess};

/// Who runs this, by name.
pub fn operator() -> String {
    super::name_of_user()
}

/// The name of this user, for the name of a folder.
pub fn user() -> String {
    std::env::var("USERNAME").unwrap_or_default()
}

/// The name of this machine.
pub fn host() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_else(|_| "unknown".to_owned())
}

/// A secret may be in memory: a report of a crash holds no heap.
pub fn forbid_ptrace() {
    // SAFETY: it takes a number and changes nothing but what reports hold.
    let _ = unsafe { WerSetFlags(WER_FAULT_REPORTING_FLAG_NOHEAP) };
}

/// Ends the process at once, without the detach routines of libraries: a module's own may wait for what hangs.
pub fn end(code: u8) -> ! {
    // SAFETY: the handle of this process is always good.
    unsafe { TerminateProcess(GetCurrentProcess(), u32::from(code)) };
    std::process::exit(i32::from(code))
}
