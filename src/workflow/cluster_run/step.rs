//! The steps of a run on a cluster: their order, what each does, and its parts.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::cluster::{NodeAddress, RENEWAL_SERVICES, SERVICES, restart_order};

/// The question before a rollback.
pub const ROLLBACK_QUESTION: &str = "The old CTL will be copied back to every node, and Cisco Tftp and CallManager will be restarted, which may cut off \
     calls. Continue?";

/// The question before the rollback of a run that set the cluster to mixed mode.
pub const NON_SECURE_QUESTION: &str = "The cluster will be set to non-secure mode: the publisher runs `utils ctl set-cluster non-secure-mode`, and Cisco Tftp and \
     CallManager are restarted, which may cut off calls. Continue?";

/// What a run does on the cluster; it decides which steps the run has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunKind {
    /// From a tokenless CTL to one signed by tokens.
    #[default]
    Revert,
    /// The same over the bridge.
    #[serde(skip)]
    RevertByBridge,
    /// A new CTL after a change on the cluster.
    Renew,
    /// From a CTL signed by tokens to a tokenless one.
    Tokenless,
    /// Phones go to another cluster, whose signers TVS of this one knows.
    MigrateByTvs,
    /// The same over a tokenless CTL of this cluster that names these signers.
    MigrateByBridge,
    /// The same over one that a token signs.
    MigrateBySignedBridge,
    /// The same tokens sign the CTL of the other cluster.
    MigrateWithSameTokens,
}

impl RunKind {
    /// The kind as a run is recognised by: a run may continue without the bridge.
    #[must_use]
    pub fn recognised(self) -> Self {
        if self == RunKind::RevertByBridge { RunKind::Revert } else { self }
    }

    /// Whether it is the kind of runs before there were others; then journals do not name it.
    pub fn is_revert(&self) -> bool {
        self.recognised() == RunKind::Revert
    }

    /// The name of its journal and of its answer for programs.
    pub fn journal(self) -> &'static str {
        match self {
            RunKind::Revert | RunKind::RevertByBridge => "revert-node",
            RunKind::Renew => "renew-node",
            RunKind::Tokenless => "tokenless-node",
            _ => "migrate-node",
        }
    }

    /// The steps of a run forward, in their order.
    pub fn steps(self) -> Vec<Step> {
        use Step as S;
        let replace = [S::Sign, S::DeleteOld, S::Publish, S::Restart, S::Verify];
        match self {
            RunKind::Revert => [&[S::Preflight, S::Backup, S::Trust, S::CheckTvs], &replace[..]].concat(),
            RunKind::RevertByBridge => {
                let bridge = [S::BuildBridge, S::DistributeBridge, S::AwaitPhones];
                [&[S::Preflight, S::Backup, S::Trust, S::CheckTvs], &bridge[..], &replace].concat()
            }
            RunKind::Renew => [&[S::Preflight, S::Backup], &replace[..]].concat(),
            RunKind::Tokenless => {
                let make = [S::Distrust, S::MakeTokenless, S::DistributeBridge, S::Verify];
                [&[S::Preflight, S::Backup, S::AwaitPhones], &make[..]].concat()
            }
            _ => self.steps_to_move(),
        }
    }
}

/// Declares the steps: each with its name in journals, what it does, and the state of the cluster if it fails.
macro_rules! steps {
    ($($step:ident $name:literal $does:literal $if_it_fails:literal;)*) => {
        /// One step of a run; in journals by its [`name`](Step::name).
        #[allow(missing_docs, reason = "described by `Step::description`")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub enum Step { $(#[serde(rename = $name)] $step),* }

        impl Step {
            fn words(self) -> [&'static str; 3] {
                match self { $(Step::$step => [$name, $does, $if_it_fails]),* }
            }
        }
    };
}

steps! {
    Preflight "preflight" "check every node and what the run needs; nothing is changed"
        "the cluster is as it was";
    Backup "keep" "make a backup of the CTL in force"
        "the cluster is as it was";
    Trust "trust" "put the signers' certificates into Phone-SAST-trust"
        "the cluster is as it was; certificates in Phone-SAST-trust do no harm";
    RestartTvs "tvs" "restart Cisco Trust Verification Service on every node"
        "the cluster is as it was; certificates in Phone-SAST-trust do no harm";
    CheckTvs "vouch" "ask TVS of every node as a phone would"
        "the cluster is as it was; certificates in Phone-SAST-trust do no harm";
    BuildBridge "bridge" "run `utils ctl update CTLFile`: the publisher adds the signers to its tokenless CTL"
        "the CTL is tokenless and signed by a key of the publisher; some nodes may not serve it yet";
    DistributeBridge "cross" "restart the services, and check that every node serves that CTL"
        "the CTL is tokenless and signed by a key of the publisher; some nodes may not serve it yet";
    AwaitPhones "hold" "wait until every phone holds that CTL"
        "nothing is signed, and the next CTL is not made; phones keep the CTL that they hold, which works as before";
    Distrust "distrust" "take the tokens' certificates out of Phone-SAST-trust"
        "the token-signed CTL is in force; TVS may not know all tokens any more";
    MakeTokenless "update" "run `utils ctl update CTLFile`: the publisher makes a tokenless CTL"
        "the tokenless CTL may be on the nodes; they serve it after a restart of Cisco Tftp";
    SetMixed "set-mixed" "run `utils ctl set-cluster mixed-mode`: the publisher makes a tokenless CTL"
        "the cluster may be in mixed mode, with a tokenless CTL on the nodes; they serve it after a restart of Cisco Tftp";
    Sign "sign" "plan the new CTL and sign it on the token"
        "the new CTL is not on the cluster; the CTL in force still is";
    DeleteOld "delete" "delete the CTL in force on the publisher"
        "the publisher may serve no CTL; phones keep the one that they hold";
    Publish "publish" "put the new CTL where phones fetch it, on every node"
        "some nodes may serve the old CTL or none; phones keep the one that they hold";
    Restart "restart" "restart the services that need it, on the nodes that run them"
        "the new CTL is on every node; some services may not serve it yet";
    Verify "verify" "check that every node shows and serves the new CTL"
        "the new CTL was put on every node, but at least one node does not show it";
    Store "store" "by hand: the other trust stores of both clusters"
        "the cluster is as it was; certificates in Phone-SAST-trust do no harm";
    Move "move" "by hand: move the phones by option 150"
        "phones of the old cluster may go to the new one; those that have not moved work as before";
    Rollback "rollback" "restore the old CTL on every node"
        "some nodes may serve the new CTL or none; phones keep the one that they hold";
}

