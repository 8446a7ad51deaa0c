//! The bridge: the CTL that the nodes serve after `utils ctl update CTLFile` and a restart of Cisco Tftp on every node.

use crate::phone::{Decision, Installed, InstalledItl, NewList, PhoneClass, TvsStatus, assess_classes};
use crate::trustlist::{Certificate, Record, VerifiedList};

/// Why a list is not the bridge, with the node, token, other node or signer.
#[allow(missing_docs, reason = "the fields are described above")]
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoBridge {
    #[error("{node} serves no CTL")]
    Missing { node: String },
    #[error("{node} still serves the CTL that was in force before")]
    Old { node: String },
    #[error("the CTL that {node} serves now contains no SAST record of {token}")]
    Lacks { node: String, token: String },
    #[error("{node} serves another CTL than {from}")]
    Differs { node: String, from: String },
    #[error("the CTL that {node} serves now still contains the token {token}")]
    HasToken { node: String, token: String },
    #[error(
        "phones would not accept the CTL with the tokens: {signer} is not a trusted signer (SAST) in the phone's CTL"
    )]
    NotAccepted { signer: String },
}

impl NoBridge {
    /// Whether it may become the bridge soon: the file is still being copied, or the service is starting.
    pub fn may_come(&self) -> bool {
        matches!(self, NoBridge::Missing { .. } | NoBridge::Old { .. } | NoBridge::Differs { .. })
    }
}

/// The tokenless CTL that every node serves after `utils ctl update CTLFile`: no token is in it.
pub fn tokenless(
    old: Option<&VerifiedList>,
    served: &[(String, Option<VerifiedList>)],
) -> Result<VerifiedList, NoBridge> {
    let list = the_same(served, |node, list| {
        if is_old(old, list) {
            return Some(NoBridge::Old { node: node.to_owned() });
        }
        let is_token = |record: &&Record| record.is_token() || old.is_some_and(|old| old_token(old, record));
        let token = list.list().sasts().find(is_token)?;
        Some(NoBridge::HasToken { node: node.to_owned(), token: token.short_name() })
    })?;
    Ok(list.clone())
}

/// Whether a SAST record, however it is written, has the certificate of a token of the earlier CTL.
fn old_token(old: &VerifiedList, record: &Record) -> bool {
    let mut tokens = old.list().sasts().filter(|token| token.is_token());
    record.certificate().and_then(Result::ok).is_some_and(|of| tokens.any(|token| token.is_of(&of)))
}

fn is_old(old: Option<&VerifiedList>, list: &VerifiedList) -> bool {
    old.is_some_and(|old| old.list().bytes() == list.list().bytes())
}

/// The list that every node serves, if it is the same and `problem` finds none in it.
fn the_same(
    served: &[(String, Option<VerifiedList>)],
    problem: impl Fn(&str, &VerifiedList) -> Option<NoBridge>,
) -> Result<&VerifiedList, NoBridge> {
    let mut first: Option<(&str, &VerifiedList)> = None;
    for (node, list) in served {
        let list = list.as_ref().ok_or_else(|| NoBridge::Missing { node: node.clone() })?;
        if let Some(problem) = problem(node, list) {
            return Err(problem);
        }
        let (from, same) = *first.get_or_insert((node, list));
        if same.list().bytes() != list.list().bytes() {
            return Err(NoBridge::Differs { node: node.clone(), from: from.to_owned() });
        }
    }
    let (_, list) = first.ok_or_else(|| NoBridge::Missing { node: "the cluster".to_owned() })?;
    Ok(list)
}

/// Judges what every node serves, the publisher first.
pub fn bridge(
    old: &VerifiedList,
    served: &[(String, Option<VerifiedList>)],
    tokens: &[Certificate],
) -> Result<VerifiedList, NoBridge> {
    let list = the_same(served, |node, list| {
        let lacks = |token: &&Certificate| !list.list().sasts().any(|record| record.is_of(token));
        let lacking = tokens.iter().find(lacks)?;
        if is_old(Some(old), list) {
            return Some(NoBridge::Old { node: node.to_owned() });
        }
        Some(NoBridge::Lacks { node: node.to_owned(), token: lacking.sast_name() })
    })?;
    let installed = Installed { ctl: Some(old), itl: InstalledItl::Unknown };
    let verdicts = assess_classes(&installed, &NewList::of(list), &TvsStatus::NotAsked);
    let follows = |class| {
        verdicts.iter().any(|v| v.class == class && matches!(v.verdict.decision, Decision::Accepts(_)))
    };
    if follows(PhoneClass::WithoutTvs) && follows(PhoneClass::SecurityByDefault) {
        Ok(list.clone())
    } else {
        Err(NoBridge::NotAccepted { signer: list.signer_name() })
    }
}
