//! The admin shell of a CUCM node that does not exist, as nasty as a real one. Its state is a folder:
//!
//! `mode` (0 or 1) · `tftp/` (what TFTP serves) · `trust/` (Phone-SAST-trust) · `version` · `network` · `services` ·
//! `quirks` (words that make it worse) · `commands` (what it was told, a line each).
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::print_stdout,
    clippy::print_stderr
)]

mod commands;
#[allow(dead_code)]
#[path = "../pki/mod.rs"]
mod pki;
mod terminal;

use std::path::PathBuf;
use std::time::Duration;

use terminal::Terminal;

/// A node's folder, and how it behaves.
pub struct Node {
    pub folder: PathBuf,
    pub quirks: Vec<String>,
}

impl Node {
    /// `delay=300`: the value behind a word.
    pub fn quirk(&self, name: &str) -> Option<&str> {
        self.quirks.iter().find_map(|q| match q.split_once('=') {
            Some((n, value)) if n == name => Some(value),
            None if q == name => Some(""),
            _ => None,
        })
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// A quirk that happens once: taken out of the file when it did.
    pub fn use_up(&self, quirk: &str) {
        let rest: Vec<String> =
            self.text("quirks").lines().filter(|l| *l != quirk).map(str::to_owned).collect();
        std::fs::write(self.path("quirks"), rest.join("\n")).unwrap();
    }

    pub fn note(&self, command: &str) {
        use std::io::Write as _;
        let mut log = std::fs::File::options().create(true).append(true).open(self.path("commands")).unwrap();
        writeln!(log, "{command}").unwrap();
    }
}

fn main() {
    let folder = PathBuf::from(std::env::args().nth(1).expect("the node's folder"));
    let quirks = std::fs::read_to_string(folder.join("quirks")).unwrap_or_default();
    let node = Node { folder, quirks: quirks.lines().map(str::to_owned).collect() };
    let mut terminal = Terminal::open(&node);
    if let Some(user) = node.quirk("login") {
        terminal.log_in(user, &node.text("password"));
    }
    if node.quirk("silent").is_some() {
        terminal.wait_for_newline();
    }
    terminal.say("Command Line Interface is starting up, please wait ...\n\n");
    std::thread::sleep(Duration::from_millis(node.quirk("start").map_or(50, |ms| ms.parse().unwrap())));
    terminal.say(
        "   Welcome to the Platform Command Line Interface\n\nVMware Installation:\n\t2 vCPU: Intel\n\n",
    );
    loop {
        terminal.prompt();
        let Some(line) = terminal.line() else { return };
        let command = line.trim().to_owned();
        if command.is_empty() {
            continue;
        }
        node.note(&command);
        if let Some(cut) = node.quirk("hangup").filter(|cut| command.starts_with(cut)) {
            // In the middle of its work: it was begun, and nobody hears how it ended.
            let _ = commands::run(&node, &mut terminal, &command, true);
            node.use_up(&format!("hangup={cut}"));
            return;
        }
        if command == "exit" || command == "quit" {
            return;
        }
        if commands::run(&node, &mut terminal, &command, false).is_none() {
            return;
        }
    }
}
