//! A CUCM node: its admin shell over SSH or a serial line, its files over TFTP and HTTP, its trust store.
//!
//! What nobody could try on a real cluster yet is said to be so in `docs/cluster.md`.

mod address;
pub mod console;
mod error;
pub mod http;
pub mod shell;
pub mod tftp;

pub use address::{NodeAddress, NotAnAddress, SerialAddress, SshAddress};
pub use error::{ClusterError, ConsoleError};
