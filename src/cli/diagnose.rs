//! `diagnose`: a phone that refuses.

use std::path::PathBuf;

use askama::Template;
use clap::Args;

use super::cluster::{ConnectArgs, PortArgs, TvsReach};
use super::phones::PageArgs;
use super::{CommandError, STATE, Settings, Ui, texts};
use crate::cluster::{Connector, NodeAddress};
use crate::phone::diagnosis::Remedy;
use crate::phone::page::checksum;
use crate::workflow::diagnose::{DiagnoseRequest, Diagnosis, Given, diagnose};

/// Find out why a phone refuses its lists or files, and what helps: asks the phone, its node and TVS, changes nothing
#[derive(Debug, Args)]
pub struct DiagnoseArgs {
    /// The name of the phone: SEP001122334455
    #[arg(long, value_name = "NAME")]
    phone: String,
    /// The node that the phone loads its files from: HOST, ssh://user@host, serial:/dev/ttyUSB0?baud=9600 or serial:COM3
    #[arg(long, value_name = "NODE", required_unless_present_any = ["ctl", "itl", "console_log"])]
    node: Option<NodeAddress>,
    /// The checksum of the CTL as the phone shows it, MD5 or SHA-1 [default: from its own page]
    #[arg(long, value_name = "HEX", value_parser = checksum)]
    checksum: Option<String>,
    /// The checksum of the ITL as the phone shows it
    #[arg(long, value_name = "HEX", value_parser = checksum)]
    itl_checksum: Option<String>,
    /// A list that the phone has, or may have: an older CTL or ITL; may be given several times
    #[arg(long, value_name = "FILE")]
    held: Vec<PathBuf>,
    /// The console log of the phone; `-` is standard input
    #[arg(long, value_name = "FILE")]
    console_log: Option<PathBuf>,
    /// The CTL that the node serves [default: fetched]
    #[arg(long, value_name = "FILE")]
    ctl: Option<PathBuf>,
    /// The ITL that the node serves [default: fetched]
    #[arg(long, value_name = "FILE")]
    itl: Option<PathBuf>,
    /// The model of the phone, as Cisco 8845 [default: the node tells it]
    #[arg(long, value_name = "MODEL", default_value = "", hide_default_value = true)]
    model: String,
    /// The IP address of the phone [default: the node tells it]
    #[arg(long, value_name = "ADDRESS", default_value = "", hide_default_value = true)]
    address: String,
    #[command(flatten)]
    pages: PageArgs,
    #[command(flatten)]
    ports: PortArgs,
    #[command(flatten)]
    tvs: TvsReach,
    #[command(flatten)]
    connect: ConnectArgs,
}

#[derive(Template)]
#[template(path = "diagnose.txt")]
struct DiagnosisText<'a> {
    it: &'a Diagnosis,
    node: String,
}

pub fn run(args: &DiagnoseArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let operator = args.connect.operator(false, settings, ui)?;
    let request = DiagnoseRequest {
        phone: [&args.phone, &args.model, &args.address],
        node: args.node.as_ref(),
        ctl: Given { served: args.ctl.as_deref(), checksum: args.checksum.as_deref() },
        itl: Given { served: args.itl.as_deref(), checksum: args.itl_checksum.as_deref() },
        held: &args.held,
        console_log: args.console_log.as_deref(),
        ports: args.ports.ports(),
        tvs: args.tvs.options(),
        pace: args.pages.pace(1),
    };
    let it = diagnose(request, &mut Connector::new(args.connect.options(), &operator), &operator)?;
    let node = args.node.as_ref().map_or("NODE".to_owned(), |node| format!("{node:#}"));
    ui.answer("diagnose", &it, || texts::text(&DiagnosisText { it: &it, node }))?;
    if it.verdict.remedy == Remedy::NothingWrong {
        return Ok(());
    }
    Err(CommandError::no(format!("{}: {}", it.phone.name, it.verdict.remedy)))
}
