//! The state of a cluster in the shell's answers: database replication, backups, the licence.

use super::screen::last_words;

/// What `utils dbreplication runtimestate` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replication {
    /// A cluster of one node: there is nothing to replicate.
    SingleNode,
    /// The nodes, each with its state: `(2) Setup Completed`.
    Nodes(Vec<(String, String)>),
    /// No table: the node's words.
    NotKnown(String),
}

impl Replication {
    /// The nodes whose replication is not set up, each with its state; or why the state is not known. Empty: no problem.
    pub fn problems(&self) -> Vec<String> {
        match self {
            Replication::SingleNode => vec![],
            Replication::NotKnown(says) => vec![says.clone()],
            Replication::Nodes(nodes) => nodes
                .iter()
                .filter(|(_, state)| !state.starts_with("(2)") || !state.ends_with("Setup Completed"))
                .map(|(node, state)| format!("{node}: {state}"))
                .collect(),
        }
    }
}

/// Reads `utils dbreplication runtimestate`: a row per node, its name, its address, and its state at the end.
pub fn replication(lines: &[String]) -> Replication {
    if lines.iter().any(|l| l.to_lowercase().contains("cluster with a single active node")) {
        return Replication::SingleNode;
    }
    let nodes: Vec<(String, String)> = lines
        .iter()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let (name, address) = (words.next()?, words.next()?);
            address.parse::<std::net::IpAddr>().ok()?;
            // 9.x prints the state of the CDR server before it, in the same form.
            let coded = |state: &&str| {
                state
                    .trim_start_matches('(')
                    .split_once(')')
                    .is_some_and(|(code, _)| code.parse::<u8>().is_ok())
            };
            let state = line.rmatch_indices('(').filter_map(|(at, _)| line.get(at..)).find(coded);
            let state = state.unwrap_or("no state");
            Some((name.to_owned(), state.trim().to_owned()))
        })
        .collect();
    if nodes.is_empty() { Replication::NotKnown(last_words(lines)) } else { Replication::Nodes(nodes) }
}

/// What `utils disaster_recovery history backup` says.
#[allow(missing_docs, reason = "the fields are described with their variant")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Backup {
    /// The newest completed backup: its file (`2009-12-10-10-30-17.tar`) and its time, in the node's words.
    Last { file: String, completed: String },
    /// None was completed.
    None,
    /// Other output, for example that the backup service is down.
    NotKnown(String),
}

/// Reads `utils disaster_recovery history backup`: file, device, time, result.
pub fn backups(lines: &[String]) -> Backup {
    let rows: Vec<Vec<&str>> = lines
        .iter()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|words| words.first().is_some_and(|file| file.ends_with(".tar")))
        .collect();
    let done = rows.iter().filter_map(|words| {
        let result = words.iter().position(|w| w.eq_ignore_ascii_case("SUCCESS"))?;
        Some((*words.first()?, words.get(2..result)?.join(" ")))
    });
    // The file name is the start time, with the largest unit first.
    match done.max() {
        Some((file, completed)) => Backup::Last { file: file.to_owned(), completed },
        None if !rows.is_empty() => Backup::None,
        None if lines.iter().any(|l| l.to_lowercase().contains("no history data is available")) => {
            Backup::None
        }
        None => Backup::NotKnown(last_words(lines)),
    }
}

/// What `show license summary` says, on the publisher of a release 12.0 or later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct License {
    /// Whether mixed mode and `utils ctl update CTLFile` are allowed; `None` if the node does not say it.
    pub export_controlled: Option<bool>,
    /// Its words about registration and authorisation.
    pub says: String,
}

/// Reads `show license summary`, `status` or `all`.
pub fn license(lines: &[String]) -> License {
    let fields: Vec<(&str, &str)> = lines
        .iter()
        .filter_map(|l| l.split_once(':'))
        .map(|(name, value)| (name.trim(), value.trim()))
        .collect();
    let all = |wanted: &'static str| {
        fields.iter().filter(move |(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| *value)
    };
    let allowed = all("Export-Controlled Functionality").next().map(|v| v.eq_ignore_ascii_case("allowed"));
    let unregistered = all("Status").any(|v| v.to_uppercase().starts_with("UNREGISTERED"));
    let states: Vec<&str> = all("Status").collect();
    License {
        export_controlled: if unregistered { Some(false) } else { allowed },
        says: if states.is_empty() { last_words(lines) } else { states.join(", ") },
    }
}

/// Reads `utils network ping`: whether there was an answer.
pub fn is_reached(lines: &[String]) -> Option<bool> {
    let line = lines.iter().find_map(|l| l.split_once("% packet loss"))?.0;
    let loss = line.rsplit([' ', ',']).next()?;
    Some(loss != "100")
}
