//! The user's folders: XDG on Unix and macOS, `%APPDATA%` and `%LOCALAPPDATA%` on Windows.

use std::path::PathBuf;

use etcetera::BaseStrategy as _;

const NAME: &str = "sastctl";

/// The folder of the configuration: `$XDG_CONFIG_HOME/sastctl`, `~/.config/sastctl`, `%APPDATA%\sastctl`. `None` without a
/// home.
pub fn config() -> Option<PathBuf> {
    Some(etcetera::choose_base_strategy().ok()?.config_dir().join(NAME))
}

/// The folder of journals: `$XDG_STATE_HOME/sastctl`, `~/.local/state/sastctl`, `%LOCALAPPDATA%\sastctl`. `None` without a
/// home.
pub fn state() -> Option<PathBuf> {
    let base = etcetera::choose_base_strategy().ok()?;
    // Windows has no folder for state: data of this machine is kept where caches are.
    Some(base.state_dir().unwrap_or_else(|| base.cache_dir()).join(NAME))
}

/// The home folder: `$HOME`, `%USERPROFILE%`.
#[cfg(feature = "ssh")]
pub fn home() -> Option<PathBuf> {
    etcetera::home_dir().ok()
}
