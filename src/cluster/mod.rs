//! A CUCM node: its admin shell over SSH or a serial line, its files over TFTP and HTTP, its trust store.
//!
//! `docs/cluster.md` lists what was not tried on a real cluster.

mod address;
mod connect;
pub mod console;
mod error;
mod fetch;
pub mod http;
mod node;
mod node_ctl;
mod node_file;
mod publish;
#[cfg(feature = "ssh")]
pub mod sftp;
pub mod shell;
pub mod tftp;

pub use address::{NodeAddress, SerialAddress, SshAddress};
pub use connect::{ConnectOptions, ConnectPrompt, Connector, nodes_of, side_by_side};
pub use error::{ClusterError, ConsoleError, NoAnswer};
pub(crate) use fetch::{FetchError, Ports, fetch};
pub use node::Node;
pub(crate) use node::{CAPF, PHONE_SAST_TRUST, RENEWAL_SERVICES, SERVICES};
pub(crate) use node_ctl::{CtlProblem, NodeCtl, node_ctl, shows_ctl};
pub use node_ctl::{is_left_behind, leftover_says};
pub(crate) use node_file::NodeFile;
pub(crate) use publish::{AFTER_PUT, AFTER_RESTART, Publisher, TftpFolder, restart, restart_order};
pub use shell::answers::SecurityMode;
