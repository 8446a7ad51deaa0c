//! What is said where a run on a cluster stopped.

use super::super::cluster_run::looked_at_option;
use super::{CommandError, ErrorKind};
use crate::cluster::leftover_says;
use crate::workflow::cluster_run::{NoBridge, RunError, RunRefused, Step, Stopped};
use crate::workflow::journal::TokenCertificate;

const UNCHANGED: &str = "nothing was changed by this command";
const ON: &str = "to continue: the same command with --resume";
const ROLL_BACK: &str = "to roll back: the same command with --rollback puts the old CTL back";
const OWN_FOLDER: &str = "another run needs another folder: --work DIR";

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
            E::NoRun { .. } => base.hint("--work DIR names the folder of the run"),
            E::Refused { why, run, journal, chosen } => {
                let run = run.map_or_else(|| "of an unknown node".to_owned(), |run| run.to_string());
                let journal = journal.map(|path| path.display().to_string()).unwrap_or_default();
                let base = base.detail("run", run).detail("journal", journal).detail("", UNCHANGED);
                match why {
                    RunRefused::NotEnded => base.hints(&[ON, ROLL_BACK, OWN_FOLDER]),
                    RunRefused::AnotherRun => base
                        .detail("chosen", chosen.to_string())
                        .hint("--node and --work as the run began with them"),
                    RunRefused::IsRolledBack => base
                        .hint("--rollback continues that; then a new run can be begun, without --resume"),
                    RunRefused::NothingKept | RunRefused::Ended => base,
                }
            }
            E::Unreadable { .. } => {
                base.hint("bring the journal back to where it was").hint(OWN_FOLDER)
            }
            E::JournalNotText { .. } => base.hint("name another one: --journal DIR"),
            E::Busy { .. } => base
                .detail("", UNCHANGED)
                .hint("wait until it ends; then --resume goes on, and --rollback goes back"),
            E::NotMixed { left_behind, .. } => {
                let base = if left_behind { base.detail("CTL", leftover_says()) } else { base };
                base.hint("mixed mode first: `utils ctl set-cluster mixed-mode` from release 10.0 on, the CTL Client before")
            }
            E::CtlsDiffer { .. } => {
                base.hint("bring all nodes to the same CTL first: sastctl cluster fetch shows what each holds")
            }
            E::NotReady(stops) => base.details("", stops.into_iter().skip(1).map(|finding| finding.says)),
            E::NobodyLooked(open) => open
                .iter()
                .fold(base, |e, finding| e.detail(looked_at_option(finding.subject), &finding.says))
                .hint("check each line, then add its option; --yes does not answer them"),
            E::NobodyAsksPhones => base.hint(
                "reset the phones; when every phone holds it: the same command with --resume --phones-have-it; --yes does \
                 not answer it",
            ),
            E::PhonesLackBridge => {
                base.hint("phones that never load it need their CTL deleted by hand: sastctl help phones")
            }
            E::NoBridge(why) => match why {
                NoBridge::Lacks { .. } => base.detail(
                    "",
"`utils ctl update CTLFile`: no public source says whether it takes token certificates; here it did not",
                ),
                NoBridge::Missing { .. } | NoBridge::Old { .. } | NoBridge::Differs { .. } => {
                    base.detail("", "CUCM copies its CTL to every node by SFTP, and Cisco Tftp was restarted")
                }
                NoBridge::NotAccepted { .. } => base,
            }
            .hint("go on without it: --resume, and no --bridge; phones with TVS follow, the others are named in the plan"),
            E::FileLost { .. } => {
                base.hint("the journal holds it: sastctl journal show --json has the bytes of every file")
            }
            E::AnotherSigner { inserted, chosen } => base
                .detail("inserted", inserted)
                .detail("chosen", chosen)
                .hint("insert the token that was chosen, and go on with --resume"),
            E::OtherTokens { run, chosen } => base
                .detail("run", TokenCertificate::list(&run))
                .detail("chosen", TokenCertificate::list(&chosen))
                .detail("", "TVS was asked about the tokens of the run alone; nothing was changed by this command")
                .hint("name the tokens of the run (--token, --spare), and go on with --resume")
                .hint("other tokens need a run of their own: another folder, --work DIR"),
            E::Declined { rollback } => {
                let option = if rollback { "--rollback" } else { "--resume" };
                base.hint(format!("the same command with {option} goes on from here"))
            }
            _ => base,
        }
    }
}

impl CommandError {
    /// Where a run stopped, the state of the cluster, and how to go on.
    pub(super) fn stopped(self, at: &Stopped) -> Self {
        let (step, kept) = (at.step, at.kept.display().to_string());
        if step == Step::Rollback {
            return self
                .detail("kept", kept)
                .hint("the same command with --rollback goes on where it stopped");
        }
        let place = if at.after.is_some() { "before" } else { "at" };
        let error = self
            .detail("stopped", format!("{place} {}: {}", step.name(), step.description()))
            .detail("state", at.after.unwrap_or(step).state_if_it_fails())
            .detail("kept", kept)
            .hint(ON);
        let is_undone = at.after.is_none() && step.is_undone_by_rollback();
        if is_undone { error.hint(ROLL_BACK) } else { error }
    }
}
