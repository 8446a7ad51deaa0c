//! Connections to a node's shell: over SSH, or over a serial line.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::{ExposeSecret as _, SecretString};

use super::address::{NodeAddress, SerialAddress, SshAddress};
#[cfg(feature = "ssh")]
use super::console::known_hosts;
use super::console::serial::{self, SerialConsole};
#[cfg(feature = "ssh")]
use super::console::ssh::{Password, SshConsole, SshOptions};
use super::console::{Console, Recorded, Transcript};
use super::error::{ClusterError, ConsoleError, NoAnswer};
use super::node::Node;
use super::shell::answers::ClusterNode;
use crate::files::{self, FileError};
#[cfg(feature = "ssh")]
use crate::system::folders;

/// The options for connections to nodes.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the names say what each is")]
pub struct ConnectOptions {
    /// The OS administrator if the address names none; default `admin`.
    pub user: Option<String>,
    pub identity: Option<PathBuf>,
    /// Whether nodes get the password although there is a key.
    pub password_beside_key: bool,
    /// The file of known hosts; default `~/.ssh/known_hosts`.
    pub known_hosts: Option<PathBuf>,
    /// Fingerprints (`SHA256:…`) of host keys that are accepted.
    pub host_keys: Vec<String>,
    /// Also offers the algorithms of old releases.
    pub legacy: bool,
    pub jump: Option<SshAddress>,
    pub transcript: Option<PathBuf>,
}

/// Messages and questions while nodes are connected.
#[allow(missing_docs, reason = "the names say what each does")]
pub trait ConnectPrompt: Send + Sync {
    fn note(&self, text: &str);

    fn warn(&self, text: &str);

    /// The password of the OS administrator, `user@host`.
    fn node_password(&self, account: &str) -> Result<SecretString, NoAnswer>;

    /// The password of `user@host`, a host outside the cluster.
    fn host_password(&self, account: &str) -> Result<SecretString, NoAnswer>;

    /// Whether an unknown host key is accepted; no if nobody can be asked.
    fn accepts_host_key(&self, host: &str, fingerprint: &str) -> Result<bool, NoAnswer>;
}

/// Opens shells; asks for each password once.
#[derive(Clone)]
pub struct Connector<'a> {
    options: ConnectOptions,
    prompt: Arc<dyn ConnectPrompt + 'a>,
    /// Known passwords by account: of the administrator under no name, of hosts outside the cluster (a jump host, a file
    /// server). Connectors to several nodes share them, so that one of them asks.
    passwords: Arc<Mutex<HashMap<String, SecretString>>>,
}

/// Whether a host belongs to the cluster.
#[cfg(feature = "ssh")]
#[derive(Clone, Copy)]
pub(super) enum HostKind {
    /// A node: it gets the administrator's password.
    Node,
    /// Outside the cluster: it has its own password.
    Outside,
}

/// Runs a function for all nodes in parallel. The results are in the order of the nodes.
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

/// The nodes of a cluster, with the port and user of the publisher's address, and what the cluster says of each; the publisher
/// is first.
pub fn nodes_of<C: Console>(
    publisher: &mut Node<C>,
    address: &NodeAddress,
) -> Result<Vec<(NodeAddress, ClusterNode)>, ClusterError> {
    let NodeAddress::Ssh(ssh) = address else {
        // A serial line leads to one node only.
        return Ok(vec![(address.clone(), ClusterNode::alone(address))]);
    };
    let at = |node: &ClusterNode| SshAddress { host: node.address.clone(), ..ssh.clone() };
    let mut nodes: Vec<(NodeAddress, ClusterNode)> =
        publisher.cluster()?.into_iter().map(|node| (NodeAddress::Ssh(at(&node)), node)).collect();
    nodes.sort_by_key(|(_, node)| !node.publisher);
    Ok(nodes)
}

