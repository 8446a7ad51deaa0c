//! What each step does, and how it proves that it was done.

use std::path::Path;
use std::time::{Duration, Instant};

use super::super::error::{CommandError, ErrorKind};
use super::super::interrupt;
use super::super::operator::TVS_NOT_ASKED;
use super::super::signing::{Batch, BatchFile, PlanOutput, headline};
use super::answer::checksums;
use super::look::{kept, kept_list, lost, verified};
use super::tokens::names;
use super::{BRIDGE, CTL, NEW_CTL, NodeArgs, Run, no};
use crate::cluster::shell::answers::ServiceState;
use crate::cluster::{
    AFTER_RESTART, NodeAddress, Publisher, SERVICES, fetch, restart, restart_order, shows_ctl, side_by_side,
};
use crate::files::{self, OnExisting};
use crate::trustlist::{VerifiedList, digest};
use crate::workflow::cluster_run::{self, Part, Step};
use crate::workflow::journal::{Event, FileFingerprint};
use crate::workflow::trust::{TvsQuestion, UploadMethod, upload, wait_for_vouch};
use crate::workflow::{NoBridge, View, bridge};

impl<'a> Run<'a> {
    /// Does a step; what it proved.
    pub(super) fn perform(&mut self, step: Step) -> Result<String, CommandError> {
        match step {
            Step::Preflight => self.preflight(),
            Step::Backup => self.keep(),
            Step::Trust => self.trust(),
            Step::CheckTvs => self.vouch(),
            Step::BuildBridge => self.bridge(),
            Step::DistributeBridge => self.cross(),
            Step::AwaitPhones => self.hold(),
            Step::Sign => self.sign(),
            Step::DeleteOld => self.delete(),
            Step::Publish => self.publish_new(),
            Step::Restart => self.restart(),
            Step::Verify => self.verify(),
            Step::Rollback => self.put_back(),
        }
    }

    fn preflight(&mut self) -> Result<String, CommandError> {
        // Behind the first change the nodes need not be the same any more.
        if self.state.is_done(Step::Backup, None) {
            for node in self.nodes.clone() {
                self.connector.open(&node)?;
            }
            // A way to publish that leads nowhere is noticed here, and not behind the deletion of the old list.
            if !self.state.is_done(Step::Publish, None) {
                self.check_folders()?;
            }
            return Ok(format!("{} nodes are reached; the run goes on", self.nodes.len()));
        }
        let old = self.look()?;
        self.found = Some(FileFingerprint::of(self.old_path().display().to_string(), old.list().bytes()));
        self.be_ready()?;
        let certificates = self.certificates()?;
        self.check_folders()?;
        if let (Some(tvs), Some(certificate)) = (self.args.tvs.options(), certificates.first()) {
            for node in &self.nodes {
                TvsQuestion::new(node, certificate, (&tvs, self.args.ports.ports()))?.ask()?;
            }
        }
        Ok(format!(
            "{} nodes serve the same CTL, signed by {}; the tokens are {}",
            self.nodes.len(),
            old.signer_name(),
            names(&certificates)
        ))
    }

    fn keep(&mut self) -> Result<String, CommandError> {
        let seal = self.found.clone().ok_or_else(|| self.lost("the CTL in force"))?;
        let bytes = seal.content().ok_or_else(|| self.lost("the CTL in force"))?;
        files::make_folder(&self.work)?;
        let path = self.old_path();
        if !files::holds(&path, &bytes) {
            files::write_new(&path, &bytes, OnExisting::KeepBackup)?;
        }
        self.record(Event::Input { role: cluster_run::IN_FORCE.to_owned(), out: None, file: seal })?;
        Ok(format!("kept as {}", path.display()))
    }

    fn trust(&mut self) -> Result<String, CommandError> {
        let folder = self.work.join("certs");
        files::make_folder(&folder)?;
        let certificates = self.certificates()?;
        self.bind_tokens(&certificates)?;
        let options = self.args.store.options();
        let method = options.method.unwrap_or_else(|| UploadMethod::of_release(&self.version));
        for certificate in &certificates {
            let path = folder.join(crate::workflow::export::Format::Der.file_name(certificate));
            if !files::holds(&path, certificate.der()) {
                files::write_new(&path, certificate.der(), OnExisting::KeepBackup)?;
            }
            upload(&self.publisher, certificate, &options, method, &mut self.connector, self.operator)?;
        }
        Ok(format!("{} in Phone-SAST-trust", names(&certificates)))
    }

