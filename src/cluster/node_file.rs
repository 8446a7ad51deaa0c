//! A file as a node has it: fetched, else printed by its shell.

use super::address::NodeAddress;
use super::connect::Connector;
use super::error::ClusterError;
use super::fetch::{By, Ports, fetch};
use crate::trustlist::{TrustList, VerifiedList, digest};

/// A file as a node has it.
#[derive(Debug)]
pub struct NodeFile {
    pub node: NodeAddress,
    pub bytes: Vec<u8>,
    pub by: By,
    /// Whose signature is good, or what is wrong with the file as a list.
    pub signer: Result<String, String>,
}

impl NodeFile {
    fn new(node: &NodeAddress, bytes: Vec<u8>, by: By) -> Self {
        let signer = TrustList::decode(bytes.clone())
            .map_err(|e| e.to_string())
            .and_then(|l| l.verify().as_ref().map(VerifiedList::signer_name).map_err(ToString::to_string));
        NodeFile { node: node.clone(), bytes, by, signer }
    }

    /// Fetches it. With `dump` the shell prints what cannot be fetched. `None` where the node has no such file.
    pub fn get(
        node: &NodeAddress,
        name: &str,
        ports: Ports,
        dump: bool,
        connector: &mut Connector<'_>,
    ) -> Result<Option<Self>, ClusterError> {
        match node.host().map(|host| fetch(host, ports, name)) {
            Some(Ok(fetched)) => return Ok(fetched.map(|f| NodeFile::new(node, f.bytes, f.by))),
            Some(Err(e)) if !dump => return Err(e.into()),
            _ => {}
        }
        let file = NodeFile::new(node, connector.open(node)?.dump_tftp(name)?, By::Dump);
        // Nobody published the layout: only a signature says that these are the bytes.
        if file.signer.is_ok() {
            return Ok(Some(file));
        }
        Err(ClusterError::DumpNotVerified { node: node.to_string(), name: name.to_owned() })
    }

    pub fn md5(&self) -> String {
        digest::hex(&digest::md5(&self.bytes), "")
    }

    /// Whether it verifies as a list, in words.
    pub fn says(&self) -> String {
        match &self.signer {
            Ok(signer) => format!("verified, signed by {signer}"),
            Err(e) => format!("not verified: {e}"),
        }
    }
}
