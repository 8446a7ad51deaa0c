//! `ctl create`: a first list from certificates and addresses.

use std::path::{Path, PathBuf};

use clap::Args;

use super::super::error::CommandError;
use super::super::settings::Settings;
use super::super::signing::{BatchFile, SigningArgs, SigningSession};
use super::super::ui::Ui;
use super::ServerArgs;
use crate::workflow::{ReadCluster, create_and, read_cluster, spare_tokens};

/// Make a first CTL or ITL from certificates and addresses, signed by a token
#[derive(Debug, Args)]
pub struct CreateArgs {
    /// The cluster: servers, addresses and certificate files, as TOML (see docs/cluster-file.md)
    #[arg(long, value_name = "FILE")]
    cluster: PathBuf,
    /// Another token: a selector, or a certificate file; may be given several times
    #[arg(long, value_name = "SELECTOR|FILE")]
    spare: Vec<String>,
    /// Continue with a single token; if it is lost, no later list can be signed
    #[arg(long)]
    single_token: bool,
    #[command(flatten)]
    servers: ServerArgs,
    #[command(flatten)]
    signing: SigningArgs,
}

pub fn run(args: &CreateArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let ReadCluster { cluster, certificates, tokens } = read_cluster(&args.cluster)?;
    let session = SigningSession::open(settings, ui)?;
    let signer = session.signer().certificate().clone();
    let spares = spare_tokens(&signer, session.certificates(&args.spare, ui)?, tokens);
    let request = args.signing.request(&signer)?;
    let edits = args.servers.edits()?;
    let plan = create_and(&cluster, &certificates, &request, &spares, args.single_token, &edits)?;
    let out = args.signing.out().map_or_else(|| PathBuf::from(plan.draft().file_name()), Path::to_owned);
    let head =
        format!("{}   a new list of {} records", plan.draft().file_name(), plan.draft().records().len());
    session.sign_plan("ctl-create", BatchFile::list(head, plan, out), &args.signing, ui)
}
