//! Clusters side by side, and what came out: values, a page, metrics.

use std::cmp::Reverse;
use std::fmt::{self, Write};

use askama::Template;
use askama::filters::Escaper;
use jiff::Timestamp;
use serde::Serialize;

use super::facts::{AuditFacts, NodeFacts, gather};
use super::finding::{Finding, Severity};
use super::judge::{ExpectedToken, Judge};
use crate::cluster::{Connector, NodeAddress, Ports};
use crate::trustlist::{Record, printable};
use crate::workflow::trust::TvsOptions;
use crate::workflow::{Operator, Spell, WorkError, at_once, local_time};

/// The most threads that ask clusters.
const MOST_AT_ONCE: usize = 64;

/// A cluster to audit.
pub struct Target<'a> {
    /// Its name for people.
    pub name: String,
    pub publisher: NodeAddress,
    /// The tokens that its CTL should have; none: not compared.
    pub tokens: Vec<ExpectedToken>,
    /// With the account of this cluster.
    pub connector: Connector<'a>,
}

impl<'a> Target<'a> {
    /// A cluster of which only the publisher is given.
    pub fn new(publisher: &NodeAddress, connector: Connector<'a>) -> Self {
        Target { name: publisher.to_string(), publisher: publisher.clone(), tokens: vec![], connector }
    }
}

/// A cluster that was audited; what was not read is left out.
#[derive(Debug, Default, Serialize)]
pub struct AuditedCluster {
    pub name: String,
    pub publisher: String,
    pub release: Option<String>,
    pub mode: Option<String>,
    pub signed_by: Option<String>,
    pub tokens: Vec<String>,
    pub nodes: Vec<NodeFacts>,
    /// The worst first.
    pub findings: Vec<Finding>,
    /// Why nothing was read.
    pub error: Option<String>,
    #[serde(skip)]
    pub source: Option<WorkError>,
}

/// What came out.
#[derive(Debug, Serialize, Template)]
#[template(path = "audit.html")]
pub struct AuditReport {
    pub time: Timestamp,
    /// Certificates that end before this time are reported.
    pub until: Timestamp,
    pub needs_a_hand: bool,
    /// What hurts most is first.
    pub clusters: Vec<AuditedCluster>,
}

fn shown(time: &Timestamp) -> String {
    local_time(&time.to_string()).unwrap_or_default()
}

/// In a file of Prometheus.
#[derive(Template)]
#[template(path = "audit.prom")]
struct Metrics<'a> {
    report: &'a AuditReport,
}

/// The value of a label in the text format of Prometheus.
#[derive(Clone, Copy)]
pub struct Label;

impl Escaper for Label {
    fn write_escaped_str<W: Write>(&self, mut text: W, value: &str) -> fmt::Result {
        text.write_str(&printable(value).replace('\\', "\\\\").replace('"', "\\\""))
    }
}

/// Audits clusters, at most `most` at the same time. A cluster that is not reached does not stop the others.
pub fn audit(
    targets: Vec<Target<'_>>,
    how: (Ports, Option<&TvsOptions>),
    (until, most): (Timestamp, usize),
    operator: &dyn Operator,
    spell: Spell,
) -> Result<AuditReport, WorkError> {
    let (time, count) = (Timestamp::now(), targets.len());
    let is_one = count == 1;
    let what = if is_one { "Asking the cluster".to_owned() } else { format!("Asking {count} clusters") };
    let work = operator.long_work(&what, (!is_one).then_some(count));
    let one = |mut target: Target<'_>| -> Result<AuditedCluster, WorkError> {
        operator.check_interrupted()?;
        let done = |node: &NodeAddress| {
            if is_one {
                operator.note(&format!("{node}: checked"))
            }
        };
        let asked = gather(&target.publisher, how, &mut target.connector, done);
        let cluster = AuditedCluster::new(target, asked, (time, until), spell);
        if !is_one {
            operator.note(&printable(&format!("{}: {}", cluster.name, cluster.summary())));
            work.one_done();
        }
        Ok(cluster)
    };
    let mut clusters = at_once(targets, most.min(MOST_AT_ONCE), one)?;
    clusters.sort_by_key(|cluster| {
        let [errors, rest @ ..] = cluster.counts();
        Reverse((cluster.error.is_some(), errors, rest))
    });
    let needs_a_hand = clusters.iter().any(AuditedCluster::needs_a_hand);
    Ok(AuditReport { time, until, needs_a_hand, clusters })
}

impl AuditReport {
    /// How many clusters need a hand.
    pub fn hurt(&self) -> usize {
        self.clusters.iter().filter(|cluster| cluster.needs_a_hand()).count()
    }

    /// For the textfile collector of Prometheus.
    pub fn metrics(&self) -> String {
        Metrics { report: self }.to_string() + "\n"
    }
}

impl AuditedCluster {
    fn new(
        Target { name, publisher, tokens: expected, .. }: Target<'_>,
        asked: Result<AuditFacts, WorkError>,
        (now, until): (Timestamp, Timestamp),
        spell: Spell,
    ) -> Self {
        let named = AuditedCluster { name, publisher: publisher.to_string(), ..AuditedCluster::default() };
        let facts = match asked {
            Ok(facts) => facts,
            Err(e) => return AuditedCluster { error: Some(e.to_string()), source: Some(e), ..named },
        };
        let (publisher, tokens) = (&named.publisher, &expected);
        let judge = Judge { publisher, facts: &facts, tokens, now, until, spell, found: vec![] };
        let findings = judge.judge();
        let ctl = facts.ctl_in_force();
        let tokens = ctl.iter().flat_map(|ctl| ctl.sasts()).filter(|r| r.is_token()).map(Record::short_name);
        let (tokens, signed_by) = (tokens.collect(), ctl.map(|ctl| ctl.header().signer_short_name()));
        let (release, mode) = (facts.release, facts.mode.map(|mode| mode.to_string()));
        AuditedCluster { release, mode, signed_by, tokens, nodes: facts.nodes, findings, ..named }
    }

    /// How many findings there are of each severity.
    pub fn counts(&self) -> [usize; 4] {
        Severity::ALL.map(|severity| self.findings.iter().filter(|f| f.severity == severity).count())
    }

    /// Whether somebody must look.
    pub fn needs_a_hand(&self) -> bool {
        self.error.is_some() || self.findings.iter().any(|finding| finding.severity != Severity::Note)
    }

    /// Its release, mode and nodes, and who signed its CTL, as far as they were read.
    pub fn about(&self) -> String {
        let count = self.nodes.len();
        let nodes = format!("{count} node{}", if count == 1 { "" } else { "s" });
        let release = self.release.iter().map(|release| format!("release {release}"));
        let mode = self.mode.iter().map(|mode| format!("{mode} mode"));
        let signer = self.signed_by.iter().map(|signer| format!("CTL signed by {signer}"));
        release.chain(mode).chain((count > 0).then_some(nodes)).chain(signer).collect::<Vec<_>>().join(", ")
    }

    /// `2 errors, 1 warning`, or why nothing was read.
    pub fn summary(&self) -> String {
        let counted = Severity::ALL.into_iter().zip(self.counts()).filter(|(_, count)| *count > 0);
        let words = counted.map(|(severity, count)| match severity {
            Severity::NotKnown => format!("{count} {severity}"),
            _ => format!("{count} {severity}{}", if count == 1 { "" } else { "s" }),
        });
        let words = words.collect::<Vec<_>>().join(", ");
        let found = if words.is_empty() { "nothing was found".to_owned() } else { words };
        self.error.clone().unwrap_or(found)
    }
}