    fn vouch(&mut self) -> Result<String, CommandError> {
        let Some(tvs) = self.args.tvs.options() else { return Ok(TVS_NOT_ASKED.to_owned()) };
        let mut says = String::new();
        for certificate in self.certificates()? {
            for node in self.nodes.clone() {
                says = wait_for_vouch(&node, &certificate, (&tvs, self.args.ports.ports()), self.operator)?;
            }
        }
        Ok(format!("{says}; the same on {} nodes, for each certificate", self.nodes.len()))
    }

    fn bridge(&mut self) -> Result<String, CommandError> {
        // A bridge that stands already is not built again.
        let there = self.look_for_bridge()?.is_ok_and(|bridge| self.show_everywhere(&bridge).is_ok());
        if there {
            return Ok("every node serves a CTL with the tokens already".to_owned());
        }
        self.connector.open(&self.publisher)?.update_ctl()?;
        Ok("CTL file Updated; a node serves it once Cisco Tftp was restarted there".to_owned())
    }

    /// Whether every node serves the bridge now.
    fn look_for_bridge(&self) -> Result<Result<VerifiedList, NoBridge>, CommandError> {
        let (old, certificates) = (self.old()?, self.certificates()?);
        let args = self.args;
        let served =
            side_by_side(&self.nodes, &self.connector, |node, _| Ok((node.to_string(), served(node, args)?)));
        let served = served.into_iter().collect::<Result<Vec<_>, CommandError>>()?;
        Ok(bridge(&old, &served, &certificates))
    }

    fn cross(&mut self) -> Result<String, CommandError> {
        self.restart_all(Step::DistributeBridge)?;
        let began = Instant::now();
        let bridge = loop {
            let look = self.look_for_bridge();
            let waits = began.elapsed() < AFTER_RESTART;
            match look {
                Ok(Ok(bridge)) => break bridge,
                Ok(Err(why)) if waits && why.may_come() => {}
                Err(e) if waits && e.kind() == ErrorKind::Network => {}
                Ok(Err(why)) => return Err(no_bridge(&why)),
                Err(e) => return Err(e),
            }
            interrupt::check()?;
            std::thread::sleep(Duration::from_secs(1));
        };
        let path = self.work.join(BRIDGE);
        files::write_new(&path, bridge.list().bytes(), OnExisting::KeepBackup)?;
        let seal = FileFingerprint::of(path.display().to_string(), bridge.list().bytes());
        self.record(Event::Input { role: cluster_run::BRIDGE.to_owned(), out: None, file: seal })?;
        Ok(format!("every node serves it, the tokens are SAST in it; kept as {}", path.display()))
    }

    /// Phones that are left behind are what the bridge is for: no `--yes` says that they hold it.
    fn hold(&mut self) -> Result<String, CommandError> {
        let bridge = self.kept_bridge()?;
        self.ui.show(&format!(
            "Reset the phones now. Each of them must hold this CTL before the next one is published:\n{}",
            checksums(&bridge)
        ));
        if !self.args.looked.phones_have_it {
            if !self.ui.can_ask() {
                return Err(no("nobody can be asked whether every phone holds the bridge").hint(
                    "reset the phones; when every phone holds it: the same command with --resume --phones-have-it; --yes does \
                     not stand for it",
                ));
            }
            if !self.ui.confirm("Does every phone show one of these checksums?")? {
                return Err(no("not every phone holds the bridge")
                    .hint("phones that never load it need their CTL deleted by hand: sastctl help phones"));
            }
        }
        Ok("every phone holds it, says the operator".to_owned())
    }

