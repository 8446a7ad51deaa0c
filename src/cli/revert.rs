//! `revert`: from a tokenless CTL to one signed by tokens.

use std::path::{Path, PathBuf};

use clap::Args;

use super::ctl::ServerArgs;
use super::error::{CommandError, ErrorKind};
use super::node_run::{self, NodeArgs, Tokens};
use super::settings::Settings;
use super::signing::{BatchFile, Desk, SigningArgs, headline, in_force};
use super::ui::Ui;
use crate::workflow::{Release, revert_and};

/// Turn a tokenless CTL into one signed by tokens, as the CTL Client would have written it
#[derive(Debug, Args)]
pub struct RevertArgs {
    /// The tokenless CTL in force; not with --node, which fetches it
    #[arg(required_unless_present = "node", conflicts_with = "node")]
    old: Option<PathBuf>,
    /// A token beside the one that signs (--token): a selector, or a certificate file; may be given several times
    #[arg(long, value_name = "SELECTOR|FILE")]
    spare: Vec<String>,
    /// Go on with a single token, though losing it means that no later list can be signed
    #[arg(long)]
    single_token: bool,
    /// The cluster's release: from 11.5 the ITLRecovery and CallManager SAST records stay [default: what the CTL tells]
    #[arg(long, value_name = "RELEASE")]
    release: Option<String>,
    #[command(flatten)]
    servers: ServerArgs,
    #[command(flatten)]
    whole: NodeArgs,
    #[command(flatten)]
    signing: SigningArgs,
}

pub fn run(args: &RevertArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let Some(path) = &args.old else {
        let (spare, release) = (&args.spare[..], args.release.as_deref());
        let tokens = Tokens { spare, single: args.single_token, release, signing: &args.signing };
        return node_run::run(&args.whole, &tokens, settings, ui);
    };
    let release = args
        .release
        .as_deref()
        .map(str::parse::<Release>)
        .transpose()
        .map_err(|e| CommandError::new(ErrorKind::Usage, format!("--release {e}")))?;
    let old = in_force(path)?;
    let desk = Desk::open(settings, ui)?;
    let spares = desk.certificates(&args.spare, ui)?;
    let signer = desk.signer().certificate().clone();
    let request = args.signing.request(&signer)?;
    let edits = args.servers.edits()?;
    let plan = revert_and(&old, &request, &spares, release, args.single_token, &edits)?;
    let out = args.signing.out_or(|| beside(path));
    let mut file = BatchFile::list(headline(path, &old), plan, out);
    file.replaces(path, &old);
    desk.sign_plan("revert", file, &args.signing, ui)
}

/// `CTLFile.tlv` → `CTLFile.new.tlv`: the list in force stays where it is.
pub fn beside(old: &Path) -> PathBuf {
    if old.as_os_str() == "-" {
        return PathBuf::from("CTLFile.new.tlv");
    }
    match (old.file_stem(), old.extension()) {
        (Some(stem), Some(extension)) => {
            old.with_file_name(format!("{}.new.{}", stem.to_string_lossy(), extension.to_string_lossy()))
        }
        _ => old.with_extension("new"),
    }
}
