//! The signature is made elsewhere: a run asks for it and waits at its signing step, and goes on with the answer.

use std::path::Path;

use jiff::Timestamp;

use super::error::RunError;
use super::folder::CERTIFICATES;
use super::run::ClusterRun;
use super::state::IN_FORCE;
use super::step::{RunKind, Step};
use crate::cluster::NodeAddress;
use crate::files::{self, OnExisting};
use crate::phone::tvs::Answer;
use crate::trustlist::{Certificate, VerifiedList, digest};
use crate::workflow::error::WorkError;
use crate::workflow::exchange::{
    Carry, Done, ExchangeError, Ledger, OpenRequest, Seen, SeenNode, SeenTvs, SigningRequest, WaitingRun,
    Work, carried, check_unused, write, write_signed,
};
use crate::workflow::export::Format;
use crate::workflow::journal::{Event, FileFingerprint, VerifiedJournal};
use crate::workflow::operator::View;
use crate::workflow::trust::wait_until_trusted;
use crate::workflow::{Next, Spell};

/// The request for the signature, in the folder of the run.
const REQUEST: &str = "request.sastreq";
/// The journal of the signing, in that folder.
const SIGNING: &str = "signing.jsonl";

impl ClusterRun<'_> {
    /// Does the steps before the signing, and writes the request for the signature. The run waits there for the answer.
    pub fn ask_for_signature(mut self, carry: &Carry<'_>) -> Result<SigningRequest, WorkError> {
        if self.state.signed.is_some() || self.state.answered {
            return Err(RunError::IsSigned.into());
        }
        self.go(Some(Step::Sign))?;
        self.make_request(carry).map_err(|e| self.stopped(Step::Sign, None, e))
    }

    fn make_request(&mut self, carry: &Carry<'_>) -> Result<SigningRequest, WorkError> {
        let (path, old) = self.to_sign_upon()?;
        self.check_in_force(&old)?;
        let (options, operator) = (self.options, self.operator);
        let certificates = self.certificates()?.to_vec();
        let (signer, spares) = certificates.split_first().ok_or(WorkError::NoCertificate)?;
        let ctl_md5 = digest::hex(&digest::md5(old.list().bytes()), "");
        let mut seen = Seen { run: self.waiting(), nodes: vec![] };
        for node in &self.nodes {
            let tvs = self.trusted(node, signer)?.map(|Answer { server, roles, asked, .. }| {
                let at = Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default();
                SeenTvs { server, roles, asked, at }
            });
            seen.nodes.push(SeenNode { node: node.to_string(), ctl_md5: ctl_md5.clone(), tvs });
        }
        let work = Work::Revert {
            in_force: carried(&path)?,
            spares: spares.to_vec(),
            release: Some(self.release()?),
            single_token: options.single_token,
            edits: vec![],
        };
        write((work, Some(seen)), (options.request)(signer)?, carry, operator, |request| {
            files::write_new(&options.folder.0.join(REQUEST), &request.to_bytes(), OnExisting::Replace)?;
            let (serial, digest) = (request.serial.clone(), request.digest.clone());
            self.record(Event::Request { serial, digest, people: vec![] })
        })
    }

    /// The answer of a node's TVS that knows the signer; an error if it does not, none if TVS is not asked.
    fn trusted(&self, node: &NodeAddress, signer: &Certificate) -> Result<Option<Answer>, WorkError> {
        let (tvs, ports) = (self.options.tvs.as_ref(), self.options.ports);
        tvs.map(|tvs| wait_until_trusted(node, signer, (tvs, ports), self.operator)).transpose()
    }

    fn waiting(&self) -> WaitingRun {
        WaitingRun {
            publisher: format!("{:#}", self.options.publisher),
            folder: self.options.folder.0.display().to_string(),
            bridge: self.options.kind == RunKind::RevertByBridge,
        }
    }

    /// An error if a node shows or serves another CTL than this, with the command for a new request.
    fn check_in_force(&self, ctl: &VerifiedList) -> Result<(), WorkError> {
        let mut lists = self.lists()?.into_iter();
        let other = lists.find(|(_, list)| list.list().bytes() != ctl.list().bytes());
        let Some((node, list)) = other else { return Ok(()) };
        let (node, md5) = (node.to_string(), digest::hex(&digest::md5(list.list().bytes()), ""));
        let folder = self.options.folder.0.join(CERTIFICATES);
        let tokens = self.state.tokens.iter().flatten().map(|token| Format::Der.file_name(&token.name));
        let tokens = tokens.map(|file| folder.join(file).display().to_string()).collect();
        let again = Box::new(Next::AskAgain { run: self.waiting(), tokens });
        Err(RunError::InForceChanged { node, md5, again }.into())
    }

    /// The signing step with the answer to the request of the run. Once its use has begun, the time of the request and the
    /// ledger do not stop it any more: the run may be interrupted, and continues with the same answer.
    pub(super) fn use_answer(
        &mut self,
        (answer, ledger, spell): (&Path, Option<&Path>, Spell),
        asked: &[String; 2],
        (old_path, old): (&Path, &VerifiedList),
    ) -> Result<String, WorkError> {
        let (folder, operator, has_begun) = (&self.options.folder, self.operator, self.state.answered);
        let new_path = folder.new_ctl();
        let lost = || folder.lost("the request");
        let path = folder.0.join(REQUEST);
        let open = OpenRequest::read(&path, spell).map_err(|_| lost())?;
        let request = open.request.clone();
        if [&request.serial, &request.digest] != asked.each_ref() {
            return Err(lost().into());
        }
        if request.files().iter().any(|file| file.bytes != old.list().bytes()) {
            return Err(ExchangeError::InForceChanged(old_path.to_owned()).into());
        }
        let open = open.placed(|mut file| {
            file.input.iter_mut().for_each(|input| input.path = old_path.to_owned());
            file.placed(new_path.clone())
        });
        let out = new_path.display().to_string();
        let old_file = FileFingerprint::of(old_path.display().to_string(), old.list().bytes());
        let mut lines = vec![Event::input(IN_FORCE, Some(out.clone()), old_file)];
        operator.show(&View::Request { request: &request, file: &path, people: &[] })?;
        for file in &open.batch {
            operator.show(&View::Plan(file))?;
            lines.extend(file.plan().map(|plan| Event::plan(plan, &out)));
        }
        let (answer, signed) = open.answered(answer)?;
        let mut ledger = Ledger::open(ledger, Done::Applied)?;
        if !has_begun {
            check_unused(&request, &ledger)?;
            self.check_in_force(old)?;
            self.nodes.iter().try_for_each(|node| self.trusted(node, &request.signer).map(drop))?;
            let signing = VerifiedJournal::read(answer.journal.as_bytes()).map_err(ExchangeError::from)?;
            let token = signing.lines().iter().map(|line| line.event.clone());
            let token = token.filter(|event| matches!(event, Event::Token(_)));
            token.chain(lines).try_for_each(|line| self.record(line))?;
        }
        // It may have been entered before the run was interrupted.
        let entered = ledger.enter(&[(&request.serial, &request.digest)])?.into_iter();
        entered.filter(|it| it.is_ok() || !has_begun).collect::<Result<(), _>>()?;
        answer.keep_journal(&folder.0.join(SIGNING))?;
        write_signed(signed, operator, |line| self.record(line))?;
        let new = self.signed()?;
        let (bytes, signer) = (new.list().bytes().len(), new.signer_name());
        Ok(format!("{bytes} bytes, signed by {signer} for the request {}, verified", request.serial))
    }
}
