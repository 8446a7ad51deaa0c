//! Other queries before a change: the database, its replication, backups, the licence, the network.

use crate::terminal::Terminal;
use crate::words::words;
use crate::{Node, certificates};

/// Name and address of every node.
fn nodes(node: &Node) -> Vec<(String, String)> {
    let text = node.text("network");
    let words = text.lines().map(|l| l.split_whitespace().collect::<Vec<_>>());
    words.filter(|w| w.len() > 2).map(|w| (w[2].to_owned(), w[0].to_owned())).collect()
}

fn publisher(node: &Node) -> String {
    nodes(node).into_iter().next().map_or_else(String::new, |(name, _)| name)
}

/// Columns as the database prints them: padded, over a line of `=`.
fn table(columns: &[&str], rows: &[Vec<String>]) -> String {
    let width = |at: usize| rows.iter().map(|r| r[at].len()).chain([columns[at].len()]).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let line = |cells: Vec<String>| {
        let padded: Vec<String> = cells.iter().zip(&widths).map(|(c, w)| format!("{c:<w$}")).collect();
        format!("{}\n", padded.join(" "))
    };
    let mut text = line(columns.iter().map(|c| (*c).to_owned()).collect());
    text += &line(widths.iter().map(|w| "=".repeat(*w)).collect());
    rows.iter().for_each(|row| text += &line(row.clone()));
    text
}

pub fn sql(node: &Node, command: &str) -> String {
    let from = |name: &str| command.contains(&format!(" {name}"));
    if from("processconfig") && command.contains("ClusterSecurityMode") {
        return words("database", "security-mode", &[("MODE", node.text("mode").trim())]);
    }
    if from("processconfig") && command.contains("RollBackToPreGrayback") {
        let set = node.text("rollback");
        let value = if set.is_empty() { "F" } else { set.trim() };
        return table(
            &["paramname", "paramvalue"],
            &[vec!["RollBackToPreGrayback".to_owned(), value.to_owned()]],
        );
    }
    if from("processnode") {
        let mut rows = vec![vec!["EnterpriseWideData".to_owned(), "1".to_owned()]];
        rows.extend(nodes(node).into_iter().zip(2..).map(|((_, address), id)| vec![address, id.to_string()]));
        return table(&["name", "nodeid"], &rows);
    }
    // Features of phones, a line each in the file `features`: number, name. The feature's models are in `models-with-default`.
    if from("typesupportsfeature") && !node.text("features").is_empty() {
        let rows = node
            .text("features")
            .lines()
            .map(|l| l.split(';').map(str::to_owned).collect())
            .collect::<Vec<_>>();
        return table(&["enum", "name"], &rows);
    }
    if from("productsupportsfeature") && command.contains("tksupportsfeature=92") {
        let rows: Vec<_> = node.text("models-with-default").lines().map(|l| vec![l.to_owned()]).collect();
        return table(&["name"], &rows);
    }
    if from("device") && from("typemodel") {
        let cluster = node.cluster();
        let phones = cluster.iter().flat_map(phones).chain(others(node));
        let mut rows: Vec<Vec<String>> =
            phones.map(|[name, description, _, model, ..]| vec![name, model, description]).collect();
        rows.sort();
        rows.dedup();
        return table(&["name", "model", "description"], &rows);
    }
    if from("typecertificateservice") {
        return certificates::in_database(node);
    }
    if from("certificate") {
        let role = "TRUST_ROLE_SAST".to_owned();
        let rows: Vec<Vec<String>> = certificates::trusted(node)
            .into_iter()
            .map(|(_, c)| {
                let names = c.spelled_by_cucm();
                let subject = String::from_utf8_lossy(&names.subject).trim_end_matches('\0').to_owned();
                let serial = c.serial.iter().map(|b| format!("{b:02x}")).collect();
                vec![subject, serial, String::new(), role.clone()]
            })
            .collect();
        return table(&["subjectname", "serialnumber", "ipv4address", "name"], &rows);
    }
    words("database", "no-query", &[])
}

/// The phones that a node knows: a line each in its file `phones`, separated by semicolons: name, description, address, model,
/// registration, time of its change.
fn phones(node: &Node) -> Vec<[String; 6]> {
    rows(&node.text("phones"))
}

