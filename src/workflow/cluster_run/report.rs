//! What a run would do and what it did, as values for people and programs.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::step::Step;
use crate::cluster::NodeAddress;
use crate::token::Sast;
use crate::trustlist::digest::phone_lines_of_hex;
use crate::workflow::journal::FileFingerprint;
use crate::workflow::phone_impact::PhoneImpact;
use crate::workflow::readiness::Readiness;
use crate::workflow::signing::BatchFile;

/// What a run would do.
pub struct DryRun {
    /// What must be in order before.
    pub before: Vec<Readiness>,
    /// What the run has to do.
    pub says: Option<String>,
    /// Its steps, in order.
    pub steps: Vec<Step>,
    /// The services that it restarts, in order.
    pub services: Vec<&'static str>,
    /// The token that signs, and the plan of the new CTL.
    pub file: Option<(Sast, BatchFile)>,
    /// What phones do with a CTL that the publisher makes.
    pub impact: Option<PhoneImpact>,
    /// What is left to do by hand after the run.
    pub left_to_do: Vec<String>,
    pub(super) node: NodeAddress,
    pub(super) nodes: Vec<NodeAddress>,
}

/// The result of a run that ended.
#[derive(Debug)]
pub struct RunResult {
    /// The CTL that every node serves now, and who signed it; `None` after the way back to non-secure mode.
    pub serves: Option<(FileFingerprint, String)>,
    /// What is done, in words.
    pub done: &'static str,
    /// The run's journal.
    pub journal: PathBuf,
    /// Whether phones were to accept its signer through TVS.
    pub needs_tvs: bool,
    /// What is left to do by hand.
    pub left_to_do: Vec<String>,
    /// Whether it put the old CTL back.
    pub rolled_back: bool,
    /// Whether TVS was asked about the signer.
    pub tvs_asked: bool,
    pub(super) node: NodeAddress,
    pub(super) nodes: Vec<NodeAddress>,
}

impl DryRun {
    /// For programs.
    pub fn json(&self) -> Value {
        let mut json = json!({
            "dry_run": true,
            "node": self.node.to_string(),
            "nodes": names(&self.nodes),
            "before": self.before,
            "plans": self.file.iter().map(|(signer, file)| file.json(signer)).collect::<Vec<_>>(),
            "steps": self.steps,
            "services": self.services,
            "left_to_do": self.left_to_do,
            "written": [],
        });
        if let Some((object, impact)) = json.as_object_mut().zip(self.impact.as_ref()) {
            object.insert("phones".to_owned(), json!(impact));
        }
        json
    }
}

impl RunResult {
    /// For programs.
    pub fn json(&self) -> Value {
        let mut json = json!({
            "dry_run": false,
            "rolled_back": self.rolled_back,
            "node": self.node.to_string(),
            "nodes": names(&self.nodes),
            "tvs_asked": self.tvs_asked,
            "journal": self.journal.display().to_string(),
        });
        if let Some((object, (serves, signed_by))) = json.as_object_mut().zip(self.serves.as_ref()) {
            let serves = json!({
                "file": serves.file,
                "bytes": serves.bytes,
                "signed_by": signed_by,
                "md5_phone": phone_lines_of_hex(&serves.md5),
                "md5": serves.md5,
                "sha1_phone": phone_lines_of_hex(&serves.sha1),
                "sha1": serves.sha1,
            });
            object.insert("serves".to_owned(), serves);
        }
        json
    }
}

fn names(nodes: &[NodeAddress]) -> Vec<String> {
    nodes.iter().map(ToString::to_string).collect()
}
