//! The run `tokenless`: what phones do with the list that the publisher will make, and the proof that the publisher made it.
//! Where no CTL is in force, the publisher makes it by `utils ctl set-cluster mixed-mode`.

use super::error::RunError;
use super::folder::CTL;
use super::preflight::no_ctl;
use super::run::ClusterRun;
use super::step::{RunKind, Step};
use crate::cluster::shell::answers::ShownCtl;
use crate::cluster::{RENEWAL_SERVICES, SERVICES, SecurityMode, fetch, is_left_behind};
use crate::phone::{Installed, InstalledItl, NewList, TvsStatus, assess_classes, services};
use crate::trustlist::{Function, Record, Style, TrustList, VerifiedList};
use crate::workflow::error::WorkError;
use crate::workflow::fetched::served_lists;
use crate::workflow::journal::{Event, FileFingerprint};
use crate::workflow::operator::View;
use crate::workflow::phone_impact::PhoneImpact;
use crate::workflow::plan::{NeededRecord, Release, Unit, major_minor};

impl ClusterRun<'_> {
    /// The records of the certificates that sign a tokenless CTL, the signer first: from 12.0 on ITLRecovery, and phones must
    /// know CallManager, too.
    fn publisher_signs(&self, mut records: Vec<NeededRecord>) -> Result<Vec<NeededRecord>, WorkError> {
        let recovery = major_minor(&self.version).is_some_and(|release| release >= (12, 0));
        let function = match self.release()? {
            Release::WithRecovery => Function::SAST,
            Release::TokensAlone => Function::CCM_TFTP,
        };
        records.retain(|r| r.function == function && (recovery || r.unit == Unit::CallManager));
        records.truncate(if recovery { 2 } else { 1 });
        Ok(records)
    }

    /// The services that are restarted after it: `utils ctl` asks for CTIManager, too, in newer releases (PCCE; 221657: 12.5).
    pub(super) fn tokenless_needs(&self, sets_mixed: bool) -> Event {
        let newer = major_minor(&self.version).is_some_and(|release| release >= (12, 0));
        let cti = RENEWAL_SERVICES.last().filter(|_| newer);
        let services = SERVICES.iter().chain(cti).map(|service| (*service).to_owned()).collect();
        Event::Needs { services, ctl_stays: false, sets_mixed, left_to_do: vec![] }
    }

    /// What phones that hold this CTL do with the list that the publisher will make. It is an error if they do not hold the
    /// signers that they must know before.
    pub(super) fn tokenless_impact(&self, old: &VerifiedList) -> Result<PhoneImpact, WorkError> {
        if !old.signer().is_token() {
            return Err(RunError::AlreadyTokenless { signer: old.signer_name() }.into());
        }
        let (mut held, mut lacks) = (Vec::new(), Vec::new());
        for needed in self.publisher_signs(self.needs()?.records)? {
            let its =
                |record: &&Record| needed.function == record.function() && record.is_of(&needed.certificate);
            match old.list().records().iter().find(its) {
                Some(record) => held.push(record),
                None => lacks.push(needed.unit.to_string()),
            }
        }
        let Some(signer) = held.first().filter(|_| lacks.is_empty()) else {
            return Err(RunError::NotYetTokenless { lacks }.into());
        };
        let (installed, new) =
            (Installed { ctl: Some(old), itl: InstalledItl::Unknown }, NewList::by_record(old, signer));
        // TVS knows the publisher's own certificates without an upload.
        let verdicts = assess_classes(&installed, &new, &TvsStatus::Uploaded);
        let (held, findings) = ("the CTL in force".to_owned(), services(&installed, &new));
        Ok(PhoneImpact { held, verdicts, findings, signer: new.name })
    }

    /// `utils ctl update CTLFile` copies the certificates of Phone-SAST-trust into the CTL, so those of tokens leave it first.
    pub(super) fn distrust(&mut self) -> Result<String, WorkError> {
        let old = self.held_before()?;
        let mut publisher = self.connector.open(&self.options.publisher)?;
        let (mut gone, mut left) = (Vec::new(), Vec::new());
        let sasts = old.iter().flat_map(|old| old.list().sasts());
        for token in sasts.filter(|record| record.is_token()) {
            let name = token.short_name();
            if publisher.distrust(&name)? { &mut gone } else { &mut left }.push(name);
        }
        if left.is_empty() {
            Ok(format!("{} not in Phone-SAST-trust", gone.join(" and ")))
        } else {
            Err(RunError::StillTrusted { names: left }.into())
        }
    }

    /// The CTL in force; `None`: there is none, and this run sets the cluster to mixed mode.
    pub(super) fn in_force(&mut self) -> Result<Option<VerifiedList>, WorkError> {
        match self.look() {
            Err(WorkError::Run(e))
                if self.options.kind == RunKind::Tokenless
                    && matches!(*e, RunError::NotMixed { .. } | RunError::CtlGone) =>
            {
                Ok(None)
            }
            found => found.map(Some),
        }
    }

    /// The CTL that was in force before the run, or that the publisher served; `None`: there was none.
    pub(super) fn held_before(&self) -> Result<Option<VerifiedList>, WorkError> {
        self.state.in_force.is_some().then(|| self.old()).transpose()
    }

    /// The CTL that was found, as it is kept in the folder.
    pub(super) fn fingerprint(&self, found: &VerifiedList) -> FileFingerprint {
        FileFingerprint::of(self.options.folder.old().display().to_string(), found.list().bytes())
    }

    /// What phones with these lists do with the first CTL that the publisher makes.
    pub(super) fn first_impact(&self, held: &Installed<VerifiedList>) -> Result<PhoneImpact, WorkError> {
        let records = self.needs()?.records;
        let signer = self.publisher_signs(records.clone())?.into_iter().next();
        let signer =
            signer.ok_or_else(|| RunError::NotYetTokenless { lacks: vec![] })?.record(Style::Cucm)?;
        let records = records.iter().map(|needed| needed.record(Style::Cucm));
        let records = records.collect::<Result<Vec<_>, _>>()?;
        let (installed, new) = (held.as_ref(), NewList::first(&records, &signer));
        let verdicts = assess_classes(&installed, &new, &TvsStatus::Uploaded);
        let findings = services(&installed, &new);
        let held = if held.ctl.is_some() { "the CTL that the publisher serves" } else { "no CTL" };
        Ok(PhoneImpact { held: held.to_owned(), verdicts, findings, signer: new.name })
    }

    /// Why there is no CTL in force, and how this run makes one.
    pub(super) fn first_says(&mut self) -> Result<String, WorkError> {
        let says = match self.connector.open(&self.options.publisher)?.security_mode()? {
            SecurityMode::NonSecure => {
                "the cluster is in non-secure mode: `utils ctl set-cluster mixed-mode` makes its CTL"
            }
            SecurityMode::Mixed => {
                "the cluster is in mixed mode, but no node has a CTL: `utils ctl set-cluster mixed-mode` makes one; no public \
                 source says whether the publisher does that in mixed mode, and phones that hold an earlier CTL need its SAST as \
                 the signer"
            }
        };
        Ok(format!("{says}. The way back is a rollback: `utils ctl set-cluster non-secure-mode`"))
    }

    /// The preflight where no CTL is in force.
    pub(super) fn preflight_of_first(&mut self) -> Result<String, WorkError> {
        let held = served_lists(&self.options.publisher, self.options.ports)?;
        self.be_ready()?;
        let (says, impact) = (self.first_says()?, self.first_impact(&held)?);
        self.operator.show(&View::Text(&says))?;
        self.operator.show(&View::PhoneImpact(&impact))?;
        self.found = held.ctl.map(|ctl| self.fingerprint(&ctl));
        self.needed = Some(self.tokenless_needs(true));
        Ok(format!("no CTL is in force; {} will sign the tokenless CTL", impact.signer))
    }

    /// Whether the cluster is in mixed mode, and the publisher has a CTL that it had not before.
    fn has_new_ctl(&mut self) -> Result<bool, WorkError> {
        let before = self.state.in_force.as_ref().map(|file| file.md5.clone());
        let mut publisher = self.connector.open(&self.options.publisher)?;
        let is_new = |shown| matches!(shown, ShownCtl::Verified(sums) if Some(&sums.md5) != before.as_ref());
        Ok(publisher.security_mode()? == SecurityMode::Mixed && is_new(publisher.shown_ctl()?))
    }

    /// `utils ctl set-cluster mixed-mode`, unless it was done already: by hand, or before an interruption.
    pub(super) fn set_mixed(&mut self) -> Result<String, WorkError> {
        self.distrust()?;
        if !self.has_new_ctl()? {
            self.connector.open(&self.options.publisher)?.set_cluster(SecurityMode::Mixed)?;
            if !self.has_new_ctl()? {
                return Err(no_ctl(&self.options.publisher, "has no new CTL, or is not in mixed mode"));
            }
        }
        Ok("the cluster is in mixed mode; a node serves the new CTL after a restart of Cisco Tftp".to_owned())
    }

    /// The way back: no node serves a CTL any more that is in force.
    pub(super) fn set_non_secure(&mut self) -> Result<String, WorkError> {
        let mut publisher = self.connector.open(&self.options.publisher)?;
        if publisher.security_mode()? != SecurityMode::NonSecure {
            publisher.set_cluster(SecurityMode::NonSecure)?;
        }
        let mode = publisher.security_mode()?;
        drop(publisher);
        self.restart_all(Step::Rollback)?;
        for node in &self.nodes {
            let served = fetch(node.host().unwrap_or_default(), self.options.ports, CTL)?;
            let ctl = served.and_then(|file| TrustList::decode(file.bytes).ok());
            if mode != SecurityMode::NonSecure || ctl.is_some_and(|ctl| is_left_behind(mode, &ctl)) {
                return Err(no_ctl(node, "still serves a CTL of mixed mode"));
            }
        }
        Ok("the cluster is in non-secure mode, and no node serves a CTL of mixed mode".to_owned())
    }

    /// The proof that the publisher signed this list.
    pub(super) fn check_signer(&self, list: &VerifiedList) -> Result<(), WorkError> {
        let signs = self.publisher_signs(self.needs()?.records)?;
        if signs.first().is_some_and(|signer| list.signer().is_of(&signer.certificate)) {
            return Ok(());
        }
        Err(RunError::NotThePublisher { signer: list.signer_name() }.into())
    }
}
