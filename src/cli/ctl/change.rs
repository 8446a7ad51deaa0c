//! `ctl create`: a first list from certificates and addresses. `ctl update`: changes to a list in force, signed by a token
//! that is in it.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::cluster::ConnectArgs;
use crate::cli::cluster::fetch::PortArgs;
use crate::cli::signing::{PlaceArgs, SigningArgs, sign};
use crate::cli::{CommandError, Settings, TerminalOperator, Ui};
use crate::cluster::{Connector, NodeAddress, SecurityMode};
use crate::workflow::cluster_file::parse_function;
use crate::workflow::cluster_run::Needs;
use crate::workflow::signing::{Batch, BatchFile, SigningSession};
use crate::workflow::{
    self, Edit, NewServer, ReadCluster, read_certificate, read_cluster, read_renewed, read_verified, renew,
    spare_tokens,
};

/// Make a first CTL or ITL from certificates and addresses, signed by a token
#[derive(Debug, Args)]
pub struct CreateArgs {
    #[command(flatten)]
    first: FirstListArgs,
    #[command(flatten)]
    signing: SigningArgs,
}

/// What a first list is made of.
#[derive(Debug, Args)]
pub struct FirstListArgs {
    /// The cluster: servers, addresses and certificate files, as TOML (see docs/cluster-file.md)
    #[arg(long, value_name = "FILE")]
    pub cluster: PathBuf,
    /// Another token: a selector, or a certificate file; may be given several times
    #[arg(long, value_name = "SELECTOR|FILE")]
    pub spare: Vec<String>,
    /// Continue with a single token; if it is lost, no later list can be signed
    #[arg(long)]
    pub single_token: bool,
    #[command(flatten)]
    pub servers: ServerArgs,
}

pub fn create(args: &CreateArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let ReadCluster { cluster, certificates, tokens } = read_cluster(&args.first.cluster)?;
    let operator = TerminalOperator::new(settings, ui);
    let session = SigningSession::open(&settings.module_options(), settings.selector()?.as_ref(), &operator)?;
    let signer = session.signer().certificate().clone();
    let spares = spare_tokens(&signer, session.certificates(&args.first.spare, &operator)?, tokens);
    let request = args.signing.request(&signer)?;
    let edits = args.first.servers.edits()?;
    let plan = workflow::create(&cluster, &certificates, &request, &spares, args.first.single_token, &edits)?;
    let out = args.signing.out.clone().unwrap_or_else(|| PathBuf::from(&plan.draft().file_name));
    let batch = Batch::Planned(vec![BatchFile::list(plan, out, None)]);
    sign("ctl-create", &session, batch, &args.signing, (settings, ui))
}

/// Change a list in force: tokens, servers, security mode, renewed certificates
#[derive(Debug, Args)]
pub struct UpdateArgs {
    #[command(flatten)]
    changes: ChangesArgs,
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    signing: SigningArgs,
    #[command(flatten)]
    needs: NeedsArgs,
}

/// A cluster, and how it is asked for what its list needs.
#[derive(Debug, Args)]
pub struct NeedsArgs {
    /// What a cluster needs now: renewed certificates, new and gone nodes, new addresses, CAPF. Every node is asked
    #[arg(long, value_name = "PUBLISHER", help_heading = None)]
    from_cluster: Option<NodeAddress>,
    #[command(flatten)]
    ports: PortArgs,
    #[command(flatten)]
    connect: ConnectArgs,
}

impl NeedsArgs {
    /// What the cluster needs, if one is named.
    pub fn read(&self, settings: &Settings, ui: &Ui) -> Result<Option<Needs>, CommandError> {
        let Some(node) = &self.from_cluster else { return Ok(None) };
        let operator = self.connect.operator(false, settings, ui)?;
        let mut connector = Connector::new(self.connect.options(), &operator);
        Ok(Some(Needs::of_cluster(node, self.ports.ports(), &mut connector)?))
    }
}

