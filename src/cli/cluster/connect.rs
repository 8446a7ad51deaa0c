//! The options of every command that opens a node's shell.

use std::path::PathBuf;

use clap::Args;

use super::super::pin::PinSource;
use crate::cli::{CommandError, Settings, TerminalOperator, Ui};
use crate::cluster::{ConnectOptions, NodeAddress, SshAddress};

const NO_SOURCE: &str =
    "--password-source must be prompt, env:VAR, file:PATH or fd:N (never the password itself)";

/// The options themselves.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Connection")]
pub struct ConnectArgs {
    /// The user name of the OS administrator [default: the name in the address, else admin]
    #[arg(long, env = "SASTCTL_USER", hide_env_values = true, value_name = "NAME")]
    user: Option<String>,
    /// Source of the administrator's password: prompt, env:VAR, file:PATH or fd:N
    // Parsed by us: clap would print the text of a wrong value, and that may be the password itself.
    #[arg(long, env = "SASTCTL_PASSWORD_SOURCE", hide_env_values = true, value_name = "SOURCE")]
    password_source: Option<String>,
    /// A private key to log in with
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// The file of the known host keys [default: .ssh/known_hosts in the home folder]
    #[arg(long, value_name = "FILE")]
    known_hosts: Option<PathBuf>,
    /// Accept this host key (SHA256:…) without asking
    #[arg(long, value_name = "FINGERPRINT")]
    host_key: Vec<String>,
    /// Also allow the SSH algorithms of old releases: SHA-1 key exchange, ssh-rsa, CBC ciphers
    #[arg(long)]
    legacy_ssh: bool,
    /// Connect through this jump host
    #[arg(long, value_name = "[USER@]HOST[:PORT]")]
    jump: Option<SshAddress>,
    /// Write the whole dialogue to this file; passwords are replaced by stars
    #[arg(long, value_name = "FILE")]
    transcript: Option<PathBuf>,
}

impl ConnectArgs {
    pub fn options(&self) -> ConnectOptions {
        ConnectOptions {
            user: self.user.clone(),
            identity: self.identity.clone(),
            password_beside_key: self.password_source.is_some(),
            known_hosts: self.known_hosts.clone(),
            host_keys: self.host_key.clone(),
            legacy: self.legacy_ssh,
            jump: self.jump.clone(),
            transcript: self.transcript.clone(),
        }
    }

    /// The operator at the terminal, with the source of the administrator's password.
    pub fn operator<'a>(
        &self,
        yes: bool,
        settings: &'a Settings,
        ui: &'a Ui,
    ) -> Result<TerminalOperator<'a>, CommandError> {
        let source = self.password_source.clone().map(PinSource::try_from).transpose();
        let password_source = source.map_err(|_| CommandError::usage(NO_SOURCE))?;
        Ok(TerminalOperator { password_source, yes, ..TerminalOperator::new(settings, ui) })
    }
}

/// The node, as `--node NODE` or as it is.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub struct OneNode {
    /// The node, in most cases the publisher: HOST, ssh://user@host, serial:/dev/ttyUSB0?baud=9600 or serial:COM3
    #[arg(long, value_name = "NODE")]
    node: Option<NodeAddress>,
    /// The same as --node NODE
    #[arg(value_name = "NODE")]
    address: Option<NodeAddress>,
}

impl OneNode {
    /// The parser accepts exactly one of them.
    pub fn address(&self) -> Result<&NodeAddress, CommandError> {
        self.node
            .as_ref()
            .or(self.address.as_ref())
            .ok_or_else(|| CommandError::usage("--node NODE is missing"))
    }
}
