//! What the nodes of a cluster showed when a run asked for its signature: the facts behind the verdicts on phones.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::phone::TvsStatus;
use crate::phone::tvs::Ask;
use crate::trustlist::{Function, digest};

/// What the nodes showed, and which run waits for the answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// The run.
    pub run: WaitingRun,
    /// Each node, the publisher first.
    pub nodes: Vec<SeenNode>,
}

/// A run on a cluster that waits for the answer to its request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaitingRun {
    /// The publisher, as a URL.
    pub publisher: String,
    /// The folder of the run.
    pub folder: String,
    /// Whether the list in force is the bridge.
    pub bridge: bool,
}

/// What one node showed: MD5 of the CTL that it shows and serves, hexadecimal, and what its TVS said about the signer;
/// `None` where it was not asked.
#[allow(missing_docs, reason = "described above")]
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeenNode {
    pub node: String,
    pub ctl_md5: String,
    pub tvs: Option<SeenTvs>,
}

/// A TVS that said "valid" at this time, and that phones of the node can authenticate.
#[allow(missing_docs, reason = "described above, and of `TvsStatus`")]
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeenTvs {
    pub server: String,
    pub roles: Vec<Function>,
    pub asked: Ask,
    pub at: Timestamp,
}

impl Seen {
    /// Whether every node showed this CTL.
    pub(super) fn is_of(&self, ctl: &[u8]) -> bool {
        self.nodes.iter().all(|node| node.ctl_md5 == digest::hex(&digest::md5(ctl), ""))
    }

    /// What TVS of the cluster says about the signer.
    pub fn tvs(&self) -> TvsStatus {
        let valid = |SeenTvs { server, roles, asked, .. }| TvsStatus::Valid { server, roles, asked };
        TvsStatus::together(self.nodes.iter().filter_map(|node| node.tvs.clone()).map(valid).collect())
    }
}

impl fmt::Display for SeenTvs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let roles: Vec<_> = self.roles.iter().map(Function::to_string).collect();
        write!(f, "TVS on {} said valid, as {}, at {}", self.server, roles.join(", "), self.at)
    }
}
