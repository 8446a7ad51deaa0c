//! Users by their numbers, resource limits, and the end without exit handlers.

/// Who runs this: name and number, `operator (uid 1000)`.
pub fn operator() -> String {
    format!("{} (uid {})", super::name_of_user(), user())
}

/// The number of this user, for the name of a folder.
pub fn user() -> String {
    rustix::process::getuid().as_raw().to_string()
}

/// The name of this machine.
pub fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// A secret may be in the environment, and therefore in memory from the start. So first of all core dumps are disabled, and
/// other processes of the user can neither attach nor read the memory (Linux).
pub fn forbid_ptrace() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    #[cfg(target_os = "linux")]
    {
        let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    }
}

/// Called before a library is loaded: sets the folders that the loader searches for its dependencies. On Unix the library
/// itself names them.
pub fn search_libraries_beside(_: &std::path::Path) {}

/// Whether a Remote Desktop session hides the tokens of this machine: only on Windows.
pub fn is_remote_desktop() -> bool {
    false
}

/// Asks a child to end, by its number: SIGTERM.
pub fn ask_to_end(child: u32) {
    use rustix::process::{Pid, Signal, kill_process};
    let child = i32::try_from(child).ok().and_then(Pid::from_raw);
    let _ = child.map(|child| kill_process(child, Signal::TERM));
}

/// Stops the programs of this job until the shell lets them go on. Where no shell could do that, they are not stopped.
pub fn stop() {
    let _ = rustix::process::kill_current_process_group(rustix::process::Signal::TSTP);
}

/// Ends the process at once, without the exit handlers of libraries: the handler of a module may wait for a call that hangs.
pub fn end(code: u8) -> ! {
    signal_hook::low_level::exit(i32::from(code))
}
