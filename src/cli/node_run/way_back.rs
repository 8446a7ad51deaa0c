//! `--rollback`: the CTL that was in force before goes back to every node.

use std::path::Path;

use super::super::cluster::Foretold;
use super::super::error::CommandError;
use super::super::ui::Ui;
use super::look::{kept_list, verified};
use super::{NEW_CTL, Run};
use crate::phone::InstalledLists;
use crate::trustlist::VerifiedList;
use crate::workflow::Progress;
use crate::workflow::journal::FileFingerprint;

/// What the operator is asked before.
pub(super) const QUESTION: &str = "The CTL that was in force before goes back to every node now, and Cisco Tftp and CallManager are \
     restarted, which may cut off calls. Go on?";

/// Says what phones that took the CTL of the run make of the one that was in force before: its signer need not be one
/// that they know any more.
pub(super) fn foretell(work: &Path, progress: &Progress, ui: &Ui) -> Result<(), CommandError> {
    let old = kept_list(work, progress.in_force.as_ref())?;
    let path = work.join(NEW_CTL);
    let signed = progress
        .signed
        .as_ref()
        .and_then(FileFingerprint::content)
        .or_else(|| crate::files::read_plain(&path, crate::trustlist::MAX_FILE_BYTES).ok());
    // What was signed, and cannot be read any more, is no reason to stay without a way back.
    let Some(Ok(new)) = signed.map(verified) else { return Ok(()) };
    let held = InstalledLists { ctl: Some(new), itl: None };
    Foretold::new(path.display().to_string(), &held.installed(), &old).tell(ui);
    Ok(())
}

impl Run<'_> {
    /// Puts the CTL back that was in force before the run.
    pub(super) fn roll_back(mut self) -> Result<(), CommandError> {
        let old = self.old()?;
        match self.put_back(&old) {
            Ok(md5) => {
                let says = format!("every node serves the CTL that was in force: MD5 {md5}");
                self.end_step(Progress::BACK, &says)?;
                let journal = self.end_log()?;
                let words = format!(
                    "The CTL that was in force before is back on every node: MD5 {md5}. Certificates in \
                     Phone-SAST-trust were left; they do no harm.\nPhones that took the new CTL already accept this one \
                     only if its signer is in what they hold: sastctl ctl check {} --installed-ctl {}",
                    self.old_path().display(),
                    self.new_path().display()
                );
                self.answer((&self.old_path(), &old), &journal, &words)
            }
            Err(e) => {
                self.note_failure(Progress::BACK, &e);
                Err(e
                    .detail("kept", self.old_path().display().to_string())
                    .hint("the same command with --rollback goes on where it stopped"))
            }
        }
    }

    /// The CTL on every node, both services on every node, and the proof; its MD5.
    fn put_back(&mut self, old: &VerifiedList) -> Result<String, CommandError> {
        self.check_folders()?;
        self.publish(Progress::BACK, Progress::BACK, old.list().bytes(), &self.old_path())?;
        self.restart_all(Progress::BACK)?;
        self.show_everywhere(old)
    }
}
