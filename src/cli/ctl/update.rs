//! `ctl update`: changes to a list in force, signed by a token that is in it.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::super::error::{CommandError, ErrorKind};
use super::super::settings::Settings;
use super::super::signing::{BatchFile, Desk, SigningArgs, headline, in_force};
use super::super::ui::Ui;
use crate::workflow::cluster_file::parse_function;
use crate::workflow::{Edit, Mode, NewServer, update};

/// Change a list in force: tokens, servers, security mode, renewed certificates
#[derive(Debug, Args)]
pub struct UpdateArgs {
    /// The list in force
    file: PathBuf,
    /// Add a token: a selector, or its certificate file
    #[arg(long, value_name = "SELECTOR|FILE")]
    add_token: Vec<String>,
    /// Remove a SAST record, by name (SAST-ADN…) or serial number
    #[arg(long, value_name = "NAME|SERIAL")]
    remove_token: Vec<String>,
    /// Add a server, as FUNCTION:ADDRESS:CERTFILE (tftp:10.1.2.3:alt.pem; a firewall is ccm:…)
    #[arg(long, value_name = "FUNCTION:ADDRESS:CERTFILE")]
    add_server: Vec<String>,
    /// Remove the records of a server, by address, DNSNAME or name
    #[arg(long, value_name = "NAME|ADDRESS")]
    remove_server: Vec<String>,
    /// Set the cluster security mode
    #[arg(long, value_name = "MODE")]
    set_mode: Option<ModeArg>,
    /// A renewed certificate takes the place of the one with its subject, or of the one at an address
    #[arg(long, value_name = "[ADDRESS=]CERTFILE")]
    refresh: Vec<String>,
    #[command(flatten)]
    signing: SigningArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ModeArg {
    /// CCM+TFTP records carry certificates
    Mixed,
    /// CCM+TFTP records are emptied
    NonSecure,
}

pub fn run(args: &UpdateArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let old = in_force(&args.file)?;
    let mut edits = Vec::new();
    edits.extend(args.remove_token.iter().cloned().map(Edit::RemoveToken));
    edits.extend(args.remove_server.iter().cloned().map(Edit::RemoveServer));
    for spec in &args.refresh {
        edits.push(refresh(spec)?);
    }
    for spec in &args.add_server {
        edits.push(add_server(spec)?);
    }
    edits.extend(args.set_mode.map(|mode| {
        Edit::SetMode(match mode {
            ModeArg::Mixed => Mode::Mixed,
            ModeArg::NonSecure => Mode::NonSecure,
        })
    }));
    let desk = Desk::open(settings, ui)?;
    edits.extend(desk.certificates(&args.add_token)?.into_iter().map(Edit::AddToken));
    let signer = desk.signer().certificate().clone();
    let request = args.signing.request(&signer)?;
    let plan = update(&old, &request, &edits)?;
    let out = args.signing.out_or(|| args.file.clone());
    let mut file = BatchFile::list(headline(&args.file, &old), plan, out);
    file.replaces(&args.file, &old);
    desk.sign_plan("ctl-update", file, &args.signing, ui)
}

fn refresh(spec: &str) -> Result<Edit, CommandError> {
    let (address, path) = match spec.split_once('=') {
        Some((ip, path)) if ip.parse::<Ipv4Addr>().is_ok() => (ip.parse().ok(), path),
        _ => (None, spec),
    };
    let certificate = super::read_certificate(Path::new(path))?;
    Ok(Edit::Refresh { address, certificate })
}

fn add_server(spec: &str) -> Result<Edit, CommandError> {
    let wrong = |what: String| {
        CommandError::new(ErrorKind::Usage, format!("--add-server {spec}: {what}"))
            .hint("write FUNCTION:ADDRESS:CERTFILE, for example tftp:10.48.47.160:alternate.pem")
    };
    let mut parts = spec.splitn(3, ':');
    let (Some(function), Some(address), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(wrong("it has three parts".to_owned()));
    };
    let function = parse_function(function).ok_or_else(|| wrong(format!("{function} is not a function")))?;
    let address = address.parse().map_err(|_| wrong(format!("{address} is not an IPv4 address")))?;
    let certificate = super::read_certificate(Path::new(path))?;
    Ok(Edit::AddServer(NewServer { function, address, certificate, host: None }))
}
