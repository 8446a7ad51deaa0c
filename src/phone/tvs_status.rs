//! What TVS says about a signer, and what a phone then decides. Checks, `cluster trust` and runs share this rule.

use std::collections::BTreeSet;

use super::reason::Reason;
use super::tvs::{Answer, Ask, TvsError};
use super::verdict::{Decision, Way};
use crate::trustlist::{Function, ListKind};

/// What TVS says about the signer of a new list. `server` answered, or was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "what the fields are is said of each variant")]
pub enum TvsStatus {
    /// Not asked, and no certificate was named as uploaded.
    NotAsked,
    /// The signer's certificate was named as uploaded (Phone-SAST-trust).
    Uploaded,
    /// Certificates were named as uploaded; the signer's is not among them.
    NotUploaded,
    /// It answered "valid", with or without roles, and its own certificate is in a TVS record of the installed ITL.
    Valid { server: String, roles: Vec<Function>, asked: Ask },
    /// It answered "valid", but without an ITL its own certificate could not be checked, so this proves nothing.
    Unchecked { server: String },
    /// These servers (each listed once) have certificates that are in no TVS record of the installed ITL: phones refuse them.
    OtherCertificate { servers: Vec<String> },
    /// It answered "invalid".
    Invalid { server: String },
    /// It did not answer, and why.
    NoAnswer { server: String, why: String },
    /// The servers of the cluster do not agree: one says valid, one invalid.
    Disagree { valid: String, invalid: String },
}

/// The signer in a request to TVS.
#[derive(Debug, Clone, Copy)]
pub struct ListSigner<'a> {
    pub name: &'a str,
    pub is_token: bool,
    pub signs: ListKind,
}

impl TvsStatus {
    /// From the answer of one server.
    pub fn of(server: &str, answer: &Result<Answer, TvsError>) -> TvsStatus {
        let server = server.to_owned();
        match answer {
            Ok(Answer { valid: false, .. }) => TvsStatus::Invalid { server },
            Ok(a) if !a.shown.in_itl => TvsStatus::Unchecked { server },
            Ok(a) => TvsStatus::Valid { server, roles: a.roles.clone(), asked: a.asked },
            Err(TvsError::OtherCertificate { .. }) => TvsStatus::OtherCertificate { servers: vec![server] },
            Err(e) => TvsStatus::NoAnswer { server, why: e.to_string() },
        }
    }

    /// Combines the answers of several servers: a phone may ask any of them.
    pub fn together(answers: Vec<TvsStatus>) -> TvsStatus {
        let says = |status: &TvsStatus, role| matches!(status, TvsStatus::Valid { roles, .. } if roles.contains(&role));
        let says_valid =
            |status: &&TvsStatus| matches!(status, TvsStatus::Valid { .. } | TvsStatus::Unchecked { .. });
        // Among the valid answers, the one with the fewest roles counts: a phone may ask that server.
        let valid = answers
            .iter()
            .filter(says_valid)
            .min_by_key(|status| (says(status, Function::SAST), says(status, Function::CCM_TFTP)));
        let invalid = answers.iter().find(|status| matches!(status, TvsStatus::Invalid { .. }));
        let others = answers.iter().flat_map(|status| match status {
            TvsStatus::OtherCertificate { servers } => &servers[..],
            _ => &[],
        });
        let others: BTreeSet<String> = others.cloned().collect();
        match (valid, invalid) {
            (
                Some(TvsStatus::Valid { server: valid, .. } | TvsStatus::Unchecked { server: valid }),
                Some(TvsStatus::Invalid { server: invalid }),
            ) => TvsStatus::Disagree { valid: valid.clone(), invalid: invalid.clone() },
            (Some(answer), _) | (None, Some(answer)) => answer.clone(),
            (None, None) if !others.is_empty() => {
                TvsStatus::OtherCertificate { servers: others.into_iter().collect() }
            }
            (None, None) => answers.into_iter().next().unwrap_or(TvsStatus::NotAsked),
        }
    }

    /// The decision of a phone whose ITL has this number of TVS records.
    pub fn decides(&self, signer: ListSigner<'_>, tvs_records: usize) -> (Decision, Reason) {
        let name = signer.name.to_owned();
        match self.clone() {
            TvsStatus::NotAsked => (Decision::NotKnown, Reason::TvsNotAsked { name, token: signer.is_token }),
            TvsStatus::Uploaded => (Decision::Accepts(Way::Tvs), Reason::TvsUploaded { name }),
            TvsStatus::NotUploaded => (Decision::Refuses, Reason::TvsNotUploaded { name }),
            TvsStatus::Valid { server, roles, .. }
                if roles.contains(&Function::SAST)
                    || (signer.signs == ListKind::Itl && roles.contains(&Function::CCM_TFTP)) =>
            {
                (Decision::Accepts(Way::Tvs), Reason::TvsValid { server, roles })
            }
            TvsStatus::Valid { server, roles, .. } => {
                (Decision::NotKnown, Reason::TvsOtherRole { server, roles })
            }
            TvsStatus::Unchecked { server } => (Decision::NotKnown, Reason::TvsUnchecked { server }),
            TvsStatus::OtherCertificate { servers } => {
                let left = tvs_records.saturating_sub(servers.len());
                let decision = if left == 0 { Decision::Refuses } else { Decision::NotKnown };
                (decision, Reason::TvsOtherCertificate { servers, left })
            }
            TvsStatus::Invalid { server } => (Decision::Refuses, Reason::TvsInvalid { server }),
            TvsStatus::NoAnswer { server, why } => (Decision::NotKnown, Reason::TvsNoAnswer { server, why }),
            TvsStatus::Disagree { valid, invalid } => {
                (Decision::NotKnown, Reason::TvsDisagree { valid, invalid })
            }
        }
    }
}
