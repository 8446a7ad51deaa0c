//! `ctl …`: the trust list files.

mod change;
pub(crate) mod check;
mod show;
mod sign;
mod verify;
pub mod ways;

pub(super) use change::{ChangesArgs, FirstListArgs, NeedsArgs, ServerArgs};

use clap::Subcommand;

use super::{CommandError, Settings, Ui};

/// Show, verify, compare, make, change and sign trust list files
#[derive(Debug, Subcommand)]
pub enum CtlCommand {
    Show(show::ShowArgs),
    Verify(verify::VerifyArgs),
    Diff(show::DiffArgs),
    Check(Box<check::CheckArgs>),
    Ways(ways::WaysArgs),
    Create(Box<change::CreateArgs>),
    Update(Box<change::UpdateArgs>),
    Sign(Box<sign::SignArgs>),
}

pub fn run(command: CtlCommand, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    match command {
        CtlCommand::Show(args) => show::show(&args, ui),
        CtlCommand::Verify(args) => verify::run(&args, ui),
        CtlCommand::Diff(args) => show::diff(&args, ui),
        CtlCommand::Check(args) => check::run(&args, settings, ui),
        CtlCommand::Ways(args) => ways::run(&args, ui),
        CtlCommand::Create(args) => change::create(&args, settings, ui),
        CtlCommand::Update(args) => change::update(&args, settings, ui),
        CtlCommand::Sign(args) => sign::run(&args, settings, ui),
    }
}
