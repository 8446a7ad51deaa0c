//! Copies a file to where phones fetch it, restarts the services that serve it, and checks that nodes serve it.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, Instant};

use super::address::NodeAddress;
use super::connect::Connector;
#[cfg(feature = "ssh")]
use super::connect::HostKind;
use super::error::ClusterError;
use super::fetch::{Ports, fetch};
use super::node::CAPF;
#[cfg(feature = "ssh")]
use super::sftp::{self, SftpFolder};
use super::shell::answers::ServiceState;
use crate::files;
use crate::trustlist::{digest, is_tftp_name};

/// The time limit for a TFTP server that reads its folder at each request to serve a new file.
pub const AFTER_PUT: Duration = Duration::from_secs(5);
/// The time limit for a restarted service to serve files.
pub const AFTER_RESTART: Duration = Duration::from_secs(60);

/// A folder that a TFTP server serves: `[NODE=]DIR`, DIR being a path or `sftp://user@host/path`.
#[derive(Debug, Clone)]
pub struct TftpFolder {
    text: String,
    /// The node; `None` for all nodes.
    node: Option<String>,
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    Local(PathBuf),
    #[cfg(feature = "ssh")]
    Sftp(SftpFolder),
}

impl FromStr for TftpFolder {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // A path may contain an equals sign.
        let is_path = text.starts_with(['/', '.']) || text.starts_with("sftp://");
        let (node, folder) = match text.split_once('=') {
            Some((node, folder)) if !is_path => (Some(node.to_owned()), folder),
            _ => (None, text),
        };
        let place = if !folder.starts_with("sftp://") {
            Place::Local(folder.into())
        } else {
            #[cfg(feature = "ssh")]
            {
                let no = || format!("{folder} is not sftp://user@host/path");
                SftpFolder::parse(folder).map(Place::Sftp).ok_or_else(no)?
            }
            #[cfg(not(feature = "ssh"))]
            return Err("this sastctl was built without SSH and SFTP".to_owned());
        };
        Ok(TftpFolder { text: text.to_owned(), node, place })
    }
}

/// A file for phones, and its targets.
#[derive(Debug, Clone, Copy)]
pub struct Publisher<'a> {
    pub folders: &'a [TftpFolder],
    pub ports: Ports,
    /// The name that phones ask for.
    pub name: &'a str,
    pub bytes: &'a [u8],
}

