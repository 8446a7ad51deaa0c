//! `cluster trust`, and the options of everything that uploads certificates and asks TVS.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::super::operator::TVS_NOT_ASKED;
use super::connect::ConnectArgs;
use super::fetch::PortArgs;
use crate::cli::{CommandError, Settings, Ui};
use crate::cluster::http::TlsTrust;
use crate::cluster::{Connector, NodeAddress};
use crate::phone::tvs::Ask;
use crate::workflow::read_certificate;
use crate::workflow::trust::{Trusted, TvsOptions, UploadMethod, UploadOptions, trust};

/// Upload certificates as Phone-SAST-trust, and wait until TVS knows them
#[derive(Debug, Args)]
pub struct TrustArgs {
    /// The certificates
    #[arg(required = true)]
    certificates: Vec<PathBuf>,
    /// The publisher: HOST, ssh://user@host, serial:/dev/ttyUSB0?baud=9600 or serial:COM3
    #[arg(long)]
    node: NodeAddress,
    /// Do not ask before the node is changed
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    tvs: TvsArgs,
    #[command(flatten)]
    ports: PortArgs,
    #[command(flatten)]
    connect: ConnectArgs,
}

/// How certificates get into a trust store.
#[derive(Debug, Clone, Args)]
pub struct StoreArgs {
    /// How to upload: rest (release 14 and later), cli, or hand (on the web page) [default: depends on the release]
    #[arg(long, value_enum)]
    by: Option<UploadMethod>,
    /// TCP port of OS Administration
    #[arg(long, value_name = "PORT", default_value_t = 443)]
    https_port: u16,
    /// SHA-256 of the node's web certificate; the certificate is compared with it, no authority is needed
    #[arg(long, value_name = "SHA256")]
    tls_fingerprint: Option<String>,
}

impl StoreArgs {
    pub fn options(&self) -> UploadOptions {
        let tls = self.tls_fingerprint.clone().map_or(TlsTrust::System, TlsTrust::Fingerprint);
        UploadOptions { method: self.by, https_port: self.https_port, tls }
    }
}

/// Where TVS is, and whether it is asked.
#[derive(Debug, Clone, Args)]
pub struct TvsReach {
    /// TCP port of TVS
    #[arg(long, value_name = "PORT", default_value_t = 2445)]
    tvs_port: u16,
    /// Do not ask TVS; the result is then unproved
    #[arg(long)]
    pub no_tvs: bool,
    /// Use TLS 1.0 with TVS and accept weak keys, for nodes of the 7900 era
    #[arg(long)]
    legacy_tls: bool,
}

/// How TVS is asked whether an upload worked.
#[derive(Debug, Clone, Args)]
pub struct TvsArgs {
    #[command(flatten)]
    pub reach: TvsReach,
    /// How to ask TVS
    #[arg(long, value_enum, value_name = "AS", default_value_t = Ask::Query)]
    tvs_ask: Ask,
    /// How long to wait until TVS knows an uploaded certificate
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    tvs_wait: u64,
}

impl TvsReach {
    pub fn options(&self) -> Option<TvsOptions> {
        let (port, legacy) = (self.tvs_port, self.legacy_tls);
        (!self.no_tvs).then_some(TvsOptions { port, legacy, ask: Ask::Query, wait: Duration::ZERO })
    }
}

impl TvsArgs {
    /// How TVS is asked about a certificate; `None` if it is not asked.
    pub fn options(&self) -> Option<TvsOptions> {
        let wait = Duration::from_secs(self.tvs_wait);
        Some(TvsOptions { ask: self.tvs_ask, wait, ..self.reach.options()? })
    }
}

pub fn run(args: &TrustArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let certificates =
        args.certificates.iter().map(|p| read_certificate(p)).collect::<Result<Vec<_>, _>>()?;
    let operator = args.connect.operator(args.yes, settings, ui)?;
    let mut connector = Connector::new(args.connect.options(), &operator);
    let tvs = args.tvs.options();
    let tvs = (tvs.as_ref(), args.ports.ports());
    let trusted = trust(&args.node, &certificates, &args.store.options(), tvs, &mut connector, &operator)?;
    if ui.json {
        let document = |trusted: &Trusted| {
            json!({
                "certificate": trusted.certificate, "by": format!("{:?}", trusted.by).to_lowercase(),
                "says": trusted.proof.as_deref().unwrap_or(TVS_NOT_ASKED), "proved": trusted.proof.is_some(),
            })
        };
        let documents: Vec<_> = trusted.iter().map(document).collect();
        ui.print_json("cluster-trust", &json!({ "trusted": documents }))?;
    }
    Ok(())
}
