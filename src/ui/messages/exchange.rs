//! Messages for requests and answers that are refused.

use super::super::next::spell;
use super::{CommandError, ErrorKind};
use crate::workflow::exchange::{ExchangeError, Refusal};

impl From<ExchangeError> for CommandError {
    fn from(error: ExchangeError) -> Self {
        use ExchangeError as E;
        let kind = match error {
            E::TooLarge { .. }
            | E::TooManyValues { .. }
            | E::NotRead { .. }
            | E::Ledger { .. }
            | E::Signers { .. }
            | E::NoLedger => ErrorKind::File,
            E::OtherToken { .. } => ErrorKind::Token,
            _ => ErrorKind::No,
        };
        let base = CommandError::new(kind, error.to_string()).wrote(0);
        match error {
            E::Changed { .. } => {
                base.hint("use the file as it was written; if that is lost, make a new request")
            }
            E::NoPlan(_) | E::NotRead { .. } => base.hint("both machines need the same version of sastctl"),
            E::Expired { .. } | E::AnswerExpired { .. } => {
                base.hint("check the clock of this machine (date); if it is right, make a new request")
            }
            E::SignedBefore { when, ledger, .. } => base
                .detail("signed", when)
                .detail("ledger", ledger.display().to_string())
                .hint("its answer is next to the request; sastctl journal list shows the journal of the signing"),
            E::AppliedBefore { when, ledger, .. } => base
                .detail("used", when)
                .detail("ledger", ledger.display().to_string())
                .hint("for another signature make a new request"),
            E::Foreign { .. } => base.hint("give the answer and the request that belong together"),
            E::OtherToken { .. } => base.hint("insert that token, or select it: --token SERIAL"),
            E::NoSshKeygen(_) => base.hint("ssh-keygen comes with OpenSSH; it must be in the PATH"),
            E::NotSigned(_) => base.hint("with a public key ssh-agent signs; ssh-add -l lists its keys"),
            E::Approval { .. } => {
                base.hint("approve the request as it was written, without this approval")
            }
            E::Refused(Refusal::TooFew { .. } | Refusal::NobodyAsked { .. }) => {
                base.hint("each of these people: sastctl approve R.sastreq --key FILE")
            }
            E::Refused(Refusal::OtherCluster { .. }) => {
                base.hint("--cluster-name of request names the cluster as in signers.toml")
            }
            E::Refused(_) | E::Signers { .. } => base.hint("docs/exchange.md describes signers.toml"),
            E::InForceChanged(_) => base.hint("fetch the list in force again, and make a new request"),
            E::OfARun(next) => base.hint(spell(&next)),
            _ => base,
        }
    }
}
