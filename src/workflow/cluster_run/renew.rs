//! The run `renew`: which services a renewal restarts, its plan, its proof, and what is left to do.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::error::RunError;
use super::needs::Needs;
use super::run::ClusterRun;
use crate::cluster::{AFTER_RESTART, CAPF, RENEWAL_SERVICES, SERVICES};
use crate::trustlist::VerifiedList;
use crate::workflow::error::WorkError;
use crate::workflow::journal::Event;
use crate::workflow::plan::{Change, Release, Unit, build, major_minor, renew};
use crate::workflow::signing::{BatchFile, SigningSession};

/// What a renewal needs.
pub struct Renewal {
    /// What changed, in words.
    pub says: String,
    /// What is in the journal of it.
    pub event: Event,
    /// The plan of the new CTL; `None`: the CTL stays as it is.
    pub file: Option<(SigningSession, BatchFile)>,
}

/// The services that a renewal restarts, in this order (214231; SG14 for 14 and later: CAPF, TVS and ITLRecovery restart their
/// own service, and from 14SU1 on CallManager and CTIManager need no restart).
pub fn services(changes: &BTreeSet<Change>, version: &str) -> Vec<&'static str> {
    let [tvs, tftp, _, haproxy, callmanager, cti] = RENEWAL_SERVICES;
    let release = major_minor(version).unwrap_or_default();
    let by_itself = release >= (14, 0);
    let keeps_calls = release >= (15, 0) || by_itself && build(version) >= 11_900;
    let of = |change: &Change| match change {
        Change::Nodes => SERVICES.to_vec(),
        Change::Renewed(Unit::CallManager) if keeps_calls => vec![tvs, tftp, haproxy],
        Change::Renewed(Unit::CallManager) => vec![tvs, tftp, haproxy, callmanager, cti],
        Change::Renewed(Unit::Capf) if by_itself => vec![tvs, tftp],
        Change::Renewed(Unit::Capf) => vec![tvs, tftp, CAPF],
        Change::Renewed(Unit::Tvs | Unit::ItlRecovery) if by_itself => vec![tftp],
        Change::Renewed(Unit::Tvs | Unit::ItlRecovery) => vec![tvs, tftp],
    };
    let needed: BTreeSet<&str> = changes.iter().flat_map(of).collect();
    RENEWAL_SERVICES.into_iter().filter(|service| needed.contains(service)).collect()
}

/// What is left to the operator after a renewal, in addition to what is left after each new CTL.
pub fn left_to_do(changes: &BTreeSet<Change>) -> Vec<String> {
    let capf = "install every LSC again (Phone > Certificate Operation: Install/Upgrade) until the page of the phone says \
                Operation completed";
    let backup = "make a new backup (Disaster Recovery System): an earlier one restores the earlier certificates, which \
                  phones do not accept any more";
    let mut steps = vec!["check that all phones are registered before the next certificate is renewed"];
    steps.extend(changes.contains(&Change::Renewed(Unit::Capf)).then_some(capf));
    steps.extend(changes.iter().any(|change| *change != Change::Nodes).then_some(backup));
    steps.into_iter().map(str::to_owned).collect()
}

fn says(changes: &BTreeSet<Change>, tvs: &[String], ctl_stays: bool) -> String {
    let word = |change: &Change| match change {
        Change::Nodes => "nodes, addresses or the records of the list".to_owned(),
        Change::Renewed(unit) => unit.to_string(),
    };
    let changed: Vec<String> = changes.iter().map(word).collect();
    let mut parts = [&[format!("changed: {}", changed.join(", "))], tvs].concat();
    parts.extend(ctl_stays.then(|| "the CTL stays as it is".to_owned()));
    parts.join("; ")
}

impl ClusterRun<'_> {
    /// What the cluster needs now. Changes nothing.
    pub(super) fn needs(&self) -> Result<Needs, WorkError> {
        let (options, mut connector) = (self.options, self.connector.clone());
        Needs::read(&self.nodes, &mut connector, options.ports, self.release()?, &options.certificates)
    }

    /// The release that decides which SAST records a list has: the operator's, else that of the publisher.
    pub(super) fn release(&self) -> Result<Release, RunError> {
        self.options.release.map_or_else(|| Ok(self.version.parse()?), Ok)
    }

    /// What is to be renewed over this CTL: nothing is an error.
    pub(super) fn renewal(&self, old: &VerifiedList) -> Result<Renewal, WorkError> {
        let (options, needs) = (self.options, self.needs()?);
        let changes = needs.changes(old)?;
        if changes.is_empty() {
            return Err(RunError::NothingToRenew.into());
        }
        let ctl_stays = changes.iter().all(|change| *change == Change::Renewed(Unit::Tvs));
        let says = says(&changes, &needs.tvs, ctl_stays);
        let services = services(&changes, &self.version).into_iter().map(str::to_owned).collect();
        let event = Event::Needs { services, ctl_stays, sets_mixed: false, left_to_do: left_to_do(&changes) };
        if ctl_stays {
            return Ok(Renewal { says, event, file: None });
        }
        let session =
            SigningSession::open_for_one(&options.module, options.selector.as_ref(), self.operator)?
                .for_list(old);
        let request = (options.request)(session.signer().certificate())?;
        let plan = renew(old, &request, &needs.needed(), &[])?;
        let file = BatchFile::list(plan, options.folder.new_ctl(), Some((&options.folder.old(), old)));
        Ok(Renewal { says, event, file: Some((session, file)) })
    }

    /// The proof: the CTL and the ITLs hold what the cluster has now.
    pub(super) fn prove_renewal(&self, ctl: &VerifiedList) -> Result<(), WorkError> {
        let began = Instant::now();
        loop {
            let needs = self.needs()?;
            let changes = needs.changes(ctl)?;
            if changes.is_empty() {
                return Ok(());
            }
            // A node makes its ITL again after a restart of Cisco Tftp.
            let only_itls = changes.iter().all(|change| *change == Change::Renewed(Unit::Tvs));
            if !only_itls || began.elapsed() >= AFTER_RESTART {
                return Err(RunError::StillToRenew { tvs: needs.tvs }.into());
            }
            self.operator.check_interrupted()?;
            std::thread::sleep(Duration::from_secs(1));
        }
    }
}
