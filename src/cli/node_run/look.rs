//! Whether the nodes, and the files that were kept, are as a run wants them: reached, in mixed mode, and all with the same CTL.

use std::path::Path;

use super::super::error::{CommandError, ErrorKind};
use super::{CTL, NodeArgs, Run, no};
use crate::cluster::{
    Connector, ConsoleError, CtlProblem, NodeAddress, NodeCtl, SecurityMode, fetch, is_left_behind,
    leftover_says, node_ctl, side_by_side,
};
use crate::trustlist::{TrustList, VerifiedList, digest};
use crate::workflow::journal::FileFingerprint;

/// A CTL of the cluster, decoded and verified.
pub(super) fn verified(bytes: Vec<u8>) -> Result<VerifiedList, CommandError> {
    TrustList::decode(bytes)
        .map_err(|e| CommandError::decode(CTL, &e))?
        .verify()
        .map_err(|e| CommandError::not_verified(CTL, &e))
}

/// A file in the run's folder, as the journal knows it.
pub(super) fn kept(
    work: &Path,
    (name, what): (&str, &str),
    seal: Option<&FileFingerprint>,
) -> Result<Vec<u8>, CommandError> {
    let bytes = crate::files::read_plain(&work.join(name), crate::trustlist::MAX_FILE_BYTES)
        .map_err(|_| lost(work, what))?;
    let same = seal.is_some_and(|seal| seal.sha256 == digest::hex(&digest::sha256(&bytes), ""));
    if same { Ok(bytes) } else { Err(lost(work, what)) }
}

/// The CTL that was in force before the run.
pub(super) fn kept_list(work: &Path, seal: Option<&FileFingerprint>) -> Result<VerifiedList, CommandError> {
    verified(kept(work, (CTL, "the CTL in force"), seal)?)
}

/// A file of the run that is not what it was.
pub(super) fn lost(work: &Path, what: &str) -> CommandError {
    CommandError::new(ErrorKind::File, format!("{what} is not in {} as the run left it", work.display()))
        .hint("the journal holds it: sastctl journal show --json has the bytes of every file")
}

impl Run<'_> {
    /// Every node is reached, is in mixed mode, and shows and serves the same CTL; that CTL.
    pub(super) fn look(&mut self) -> Result<VerifiedList, CommandError> {
        let (args, ui) = (self.args, self.ui);
        let mode = self.connector.open(&self.publisher)?.security_mode()?;
        if mode != SecurityMode::Mixed {
            let error = no(format!("the cluster is in {mode} mode: it has no CTL to go on from"));
            let served = self.publisher.host().and_then(|host| fetch(host, args.ports.ports(), CTL).ok()?);
            let leftover = served.and_then(|f| TrustList::decode(f.bytes).ok());
            return Err(match leftover.filter(|ctl| is_left_behind(mode, ctl)) {
                Some(_) => error.detail("CTL", leftover_says()),
                None => error,
            }
            .hint("mixed mode first: `utils ctl set-cluster mixed-mode` from release 10.0 on, the CTL Client before"));
        }
        let looks = side_by_side(&self.nodes, &self.connector, |node, connector| {
            let found = look_at(node, connector, args);
            let says = if found.is_ok() { "the CTL that it shows" } else { "not as it should be" };
            ui.note(&format!("{:<10} {node}: {says}", ""));
            found
        });
        let mut looks = self.nodes.iter().zip(looks);
        let (from, first) = looks.next().ok_or_else(|| no("the cluster has no nodes"))?;
        let first = first?;
        for (node, list) in looks {
            let list = list?;
            if list.list().bytes() != first.list().bytes() {
                let md5 = digest::hex(&list.list().md5(), "");
                return Err(no(format!("{node} holds another CTL than {from}: MD5 {md5}")).hint(
                    "bring all nodes to the same CTL first: sastctl cluster fetch shows what each holds",
                ));
            }
        }
        Ok(first)
    }
}

/// The CTL that a node shows, serves and accepts.
fn look_at(
    node: &NodeAddress,
    connector: &mut Connector<'_>,
    args: &NodeArgs,
) -> Result<VerifiedList, CommandError> {
    let shown = connector.open(node)?.shown_ctl()?;
    let Some(host) = node.host() else {
        let why = "over a serial line its files cannot be fetched".to_owned();
        return Err(ConsoleError::Connect { node: node.to_string(), why }.into());
    };
    let served = fetch(host, args.ports.ports(), CTL)?.map(|fetched| fetched.bytes);
    match node_ctl(SecurityMode::Mixed, &shown, served) {
        Ok(NodeCtl::InForce(list)) => Ok(list),
        Ok(NodeCtl::LeftBehind(_) | NodeCtl::None) => Err(no(format!("{node} has no CTL in force"))),
        Err(CtlProblem::Unreadable(e)) => Err(CommandError::decode(CTL, &e)),
        Err(CtlProblem::NotVerified(e)) => Err(CommandError::not_verified(CTL, &e)),
        Err(problem) => Err(no(format!("{node} {problem}"))),
    }
}
