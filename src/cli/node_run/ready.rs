//! Whether a cluster is ready for a change: its shell is asked, the rest is asked of the operator.

use clap::Args;

use super::super::cluster::{Connector, side_by_side, state};
use super::super::error::{CommandError, ErrorKind};
use super::super::ui::{Ui, printable};
use super::Run;
use crate::cluster::shell::answers::ServiceState;
use crate::cluster::shell::health::{Backup, Replication};
use crate::cluster::{ClusterError, NodeAddress};
use crate::workflow::journal::Event;
use crate::workflow::{Answer, ClusterFacts, Need, Readiness, Subject, readiness};

/// What the operator looked at: `--yes` does not say so.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "What you looked at (--yes does not answer these)")]
pub struct LookedAt {
    /// Database replication is in order on every node (utils dbreplication runtimestate)
    #[arg(long, requires = "node")]
    replication_is_ok: bool,
    /// The nodes reach each other: CUCM copies its own CTL to all of them
    #[arg(long, requires = "node")]
    nodes_reach_each_other: bool,
    /// There is a backup that can be restored
    #[arg(long, requires = "node")]
    backup_is_there: bool,
    /// The licence that this release needs for mixed mode is there
    #[arg(long, requires = "node")]
    licence_is_there: bool,
    /// With --bridge: every phone holds the bridge
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
        let at = match subject {
            Subject::Replication => 0,
            Subject::Connectivity => 1,
            Subject::Backup => 2,
            Subject::Licence => 3,
            Subject::Mode | Subject::Release | Subject::Services => return None,
        };
        self.given().get(at).copied()
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
        facts.replication = match publisher.replication()? {
            Replication::NotKnown(says) => Answer::Unclear(says),
            other => {
                let problems = other.problems().join("; ");
                if problems.is_empty() { Answer::Good(problems) } else { Answer::Bad(problems) }
            }
        };
        facts.backup = match publisher.backups()? {
            Backup::Last { file, completed } => Answer::Good(format!("{completed} ({file})")),
            Backup::None => Answer::Bad("no backup was completed".to_owned()),
            Backup::NotKnown(says) => Answer::Unclear(says),
        };
        // Its words are known from 12.0 on.
        if self.version.split('.').next().and_then(|major| major.parse().ok()).is_some_and(|m: u32| m >= 12) {
            let licence = publisher.license()?;
            facts.licence = match licence.export_controlled {
                Some(true) => Answer::Good(licence.says),
                Some(false) => Answer::Bad(licence.says),
                None => Answer::Unclear(licence.says),
            };
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
        let mut stops = found.iter().filter(|f| f.need == Need::Stop).peekable();
        if let Some(first) = stops.peek() {
            let error = CommandError::new(ErrorKind::No, first.says.clone());
            return Err(stops.skip(1).fold(error, |e, f| e.detail("", f.says.clone())));
        }
        let looked = &self.args.looked;
        let open =
            |f: &&Readiness| f.need == Need::Confirm && !looked.on(f.subject).is_some_and(|(given, _)| given);
        if !self.ui.can_ask() && found.iter().any(|f| open(&f)) {
            let error = CommandError::new(
                ErrorKind::No,
                "the operator must have looked at this, and nobody can be asked",
            );
            return Err(found
                .iter()
                .filter(open)
                .fold(error, |e, f| {
                    let option = looked.on(f.subject).map_or("", |(_, option)| option);
                    e.detail(option, f.says.clone())
                })
                .hint("look, then add the option of each line; --yes does not stand for them"));
        }
        for finding in &found {
            if open(&finding) && !self.ui.confirm(&format!("Did you look? {}.", printable(&finding.says)))? {
                return Err(CommandError::new(ErrorKind::No, format!("not confirmed: {}", finding.says)));
            }
            let says = match finding.need {
                Need::Confirm => format!("confirmed by the operator: {}", finding.says),
                Need::Stop | Need::Note => finding.says.clone(),
            };
            self.note_down(Event::Step { name: "preflight".to_owned(), says, done: None })?;
        }
        Ok(())
    }
}

/// The services that do not run where they are activated, a line each.
fn stopped(nodes: &[NodeAddress], connector: &Connector<'_>) -> Result<Vec<String>, CommandError> {
    let of_node = |node: &NodeAddress, connector: &mut Connector<'_>| {
        let services = connector.open(node)?.services()?.into_iter();
        let stopped =
            services.filter(|(_, s)| matches!(s, Some(ServiceState::Stopped | ServiceState::Starting)));
        let says = |(service, now)| format!("{service} on {node} is {}", state(now));
        Ok(stopped.map(says).collect::<Vec<_>>())
    };
    let lines =
        side_by_side(nodes, connector, of_node).into_iter().collect::<Result<Vec<_>, CommandError>>()?;
    Ok(lines.concat())
}

/// A question whose yes is the operator's alone; the option says it beforehand.
pub(super) fn looked_at(
    ui: &Ui,
    (given, option): (bool, &str),
    question: &str,
) -> Result<bool, CommandError> {
    if given {
        return Ok(true);
    }
    if !ui.can_ask() {
        return Err(CommandError::new(ErrorKind::No, "nobody can be asked whether every phone holds the bridge")
            .hint(format!("reset the phones; when every phone holds it: the same command with --resume {option}; --yes does not stand for it")));
    }
    ui.confirm(question)
}
