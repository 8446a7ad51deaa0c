//! Putting a list where phones fetch it, and the proof that they get it.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::super::error::{CommandError, ErrorKind};
use super::super::settings::Settings;
use super::super::ui::{Ui, printable};
use super::connect::ConnectArgs;
use super::fetch::PortArgs;
use super::foretold::foretell;
use crate::cluster::{AFTER_PUT, AFTER_RESTART, Connector, NodeAddress, Publisher, TftpFolder};
use crate::trustlist::ListKind;
use crate::workflow::cluster_run::{Part, Step};
use crate::workflow::journal::{Event, FileFingerprint, Journal};
use crate::workflow::{Operator, View, read_verified};

/// Where the list goes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Publishing")]
pub struct PublishArgs {
    /// The folder of a TFTP server, for all nodes or for one: a path, or sftp://user@host/path. Without this option you
    /// upload by hand
    #[arg(long, value_name = "[NODE=]DIR")]
    pub tftp_root: Vec<TftpFolder>,
    /// How long to wait for the nodes when you upload by hand
    #[arg(long, value_name = "SECONDS", default_value_t = 1800)]
    publish_wait: u64,
}

/// What is said of a node that holds the file, and serves another one or none.
const NOT_YET: &str = "put there, not served yet";

impl PublishArgs {
    /// How long the operator has for an upload by hand.
    pub fn by_hand(&self) -> Duration {
        Duration::from_secs(self.publish_wait)
    }
}

/// Copy a signed CTL to where phones fetch it, and prove that every node serves it
#[derive(Debug, Args)]
pub struct PublishCommand {
    /// The signed list
    file: PathBuf,
    /// The publisher: HOST or ssh://user@host
    #[arg(long)]
    node: NodeAddress,
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

pub fn run(args: &PublishCommand, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    // What does not verify is not published.
    let list = read_verified(&args.file)?;
    let (bytes, name) = (list.list().bytes(), list.list().header().file_name());
    let publisher =
        Publisher { folders: &args.publish.tftp_root, ports: args.ports.ports(), name: &name, bytes };
    publisher.check_name()?;
    publisher.host_of(&args.node)?;
    let operator = args.connect.operator(args.yes, settings, ui)?;
    let mut connector = Connector::new(args.connect.options(), &operator);
    let nodes = connector.nodes(&args.node, args.alone)?;
    if list.list().kind() == ListKind::Itl && nodes.len() > 1 {
        let what = "every TFTP server signs an ITL of its own, and one of them belongs on one node";
        return Err(CommandError::new(ErrorKind::Usage, what)
            .detail("", "nothing was published")
            .hint("--alone --node NODE publishes it on that node"));
    }
    // With --alone the folders of the others are of no account.
    if !args.alone {
        publisher.check_folders(&nodes, &mut connector)?;
    }
    let phones = foretell(&nodes, &args.ports, (&args.file, &name, &list), ui);
    let signer = printable(&list.signer_name());
    if !ui.agrees(args.yes, &format!("Publish {name}, signed by {signer}?"))? {
        return Err(CommandError::new(ErrorKind::Interrupted, "nothing was published"));
    }
    operator.something_changes();
    let mut log = Journal::begin(args.journal.as_deref(), "cluster-publish")?;
    let seal = FileFingerprint::of(args.file.display().to_string(), bytes);
    log.add(Event::Input { role: "published".to_owned(), out: None, file: seal })?;
    let result = to_every_node(args, &publisher, &operator, &mut connector, &nodes, &mut log);
    let journal = log.end(result.as_ref().err().map(CommandError::outcome))?;
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
    publisher: &Publisher<'_>,
    operator: &dyn Operator,
    connector: &mut Connector<'_>,
    nodes: &[NodeAddress],
    log: &mut Journal,
) -> Result<(), CommandError> {
    let step = |node: &NodeAddress, says: &str, done| {
        Event::step(Step::Publish, Some(Part::publish(node)), says, done)
    };
    let (put, by_hand) = publisher.put::<CommandError>(connector, nodes, |node| {
        log.add(step(node, "put", None))?;
        Ok(true)
    })?;
    if !by_hand.is_empty() {
        operator.show(&View::UploadFile { nodes: &by_hand, path: &args.file, name: publisher.name })?;
    }
    let md5 = publisher.md5();
    let go_on = || -> Result<(), CommandError> { Ok(operator.check_interrupted()?) };
    let mut not_yet = Vec::new();
    for node in nodes {
        if !put.contains(node) {
            publisher.wait(node, args.publish.by_hand(), go_on)?;
        } else if !publisher.comes(node, (AFTER_PUT, AFTER_RESTART), go_on)? {
            // A CUCM node serves it after a restart alone, which nobody asked for here.
            log.add(step(node, NOT_YET, Some(false)))?;
            not_yet.push(format!("{node}: {NOT_YET}"));
            continue;
        }
        log.add(step(node, "put there and fetched again", Some(true)))?;
        operator.show(&View::Text(&format!("{node}: serves it, MD5 {md5}")))?;
    }
    if not_yet.is_empty() {
        return Ok(());
    }
    let what = format!("{} with MD5 {md5} is not served by every node yet", publisher.name);
    let error = CommandError::new(ErrorKind::No, what);
    let alone = if args.alone { " --alone" } else { "" };
    Err(not_yet.into_iter().fold(error, |e, says| e.detail("", says)).hint(format!(
        "a CUCM node serves it once Cisco Tftp was restarted: sastctl cluster restart --node {:#}{alone}",
        args.node
    )))
}
