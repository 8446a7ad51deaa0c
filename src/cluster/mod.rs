//! A CUCM node: its admin shell over SSH or a serial line, its files over TFTP and HTTP, its trust store.
//!
//! What nobody could try on a real cluster yet is said to be so in `docs/cluster.md`.

mod address;
pub mod console;
mod error;
mod fetch;
pub mod http;
mod node;
#[cfg(feature = "ssh")]
pub mod sftp;
pub mod shell;
pub mod tftp;

pub use address::{NodeAddress, NotAnAddress, SerialAddress, SshAddress};
pub use error::{ClusterError, ConsoleError};
pub use fetch::{By, FetchError, Fetched, Ports, fetch};
pub use node::{Node, PHONE_SAST_TRUST, SERVICES};
pub use shell::answers::SecurityMode;
