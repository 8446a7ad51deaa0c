//! What a run that came to its end says on standard output: words, or one JSON document.

use std::path::Path;

use super::super::error::CommandError;
use super::super::signing::{BatchFile, headline};
use super::Run;
use super::look::verified;
use super::ready::readiness_text;
use crate::phone::{ClassVerdict, InstalledLists, NewList, TvsStatus, assess_classes};
use crate::trustlist::{VerifiedList, digest};
use crate::workflow::cluster_run::Step;
use crate::workflow::left_to_do;

/// The checksums of a list, as files and as phones' screens show them: which of the two depends on the model.
pub(super) fn checksums(bytes: &[u8]) -> String {
    let line = |name: &str, sum: &[u8]| {
        let phone = digest::phone_lines(sum).join(" ");
        format!("  {name:<5} {}\n        on the phone: {phone}\n", digest::hex(sum, ""))
    };
    line("MD5", &digest::md5(bytes)) + &line("SHA1", &digest::sha1(bytes))
}

impl Run<'_> {
    /// What the operator does once the run has ended; `phones`: what they make of the new list.
    pub(super) fn left_to_do(&self, phones: &[ClassVerdict]) -> String {
        let lines = left_to_do(phones);
        let line = |(at, says): (usize, &String)| format!("  {}. {says}\n", at.saturating_add(1));
        format!("Left to do by hand\n{}", lines.iter().enumerate().map(line).collect::<String>())
    }

    /// What phones make of the new list that hold the one which the run signed upon; TVS was asked.
    pub(super) fn phones_say(&self, new: &VerifiedList) -> Result<Vec<ClassVerdict>, CommandError> {
        let old = if self.args.bridge { verified(self.kept_bridge()?)? } else { self.old()? };
        let held = InstalledLists { ctl: Some(old), itl: None };
        Ok(assess_classes(&held.installed(), &NewList::of(new), &TvsStatus::Uploaded))
    }

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
        let old = self.look()?;
        let ready = self.findings()?;
        let (session, plan) = self.plan(&old)?;
        // Over the bridge every class of phones that the plan names follows.
        let phones = if self.args.bridge { vec![] } else { plan.phones().to_vec() };
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
                "before": ready,
                "plans": [file.json(session.signer())],
                "left_to_do": left_to_do(&phones),
                "written": [],
            }));
        }
        let steps: Vec<String> = Step::all(self.args.bridge)
            .map(|step| format!("  {:<10} {}\n", step.name(), step.description()))
            .collect();
        self.ui.print(&readiness_text(&ready))?;
        self.ui.print(&format!("Steps\n{}", steps.concat()))?;
        self.ui.print(&file.plan_text())?;
        self.ui.print(&self.left_to_do(&phones))?;
        self.ui.print("Dry run: nothing was changed on the cluster, and nothing was written.")
    }

    fn names(&self) -> Vec<String> {
        self.nodes.iter().map(ToString::to_string).collect()
    }
}
