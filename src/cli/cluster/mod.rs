//! `cluster …`: a cluster's nodes, one step at a time.

mod audit;
pub(super) mod connect;
mod console;
pub mod fetch;
pub mod publish;
mod status;
mod trust;

use clap::Subcommand;

pub use connect::ConnectArgs;
pub use fetch::PortArgs;
pub use trust::{StoreArgs, TvsArgs, TvsReach};

use super::{CommandError, Settings, Ui};

/// Work with the nodes of a cluster: status, audit, fetch, trust, publish, restart, console
#[derive(Debug, Subcommand)]
pub enum ClusterCommand {
    Status(Box<status::StatusArgs>),
    Audit(Box<audit::AuditArgs>),
    Fetch(Box<fetch::FetchArgs>),
    Trust(Box<trust::TrustArgs>),
    Publish(Box<publish::PublishCommand>),
    Restart(Box<publish::RestartArgs>),
    Console(Box<console::ConsoleArgs>),
}

pub fn run(command: ClusterCommand, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    match command {
        ClusterCommand::Status(args) => status::run(&args, settings, ui),
        ClusterCommand::Audit(args) => audit::run(&args, settings, ui),
        ClusterCommand::Fetch(args) => fetch::run(&args, settings, ui),
        ClusterCommand::Trust(args) => trust::run(&args, settings, ui),
        ClusterCommand::Publish(args) => publish::publish(&args, settings, ui),
        ClusterCommand::Restart(args) => publish::restart(&args, settings, ui),
        ClusterCommand::Console(args) => console::run(&args, settings, ui),
    }
}
