//! The steps of a run on a cluster: their order, what each does, and its parts.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::cluster::{NodeAddress, restart_order};

/// The question before a rollback.
pub const ROLLBACK_QUESTION: &str = "The old CTL will be copied back to every node, and Cisco Tftp and CallManager will be restarted, which may cut off \
     calls. Continue?";

/// One step of a run; in journals by its [`name`](Step::name).
#[allow(missing_docs, reason = "described by `Step::description`")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    Preflight,
    #[serde(rename = "keep")]
    Backup,
    Trust,
    #[serde(rename = "vouch")]
    CheckTvs,
    #[serde(rename = "bridge")]
    BuildBridge,
    #[serde(rename = "cross")]
    DistributeBridge,
    #[serde(rename = "hold")]
    AwaitPhones,
    Sign,
    #[serde(rename = "delete")]
    DeleteOld,
    Publish,
    Restart,
    Verify,
    Rollback,
}

impl Step {
    /// The steps of a run forward, in their order.
    pub fn all(bridge: bool) -> Vec<Step> {
        use Step as S;
        let mut steps = vec![S::Preflight, S::Backup, S::Trust, S::CheckTvs];
        if bridge {
            steps.extend([S::BuildBridge, S::DistributeBridge, S::AwaitPhones]);
        }
        steps.extend([S::Sign, S::DeleteOld, S::Publish, S::Restart, S::Verify]);
        steps
    }

    /// The name in the journal.
    pub fn name(self) -> &'static str {
        match self {
            Step::Preflight => "preflight",
            Step::Backup => "keep",
            Step::Trust => "trust",
            Step::CheckTvs => "vouch",
            Step::BuildBridge => "bridge",
            Step::DistributeBridge => "cross",
            Step::AwaitPhones => "hold",
            Step::Sign => "sign",
            Step::DeleteOld => "delete",
            Step::Publish => "publish",
            Step::Restart => "restart",
            Step::Verify => "verify",
            Step::Rollback => "rollback",
        }
    }

    /// What it does.
    pub fn description(self) -> &'static str {
        match self {
            Step::Preflight => "check every node, the tokens and TVS; nothing is changed",
            Step::Backup => "make a backup of the CTL in force",
            Step::Trust => "put the tokens' certificates into Phone-SAST-trust",
            Step::CheckTvs => "ask TVS of every node as a phone would",
            Step::BuildBridge => {
                "run `utils ctl update CTLFile`: the publisher adds the tokens to its tokenless CTL"
            }
            Step::DistributeBridge => "restart the services, and check that every node serves that CTL",
            Step::AwaitPhones => "wait until every phone holds that CTL",
            Step::Sign => "plan the new CTL and sign it on the token",
            Step::DeleteOld => "delete the CTL in force on the publisher",
            Step::Publish => "put the new CTL where phones fetch it, on every node",
            Step::Restart => "restart Cisco Tftp, then Cisco CallManager, on the nodes that run them",
            Step::Verify => "check that every node shows and serves the new CTL",
            Step::Rollback => "restore the old CTL on every node",
        }
    }

    /// The state of the cluster if it fails.
    pub fn state_if_it_fails(self) -> &'static str {
        match self {
            Step::Preflight | Step::Backup => "the cluster is as it was",
            Step::Trust | Step::CheckTvs => {
                "the cluster is as it was; certificates in Phone-SAST-trust do no harm"
            }
            Step::BuildBridge | Step::DistributeBridge => {
                "the CTL is tokenless and signed by a key that phones know; some nodes may not serve it yet"
            }
            Step::AwaitPhones => {
                "every node serves the tokenless CTL that names the tokens; nothing is signed, and phones that have not \
                 loaded it keep the CTL that they hold, which works as before"
            }
            Step::Sign => "the new CTL is not on the cluster; the CTL in force still is",
            Step::DeleteOld => "the publisher may serve no CTL; phones keep the one that they hold",
            Step::Publish => "some nodes may serve the old CTL or none; phones keep the one that they hold",
            Step::Restart => "the new CTL is on every node; some services may not serve it yet",
            Step::Verify => "the new CTL was put on every node, but at least one node does not show it",
            Step::Rollback => "some nodes may serve the new CTL or none; phones keep the one that they hold",
        }
    }

    /// The question before the step; every step that changes the cluster has one.
    pub fn question(self) -> Option<&'static str> {
        match self {
            Step::Trust => {
                Some("The tokens' certificates will be put into Phone-SAST-trust of the publisher. Continue?")
            }
            Step::BuildBridge => {
                Some("The publisher will write its CTL again, with the tokens in it. Continue?")
            }
            Step::DistributeBridge => Some(
                "Cisco Tftp, then Cisco CallManager will be restarted on every node, so that it serves that CTL; this may cut off \
                 calls. Continue?",
            ),
            Step::DeleteOld => Some(
                "The new CTL will be put on every node: the old one is deleted on the publisher, and Cisco Tftp and CallManager \
                 are restarted, which may cut off calls. Continue?",
            ),
            // Signing and the wait for phones ask their own questions; the steps after the deletion are covered by its question.
            _ => None,
        }
    }

    /// Whether a rollback undoes the step: it puts another CTL on the nodes, or makes them serve it.
    pub fn is_undone_by_rollback(self) -> bool {
        use Step as S;
        !matches!(self, S::Preflight | S::Backup | S::Trust | S::CheckTvs | S::Sign | S::Rollback)
    }

    /// Its parts on these nodes, in order; empty if the step has no parts.
    pub fn parts(self, nodes: &[NodeAddress]) -> Vec<Part> {
        let publish = nodes.iter().map(Part::publish);
        let restart = restart_order(nodes).into_iter().map(|(service, node)| Part::restart(service, &node));
        match self {
            Step::Publish => publish.collect(),
            Step::DistributeBridge | Step::Restart => restart.collect(),
            Step::Rollback => publish.chain(restart).collect(),
            _ => vec![],
        }
    }
}

/// A part of a step, done for one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The service that is restarted; `None`: the list is put on the node and served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The node.
    pub node: String,
}

impl Part {
    /// The list is put there, and served.
    pub fn publish(node: &NodeAddress) -> Self {
        Part { service: None, node: node.to_string() }
    }

    /// A service is restarted there.
    pub fn restart(service: &str, node: &NodeAddress) -> Self {
        Part { service: Some(service.to_owned()), node: node.to_string() }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.service.iter().try_for_each(|service| write!(f, "{service} "))?;
        f.write_str(&self.node)
    }
}

/// The name of a step in a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum StepName {
    /// A step of a run.
    Known(Step),
    /// A name from another version of the program.
    Other(String),
}

impl fmt::Display for StepName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StepName::Known(step) => f.write_str(step.name()),
            StepName::Other(name) => f.write_str(name),
        }
    }
}
