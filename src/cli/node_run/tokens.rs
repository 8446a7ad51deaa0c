//! The tokens of a run, and the plan that they sign.

use super::super::error::{CommandError, ErrorKind};
use super::super::signing::SigningSession;
use super::super::ui::printable;
use super::Run;
use crate::trustlist::{Certificate, VerifiedList};
use crate::workflow::journal::{Event, TokenCertificate};
use crate::workflow::{Plan, Release, revert};

impl<'a> Run<'a> {
    /// The plan of the new CTL. The node's own release says which SAST records stay, unless the operator does.
    pub(super) fn plan(&self, old: &VerifiedList) -> Result<(SigningSession<'a>, Plan), CommandError> {
        let known = self.certificates()?;
        let (signer, spares) = known.split_first().ok_or_else(|| self.lost("the tokens' certificates"))?;
        let session = SigningSession::open_for_one(self.settings, self.ui)?;
        if session.signer().certificate().der() != signer.der() {
            return Err(CommandError::new(ErrorKind::Token, "this is not the token that the run began with")
                .detail("inserted", name(session.signer().certificate()))
                .detail("chosen", name(signer))
                .hint("insert the token that was chosen, and go on with --resume"));
        }
        let request = self.tokens.signing.request(signer)?;
        let release = self.tokens.release.unwrap_or(&self.version).parse::<Release>();
        let release = release.map_err(|e| CommandError::new(ErrorKind::Usage, format!("--release {e}")))?;
        let plan = revert(old, &request, spares, Some(release), self.tokens.single)?;
        Ok((session, plan))
    }

    /// The signer's certificate and the spares'. Once the cluster was asked to trust some, a run goes on with these alone.
    pub(super) fn certificates(&self) -> Result<Vec<Certificate>, CommandError> {
        if let Some(known) = self.certificates.get() {
            return Ok(known.clone());
        }
        let session = SigningSession::open(self.settings, self.ui)?;
        let mut certificates = vec![session.signer().certificate().clone()];
        certificates.extend(session.certificates(self.tokens.spare, self.ui)?);
        if let Some(trusted) = self.state.tokens.as_deref() {
            same_tokens(trusted, &certificates)?;
        }
        Ok(self.certificates.get_or_init(|| certificates).clone())
    }

    /// Writes down which tokens the cluster is asked to trust, before it is.
    pub(super) fn bind_tokens(&mut self, certificates: &[Certificate]) -> Result<(), CommandError> {
        if self.state.tokens.is_some() {
            return Ok(());
        }
        self.record(Event::Tokens { certificates: certificates.iter().map(TokenCertificate::of).collect() })
    }
}

/// What is done of trust and vouch holds for the tokens that it was done with.
fn same_tokens(trusted: &[TokenCertificate], chosen: &[Certificate]) -> Result<(), CommandError> {
    let chosen: Vec<_> = chosen.iter().map(TokenCertificate::of).collect();
    if chosen.iter().map(|c| &c.certificate_sha256).eq(trusted.iter().map(|c| &c.certificate_sha256)) {
        return Ok(());
    }
    Err(CommandError::new(ErrorKind::Token, "these are not the tokens that the run began with")
        .detail("run", TokenCertificate::list(trusted))
        .detail("chosen", TokenCertificate::list(&chosen))
        .detail("", "TVS was asked about the tokens of the run alone; nothing was changed by this command")
        .hint("name the tokens of the run (--token, --spare), and go on with --resume")
        .hint("other tokens need a run of their own: another folder, --work DIR"))
}

/// `SAST-ADN008580ef and SAST-ADN0054f509`
pub(super) fn names(certificates: &[Certificate]) -> String {
    certificates.iter().map(name).collect::<Vec<_>>().join(" and ")
}

/// Somebody else gave it.
fn name(certificate: &Certificate) -> String {
    printable(&certificate.sast_name())
}
