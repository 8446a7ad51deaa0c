//! `cluster status`: mode, lists, services and checksums, node by node.

use std::fmt::Write as _;

use clap::Args;
use serde::Serialize;

use super::super::error::{CommandError, ErrorKind};
use super::super::settings::Settings;
use super::super::ui::{Ui, printable, table};
use super::connect::ConnectArgs;
use super::fetch::PortArgs;
use super::trust::TvsReach;
use crate::cluster::shell::answers::{SecurityMode, ShownCtl};
use crate::cluster::{Connector, NodeAddress, fetch, nodes_of, side_by_side};
use crate::phone::tvs::{self, TvsError};
use crate::phone::{Decision, InstalledLists, Itl, NewList, TvsStatus, assess_classes};
use crate::trustlist::{Record, TrustList, VerifiedList, digest};
use crate::workflow::{NodeCtl, leftover_says, node_ctl};

/// Show the state of a cluster: security mode, and the CTL, signer, checksums and services of every node
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// The publisher: HOST, ssh://user@host or serial:/dev/ttyUSB0?baud=9600
    node: NodeAddress,
    #[command(flatten)]
    ports: PortArgs,
    #[command(flatten)]
    tvs: TvsReach,
    #[command(flatten)]
    connect: ConnectArgs,
}

#[derive(Debug, Serialize)]
struct Status {
    mode: String,
    version: String,
    nodes: Vec<NodeStatus>,
    same_everywhere: bool,
    /// Whose signature phones that hold this CTL take without asking TVS.
    phones_follow: Vec<String>,
}

#[derive(Debug, Default, Serialize)]
struct NodeStatus {
    node: String,
    publisher: bool,
    ctl: String,
    md5: Option<String>,
    md5_phone: Vec<String>,
    sha1: Option<String>,
    sha1_phone: Vec<String>,
    bytes: Option<usize>,
    signed_by: Option<String>,
    tokens: Vec<String>,
    sasts: Vec<String>,
    services: Vec<(String, String)>,
    /// What its TVS shows.
    tvs: Option<String>,
    /// The lists that it serves.
    #[serde(skip)]
    itl: Option<TrustList>,
    #[serde(skip)]
    held: InstalledLists,
    /// Of the mixed mode before, and not in force.
    left_behind: bool,
    problem: Option<String>,
}

pub fn run(args: &StatusArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let operator = args.connect.operator(false, settings, ui)?;
    let mut connector = Connector::new(args.connect.options(), &operator);
    let mut publisher = connector.open(&args.node)?;
    let (mode, version) = (publisher.security_mode()?, publisher.version()?);
    let (addresses, roles): (Vec<_>, Vec<_>) = nodes_of(&mut publisher, &args.node)?.into_iter().unzip();
    drop(publisher);
    let mut nodes = side_by_side(&addresses, &connector, |node, connector| {
        let mut of_node = NodeStatus { node: node.to_string(), ..NodeStatus::default() };
        if let Err(e) = look(node, (args, mode), connector, &mut of_node) {
            of_node.problem = Some(format!("was not looked at: {}", e.message()));
        }
        ui.note(&format!("{node}: looked at"));
        of_node
    });
    for (node, publisher) in nodes.iter_mut().zip(roles) {
        node.publisher = publisher;
        let lines = |sum: &Option<String>| digest::phone_lines_of_hex(sum.as_deref().unwrap_or_default());
        (node.md5_phone, node.sha1_phone) = (lines(&node.md5), lines(&node.sha1));
    }
    itls_that_are_refused(&mut nodes);
    let first = nodes.first();
    let md5 = first.and_then(|n| n.md5.as_ref());
    let same_everywhere = nodes.iter().all(|n| n.md5.as_ref() == md5 && n.problem.is_none());
    let in_force = first.filter(|n| !n.left_behind);
    let phones_follow = in_force.map(|n| n.sasts.clone()).unwrap_or_default();
    let status = Status { mode: mode.to_string(), version, nodes, same_everywhere, phones_follow };
    if ui.is_json() {
        ui.print_json(&status)?
    } else {
        ui.print(&text(&status))?
    }
    if status.same_everywhere {
        return Ok(());
    }
    Err(CommandError::new(ErrorKind::No, "the nodes do not all serve the same CTL, verified"))
}

