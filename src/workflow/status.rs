//! The state of a cluster: mode, lists, services and checksums, node by node.

use std::collections::HashSet;

use serde::Serialize;

use super::error::WorkError;
use super::operator::Operator;
use super::trust::TvsOptions;
use crate::cluster::console::Recorded;
use crate::cluster::shell::answers::{ClusterNode, ShownCtl};
use crate::cluster::{
    Connector, Node, NodeAddress, NodeCtl, Ports, SERVICES, SecurityMode, fetch, node_ctl, nodes_of,
    side_by_side,
};
use crate::phone::tvs::{self, TvsError};
use crate::phone::{Decision, Installed, InstalledItl, NewList, TvsStatus, assess_classes};
use crate::trustlist::{Record, TrustList, VerifiedList, digest};

#[derive(Debug, Serialize)]
pub struct Status {
    pub mode: String,
    pub version: String,
    pub nodes: Vec<NodeStatus>,
    pub same_everywhere: bool,
    /// The signers that phones with this CTL accept without asking TVS.
    pub phones_follow: Vec<String>,
}

impl Status {
    /// The first node with each CTL.
    pub fn different_ctls(&self) -> impl Iterator<Item = &NodeStatus> {
        let mut seen = HashSet::new();
        self.nodes.iter().filter(move |node| node.md5.as_deref().is_some_and(|md5| seen.insert(md5)))
    }

    /// Whether a CTL on a node is left from an earlier mixed mode.
    pub fn has_leftover(&self) -> bool {
        self.nodes.iter().any(|node| node.left_behind)
    }
}

#[derive(Debug, Default, Serialize)]
pub struct NodeStatus {
    pub node: String,
    pub publisher: bool,
    pub ctl: String,
    pub md5: Option<String>,
    pub md5_phone: Vec<String>,
    pub sha1: Option<String>,
    pub sha1_phone: Vec<String>,
    pub bytes: Option<usize>,
    pub signed_by: Option<String>,
    pub tokens: Vec<String>,
    pub sasts: Vec<String>,
    pub services: Vec<(String, String)>,
    /// The certificate that its TVS shows.
    pub tvs: Option<String>,
    /// The lists that it serves.
    #[serde(skip)]
    itl: Option<TrustList>,
    #[serde(skip)]
    pub(super) held: Installed<VerifiedList>,
    /// The CTL is left from an earlier mixed mode and is not in force.
    pub left_behind: bool,
    pub problem: Option<String>,
    /// Why its TVS is not the one of its ITL, or is not known.
    #[serde(skip)]
    pub(super) tvs_error: Option<TvsError>,
    /// Why it was not asked everything.
    #[serde(skip)]
    pub(super) not_asked: Option<WorkError>,
}

impl NodeStatus {
    /// Its TVS shows another certificate than its ITL has.
    pub(super) fn tvs_problem(&self) -> Option<String> {
        let other = self.tvs_error.as_ref().filter(|e| matches!(e, TvsError::OtherCertificate { .. }));
        other.map(|e| format!("TVS: {e}: phones that hold this ITL cannot authenticate it"))
    }
}

/// Asks every node of a cluster.
pub fn status(
    publisher: &NodeAddress,
    ports: Ports,
    tvs: Option<&TvsOptions>,
    connector: &mut Connector<'_>,
    operator: &dyn Operator,
) -> Result<Status, WorkError> {
    let mut shell = connector.open(publisher)?;
    let (mode, version) = (shell.security_mode()?, shell.version()?);
    let nodes = nodes_of(&mut shell, publisher)?;
    drop(shell);
    let work = operator.long_work(&format!("Asking {} nodes", nodes.len()), Some(nodes.len()));
    let asked = ask_nodes(
        &nodes,
        Asks { mode, ports, tvs, services: &SERVICES },
        connector,
        |_| (),
        |node| {
            operator.note(&format!("{node}: checked"));
            work.one_done();
        },
    );
    let mut nodes: Vec<NodeStatus> = asked.into_iter().map(|(node, _)| node).collect();
    for node in &mut nodes {
        let not_asked = node.not_asked.as_ref().map(|e| format!("was not checked: {e}"));
        let all: Vec<String> =
            [not_asked, node.tvs_problem(), node.problem.take()].into_iter().flatten().collect();
        node.problem = (!all.is_empty()).then(|| all.join("; "));
    }
    let first = nodes.first();
    let md5 = first.and_then(|n| n.md5.as_ref());
    let same_everywhere = nodes.iter().all(|n| n.md5.as_ref() == md5 && n.problem.is_none());
    let in_force = first.filter(|n| !n.left_behind);
    let phones_follow = in_force.map(|n| n.sasts.clone()).unwrap_or_default();
    Ok(Status { mode: mode.to_string(), version, nodes, same_everywhere, phones_follow })
}

