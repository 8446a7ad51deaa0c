//! `ctl update`: changes to a list in force, signed by a token that is in it.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use clap::Args;

use super::super::error::CommandError;
use super::super::operator::TerminalOperator;
use super::super::settings::Settings;
use super::super::signing::{PlaceArgs, SigningArgs, sign};
use super::super::ui::Ui;
use super::ServerArgs;
use crate::workflow::cluster_file::parse_function;
use crate::workflow::signing::{Batch, BatchFile, SigningSession};
use crate::workflow::{Edit, read_certificate, read_verified, update};

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
    /// A renewed certificate: it replaces the one with the same subject, or the one at the address. With a function
    /// before the address (capf:10.1.2.3=new.pem) the subject may differ
    #[arg(long, value_name = "[[FUNCTION:]ADDRESS=]CERTFILE")]
    refresh: Vec<String>,
    #[command(flatten)]
    servers: ServerArgs,
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    signing: SigningArgs,
}

pub fn run(args: &UpdateArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let old = read_verified(&args.file)?;
    let mut edits = Vec::new();
    edits.extend(args.remove_token.iter().cloned().map(Edit::RemoveToken));
    for spec in &args.refresh {
        edits.push(refresh(spec)?);
    }
    edits.extend(args.servers.edits()?);
    let operator = TerminalOperator::new(settings, ui);
    let session = SigningSession::open(&settings.module_options(), settings.selector()?.as_ref(), &operator)?
        .for_list(&old);
    edits.extend(session.certificates(&args.add_token, &operator)?.into_iter().map(Edit::AddToken));
    let signer = session.signer().certificate().clone();
    let request = args.signing.request(&signer)?;
    let plan = update(&old, &request, &edits)?;
    let out = args.place.of(&args.signing, &args.file, &plan.draft().file_name)?;
    let batch = Batch::Planned(vec![BatchFile::list(plan, out, Some((&args.file, &old)))]);
    sign("ctl-update", &session, batch, &args.signing, (settings, ui))
}

fn refresh(spec: &str) -> Result<Edit, CommandError> {
    // `capf:10.1.2.3=new.pem`, `10.1.2.3=new.pem`, `new.pem`; a file's name may hold any of these signs.
    let at = |place: &str| {
        let (function, ip) = match place.split_once(':') {
            Some((function, ip)) => (Some(parse_function(function)?), ip),
            None => (None, place),
        };
        Some((function, ip.parse::<Ipv4Addr>().ok()?))
    };
    let placed = spec.split_once('=').and_then(|(place, path)| Some((at(place)?, path)));
    let (function, address, path) = match placed {
        Some(((function, ip), path)) => (function, Some(ip), path),
        None => (None, None, spec),
    };
    let certificate = read_certificate(Path::new(path))?;
    Ok(Edit::Refresh { function, address, certificate })
}
