//! The run `tokenless`: what phones do with the list that the publisher will make, and the proof that the publisher made it.

use super::error::RunError;
use super::run::ClusterRun;
use crate::cluster::{RENEWAL_SERVICES, SERVICES};
use crate::phone::{Installed, InstalledItl, NewList, TvsStatus, assess_classes, services};
use crate::trustlist::{Function, Record, VerifiedList};
use crate::workflow::error::WorkError;
use crate::workflow::journal::Event;
use crate::workflow::phone_impact::PhoneImpact;
use crate::workflow::plan::{NeededRecord, Release, Unit, major_minor};

impl ClusterRun<'_> {
    /// The records of the certificates that sign a tokenless CTL, the signer first: from 12.0 on ITLRecovery, and phones must
    /// know CallManager, too.
    fn publisher_signs(&self) -> Result<Vec<NeededRecord>, WorkError> {
        let recovery = major_minor(&self.version).is_some_and(|release| release >= (12, 0));
        let function = match self.release()? {
            Release::WithRecovery => Function::SAST,
            Release::TokensAlone => Function::CCM_TFTP,
        };
        let mut records = self.needs()?.records;
        records.retain(|r| r.function == function && (recovery || r.unit == Unit::CallManager));
        records.truncate(if recovery { 2 } else { 1 });
        Ok(records)
    }

    /// The services that are restarted after it: `utils ctl` asks for CTIManager, too, in newer releases (PCCE; 221657: 12.5).
    pub(super) fn tokenless_needs(&self) -> Event {
        let newer = major_minor(&self.version).is_some_and(|release| release >= (12, 0));
        let cti = RENEWAL_SERVICES.last().filter(|_| newer);
        let services = SERVICES.iter().chain(cti).map(|service| (*service).to_owned()).collect();
        Event::Needs { services, ctl_stays: false, left_to_do: vec![] }
    }

    /// What phones that hold this CTL do with the list that the publisher will make. It is an error if they do not hold the
    /// signers that they must know before.
    pub(super) fn tokenless_impact(&self, old: &VerifiedList) -> Result<PhoneImpact, WorkError> {
        if !old.signer().is_token() {
            return Err(RunError::AlreadyTokenless { signer: old.signer_name() }.into());
        }
        let (mut held, mut lacks) = (Vec::new(), Vec::new());
        for needed in self.publisher_signs()? {
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
        let old = self.old()?;
        let mut publisher = self.connector.open(&self.options.publisher)?;
        let (mut gone, mut left) = (Vec::new(), Vec::new());
        for token in old.list().sasts().filter(|record| record.is_token()) {
            let name = token.short_name();
            if publisher.distrust(&name)? { &mut gone } else { &mut left }.push(name);
        }
        if left.is_empty() {
            Ok(format!("{} not in Phone-SAST-trust", gone.join(" and ")))
        } else {
            Err(RunError::StillTrusted { names: left }.into())
        }
    }

    /// The proof that the publisher signed this list.
    pub(super) fn check_signer(&self, list: &VerifiedList) -> Result<(), WorkError> {
        let signs = self.publisher_signs()?;
        if signs.first().is_some_and(|signer| list.signer().is_of(&signer.certificate)) {
            return Ok(());
        }
        Err(RunError::NotThePublisher { signer: list.signer_name() }.into())
    }
}
