//! What the operator checked before a run on a cluster: one option for each check.

use clap::Args;

use crate::cli::{STATE, printable};
use crate::ui::next::confirming_option;
use crate::workflow::cluster_run::ByHand;
use crate::workflow::{Need, Question, Readiness, Subject};

/// The heading of these options.
pub const CHECKED: &str = "What you have checked (--yes does not confirm these)";

/// What the operator checked. `--yes` does not confirm these.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = CHECKED)]
pub struct ConfirmedChecks {
    /// Database replication is in order on every node (utils dbreplication runtimestate)
    #[arg(long, requires = "node")]
    pub replication_is_ok: bool,
    /// The nodes can reach each other (CUCM copies its own CTL to all of them)
    #[arg(long, requires = "node")]
    pub nodes_reach_each_other: bool,
    /// There is a backup that can be restored
    #[arg(long, requires = "node")]
    pub backup_is_there: bool,
    /// The cluster has a licence for mixed mode; this release needs one
    #[arg(long, requires = "node")]
    pub licence_is_there: bool,
    /// Every phone has the CTL that the next one needs: each command has this option for its own runs.
    #[arg(skip)]
    pub phones_have_it: bool,
    /// What was done by hand: `migrate run` has this option.
    #[arg(skip)]
    pub done_by_hand: Vec<ByHand>,
}

impl ConfirmedChecks {
    /// For each option: what it confirms (`None`: that phones hold the bridge), whether it was given, its name.
    pub fn options(&self) -> [(Option<Subject>, bool, &'static str); 5] {
        [
            (Some(Subject::Replication), self.replication_is_ok, confirming_option(Subject::Replication)),
            (
                Some(Subject::Connectivity),
                self.nodes_reach_each_other,
                confirming_option(Subject::Connectivity),
            ),
            (Some(Subject::Backup), self.backup_is_there, confirming_option(Subject::Backup)),
            (Some(Subject::Licence), self.licence_is_there, confirming_option(Subject::Licence)),
            (None, self.phones_have_it, "--phones-have-it"),
        ]
    }

    /// Whether one of the options answers the question.
    pub fn said_yes(&self, question: &Question) -> bool {
        let of = match question {
            Question::ReadinessIsConfirmed(finding) => Some(finding.subject),
            Question::PhonesHoldBridge => None,
            Question::ByHand { which, .. } => return self.done_by_hand.contains(which),
            _ => return false,
        };
        self.options().iter().any(|(subject, given, _)| *given && *subject == of)
    }
}

/// The findings as text, one line each.
pub fn readiness_text(found: &[Readiness]) -> String {
    let line = |finding: &Readiness| {
        let word = match finding.need {
            Need::Stop => "stop",
            Need::Confirm => "check",
            Need::Note => "note",
        };
        format!("  {STATE}{word:<6} {}\n", printable(&finding.says))
    };
    format!("Before anything changes\n{}", found.iter().map(line).collect::<String>())
}
