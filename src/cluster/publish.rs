//! Putting a file where phones fetch it, restarting the services that serve it, and whether nodes serve it.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, Instant};

use super::address::NodeAddress;
use super::connect::Connector;
#[cfg(feature = "ssh")]
use super::connect::HostKind;
use super::error::ClusterError;
use super::fetch::{Ports, fetch};
use super::node::SERVICES;
#[cfg(feature = "ssh")]
use super::sftp::{self, SftpFolder};
use super::shell::answers::ServiceState;
use crate::files;
use crate::trustlist::{digest, is_tftp_name};

/// How long a TFTP server that reads its folder for each request may take to serve a new file.
pub const AFTER_PUT: Duration = Duration::from_secs(5);
/// How long a restarted service may take to serve files.
pub const AFTER_RESTART: Duration = Duration::from_secs(60);

/// A folder that a TFTP server serves: `[NODE=]DIR`, DIR being a path or `sftp://user@host/path`.
#[derive(Debug, Clone)]
pub struct TftpFolder {
    text: String,
    /// Of this node; else of all.
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

/// A file for phones, and where it goes.
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

    /// The node's folder, if one was named for it or for all.
    fn folder(&self, node: &NodeAddress) -> Option<&Place> {
        let of = |node: Option<&str>| self.folders.iter().find(|folder| folder.node.as_deref() == node);
        node.host().and_then(|host| of(Some(host))).or_else(|| of(None)).map(|folder| &folder.place)
    }

    /// Whether every folder belongs to one of these nodes, and is there. Nothing is changed.
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

    /// Puts the file into the folder of every node for which `begin` says yes. The nodes where that was done, and those that
    /// have no folder here: the operator uploads it there.
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

    /// The host of a node. Over a serial line nothing would prove what phones get.
    pub fn host_of<'n>(&self, node: &'n NodeAddress) -> Result<&'n str, ClusterError> {
        node.host().ok_or_else(|| ClusterError::SerialLine { node: node.to_string() })
    }

    /// Whether a node serves exactly this file now.
    pub fn serves(&self, node: &NodeAddress) -> Result<bool, ClusterError> {
        let host = self.host_of(node)?;
        Ok(fetch(host, self.ports, self.name)?.is_some_and(|fetched| fetched.bytes == self.bytes))
    }

    /// Waits until a node serves exactly this file; whether it does. One that serves something else is waited for no longer
    /// than `limit`, one that does not answer no longer than `silent`. An error of `go_on` ends it.
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

    /// The same, where a node that serves something else is an error.
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

/// Which service is restarted where, in order: Cisco Tftp on all nodes first, where phones that register again ask for the list.
pub fn restart_order(nodes: &[NodeAddress]) -> Vec<(&'static str, NodeAddress)> {
    SERVICES.into_iter().flat_map(|service| nodes.iter().map(move |node| (service, node.clone()))).collect()
}

/// Restarts a service where it runs, and waits until it is started; its state.
pub fn restart(
    connector: &mut Connector<'_>,
    node: &NodeAddress,
    service: &'static str,
) -> Result<ServiceState, ClusterError> {
    let mut shell = connector.open(node)?;
    let before = shell.services()?.into_iter().find(|(name, _)| *name == service);
    let before = before.map_or(ServiceState::Missing, |(_, state)| state);
    if matches!(before, ServiceState::Missing | ServiceState::NotActivated) {
        connector.prompt().note(&format!("{node}: {service} does not run here"));
        return Ok(before);
    }
    connector.prompt().note(&format!("{node}: {service} restarts; this may take some minutes …"));
    match shell.restart(service)? {
        ServiceState::Started => Ok(ServiceState::Started),
        state => Err(ClusterError::NotStarted { node: node.clone(), service, state }),
    }
}
