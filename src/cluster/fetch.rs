//! A node's files: fetched from where phones get them, else printed by its shell.

use super::address::NodeAddress;
use super::connect::Connector;
use super::error::ClusterError;
use super::http::{self, HttpError};
use super::tftp::{self, TftpError, TftpServer};
use crate::trustlist::{TrustList, VerifiedList, digest};

/// Larger than any list that phones load, in bytes; an ITL or CTL that is longer is not read.
const LARGEST: usize = 4 * 1024 * 1024;

/// The ports of a node's file servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// UDP; 69.
    pub tftp: u16,
    /// TCP; 6970.
    pub http: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum By {
    #[error("TFTP")]
    Tftp,
    /// HTTP on port 6970.
    #[error("HTTP")]
    Http,
    #[error("file dump")]
    Dump,
}

/// A file that a node serves.
#[derive(Debug, Clone)]
pub struct Fetched {
    pub bytes: Vec<u8>,
    pub by: By,
}

/// Why a file did not come from a host, by either way.
#[allow(missing_docs, reason = "the fields are described above")]
#[derive(Debug, thiserror::Error)]
#[error("{file} was not fetched from {host}: {tftp}; {http}")]
pub struct FetchError {
    pub host: String,
    pub file: String,
    pub tftp: Box<TftpError>,
    pub http: Box<HttpError>,
}

/// Fetches a file by TFTP, else by HTTP. `None` where the node answers and has no such file.
pub fn fetch(host: &str, ports: Ports, file: &str) -> Result<Option<Fetched>, FetchError> {
    let server = TftpServer { host: host.to_owned(), port: ports.tftp };
    let by_tftp = match tftp::get(&server, file, LARGEST) {
        Ok(bytes) => return Ok(Some(Fetched { bytes, by: By::Tftp })),
        Err(e) if e.is_not_found() => return Ok(None),
        Err(e) => e,
    };
    match http::get(host, ports.http, file, LARGEST) {
        Ok(bytes) => Ok(Some(Fetched { bytes, by: By::Http })),
        Err(e) if e.is_not_found() => Ok(None),
        Err(http) => Err(FetchError {
            host: host.to_owned(),
            file: file.to_owned(),
            tftp: Box::new(by_tftp),
            http: Box::new(http),
        }),
    }
}

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
