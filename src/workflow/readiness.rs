//! What must be in order before a cluster is changed: facts in, findings out.
//!
//! What a node answered comes in as an [`Answer`]; what it did not answer becomes a line that the operator confirms.

use serde::Serialize;

use super::plan::major_minor;
use crate::cluster::{SecurityMode, leftover_says};

/// The answer of a node about one thing that must be in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Answer {
    /// The node was not asked.
    #[default]
    NotAsked,
    /// In order; the text of the answer.
    Good(String),
    /// Not in order; the text of the answer.
    Bad(String),
    /// The answer is not understood; its text.
    Unclear(String),
}

impl Answer {
    /// From whether it is in order (`None`: not known), and the text of the answer.
    pub fn of(in_order: Option<bool>, says: String) -> Self {
        match in_order {
            Some(true) => Answer::Good(says),
            Some(false) => Answer::Bad(says),
            None => Answer::Unclear(says),
        }
    }

    /// The text after a line that the operator confirms.
    fn said(&self) -> String {
        match self {
            Answer::NotAsked | Answer::Good(_) => String::new(),
            Answer::Bad(says) => format!(" (the publisher says: {says})"),
            Answer::Unclear(says) => format!(" (the publisher's answer is not understood: {says})"),
        }
    }
}

/// Whether `show license summary` is asked: the text of its answer is known from 12.0 on.
pub(super) fn shows_licence(release: &str) -> bool {
    major_minor(release).is_some_and(|number| number >= (12, 0))
}

/// What is known of a cluster before it is changed.
#[allow(missing_docs, reason = "the fields are called by what they are")]
#[derive(Debug, Clone, Default)]
pub struct ClusterFacts {
    /// The release, from `show version active` or from the operator.
    pub release: Option<String>,
    pub mode: Option<SecurityMode>,
    /// Whether the procedure uses `utils ctl`, as the bridge does.
    pub by_utils_ctl: bool,
    /// Whether the CTL becomes tokenless.
    pub leaves_tokens: bool,
    /// `utils dbreplication runtimestate`
    pub replication: Answer,
    /// Whether the publisher reaches the other nodes.
    pub connectivity: Answer,
    /// `utils disaster_recovery history backup`
    pub backup: Answer,
    /// `show license summary`
    pub licence: Answer,
    /// Services that are activated but not started, one line each; `None` if this was not checked.
    pub stopped: Option<Vec<String>>,
}

/// What a finding is about.
#[allow(missing_docs, reason = "the names say what each is")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    Mode,
    Release,
    Licence,
    Replication,
    Connectivity,
    Backup,
    Services,
}

/// What a finding means for the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// The change would fail, or do harm.
    Stop,
    /// Only the operator can know: a person must have checked it.
    Confirm,
    /// For information.
    Note,
}

/// One thing that was found before a cluster is changed.
#[allow(missing_docs, reason = "the fields are called by what they are")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Readiness {
    pub need: Need,
    pub subject: Subject,
    pub says: String,
}

