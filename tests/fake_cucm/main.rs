//! The admin shell of a simulated CUCM node, as difficult as a real one. It shares no code with the program: its
//! words are transcripts of real nodes, and its lists are written and printed by its own code. Its state is a folder:
//!
//! `mode` (0 or 1) · `tftp/` (the files on its disk, which `show ctl` reads) · `served/` (what TFTP and HTTP serve: a copy that
//! a restart of Cisco Tftp makes; a link to `tftp` is served at once) · `trust/` (Phone-SAST-trust) · `version` ·
//! `network` · `services` · `role` (publisher or subscriber) · `servers` and the keys that it names (the contents of its CTL) ·
//! `zone` · `quirks` (words that change its behaviour) · `commands` (the commands that it received, a line each).
//!
//! The folders of a cluster's nodes lie side by side: the publisher writes a new CTL to all of them.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a part of tests: it fails by panicking, and prints what a node prints"
)]

mod certificates;
mod commands;
mod ctl;
mod list;
mod services;
mod system;
mod terminal;
mod words;

use std::path::{Path, PathBuf};
use std::time::Duration;

use terminal::Terminal;
use words::words;

/// A node's folder, and how it behaves.
pub struct Node {
    pub folder: PathBuf,
    pub quirks: Vec<String>,
}

impl Node {
    pub fn open(folder: PathBuf) -> Self {
        let quirks = std::fs::read_to_string(folder.join("quirks")).unwrap_or_default();
        Node { folder, quirks: quirks.lines().map(str::to_owned).collect() }
    }

    /// `delay=300`: the value after a word.
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

    /// The release: 10.5.1 of `10.5.1.10000-7`.
    pub fn release(&self) -> [u32; 3] {
        let text = self.text("version");
        let mut numbers = text.split(['.', '-']).map(|n| n.trim().parse().unwrap_or(0));
        [0; 3].map(|_| numbers.next().unwrap_or(0))
    }

    pub fn is_publisher(&self) -> bool {
        self.text("role").trim() != "subscriber"
    }

    /// The nodes of the cluster, this one too.
    pub fn cluster(&self) -> Vec<Node> {
        let is_of_a_cluster = |path: &Path| {
            path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("node"))
                && path.join("tftp").is_dir()
        };
        if !is_of_a_cluster(&self.folder) {
            return vec![Node::open(self.folder.clone())];
        }
        let beside = std::fs::read_dir(self.folder.parent().unwrap()).unwrap();
        let folders = beside.map(|e| e.unwrap().path()).filter(|p| is_of_a_cluster(p));
        folders.map(Node::open).collect()
    }

    /// A quirk that happens once: then it is removed from the file.
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

/// Replaces a file: at any time a reader gets the old or the new one.
pub fn replace(path: &Path, bytes: &[u8]) {
    let new = path.with_extension(format!("{}.part", std::process::id()));
    std::fs::write(&new, bytes).unwrap();
    std::fs::rename(new, path).unwrap();
}

fn main() {
    let node = Node::open(PathBuf::from(std::env::args().nth(1).expect("the node's folder")));
    let mut terminal = Terminal::open(&node);
    if let Some(user) = node.quirk("login") {
        terminal.log_in(user, &node.text("password"));
    }
    if node.quirk("silent").is_some() {
        terminal.wait_for_newline();
    }
    terminal.say(&words("session", "starting", &[]));
    std::thread::sleep(Duration::from_millis(node.quirk("start").map_or(50, |ms| ms.parse().unwrap())));
    terminal.say(&words("session", "welcome", &[]));
    loop {
        terminal.prompt();
        let Some(line) = terminal.line() else { return };
        let command = line.trim().to_owned();
        if command.is_empty() {
            continue;
        }
        node.note(&command);
        if let Some(cut) = node.quirk("hangup").filter(|cut| command.starts_with(cut)) {
            // The connection ends while the command runs, so its result is not sent.
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
