//! `cluster fetch`: the lists of every node, and whether they are the same.

use std::path::PathBuf;

use clap::Args;

use super::super::error::{CommandError, ErrorKind};
use super::super::ui::{Ui, printable};
use super::connect::{ConnectArgs, Connector};
use crate::cluster::console::Console;
use crate::cluster::{ClusterError, Node, NodeAddress, Ports, SshAddress, fetch};
use crate::files::{self, OnExisting};
use crate::trustlist::{TrustList, VerifiedList, digest, is_file_name};

/// Where nodes serve their files.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Connection")]
pub struct PortArgs {
    /// UDP port of TFTP
    #[arg(long, value_name = "PORT", default_value_t = 69)]
    tftp_port: u16,
    /// TCP port of the nodes' file server
    #[arg(long, value_name = "PORT", default_value_t = 6970)]
    http_port: u16,
}

impl PortArgs {
    /// As the layer below takes them.
    pub fn ports(&self) -> Ports {
        Ports { tftp: self.tftp_port, http: self.http_port }
    }
}

/// Fetch CTL and ITL of every node, and check that all nodes hold the same bytes
#[derive(Debug, Args)]
pub struct FetchArgs {
    /// A node: HOST, ssh://user@host or serial:/dev/ttyUSB0?baud=9600
    #[arg(long)]
    node: String,
    /// Only this node: no shell is opened, and no password needed
    #[arg(long)]
    alone: bool,
    /// The files [default: CTLFile.tlv and ITLFile.tlv]
    #[arg(long, value_name = "NAME")]
    file: Vec<String>,
    /// Where they go
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// Replace files that are there; the old ones are kept as NAME.bak
    #[arg(long)]
    force: bool,
    /// Ask the shell to print a file that comes by no other way (no public source says how it is laid out; believed only if it verifies)
    #[arg(long)]
    dump: bool,
    #[command(flatten)]
    ports: PortArgs,
    #[command(flatten)]
    connect: ConnectArgs,
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

pub fn run(args: &FetchArgs, ui: &Ui) -> Result<(), CommandError> {
    let default = ["CTLFile.tlv", "ITLFile.tlv"].map(str::to_owned);
    let wanted: &[String] = if args.file.is_empty() { &default } else { &args.file };
    if let Some(name) = wanted.iter().find(|name| !is_file_name(name)) {
        return Err(CommandError::new(ErrorKind::Usage, format!("{name:?} is not the name of a TFTP file")));
    }
    let address: NodeAddress = args.node.parse()?;
    let mut connector = Connector::new(&args.connect, ui);
    let nodes = connector.nodes(&address, args.alone)?;
    let existing = if args.force { OnExisting::KeepBackup } else { OnExisting::Refuse };
    files::make_folder(&args.out)?;
    let mut documents = Vec::new();
    let mut differing = Vec::new();
    for name in wanted {
        let mut first: Option<(Vec<u8>, String)> = None;
        let mut without = Vec::new();
        for node in &nodes {
            let (bytes, by) = match from_node(node, name, args, &mut connector)? {
                Some(found) => found,
                None => {
                    ui.note(&format!("{node}: no {name}"));
                    without.push(format!("{node} has no {name}"));
                    continue;
                }
            };
            let md5 = digest::hex(&digest::md5(&bytes), "");
            let verified = TrustList::decode(bytes.clone()).map_err(|e| e.to_string()).and_then(|l| {
                l.verify().as_ref().map(VerifiedList::signer_name).map_err(ToString::to_string)
            });
            let says = match &verified {
                Ok(signer) => format!("verified, signed by {signer}"),
                Err(e) => format!("not verified: {e}"),
            };
            match &first {
                None => {
                    let out = args.out.join(name);
                    let written = files::write_new(&out, &bytes, existing)?;
                    // A path need not be text, and JSON holds nothing else.
                    let kept = written.backup.map(|path| path.display().to_string());
                    documents.push(serde_json::json!({
                        "node": node.to_string(), "file": out.display().to_string(), "bytes": bytes.len(),
                        "md5": md5, "by": by, "kept_old_as": kept, "says": says,
                    }));
                    if !ui.is_json() {
                        ui.print(&format!(
                            "{}   {} bytes from {node} by {by}, {}, MD5 {md5}",
                            out.display(),
                            bytes.len(),
                            printable(&says)
                        ))?;
                    }
                    first = Some((bytes, node.to_string()));
                }
                Some((same, from)) if *same != bytes => {
                    let says = printable(&says);
                    differing.push(format!("{node} has another {name} than {from}: MD5 {md5}, {says}"));
                }
                Some(_) => ui.note(&format!("{node}: the same {name}")),
            }
        }
        // Where no node has it, they are the same.
        if first.is_some() {
            differing.append(&mut without);
        }
    }
    if ui.is_json() {
        ui.print_json(&serde_json::json!({ "written": documents, "differing": differing }))?;
    }
    if differing.is_empty() {
        return Ok(());
    }
    let error = CommandError::new(ErrorKind::No, "the nodes do not hold the same lists");
    let error = differing.into_iter().fold(error, |e, d| e.detail("", d));
    Err(error.hint("restart Cisco Tftp on the nodes that differ, or put the right file there"))
}

fn from_node(
    node: &NodeAddress,
    name: &str,
    args: &FetchArgs,
    connector: &mut Connector<'_>,
) -> Result<Option<(Vec<u8>, String)>, CommandError> {
    let by_network = node.host().map(|host| fetch(host, args.ports.ports(), name));
    match by_network {
        Some(Ok(fetched)) => Ok(fetched.map(|f| (f.bytes, f.by.to_string()))),
        Some(Err(e)) if !args.dump => Err(e.into()),
        _ => {
            let bytes = connector.open(node)?.dump_tftp(name)?;
            // Nobody published the layout: only a signature says that these are the bytes.
            match TrustList::decode(bytes.clone()).map(|l| l.verify().is_ok()) {
                Ok(true) => Ok(Some((bytes, "file dump".to_owned()))),
                _ => Err(CommandError::new(
                    ErrorKind::Network,
                    format!("what {node} printed of {name} does not verify"),
                )
                .hint("`file get tftp` on the node pushes the file to an SFTP server")),
            }
        }
    }
}