/// Judges the facts; what stops a change comes first.
pub fn readiness(facts: &ClusterFacts) -> Vec<Readiness> {
    let release = facts.release.as_deref().and_then(major_minor);
    let mut found = Vec::new();
    let mut add = |need, subject, says: String| found.push(Readiness { need, subject, says });
    let left_behind = format!("a CTL with complete CCM+TFTP records is a leftover: {}", leftover_says());
    let (need, mode) = match facts.mode {
        Some(_) => (Need::Stop, "the cluster is in non-secure mode;"),
        None => (Need::Confirm, "the cluster is in mixed mode (ClusterSecurityMode 1); in mode 0"),
    };
    if facts.mode != Some(SecurityMode::Mixed) {
        add(need, Subject::Mode, format!("{mode} {left_behind}"));
    }
    for (subject, found) in
        [(Subject::Release, of_release(facts, release)), (Subject::Licence, of_licence(facts, release))]
    {
        found.into_iter().for_each(|(need, says)| add(need, subject, says));
    }
    for (subject, answer, confirmed) in [
        (
            Subject::Replication,
            &facts.replication,
            "database replication is in order: `utils dbreplication runtimestate`, every node `(2) Setup Completed`",
        ),
        (
            Subject::Connectivity,
            &facts.connectivity,
            "the nodes reach each other: CUCM copies its own CTL to all of them by SFTP",
        ),
        (Subject::Backup, &facts.backup, "there is a backup (Disaster Recovery System) that can be restored"),
    ] {
        match (subject, answer) {
            (Subject::Backup, Answer::Good(says)) => {
                add(Need::Note, subject, format!("the last backup: {says}"));
            }
            (_, Answer::Good(_)) => {}
            (Subject::Replication, Answer::Bad(says)) => {
                add(Need::Stop, subject, format!("database replication is not in order: {says}"));
            }
            (_, other) => add(Need::Confirm, subject, format!("{confirmed}{}", other.said())),
        }
    }
    match &facts.stopped {
        None => add(
            Need::Confirm,
            Subject::Services,
            "Cisco Tftp, Cisco CallManager and Cisco Trust Verification Service are started where they are activated"
                .to_owned(),
        ),
        Some(stopped) => {
            stopped.iter().for_each(|says| add(Need::Stop, Subject::Services, says.clone()));
        }
    }
    found.sort_by_key(|finding| finding.need);
    found
}

/// What becomes of tokens.
pub(super) const TOKENS_AFTER_14SU3: &str = "from 14SU3 on the CTL Provider service does not support tokens; no public source \
     says whether Cisco Tftp serves a token-signed CTL that was put there by hand";

/// Source of both limits: Cisco document 118893 (`utils ctl` from 10.0), 214231 (tokens until 14SU3).
fn of_release(facts: &ClusterFacts, release: Option<(u32, u32)>) -> Option<(Need, String)> {
    let shown = facts.release.as_deref().unwrap_or("unknown");
    let has_none = format!("release {shown} has no `utils ctl` command (it is new in 10.0): ");
    Some(match release {
        None if facts.by_utils_ctl => (Need::Note, "`utils ctl` exists from release 10.0 on".to_owned()),
        Some(number) if number < (10, 0) && facts.by_utils_ctl => {
            (Need::Stop, has_none + "this procedure is not possible")
        }
        Some(number) if number < (10, 0) => {
            (Need::Note, has_none + "the cluster cannot make a tokenless CTL again; keep the one in force")
        }
        Some((10..=13, _)) => return None,
        None | Some(_) if facts.leaves_tokens => (
            Need::Note,
            format!("{TOKENS_AFTER_14SU3}; after this change only such a CTL brings the tokens back"),
        ),
        None | Some(_) => (Need::Note, TOKENS_AFTER_14SU3.to_owned()),
    })
}

/// Sources: 118893 for 11.5(1)SU3, the 12.5 security guide for 12.0 and later. That a list which tokens sign needs no licence is derived: no `utils ctl` is run.
fn of_licence(facts: &ClusterFacts, release: Option<(u32, u32)>) -> Option<(Need, String)> {
    let smart = "from 12.0 on mixed mode and `utils ctl` need a registration with Allow export-controlled functionality";
    let plm = "11.5(1)SU3 and later 11.5 need the Encryption License, from Prime License Manager 11.5(1)SU2 or newer";
    Some(match (release, &facts.licence) {
        (Some(number), _) if number < (11, 5) => return None,
        (Some((11, _)), _) => (Need::Confirm, plm.to_owned()),
        (Some(_), Answer::Good(_)) => return None,
        (Some(_), Answer::Bad(says)) if facts.by_utils_ctl => {
            (Need::Stop, format!("{smart}; the publisher says: {says}"))
        }
        (Some(_), other) => (Need::Confirm, format!("{smart}{}", other.said())),
        (None, _) => (Need::Confirm, format!("{plm}; {smart}")),
    })
}
