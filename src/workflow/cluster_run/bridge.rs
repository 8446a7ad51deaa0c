//! The bridge: the CTL that the nodes serve after `utils ctl update CTLFile` and a restart of Cisco Tftp on every node.

use crate::phone::{Decision, Installed, InstalledItl, NewList, PhoneClass, TvsStatus, assess_classes};
use crate::trustlist::{Certificate, VerifiedList};

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

/// Judges what every node serves, the publisher first.
pub fn bridge(
    old: &VerifiedList,
    served: &[(String, Option<VerifiedList>)],
    tokens: &[Certificate],
) -> Result<VerifiedList, NoBridge> {
    let mut first: Option<(&str, &VerifiedList)> = None;
    for (node, list) in served {
        let list = list.as_ref().ok_or_else(|| NoBridge::Missing { node: node.clone() })?;
        let lacks = |token: &&Certificate| !list.list().sasts().any(|record| record.is_of(token));
        if let Some(token) = tokens.iter().find(lacks) {
            if list.list().bytes() == old.list().bytes() {
                return Err(NoBridge::Old { node: node.clone() });
            }
            return Err(NoBridge::Lacks { node: node.clone(), token: token.sast_name() });
        }
        let (from, same) = *first.get_or_insert((node, list));
        if same.list().bytes() != list.list().bytes() {
            return Err(NoBridge::Differs { node: node.clone(), from: from.to_owned() });
        }
    }
    let (_, list) = first.ok_or_else(|| NoBridge::Missing { node: "the cluster".to_owned() })?;
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
