//! What each step does, and how it proves that it was done.

use std::path::Path;
use std::time::{Duration, Instant};

use super::bridge::{NoBridge, bridge, tokenless};
use super::error::RunError;
use super::folder::{CERTIFICATES, CTL, verified};
use super::run::{ClusterRun, OLD};
use super::state::{BRIDGE, IN_FORCE, TOKENLESS};
use super::step::{ByHand, RunKind, Step};
use crate::cluster::{AFTER_RESTART, fetch, side_by_side};
use crate::files::{self, OnExisting};
use crate::trustlist::{Certificate, MAX_FILE_BYTES, VerifiedList};
use crate::workflow::error::WorkError;
use crate::workflow::export::Format;
use crate::workflow::journal::{Event, FileFingerprint, TokenCertificate};
use crate::workflow::operator::{Question, View};
use crate::workflow::plan::{Release, revert};
use crate::workflow::signing::{Batch, BatchFile, SigningSession, show};
use crate::workflow::trust::{TvsQuestion, UploadMethod, upload, wait_until_trusted};

/// The text for a certificate about which TVS was not asked.
const UNPROVED: &str = "unproved: TVS was not asked";

impl<'a> ClusterRun<'a> {
    /// Carries out a step; returns what it proved.
    pub(super) fn perform(&mut self, step: Step) -> Result<String, WorkError> {
        match step {
            Step::Preflight => self.preflight(),
            Step::Backup => self.back_up(),
            Step::Trust => self.trust(),
            Step::CheckTvs => self.check_tvs(),
            Step::BuildBridge => self.build_bridge(),
            Step::DistributeBridge => self.distribute_bridge(),
            Step::AwaitPhones => self.await_phones(),
            Step::Distrust => self.distrust(),
            Step::MakeTokenless => self.update_ctl(),
            Step::SetMixed => self.set_mixed(),
            Step::RestartTvs => {
                self.restart_all(step)?;
                Ok(format!("on {} nodes", self.nodes.len()))
            }
            Step::Store => self.by_hand(ByHand::Store),
            Step::Move => self.by_hand(ByHand::Move),
            Step::Sign => self.sign(),
            Step::DeleteOld => self.delete_old(),
            Step::Publish => {
                let new = self.signed()?;
                self.publish(step, &new)?;
                Ok(format!("{} nodes serve it", self.nodes.len()))
            }
            Step::Restart => {
                self.restart_all(step)?;
                Ok(format!("{} on {} nodes", self.state.services().join(", then "), self.nodes.len()))
            }
            Step::Verify => {
                let new = if self.state.ctl_stays { self.old()? } else { self.signed()? };
                let md5 = self.show_everywhere(&new)?;
                if self.options.kind == RunKind::Renew {
                    self.prove_renewal(&new)?;
                }
                let phones = self.phones_follow(&new)?.map(|says| format!("; phones: {says}"));
                let (count, phones) = (self.nodes.len(), phones.unwrap_or_default());
                Ok(format!("{count} nodes show MD5 {md5}, signed by {}{phones}", new.signer_name()))
            }
            Step::Rollback => self.roll_back(),
        }
    }

    fn preflight(&mut self) -> Result<String, WorkError> {
        // After the first change the nodes may differ.
        if self.state.is_done(Step::Backup, None) {
            for node in &self.nodes {
                self.connector.open(node)?;
            }
            // A missing folder is reported here, not after the old list was deleted.
            if !self.state.is_done(Step::Publish, None) {
                self.check_folders()?;
            }
            return Ok(format!("{} nodes are reached; the run continues", self.nodes.len()));
        }
        let Some(old) = self.in_force()? else { return self.preflight_of_first() };
        self.found = Some(self.fingerprint(&old));
        self.be_ready()?;
        let (count, signer) = (self.nodes.len(), old.signer_name());
        let same = format!("{count} nodes serve the same CTL, signed by {signer}");
        match self.options.kind {
            RunKind::Renew => {
                let renewal = self.renewal(&old)?;
                self.check_folders()?;
                self.needed = Some(renewal.event);
                return Ok(format!("{same}; {}", renewal.says));
            }
            RunKind::Tokenless => {
                let impact = self.tokenless_impact(&old)?;
                self.operator.show(&View::PhoneImpact(&impact))?;
                self.needed = Some(self.tokenless_needs(false));
                return Ok(format!("{same}; {} will sign the tokenless CTL", impact.signer));
            }
            _ => {}
        }
        let kind = self.options.kind;
        if !kind.way().is_empty() {
            let impact = self.migration_impact(&old)?;
            self.operator.show(&View::PhoneImpact(&impact))?;
        }
        if matches!(kind, RunKind::MigrateBySignedBridge | RunKind::MigrateWithSameTokens) {
            self.check_folders()?;
            return Ok(same);
        }
        let tokens = names(self.certificates()?);
        self.check_folders()?;
        if let (Some(tvs), Some(signer)) = (&self.options.tvs, self.certificates()?.first()) {
            for node in &self.nodes {
                TvsQuestion::new(node, signer, (tvs, self.options.ports))?.ask()?;
            }
        }
        Ok(format!(
            "{same}; the {} {tokens}",
            if kind.is_revert() { "tokens are" } else { "certificates to trust:" }
        ))
    }

