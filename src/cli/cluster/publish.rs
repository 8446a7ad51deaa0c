//! Putting a list where phones fetch it, and the proof that they get it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;

use super::super::error::{CommandError, ErrorKind};
use super::super::interrupt;
use super::super::signing::RunLog;
use super::super::ui::{Ui, printable};
#[cfg(feature = "ssh")]
use super::connect::Whose;
use super::connect::{ConnectArgs, Connector};
use super::fetch::PortArgs;
use super::foretold::foretell;
#[cfg(feature = "ssh")]
use crate::cluster::sftp::{self, SftpFolder};
use crate::cluster::{NodeAddress, fetch};
use crate::files::{self, OnExisting};
use crate::trustlist::{ListKind, digest, is_tftp_name};
use crate::workflow::journal::{Event, FileFingerprint};
use crate::workflow::read_verified;

/// Where the list goes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Publishing")]
pub struct PublishArgs {
    /// The folder of a TFTP server, for all nodes or for one: a path, or sftp://user@host/path. Without this option you
    /// upload by hand
    #[arg(long, value_name = "[NODE=]DIR")]
    tftp_root: Vec<String>,
    /// How long to wait for the nodes when you upload by hand
    #[arg(long, value_name = "SECONDS", default_value_t = 1800)]
    publish_wait: u64,
}

/// What is said of a node that holds the file, and serves another one or none.
const NOT_YET: &str = "put there, not served yet";
/// How long a node that serves the file as soon as it lies there may take.
const AFTER_PUT: Duration = Duration::from_secs(5);
/// A service that was restarted a moment ago needs its time.
pub const AFTER_RESTART: Duration = Duration::from_secs(60);

impl PublishArgs {
    /// Whether a folder was named.
    pub fn names_a_folder(&self) -> bool {
        !self.tftp_root.is_empty()
    }

    /// How long the operator has for an upload by hand.
    pub fn by_hand(&self) -> Duration {
        Duration::from_secs(self.publish_wait)
    }

    /// The folder of a node, if one was named.
    fn root(&self, node: &NodeAddress) -> Option<&str> {
        let of_node = self.tftp_root.iter().find_map(|root| of_node(root, node));
        of_node.or_else(|| self.tftp_root.iter().map(String::as_str).find(|root| is_of_all(root)))
    }

    /// A folder that is not there, or one of a node that is not there, stops a run before anything is changed.
    pub fn check(
        &self,
        nodes: &[NodeAddress],
        name: &str,
        connector: &mut Connector<'_>,
    ) -> Result<(), CommandError> {
        let of_nobody =
            |root: &&String| !is_of_all(root) && nodes.iter().all(|node| of_node(root, node).is_none());
        if let Some(root) = self.tftp_root.iter().find(of_nobody) {
            let nodes: Vec<&str> = nodes.iter().filter_map(NodeAddress::host).collect();
            return Err(usage(format!("--tftp-root {root} is that of no node here"))
                .detail("there are", nodes.join(", "))
                .hint("NODE=DIR names a node as the cluster does; DIR alone is that of all nodes"));
        }
        for node in nodes {
            match self.root(node).map(Folder::of).transpose()? {
                Some(Folder::Here(path)) if !path.is_dir() => {
                    let what = format!("the TFTP folder {} of {node} is not there", path.display());
                    return Err(CommandError::new(ErrorKind::File, what));
                }
                #[cfg(feature = "ssh")]
                Some(Folder::Sftp(folder)) => connector
                    .over_ssh(&folder.address, Whose::Another, |o| sftp::look(o, &folder.path, name))?,
                _ => {}
            }
        }
        #[cfg(not(feature = "ssh"))]
        let _ = (name, connector);
        Ok(())
    }
}

/// The folder of `NODE=DIR`, where it is that of this node.
fn of_node<'a>(root: &'a str, node: &NodeAddress) -> Option<&'a str> {
    root.strip_prefix(node.host()?)?.strip_prefix('=')
}

/// `DIR` in place of `NODE=DIR`. A path may have an equals sign of its own.
fn is_of_all(root: &str) -> bool {
    !root.contains('=') || root.starts_with(['/', '.']) || root.starts_with("sftp://")
}