    fn sign(&mut self) -> Result<String, CommandError> {
        let path = self.new_path();
        // Signed and written before the line that says so.
        if let Ok(new) = self.made() {
            return Ok(format!("{} bytes, signed by {} before", new.list().bytes().len(), new.signer_name()));
        }
        let (from, old) = if self.args.bridge {
            (self.work.join(BRIDGE), verified(self.kept_bridge()?)?)
        } else {
            (self.old_path(), self.old()?)
        };
        let (session, plan) = self.plan(&old)?;
        let mut file = BatchFile::list(headline(&from, &old), plan, path.clone());
        file.replaces(&from, &old);
        let batch = Batch { what: super::WHAT, files: vec![file] };
        let say = PlanOutput { ui: self.ui, to_stderr: false };
        let shown = session.show(&batch, &say)?;
        let signing = self.tokens.signing;
        session.ask(&shown, signing, self.ui)?;
        if let Some(log) = &mut self.log {
            session.sign_into(batch, shown, log, signing, &say)?;
        }
        let bytes = files::read_plain(&path, crate::trustlist::MAX_FILE_BYTES)
            .map_err(|_| self.lost("the new CTL"))?;
        let new = verified(bytes)?;
        self.state.signed = Some(FileFingerprint::of(path.display().to_string(), new.list().bytes()));
        Ok(format!("{} bytes, signed by {}, verified", new.list().bytes().len(), new.signer_name()))
    }

    fn delete(&mut self) -> Result<String, CommandError> {
        self.made()?;
        let there_was = self.connector.open(&self.publisher)?.delete_tftp(CTL)?;
        Ok(if there_was { "deleted on the publisher" } else { "the publisher had none any more" }.to_owned())
    }

    fn publish_new(&mut self) -> Result<String, CommandError> {
        let new = self.made()?;
        self.publish(Step::Publish, Step::Restart, new.list().bytes(), &self.new_path())?;
        Ok(format!("{} nodes serve it", self.nodes.len()))
    }

    /// Puts a list to every node that does not serve it yet, and waits for each to serve it.
    /// `restarts` names the step whose restart of Cisco Tftp is done in advance.
    pub(super) fn publish(
        &mut self,
        step: Step,
        restarts: Step,
        bytes: &[u8],
        path: &Path,
    ) -> Result<(), CommandError> {
        let publisher = self.publisher(bytes);
        let serves = |node: &NodeAddress| publisher.serves(node).unwrap_or(false);
        // What a node serves need not be what lies on its disk, and is served after the restart.
        let md5 = digest::hex(&digest::md5(bytes), "");
        let has = side_by_side(&self.nodes, &self.connector, |node, connector| {
            let mut shown = || connector.open(node).ok()?.shown_ctl().ok();
            serves(node) && shown().is_some_and(|shown| shows_ctl(&shown, &md5).is_ok())
        });
        let (log, state) = (&mut self.log, &self.state);
        let mut has = has.into_iter();
        let (put, by_hand) = publisher.put::<CommandError>(&mut self.connector, &self.nodes, |node| {
            interrupt::check()?;
            let part = Part::publish(node);
            if has.next() == Some(true) || state.is_done(step, Some(&part)) {
                return Ok(false);
            }
            log.as_mut().map_or(Ok(()), |log| log.add(Event::step(step, Some(part), "put", None)))?;
            Ok(true)
        })?;
        if !by_hand.is_empty() {
            self.operator.show(&View::UploadFile { nodes: &by_hand, path, name: CTL })?;
        }
        // Only somebody who sits there can say that a file was uploaded; where nobody does, the nodes are watched until
        // they serve it.
        let uploaded = !by_hand.is_empty()
            && self.ui.can_ask()
            && self.ui.confirm("Uploaded on each of them? Cisco Tftp is restarted there next.")?;
        let put = put.into_iter().map(|node| (node, true, "put there and fetched again"));
        let by_hand = by_hand.into_iter().map(|node| (node, uploaded, "uploaded by hand, and fetched again"));
        for (node, is_there, says) in put.chain(by_hand) {
            // CUCM serves what lies there once Cisco Tftp was restarted; other TFTP servers serve it at once.
            if is_there && !serves(&node) {
                self.restart_service(restarts, SERVICES[0], &node)?;
            }
            let limit = if is_there { AFTER_RESTART } else { self.args.publish.by_hand() };
            publisher.wait(&node, limit, || -> Result<(), CommandError> { Ok(interrupt::check()?) })?;
            self.finish(step, Some(Part::publish(&node)), says)?;
        }
        Ok(())
    }

    fn restart(&mut self) -> Result<String, CommandError> {
        self.restart_all(Step::Restart)?;
        Ok(format!("{} on {} nodes", SERVICES.join(", then "), self.nodes.len()))
    }