    fn back_up(&mut self) -> Result<String, WorkError> {
        let lost = || self.options.folder.lost(OLD);
        let path = self.options.folder.old();
        let mut says = format!("kept as {}", path.display());
        match self.found.clone() {
            Some(file) => {
                files::update(&path, &file.content().ok_or_else(lost)?)?;
                self.record(Event::input(IN_FORCE, None, file))?;
            }
            None if matches!(self.needed, Some(Event::Needs { sets_mixed: true, .. })) => {
                "the publisher serves no CTL that could be kept".clone_into(&mut says);
            }
            None => return Err(lost().into()),
        }
        if let Some(needed) = self.needed.take() {
            self.record(needed)?;
        }
        Ok(says)
    }

    fn trust(&mut self) -> Result<String, WorkError> {
        let folder = self.options.folder.0.join(CERTIFICATES);
        files::make_folder(&folder)?;
        let certificates = self.certificates()?.to_vec();
        if self.state.tokens.is_none() {
            let certificates = certificates.iter().map(TokenCertificate::of).collect();
            self.record(Event::Tokens { certificates })?;
        }
        let options = &self.options.upload;
        let method = options.method.unwrap_or_else(|| UploadMethod::of_release(&self.version));
        for certificate in &certificates {
            files::update(&folder.join(Format::Der.file_name(&certificate.sast_name())), certificate.der())?;
            let publisher = &self.options.publisher;
            upload(publisher, certificate, options, method, &mut self.connector, self.operator)?;
        }
        Ok(format!("{} in Phone-SAST-trust", names(&certificates)))
    }

    fn check_tvs(&mut self) -> Result<String, WorkError> {
        let Some(tvs) = &self.options.tvs else { return Ok(UNPROVED.to_owned()) };
        let mut says = String::new();
        for certificate in self.certificates()? {
            for node in &self.nodes {
                let tvs = (tvs, self.options.ports);
                says = wait_until_trusted(node, certificate, tvs, self.operator)?.to_string();
            }
        }
        Ok(format!("{says}; the same on {} nodes, for each certificate", self.nodes.len()))
    }

    fn build_bridge(&mut self) -> Result<String, WorkError> {
        let there = self.served_bridge()?.is_ok_and(|bridge| self.show_everywhere(&bridge).is_ok());
        if there {
            return Ok("every node already serves a CTL with the tokens".to_owned());
        }
        self.update_ctl()
    }

    fn update_ctl(&mut self) -> Result<String, WorkError> {
        self.connector.open(&self.options.publisher)?.update_ctl()?;
        Ok("CTL file Updated; a node serves it after a restart of Cisco Tftp".to_owned())
    }

    fn served_bridge(&self) -> Result<Result<VerifiedList, NoBridge>, WorkError> {
        let ports = self.options.ports;
        let served = side_by_side(&self.nodes, &self.connector, |node, _| {
            let fetched = node.host().map(|host| fetch(host, ports, CTL)).transpose()?.flatten();
            Ok((node.to_string(), fetched.map(|fetched| verified(fetched.bytes)).transpose()?))
        });
        let served = served.into_iter().collect::<Result<Vec<_>, WorkError>>()?;
        Ok(match self.options.kind {
            RunKind::Tokenless => tokenless(self.held_before()?.as_ref(), &served),
            _ => bridge(&self.old()?, &served, self.certificates()?),
        })
    }