impl Step {
    /// The name in the journal.
    pub fn name(self) -> &'static str {
        let [name, ..] = self.words();
        name
    }

    /// What it does.
    pub fn description(self) -> &'static str {
        let [_, description, _] = self.words();
        description
    }

    /// The state of the cluster if it fails.
    pub fn state_if_it_fails(self) -> &'static str {
        let [.., state] = self.words();
        state
    }

    /// The question before the step; every step that changes the cluster has one. The run restarts these services, and may
    /// leave the CTL as it is.
    pub fn question(self, services: &[&str], ctl_stays: bool) -> Option<String> {
        let services = services.join(", then ");
        let what = match self {
            Step::Trust => "The signers' certificates will be put into Phone-SAST-trust of the publisher.".to_owned(),
            Step::RestartTvs => "Cisco Trust Verification Service will be restarted on every node.".to_owned(),
            Step::BuildBridge => "The publisher will write its CTL again, with the new signers in it.".to_owned(),
            Step::Distrust => {
                "The tokens' certificates will be deleted from Phone-SAST-trust of the publisher: `utils ctl update CTLFile` \
                 copies what is there into the CTL."
                    .to_owned()
            }
            Step::MakeTokenless => {
                "The publisher will write a tokenless CTL, and CUCM will copy it to every node.".to_owned()
            }
            Step::SetMixed => {
                "The cluster will be set to mixed mode: the publisher writes a tokenless CTL, and CUCM copies it to every node. \
                 Tokens of an earlier CTL leave Phone-SAST-trust. The way back is a rollback, by `utils ctl set-cluster \
                 non-secure-mode`."
                    .to_owned()
            }
            Step::DistributeBridge => format!(
                "{services} will be restarted on every node, so that it serves that CTL; this may cut off calls."
            ),
            Step::DeleteOld => format!(
                "The new CTL will be put on every node: the old one is deleted on the publisher, and {services} are \
                 restarted, which may cut off calls."
            ),
            Step::Restart if ctl_stays => format!("{services} will be restarted on every node. The CTL stays as it is."),
            // Signing and the wait for phones ask their own questions; the steps after the deletion are covered by its question.
            _ => return None,
        };
        Some(what + " Continue?")
    }

    /// Whether a rollback undoes the step: it puts another CTL on the nodes, or makes them serve it.
    pub fn is_undone_by_rollback(self) -> bool {
        use Step as S;
        !matches!(
            self,
            S::Preflight
                | S::Backup
                | S::Trust
                | S::RestartTvs
                | S::CheckTvs
                | S::Distrust
                | S::Sign
                | S::Store
                | S::Move
                | S::Rollback
        )
    }

    /// Which services it restarts, if the run restarts these: a rollback only those that serve the CTL.
    pub fn services<'s>(self, of_run: &'s [&'static str]) -> &'s [&'static str] {
        match self {
            Step::Rollback => &SERVICES,
            Step::RestartTvs => RENEWAL_SERVICES.get(..1).unwrap_or_default(),
            _ => of_run,
        }
    }

    /// Its parts on these nodes, in order; empty if the step has no parts. The run restarts these services.
    pub fn parts(self, nodes: &[NodeAddress], services: &[&'static str]) -> Vec<Part> {
        let services = self.services(services);
        let publish = nodes.iter().map(Part::publish);
        let restart =
            restart_order(services, nodes).into_iter().map(|(service, node)| Part::restart(service, &node));
        match self {
            Step::Publish => publish.collect(),
            Step::DistributeBridge | Step::Restart | Step::RestartTvs => restart.collect(),
            Step::Rollback => publish.chain(restart).collect(),
            _ => vec![],
        }
    }
}

/// What a person does by hand in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ByHand {
    /// The other trust stores of both clusters
    Store,
    /// Option 150, and the reset of the phones
    Move,
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
