//! This process: its user, its machine, who may read its memory, and how it ends.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

pub use system::{
    ask_to_end, end, forbid_ptrace, host, is_remote_desktop, operator, search_libraries_beside, stop, user,
};

/// The name of the user from the environment; with sudo, the name of the user who called sudo.
fn name_of_user() -> String {
    let name = ["SUDO_USER", "LOGNAME", "USER", "USERNAME"].iter().find_map(|v| std::env::var(v).ok());
    name.filter(|n| !n.is_empty()).unwrap_or_else(|| "unknown".to_owned())
}