fn usage(what: impl Into<String>) -> CommandError {
    CommandError::new(ErrorKind::Usage, what)
}

/// Where a file is put.
enum Folder {
    Here(PathBuf),
    #[cfg(feature = "ssh")]
    Sftp(SftpFolder),
}

impl Folder {
    fn of(root: &str) -> Result<Self, CommandError> {
        if !root.starts_with("sftp://") {
            return Ok(Folder::Here(root.into()));
        }
        #[cfg(feature = "ssh")]
        {
            let no = || usage(format!("--tftp-root {root} is not sftp://user@host/path"));
            SftpFolder::parse(root).map(Folder::Sftp).ok_or_else(no)
        }
        #[cfg(not(feature = "ssh"))]
        Err(usage("this sastctl was built without SSH and SFTP"))
    }
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

/// A file on its way to where phones fetch it.
pub struct Publisher<'a> {
    pub args: &'a PublishArgs,
    pub ports: &'a PortArgs,
    pub ui: &'a Ui,
    pub name: &'a str,
    pub bytes: &'a [u8],
    /// Where the operator finds it.
    pub path: &'a Path,
}

impl Publisher<'_> {
    /// Puts it to every node that `begin` says is one for it. The nodes where that was done; then those where it is left to
    /// the operator, who is told what to do there.
    pub fn put(
        &self,
        connector: &mut Connector<'_>,
        nodes: &[NodeAddress],
        mut begin: impl FnMut(&NodeAddress) -> Result<bool, CommandError>,
    ) -> Result<[Vec<NodeAddress>; 2], CommandError> {
        check_name(self.name)?;
        let [mut put, mut by_hand] = [vec![], vec![]];
        for node in nodes {
            if !begin(node)? {
                continue;
            }
            let Some(root) = self.args.root(node) else {
                by_hand.push(node.clone());
                continue;
            };
            match Folder::of(root)? {
                #[cfg(feature = "ssh")]
                Folder::Sftp(folder) => {
                    connector.over_ssh(&folder.address, Whose::Another, |options| {
                        sftp::put(options, &folder.path, self.name, self.bytes)
                    })?;
                }
                Folder::Here(folder) => {
                    let path = folder.join(self.name);
                    if !files::holds(&path, self.bytes) {
                        files::write_new(&path, self.bytes, OnExisting::KeepBackup)?;
                    }
                }
            }
            put.push(node.clone());
        }
        #[cfg(not(feature = "ssh"))]
        let _ = connector;
        if !by_hand.is_empty() {
            self.tell(&by_hand);
        }
        Ok([put, by_hand])
    }

    /// What the operator does on a node's own page. Whether that page takes this name is open.
    fn tell(&self, nodes: &[NodeAddress]) {
        let names: Vec<String> = nodes.iter().map(ToString::to_string).collect();
        self.ui.show(&format!(
            "By hand, in OS Administration of each of {}: Software Upgrades > TFTP File Management > Upload File;\n\
             file {}, directory empty, name {}. (No public source says whether that page takes this name.)\n\
             A node serves an uploaded file once Cisco Tftp was restarted there: utils service restart Cisco Tftp.\n\
             Waiting until every node serves it …",
            names.join(", "),
            self.path.display(),
            self.name
        ));
    }

    /// Whether a node serves exactly these bytes now.
    pub fn serves(&self, node: &NodeAddress) -> Result<bool, CommandError> {
        let fetched = fetch(host_of(node)?, self.ports.ports(), self.name)?;
        Ok(fetched.is_some_and(|fetched| fetched.bytes == self.bytes))
    }

    /// Waits until a node serves exactly these bytes; whether it does. One that serves something else is waited for no longer
    /// than `limit`, one that does not answer no longer than `silent`.
    fn comes(&self, node: &NodeAddress, limit: Duration, silent: Duration) -> Result<bool, CommandError> {
        let began = Instant::now();
        loop {
            match self.serves(node) {
                Ok(true) => return Ok(true),
                Ok(false) if began.elapsed() >= limit => return Ok(false),
                Err(e) if began.elapsed() >= silent => return Err(e),
                Ok(false) | Err(_) => {
                    interrupt::check()?;
                    std::thread::sleep(Duration::from_secs(1));
                }
            }
        }
    }

    /// Waits until a node serves exactly these bytes, as it must within this time.
    pub fn wait(&self, node: &NodeAddress, limit: Duration) -> Result<(), CommandError> {
        if self.comes(node, limit, limit)? {
            return Ok(());
        }
        let (name, md5) = (self.name, digest::hex(&digest::md5(self.bytes), ""));
        let what = format!("{node} does not serve the {name} with MD5 {md5}");
        Err(CommandError::new(ErrorKind::Network, what)
            .hint("is the file there, and was Cisco Tftp restarted?"))
    }
}

