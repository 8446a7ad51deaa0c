//! Putting a list where phones fetch it, and the proof that they get it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;

use super::super::error::{CommandError, ErrorKind};
use super::super::interrupt;
use super::super::signing::{RunLog, in_force};
use super::super::ui::{Ui, printable};
use super::connect::{ConnectArgs, Connector};
use super::fetch::PortArgs;
use super::foretold::foretell;
#[cfg(feature = "ssh")]
use crate::cluster::sftp::SftpFolder;
use crate::cluster::{NodeAddress, fetch};
use crate::files::{self, OnExisting};
use crate::trustlist::{ListKind, digest, is_tftp_name};
use crate::workflow::journal::{Event, FileFingerprint};

/// Where the list goes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Publishing")]
pub struct PublishArgs {
    /// A folder that a TFTP server serves, for all nodes or for one: a path, or sftp://user@host/path; without it the
    /// operator uploads by hand
    #[arg(long, value_name = "[NODE=]DIR")]
    tftp_root: Vec<String>,
    /// How long the nodes are waited for when the operator uploads by hand
    #[arg(long, value_name = "SECONDS", default_value_t = 1800)]
    publish_wait: u64,
}

impl PublishArgs {
    /// Whether a folder was named.
    pub fn names_a_folder(&self) -> bool {
        !self.tftp_root.is_empty()
    }

    /// The folder of a node, if one was named.
    fn root(&self, node: &NodeAddress) -> Option<&str> {
        let host = node.host()?;
        let of_node = self.tftp_root.iter().find_map(|r| r.strip_prefix(host)?.strip_prefix('='));
        of_node.or_else(|| self.tftp_root.iter().map(String::as_str).find(|root| is_of_all(root)))
    }

    /// A folder that is not there, or one of a node that is not there, stops a run before anything is changed.
    pub fn check(
        &self,
        nodes: &[NodeAddress],
        name: &str,
        connector: &mut Connector<'_>,
    ) -> Result<(), CommandError> {
        let is_of = |root: &str, node: &NodeAddress| {
            let folder = node.host().and_then(|host| root.strip_prefix(host));
            folder.is_some_and(|folder| folder.starts_with('='))
        };
        let of_nobody = |root: &&String| !is_of_all(root) && !nodes.iter().any(|node| is_of(root, node));
        if let Some(root) = self.tftp_root.iter().find(of_nobody) {
            let nodes: Vec<&str> = nodes.iter().filter_map(NodeAddress::host).collect();
            return Err(CommandError::new(
                ErrorKind::Usage,
                format!("--tftp-root {root} is that of no node here"),
            )
            .detail("there are", nodes.join(", "))
            .hint("NODE=DIR names a node as the cluster does; DIR alone is that of all nodes"));
        }
        #[cfg(not(feature = "ssh"))]
        let _ = (name, connector);
        for node in nodes {
            let Some(root) = self.root(node) else { continue };
            #[cfg(feature = "ssh")]
            if root.starts_with("sftp://") {
                connector.look_by_sftp(&sftp_folder(root)?, name)?;
            }
            if !root.starts_with("sftp://") && !std::path::Path::new(root).is_dir() {
                let what = format!("the TFTP folder {root} of {node} is not there");
                return Err(CommandError::new(ErrorKind::File, what));
            }
        }
        Ok(())
    }

    /// How long the nodes are waited for: long where the operator uploads, short where the file was put there.
    pub fn patience(&self, by_hand: bool) -> Duration {
        // A service that was restarted a moment ago needs its time, too.
        Duration::from_secs(if by_hand { self.publish_wait } else { 60 })
    }
}

/// `DIR` in place of `NODE=DIR`. A path may have an equals sign of its own.
fn is_of_all(root: &str) -> bool {
    !root.contains('=') || root.starts_with(['/', '.']) || root.starts_with("sftp://")
}

#[cfg(feature = "ssh")]
fn sftp_folder(root: &str) -> Result<SftpFolder, CommandError> {
    SftpFolder::parse(root).ok_or_else(|| {
        CommandError::new(ErrorKind::Usage, format!("--tftp-root {root} is not sftp://user@host/path"))
    })
}

