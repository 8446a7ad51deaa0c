//! The checks before a run changes anything: the CTL of every node, and whether the cluster is ready for a change.

use super::error::RunError;
use super::folder::CTL;
use super::run::ClusterRun;
use super::step::{RunKind, Step};
use crate::cluster::shell::answers::{ServiceState, ShownCtl};
use crate::cluster::shell::health::{Backup, Replication};
use crate::cluster::{
    ClusterError, Connector, ConsoleError, CtlProblem, NodeAddress, NodeCtl, Ports, SecurityMode, fetch,
    is_left_behind, node_ctl, side_by_side,
};
use crate::trustlist::{TrustList, VerifiedList, digest};
use crate::workflow::error::WorkError;
use crate::workflow::journal::Event;
use crate::workflow::operator::{Question, View};
use crate::workflow::readiness::{Answer, ClusterFacts, Need, Readiness, readiness, shows_licence};

impl ClusterRun<'_> {
    /// Checks that every node is reached, is in mixed mode, and shows and serves the same CTL. Returns that CTL.
    pub fn look(&mut self) -> Result<VerifiedList, WorkError> {
        let ports = self.options.ports;
        let mode = self.connector.open(&self.options.publisher)?.security_mode()?;
        if mode != SecurityMode::Mixed {
            let served = self.options.publisher.host().and_then(|host| fetch(host, ports, CTL).ok()?);
            let served = served.and_then(|file| TrustList::decode(file.bytes).ok());
            let left_behind = served.is_some_and(|ctl| is_left_behind(mode, &ctl));
            return Err(RunError::NotMixed { mode, left_behind }.into());
        }
        let mut lists = self.lists()?.into_iter();
        let (from, first) = lists.next().ok_or_else(|| no_ctl("the cluster", "has no nodes"))?;
        for (node, list) in lists {
            if list.list().bytes() != first.list().bytes() {
                let (node, from) = (node.to_string(), from.to_string());
                let md5 = digest::hex(&digest::md5(list.list().bytes()), "");
                return Err(RunError::CtlsDiffer { node, from, md5 }.into());
            }
        }
        Ok(first)
    }

    /// The CTL that each node shows and serves.
    pub(super) fn lists(&self) -> Result<Vec<(&NodeAddress, VerifiedList)>, WorkError> {
        let (ports, operator) = (self.options.ports, self.operator);
        let looks = side_by_side(&self.nodes, &self.connector, |node, connector| {
            let found = look_at(node, connector, ports);
            let says = match &found {
                Ok(Some(_)) => "TFTP serves the CTL that show ctl prints",
                Ok(None) => "it has no CTL",
                Err(_) => "a problem was found",
            };
            operator.note(&format!("{node}: {says}"));
            found
        });
        let looks = looks.into_iter().collect::<Result<Vec<_>, _>>()?;
        if looks.iter().all(Option::is_none) && !looks.is_empty() {
            return Err(RunError::CtlGone.into());
        }
        let lists = self.nodes.iter().zip(looks).map(|(node, list)| {
            list.map(|list| (node, list)).ok_or_else(|| no_ctl(node, CtlProblem::ServesNone))
        });
        lists.collect()
    }

    /// Asks the cluster, and judges the answers.
    pub fn findings(&mut self) -> Result<Vec<Readiness>, WorkError> {
        let mut publisher = self.connector.open(&self.options.publisher)?;
        let mut facts = ClusterFacts {
            release: Some(self.version.clone()),
            // Checked before, or the run sets it.
            mode: Some(SecurityMode::Mixed),
            by_utils_ctl: matches!(
                self.options.kind,
                RunKind::RevertByBridge | RunKind::Tokenless | RunKind::MigrateByBridge
            ),
            leaves_tokens: self.options.kind == RunKind::Tokenless,
            ..ClusterFacts::default()
        };
        let replication = publisher.replication()?;
        let problems = replication.problems();
        let is_known = !matches!(replication, Replication::NotKnown(_));
        facts.replication = Answer::of(is_known.then_some(problems.is_empty()), problems.join("; "));
        facts.backup = match publisher.backups()? {
            Backup::Last { file, completed } => Answer::Good(format!("{completed} ({file})")),
            Backup::None => Answer::Bad("no backup was completed".to_owned()),
            Backup::NotKnown(says) => Answer::Unclear(says),
        };
        if shows_licence(&self.version) {
            let licence = publisher.license()?;
            facts.licence = Answer::of(licence.export_controlled, licence.says);
        }
        facts.connectivity = Answer::Good(String::new());
        for host in self.nodes.iter().skip(1).filter_map(NodeAddress::host) {
            match publisher.reaches(host) {
                Ok(true) => {}
                Ok(false) => facts.connectivity = Answer::Bad(format!("{host} does not answer a ping")),
                Err(ClusterError::NotUnderstood { says, .. } | ClusterError::Refused { says, .. }) => {
                    facts.connectivity = Answer::Unclear(says);
                }
                Err(e) => return Err(e.into()),
            }
        }
        drop(publisher);
        facts.stopped = Some(stopped(&self.nodes, &self.connector)?);
        Ok(readiness(&facts))
    }

    /// An error if a finding stops the run. Findings that only the operator can check are confirmed one by one.
    pub(super) fn be_ready(&mut self) -> Result<(), WorkError> {
        let found = self.findings()?;
        self.operator.show(&View::Readiness(&found))?;
        let of = |wanted: &dyn Fn(&Readiness) -> bool| -> Vec<Readiness> {
            found.iter().filter(|finding| wanted(finding)).cloned().collect()
        };
        let stops = of(&|finding| finding.need == Need::Stop);
        if !stops.is_empty() {
            return Err(RunError::NotReady(stops).into());
        }
        let question = |finding: &Readiness| Question::ReadinessIsConfirmed(finding.clone());
        let open = of(&|f| f.need == Need::Confirm && !self.operator.said_yes(&question(f)));
        if !self.operator.can_ask() && !open.is_empty() {
            return Err(RunError::ReadinessNotConfirmed(open).into());
        }
        for finding in found {
            if open.contains(&finding) && !self.operator.ask(&question(&finding))? {
                return Err(RunError::NotConfirmed(finding).into());
            }
            let confirmed = if finding.need == Need::Confirm { "confirmed by the operator: " } else { "" };
            self.record(Event::step(Step::Preflight, None, format!("{confirmed}{}", finding.says), None))?;
        }
        Ok(())
    }
}

