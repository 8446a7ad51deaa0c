//! Messages for a run on a cluster that stopped.

use super::super::next::{confirming_option, spell};
use super::{CommandError, ErrorKind};
use crate::cluster::leftover_says;
use crate::workflow::cluster_run::{NoBridge, RunError, RunRefused, Step, Stopped};
use crate::workflow::journal::TokenCertificate;

const UNCHANGED: &str = "nothing was changed by this command";
const ON: &str = "to continue, run the same command with --resume";
const ROLL_BACK: &str = "to restore the old CTL, run the same command with --rollback";
const OWN_FOLDER: &str = "for another run, give another folder: --work DIR";

impl From<RunError> for CommandError {
    fn from(error: RunError) -> Self {
        use RunError as E;
        let kind = match &error {
            E::NoRun { .. } | E::Unreadable { .. } | E::JournalNotText { .. } | E::FileLost { .. } => {
                ErrorKind::File
            }
            E::AnotherSigner { .. } | E::OtherTokens { .. } => ErrorKind::Token,
            E::Declined { .. } => ErrorKind::Interrupted,
            _ => ErrorKind::No,
        };
        let base = CommandError::new(kind, error.to_string()).caused_by_sources(&error);
        match error {
            E::NoRun { .. } => base.hint("give the folder of the run: --work DIR"),
            E::Refused { why, run, journal, chosen } => {
                let run = run.map_or_else(|| "of an unknown node".to_owned(), |run| run.to_string());
                let journal = journal.map(|path| path.display().to_string()).unwrap_or_default();
                let base = base.detail("run", run).detail("journal", journal).detail("", UNCHANGED);
                match why {
                    RunRefused::NotEnded => base.hints(&[ON, ROLL_BACK, OWN_FOLDER]),
                    RunRefused::AnotherRun => base
                        .detail("chosen", chosen.to_string())
                        .hint("give the --node and --work with which the run was started"),
                    RunRefused::IsRolledBack => base
                        .hint("first finish the rollback with --rollback; then start a new run without --resume"),
                    RunRefused::NothingKept | RunRefused::Ended => base,
                }
            }
            E::Unreadable { .. } => base.hint("move the journal back to its old place").hint(OWN_FOLDER),
            E::JournalNotText { .. } => base.hint("give another folder: --journal DIR"),
            E::Busy { .. } => base
                .detail("", UNCHANGED)
                .hint("wait until it ends; then continue with --resume, or undo the run with --rollback"),
            E::NotMixed { left_behind, .. } => {
                let base = if left_behind { base.detail("CTL", leftover_says()) } else { base };
                base.hint("first set the cluster to mixed mode: sastctl tokenless from release 10.0 on (`utils ctl set-cluster mixed-mode`), the CTL Client in earlier releases")
            }
            E::WayClosed { .. } => base.hint("sastctl migrate plan shows the ways that are open"),
            E::NotDoneByHand { which } => base.hint(format!(
                "when it is done, run the same command with --resume --done-by-hand {} (--yes does not confirm this)",
                format!("{which:?}").to_lowercase()
            )),
            E::CtlGone => base.hint("sastctl tokenless makes one that the publisher signs; sastctl client makes one that tokens sign"),
            E::CtlsDiffer { .. } => {
                base.hint("first make all nodes serve the same CTL: sastctl cluster fetch shows the CTL of each node")
            }
            E::InForceChanged { again, .. } => base.hint(format!(
                "the answer is not for this CTL; make a new request, with the other options of this run: {}",
                spell(&again)
            )),
            E::WaitsForAnswer { .. } => base
                .hint("run the same command with --resume --answer FILE")
                .hint("to sign with a token here instead, start a new run: the same command without --resume"),
            E::IsSigned => base.hint("continue with sastctl revert --node … --resume"),
            E::NotReady(stops) => base.details("", stops.into_iter().skip(1).map(|finding| finding.says)),
            E::ReadinessNotConfirmed(open) => open
                .iter()
                .fold(base, |e, finding| e.detail(confirming_option(finding.subject), &finding.says))
                .hint("check each line, then add its option; --yes does not confirm them"),
            E::BridgeNotConfirmed => base.hint(
                "reset the phones; when every phone holds the bridge, run the same command with --resume --phones-have-it (--yes does not confirm this)",
            ),
            E::PhonesRefuse { .. } => base
                .hint("--rollback restores the old CTL; --resume asks the phones again")
                .hint("why a phone refuses: sastctl diagnose --node PUBLISHER --phone NAME"),
            E::PhonesLackBridge => {
                base.hint("on phones that never load it, delete the CTL by hand: sastctl help refusing-phones")
            }
            E::NoBridge(NoBridge::HasToken { .. }) => base
                .hint("go back with --rollback, delete that certificate from Phone-SAST-trust, and start again"),
            E::NoBridge(why) => match why {
                NoBridge::Lacks { .. } => base.detail(
                    "",
"`utils ctl update CTLFile`: no public source says whether it accepts token certificates; on this cluster it did not",
                ),
                NoBridge::Missing { .. } | NoBridge::Old { .. } | NoBridge::Differs { .. } => {
                    base.detail("", "CUCM copies its CTL to every node by SFTP, and Cisco Tftp was restarted")
                }
                NoBridge::NotAccepted { .. } | NoBridge::HasToken { .. } => base,
            }
            .hint("continue with --resume and without --bridge: phones with TVS accept the new CTL, the plan lists the others"),
            E::NoCertificate { .. } => base.hint("download it from OS Administration, and give it: --certificate FILE"),
            E::StillToRenew { tvs } => base.details("", tvs),
            E::NotYet { .. } | E::NotYetTokenless { .. } => base
                .hint("first: sastctl renew --node PUBLISHER; reset the phones, and wait until all have the new lists"),
            E::StillTrusted { .. } => base
                .hint("delete them in OS Administration of the publisher: Security > Certificate Management; then --resume"),
            E::FileLost { .. } => {
                base.hint("the journal contains the file: sastctl journal show --json prints the bytes of every file")
            }
            E::AnotherSigner { inserted, chosen } => base
                .detail("inserted", inserted)
                .detail("chosen", chosen)
                .hint("insert the chosen token, and continue with --resume"),
            E::OtherTokens { run, chosen } => base
                .detail("run", TokenCertificate::list(&run))
                .detail("chosen", TokenCertificate::list(&chosen))
                .detail("", "TVS was asked only about the tokens of the run; nothing was changed by this command")
                .hint("give the tokens of the run (--token, --spare), and continue with --resume")
                .hint("for other tokens, start another run in another folder: --work DIR"),
            E::OtherCertificates { run, chosen } => base
                .detail("run", TokenCertificate::list(&run))
                .detail("chosen", TokenCertificate::list(&chosen))
                .hint(OWN_FOLDER),
            E::Declined { rollback } => {
                let option = if rollback { "--rollback" } else { "--resume" };
                base.hint(format!("to continue from here, run the same command with {option}"))
            }
            _ => base,
        }
    }
}

impl CommandError {
    /// Adds where a run stopped, the state of the cluster, and how to continue.
    pub(super) fn stopped(self, at: &Stopped) -> Self {
        let (step, kept) = (at.step, at.kept.as_ref().map(|path| path.display().to_string()));
        let non_secure = "to set the cluster to non-secure mode, run the same command with --rollback";
        let back = if at.sets_mixed { non_secure } else { ROLL_BACK };
        let with_kept = |error: Self| kept.iter().fold(error, |error, kept| error.detail("old CTL", kept));
        if step == Step::Rollback {
            return with_kept(self).hint("to continue from here, run the same command with --rollback");
        }
        let place = if at.after.is_some() { "before" } else { "at" };
        let error = self
            .detail("stopped", format!("{place} {}: {}", step.name(), step.description()))
            .detail("state", at.after.unwrap_or(step).state_if_it_fails());
        let by_hand = "or do it by hand on the publisher: `utils ctl set-cluster mixed-mode`; then --resume";
        let error = with_kept(error).hint(ON);
        let error = if step == Step::SetMixed { error.hint(by_hand) } else { error };
        let is_undone = at.after.is_none() && step.is_undone_by_rollback();
        if is_undone { error.hint(back) } else { error }
    }
}
