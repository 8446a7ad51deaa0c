//! The runs that move phones to another cluster: over TVS of the old cluster, over a CTL of it that names the new signers (the
//! bridge), or with the same tokens in both. What neither shell nor REST can do is printed, and a person confirms it.

use super::error::RunError;
use super::folder::RunFolder;
use super::run::ClusterRun;
use super::step::{ByHand, RunKind, Step};
use crate::cluster::{NodeAddress, Ports};
use crate::phone::{Installed, InstalledItl, NewList, TvsStatus, assess_classes};
use crate::trustlist::{Certificate, VerifiedList};
use crate::workflow::advice::Procedure;
use crate::workflow::advice::migration::{Side, certificates_to_trust, migration};
use crate::workflow::error::WorkError;
use crate::workflow::fetched::{OtherCluster, served_lists};
use crate::workflow::input::read_verified;
use crate::workflow::operator::{Question, View};
use crate::workflow::phone_impact::PhoneImpact;
use crate::workflow::plan::{Edit, Plan, Request, update};

/// A way that a run moves phones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum MigrationWay {
    /// The signers of the new cluster in Phone-SAST-trust of the old one; phones ask its TVS
    Tvs,
    /// A CTL of the old cluster that names the signers of the new one; no phone refuses
    Bridge,
    /// The same tokens sign the CTLs of both clusters
    SameTokens,
}

impl MigrationWay {
    /// The run: which bridge it is depends on who signed the CTL of the old cluster, that of an earlier run of the folder first.
    pub fn kind(self, folder: &RunFolder, from: &NodeAddress, ports: Ports) -> Result<RunKind, WorkError> {
        let kept = Some(folder.old()).filter(|path| path.exists());
        Ok(match self {
            MigrationWay::Tvs => RunKind::MigrateByTvs,
            MigrationWay::SameTokens => RunKind::MigrateWithSameTokens,
            MigrationWay::Bridge => {
                let ctl = match kept {
                    Some(path) => Some(read_verified(&path)?),
                    None => served_lists(from, ports)?.ctl,
                };
                match ctl.is_some_and(|ctl| ctl.signer().is_token()) {
                    true => RunKind::MigrateBySignedBridge,
                    false => RunKind::MigrateByBridge,
                }
            }
        })
    }
}

