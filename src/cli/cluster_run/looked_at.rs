//! What the operator looked at before a run on a cluster, an option each.

use clap::Args;

use super::super::ui::printable;
use crate::workflow::{Need, Question, Readiness, Subject};

/// What the operator looked at: `--yes` does not say so.
#[derive(Debug, Clone, Default, Args)]
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
    phones_have_it: bool,
}

const PHONES: &str = "--phones-have-it";

impl LookedAt {
    /// The options, and whether each was given.
    pub fn given(&self) -> [(bool, &'static str); 5] {
        [
            (self.replication_is_ok, option(Subject::Replication)),
            (self.nodes_reach_each_other, option(Subject::Connectivity)),
            (self.backup_is_there, option(Subject::Backup)),
            (self.licence_is_there, option(Subject::Licence)),
            (self.phones_have_it, PHONES),
        ]
    }

    /// Whether one of them answers a question.
    pub fn said_yes(&self, question: &Question) -> bool {
        let option = match question {
            Question::LookedAt(finding) => option(finding.subject),
            Question::PhonesHoldBridge => PHONES,
            _ => return false,
        };
        self.given().contains(&(true, option))
    }
}

/// The option that confirms a finding; none for what stops a run.
pub fn option(subject: Subject) -> &'static str {
    match subject {
        Subject::Replication => "--replication-is-ok",
        Subject::Connectivity => "--nodes-reach-each-other",
        Subject::Backup => "--backup-is-there",
        Subject::Licence => "--licence-is-there",
        Subject::Mode | Subject::Release | Subject::Services => "",
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
