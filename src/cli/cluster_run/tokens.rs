//! The tokens of a run on a cluster, and the plan that they sign.

use super::super::error::{CommandError, ErrorKind};
use super::super::operator::TerminalOperator;
use super::super::settings::Settings;
use super::super::signing::SigningArgs;
use super::super::ui::Ui;
use crate::phone::ClassVerdict;
use crate::trustlist::Certificate;
use crate::workflow::cluster_run::{RunError, RunTokens, SignJob};
use crate::workflow::journal::Journal;
use crate::workflow::signing::{Batch, BatchFile, SigningSession, show};
use crate::workflow::{Release, WorkError, revert};

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

impl Tokens<'_> {
    /// The plan of the new CTL, and what phones do with it. The node's own release says which SAST records stay, unless the operator does.
    pub fn plan(
        &self,
        job: &SignJob<'_>,
    ) -> Result<(SigningSession, BatchFile, Vec<ClassVerdict>), CommandError> {
        let (options, selector) = (self.settings.module_options(), self.settings.selector()?);
        let operator = TerminalOperator::new(self.settings, self.ui);
        let session = SigningSession::open_for_one(&options, selector.as_ref(), &operator)?;
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
        let file = BatchFile::list(plan, job.out.clone(), Some((&job.old_path, job.old)));
        Ok((session, file, phones))
    }
}

impl RunTokens for Tokens<'_> {
    fn certificates(&self) -> Result<Vec<Certificate>, WorkError> {
        let (options, selector) = (self.settings.module_options(), self.settings.selector()?);
        let operator = TerminalOperator::new(self.settings, self.ui);
        let session = SigningSession::open(&options, selector.as_ref(), &operator)?;
        let mut certificates = vec![session.signer().certificate().clone()];
        certificates.extend(session.certificates(self.spare, &operator)?);
        Ok(certificates)
    }

    fn sign(&self, job: &SignJob<'_>, journal: &mut Journal) -> Result<(), WorkError> {
        let (session, file, _) = self.plan(job)?;
        let (batch, order) = (Batch::Planned(vec![file]), self.signing.order("revert-node"));
        // Whatever was said beforehand, the plan is shown before the cluster changes.
        let operator =
            TerminalOperator { sees_plans: true, ..self.signing.operator(false, self.settings, self.ui) };
        let shown = show(&batch, false, &operator)?;
        session.ask(&shown, &operator)?;
        session.sign_into(journal, batch, &shown, &order, &operator)
    }
}
