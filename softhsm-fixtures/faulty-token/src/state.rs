//! What has happened so far: how often each function was called, which sessions are open on which token, which tokens
//! were pulled, and how many PIN tries are left.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use cryptoki_sys::{CK_RV, CK_SESSION_HANDLE, CK_SLOT_ID};

use crate::script::{Fault, Script, Tries};

/// A token as the wrapped module has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inner {
    /// Its slot number there.
    pub slot: CK_SLOT_ID,
    /// Its label, without padding.
    pub label: String,
}

/// A slot as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// The number it is shown by.
    pub shown: CK_SLOT_ID,
    /// The token in it.
    pub inner: Option<Inner>,
}

/// The state of the process.
pub struct State {
    /// What goes wrong.
    pub script: Script,
    counts: HashMap<String, u64>,
    total: u64,
    calls: Option<File>,
    /// Open sessions: where each was opened.
    pub sessions: HashMap<CK_SESSION_HANDLE, Seat>,
    /// Sessions whose token was pulled and that were told so.
    pub dead: HashSet<CK_SESSION_HANDLE>,
    removed: HashSet<CK_SLOT_ID>,
    /// The PIN of each inner slot that is logged in, masked, for context logins.
    pub pins: HashMap<CK_SLOT_ID, Vec<u8>>,
    /// Sessions whose sign operation still wants its PIN.
    pub wants_pin: HashSet<CK_SESSION_HANDLE>,
}

impl State {
    /// From the environment. A script with a mistake ends the process: it is a mistake in a test.
    pub fn from_environment() -> State {
        let text = std::env::var("FAULTY_SCRIPT").unwrap_or_default();
        let script = Script::parse(&text).unwrap_or_else(|why| {
            eprintln!("faulty-token: {why}");
            std::process::abort();
        });
        let calls = std::env::var_os("FAULTY_CALLS")
            .and_then(|path| File::options().create(true).append(true).open(path).ok());
        State {
            script,
            counts: HashMap::new(),
            total: 0,
            calls,
            sessions: HashMap::new(),
            dead: HashSet::new(),
            removed: HashSet::new(),
            pins: HashMap::new(),
            wants_pin: HashSet::new(),
        }
    }

    /// Counts a call; what goes wrong with it.
    pub fn begin(&mut self, name: &str) -> Vec<Fault> {
        self.total += 1;
        let nth = self.counts.entry(name.to_owned()).or_default();
        *nth += 1;
        let (nth, total) = (*nth, self.total);
        self.script
            .rules
            .iter()
            .filter(|rule| rule.applies(name, nth, total))
            .map(|r| r.fault.clone())
            .collect()
    }

    /// Writes a line for a call that waits.
    pub fn waits(&mut self, name: &str) {
        if let Some(file) = &mut self.calls {
            let _ = writeln!(file, "{name} waits");
        }
    }

    /// Writes a line for a call.
    pub fn end(&mut self, name: &str, code: CK_RV) {
        if let Some(file) = &mut self.calls {
            let _ = writeln!(file, "{name} {code:#x}");
        }
    }

    /// The slots as they are shown now, from the tokens that the wrapped module has.
    pub fn seats(&self, tokens: Vec<Inner>) -> Vec<Seat> {
        let pulled = |token: &Inner| self.removed.contains(&token.slot);
        if let Some(folder) = &self.script.present {
            return present(folder, self.script.empty_slots.max(4), tokens, pulled);
        }
        let shift = if self.script.move_slots { CK_SLOT_ID::from(std::process::id() % 5) } else { 0 };
        let empty = (0..self.script.empty_slots + shift).map(|shown| Seat { shown, inner: None });
        let first = self.script.empty_slots + shift;
        let full = tokens.into_iter().enumerate().map(|(i, token)| Seat {
            shown: first + i as CK_SLOT_ID,
            inner: (!pulled(&token)).then_some(token),
        });
        empty.chain(full).collect()
    }

    /// Whether the token was pulled by the script.
    pub fn is_pulled(&self, slot: CK_SLOT_ID) -> bool {
        self.removed.contains(&slot)
    }

    /// Pulls the token.
    pub fn pull(&mut self, slot: CK_SLOT_ID) {
        self.removed.insert(slot);
        self.pins.remove(&slot);
    }

    /// How many tries are left on the token.
    pub fn left(tries: &Tries, label: &str) -> u64 {
        let text = fs::read_to_string(&tries.file).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(label)?.strip_prefix('='));
        line.and_then(|n| n.parse().ok()).unwrap_or(tries.limit)
    }

    /// Keeps how many are left.
    pub fn keep_left(tries: &Tries, label: &str, left: u64) {
        let text = fs::read_to_string(&tries.file).unwrap_or_default();
        let others = text.lines().filter(|line| !line.starts_with(&format!("{label}=")));
        let mut lines: Vec<String> = others.map(str::to_owned).collect();
        lines.push(format!("{label}={left}"));
        let _ = fs::write(&tries.file, lines.join("\n") + "\n");
    }
}

/// The tokens that a folder says are inserted: a file named by the label, which holds the slot's number.
fn present(
    folder: &Path,
    slots: CK_SLOT_ID,
    tokens: Vec<Inner>,
    pulled: impl Fn(&Inner) -> bool,
) -> Vec<Seat> {
    let mut seats: Vec<Seat> = (0..slots).map(|shown| Seat { shown, inner: None }).collect();
    for token in tokens.into_iter().filter(|t| !pulled(t)) {
        let Ok(text) = fs::read_to_string(folder.join(&token.label)) else { continue };
        let wanted = text.trim().parse::<usize>().ok();
        let free = seats.iter().position(|seat| seat.inner.is_none());
        if let Some(seat) = wanted.or(free).and_then(|at| seats.get_mut(at)) {
            seat.inner = Some(token);
        }
    }
    seats
}
