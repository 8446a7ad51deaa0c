//! `cluster fetch`: the lists of every node, and whether they are the same.

use std::path::PathBuf;

use clap::Args;

use super::super::error::{CommandError, ErrorKind};
use super::super::settings::Settings;
use super::super::ui::{Ui, printable};
use super::connect::ConnectArgs;
use crate::cluster::{Connector, NodeAddress, NodeFile, Ports};
use crate::files::{self, OnExisting};
use crate::trustlist::is_tftp_name;

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
    /// A node: HOST, ssh://user@host or serial:/dev/ttyUSB0?baud=9600
    #[arg(long)]
    node: NodeAddress,
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
    /// If a file cannot be fetched in any other way, make the shell print it (no public source says how it is laid out;
    /// it is used only if it verifies)
    #[arg(long)]
    dump: bool,
    #[command(flatten)]
    ports: PortArgs,
    #[command(flatten)]
    connect: ConnectArgs,
}

pub fn run(args: &FetchArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let default = ["CTLFile.tlv", "ITLFile.tlv"].map(str::to_owned);
    let wanted: &[String] = if args.file.is_empty() { &default } else { &args.file };
    if let Some(name) = wanted.iter().find(|name| !is_tftp_name(name)) {
        return Err(CommandError::new(ErrorKind::Usage, format!("{name:?} is not the name of a TFTP file")));
    }
    let operator = args.connect.operator(false, settings, ui)?;
    let mut connector = Connector::new(args.connect.options(), &operator);
    let nodes = connector.nodes(&args.node, args.alone)?;
    let existing = if args.force { OnExisting::KeepBackup } else { OnExisting::Refuse };
    files::make_folder(&args.out)?;
    let mut documents = Vec::new();
    let (mut differing, mut unverified) = (Vec::new(), Vec::new());
    for name in wanted {
        let (mut found, mut without) = (Vec::new(), Vec::new());
        for node in &nodes {
            match NodeFile::get(node, name, args.ports.ports(), args.dump, &mut connector)? {
                Some(of_node) => found.push(of_node),
                None => {
                    ui.note(&format!("{node}: no {name}"));
                    without.push(format!("{node} has no {name}"));
                }
            }
        }
        // Where no node has it, they are the same.
        let Some(kept) = found.iter().find(|f| f.signer.is_ok()).or(found.first()) else { continue };
        differing.append(&mut without);
        // Nobody takes one that does not verify for a list that phones would take.
        let stem = name.strip_suffix(".tlv").filter(|_| kept.signer.is_err());
        let out = args.out.join(stem.map_or_else(|| name.clone(), |stem| format!("{stem}.unverified.tlv")));
        out.parent().map_or(Ok(()), files::make_folder)?;
        let written = files::write_new(&out, &kept.bytes, existing)?;
        if stem.is_some() {
            unverified.push(format!("{name} of {}, kept as {}", kept.node, out.display()));
        }
        // A path need not be text, and JSON holds nothing else.
        let backup = written.backup.map(|path| path.display().to_string());
        documents.push(serde_json::json!({
            "node": kept.node.to_string(), "file": out.display().to_string(), "bytes": kept.bytes.len(),
            "md5": kept.md5(), "by": kept.by.to_string(), "kept_old_as": backup, "says": kept.says(),
        }));
        if !ui.is_json() {
            ui.print(&format!(
                "{}   {} bytes from {} by {}, {}, MD5 {}",
                out.display(),
                kept.bytes.len(),
                kept.node,
                kept.by,
                printable(&kept.says()),
                kept.md5()
            ))?;
        }
        for other in found.iter().filter(|other| other.node != kept.node) {
            let (node, says) = (&other.node, printable(&other.says()));
            let another =
                format!("{node} has another {name} than {}: MD5 {}, {says}", kept.node, other.md5());
            if other.bytes == kept.bytes {
                ui.note(&format!("{node}: the same {name}"));
            } else if name.starts_with("ITL") && other.signer.is_ok() {
                ui.note(&format!("{another}; each TFTP server signs its own ITL"));
            } else {
                differing.push(another);
            }
        }
    }
    if ui.is_json() {
        ui.print_json(&serde_json::json!({
            "written": documents, "differing": differing, "unverified": unverified,
        }))?;
    }
    let error = match (unverified.is_empty(), differing.is_empty()) {
        (true, true) => return Ok(()),
        (true, false) => CommandError::new(ErrorKind::No, "the nodes do not hold the same lists"),
        (false, _) => CommandError::new(ErrorKind::No, "what was fetched is not verified")
            .hint("phones refuse such a list, too; what is wrong with it: sastctl ctl verify FILE"),
    };
    let restart =
        (!differing.is_empty()).then_some("restart Cisco Tftp on the nodes that differ, and fetch again");
    let error = unverified.into_iter().chain(differing).fold(error, |e, d| e.detail("", d));
    Err(restart.into_iter().fold(error, CommandError::hint))
}