fn look(
    node: &NodeAddress,
    (args, mode): (&StatusArgs, SecurityMode),
    connector: &mut Connector<'_>,
    status: &mut NodeStatus,
) -> Result<(), CommandError> {
    let mut shell = connector.open(node)?;
    let shown = shell.shown_ctl()?;
    status.services =
        shell.services()?.into_iter().map(|(name, state)| (name.to_owned(), state.to_string())).collect();
    status.ctl = match &shown {
        ShownCtl::None => "none".to_owned(),
        ShownCtl::Bad { says } => says.clone(),
        ShownCtl::Verified(_) => "verified".to_owned(),
        ShownCtl::Unclear => "shown in words that are not known".to_owned(),
    };
    let Some(host) = node.host() else {
        match shown {
            ShownCtl::Verified(sums) => (status.md5, status.sha1) = (Some(sums.md5), sums.sha1),
            ShownCtl::Bad { says } => status.problem = Some(format!("does not accept its CTL: {says}")),
            ShownCtl::None | ShownCtl::Unclear => {}
        }
        return Ok(());
    };
    let served = fetch(host, args.ports.ports(), "CTLFile.tlv")?.map(|fetched| fetched.bytes);
    if let Some(bytes) = &served {
        status.bytes = Some(bytes.len());
        status.md5 = Some(digest::hex(&digest::md5(bytes), ""));
        status.sha1 = Some(digest::hex(&digest::sha1(bytes), ""));
    }
    // What does not verify is named all the same.
    if let Some(list) = served.as_ref().and_then(|bytes| TrustList::decode(bytes.clone()).ok()) {
        status.held.ctl = list.verify().ok();
        status.signed_by = status.held.ctl.as_ref().map(VerifiedList::signer_name);
        status.sasts = list.sasts().map(Record::short_name).collect();
        status.tokens = list.sasts().filter(|r| r.is_token()).map(Record::short_name).collect();
    }
    match node_ctl(mode, &shown, served) {
        Ok(NodeCtl::LeftBehind(_)) => {
            status.ctl = "left behind".to_owned();
            status.left_behind = true;
        }
        Ok(NodeCtl::InForce(_) | NodeCtl::None) => {}
        Err(problem) => status.problem = Some(problem.to_string()),
    }
    let Some(fetched) = fetch(host, args.ports.ports(), "ITLFile.tlv")? else { return Ok(()) };
    let Ok(itl) = TrustList::decode(fetched.bytes) else { return Ok(()) };
    status.held.itl = Itl::of(&itl).ok();
    status.itl = Some(itl);
    if let (Some(Itl::List(itl)), false) = (&status.held.itl, args.tvs.no_tvs) {
        let address = args.tvs.address(node)?;
        status.tvs = Some(match tvs::shown(&address, &args.tvs.tls(Some(itl.list().records()))) {
            Ok(shown) => format!("{}, as its ITL says", shown.name),
            Err(e @ TvsError::OtherCertificate { .. }) => {
                let what = format!("TVS: {e}: phones that hold this ITL cannot authenticate it");
                status.problem.get_or_insert(what);
                e.to_string()
            }
            Err(e) => e.to_string(),
        });
    }
    Ok(())
}

/// Nodes whose ITL phones refuse that hold what the publisher serves. ITLs may differ: every TFTP server signs its own.
fn itls_that_are_refused(nodes: &mut [NodeStatus]) {
    let Some((publisher, others)) = nodes.split_first_mut() else { return };
    let installed = publisher.held.installed();
    for node in others {
        let Some(itl) = &node.itl else { continue };
        let Ok(new) = publisher.held.verify(itl) else { continue };
        let new = NewList::of(&new);
        let verdicts = assess_classes(&installed, &new, &TvsStatus::NotAsked);
        let refuses = verdicts.iter().find(|v| v.verdict.decision == Decision::Refuses);
        if let Some(says) = refuses.map(|v| v.verdict.says(&new.name)) {
            let what = format!("its ITL, for phones that hold the publisher's lists: {says}");
            node.problem =
                Some(node.problem.take().map_or(what.clone(), |before| format!("{before}; {what}")));
        }
    }
}

fn text(status: &Status) -> String {
    let mut text = format!("Release {}, {} mode\n", printable(&status.version), status.mode);
    let dash = || "-".to_owned();
    let rows: Vec<Vec<String>> = status
        .nodes
        .iter()
        .map(|n| {
            let services: Vec<String> = n.services.iter().map(|(_, state)| state.clone()).collect();
            // What came over the network is anybody's: no escape sequence of it reaches the terminal.
            let cells = [
                format!("{}{}", n.node, if n.publisher { " (publisher)" } else { "" }),
                n.ctl.clone(),
                n.signed_by.clone().unwrap_or_else(dash),
                if n.tokens.is_empty() { "none".to_owned() } else { n.tokens.join(", ") },
                n.md5.clone().unwrap_or_else(dash),
                services.join(", "),
            ];
            cells.iter().map(|cell| printable(cell)).collect()
        })
        .collect();
    text.push_str(&table(&["NODE", "CTL", "SIGNED BY", "TOKENS", "MD5", "TFTP, CALLMANAGER"], &rows));
    if !status.phones_follow.is_empty() {
        let _ = writeln!(
            text,
            "Phones that hold this CTL take the next one if {} signs it; another signer only if TVS vouches.\n\
             sastctl ctl ways shows what is open from here.",
            printable(&status.phones_follow.join(" or "))
        );
    }
    let tvs = status.nodes.iter().filter_map(|n| Some((n, format!("TVS: {}", n.tvs.as_ref()?))));
    let problems = status.nodes.iter().filter_map(|n| Some((n, n.problem.clone()?)));
    for (node, says) in tvs.chain(problems) {
        let _ = writeln!(text, "{}: {}", node.node, printable(&says));
    }
    let mut told: Vec<&str> = Vec::new();
    for node in &status.nodes {
        let Some(md5) = node.md5.as_deref().filter(|md5| !told.contains(md5)) else { continue };
        told.push(md5);
        let (md5, sha1) = (node.md5_phone.join(" "), node.sha1_phone.join(" "));
        let _ = writeln!(
            text,
            "A phone that holds the CTL of {} shows one of these, by its model:\n  MD5   {md5}",
            node.node
        );
        if !sha1.is_empty() {
            let _ = writeln!(text, "  SHA1  {sha1}");
        }
    }
    if status.nodes.iter().any(|n| n.left_behind) {
        let _ = writeln!(text, "CTL left behind: {}", leftover_says());
    }
    text
}
