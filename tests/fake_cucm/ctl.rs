//! `utils ctl`: the publisher writes a tokenless CTL, puts it on every node, and asks for restarts.

use crate::list::{
    CAPF, CCM_TFTP, Certificate, Key, Layout, List, Place, SAST, emptied, function, record, sign,
};
use crate::terminal::Terminal;
use crate::words::words;
use crate::{Node, certificates, replace};

/// When CUCM made the golden tokenless list; later ones are later.
const TIME: u32 = 1_425_680_000;

pub fn run(node: &Node, terminal: &mut Terminal, what: &[&str], cut: bool) -> Option<()> {
    let (name, mode) = match what {
        ["update", "CTLFile"] => ("update", None),
        ["set-cluster", "mixed-mode"] => ("mixed", Some("1")),
        ["set-cluster", "non-secure-mode"] => ("non-secure", Some("0")),
        _ => {
            terminal.say(&words("session", "no-command", &[]));
            return Some(());
        }
    };
    if !node.is_publisher() {
        terminal.say(&words("ctl", "not-the-publisher", &[]));
        return Some(());
    }
    // The two commands that need the licence.
    if node.quirk("no-license").is_some() && mode != Some("0") {
        terminal.say(&words("ctl", "refused", &[]));
        return Some(());
    }
    let newer = node.release() >= [12, 0, 0];
    let form =
        |part: &str, has_two: bool| if newer && has_two { format!("{part}-2") } else { part.to_owned() };
    if !cut {
        let asks = words("ctl", &form(&format!("{name}-asks"), name != "non-secure"), &[]);
        if terminal.ask(&asks)?.trim() != "y" {
            terminal.say(&words("ctl", "cancelled", &[]));
            return Some(());
        }
    }
    terminal.say(&words("ctl", &format!("{name}-begins"), &[]));
    let bytes = written(node, mode == Some("0"));
    if let Some(mode) = mode {
        replace(&node.path("mode"), mode.as_bytes());
    }
    // CUCM copies the file to the disk of every node; a node does not serve it yet.
    for other in node.cluster() {
        if other.quirk("no-copy").is_none() {
            replace(&other.path("tftp/CTLFile.tlv"), &bytes);
        }
    }
    // Words that no document prints.
    if let Some(other) = node.quirk("ctl-says") {
        terminal.say(&format!("{other}\n"));
        return Some(());
    }
    terminal.say(&words("ctl", &format!("{name}-done"), &[]));
    terminal.say(&words("ctl", &form("restart", true), &[]));
    Some(())
}

/// A line of `servers`: `FUNCTION NAME ADDRESS STEM`; the key of the first one signs.
fn written(node: &Node, non_secure: bool) -> Vec<u8> {
    let mut records = vec![];
    let [major, minor, fix] = node.release();
    let publisher = Key::open(&node.path("publisher")).expect("the publisher's key");
    let recovery = Key::open(&node.path("itlrecovery")).filter(|_| (major, minor, fix) >= (10, 5, 2));
    let servers = node.text("servers");
    let servers: Vec<Vec<&str>> = servers.lines().map(|l| l.split_whitespace().collect()).collect();
    let place = |line: &[&'_ str]| -> ([u8; 4], String) {
        let address: std::net::Ipv4Addr = line[2].parse().unwrap();
        (address.octets(), line[1].to_owned())
    };
    let (address, name) = place(&servers[0]);
    let first = Place { name: &name, address };
    // From 12.0 the recovery certificate signs.
    let keys: Vec<&Key> = match &recovery {
        Some(recovery) if major >= 12 => vec![recovery, &publisher],
        Some(recovery) => vec![&publisher, recovery],
        None => vec![&publisher],
    };
    for key in &keys {
        records.push(record(SAST, &key.certificate, &Layout::Server(first)));
    }
    for line in &servers {
        let (address, name) = place(line);
        let of =
            Certificate::read(&std::fs::read(node.path(line[3]).with_extension("der")).unwrap()).unwrap();
        let purpose = match line[0] {
            "CAPF" => CAPF,
            _ => CCM_TFTP,
        };
        let whole = record(purpose, &of, &Layout::Server(Place { name: &name, address }));
        records.push(whole);
    }
    if node.quirk("no-bridge").is_none() {
        for (_, certificate) in certificates::trusted(node) {
            // Open: how CUCM spells a token here. With the CTL Client's spelling phones find it as a signer.
            let as_server =
                node.quirk("bridge-spells-as-servers").is_some() || !certificate.is_a_token_of_cisco();
            let layout = if as_server { Layout::Server(first) } else { Layout::Token };
            records.push(record(SAST, &certificate, &layout));
        }
    }
    if non_secure {
        let list = List::read(&sign("CTLFile.tlv", &records, keys[0], TIME)).unwrap();
        let of_server = |r: &[_]| function(r) == Some(CCM_TFTP);
        let all = list.records.iter().zip(records);
        records = all.map(|(r, whole)| if of_server(r) { emptied(r) } else { whole }).collect();
    }
    let before = std::fs::read(node.path("tftp/CTLFile.tlv")).ok().and_then(|b| List::read(&b)?.timestamp());
    let time = node.quirk("time").map_or(TIME.max(before.unwrap_or(0) + 60), |t| t.parse().unwrap());
    sign("CTLFile.tlv", &records, keys[0], time)
}
