//! A node's CTL: the output of `show ctl`, the file that TFTP serves, and what both mean in the cluster's security mode.

use crate::cluster::shell::answers::{SecurityMode, ShownCtl};
use crate::trustlist::{DecodeError, Function, Record, TrustList, VerifiedList, VerifyError, digest};

/// A node's CTL without a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeCtl {
    /// There is none: normal in non-secure mode.
    None,
    InForce(VerifiedList),
    /// The cluster is in non-secure mode, and this is the CTL of the mixed mode before.
    LeftBehind(VerifiedList),
}

/// What is wrong with a node's CTL: `shown` by `show ctl`, `served` by TFTP. The text continues after the node's name.
#[derive(Debug, thiserror::Error)]
pub enum CtlProblem {
    #[error("serves no CTL, though the cluster is in mixed mode")]
    ServesNone,
    #[error("serves a CTL that cannot be read: {0}")]
    Unreadable(#[source] DecodeError),
    #[error("serves a CTL that does not verify: {0}")]
    NotVerified(#[source] VerifyError),
    /// Cisco Tftp was not restarted.
    #[error("shows MD5 {shown} and serves {served}: restart Cisco Tftp there")]
    ServesAnother { shown: String, served: String },
    /// Cisco Tftp was not restarted.
    #[error("serves a CTL and shows none: restart Cisco Tftp there")]
    ShowsNone,
    #[error("does not accept its CTL: {says}")]
    NotAccepted { says: String },
    #[error("shows its CTL in an unknown format")]
    Unclear,
}

/// Compares what a node shows and serves.
pub fn node_ctl(
    mode: SecurityMode,
    shown: &ShownCtl,
    served: Option<Vec<u8>>,
) -> Result<NodeCtl, CtlProblem> {
    let Some(served) = served else {
        return match (mode, shown) {
            (SecurityMode::NonSecure, ShownCtl::None) => Ok(NodeCtl::None),
            _ => Err(CtlProblem::ServesNone),
        };
    };
    let list = TrustList::decode(served).map_err(CtlProblem::Unreadable)?;
    let list = list.verify().map_err(CtlProblem::NotVerified)?;
    let md5 = digest::hex(&digest::md5(list.list().bytes()), "");
    match shown {
        ShownCtl::Verified(sums) if sums.md5 == md5 => Ok(if is_left_behind(mode, list.list()) {
            NodeCtl::LeftBehind(list)
        } else {
            NodeCtl::InForce(list)
        }),
        ShownCtl::Verified(sums) => Err(CtlProblem::ServesAnother { shown: sums.md5.clone(), served: md5 }),
        ShownCtl::None => Err(CtlProblem::ShowsNone),
        ShownCtl::Bad { says } => Err(CtlProblem::NotAccepted { says: says.clone() }),
        ShownCtl::Unclear => Err(CtlProblem::Unclear),
    }
}

/// Whether a node shows the CTL with this MD5; else what it shows: the text continues after the node's name.
pub fn shows_ctl(shown: &ShownCtl, md5: &str) -> Result<(), String> {
    Err(match shown {
        ShownCtl::Verified(sums) if sums.md5 == md5 => return Ok(()),
        ShownCtl::Verified(sums) => format!("shows another CTL: MD5 {} instead of {md5}", sums.md5),
        ShownCtl::None => "shows no CTL".to_owned(),
        ShownCtl::Bad { says } => format!("does not accept the CTL: {says}"),
        ShownCtl::Unclear => CtlProblem::Unclear.to_string(),
    })
}

/// In non-secure mode CUCM's own CTL has emptied CCM+TFTP records. A CTL with complete records is not in force (118893).
pub fn is_left_behind(mode: SecurityMode, ctl: &TrustList) -> bool {
    let whole = |r: &Record| r.function() == Function::CCM_TFTP && !r.is_emptied();
    mode == SecurityMode::NonSecure && ctl.records().iter().any(whole)
}

/// The message about a CTL that was left behind, with the command that deletes it on each node.
pub fn leftover_says() -> &'static str {
    "it is from an earlier mixed mode and not in force; delete it on each node: file delete activelog \
     cm/tftpdata/CTLFile.tlv"
}
