//! Puts a list where phones fetch it, after the operator has seen what phones will do with it; restarts the services that
//! serve it.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::cluster_run::{Part, Step};
use super::error::{NOT_SERVED_YET, WorkError};
use super::input::read_verified;
use super::journal::{Event, FileFingerprint, Journal, PhoneLine};
use super::operator::{Operator, Question, View};
use super::phone_impact::PhoneImpact;
use crate::cluster::shell::answers::ServiceState;
use crate::cluster::{
    self, AFTER_PUT, AFTER_RESTART, Connector, NodeAddress, Ports, Publisher, SERVICES, TftpFolder, fetch,
    restart_order,
};
use crate::phone::{Installed, InstalledItl, ServiceFinding};
use crate::trustlist::{ListKind, TrustList, VerifiedList, VerifyError};

/// Which list is published, and where.
pub struct Publication<'a> {
    pub file: &'a Path,
    pub node: &'a NodeAddress,
    /// On this node only, not on its whole cluster.
    pub alone: bool,
    pub folders: &'a [TftpFolder],
    pub ports: Ports,
    /// For an upload by hand.
    pub wait: Duration,
    /// The folder of the journal.
    pub journal: Option<&'a Path>,
    /// The change that it belongs to, for the journal.
    pub change: Option<&'a str>,
}

/// A list that every node serves.
#[derive(Debug, Serialize)]
pub struct Published {
    pub published: String,
    pub phones: Vec<PhoneImpact>,
    pub served_by: Vec<String>,
    pub journal: String,
}

/// Publishes a list, and proves that every node serves it.
pub fn publish(
    publication: &Publication<'_>,
    connector: &mut Connector<'_>,
    operator: &dyn Operator,
) -> Result<Published, WorkError> {
    let &Publication { file, node, alone, folders, ports, .. } = publication;
    // A list that does not verify is not published.
    let list = read_verified(file)?;
    let (bytes, name) = (list.list().bytes(), list.list().header().file_name());
    let publisher = Publisher { folders, ports, name: &name, bytes };
    publisher.check_name()?;
    publisher.host_of(node)?;
    let nodes = connector.nodes(node, alone)?;
    if list.list().kind() == ListKind::Itl && nodes.len() > 1 {
        return Err(WorkError::ItlForManyNodes);
    }
    // For a single node, the folders of the other nodes do not matter.
    if !alone {
        publisher.check_folders(&nodes, connector)?;
    }
    let (phones, not_known) = phone_impact(&nodes, ports, (file, &name, &list), operator)?;
    let question = format!("Publish {name}, signed by {}?", list.signer_name());
    if !operator.agrees(&Question::Consent(question))? {
        return Err(WorkError::Declined("nothing was published"));
    }
    operator.something_changes();
    let mut journal = Journal::begin(publication.journal, "cluster-publish", publication.change)?;
    journal.add(Event::Input {
        role: "published".to_owned(),
        out: None,
        phones: phones.iter().flat_map(PhoneImpact::lines).chain(not_known).collect(),
        findings: phones.iter().flat_map(|impact| impact.findings.iter().map(ServiceFinding::line)).collect(),
        file: FileFingerprint::of(file.display().to_string(), bytes),
    })?;
    let result = to_every_node(publication, &publisher, &nodes, connector, operator, &mut journal);
    let path = journal.end(result.as_ref().err().map(WorkError::outcome))?;
    result?;
    let served_by = nodes.iter().map(ToString::to_string).collect();
    Ok(Published { published: name, phones, served_by, journal: path.display().to_string() })
}

/// A service on a node, and its state after the restart.
#[derive(Debug, Serialize)]
pub struct Restarted {
    node: String,
    service: &'static str,
    state: String,
}

/// Restarts Cisco Tftp, then Cisco CallManager, on the nodes that run them.
pub fn restart(
    node: &NodeAddress,
    alone: bool,
    connector: &mut Connector<'_>,
    operator: &dyn Operator,
) -> Result<Vec<Restarted>, WorkError> {
    let nodes = connector.nodes(node, alone)?;
    let names: Vec<String> = nodes.iter().map(ToString::to_string).collect();
    let (services, names) = (SERVICES.join(", then "), names.join(", "));
    operator.note(&format!("{services} on {names}: calls may be cut off while CallManager restarts."));
    if !operator.agrees(&Question::Consent("Restart them?".to_owned()))? {
        return Err(WorkError::Declined("nothing was restarted"));
    }
    operator.something_changes();
    let mut done = Vec::new();
    let order = restart_order(&SERVICES, &nodes);
    let work = operator.long_work("Restarting services", Some(order.len()));
    for (service, node) in order {
        let state = cluster::restart(connector, &node, service)?;
        if state == ServiceState::Started {
            operator.show(&View::Text(&format!("{node}: {service} {state}")))?;
        }
        work.one_done();
        done.push(Restarted { node: node.to_string(), service, state: state.to_string() });
    }
    Ok(done)
}

