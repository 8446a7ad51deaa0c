//! Fetches a node's lists from where phones get them.

use super::http::{self, HttpError};
use super::tftp::{self, TftpError, TftpServer};

/// The most that is read of an ITL or CTL, in bytes: more than any list that phones load.
const LARGEST: usize = 4 * 1024 * 1024;

/// The ports of a node's file servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// UDP; 69.
    pub tftp: u16,
    /// TCP; 6970.
    pub http: u16,
}

impl Default for Ports {
    fn default() -> Self {
        Ports { tftp: 69, http: 6970 }
    }
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

/// Why a file could not be fetched from a host: both errors.
#[derive(Debug, thiserror::Error)]
#[error("{file} was not fetched from {host}: {tftp}; {http}")]
pub struct FetchError {
    pub host: String,
    pub file: String,
    pub tftp: Box<TftpError>,
    pub http: Box<HttpError>,
}

/// Fetches a file by TFTP, else by HTTP. `None` if the node answers that it has no such file.
pub fn fetch(host: &str, ports: Ports, file: &str) -> Result<Option<Fetched>, FetchError> {
    let server = TftpServer { host: host.to_owned(), port: ports.tftp };
    let by_tftp = match tftp::get(&server, file, LARGEST) {
        Ok(bytes) => return Ok(Some(Fetched { bytes, by: By::Tftp })),
        Err(TftpError::Refused { code: 1, .. }) => return Ok(None),
        Err(e) => e,
    };
    match http::get(host, ports.http, file, LARGEST) {
        Ok(bytes) => Ok(Some(Fetched { bytes, by: By::Http })),
        Err(HttpError::Refused { status: 404, .. }) => Ok(None),
        Err(http) => Err(FetchError {
            host: host.to_owned(),
            file: file.to_owned(),
            tftp: Box::new(by_tftp),
            http: Box::new(http),
        }),
    }
}