    fn distribute_bridge(&mut self) -> Result<String, WorkError> {
        self.restart_all(Step::DistributeBridge)?;
        let began = Instant::now();
        let bridge = loop {
            let waits = began.elapsed() < AFTER_RESTART;
            match self.served_bridge() {
                Ok(Ok(bridge)) => break bridge,
                Ok(Err(why)) if waits && why.may_come() => {}
                Err(WorkError::Fetch(_)) if waits => {}
                Ok(Err(why)) => return Err(RunError::NoBridge(why).into()),
                Err(e) => return Err(e),
            }
            self.operator.check_interrupted()?;
            std::thread::sleep(Duration::from_secs(1));
        };
        let folder = &self.options.folder;
        let (path, role, says) = match self.options.kind {
            RunKind::Tokenless => (folder.new_ctl(), TOKENLESS, "no token is in it"),
            _ => (folder.bridge(), BRIDGE, "the new signers are SAST in it"),
        };
        if role == TOKENLESS {
            self.check_signer(&bridge)?;
        }
        files::write_new(&path, bridge.list().bytes(), OnExisting::KeepBackup)?;
        let file = FileFingerprint::of(path.display().to_string(), bridge.list().bytes());
        self.record(Event::input(role, None, file))?;
        Ok(format!("every node serves it, {says}; kept as {}", path.display()))
    }

    /// The bridge exists so that every phone accepts the new CTL: only an answer to this question confirms that all hold it.
    fn await_phones(&mut self) -> Result<String, WorkError> {
        let ctl = match self.options.kind {
            RunKind::Tokenless if self.release()? == Release::TokensAlone => {
                return Ok("phones need no other CTL first on this release".to_owned());
            }
            RunKind::Tokenless => self.old()?,
            RunKind::MigrateBySignedBridge => self.signed()?,
            _ => self.bridge()?,
        };
        let bridge = FileFingerprint::of(BRIDGE, ctl.list().bytes());
        self.operator.show(&View::ResetPhones { bridge: &bridge })?;
        if self.every_phone_holds(&ctl)? {
            return Ok("every phone of the list shows that it holds it".to_owned());
        }
        let question = Question::PhonesHoldBridge;
        if !self.operator.said_yes(&question) {
            if !self.operator.can_ask() {
                return Err(RunError::BridgeNotConfirmed.into());
            }
            if !self.operator.ask(&question)? {
                return Err(RunError::PhonesLackBridge.into());
            }
        }
        Ok("the operator confirmed that every phone holds it".to_owned())
    }

    fn sign(&mut self) -> Result<String, WorkError> {
        // The CTL was signed and written, but an interruption came before its line in the journal.
        if let Ok(new) = self.signed() {
            return Ok(format!("{} bytes, signed by {} before", new.list().bytes().len(), new.signer_name()));
        }
        let (old_path, old) = self.to_sign_upon()?;
        match (self.options.answer, self.state.request.clone()) {
            (None, None) => {}
            (Some(answer), request) => {
                return self.use_answer(answer, &request.unwrap_or_default(), (&old_path, &old));
            }
            (None, Some([serial, _])) => return Err(RunError::WaitsForAnswer { serial }.into()),
        }
        let (session, file) = self.plan_by_kind(&old_path, &old)?;
        let batch = Batch::Planned(vec![file]);
        let shown = show(&batch, false, self.operator)?;
        session.ask(shown.will_write(), self.operator)?;
        if let Some((journal, _)) = &mut self.journal {
            session.sign_into(journal, batch, &shown, &self.options.order, self.operator)?;
        }
        let path = self.options.folder.new_ctl();
        let bytes =
            files::read_plain(&path, MAX_FILE_BYTES).map_err(|_| self.options.folder.lost("the new CTL"))?;
        let new = verified(bytes)?;
        self.state.signed = Some(FileFingerprint::of(path.display().to_string(), new.list().bytes()));
        Ok(format!("{} bytes, signed by {}, verified", new.list().bytes().len(), new.signer_name()))
    }

