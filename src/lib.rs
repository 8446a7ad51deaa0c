//! Build, sign and check CTL files for Cisco CUCM, with eTokens or an HSM.
//!
//! Imports run one way: [`cli`] → [`workflow`] → [`cluster`], [`phone`], [`token`], [`reader`] → [`trustlist`], with [`files`] and
//! [`system`] below them all. Nothing below `cli` prints; nothing below `workflow` asks.

pub mod cli;
pub mod cluster;
pub mod files;
pub mod phone;
pub mod reader;
pub mod system;
pub mod token;
pub mod workflow;
pub use ::trustlist;