/// The CTL that a node shows, serves and accepts; `None`: it shows and serves none.
fn look_at(
    address: &NodeAddress,
    connector: &mut Connector<'_>,
    ports: Ports,
) -> Result<Option<VerifiedList>, WorkError> {
    let shown = connector.open(address)?.shown_ctl()?;
    let node = address.to_string();
    let Some(host) = address.host() else {
        let why = "its files cannot be fetched over a serial line".to_owned();
        return Err(ClusterError::from(ConsoleError::Connect { node, why }).into());
    };
    let served = fetch(host, ports, CTL)?.map(|fetched| fetched.bytes);
    if (&shown, &served) == (&ShownCtl::None, &None) {
        return Ok(None);
    }
    match node_ctl(SecurityMode::Mixed, &shown, served) {
        Ok(NodeCtl::InForce(list)) => Ok(Some(list)),
        Ok(NodeCtl::LeftBehind(_) | NodeCtl::None) => Err(no_ctl(node, "has no CTL in force")),
        Err(CtlProblem::Unreadable(source)) => Err(WorkError::Decode { file: CTL.to_owned(), source }),
        Err(CtlProblem::NotVerified(source)) => Err(WorkError::NotVerified { file: CTL.to_owned(), source }),
        Err(problem) => Err(no_ctl(node, problem)),
    }
}

pub(super) fn no_ctl(node: impl ToString, what: impl ToString) -> WorkError {
    RunError::NodeCtl { node: node.to_string(), what: what.to_string() }.into()
}

/// The services that are activated but not started, one line each.
fn stopped(nodes: &[NodeAddress], connector: &Connector<'_>) -> Result<Vec<String>, WorkError> {
    let of_node = |node: &NodeAddress, connector: &mut Connector<'_>| {
        let services = connector.open(node)?.services()?.into_iter();
        let stopped = services.filter(|(_, s)| matches!(s, ServiceState::Stopped | ServiceState::Starting));
        let says = |(service, now)| format!("{service} on {node} is {now}");
        Ok(stopped.map(says).collect::<Vec<_>>())
    };
    let lines = side_by_side(nodes, connector, of_node).into_iter().collect::<Result<Vec<_>, WorkError>>()?;
    Ok(lines.concat())
}