/// FILENAME of a list is its writer's. One that names a file outside the TFTP folder would be written there.
fn check_name(name: &str) -> Result<(), CommandError> {
    if is_tftp_name(name) {
        return Ok(());
    }
    Err(CommandError::new(
        ErrorKind::File,
        format!("the list calls itself {name:?}, which is not the name of a TFTP file"),
    )
    .detail("", "nothing was published")
    .hint("phones ask for CTLFile.tlv or ITLFile.tlv; where does this list come from?"))
}

/// Puts a file to where a node serves it from. `true` where it was done, `false` where it is left to the operator.
pub fn put(
    args: &PublishArgs,
    connector: &mut Connector<'_>,
    node: &NodeAddress,
    name: &str,
    bytes: &[u8],
) -> Result<bool, CommandError> {
    check_name(name)?;
    let Some(root) = args.root(node) else { return Ok(false) };
    if root.starts_with("sftp://") {
        #[cfg(feature = "ssh")]
        {
            connector.sftp(&sftp_folder(root)?, name, bytes)?;
            return Ok(true);
        }
        #[cfg(not(feature = "ssh"))]
        {
            let _ = connector;
            return Err(CommandError::new(ErrorKind::Usage, "this sastctl was built without SSH and SFTP"));
        }
    }
    let path = PathBuf::from(root).join(name);
    if files::holds(&path, bytes) {
        return Ok(true);
    }
    files::write_new(&path, bytes, OnExisting::KeepBackup)?;
    Ok(true)
}

/// Put a signed CTL where phones fetch it, and prove that every node serves it
#[derive(Debug, Args)]
pub struct PublishCommand {
    /// The signed list
    file: PathBuf,
    /// The publisher: HOST or ssh://user@host
    #[arg(long)]
    node: String,
    /// Only this node
    #[arg(long)]
    alone: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// The folder for the journal of the run [default: $XDG_STATE_HOME/sastctl, else ~/.local/state/sastctl]
    #[arg(long, value_name = "DIR", env = "SASTCTL_JOURNAL")]
    journal: Option<PathBuf>,
    #[command(flatten)]
    publish: PublishArgs,
    #[command(flatten)]
    ports: PortArgs,
    #[command(flatten)]
    connect: ConnectArgs,
}

pub fn run(args: &PublishCommand, ui: &Ui) -> Result<(), CommandError> {
    // What does not verify is not published.
    let list = in_force(&args.file)?;
    let (bytes, name) = (list.list().bytes(), list.list().header().file_name());
    check_name(&name)?;
    let address: NodeAddress = args.node.parse()?;
    host_of(&address)?;
    let mut connector = Connector::new(&args.connect, ui);
    let nodes = connector.nodes(&address, args.alone)?;
    if list.list().kind() == ListKind::Itl && nodes.len() > 1 {
        let what = "every TFTP server signs an ITL of its own, and one of them belongs on one node";
        return Err(CommandError::new(ErrorKind::Usage, what)
            .detail("", "nothing was published")
            .hint("--alone --node NODE publishes it on that node"));
    }
    // With --alone the folders of the others are of no account.
    if !args.alone {
        args.publish.check(&nodes, &name, &mut connector)?;
    }
    let phones = foretell(&nodes, &args.ports, (&args.file, &name, &list), ui);
    let signer = printable(&list.signer_name());
    if !ui.agrees(args.yes, &format!("Publish {name}, signed by {signer}?"))? {
        return Err(CommandError::new(ErrorKind::Interrupted, "nothing was published"));
    }
    interrupt::something_changes();
    let mut log = RunLog::begin_run(args.journal.as_deref(), "cluster-publish")?;
    let seal = FileFingerprint::of(args.file.display().to_string(), bytes);
    log.add(Event::Input { role: "published".to_owned(), out: None, file: seal })?;
    let result = to_every_node(args, &mut connector, &nodes, &name, bytes, &mut log, ui);
    let journal = log.end(&result)?;
    result?;
    if ui.is_json() {
        let served: Vec<String> = nodes.iter().map(ToString::to_string).collect();
        // A path need not be text, and JSON holds nothing else.
        let journal = journal.display().to_string();
        let document = serde_json::json!({
            "published": name, "phones": phones, "served_by": served, "journal": journal,
        });
        ui.print_json(&document)?;
    }
    ui.note(&format!("Journal: {}", journal.display()));
    ui.note("Next: sastctl cluster restart, then reset the phones.");
    Ok(())
}