/// Phones that only the database has, in the file `phones-in-database`.
fn others(node: &Node) -> Vec<[String; 6]> {
    rows(&node.text("phones-in-database"))
}

fn rows(text: &str) -> Vec<[String; 6]> {
    let row = |line: &str| line.split(';').map(str::to_owned).collect::<Vec<_>>().try_into().unwrap();
    text.lines().map(row).collect()
}

/// 26 columns, the model as a number; not every name of a column is published.
pub fn known_phones(node: &Node) -> String {
    let rows: Vec<String> = phones(node)
        .iter()
        .map(|[name, description, address, _, registration, time]| {
            let fill = [
                ("NAME", name.as_str()),
                ("DESCRIPTION", description),
                ("ADDRESS", address),
                ("REGISTRATION", registration),
                ("TIME", time),
            ];
            words("phones", "row", &fill).trim_end().to_owned()
        })
        .collect();
    words("phones", "known", &[("ROWS", &rows.join("\n")), ("COUNT", &rows.len().to_string())])
}

/// `replication=down`, or `replication=ADDRESS` of the node that is out of sync.
pub fn replication(node: &Node) -> String {
    let nodes = nodes(node);
    let problem = node.quirk("replication");
    if problem == Some("down") {
        return words("system", "replication-down", &[]);
    }
    if nodes.len() < 2 {
        return words("system", "replication-single", &[]);
    }
    let rows: Vec<String> = nodes
        .iter()
        .enumerate()
        .map(|(at, (name, address))| {
            let part = if problem == Some(address) { "replication-bad" } else { "replication-good" };
            let group = format!("(g_{})", at + 2);
            let state = words("system", part, &[]);
            format!("{name:<24} {address:<17} 0.163     Y/Y/Y     0        {group:<14} {}", state.trim_end())
        })
        .collect();
    let part = if node.release()[0] < 11 { "replication-old" } else { "replication" };
    let db = format!("ccm{}", node.text("version").trim().replace(['.', '-'], "_"));
    let fill = [
        ("DB", db.as_str()),
        ("PUBLISHER", &publisher(node)),
        ("COUNT", &nodes.len().to_string()),
        ("ROWS", &rows.join("\n")),
    ];
    words("system", part, &fill)
}

/// `backup=none`, `backup=failed` or `backup=down`.
pub fn backup(node: &Node, what: &str) -> String {
    let state = node.quirk("backup").unwrap_or_default();
    let part = match (what, state) {
        (_, "down") => "backup-down",
        ("history", "none") => "history-none",
        ("history", _) => "history",
        (_, "none") => "backup-status-none",
        _ => "backup-status",
    };
    let result = if state == "failed" { "FAILED " } else { "SUCCESS" };
    words("system", part, &[("PUBLISHER", &publisher(node)), ("RESULT", result)])
}

/// `no-license`, or `license=not-allowed`.
pub fn license(node: &Node) -> String {
    let part = match (node.quirk("no-license"), node.quirk("license")) {
        (Some(_), _) => "license-unregistered",
        (_, Some("not-allowed")) => "license-not-allowed",
        _ => "license",
    };
    words("system", part, &[])
}

/// `unreachable=ADDRESS`.
fn reaches(node: &Node, host: &str) -> bool {
    node.quirk("unreachable") != Some(host)
}

pub fn ping(node: &Node, host: &str) -> String {
    words("system", if reaches(node, host) { "ping" } else { "ping-failed" }, &[("HOST", host)])
}

pub fn port(node: &Node, host: &str, port: &str) -> String {
    let part = if reaches(node, host) { "port-done" } else { "port-failed" };
    words("system", part, &[("HOST", host), ("PORT", port)])
}

pub fn connectivity(node: &Node, terminal: &mut Terminal, host: &str) -> Option<()> {
    if terminal.ask(&words("system", "connectivity-asks", &[]))?.trim() != "y" {
        return Some(());
    }
    let part = if reaches(node, host) { "connectivity-done" } else { "connectivity-failed" };
    terminal.say(&words("system", "connectivity-begins", &[]));
    terminal.say(&words("system", part, &[("HOST", host)]));
    Some(())
}
