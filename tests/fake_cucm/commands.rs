//! The commands of the node: their names, and the commands that show or delete a file.

use crate::list::{List, show};
use crate::terminal::Terminal;
use crate::words::words;
use crate::{Node, certificates, ctl, services, system};

/// Carries out a command. `None` if the connection ended during the command. `cut`: the connection ends before the answer.
pub fn run(node: &Node, terminal: &mut Terminal, command: &str, cut: bool) -> Option<()> {
    if cut {
        terminal.say("\n");
        terminal.hush();
    }
    let [major, ..] = node.release();
    let said: Vec<&str> = command.split_whitespace().collect();
    match said[..] {
        ["set", "cli", "pagination", "off"] if node.quirk("old").is_none() => {
            terminal.set_pager_off();
            terminal.say(&words("session", "pagination-off", &[]));
        }
        ["show", "ctl"] => terminal.page(&shown(node, "CTL"))?,
        ["show", "itl"] => terminal.page(&shown(node, "ITL"))?,
        ["show", "version", "active"] => {
            terminal.page(&words("show", "version", &[("VERSION", node.text("version").trim())]))?;
        }
        ["show", "network", "cluster"] => terminal.page(&network(node))?,
        ["show", "risdb", "query", "phone"] => terminal.page(&system::known_phones(node))?,
        ["show", "cert", "list", "trust"] => terminal.page(&certificates::trust(node))?,
        ["show", "cert", "list", "own"] => terminal.page(&certificates::own_list(node))?,
        ["show", "cert", "own", unit] => terminal.page(&certificates::own(node, unit)?)?,
        ["show", "license", "summary" | "all"] if major >= 12 => terminal.page(&system::license(node))?,
        ["run", "sql", ..] => terminal.page(&system::sql(node, command))?,
        ["utils", "service", "list"] => terminal.page(&services::list(node))?,
        ["utils", "service", "restart", ..] => {
            services::restart(node, terminal, &said[3..].join(" "), cut)?;
        }
        ["utils", "dbreplication", "runtimestate"] => terminal.page(&system::replication(node))?,
        ["utils", "disaster_recovery", what @ ("history" | "status"), "backup"] => {
            terminal.page(&system::backup(node, what))?;
        }
        ["utils", "network", "ping", host, ..] => terminal.say(&system::ping(node, host)),
        ["utils", "network", "connectivity", host] => system::connectivity(node, terminal, host)?,
        ["utils", "network", "connectivity", host, port, ..] if port.parse::<u16>().is_ok() => {
            terminal.say(&system::port(node, host, port));
        }
        ["file", "delete", "tftp", name] => delete(node, terminal, name, name, cut)?,
        ["file", "delete", "activelog", path] => {
            delete(node, terminal, path, path.strip_prefix("cm/tftpdata/").unwrap_or(path), cut)?;
        }
        ["file", "dump", "tftp", name, "hex"] => {
            terminal.page(&dump(&std::fs::read(node.path("tftp").join(name)).unwrap_or_default()))?;
        }
        // Releases before 10.0 have only the CTL Client.
        ["utils", "ctl", ..] if major >= 10 => ctl::run(node, terminal, &said[2..], cut)?,
        ["set", "cert", "import", "trust", unit] => certificates::import(node, terminal, unit, cut)?,
        ["set", "cert", "delete", unit, file] => certificates::delete(node, terminal, unit, file)?,
        ["set", "cert", "regen", unit] => certificates::regenerate(node, terminal, unit)?,
        _ => terminal.say(&words("session", "no-command", &[])),
    }
    Some(())
}

fn shown(node: &Node, kind: &str) -> String {
    let path = node.path("tftp").join(format!("{kind}File.tlv"));
    let Ok(bytes) = std::fs::read(&path) else { return words("show", "none", &[("KIND", kind)]) };
    let zone = node.text("zone");
    match List::read(&bytes) {
        Some(list) => show::show(&list, kind, if zone.is_empty() { "UTC" } else { zone.trim() }),
        None => words("show", "bad", &[("KIND", kind)]),
    }
}

/// The lines that the tests wrote, and the publisher's table.
fn network(node: &Node) -> String {
    let rows = node.text("network");
    let names: Vec<&str> = rows.lines().filter_map(|l| l.split_whitespace().next()).collect();
    let part = if node.is_publisher() { "network" } else { "network-of-a-subscriber" };
    words("show", part, &[("ROWS", rows.trim_end()), ("NAMES", &names.join("\n"))])
}

fn delete(node: &Node, terminal: &mut Terminal, said: &str, name: &str, cut: bool) -> Option<()> {
    let answer =
        if cut { "y".to_owned() } else { terminal.ask(&words("delete", "asks", &[("NAME", said)]))? };
    if answer.trim() != "y" {
        terminal.say(&words("delete", "cancelled", &[]));
        return Some(());
    }
    let deleted = u32::from(std::fs::remove_file(node.path("tftp").join(name)).is_ok());
    terminal.say(&words("delete", "done", &[("FOUND", &deleted.to_string())]));
    Some(())
}

/// Open: no document prints what `file dump … hex` looks like.
fn dump(bytes: &[u8]) -> String {
    bytes
        .chunks(16)
        .enumerate()
        .map(|(row, chunk)| {
            let hex: Vec<String> = chunk.iter().map(|b| format!("{b:02x}")).collect();
            let text: String =
                chunk.iter().map(|b| if b.is_ascii_graphic() { char::from(*b) } else { '.' }).collect();
            format!("{:08x}  {:<48} |{text}|\n", row * 16, hex.join(" "))
        })
        .collect()
}
