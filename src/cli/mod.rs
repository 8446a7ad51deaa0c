//! What people type and see: one file per command group. Prepares values, calls the layers below, prints.

mod error;
mod pin;
mod settings;
mod ui;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use error::{CommandError, ErrorKind};
use settings::{Color, GlobalArgs, Settings};
use ui::Ui;

/// Hardware-token trust lists for Cisco voice clusters.
#[derive(Debug, Parser)]
#[command(name = "sastctl", version, propagate_version = true, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {}

/// Runs the program: parses the arguments, does the work, prints errors, gives the exit code.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let bare = Ui::new(cli.global.json, cli.global.quiet);
    let result = Settings::load(cli.global).and_then(|settings| {
        colour(settings.color);
        let ui = Ui::new(settings.json, settings.quiet);
        run(cli.command, &settings, &ui)
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            bare.error(&error);
            ExitCode::from(error.kind().exit_code())
        }
    }
}

fn run(command: Command, _settings: &Settings, _ui: &Ui) -> Result<(), CommandError> {
    match command {}
}

fn colour(when: Color) {
    match when {
        Color::Auto => {}
        Color::Always => anstream::ColorChoice::Always.write_global(),
        Color::Never => anstream::ColorChoice::Never.write_global(),
    }
}
