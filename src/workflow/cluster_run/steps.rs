//! What each step does, and how it proves that it was done.

use std::path::Path;
use std::time::{Duration, Instant};

use super::bridge::{NoBridge, bridge};
use super::error::RunError;
use super::folder::{CTL, verified};
use super::preflight::no_ctl;
use super::run::{ClusterRun, OLD};
use super::state::{BRIDGE, IN_FORCE};
use super::step::{Part, Step};
use crate::cluster::shell::answers::ServiceState;
use crate::cluster::{
    AFTER_RESTART, NodeAddress, Publisher, SERVICES, fetch, restart, restart_order, shows_ctl, side_by_side,
};
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
            Step::Sign => self.sign(),
            Step::DeleteOld => self.delete_old(),
            Step::Publish => {
                let new = self.signed()?;
                self.publish(step, &new)?;
                Ok(format!("{} nodes serve it", self.nodes.len()))
            }
            Step::Restart => {
                self.restart_all(step)?;
                Ok(format!("{} on {} nodes", SERVICES.join(", then "), self.nodes.len()))
            }
            Step::Verify => {
                let new = self.signed()?;
                let md5 = self.show_everywhere(&new)?;
                Ok(format!("{} nodes show MD5 {md5}, signed by {}", self.nodes.len(), new.signer_name()))
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
        let old = self.look()?;
        self.found =
            Some(FileFingerprint::of(self.options.folder.old().display().to_string(), old.list().bytes()));
        self.be_ready()?;
        let tokens = names(self.certificates()?);
        self.check_folders()?;
        if let (Some(tvs), Some(signer)) = (&self.options.tvs, self.certificates()?.first()) {
            for node in &self.nodes {
                TvsQuestion::new(node, signer, (tvs, self.options.ports))?.ask()?;
            }
        }
        let (count, signer) = (self.nodes.len(), old.signer_name());
        Ok(format!("{count} nodes serve the same CTL, signed by {signer}; the tokens are {tokens}"))
    }

    fn back_up(&mut self) -> Result<String, WorkError> {
        let lost = || self.options.folder.lost(OLD);
        let file = self.found.clone().ok_or_else(lost)?;
        let path = self.options.folder.old();
        files::update(&path, &file.content().ok_or_else(lost)?)?;
        self.record(Event::input(IN_FORCE, None, file))?;
        Ok(format!("kept as {}", path.display()))
    }

    fn trust(&mut self) -> Result<String, WorkError> {
        let folder = self.options.folder.0.join("certs");
        files::make_folder(&folder)?;
        let certificates = self.certificates()?.to_vec();
        if self.state.tokens.is_none() {
            let certificates = certificates.iter().map(TokenCertificate::of).collect();
            self.record(Event::Tokens { certificates })?;
        }
        let options = &self.options.upload;
        let method = options.method.unwrap_or_else(|| UploadMethod::of_release(&self.version));
        for certificate in &certificates {
            files::update(&folder.join(Format::Der.file_name(certificate)), certificate.der())?;
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
                says = wait_until_trusted(node, certificate, (tvs, self.options.ports), self.operator)?;
            }
        }
        Ok(format!("{says}; the same on {} nodes, for each certificate", self.nodes.len()))
    }

    fn build_bridge(&mut self) -> Result<String, WorkError> {
        let there = self.served_bridge()?.is_ok_and(|bridge| self.show_everywhere(&bridge).is_ok());
        if there {
            return Ok("every node already serves a CTL with the tokens".to_owned());
        }
        self.connector.open(&self.options.publisher)?.update_ctl()?;
        Ok("CTL file Updated; a node serves it after a restart of Cisco Tftp".to_owned())
    }

    fn served_bridge(&self) -> Result<Result<VerifiedList, NoBridge>, WorkError> {
        let (old, certificates, ports) = (self.old()?, self.certificates()?, self.options.ports);
        let served = side_by_side(&self.nodes, &self.connector, |node, _| {
            let fetched = node.host().map(|host| fetch(host, ports, CTL)).transpose()?.flatten();
            Ok((node.to_string(), fetched.map(|fetched| verified(fetched.bytes)).transpose()?))
        });
        let served = served.into_iter().collect::<Result<Vec<_>, WorkError>>()?;
        Ok(bridge(&old, &served, certificates))
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
        let path = self.options.folder.bridge();
        files::write_new(&path, bridge.list().bytes(), OnExisting::KeepBackup)?;
        let file = FileFingerprint::of(path.display().to_string(), bridge.list().bytes());
        self.record(Event::input(BRIDGE, None, file))?;
        Ok(format!("every node serves it, the tokens are SAST in it; kept as {}", path.display()))
    }

    /// The bridge exists so that every phone accepts the new CTL: only an answer to this question confirms that all hold it.
    fn await_phones(&mut self) -> Result<String, WorkError> {
        let bridge = FileFingerprint::of(BRIDGE, self.bridge()?.list().bytes());
        self.operator.show(&View::ResetPhones { bridge: &bridge })?;
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
        let (session, file) = self.plan(&old_path, &old)?;
        let batch = Batch::Planned(vec![file]);
        let shown = show(&batch, false, self.operator)?;
        session.ask(&shown, self.operator)?;
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
        if let Some(known) = self.certificates.get() {
            return Ok(known);
        }
        let options = self.options;
        let session = SigningSession::open(&options.module, options.selector.as_ref(), self.operator)?;
        let mut certificates = vec![session.signer().certificate().clone()];
        certificates.extend(session.certificates(options.spares, self.operator)?);
        let chosen: Vec<_> = certificates.iter().map(TokenCertificate::of).collect();
        let sha256 =
            |all: &[TokenCertificate]| all.iter().map(|c| c.certificate_sha256.clone()).collect::<Vec<_>>();
        match &self.state.tokens {
            Some(run) if sha256(run) != sha256(&chosen) => {
                Err(RunError::OtherTokens { run: run.clone(), chosen }.into())
            }
            _ => Ok(self.certificates.get_or_init(|| certificates)),
        }
    }

    /// The plan of the CTL that replaces this one. The release of the node decides which SAST records stay, unless the operator
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
        let shown = || self.version.parse::<Release>().map_err(RunError::from);
        let release = options.release.map_or_else(shown, Ok)?;
        let plan =
            revert(old, &(options.request)(signer)?, spares, Some(release), options.single_token, &[])?;
        Ok((session, BatchFile::list(plan, options.folder.new_ctl(), Some((path, old)))))
    }

    fn delete_old(&mut self) -> Result<String, WorkError> {
        self.signed()?;
        let there_was = self.connector.open(&self.options.publisher)?.delete_tftp(CTL)?;
        Ok(if there_was { "deleted on the publisher" } else { "the publisher had none" }.to_owned())
    }

    /// The old CTL on every node, both services restarted on every node, and the proof.
    fn roll_back(&mut self) -> Result<String, WorkError> {
        let old = self.old()?;
        self.check_folders()?;
        self.publish(Step::Rollback, &old)?;
        self.restart_all(Step::Rollback)?;
        let md5 = self.show_everywhere(&old)?;
        Ok(format!("every node serves the CTL that was in force: MD5 {md5}"))
    }

    /// Puts a list on every node that does not have it yet, and waits until each serves it.
    fn publish(&mut self, step: Step, list: &VerifiedList) -> Result<(), WorkError> {
        let publisher = self.publisher(list.list().bytes());
        let serves = |node: &NodeAddress| publisher.serves(node).unwrap_or(false);
        // Before a restart, a node may serve another list than the one on its disk.
        let md5 = publisher.md5();
        let mut has = side_by_side(&self.nodes, &self.connector, |node, connector| {
            let mut shown = || connector.open(node).ok()?.shown_ctl().ok();
            serves(node) && shown().is_some_and(|shown| shows_ctl(&shown, &md5).is_ok())
        })
        .into_iter();
        let nodes = self.nodes.clone();
        let mut connector = self.connector.clone();
        let (put, by_hand) = publisher.put::<WorkError>(&mut connector, &nodes, |node| {
            self.operator.check_interrupted()?;
            let part = Part::publish(node);
            if has.next() == Some(true) || self.state.is_done(step, Some(&part)) {
                return Ok(false);
            }
            self.record(Event::step(step, Some(part), "put", None))?;
            Ok(true)
        })?;
        self.connector = connector;
        let mut uploaded = false;
        if !by_hand.is_empty() {
            let path = if step == Step::Rollback {
                self.options.folder.old()
            } else {
                self.options.folder.new_ctl()
            };
            self.operator.show(&View::UploadFile { nodes: &by_hand, path: &path, name: CTL })?;
            // Only a person can say that a file was uploaded; otherwise this waits until the nodes serve it.
            uploaded = self.operator.can_ask() && self.operator.ask(&Question::Uploaded)?;
        }
        let put = put.into_iter().map(|node| (node, true, "put there and fetched again"));
        let by_hand = by_hand.into_iter().map(|node| (node, uploaded, "uploaded by hand, and fetched again"));
        for (node, is_there, says) in put.chain(by_hand) {
            // CUCM serves a new file after a restart of Cisco Tftp; other TFTP servers serve it at once.
            if is_there && !serves(&node) {
                let restarts = if step == Step::Publish { Step::Restart } else { step };
                self.restart(restarts, SERVICES[0], &node)?;
            }
            let limit = if is_there { AFTER_RESTART } else { self.options.upload_wait };
            publisher.wait::<WorkError>(&node, limit, || Ok(self.operator.check_interrupted()?))?;
            self.finish(step, Some(Part::publish(&node)), says)?;
        }
        Ok(())
    }

    /// Every service that was not restarted yet in this step.
    fn restart_all(&mut self, step: Step) -> Result<(), WorkError> {
        let order = restart_order(&self.nodes);
        let work = self.operator.long_work("Restarting services", Some(order.len()));
        for (service, node) in order {
            self.operator.check_interrupted()?;
            if !self.state.is_done(step, Some(&Part::restart(service, &node))) {
                self.restart(step, service, &node)?;
            }
            work.one_done();
        }
        Ok(())
    }

    fn restart(&mut self, step: Step, service: &'static str, node: &NodeAddress) -> Result<(), WorkError> {
        let part = Part::restart(service, node);
        self.record(Event::step(step, Some(part.clone()), "restart", None))?;
        let state = restart(&mut self.connector, node, service)?;
        if state == ServiceState::Started {
            self.operator.show(&View::Text(&format!("{node}: {service} {state}")))?;
            return self.record(Event::step(step, Some(part), state.to_string(), Some(true)));
        }
        self.finish(step, Some(part), &state.to_string())
    }

    /// Every node shows and serves exactly this list; its MD5.
    fn show_everywhere(&mut self, list: &VerifiedList) -> Result<String, WorkError> {
        let publisher = self.publisher(list.list().bytes());
        let md5 = publisher.md5();
        let shows = side_by_side(&self.nodes, &self.connector, |node, connector| {
            shows_ctl(&connector.open(node)?.shown_ctl()?, &md5).map_err(|what| no_ctl(node, what))?;
            let serves = publisher.serves(node)?;
            serves.then_some(()).ok_or_else(|| no_ctl(node, "shows the new CTL, but serves another"))
        });
        shows.into_iter().collect::<Result<Vec<()>, WorkError>>()?;
        Ok(md5)
    }

    fn publisher<'b>(&self, bytes: &'b [u8]) -> Publisher<'b>
    where
        'a: 'b,
    {
        Publisher { folders: &self.options.tftp_folders, ports: self.options.ports, name: CTL, bytes }
    }

    fn check_folders(&mut self) -> Result<(), WorkError> {
        Ok(self.publisher(&[]).check_folders(&self.nodes, &mut self.connector)?)
    }
}

/// `SAST-ADN008580ef and SAST-ADN0054f509`
fn names(certificates: &[Certificate]) -> String {
    certificates.iter().map(Certificate::sast_name).collect::<Vec<_>>().join(" and ")
}