/// Puts the list on every node, and waits until each serves it; writes both into the journal.
fn to_every_node(
    publication: &Publication<'_>,
    publisher: &Publisher<'_>,
    nodes: &[NodeAddress],
    connector: &mut Connector<'_>,
    operator: &dyn Operator,
    journal: &mut Journal,
) -> Result<(), WorkError> {
    let step = |node: &NodeAddress, says: &str, done| {
        Event::step(Step::Publish, Some(Part::publish(node)), says, done)
    };
    let (put, by_hand) = publisher.put::<WorkError>(connector, nodes, |node| {
        journal.add(step(node, "put", None))?;
        Ok(true)
    })?;
    if !by_hand.is_empty() {
        operator.show(&View::UploadFile { nodes: &by_hand, path: publication.file, name: publisher.name })?;
    }
    let go_on = || -> Result<(), WorkError> { Ok(operator.check_interrupted()?) };
    let (md5, mut waiting) = (publisher.md5(), Vec::new());
    let count = nodes.len();
    let work = operator.long_work(&format!("Waiting until {count} nodes serve it"), Some(count));
    for node in nodes {
        if !put.contains(node) {
            publisher.wait(node, publication.wait, go_on)?;
        } else if !publisher.comes(node, (AFTER_PUT, AFTER_RESTART), go_on)? {
            // A CUCM node serves it only after a restart of Cisco Tftp, which this command does not do.
            journal.add(step(node, NOT_SERVED_YET, Some(false)))?;
            waiting.push(node.clone());
            continue;
        }
        journal.add(step(node, "put there and fetched again", Some(true)))?;
        operator.show(&View::Text(&format!("{node}: serves it, MD5 {md5}")))?;
        work.one_done();
    }
    if waiting.is_empty() {
        return Ok(());
    }
    let (name, node, alone) =
        (publisher.name.to_owned(), Box::new(publication.node.clone()), publication.alone);
    Err(WorkError::NotServedYet { name, md5, waiting, node, alone })
}

/// Shows what phones will do that hold the lists that the nodes serve now, once for each list that the new one replaces; and
/// why it is not known of others.
fn phone_impact(
    nodes: &[NodeAddress],
    ports: Ports,
    (path, name, new): (&Path, &str, &VerifiedList),
    operator: &dyn Operator,
) -> Result<(Vec<PhoneImpact>, Vec<PhoneLine>), WorkError> {
    let (mut replaced, mut impacts): (Vec<TrustList>, _) = (Vec::new(), Vec::new());
    let mut not_known = Vec::new();
    for node in nodes {
        let (old, held) = match served(node, ports, name, new.list().kind()) {
            Ok(served) => served,
            Err(why) => {
                operator.show(&View::PhonesNotKnown { why: &why, new: path })?;
                not_known.push(PhoneLine::not_known(why));
                continue;
            }
        };
        if old.bytes() == new.list().bytes() {
            operator.note(&format!("{node} serves this list already"));
        } else if replaced.iter().all(|known| known.bytes() != old.bytes()) {
            let impact = PhoneImpact::new(format!("what {node} serves"), &held.as_ref(), new);
            operator.show(&View::PhoneImpact(&impact))?;
            impacts.push(impact);
            replaced.push(old);
        }
    }
    Ok((impacts, not_known))
}

/// The list that a node serves as `name`, and all lists that its phones hold; or the reason why they are not known.
fn served(
    node: &NodeAddress,
    ports: Ports,
    name: &str,
    kind: ListKind,
) -> Result<(TrustList, Installed<VerifiedList>), String> {
    let host = node.host().ok_or_else(|| format!("{node} is a serial line"))?;
    let get = |name: &str, kind| {
        let Some(fetched) = fetch(host, ports, name).map_err(|e| format!("{node}: {e}"))? else {
            return Ok(None);
        };
        let list =
            TrustList::decode(fetched.bytes).map_err(|e| format!("{node} serves a {name} that {e}"))?;
        if list.kind() == kind {
            Ok(Some(list))
        } else {
            Err(format!("{node} serves another kind of list as {name}"))
        }
    };
    let old = get(name, kind)?.ok_or_else(|| format!("{node} serves no {name}"))?;
    let no = |e: VerifyError| format!("what {node} serves as {name} does not verify: {e}");
    let held = match kind {
        ListKind::Ctl => {
            let ctl = old.verify().map_err(no)?;
            // An ITL that phones refuse counts as no ITL.
            let itl = get("ITLFile.tlv", ListKind::Itl).ok().flatten();
            let itl = itl.and_then(|itl| InstalledItl::of(&itl).ok()).unwrap_or_default();
            Installed { ctl: Some(ctl), itl }
        }
        ListKind::Itl => {
            let ctl = get("CTLFile.tlv", ListKind::Ctl)?.and_then(|ctl| ctl.verify().ok());
            Installed { ctl, itl: InstalledItl::of(&old).map_err(no)? }
        }
    };
    Ok((old, held))
}
