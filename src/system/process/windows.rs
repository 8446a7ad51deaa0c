//! The user by name, error reports, and the end without the detach routines of libraries.
#![allow(unsafe_code, reason = "calls of the system's C interface")]

use std::os::windows::ffi::OsStrExt as _;
use std::path::Path;

use windows_sys::Win32::System::ErrorReporting::{WER_FAULT_REPORTING_FLAG_NOHEAP, WerSetFlags};
use windows_sys::Win32::System::LibraryLoader::{
    AddDllDirectory, LOAD_LIBRARY_SEARCH_DEFAULT_DIRS, SetDefaultDllDirectories,
};
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

/// A secret may be in memory: crash reports must not contain the heap.
pub fn forbid_ptrace() {
    // SAFETY: it takes a number, and changes only the content of reports.
    let _ = unsafe { WerSetFlags(WER_FAULT_REPORTING_FLAG_NOHEAP) };
}

/// Called before a library is loaded: its dependencies are searched in its own folder and in those of the system and of this
/// program, never in the working folder or in PATH.
pub fn search_libraries_beside(library: &Path) {
    let Some(folder) = library.parent() else { return };
    let wide: Vec<u16> = folder.as_os_str().encode_wide().chain([0]).collect();
    // SAFETY: the first takes a number, the second a text that ends in a zero.
    unsafe {
        SetDefaultDllDirectories(LOAD_LIBRARY_SEARCH_DEFAULT_DIRS);
        AddDllDirectory(wide.as_ptr());
    }
}

/// Whether this is a Remote Desktop session: the smart cards are then those of the user's own machine (SESSIONNAME is
/// `RDP-Tcp#0`).
pub fn is_remote_desktop() -> bool {
    std::env::var("SESSIONNAME").is_ok_and(|name| name.starts_with("RDP-"))
}

/// Asks a child to end, by its number. The system does that itself: it closes the console of both.
pub fn ask_to_end(_: u32) {}

/// No shell of this system stops programs.
pub fn stop() {}

/// Ends the process at once, without the detach routines of libraries: the routine of a module may wait for a call that hangs.
pub fn end(code: u8) -> ! {
    // SAFETY: the handle of this process is always good.
    unsafe { TerminateProcess(GetCurrentProcess(), u32::from(code)) };
    std::process::exit(i32::from(code))
}
