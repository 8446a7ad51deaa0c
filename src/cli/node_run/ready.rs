//! Whether a cluster is ready for a change: its shell is asked, the rest is asked of the operator.

use clap::Args;

use super::super::error::CommandError;
use super::super::ui::printable;
use super::{Run, no};
use crate::cluster::shell::answers::ServiceState;
use crate::cluster::shell::health::{Backup, Replication};
use crate::cluster::{ClusterError, Connector, NodeAddress, side_by_side};
use crate::workflow::cluster_run::Step;
use crate::workflow::journal::Event;
use crate::workflow::{Answer, ClusterFacts, Need, Readiness, Subject, readiness};

/// What the operator looked at: `--yes` does not say so.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "What you have checked (--yes does not confirm these)")]
pub struct LookedAt {
    /// Database replication is in order on every node (utils dbreplication runtimestate)
    #[arg(long, requires = "node")]
    replication_is_ok: bool,
    /// The nodes can reach each other (CUCM copies its own CTL to all of them)
    #[arg(long, requires = "node")]
    nodes_reach_each_other: bool,
    /// There is a backup that can be restored
    #[arg(long, requires = "node")]
    backup_is_there: bool,
    /// The cluster has the licence that this release needs for mixed mode
    #[arg(long, requires = "node")]
    licence_is_there: bool,
    /// With --bridge: every phone has the bridge CTL
    #[arg(long, requires = "bridge")]
    pub phones_have_it: bool,
}

impl LookedAt {
    /// The options, and whether each was given.
    pub fn given(&self) -> [(bool, &'static str); 5] {
        [
            (self.replication_is_ok, "--replication-is-ok"),
            (self.nodes_reach_each_other, "--nodes-reach-each-other"),
            (self.backup_is_there, "--backup-is-there"),
            (self.licence_is_there, "--licence-is-there"),
            (self.phones_have_it, "--phones-have-it"),
        ]
    }

    /// The option that confirms a finding, and whether it was given.
    fn on(&self, subject: Subject) -> Option<(bool, &'static str)> {
        let [replication, connectivity, backup, licence, _] = self.given();
        match subject {
            Subject::Replication => Some(replication),
            Subject::Connectivity => Some(connectivity),
            Subject::Backup => Some(backup),
            Subject::Licence => Some(licence),
            Subject::Mode | Subject::Release | Subject::Services => None,
        }
    }
}

/// The findings for people, a line each.
pub fn readiness_text(found: &[Readiness]) -> String {
    let line = |finding: &Readiness| {
        let word = match finding.need {
            Need::Stop => "stop",
            Need::Confirm => "check",
            Need::Note => "note",
        };
        format!("  {word:<6} {}\n", printable(&finding.says))
    };
    format!("Before anything changes\n{}", found.iter().map(line).collect::<String>())
}

impl Run<'_> {
    /// Asks the cluster, and judges what it says.
    pub(super) fn findings(&mut self) -> Result<Vec<Readiness>, CommandError> {
        let mut publisher = self.connector.open(&self.publisher)?;
        let mut facts = ClusterFacts {
            release: Some(self.version.clone()),
            mode: Some(publisher.security_mode()?),
            by_utils_ctl: self.args.bridge,
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
        // Its words are known from 12.0 on.
        if self.version.split('.').next().and_then(|major| major.parse().ok()).is_some_and(|m: u32| m >= 12) {
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

    /// What stops the run does; what nobody can know but the operator is confirmed, line by line.
    pub(super) fn be_ready(&mut self) -> Result<(), CommandError> {
        let found = self.findings()?;
        self.ui.note(&readiness_text(&found));
        let stops: Vec<&Readiness> = found.iter().filter(|f| f.need == Need::Stop).collect();
        if let [first, others @ ..] = &stops[..] {
            return Err(others.iter().fold(no(&first.says), |e, f| e.detail("", &f.says)));
        }
        let looked = &self.args.looked;
        let is_open =
            |f: &&Readiness| f.need == Need::Confirm && !looked.on(f.subject).is_some_and(|(given, _)| given);
        let open: Vec<&Readiness> = found.iter().filter(is_open).collect();
        if !self.ui.can_ask() && !open.is_empty() {
            let error = no("the operator must have looked at this, and nobody can be asked");
            let option = |f: &Readiness| looked.on(f.subject).map_or("", |(_, option)| option);
            return Err(open
                .into_iter()
                .fold(error, |e, f| e.detail(option(f), &f.says))
                .hint("look, then add the option of each line; --yes does not stand for them"));
        }
        for finding in &found {
            if is_open(&finding)
                && !self.ui.confirm(&format!("Did you look? {}.", printable(&finding.says)))?
            {
                return Err(no(format!("not confirmed: {}", finding.says)));
            }
            let says = match finding.need {
                Need::Confirm => format!("confirmed by the operator: {}", finding.says),
                Need::Stop | Need::Note => finding.says.clone(),
            };
            self.record(Event::step(Step::Preflight, None, says, None))?;
        }
        Ok(())
    }
}

/// The services that do not run where they are activated, a line each.
fn stopped(nodes: &[NodeAddress], connector: &Connector<'_>) -> Result<Vec<String>, CommandError> {
    let of_node = |node: &NodeAddress, connector: &mut Connector<'_>| {
        let services = connector.open(node)?.services()?.into_iter();
        let stopped = services.filter(|(_, s)| matches!(s, ServiceState::Stopped | ServiceState::Starting));
        let says = |(service, now)| format!("{service} on {node} is {now}");
        Ok(stopped.map(says).collect::<Vec<_>>())
    };
    let lines =
        side_by_side(nodes, connector, of_node).into_iter().collect::<Result<Vec<_>, CommandError>>()?;
    Ok(lines.concat())
}
