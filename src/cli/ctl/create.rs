//! `ctl create`: a first list from certificates and addresses.

use std::path::{Path, PathBuf};

use clap::Args;

use super::super::error::CommandError;
use super::super::operator::TerminalOperator;
use super::super::settings::Settings;
use super::super::signing::{SigningArgs, sign};
use super::super::ui::Ui;
use super::ServerArgs;
use crate::workflow::signing::{Batch, BatchFile, SigningSession};
use crate::workflow::{ReadCluster, create, read_cluster, spare_tokens};

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
    let operator = TerminalOperator::new(settings, ui);
    let session = SigningSession::open(&settings.module_options(), settings.selector()?.as_ref(), &operator)?;
    let signer = session.signer().certificate().clone();
    let spares = spare_tokens(&signer, session.certificates(&args.spare, &operator)?, tokens);
    let request = args.signing.request(&signer)?;
    let edits = args.servers.edits()?;
    let plan = create(&cluster, &certificates, &request, &spares, args.single_token, &edits)?;
    let out = args.signing.out().map_or_else(|| PathBuf::from(&plan.draft().file_name), Path::to_owned);
    let batch = Batch::Planned(vec![BatchFile::list(plan, out, None)]);
    sign("ctl-create", &session, batch, &args.signing, (settings, ui))
}