/// What nodes are asked, and how they are reached.
#[derive(Clone, Copy)]
pub(super) struct Asks<'a> {
    pub mode: SecurityMode,
    pub ports: Ports,
    pub tvs: Option<&'a TvsOptions>,
    pub services: &'a [&'static str],
}

/// Asks every node at the same time, and `more` while its shell is open. `done` is called after each node.
pub(super) fn ask_nodes<T: Send>(
    nodes: &[(NodeAddress, ClusterNode)],
    asks: Asks<'_>,
    connector: &Connector<'_>,
    more: impl Fn(&mut Node<Recorded>) -> T + Sync,
    done: impl Fn(&NodeAddress) + Sync,
) -> Vec<(NodeStatus, Option<T>)> {
    let addresses: Vec<NodeAddress> = nodes.iter().map(|(address, _)| address.clone()).collect();
    let (mut asked, answers): (Vec<_>, Vec<_>) = side_by_side(&addresses, connector, |node, connector| {
        let (mut status, mut answer) = (NodeStatus { node: node.to_string(), ..NodeStatus::default() }, None);
        let looked = look(node, asks, connector, &mut status, |shell| answer = Some(more(shell)));
        status.not_asked = looked.err();
        done(node);
        (status, answer)
    })
    .into_iter()
    .unzip();
    for (status, (_, node)) in asked.iter_mut().zip(nodes) {
        status.publisher = node.publisher;
        let lines = |sum: &Option<String>| digest::phone_lines_of_hex(sum.as_deref().unwrap_or_default());
        (status.md5_phone, status.sha1_phone) = (lines(&status.md5), lines(&status.sha1));
    }
    refused_itls(&mut asked);
    asked.into_iter().zip(answers).collect()
}

fn look(
    node: &NodeAddress,
    Asks { mode, ports, tvs, services }: Asks<'_>,
    connector: &mut Connector<'_>,
    status: &mut NodeStatus,
    more: impl FnOnce(&mut Node<Recorded>),
) -> Result<(), WorkError> {
    let mut shell = connector.open(node)?;
    let shown = shell.shown_ctl()?;
    let states = shell.states(services)?.into_iter();
    status.services = states.map(|(name, state)| (name.to_owned(), state.to_string())).collect();
    more(&mut shell);
    status.ctl = match &shown {
        ShownCtl::None => "none".to_owned(),
        ShownCtl::Bad { says } => says.clone(),
        ShownCtl::Verified(_) => "verified".to_owned(),
        ShownCtl::Unclear => "shown in an unknown format".to_owned(),
    };
    let Some(host) = node.host() else {
        match shown {
            ShownCtl::Verified(sums) => (status.md5, status.sha1) = (Some(sums.md5), sums.sha1),
            ShownCtl::Bad { says } => status.problem = Some(format!("does not accept its CTL: {says}")),
            ShownCtl::None | ShownCtl::Unclear => {}
        }
        return Ok(());
    };
    let served = fetch(host, ports, "CTLFile.tlv")?.map(|fetched| fetched.bytes);
    if let Some(bytes) = &served {
        status.bytes = Some(bytes.len());
        status.md5 = Some(digest::hex(&digest::md5(bytes), ""));
        status.sha1 = Some(digest::hex(&digest::sha1(bytes), ""));
    }
    // A list that does not verify is shown, too.
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
    let Some(fetched) = fetch(host, ports, "ITLFile.tlv")? else { return Ok(()) };
    let Ok(itl) = TrustList::decode(fetched.bytes) else { return Ok(()) };
    status.held.itl = InstalledItl::of(&itl).unwrap_or_default();
    status.itl = Some(itl);
    if let (InstalledItl::List(itl), Some(tvs)) = (&status.held.itl, tvs) {
        let address = tvs.address(node)?;
        let shown = tvs::shown(&address, &tvs.tls(Some(itl.list().records())));
        status.tvs = Some(match &shown {
            Ok(shown) => format!("{}, as in its ITL", shown.name),
            Err(e) => e.to_string(),
        });
        status.tvs_error = shown.err();
    }
    Ok(())
}

/// Finds the nodes whose ITL is refused by phones that hold the lists of the publisher. ITLs may differ: every TFTP server
/// signs its own.
fn refused_itls(nodes: &mut [NodeStatus]) {
    let Some((publisher, others)) = nodes.split_first_mut() else { return };
    let installed = publisher.held.as_ref();
    for node in others {
        let Some(itl) = &node.itl else { continue };
        let Ok(new) = installed.verify(itl) else { continue };
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
