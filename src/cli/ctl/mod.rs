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

pub(super) use servers::ServerArgs;

use clap::Subcommand;

use super::error::CommandError;
use super::settings::Settings;
use super::ui::Ui;

/// Show, verify, compare, make, change and sign trust list files
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
        CtlCommand::Check(args) => check::run(&args, settings, ui),
        CtlCommand::Ways(args) => ways::run(&args, ui),
        CtlCommand::Create(args) => create::run(&args, settings, ui),
        CtlCommand::Update(args) => update::run(&args, settings, ui),
        CtlCommand::Sign(args) => sign::run(&args, settings, ui),
    }
}
