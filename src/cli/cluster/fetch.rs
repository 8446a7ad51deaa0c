//! `cluster fetch`: the lists of every node, and whether they are the same.

use std::path::PathBuf;

use clap::Args;

use super::connect::{ConnectArgs, OneNode};
use crate::cli::{CommandError, Settings, Ui};
use crate::cluster::{Connector, Ports};
use crate::files::OnExisting;
use crate::trustlist::is_tftp_name;
use crate::workflow::fetched::{Fetched, Wanted, fetch_all};

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
    pub fn ports(&self) -> Ports {
        Ports { tftp: self.tftp_port, http: self.http_port }
    }
}

/// Fetch the CTL and the ITL of every node, and check that all nodes have the same bytes
#[derive(Debug, Args)]
pub struct FetchArgs {
    #[command(flatten)]
    node: OneNode,
    /// Fetch from this node only: opens no shell, needs no password
    #[arg(long)]
    alone: bool,
    /// The files [default: CTLFile.tlv and ITLFile.tlv]
    #[arg(long, value_name = "NAME")]
    file: Vec<String>,
    /// The folder for the files
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// Replace existing files; each old file is kept as NAME.bak
    #[arg(long)]
    force: bool,
    /// If a file cannot be fetched in any other way, make the shell print it (no public source says which format this output has; the file is used only if it verifies)
    #[arg(long)]
    dump: bool,
    #[command(flatten)]
    ports: PortArgs,
    #[command(flatten)]
    connect: ConnectArgs,
}

pub fn run(args: &FetchArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    if let Some(name) = args.file.iter().find(|name| !is_tftp_name(name)) {
        return Err(CommandError::usage(format!("{name:?} is not the name of a TFTP file")));
    }
    let operator = args.connect.operator(false, settings, ui)?;
    let lists = Wanted::lists(args.node.address()?, args.ports.ports(), &args.out);
    let names = if args.file.is_empty() { lists.names } else { args.file.clone() };
    let existing = OnExisting::forced(args.force);
    let wanted = Wanted { names, alone: args.alone, dump: args.dump, existing, ..lists };
    let fetched = fetch_all(&wanted, &mut Connector::new(args.connect.options(), &operator), &operator)?;
    if ui.json {
        ui.print_json("cluster-fetch", &fetched)?;
    }
    let Fetched { unverified, differing, .. } = fetched;
    let error = match (unverified.is_empty(), differing.is_empty()) {
        (true, true) => return Ok(()),
        (true, false) => CommandError::no("the nodes do not have the same lists"),
        (false, _) => CommandError::no("a fetched file is not verified")
            .hint("phones also refuse such a list; for the reason: sastctl ctl verify FILE"),
    };
    let restart = ["restart Cisco Tftp on the nodes that differ, and fetch again"];
    let restart = if differing.is_empty() { &[][..] } else { &restart };
    Err(error.details("", unverified.into_iter().chain(differing)).hints(restart))
}
