//! Clusters side by side, and what came out.

use rayon::prelude::*;
use serde::Serialize;

use super::facts::{AuditFacts, How, gather};
use super::finding::{Finding, Mend, Severity};
use super::judge::{ExpectedToken, Judge, now};
use crate::cluster::shell::certificates::OwnCertificate;
use crate::cluster::{Connector, NodeAddress};
use crate::trustlist::Record;
use crate::workflow::{Operator, Spell, WorkError};

/// A cluster to audit.
pub struct Target<'a> {
    /// Its name for people.
    pub name: String,
    /// Its publisher.
    pub publisher: NodeAddress,
    /// The tokens that its CTL should have; none: not compared.
    pub tokens: Vec<ExpectedToken>,
    /// With the account of this cluster.
    pub connector: Connector<'a>,
}

/// A node and its certificates.
#[derive(Debug, Serialize)]
pub struct AuditedNode {
    /// Its address.
    pub node: String,
    /// Its name.
    pub name: String,
    /// Whether it is the publisher.
    pub publisher: bool,
    /// Its own certificates.
    pub certificates: Vec<AuditedCertificate>,
}

/// A certificate of a node.
#[derive(Debug, Serialize)]
pub struct AuditedCertificate {
    /// Its unit and name.
    #[serde(flatten)]
    pub own: OwnCertificate,
    /// Hexadecimal.
    pub serial: String,
    /// RFC 3339.
    pub not_after: String,
}

/// A cluster that was audited.
#[derive(Debug, Default, Serialize)]
pub struct AuditedCluster {
    /// Its name for people.
    pub name: String,
    /// Its publisher.
    pub publisher: String,
    /// Its release, if it was read.
    pub release: Option<String>,
    /// Its security mode, if it was read.
    pub mode: Option<String>,
    /// The signer of its CTL.
    pub signed_by: Option<String>,
    /// The tokens of its CTL.
    pub tokens: Vec<String>,
    /// Its nodes.
    pub nodes: Vec<AuditedNode>,
    /// What was found, the worst first.
    pub findings: Vec<Finding>,
    /// Why nothing was read.
    pub error: Option<String>,
    /// The same as a value.
    #[serde(skip)]
    pub source: Option<WorkError>,
}

/// What came out.
#[derive(Debug, Serialize)]
pub struct AuditReport {
    /// When, in RFC 3339.
    pub time: String,
    /// Certificates that end before this time are reported, in RFC 3339.
    pub until: String,
    /// Whether somebody must look.
    pub needs_a_hand: bool,
    /// The clusters; what hurts most is first.
    pub clusters: Vec<AuditedCluster>,
}

/// Audits clusters, `at_once` at the same time. A cluster that is not reached does not stop the others.
pub fn audit(
    targets: Vec<Target<'_>>,
    how: How<'_>,
    (until, at_once): (i64, usize),
    operator: &dyn Operator,
    spell: Spell,
) -> Result<AuditReport, WorkError> {
    let count = targets.len();
    let is_one = count == 1;
    let what = if is_one { "Asking the cluster".to_owned() } else { format!("Asking {count} clusters") };
    let work = operator.long_work(&what, (!is_one).then_some(count));
    let now = now();
    let one = |mut target: Target<'_>| -> Result<AuditedCluster, WorkError> {
        operator.check_interrupted()?;
        let done = |node: &NodeAddress| {
            if is_one {
                operator.note(&format!("{node}: checked"))
            }
        };
        let asked = gather(&target.publisher, how, &mut target.connector, done);
        let cluster = AuditedCluster::new(&target, asked, (now, until), spell);
        if !is_one {
            operator.note(&format!("{}: {}", cluster.name, cluster.summary()));
            work.one_done();
        }
        Ok(cluster)
    };
    // The threads mostly wait; without a pool of their own there would be as many as processors.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(at_once.max(1)).build();
    let audited: Result<Vec<AuditedCluster>, WorkError> = match pool {
        Ok(pool) => pool.install(|| targets.into_par_iter().with_max_len(1).map(one).collect()),
        Err(_) => targets.into_iter().map(one).collect(),
    };
    let mut clusters = audited?;
    clusters.sort_by_key(|cluster| std::cmp::Reverse(cluster.pain()));
    let time = |seconds| jiff::Timestamp::from_second(seconds).unwrap_or_default().to_string();
    let needs_a_hand = clusters.iter().any(AuditedCluster::needs_a_hand);
    Ok(AuditReport { time: time(now), until: time(until), needs_a_hand, clusters })
}

impl AuditedCluster {
    fn new(
        target: &Target<'_>,
        asked: Result<AuditFacts, WorkError>,
        (now, until): (i64, i64),
        spell: Spell,
    ) -> Self {
        let publisher = target.publisher.to_string();
        let named = AuditedCluster { name: target.name.clone(), publisher, ..AuditedCluster::default() };
        let facts = match asked {
            Ok(facts) => facts,
            Err(e) => return AuditedCluster { error: Some(e.to_string()), source: Some(e), ..named },
        };
        let judge = Judge { publisher: &named.publisher, facts: &facts, tokens: &target.tokens, now, until };
        let mut findings = judge.findings();
        for finding in &mut findings {
            finding.mend_text = finding.mend.as_ref().map(|mend| match mend {
                Mend::Shell { node, command } => format!("on {node}: {command}"),
                Mend::Next(next) => spell(next),
                Mend::ByHand(act) => (*act).to_owned(),
            });
        }
        let ctl = judge.ctl_in_force();
        let tokens = ctl.iter().flat_map(|ctl| ctl.sasts()).filter(|r| r.is_token()).map(Record::short_name);
        let tokens = tokens.collect();
        let signed_by = ctl.map(|ctl| ctl.header().signer_short_name());
        let nodes = facts.nodes.into_iter().map(|node| AuditedNode {
            node: node.status.node,
            name: node.node.name,
            publisher: node.node.publisher,
            certificates: node.certificates.into_iter().map(AuditedCertificate::new).collect(),
        });
        let (release, mode) = (facts.release, facts.mode.map(|mode| mode.to_string()));
        AuditedCluster { release, mode, signed_by, tokens, nodes: nodes.collect(), findings, ..named }
    }

    /// How many findings there are of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    /// Whether somebody must look.
    pub fn needs_a_hand(&self) -> bool {
        self.error.is_some() || self.findings.iter().any(|finding| finding.severity != Severity::Note)
    }

    /// What hurts more is greater: errors, then a cluster that was not reached, then the rest.
    fn pain(&self) -> (usize, bool, [usize; 3]) {
        let of = |severity| self.count(severity);
        let rest = [Severity::Warning, Severity::NotKnown, Severity::Note].map(of);
        (of(Severity::Error), self.error.is_some(), rest)
    }

    /// `2 errors, 1 warning`
    pub fn summary(&self) -> String {
        if let Some(error) = &self.error {
            return error.clone();
        }
        let counted = Severity::ALL.map(|severity| (self.count(severity), severity));
        let words: Vec<String> = counted
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, severity)| match (count, severity) {
                (1, _) | (_, Severity::NotKnown) => format!("{count} {}", severity.label()),
                _ => format!("{count} {}s", severity.label()),
            })
            .collect();
        if words.is_empty() { "nothing was found".to_owned() } else { words.join(", ") }
    }
}

impl AuditedCertificate {
    fn new(own: OwnCertificate) -> Self {
        AuditedCertificate {
            serial: crate::trustlist::digest::hex(&own.serial, ""),
            not_after: jiff::Timestamp::from_second(own.not_after).unwrap_or_default().to_string(),
            own,
        }
    }
}
