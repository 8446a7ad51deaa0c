//! What a run that came to its end says on standard output: words, or one JSON document.

use std::path::Path;

use super::super::error::CommandError;
use super::super::signing::{BatchFile, headline};
use super::Run;
use super::look::look;
use crate::trustlist::{VerifiedList, digest};
use crate::workflow::RunStep;

impl Run<'_> {
    /// Every node serves this list: in words, or as a document.
    pub(super) fn answer(
        &self,
        (path, list): (&Path, &VerifiedList),
        journal: &Path,
        words: &str,
    ) -> Result<(), CommandError> {
        if !self.ui.is_json() {
            return self.ui.print(words);
        }
        let (md5, sha1) = (digest::hex(&list.list().md5(), ""), digest::hex(&list.list().sha1(), ""));
        self.ui.print_json(&serde_json::json!({
            "dry_run": false,
            "rolled_back": self.args.rollback,
            "node": self.publisher.to_string(),
            "nodes": self.names(),
            "serves": {
                "file": path.display().to_string(),
                "bytes": list.list().bytes().len(),
                "signed_by": list.signer_name(),
                "md5_phone": digest::phone_lines_of_hex(&md5),
                "md5": md5,
                "sha1_phone": digest::phone_lines_of_hex(&sha1),
                "sha1": sha1,
            },
            "tvs_asked": !self.args.tvs.reach.no_tvs,
            "journal": journal.display().to_string(),
        }))
    }

    /// The reading steps, and the plan.
    pub(super) fn dry_run(mut self) -> Result<(), CommandError> {
        let old = look(&mut self.connector, self.args, &self.publisher, &self.nodes, self.ui)?;
        let (desk, plan) = self.plan(&old)?;
        let path = self.old_path();
        let mut file = BatchFile::list(headline(&path, &old), plan, self.new_path());
        file.replaces(&path, &old);
        for warning in file.warnings() {
            self.ui.warn(warning);
        }
        if self.ui.is_json() {
            return self.ui.print_json(&serde_json::json!({
                "dry_run": true,
                "node": self.publisher.to_string(),
                "nodes": self.names(),
                "plans": [file.json(desk.signer())],
                "written": [],
            }));
        }
        let steps: Vec<String> = RunStep::all(self.args.bridge)
            .into_iter()
            .map(|step| format!("  {:<10} {}\n", step.name(), step.says()))
            .collect();
        self.ui.print(&format!("Steps\n{}", steps.concat()))?;
        self.ui.print(&file.plan_text())?;
        self.ui.print("Dry run: nothing was changed on the cluster, and nothing was written.")
    }

    fn names(&self) -> Vec<String> {
        self.nodes.iter().map(ToString::to_string).collect()
    }
}