/// A list in force, and what changes in it.
#[derive(Debug, Args)]
pub struct ChangesArgs {
    /// The list in force
    pub file: PathBuf,
    /// Add a token: a selector, or its certificate file
    #[arg(long, value_name = "SELECTOR|FILE")]
    pub add_token: Vec<String>,
    /// Remove a SAST record: its name (SAST-ADN…) or serial number
    #[arg(long, value_name = "NAME|SERIAL")]
    remove_token: Vec<String>,
    /// A renewed certificate: it replaces the one with the same subject, or the one at the address. With a function
    /// before the address (capf:10.1.2.3=new.pem) the subject may differ
    #[arg(long, value_name = "[ADDRESS=]CERT")]
    refresh: Vec<String>,
    #[command(flatten)]
    servers: ServerArgs,
}

impl ChangesArgs {
    /// The changes in their order, without new tokens.
    pub fn edits(&self) -> Result<Vec<Edit>, CommandError> {
        let removed = self.remove_token.iter().cloned().map(Edit::RemoveToken).map(Ok);
        let renewed = self.refresh.iter().map(|spec| read_renewed(spec));
        let mut edits = removed.chain(renewed).collect::<Result<Vec<_>, _>>()?;
        edits.extend(self.servers.edits()?);
        Ok(edits)
    }
}

pub fn update(args: &UpdateArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let ChangesArgs { file, add_token, .. } = &args.changes;
    let old = read_verified(file)?;
    let mut edits = args.changes.edits()?;
    let operator = args.needs.connect.operator(false, settings, ui)?;
    let needs = args.needs.read(settings, ui)?;
    let session = SigningSession::open(&settings.module_options(), settings.selector()?.as_ref(), &operator)?
        .for_list(&old);
    edits.extend(session.certificates(add_token, &operator)?.into_iter().map(Edit::AddToken));
    let signer = session.signer().certificate().clone();
    let request = args.signing.request(&signer)?;
    let needed = needs.map(|needs| needs.to_change(&old, &edits)).transpose()?.flatten();
    let plan = match &needed {
        Some(needed) => renew(&old, &request, needed, &edits)?,
        None => workflow::update(&old, &request, &edits)?,
    };
    let out = args.place.of(&args.signing, file, &plan.draft().file_name)?;
    let batch = Batch::Planned(vec![BatchFile::list(plan, out, Some((file, &old)))]);
    sign("ctl-update", &session, batch, &args.signing, (settings, ui))
}

/// Servers to add or remove, and the security mode.
#[derive(Debug, Args)]
pub struct ServerArgs {
    /// Add a server: FUNCTION:ADDRESS:CERTFILE (tftp:10.1.2.3:alt.pem; a firewall is ccm:…)
    #[arg(long, value_name = "SERVER")]
    add_server: Vec<String>,
    /// Remove the records of a server: its address, DNSNAME or name; capf:10.1.2.3 means the record of one function
    #[arg(long, value_name = "NAME|ADDRESS")]
    remove_server: Vec<String>,
    /// The cluster security mode of the list: mixed or non-secure
    #[arg(long, value_name = "MODE", hide_possible_values = true)]
    set_mode: Option<SecurityMode>,
}

impl ServerArgs {
    /// Whether nothing is to be changed.
    pub fn is_empty(&self) -> bool {
        self.add_server.is_empty() && self.remove_server.is_empty() && self.set_mode.is_none()
    }

    /// The changes in their order: removed servers, added servers, the mode.
    pub fn edits(&self) -> Result<Vec<Edit>, CommandError> {
        let removed = self.remove_server.iter().cloned().map(Edit::RemoveServer).map(Ok);
        let added = self.add_server.iter().map(|spec| add_server(spec));
        removed.chain(added).chain(self.set_mode.map(Edit::SetMode).map(Ok)).collect()
    }
}

fn add_server(spec: &str) -> Result<Edit, CommandError> {
    let wrong = |what: String| {
        CommandError::usage(format!("--add-server {spec}: {what}"))
            .hint("write FUNCTION:ADDRESS:CERTFILE, for example tftp:10.48.47.160:alternate.pem")
    };
    let mut parts = spec.splitn(3, ':');
    let (Some(function), Some(address), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(wrong("it must have three parts".to_owned()));
    };
    let function = parse_function(function).ok_or_else(|| wrong(format!("{function} is not a function")))?;
    let address = address.parse().map_err(|_| wrong(format!("{address} is not an IPv4 address")))?;
    let certificate = read_certificate(Path::new(path))?;
    Ok(Edit::AddServer(NewServer { function, address, certificate, host: None }))
}