impl ClusterRun<'_> {
    fn other(&self) -> Result<&OtherCluster, RunError> {
        self.options.other.as_ref().ok_or(RunError::NoOtherCluster)
    }

    /// The certificates that the old cluster must trust.
    pub(super) fn of_other(&self) -> Result<Vec<Certificate>, RunError> {
        Ok(certificates_to_trust(&self.other()?.lists.as_ref()))
    }

    /// What phones that hold this CTL do with that of the new cluster. It is an error if the way is not open.
    pub(super) fn migration_impact(&self, old: &VerifiedList) -> Result<PhoneImpact, WorkError> {
        let other = self.other()?;
        let kind = self.options.kind;
        let lists = Installed { ctl: Some(old), itl: InstalledItl::Unknown };
        let side = |lists, node: &NodeAddress| Side { lists, ctl: String::new(), node: node.to_string() };
        let (from, to) = (side(lists, &self.options.publisher), side(other.lists.as_ref(), &other.node));
        let way = kind.way();
        let found = migration(&from, &to, &[]).into_iter().find(|procedure| procedure.name == way);
        let new = match (found, &other.lists.ctl) {
            (Some(Procedure { closed: None, .. }), Some(new)) => new,
            (found, _) => {
                let why = found.and_then(|way| way.closed);
                let no_ctl =
                    || "the new cluster has no CTL, and phones keep the CTL that they have".to_owned();
                return Err(RunError::WayClosed { way, why: why.unwrap_or_else(no_ctl) }.into());
            }
        };
        let (held, tvs) = match kind {
            RunKind::MigrateByTvs => (lists, TvsStatus::Uploaded),
            RunKind::MigrateWithSameTokens => (lists, TvsStatus::NotAsked),
            // As with a CTL that names its signer.
            _ => (Installed { ctl: Some(new), ..lists }, TvsStatus::NotAsked),
        };
        let list = NewList::of(new);
        let verdicts = assess_classes(&held, &list, &tvs);
        let held = format!("the CTL of {} when they move to {}", self.options.publisher, other.node);
        // Each server is another one there.
        Ok(PhoneImpact { held, verdicts, findings: vec![], signer: list.name })
    }

    /// The plan of a CTL of the old cluster that names the signers of the new one.
    pub(super) fn signed_bridge(&self, old: &VerifiedList, request: &Request<'_>) -> Result<Plan, WorkError> {
        let lists = self.other()?.lists.as_ref();
        let signers = lists.ctl.into_iter().chain(lists.itl.list()).map(|list| list.signer().certificate());
        let mut edits: Vec<Edit> = Vec::new();
        let mut seen: Vec<Certificate> = Vec::new();
        for signer in signers.flatten().filter_map(Result::ok) {
            if !seen.contains(&signer) && !old.list().sasts().any(|record| record.is_of(&signer)) {
                seen.push(signer.clone());
                edits.push(Edit::AddToken(signer));
            }
        }
        Ok(update(old, request, &edits)?)
    }

    /// A step that a person does; the phones themselves may prove the last one.
    pub(super) fn by_hand(&mut self, which: ByHand) -> Result<String, WorkError> {
        let (from, other) = (&self.options.publisher, self.other()?);
        let (from, to) = (from.host().unwrap_or_default(), other.node.host().unwrap_or_default());
        let says = match which {
            ByHand::Store => format!(
                "By hand, in OS Administration (Security > Certificate Management): the CallManager certificates in {} into \
                 CallManager-trust of {from}; for phones with an LSC, CAPF of {from} into CAPF-trust of {to}.",
                self.options.folder.0.join("certs").display()
            ),
            ByHand::Move => format!(
                "By hand: point option 150 (the TFTP server in DHCP) to {to}, for a few phones first, and reset them: they take \
                 its CTL, then its ITL."
            ),
        };
        self.operator.show(&View::Text(&says))?;
        if let (ByHand::Move, Some(ctl)) = (which, &other.lists.ctl)
            && self.every_phone_holds(ctl)?
        {
            return Ok("every phone of the list shows that it holds the CTL of the new cluster".to_owned());
        }
        let question = Question::ByHand { which, says };
        if !(self.operator.said_yes(&question) || self.operator.can_ask() && self.operator.ask(&question)?) {
            return Err(RunError::NotDoneByHand { which }.into());
        }
        Ok("the operator confirmed that it is done".to_owned())
    }
}

impl RunKind {
    /// The name of its way in the plan of a migration; empty for other runs.
    pub fn way(self) -> &'static str {
        match self {
            RunKind::MigrateByTvs => "tvs",
            RunKind::MigrateByBridge | RunKind::MigrateBySignedBridge => "bridge",
            RunKind::MigrateWithSameTokens => "same-tokens",
            _ => "",
        }
    }

    /// What is done after it, in words.
    pub(super) fn done(self, rolled_back: bool) -> &'static str {
        match self.way() {
            _ if rolled_back => "The cluster is in non-secure mode again. Reset the phones.",
            "" => "Done. Every node shows and serves the new CTL.",
            _ => "Done. The phones move to the new cluster; look at those that did not come.",
        }
    }

    /// The steps of a run that moves phones.
    pub(super) fn steps_to_move(self) -> Vec<Step> {
        use Step as S;
        let trust = [S::Trust, S::RestartTvs, S::CheckTvs, S::Store];
        match self {
            RunKind::MigrateByTvs => [&[S::Preflight], &trust[..], &[S::Move]].concat(),
            RunKind::MigrateByBridge => {
                let bridge = [S::BuildBridge, S::DistributeBridge, S::AwaitPhones, S::Move];
                [&[S::Preflight, S::Backup], &trust[..], &bridge].concat()
            }
            RunKind::MigrateBySignedBridge => {
                let replace = [S::Sign, S::DeleteOld, S::Publish, S::Restart, S::Verify];
                [&[S::Preflight, S::Backup], &replace[..], &[S::AwaitPhones, S::Move]].concat()
            }
            _ => vec![S::Preflight, S::Move],
        }
    }
}
