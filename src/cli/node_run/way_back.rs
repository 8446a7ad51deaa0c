//! `--rollback`: the CTL that was in force before goes back to every node.

use std::path::Path;

use super::super::error::CommandError;
use super::look::{kept_list, verified};
use super::{NEW_CTL, Run};
use crate::phone::InstalledLists;
use crate::trustlist::digest;
use crate::workflow::cluster_run::{RunState, Step};
use crate::workflow::journal::FileFingerprint;
use crate::workflow::phone_impact::PhoneImpact;
use crate::workflow::{Operator, View};

/// Says what phones that took the CTL of the run make of the one that was in force before: its signer need not be one
/// that they know any more.
pub(super) fn show_phone_impact(
    work: &Path,
    run: &RunState,
    operator: &dyn Operator,
) -> Result<(), CommandError> {
    let old = kept_list(work, run.in_force.as_ref())?;
    let path = work.join(NEW_CTL);
    let signed = run
        .signed
        .as_ref()
        .and_then(FileFingerprint::content)
        .or_else(|| crate::files::read_plain(&path, crate::trustlist::MAX_FILE_BYTES).ok());
    // What was signed, and cannot be read any more, is no reason to stay without a way back.
    let Some(Ok(new)) = signed.map(verified) else { return Ok(()) };
    let held = InstalledLists { ctl: Some(new), itl: None };
    let impact = PhoneImpact::new(path.display().to_string(), &held.installed(), &old);
    Ok(operator.show(&View::PhoneImpact(&impact))?)
}

impl Run<'_> {
    /// The CTL on every node, both services on every node, and the proof.
    pub(super) fn put_back(&mut self) -> Result<String, CommandError> {
        let old = self.old()?;
        self.check_folders()?;
        self.publish(Step::Rollback, Step::Rollback, old.list().bytes(), &self.old_path())?;
        self.restart_all(Step::Rollback)?;
        let md5 = self.show_everywhere(&old)?;
        Ok(format!("every node serves the CTL that was in force: MD5 {md5}"))
    }

    /// What is said once it is done.
    pub(super) fn rolled_back(&self, journal: &Path) -> Result<(), CommandError> {
        let old = self.old()?;
        let words = format!(
            "The CTL that was in force before is back on every node: MD5 {}. Certificates in \
             Phone-SAST-trust were left; they do no harm.\nPhones that took the new CTL already accept this one \
             only if its signer is in what they hold: sastctl ctl check {} --installed-ctl {}",
            digest::hex(&old.list().md5(), ""),
            self.old_path().display(),
            self.new_path().display()
        );
        self.answer((&self.old_path(), &old), journal, &words)
    }
}
