//! A file of a node: fetched, else printed by its shell.

use super::address::NodeAddress;
use super::connect::Connector;
use super::error::ClusterError;
use super::fetch::{By, Ports, fetch};
use crate::trustlist::{TrustList, VerifiedList, digest};

/// A file of a node.
#[derive(Debug)]
pub struct NodeFile {
    pub node: NodeAddress,
    pub bytes: Vec<u8>,
    pub by: By,
    /// The signer if the signature is valid, else why the list does not verify.
    pub signer: Result<String, String>,
}

impl NodeFile {
    fn new(node: &NodeAddress, bytes: Vec<u8>, by: By) -> Self {
        let signer = TrustList::decode(bytes.clone())
            .map_err(|e| e.to_string())
            .and_then(|l| l.verify().as_ref().map(VerifiedList::signer_name).map_err(ToString::to_string));
        NodeFile { node: node.clone(), bytes, by, signer }
    }

    /// Fetches it. With `dump` the shell prints a file that cannot be fetched. `None` if the node has no such file.
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
        // The layout of the output is not published: only the signature proves that these are the bytes.
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
