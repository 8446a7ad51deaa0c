//! The services of a node. After a restart of Cisco Tftp it serves the files on its disk.

use std::time::Duration;

use crate::terminal::Terminal;
use crate::words::words;
use crate::{Node, replace};

/// `NAME[STATE]`, as the file `services` has them.
pub fn list(node: &Node) -> String {
    let part = if node.release()[0] < 10 { "list-old" } else { "list" };
    let primary = node.is_publisher().to_string();
    words("services", part, &[("SERVICES", node.text("services").trim_end()), ("PRIMARY", &primary)])
}

pub fn restart(node: &Node, terminal: &mut Terminal, service: &str, cut: bool) -> Option<()> {
    let name = [("SERVICE", service)];
    if !node.text("services").contains(&format!("{service}[")) {
        terminal.say(&words("services", "unknown", &name));
        return Some(());
    }
    if node.quirk("asks-before-restart").is_some()
        && !cut
        && terminal.ask(&words("services", "asks", &[]))?.trim() != "y"
    {
        return Some(());
    }
    let old = node.release()[0] < 10;
    terminal.say(&words("services", if old { "restart-old" } else { "restart" }, &[]));
    let state = |state: &str| words("services", "state", &[("SERVICE", service), ("STATE", state)]);
    for word in ["STOPPING", "STOPPING", "STARTING", "STARTING"] {
        terminal.say(&state(word));
        std::thread::sleep(Duration::from_millis(10));
    }
    if node.quirk("stays-down") == Some(service) {
        return Some(());
    }
    if service == "Cisco Tftp" {
        serve(node);
    }
    terminal.say(&state("STARTED").repeat(2));
    Some(())
}

/// From now on the files on the disk are served.
fn serve(node: &Node) {
    let (disk, served) = (node.path("tftp"), node.path("served"));
    if served.is_symlink() || !served.is_dir() {
        return;
    }
    for entry in std::fs::read_dir(&served).unwrap() {
        let entry = entry.unwrap();
        if !disk.join(entry.file_name()).exists() {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
    for entry in std::fs::read_dir(&disk).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_file() {
            replace(&served.join(entry.file_name()), &std::fs::read(entry.path()).unwrap());
        }
    }
}
