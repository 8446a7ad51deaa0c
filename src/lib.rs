//! Build, sign and check CTL files for Cisco CUCM, with eTokens or an HSM.
//!
//! Imports run one way: [`client`] → [`cli`] → [`ui`] → [`workflow`] → [`cluster`], [`phone`], [`token`], [`reader`] → [`trustlist`], with [`files`] and
//! [`system`] below them all. Nothing below `cli` prints; nothing below `workflow` asks.

use std::process::ExitCode;

pub mod cli;
pub mod client;
pub mod cluster;
pub mod files;
pub mod phone;
pub mod reader;
pub mod system;
pub mod token;
pub mod ui;
pub mod workflow;
pub use ::trustlist;

/// Runs the program. The windows are a front end above the command line, which starts them.
pub fn main() -> ExitCode {
    cli::main(client::run)
}