/// Puts the list to every node, and waits until each serves it; a line of the journal for both.
fn to_every_node(
    args: &PublishCommand,
    connector: &mut Connector<'_>,
    nodes: &[NodeAddress],
    name: &str,
    bytes: &[u8],
    log: &mut RunLog,
    ui: &Ui,
) -> Result<(), CommandError> {
    let step = |node: &NodeAddress, says: &str, done| Event::Step {
        name: format!("publish {node}"),
        says: says.to_owned(),
        done,
    };
    let mut left = Vec::new();
    for node in nodes {
        log.add(step(node, "put", None))?;
        if !put(&args.publish, connector, node, name, bytes)? {
            left.push(node.clone());
        }
    }
    if !left.is_empty() {
        by_hand(&left, &args.file, name, ui);
    }
    for node in nodes {
        wait(node, &args.ports, name, bytes, args.publish.patience(left.contains(node)))?;
        log.add(step(node, "put there and fetched again", Some(true)))?;
        if !ui.is_json() {
            ui.print(&format!("{node}: serves it, MD5 {}", digest::hex(&digest::md5(bytes), "")))?;
        }
    }
    Ok(())
}

/// What the operator does on a node's own page. Whether that page takes this name is open.
pub fn by_hand(nodes: &[NodeAddress], path: &std::path::Path, name: &str, ui: &Ui) {
    let names: Vec<String> = nodes.iter().map(ToString::to_string).collect();
    ui.show(&format!(
        "By hand, in OS Administration of each of {}: Software Upgrades > TFTP File Management > Upload File;\n\
         file {}, directory empty, name {name}. (No public source says whether that page takes this name.)\n\
         A node serves an uploaded file once Cisco Tftp was restarted there: utils service restart Cisco Tftp.\n\
         Waiting until every node serves it …",
        names.join(", "),
        path.display()
    ));
}

/// Where a node's files are put and fetched. Over a serial line nothing proves what phones get.
fn host_of(node: &NodeAddress) -> Result<&str, CommandError> {
    node.host().ok_or_else(|| {
        CommandError::new(
            ErrorKind::Usage,
            format!("{node} is a serial line: no file is put there, and none is fetched to prove that phones get it"),
        )
        .hint("name the node by its address: --node HOST; with --alone no shell is opened, and no password needed")
    })
}

/// Whether a node serves exactly these bytes now.
pub fn serves(node: &NodeAddress, ports: &PortArgs, name: &str, bytes: &[u8]) -> Result<bool, CommandError> {
    Ok(fetch(host_of(node)?, ports.ports(), name)?.is_some_and(|fetched| fetched.bytes == bytes))
}

/// Waits until a node serves exactly these bytes.
pub fn wait(
    node: &NodeAddress,
    ports: &PortArgs,
    name: &str,
    bytes: &[u8],
    limit: Duration,
) -> Result<(), CommandError> {
    let end = Instant::now().checked_add(limit);
    loop {
        match serves(node, ports, name, bytes) {
            Ok(true) => return Ok(()),
            Ok(false) | Err(_) if end.is_some_and(|end| Instant::now() < end) => {
                super::super::interrupt::check()?;
                std::thread::sleep(Duration::from_secs(1));
            }
            Ok(false) => {
                let md5 = digest::hex(&digest::md5(bytes), "");
                return Err(CommandError::new(
                    ErrorKind::Network,
                    format!("{node} does not serve the {name} with MD5 {md5}"),
                )
                .hint("is the file there, and was Cisco Tftp restarted?"));
            }
            Err(e) => return Err(e),
        }
    }
}
