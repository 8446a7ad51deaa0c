//! `ctl …`: the trust list files.

mod check;
mod create;
mod diff;
mod servers;
mod show;
mod sign;
mod update;
mod verify;
mod ways;

use std::path::Path;

pub(super) use create::{ReadCluster, read_cluster};
pub(super) use servers::ServerArgs;

use clap::Subcommand;

use super::error::CommandError;
use super::settings::Settings;
use super::ui::Ui;
use crate::files;
use crate::trustlist::{Certificate, MAX_FILE_BYTES, TrustFile, TrustList};

/// Trust list files: show, verify, compare, make, change and sign them
#[derive(Debug, Subcommand)]
pub enum CtlCommand {
    Show(show::ShowArgs),
    Verify(verify::VerifyArgs),
    Diff(diff::DiffArgs),
    Check(Box<check::CheckArgs>),
    Ways(ways::WaysArgs),
    Create(Box<create::CreateArgs>),
    Update(Box<update::UpdateArgs>),
    Sign(Box<sign::SignArgs>),
}

/// Runs one of them.
pub fn run(command: CtlCommand, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    match command {
        CtlCommand::Show(args) => show::run(&args, ui),
        CtlCommand::Verify(args) => verify::run(&args, ui),
        CtlCommand::Diff(args) => diff::run(&args, ui),
        CtlCommand::Check(args) => check::run(&args, ui),
        CtlCommand::Ways(args) => ways::run(&args, ui),
        CtlCommand::Create(args) => create::run(&args, settings, ui),
        CtlCommand::Update(args) => update::run(&args, settings, ui),
        CtlCommand::Sign(args) => sign::run(&args, settings, ui),
    }
}

/// How a file is called in messages.
pub(super) fn display_name(path: &Path) -> String {
    if path.as_os_str() == "-" { "standard input".to_owned() } else { path.display().to_string() }
}

/// Reads and decodes a CTL, ITL or .sgn file; `-` is standard input.
pub(super) fn read_file(path: &Path) -> Result<TrustFile, CommandError> {
    let bytes = files::read_limited(path, MAX_FILE_BYTES)?;
    TrustFile::decode(bytes).map_err(|e| CommandError::decode(&display_name(path), &e))
}

/// Reads and decodes a CTL or ITL file.
pub(super) fn read_list(path: &Path) -> Result<TrustList, CommandError> {
    match read_file(path)? {
        TrustFile::List(list) => Ok(list),
        TrustFile::Signed(signed) => {
            let error = crate::trustlist::DecodeError::NotAList { file_name: signed.header().file_name() };
            Err(CommandError::decode(&display_name(path), &error))
        }
    }
}

/// Reads a certificate file, DER or PEM.
pub(super) fn read_certificate(path: &Path) -> Result<Certificate, CommandError> {
    let bytes = files::read_limited(path, MAX_FILE_BYTES)?;
    Certificate::from_file_bytes(&bytes).map_err(|e| CommandError::certificate(&display_name(path), &e))
}