    pub(super) fn restart_all(&mut self, step: Step) -> Result<(), CommandError> {
        for (service, node) in restart_order(&self.nodes) {
            interrupt::check()?;
            // Done once, it is not done again.
            if !self.state.is_done(step, Some(&Part::restart(service, &node))) {
                self.restart_service(step, service, &node)?;
            }
        }
        Ok(())
    }

    fn restart_service(
        &mut self,
        step: Step,
        service: &'static str,
        node: &NodeAddress,
    ) -> Result<(), CommandError> {
        let part = Part::restart(service, node);
        self.record(Event::step(step, Some(part.clone()), "restart", None))?;
        let state = restart(&mut self.connector, node, service)?;
        if state == ServiceState::Started {
            self.operator.show(&View::Text(&format!("{node}: {service} {state}")))?;
        }
        self.finish(step, Some(part), &state.to_string())
    }

    fn verify(&mut self) -> Result<String, CommandError> {
        let new = self.made()?;
        let md5 = self.show_everywhere(&new)?;
        Ok(format!("{} nodes show MD5 {md5}, signed by {}", self.nodes.len(), new.signer_name()))
    }

    /// Every node shows and serves exactly this list; its MD5.
    pub(super) fn show_everywhere(&mut self, list: &VerifiedList) -> Result<String, CommandError> {
        let md5 = digest::hex(&list.list().md5(), "");
        let publisher = self.publisher(list.list().bytes());
        let shows = side_by_side(&self.nodes, &self.connector, |node, connector| {
            shows_ctl(&connector.open(node)?.shown_ctl()?, &md5)
                .map_err(|says| no(format!("{node} {says}")))?;
            let serves = publisher.serves(node)?;
            serves.then_some(()).ok_or_else(|| no(format!("{node} shows the new CTL, but serves another")))
        });
        shows.into_iter().collect::<Result<Vec<()>, CommandError>>()?;
        Ok(md5)
    }

    fn publisher<'b>(&self, bytes: &'b [u8]) -> Publisher<'b>
    where
        'a: 'b,
    {
        Publisher { folders: &self.args.publish.tftp_root, ports: self.args.ports.ports(), name: CTL, bytes }
    }

    /// Whether the folders that the new CTL goes to are there.
    pub(super) fn check_folders(&mut self) -> Result<(), CommandError> {
        Ok(self.publisher(&[]).check_folders(&self.nodes, &mut self.connector)?)
    }

    /// The CTL that was in force, as it was kept, and as the journal knows it.
    pub(super) fn old(&self) -> Result<VerifiedList, CommandError> {
        kept_list(&self.work, self.state.in_force.as_ref())
    }

    /// The bridge, as the journal knows it.
    pub(super) fn kept_bridge(&self) -> Result<Vec<u8>, CommandError> {
        kept(&self.work, (BRIDGE, "the bridge"), self.state.bridge.as_ref())
    }

    /// The CTL that the run signed, as the journal knows it.
    pub(super) fn made(&self) -> Result<VerifiedList, CommandError> {
        verified(kept(&self.work, (NEW_CTL, "the new CTL"), self.state.signed.as_ref())?)
    }

    pub(super) fn lost(&self, what: &str) -> CommandError {
        lost(&self.work, what)
    }
}

/// The CTL that a node serves.
fn served(node: &NodeAddress, args: &NodeArgs) -> Result<Option<VerifiedList>, CommandError> {
    let Some(host) = node.host() else { return Ok(None) };
    fetch(host, args.ports.ports(), CTL)?.map(|fetched| verified(fetched.bytes)).transpose()
}

/// What to do where the tokens did not get into the CTL.
fn no_bridge(why: &NoBridge) -> CommandError {
    let error = no(why.to_string());
    match why {
        NoBridge::Lacks { .. } => error.detail(
            "",
"`utils ctl update CTLFile`: no public source says whether it takes token certificates; here it did not",
        ),
        NoBridge::Missing { .. } | NoBridge::Old { .. } | NoBridge::Differs { .. } => {
            error.detail("", "CUCM copies its CTL to every node by SFTP, and Cisco Tftp was restarted")
        }
        NoBridge::NotAccepted { .. } => error,
    }
    .hint("go on without it: --resume, and no --bridge; phones with TVS follow, the others are named in the plan")
}