impl ClusterNode {
    /// A node of which only its address is known.
    pub fn alone(address: &NodeAddress) -> Self {
        let address = address.host().unwrap_or_default().to_owned();
        ClusterNode { name: address.clone(), address, publisher: true }
    }
}

impl<'a> Connector<'a> {
    /// A connector with these options; `prompt` answers its questions.
    pub fn new(options: ConnectOptions, prompt: impl ConnectPrompt + 'a) -> Self {
        Connector { options, prompt: Arc::new(prompt), passwords: Arc::default() }
    }

    /// Writes a transcript there, unless the options name another file; returns the path.
    pub fn keep_transcript(&mut self, path: PathBuf) -> &Path {
        self.options.transcript.get_or_insert(path)
    }

    /// Where progress is reported.
    pub(super) fn prompt(&self) -> &dyn ConnectPrompt {
        &*self.prompt
    }

    /// The node's shell, at its prompt.
    pub fn open(&mut self, address: &NodeAddress) -> Result<Node<Recorded>, ClusterError> {
        Node::open(self.console(address)?)
    }

    /// Only this node, or all nodes of its cluster, the publisher first.
    pub fn nodes(&mut self, address: &NodeAddress, alone: bool) -> Result<Vec<NodeAddress>, ClusterError> {
        if alone {
            return Ok(vec![address.clone()]);
        }
        let nodes = nodes_of(&mut self.open(address)?, address)?;
        Ok(nodes.into_iter().map(|(node, _)| node).collect())
    }

    /// The node's console, logged in.
    pub fn console(&mut self, address: &NodeAddress) -> Result<Recorded, ClusterError> {
        let console: Box<dyn Console> = match address {
            #[cfg(feature = "ssh")]
            NodeAddress::Ssh(ssh) => Box::new(self.over_ssh(ssh, HostKind::Node, SshConsole::open)?),
            #[cfg(not(feature = "ssh"))]
            NodeAddress::Ssh(_) => return Err(ConsoleError::WithoutSsh.into()),
            NodeAddress::Serial(line) => {
                let mut console = Recorded::new(Box::new(SerialConsole::open(line)?), None);
                let user = self.user(address);
                let password = self.password(&format!("{user} on {}", line.device.display()))?;
                serial::log_in(&mut console, &user, password.expose_secret())?;
                Box::new(console)
            }
        };
        Ok(Recorded::new(console, self.transcript()?))
    }

    /// A serial line, without a login.
    pub fn line(&self, line: &SerialAddress) -> Result<Recorded, ClusterError> {
        Ok(Recorded::new(Box::new(SerialConsole::open(line)?), self.transcript()?))
    }

    /// The administrator's name.
    pub fn user(&self, address: &NodeAddress) -> String {
        let named = match address {
            NodeAddress::Ssh(ssh) => ssh.user.as_ref(),
            NodeAddress::Serial(_) => None,
        };
        named.or(self.options.user.as_ref()).map_or_else(|| "admin".to_owned(), Clone::clone)
    }

    /// The administrator's password, asked for once.
    pub fn password(&self, account: &str) -> Result<SecretString, ClusterError> {
        self.asked("", || self.prompt.node_password(account))
    }

    fn asked(
        &self,
        key: &str,
        ask: impl FnOnce() -> Result<SecretString, NoAnswer>,
    ) -> Result<SecretString, ClusterError> {
        let mut known = self.passwords.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(password) = known.get(key) {
            return Ok(password.clone());
        }
        let password = ask().map_err(ClusterError::NoAnswer)?;
        known.insert(key.to_owned(), password.clone());
        Ok(password)
    }

    fn transcript(&self) -> Result<Option<Transcript>, ClusterError> {
        let Some(path) = &self.options.transcript else { return Ok(None) };
        files::check_links(path)?;
        let failed = |source| FileError::Write { path: path.clone(), step: "opening", source };
        let file = std::fs::File::options().create(true).append(true).open(path).map_err(failed)?;
        Ok(Some(Box::new(file)))
    }

