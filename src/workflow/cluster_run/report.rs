//! What a run would do and what it did, as values for people and programs.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::run::{ClusterRun, RunOptions};
use crate::cluster::NodeAddress;
use crate::phone::ClassVerdict;
use crate::token::Sast;
use crate::trustlist::digest::phone_lines_of_hex;
use crate::workflow::error::WorkError;
use crate::workflow::journal::FileFingerprint;
use crate::workflow::left_to_do;
use crate::workflow::readiness::Readiness;
use crate::workflow::signing::BatchFile;

/// What a run would do.
pub struct DryRun {
    /// What must be in order before.
    pub before: Vec<Readiness>,
    /// The plan of the new CTL.
    pub file: BatchFile,
    /// What is left to do by hand after the run.
    pub left_to_do: Vec<String>,
    signer: Sast,
    nodes: Vec<NodeAddress>,
}

/// The result of a run that ended.
#[derive(Debug)]
pub struct RunResult {
    /// The CTL that every node serves now.
    pub serves: FileFingerprint,
    /// Who signed it.
    pub signed_by: String,
    /// The run's journal.
    pub journal: PathBuf,
    /// What phones do with the list; empty for a rollback.
    pub phones: Vec<ClassVerdict>,
    /// Whether it put the old CTL back.
    pub rolled_back: bool,
    /// The publisher comes first.
    pub nodes: Vec<NodeAddress>,
}

impl ClusterRun<'_> {
    /// Does the steps that only read.
    pub fn dry_run(mut self) -> Result<DryRun, WorkError> {
        let old = self.look()?;
        let before = self.findings()?;
        let (session, file) = self.plan(&self.options.folder.old(), &old)?;
        // Over the bridge, every class of phones in the plan accepts the new CTL.
        let phones = file.plan().filter(|_| !self.options.bridge).map(|plan| &plan.phones[..]);
        let left_to_do = left_to_do(phones.unwrap_or_default());
        Ok(DryRun { before, left_to_do, signer: session.signer().clone(), nodes: self.nodes, file })
    }
}

impl DryRun {
    /// For programs.
    pub fn json(&self, options: &RunOptions<'_>) -> Value {
        json!({
            "dry_run": true,
            "node": options.publisher.to_string(),
            "nodes": names(&self.nodes),
            "before": self.before,
            "plans": [self.file.json(&self.signer)],
            "left_to_do": self.left_to_do,
            "written": [],
        })
    }
}

impl RunResult {
    /// For programs.
    pub fn json(&self, options: &RunOptions<'_>) -> Value {
        let serves = &self.serves;
        json!({
            "dry_run": false,
            "rolled_back": self.rolled_back,
            "node": options.publisher.to_string(),
            "nodes": names(&self.nodes),
            "serves": {
                "file": serves.file,
                "bytes": serves.bytes,
                "signed_by": self.signed_by,
                "md5_phone": phone_lines_of_hex(&serves.md5),
                "md5": serves.md5,
                "sha1_phone": phone_lines_of_hex(&serves.sha1),
                "sha1": serves.sha1,
            },
            "tvs_asked": options.tvs.is_some(),
            "journal": self.journal.display().to_string(),
        })
    }
}

fn names(nodes: &[NodeAddress]) -> Vec<String> {
    nodes.iter().map(ToString::to_string).collect()
}
