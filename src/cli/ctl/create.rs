//! `ctl create`: a first list from certificates and addresses.

use std::path::{Path, PathBuf};

use clap::Args;

use super::super::error::{CommandError, ErrorKind};
use super::super::settings::Settings;
use super::super::signing::{BatchFile, SigningArgs, SigningSession};
use super::super::ui::Ui;
use super::ServerArgs;
use crate::trustlist::Certificate;
use crate::workflow::cluster_file::ClusterFile;
use crate::workflow::{create_and, spare_tokens};

/// Make a first CTL or ITL from certificates and addresses, signed by a token
#[derive(Debug, Args)]
pub struct CreateArgs {
    /// The cluster: servers, addresses and certificate files, as TOML (see docs/cluster-file.md)
    #[arg(long, value_name = "FILE")]
    cluster: PathBuf,
    /// A further token: a selector, or a certificate file; may be given several times
    #[arg(long, value_name = "SELECTOR|FILE")]
    spare: Vec<String>,
    /// Go on with a single token, though losing it means that no later list can be signed
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

/// A cluster file with the certificates that it names.
pub struct ReadCluster {
    /// The file.
    pub cluster: ClusterFile,
    /// Of its servers, in their order.
    pub certificates: Vec<Option<Certificate>>,
    /// Of its tokens.
    pub tokens: Vec<Certificate>,
}

/// Reads a cluster file, and the certificates that it names.
pub fn read_cluster(path: &Path) -> Result<ReadCluster, CommandError> {
    let name = super::display_name(path);
    let bytes = crate::files::read_limited(path, crate::trustlist::MAX_FILE_BYTES)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| CommandError::new(ErrorKind::File, format!("{name} is not a text file")))?;
    let cluster: ClusterFile = toml::from_str(&text).map_err(|e| {
        CommandError::new(ErrorKind::File, format!("{name} does not describe a cluster"))
            .detail("", e.to_string().trim_end().replace('\n', "\n  "))
            .hint("docs/cluster-file.md has every key and an example")
    })?;
    cluster.check().map_err(|e| CommandError::cluster_file(&name, &e))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let read = |path: &PathBuf| super::read_certificate(&folder.join(path));
    let certificates = cluster.servers.iter().map(|server| server.certificate.as_ref().map(read).transpose());
    let certificates = certificates.collect::<Result<_, _>>()?;
    let tokens = cluster.tokens.iter().map(|token| read(&token.certificate)).collect::<Result<_, _>>()?;
    Ok(ReadCluster { cluster, certificates, tokens })
}