impl Publisher<'_> {
    pub fn md5(&self) -> String {
        digest::hex(&digest::md5(self.bytes), "")
    }

    /// Whether the name is that of a file in the TFTP folder.
    pub fn check_name(&self) -> Result<(), ClusterError> {
        let wrong = || ClusterError::NotATftpName { name: self.name.to_owned() };
        is_tftp_name(self.name).then_some(()).ok_or_else(wrong)
    }

    /// The folder for this node, if one was given for it or for all nodes.
    fn folder(&self, node: &NodeAddress) -> Option<&Place> {
        let of = |node: Option<&str>| self.folders.iter().find(|folder| folder.node.as_deref() == node);
        node.host().and_then(|host| of(Some(host))).or_else(|| of(None)).map(|folder| &folder.place)
    }

    /// Checks that every folder exists and belongs to one of these nodes. Changes nothing.
    pub fn check_folders(
        &self,
        nodes: &[NodeAddress],
        connector: &mut Connector<'_>,
    ) -> Result<(), ClusterError> {
        let hosts: Vec<&str> = nodes.iter().filter_map(NodeAddress::host).collect();
        let is_other = |f: &&TftpFolder| f.node.as_deref().is_some_and(|node| !hosts.contains(&node));
        if let Some(other) = self.folders.iter().find(is_other) {
            let nodes = hosts.into_iter().map(str::to_owned).collect();
            return Err(ClusterError::OtherNode { folder: other.text.clone(), nodes });
        }
        for node in nodes {
            match self.folder(node) {
                Some(Place::Local(path)) if !path.is_dir() => {
                    return Err(ClusterError::NoFolder { path: path.clone(), node: node.to_string() });
                }
                #[cfg(feature = "ssh")]
                Some(Place::Sftp(folder)) => connector.over_ssh(&folder.address, HostKind::Outside, |o| {
                    sftp::look(o, &folder.path, self.name)
                })?,
                _ => {}
            }
        }
        #[cfg(not(feature = "ssh"))]
        let _ = connector;
        Ok(())
    }

    /// Copies the file into the folder of every node for which `begin` returns true. Returns the nodes that got it, and the
    /// nodes without a folder: there the operator uploads it.
    pub fn put<E: From<ClusterError>>(
        &self,
        connector: &mut Connector<'_>,
        nodes: &[NodeAddress],
        mut begin: impl FnMut(&NodeAddress) -> Result<bool, E>,
    ) -> Result<(Vec<NodeAddress>, Vec<NodeAddress>), E> {
        self.check_name()?;
        let (mut put, mut by_hand) = (vec![], vec![]);
        for node in nodes {
            if begin(node)? {
                let is_put = self.put_to(node, connector)?;
                if is_put { &mut put } else { &mut by_hand }.push(node.clone());
            }
        }
        Ok((put, by_hand))
    }

    fn put_to(&self, node: &NodeAddress, connector: &mut Connector<'_>) -> Result<bool, ClusterError> {
        match self.folder(node) {
            None => return Ok(false),
            #[cfg(feature = "ssh")]
            Some(Place::Sftp(folder)) => {
                connector.over_ssh(&folder.address, HostKind::Outside, |options| {
                    sftp::put(options, &folder.path, self.name, self.bytes)
                })?
            }
            Some(Place::Local(folder)) => files::update(&folder.join(self.name), self.bytes)?,
        }
        #[cfg(not(feature = "ssh"))]
        let _ = connector;
        Ok(true)
    }

    /// The host of a node. Over a serial line it cannot be checked what phones get.
    pub fn host_of<'n>(&self, node: &'n NodeAddress) -> Result<&'n str, ClusterError> {
        node.host().ok_or_else(|| ClusterError::SerialLine { node: node.to_string() })
    }

    /// Whether a node serves exactly this file now.
    pub fn serves(&self, node: &NodeAddress) -> Result<bool, ClusterError> {
        let host = self.host_of(node)?;
        Ok(fetch(host, self.ports, self.name)?.is_some_and(|fetched| fetched.bytes == self.bytes))
    }

    /// Waits until a node serves exactly this file; returns whether it does. Waits at most `limit` for a node that serves
    /// another file, and at most `silent` for a node that does not answer. An error of `go_on` ends the wait.
    pub fn comes<E: From<ClusterError>>(
        &self,
        node: &NodeAddress,
        (limit, silent): (Duration, Duration),
        go_on: impl Fn() -> Result<(), E>,
    ) -> Result<bool, E> {
        let began = Instant::now();
        loop {
            match self.serves(node) {
                Ok(true) => return Ok(true),
                Ok(false) if began.elapsed() >= limit => return Ok(false),
                Err(e) if began.elapsed() >= silent => return Err(e.into()),
                Ok(false) | Err(_) => {
                    go_on()?;
                    std::thread::sleep(Duration::from_secs(1));
                }
            }
        }
    }

    /// The same, but a node that serves another file is an error.
    pub fn wait<E: From<ClusterError>>(
        &self,
        node: &NodeAddress,
        limit: Duration,
        go_on: impl Fn() -> Result<(), E>,
    ) -> Result<(), E> {
        if self.comes(node, (limit, limit), go_on)? {
            return Ok(());
        }
        let (node, name) = (node.to_string(), self.name.to_owned());
        Err(ClusterError::NotServed { node, name, md5: self.md5() }.into())
    }
}

/// These services, and the nodes, in order: a service on all nodes before the next one. CAPF runs on the publisher alone,
/// which is the first node.
pub fn restart_order(services: &[&'static str], nodes: &[NodeAddress]) -> Vec<(&'static str, NodeAddress)> {
    let of = |service: &&'static str| {
        let (service, most) = (*service, if *service == CAPF { 1 } else { nodes.len() });
        nodes.iter().take(most).map(move |node| (service, node.clone()))
    };
    services.iter().flat_map(of).collect()
}

/// Restarts a service if it runs, and waits until it is started; returns its state.
pub fn restart(
    connector: &mut Connector<'_>,
    node: &NodeAddress,
    service: &'static str,
) -> Result<ServiceState, ClusterError> {
    let mut shell = connector.open(node)?;
    let before = shell.states(&[service])?.first().map_or(ServiceState::Missing, |(_, state)| *state);
    if !before.is_activated() {
        connector.prompt().note(&format!("{node}: {service} does not run here"));
        return Ok(before);
    }
    connector.prompt().note(&format!("{node}: {service} restarts; this may take some minutes …"));
    match shell.restart(service)? {
        ServiceState::Started => Ok(ServiceState::Started),
        state => Err(ClusterError::NotStarted { node: node.clone(), service, state }),
    }
}