/// Where a node's files are put and fetched. Over a serial line nothing proves what phones get.
fn host_of(node: &NodeAddress) -> Result<&str, CommandError> {
    node.host().ok_or_else(|| {
        usage(format!(
            "{node} is a serial line: no file is put there, and none is fetched to prove that phones get it"
        ))
        .hint("name the node by its address: --node HOST; with --alone no shell is opened, and no password needed")
    })
}

/// Copy a signed CTL to where phones fetch it, and prove that every node serves it
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
    let list = read_verified(&args.file)?;
    let (bytes, name) = (list.list().bytes(), list.list().header().file_name());
    check_name(&name)?;
    let address: NodeAddress = args.node.parse()?;
    host_of(&address)?;
    let mut connector = Connector::new(&args.connect, ui);
    let nodes = connector.nodes(&address, args.alone)?;
    if list.list().kind() == ListKind::Itl && nodes.len() > 1 {
        let what = "every TFTP server signs an ITL of its own, and one of them belongs on one node";
        return Err(usage(what)
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
    let (publish, ports, path) = (&args.publish, &args.ports, &*args.file);
    let publisher = Publisher { args: publish, ports, ui, name: &name, bytes, path };
    let restart = format!("{}{}", args.node, if args.alone { " --alone" } else { "" });
    let result = to_every_node(&publisher, &restart, &mut connector, &nodes, &mut log);
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

/// Puts the list to every node, and waits until each serves it; a line of the journal for both. `restart`: the nodes, as
/// `cluster restart` takes them.
fn to_every_node(
    publisher: &Publisher<'_>,
    restart: &str,
    connector: &mut Connector<'_>,
    nodes: &[NodeAddress],
    log: &mut RunLog,
) -> Result<(), CommandError> {
    let step = |node: &NodeAddress, says: &str, done| Event::Step {
        name: format!("publish {node}"),
        says: says.to_owned(),
        done,
    };
    let [put, _] = publisher.put(connector, nodes, |node| {
        log.add(step(node, "put", None))?;
        Ok(true)
    })?;
    let md5 = digest::hex(&digest::md5(publisher.bytes), "");
    let mut not_yet = Vec::new();
    for node in nodes {
        if !put.contains(node) {
            publisher.wait(node, publisher.args.by_hand())?;
        } else if !publisher.comes(node, AFTER_PUT, AFTER_RESTART)? {
            // A CUCM node serves it after a restart alone, which nobody asked for here.
            log.add(step(node, NOT_YET, Some(false)))?;
            not_yet.push(format!("{node}: {NOT_YET}"));
            continue;
        }
        log.add(step(node, "put there and fetched again", Some(true)))?;
        if !publisher.ui.is_json() {
            publisher.ui.print(&format!("{node}: serves it, MD5 {md5}"))?;
        }
    }
    if not_yet.is_empty() {
        return Ok(());
    }
    let what = format!("{} with MD5 {md5} is not served by every node yet", publisher.name);
    let error = CommandError::new(ErrorKind::No, what);
    Err(not_yet.into_iter().fold(error, |e, says| e.detail("", says)).hint(format!(
        "a CUCM node serves it once Cisco Tftp was restarted: sastctl cluster restart --node {restart}"
    )))
}