    /// Runs a function over SSH. An unknown host key is saved after the operator accepts it.
    #[cfg(feature = "ssh")]
    pub(super) fn over_ssh<T>(
        &mut self,
        address: &SshAddress,
        kind: HostKind,
        work: impl Fn(&SshOptions) -> Result<T, ConsoleError>,
    ) -> Result<T, ClusterError> {
        /// One question and one change of the file at a time, although nodes are connected in parallel.
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let mut options = self.ssh_options(address, kind);
        // The node, and the jump host before it, may each show an unknown key and want a password.
        for _ in 0..6 {
            match work(&options) {
                Err(ConsoleError::UnknownHostKey { address, fingerprint, key }) => {
                    let _one = ONE_AT_A_TIME.lock();
                    let asks = || self.prompt.accepts_host_key(&address.host, &fingerprint);
                    let accepted = self.options.host_keys.contains(&fingerprint)
                        || asks().map_err(ClusterError::NoAnswer)?;
                    if !accepted {
                        return Err(ConsoleError::UnknownHostKey { address, fingerprint, key }.into());
                    }
                    known_hosts::learn(&key, &options.known_hosts, &address)?;
                }
                // Asked for only now: a host that cannot be reached needs none.
                Err(ConsoleError::PasswordNeeded { address: at }) => {
                    let jump = options.jump.as_mut().filter(|jump| jump.address == at);
                    let kind = if jump.is_some() { HostKind::Outside } else { kind };
                    let password = Password::Known(self.host_password(&at, kind)?);
                    *jump.map_or(&mut options.password, |jump| &mut jump.password) = password;
                }
                done => return Ok(done?),
            }
        }
        let why = "it shows a new host key each time".to_owned();
        Err(ConsoleError::Connect { node: address.host.clone(), why }.into())
    }

    #[cfg(feature = "ssh")]
    fn ssh_options(&self, address: &SshAddress, kind: HostKind) -> SshOptions {
        let home = || folders::home().unwrap_or_default();
        let known_hosts = self.options.known_hosts.clone().unwrap_or_else(|| home().join(".ssh/known_hosts"));
        if self.options.legacy {
            self.prompt.warn("old SSH algorithms are allowed: an attacker on the network may be able to read the connection");
        }
        let to = |address: &SshAddress, kind, jump| SshOptions {
            user: self.user(&NodeAddress::Ssh(address.clone())),
            address: address.clone(),
            password: self.known_password(address, kind),
            identity: self.options.identity.clone(),
            known_hosts: known_hosts.clone(),
            legacy: self.options.legacy,
            jump,
        };
        let jump = self.options.jump.as_ref().map(|jump| Box::new(to(jump, HostKind::Outside, None)));
        to(address, kind, jump)
    }

    /// The password of a host before it is reached. Where there is a key, only nodes may get one.
    #[cfg(feature = "ssh")]
    fn known_password(&self, address: &SshAddress, kind: HostKind) -> Password {
        let is_node = matches!(kind, HostKind::Node);
        if self.options.identity.is_some() && !(is_node && self.options.password_beside_key) {
            return Password::None;
        }
        let key = if is_node { String::new() } else { self.account(address) };
        let known = self.passwords.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        known.map_or(Password::NotAskedFor, Password::Known)
    }

    /// Asks for the password of a host, once.
    #[cfg(feature = "ssh")]
    fn host_password(&self, address: &SshAddress, kind: HostKind) -> Result<SecretString, ClusterError> {
        let account = self.account(address);
        match kind {
            HostKind::Node => self.password(&account),
            HostKind::Outside => self.asked(&account, || self.prompt.host_password(&account)),
        }
    }

    /// `user@host`.
    #[cfg(feature = "ssh")]
    fn account(&self, address: &SshAddress) -> String {
        format!("{}@{}", self.user(&NodeAddress::Ssh(address.clone())), address.host)
    }
}
