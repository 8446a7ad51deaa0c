//! The tokens of a run, and the plan that they sign.

use std::path::Path;

use super::error::RunError;
use super::run::ClusterRun;
use crate::trustlist::{Certificate, VerifiedList};
use crate::workflow::error::WorkError;
use crate::workflow::journal::TokenCertificate;
use crate::workflow::plan::{Release, revert};
use crate::workflow::signing::{Batch, BatchFile, SigningSession, show};

impl ClusterRun<'_> {
    /// The signer's certificate and the spares'. Once the cluster was asked to trust some, the run continues with these only.
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

    /// The plan of the CTL that replaces this one. The node's own release says which SAST records stay, unless the operator
    /// does.
    pub fn plan(&self, path: &Path, old: &VerifiedList) -> Result<(SigningSession, BatchFile), WorkError> {
        let options = self.options;
        // Before the session: a module is loaded once at a time.
        let certificates = self.certificates()?;
        let session =
            SigningSession::open_for_one(&options.module, options.selector.as_ref(), self.operator)?;
        let inserted = session.signer().certificate();
        let (signer, spares) = match certificates.split_first() {
            Some((signer, spares)) if signer.der() == inserted.der() => (signer, spares),
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

    /// Shows the plan, asks, signs and writes the new CTL.
    pub(super) fn sign_new(&mut self, path: &Path, old: &VerifiedList) -> Result<(), WorkError> {
        let (session, file) = self.plan(path, old)?;
        let batch = Batch::Planned(vec![file]);
        let shown = show(&batch, false, self.operator)?;
        session.ask(&shown, self.operator)?;
        match &mut self.journal {
            Some((journal, _)) => {
                session.sign_into(journal, batch, &shown, &self.options.order, self.operator)
            }
            None => Ok(()),
        }
    }
}