    /// The signer's certificate and the spares'. After their upload was started, the run continues only with these.
    pub fn certificates(&self) -> Result<&[Certificate], WorkError> {
        let options = self.options;
        let known = match self.certificates.get() {
            Some(known) => known,
            None if options.other.is_some() => {
                let found = self.of_other()?;
                self.certificates.get_or_init(|| found)
            }
            None => {
                let selector = options.selector.as_ref();
                let session = SigningSession::open(&options.module, selector, self.operator)?;
                let mut certificates = vec![session.signer().certificate().clone()];
                certificates.extend(session.certificates(options.spares, self.operator)?);
                self.certificates.get_or_init(|| certificates)
            }
        };
        let chosen: Vec<_> = known.iter().map(TokenCertificate::of).collect();
        let sha256 =
            |all: &[TokenCertificate]| all.iter().map(|c| c.certificate_sha256.clone()).collect::<Vec<_>>();
        match &self.state.tokens {
            Some(run) if sha256(run) != sha256(&chosen) => {
                let run = run.clone();
                Err(match options.other {
                    None => RunError::OtherTokens { run, chosen },
                    Some(_) => RunError::OtherCertificates { run, chosen },
                }
                .into())
            }
            _ => Ok(known),
        }
    }

    /// The plan of the CTL that replaces this one.
    pub(super) fn plan_by_kind(
        &self,
        path: &Path,
        old: &VerifiedList,
    ) -> Result<(SigningSession, BatchFile), WorkError> {
        match self.options.kind {
            RunKind::Renew => Ok(self.renewal(old)?.file.ok_or(RunError::NothingToRenew)?),
            RunKind::MigrateBySignedBridge => {
                let options = self.options;
                let session =
                    SigningSession::open_for_one(&options.module, options.selector.as_ref(), self.operator)?
                        .for_list(old);
                let request = (options.request)(session.signer().certificate())?;
                let plan = self.signed_bridge(old, &request)?;
                Ok((session, BatchFile::list(plan, options.folder.new_ctl(), Some((path, old)))))
            }
            _ => self.plan(path, old),
        }
    }

    /// The plan of a revert. The release of the node decides which SAST records stay, unless the operator
    /// gives a release.
    pub fn plan(&self, path: &Path, old: &VerifiedList) -> Result<(SigningSession, BatchFile), WorkError> {
        let options = self.options;
        // Before the session is opened: a module can be loaded only once at a time.
        let certificates = self.certificates()?;
        let session =
            SigningSession::open_for_one(&options.module, options.selector.as_ref(), self.operator)?;
        let inserted = session.signer().certificate();
        let (signer, spares) = match certificates.split_first() {
            Some((signer, spares)) if signer == inserted => (signer, spares),
            chosen => {
                let chosen = chosen.map(|(signer, _)| signer.sast_name()).unwrap_or_default();
                return Err(RunError::AnotherSigner { inserted: inserted.sast_name(), chosen }.into());
            }
        };
        let release = Some(self.release()?);
        let plan = revert(old, &(options.request)(signer)?, spares, release, options.single_token, &[])?;
        Ok((session, BatchFile::list(plan, options.folder.new_ctl(), Some((path, old)))))
    }

    fn delete_old(&mut self) -> Result<String, WorkError> {
        self.signed()?;
        let there_was = self.connector.open(&self.options.publisher)?.delete_tftp(CTL)?;
        Ok(if there_was { "deleted on the publisher" } else { "the publisher had none" }.to_owned())
    }

    /// The old CTL on every node, both services restarted on every node, and the proof.
    fn roll_back(&mut self) -> Result<String, WorkError> {
        if self.state.sets_mixed {
            return self.set_non_secure();
        }
        let old = self.old()?;
        self.check_folders()?;
        self.publish(Step::Rollback, &old)?;
        self.restart_all(Step::Rollback)?;
        let md5 = self.show_everywhere(&old)?;
        Ok(format!("every node serves the CTL that was in force: MD5 {md5}"))
    }
}

/// `SAST-ADN008580ef and SAST-ADN0054f509`
fn names(certificates: &[Certificate]) -> String {
    certificates.iter().map(Certificate::sast_name).collect::<Vec<_>>().join(" and ")
}
