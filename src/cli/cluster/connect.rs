//! How a command gets to a node's shell: over SSH, or over a serial line.

use std::path::PathBuf;
#[cfg(feature = "ssh")]
use std::sync::Mutex;

use clap::Args;
use secrecy::{ExposeSecret as _, SecretString};

use super::super::error::{CommandError, ErrorKind};
use super::super::pin::{self, PinSource};
use super::super::ui::Ui;
use crate::cluster::console::serial::{self, SerialConsole};
#[cfg(feature = "ssh")]
use crate::cluster::console::ssh::{NoConsole, SshConsole, SshOptions};
use crate::cluster::console::{Console, Recorded, Transcript};
use crate::cluster::{ClusterError, Node, NodeAddress, SshAddress};

/// Options of every command that opens a node's shell.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Connection")]
pub struct ConnectArgs {
    /// The user name of the OS administrator [default: the name in the address, else admin]
    #[arg(long, env = "SASTCTL_USER", hide_env_values = true, value_name = "NAME")]
    pub user: Option<String>,
    /// Where the administrator's password comes from: prompt, env:VAR, file:PATH or fd:N
    // Parsed by us: clap would print the text of a wrong value, and that may be the password itself.
    #[arg(long, env = "SASTCTL_PASSWORD_SOURCE", hide_env_values = true, value_name = "SOURCE")]
    password_source: Option<String>,
    /// A private key to log in with
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// The known host keys [default: ~/.ssh/known_hosts]
    #[arg(long, value_name = "FILE")]
    known_hosts: Option<PathBuf>,
    /// Accept this host key (SHA256:…) without asking
    #[arg(long, value_name = "FINGERPRINT")]
    host_key: Vec<String>,
    /// Speak SSH as old releases do: SHA-1 key exchange, ssh-rsa, CBC ciphers
    #[arg(long)]
    legacy_ssh: bool,
    /// Connect through this host
    #[arg(long, value_name = "[USER@]HOST[:PORT]")]
    jump: Option<String>,
    /// Write the whole dialogue to this file; passwords are replaced by stars
    #[arg(long, value_name = "FILE")]
    transcript: Option<PathBuf>,
}

/// Opens shells; asks for the password once.
#[derive(Clone)]
pub struct Connector<'a> {
    args: &'a ConnectArgs,
    ui: &'a Ui,
    password: Option<SecretString>,
    /// Of hosts around the cluster, by account: a jump host, a file server.
    #[cfg(feature = "ssh")]
    others: Vec<(String, SecretString)>,
    transcript: Option<PathBuf>,
}

/// Whose host it is.
#[cfg(feature = "ssh")]
#[derive(Clone, Copy)]
pub enum Whose {
    /// A node's: the administrator's password is for it.
    Cluster,
    /// Somebody else's.
    Another,
}

#[cfg(feature = "ssh")]
static LEARNING: Mutex<()> = Mutex::new(());
#[cfg(feature = "ssh")]
static ASKING: Mutex<()> = Mutex::new(());

