//! Messages for requests and answers that are refused.

use super::{CommandError, ErrorKind};
use crate::workflow::exchange::ExchangeError;

impl From<ExchangeError> for CommandError {
    fn from(error: ExchangeError) -> Self {
        use ExchangeError as E;
        let kind = match error {
            E::TooLarge { .. }
            | E::TooManyValues { .. }
            | E::NotRead { .. }
            | E::Ledger { .. }
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
            E::Foreign { .. } => base.hint("give the request that belongs to this answer: --request FILE"),
            E::OtherToken { .. } => base.hint("insert that token, or select it: --token SERIAL"),
            E::InForceChanged(_) => base.hint("fetch the list in force again, and make a new request"),
            _ => base,
        }
    }
}
