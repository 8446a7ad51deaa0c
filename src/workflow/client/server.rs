//! The first window, and what a cluster is asked for: its list in force, and in the end to take the new one.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::cluster_run::Needs;
use super::super::error::WorkError;
use super::super::export::{Format, export};
use super::super::fetched::{LISTS, Wanted, fetch_all};
use super::super::input::{ReadCluster, read_cluster, read_verified};
use super::super::operator::OperatorError;
use super::super::plan::NeededRecord;
use super::super::plan::cluster_file::{ClusterFile, Server};
use super::super::publication::{Publication, Published, publish};
use super::choices::{ClusterNeeds, Start};
use super::windows::{SignedList, Windows};
use crate::cluster::{Connector, NodeAddress, SecurityMode, SshAddress, TftpFolder};
use crate::files::{self, OnExisting, folder_of};
use crate::trustlist::{Certificate, Function, ListKind};

/// What the windows start from.
enum Source {
    Cluster(NodeAddress),
    File(PathBuf, Start),
}

impl Windows<'_> {
    /// Window 1: the publisher with port and user, or the CTL in force or a cluster file; then the output folder.
    pub(super) fn server(&mut self) -> Result<Option<Start>, WorkError> {
        self.title("Server");
        loop {
            let Some(named) = self.named_source()? else { return Ok(None) };
            let Some(source) = named else { continue };
            let now = self.folder.display().to_string();
            let Some(folder) = self.operator.text("Output folder:", &now)? else { continue };
            let folder = PathBuf::from(if folder.is_empty() { "." } else { &folder });
            if !self.is_file(&folder) && folder.exists() && !folder.is_dir() {
                self.say(&format!("{} is not a folder.", folder.display()));
                continue;
            }
            self.folder = folder;
            let start = match source {
                Source::File(file, start) => {
                    (self.source, self.node) = (file, None);
                    Some(start)
                }
                Source::Cluster(node) => {
                    self.node = Some(node.clone());
                    match self.fetch(&node) {
                        Err(e) if e.is_interrupted() => return Err(e),
                        fetched => self.or_why_not(fetched),
                    }
                }
            };
            if start.is_some() {
                return Ok(start);
            }
        }
    }

    /// What is named as the start: `None` leaves the windows, `Some(None)` is asked again.
    fn named_source(&self) -> Result<Option<Option<Source>>, WorkError> {
        let now = match &self.node {
            Some(node) => format!("{node:#}"),
            None => self.source.display().to_string(),
        };
        let what =
            "The publisher's host name, the CTL file in force, or a cluster file (*.toml) for a first CTL:";
        let Some(text) = self.operator.text(what, &now)? else { return Ok(None) };
        let file = PathBuf::from(&text);
        let node = if is_a_file(&file) { None } else { text.parse::<NodeAddress>().ok() };
        Ok(Some(match node {
            None => self.or_why_not(start(&file)).map(|start| Source::File(file, start)),
            Some(NodeAddress::Ssh(ssh)) => {
                self.account(ssh)?.map(|ssh| Source::Cluster(NodeAddress::Ssh(ssh)))
            }
            Some(serial) => Some(Source::Cluster(serial)),
        }))
    }

    /// The port and the user of a node.
    fn account(&self, mut ssh: SshAddress) -> Result<Option<SshAddress>, OperatorError> {
        let Some(port) = self.operator.text("Port of SSH:", &ssh.port.to_string())? else { return Ok(None) };
        let Ok(port @ 1..) = port.parse() else {
            self.say("A port is a number from 1 to 65535.");
            return Ok(None);
        };
        let user = ssh.user.as_ref().or(self.user.as_ref()).map_or("admin", String::as_str);
        let Some(user) = self.operator.text("User name of the OS administrator:", user)? else {
            return Ok(None);
        };
        (ssh.port, ssh.user) = (port, Some(user).filter(|user| !user.is_empty()));
        Ok(Some(ssh))
    }

    /// Fetches the lists of all nodes into the output folder. The windows start from the CTL.
    fn fetch(&mut self, node: &NodeAddress) -> Result<Start, WorkError> {
        let folder = if self.is_file(&self.folder) { folder_of(&self.folder) } else { &self.folder };
        let source = folder.join(LISTS[0]);
        // A wrong password is not sent again.
        let mut connector = (self.connect)();
        let fetched = fetch_all(&Wanted::lists(node, self.ports, folder), &mut connector, self.operator)?;
        for problem in fetched.unverified.iter().chain(&fetched.differing) {
            self.operator.warn(problem);
        }
        let source = match fetched.wrote(&source) {
            true => source,
            // One that does not verify is no reason to make a first CTL.
            false if fetched.unverified.iter().any(|list| list.starts_with(LISTS[0])) => {
                return Err(WorkError::NoCtlInForce { node: node.to_string() });
            }
            false => self.first_file(node, folder, &mut connector)?,
        };
        let start = start(&source)?;
        // A tokenless list is the publisher's own affair.
        if start.is_token_signed() {
            match Needs::of_cluster(node, self.ports, &mut connector) {
                Ok(needs) => {
                    let node = format!("{node:#}");
                    self.cluster = Some(ClusterNeeds { node, needed: needs.needed() });
                }
                Err(e) => self.operator.warn(&format!(
                    "what the cluster needs now is not known, the entries are those of its list: {e}"
                )),
            }
        }
        (self.source, self.connector) = (source, Some(connector));
        Ok(start)
    }

    /// A cluster file for the first CTL of a cluster, from its own certificates, which are written beside it.
    fn first_file(
        &self,
        node: &NodeAddress,
        folder: &Path,
        connector: &mut Connector<'_>,
    ) -> Result<PathBuf, WorkError> {
        let mut records = Needs::of_cluster(node, self.ports, connector)?.records;
        let mode = connector.open(node)?.security_mode()?;
        if mode == SecurityMode::NonSecure {
            self.operator.warn(
                "the cluster is in non-secure mode, and a CTL of tokens does not change that: first `utils ctl set-cluster \
                 mixed-mode` on the publisher, then from its tokenless CTL to tokens",
            );
        }
        records.sort_by_key(|needed| needed.function != Function::SAST);
        let mut certificates: Vec<Certificate> = Vec::new();
        for needed in &records {
            if !certificates.contains(&needed.certificate) {
                certificates.push(needed.certificate.clone());
            }
        }
        let files = export(&certificates, folder, Format::Der, OnExisting::KeepBackup, self.operator)?;
        let server = |needed: NeededRecord| {
            let at = certificates.iter().position(|certificate| *certificate == needed.certificate);
            let file = at.and_then(|at| Path::new(&files.get(at)?.file).file_name()).map(PathBuf::from);
            let (function, address) = (needed.function, Some(needed.address));
            Server { function, address, host: None, certificate: file, hash_only: false }
        };
        let servers = records.into_iter().map(server).collect();
        let (kind, file) = (ListKind::Ctl, folder.join("cluster.toml"));
        let cluster = ClusterFile { kind, file_name: None, mode, style: None, servers, tokens: vec![] };
        files::write_new(&file, toml::to_string(&cluster)?.as_bytes(), OnExisting::KeepBackup)?;
        self.say(&format!("{}   the cluster file for its first CTL", file.display()));
        Ok(file)
    }

    /// Publishes the list on the cluster that the list in force is from, and proves that every node serves it.
    pub fn publish(
        &mut self,
        list: &SignedList,
        folders: &[TftpFolder],
        wait: Duration,
    ) -> Result<Option<Published>, WorkError> {
        let (Some(node), Some(connector)) = (&self.node, &mut self.connector) else { return Ok(None) };
        let publication = Publication {
            file: &list.out,
            node,
            alone: false,
            folders,
            ports: self.ports,
            wait,
            journal: self.order.journal,
            change: self.order.change,
        };
        publish(&publication, connector, self.operator).map(Some)
    }
}

/// Whether a text names a file, and not a node.
fn is_a_file(path: &Path) -> bool {
    let has_folder = path.parent().is_some_and(|folder| !folder.as_os_str().is_empty());
    let is_list = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("tlv") || end == "toml");
    path.exists() || is_list || has_folder && !path.to_string_lossy().contains(":")
}

fn start(file: &Path) -> Result<Start, WorkError> {
    if file.extension().is_some_and(|e| e == "toml") {
        let ReadCluster { cluster, certificates, tokens } = read_cluster(file)?;
        return Ok(Start::NoFile { cluster: Box::new(cluster), certificates, tokens });
    }
    Ok(Start::InForce(Box::new(read_verified(file)?)))
}