/// What is done for every node side by side; the answers in the order of the nodes.
pub fn side_by_side<T: Send>(
    nodes: &[NodeAddress],
    connector: &Connector<'_>,
    work: impl Fn(&NodeAddress, &mut Connector<'_>) -> T + Sync,
) -> Vec<T> {
    let work = &work;
    std::thread::scope(|scope| {
        let threads: Vec<_> = nodes
            .iter()
            .map(|node| {
                let mut connector = connector.clone();
                scope.spawn(move || work(node, &mut connector))
            })
            .collect();
        let joined = threads.into_iter().map(std::thread::ScopedJoinHandle::join);
        joined.map(|answer| answer.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}

/// The nodes of a cluster as addresses, with the port and user of the one that was asked; the publisher first.
pub fn nodes_of<C: Console>(
    publisher: &mut Node<C>,
    asked: &NodeAddress,
) -> Result<Vec<(NodeAddress, bool)>, ClusterError> {
    let NodeAddress::Ssh(asked) = asked else {
        // Over a serial line there is no way to the others.
        return Ok(vec![(asked.clone(), true)]);
    };
    let mut nodes: Vec<(NodeAddress, bool)> = publisher
        .cluster()?
        .into_iter()
        .map(|node| (NodeAddress::Ssh(SshAddress { host: node.address, ..asked.clone() }), node.publisher))
        .collect();
    nodes.sort_by_key(|(_, publisher)| !publisher);
    Ok(nodes)
}

impl<'a> Connector<'a> {
    /// For these options.
    pub fn new(args: &'a ConnectArgs, ui: &'a Ui) -> Self {
        Connector {
            args,
            ui,
            password: None,
            #[cfg(feature = "ssh")]
            others: Vec::new(),
            transcript: args.transcript.clone(),
        }
    }

    /// Keeps a transcript there, unless the operator named another place. Where it is kept.
    pub fn keep_transcript(&mut self, path: PathBuf) -> &std::path::Path {
        self.transcript.get_or_insert(path)
    }

    /// The node's shell, at its prompt.
    pub fn open(&mut self, address: &NodeAddress) -> Result<Node<Recorded>, CommandError> {
        Ok(Node::open(self.console(address)?)?)
    }

    /// The nodes that a command is about: this one alone, or all of its cluster, the publisher first.
    pub fn nodes(&mut self, address: &NodeAddress, alone: bool) -> Result<Vec<NodeAddress>, CommandError> {
        if alone {
            return Ok(vec![address.clone()]);
        }
        let nodes = nodes_of(&mut self.open(address)?, address)?;
        Ok(nodes.into_iter().map(|(node, _)| node).collect())
    }

    /// The node's console, logged in.
    pub fn console(&mut self, address: &NodeAddress) -> Result<Recorded, CommandError> {
        let console: Box<dyn Console> = match address {
            #[cfg(feature = "ssh")]
            NodeAddress::Ssh(ssh) => Box::new(self.over_ssh(ssh, Whose::Cluster, SshConsole::open)?),
            #[cfg(not(feature = "ssh"))]
            NodeAddress::Ssh(_) => {
                return Err(CommandError::new(ErrorKind::Usage, "this sastctl was built without SSH")
                    .hint("use the serial console: serial:/dev/ttyUSB0"));
            }
            NodeAddress::Serial(line) => {
                let user = self.user(None);
                let password = self.password(&line.device.display().to_string())?;
                let mut console = Recorded::new(Box::new(SerialConsole::open(line)?), None);
                serial::log_in(&mut console, &user, password.expose_secret())?;
                Box::new(console)
            }
        };
        Ok(Recorded::new(console, self.transcript()?))
    }

    /// The administrator's name.
    pub fn user(&self, address: Option<&SshAddress>) -> String {
        let named = address.and_then(|a| a.user.clone());
        named.or_else(|| self.args.user.clone()).unwrap_or_else(|| "admin".to_owned())
    }

    /// The administrator's password, asked for once.
    pub fn password(&mut self, of: &str) -> Result<SecretString, CommandError> {
        if let Some(password) = &self.password {
            return Ok(password.clone());
        }
        let source = match &self.args.password_source {
            None => PinSource::Prompt,
            Some(text) => text.parse().map_err(|_| {
                CommandError::new(
                    ErrorKind::Usage,
                    "--password-source is prompt, env:VAR, file:PATH or fd:N (never the password itself)",
                )
            })?,
        };
        let password = pin::password(&source, of, self.ui)?;
        self.password = Some(password.clone());
        Ok(password)
    }

    /// Where the transcript goes, if one was asked for.
    pub fn transcript(&self) -> Result<Option<Transcript>, CommandError> {
        let Some(path) = &self.transcript else { return Ok(None) };
        crate::files::check_way(path)?;
        let file = std::fs::File::options().create(true).append(true).open(path).map_err(|e| {
            CommandError::new(ErrorKind::File, format!("the transcript {} cannot be written", path.display()))
                .caused_by(&e)
        })?;
        Ok(Some(Box::new(file)))
    }

    /// Does something over SSH; a host key that is not known yet is shown, asked about, and learnt.
    #[cfg(feature = "ssh")]
    pub fn over_ssh<T>(
        &mut self,
        address: &SshAddress,
        whose: Whose,
        work: impl Fn(&SshOptions) -> Result<T, NoConsole>,
    ) -> Result<T, CommandError> {
        let options = self.options(address, whose)?;
        // The node, and the jump host before it, may each show a key that is not known yet.
        for _ in 0..4 {
            match work(&options) {
                Ok(done) => return Ok(done),
                Err(NoConsole::Error(e)) => return Err(e.into()),
                Err(NoConsole::Unknown { address, key }) => {
                    let fingerprint = key.fingerprint();
                    let given = self.args.host_key.contains(&fingerprint);
                    if !given && !self.accept(&address.host, &fingerprint)? {
                        let node = address.host.clone();
                        return Err(crate::cluster::ConsoleError::UnknownHostKey { node, fingerprint }.into());
                    }
                    // Nodes that are asked side by side learn one after the other.
                    let _one_at_a_time = LEARNING.lock();
                    key.learn(&options.known_hosts, &address)?;
                }
            }
        }
        Err(CommandError::new(ErrorKind::Network, format!("{} shows a new host key each time", address.host)))
    }

    #[cfg(feature = "ssh")]
    fn accept(&self, host: &str, fingerprint: &str) -> Result<bool, CommandError> {
        // One question at a time, however many nodes are asked side by side.
        let _one_at_a_time = ASKING.lock();
        if !self.ui.can_ask() {
            return Ok(false);
        }
        self.ui.show(&format!("The host key of {host} is not known: {fingerprint}"));
        self.ui.confirm("Compare it with what the node shows on its console. Is it right?")
    }

    #[cfg(feature = "ssh")]
    fn options(&mut self, address: &SshAddress, whose: Whose) -> Result<SshOptions, CommandError> {
        let known_hosts = match &self.args.known_hosts {
            Some(path) => path.clone(),
            None => std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default().join(".ssh/known_hosts"),
        };
        let jump = self.args.jump.as_deref().map(|text| match text.parse()? {
            NodeAddress::Ssh(jump) => Ok(jump),
            NodeAddress::Serial(_) => {
                Err(CommandError::new(ErrorKind::Usage, format!("--jump {text} is not an SSH host")))
            }
        });
        let jump = jump.transpose()?;
        let password = match (whose, &self.args.identity) {
            // With a key of one's own no password is asked for.
            (Whose::Cluster, Some(_)) if self.args.password_source.is_none() => None,
            (Whose::Cluster, _) => Some(self.password(&address.host)?),
            (Whose::Another, _) => self.password_of_another(address)?,
        };
        let of_jump = jump.as_ref().map(|jump| self.password_of_another(jump)).transpose()?.flatten();
        let to = |address: &SshAddress, password: Option<SecretString>, jump| SshOptions {
            user: self.user(Some(address)),
            address: address.clone(),
            password,
            identity: self.args.identity.clone(),
            known_hosts: known_hosts.clone(),
            legacy: self.args.legacy_ssh,
            jump,
        };
        if self.args.legacy_ssh {
            self.ui.warn("old SSH algorithms are taken: somebody who reads the network may read along");
        }
        let jump = jump.as_ref().map(|jump| Box::new(to(jump, of_jump, None)));
        Ok(to(address, password, jump))
    }

    /// The password of a host around the cluster, asked for once; with a key, the key alone.
    #[cfg(feature = "ssh")]
    fn password_of_another(&mut self, address: &SshAddress) -> Result<Option<SecretString>, CommandError> {
        if self.args.identity.is_some() {
            return Ok(None);
        }
        let account = format!("{}@{}", self.user(Some(address)), address.host);
        if let Some((_, password)) = self.others.iter().find(|(of, _)| *of == account) {
            return Ok(Some(password.clone()));
        }
        let password = pin::password_of_another(&account, self.ui)?;
        self.others.push((account, password.clone()));
        Ok(Some(password))
    }
}
