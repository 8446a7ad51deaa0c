//! The tokens of a run on a cluster, and the plan that they sign.

use super::super::error::{CommandError, ErrorKind};
use super::super::settings::Settings;
use super::super::signing::{Batch, BatchFile, PlanOutput, SigningArgs, SigningSession, headline};
use super::super::ui::Ui;
use crate::phone::ClassVerdict;
use crate::trustlist::Certificate;
use crate::workflow::cluster_run::{RunError, RunTokens, SignJob};
use crate::workflow::journal::Journal;
use crate::workflow::{OperatorError, Release, WorkError, revert};

/// What the tokens are for in this run.
pub struct Tokens<'a> {
    /// `--spare`.
    pub spare: &'a [String],
    /// `--single-token`.
    pub single: bool,
    /// `--release`.
    pub release: Option<&'a str>,
    /// The options of signing.
    pub signing: &'a SigningArgs,
    /// The options of every command.
    pub settings: &'a Settings,
    /// The terminal.
    pub ui: &'a Ui,
}

impl<'a> Tokens<'a> {
    /// The plan of the new CTL, and what phones do with it. The node's own release says which SAST records stay, unless the operator does.
    pub fn plan(
        &self,
        job: &SignJob<'_>,
    ) -> Result<(SigningSession<'a>, BatchFile, Vec<ClassVerdict>), CommandError> {
        let session = SigningSession::open_for_one(self.settings, self.ui)?;
        let (inserted, chosen) = (session.signer().certificate(), job.certificates.first());
        let Some(signer) = chosen.filter(|chosen| chosen.der() == inserted.der()) else {
            let chosen = chosen.map(Certificate::sast_name).unwrap_or_default();
            let inserted = inserted.sast_name();
            return Err(WorkError::from(RunError::AnotherSigner { inserted, chosen }).into());
        };
        let request = self.signing.request(signer)?;
        let release = self.release.unwrap_or(job.version).parse::<Release>();
        let release = release.map_err(|e| CommandError::new(ErrorKind::Usage, format!("--release {e}")))?;
        let spares = job.certificates.get(1..).unwrap_or_default();
        let plan = revert(job.old, &request, spares, Some(release), self.single)?;
        let phones = plan.phones().to_vec();
        let mut file = BatchFile::list(headline(&job.old_path, job.old), plan, job.out.clone());
        file.replaces(&job.old_path, job.old);
        Ok((session, file, phones))
    }

    fn sign(&self, job: &SignJob<'_>, journal: &mut Journal) -> Result<(), CommandError> {
        let (session, file, _) = self.plan(job)?;
        let batch = Batch { what: "revert-node", files: vec![file] };
        let say = PlanOutput { ui: self.ui, to_stderr: false };
        let shown = session.show(&batch, &say)?;
        session.ask(&shown, self.signing, self.ui)?;
        session.sign_into(batch, shown, journal, self.signing, &say)
    }
}

impl RunTokens for Tokens<'_> {
    fn certificates(&self) -> Result<Vec<Certificate>, WorkError> {
        let found = || {
            let session = SigningSession::open(self.settings, self.ui)?;
            let mut certificates = vec![session.signer().certificate().clone()];
            certificates.extend(session.certificates(self.spare, self.ui)?);
            Ok(certificates)
        };
        found().map_err(|e: CommandError| OperatorError::from(e).into())
    }

    fn sign(&self, job: &SignJob<'_>, journal: &mut Journal) -> Result<(), WorkError> {
        self.sign(job, journal).map_err(|e| OperatorError::from(e).into())
    }
}
