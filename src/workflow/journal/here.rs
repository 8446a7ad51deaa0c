//! Who runs the program, on which machine, and where journals are kept.

use std::path::PathBuf;

/// `$XDG_STATE_HOME/sastctl`, else `~/.local/state/sastctl`; `None` without a home.
pub fn state_folder() -> Option<PathBuf> {
    let from = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    let state = from("XDG_STATE_HOME").or_else(|| Some(from("HOME")?.join(".local/state")))?;
    Some(state.join("sastctl"))
}

/// `process 4711 of operator (uid 1000) on desk`
pub fn who() -> String {
    format!("process {} of {} on {}", std::process::id(), operator(), host())
}

pub(super) fn operator() -> String {
    let name = ["SUDO_USER", "LOGNAME", "USER", "USERNAME"].iter().find_map(|v| std::env::var(v).ok());
    let name = name.filter(|n| !n.is_empty()).unwrap_or_else(|| "unknown".to_owned());
    #[cfg(unix)]
    let name = format!("{name} (uid {})", rustix::process::getuid().as_raw());
    name
}

pub(super) fn host() -> String {
    #[cfg(unix)]
    return rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(not(unix))]
    std::env::var("COMPUTERNAME").unwrap_or_else(|_| "unknown".to_owned())
}
