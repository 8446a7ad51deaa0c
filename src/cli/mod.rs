//! What people type and see: one file per command group. Prepares values, calls the layers below, prints.

mod arrange;
pub(crate) mod cert;
mod cert_enroll;
mod client;
mod cluster;
mod cluster_run;
mod complete;
pub(crate) mod ctl;
mod diagnose;
mod doctor;
mod exchange;
pub(crate) mod journal;
mod manual;
mod migrate;
pub(crate) mod operator;
mod phones;
pub(crate) mod pin;
mod profile;
mod renew;
mod revert;
mod settings;
pub(crate) mod signing;
mod start;
mod texts;
mod token;
mod token_admin;
mod topics;
mod version;

use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use clap::{Args as _, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

pub(crate) use client::ClientArgs;
pub(crate) use operator::TerminalOperator;
use settings::Color;
pub(crate) use settings::Settings;

use crate::system::process;
use crate::trustlist::printable_lines;
pub use crate::ui::next;
use crate::ui::{self, table_with_asides};
pub(crate) use crate::ui::{CommandError, ErrorKind, STATE, Ui, interrupt, printable, table};

/// Build, sign and check CTL files for Cisco CUCM, with eTokens or an HSM
#[derive(Debug, Parser)]
#[command(name = "sastctl", version, disable_help_subcommand = true)]
struct Cli {
    #[command(flatten)]
    global: Settings,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List and show tokens, change and unlock their PIN, erase them
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// List, show, export and make certificates on tokens
    #[command(subcommand)]
    Cert(cert::CertCommand),
    /// Show, verify, compare, make, change and sign trust list files
    #[command(subcommand)]
    Ctl(ctl::CtlCommand),
    Revert(Box<revert::RevertArgs>),
    Renew(Box<renew::RenewArgs>),
    Tokenless(Box<renew::TokenlessArgs>),
    #[command(subcommand)]
    Request(exchange::RequestCommand),
    Approve(exchange::ApproveArgs),
    SignRequest(exchange::SignRequestArgs),
    Apply(exchange::ApplyArgs),
    Ceremony(exchange::CeremonyArgs),
    Client(Box<ClientArgs>),
    /// Work with the nodes of a cluster: status, fetch, trust, publish, restart, console
    #[command(subcommand)]
    Cluster(cluster::ClusterCommand),
    /// List, show and test HSM profiles, which describe PKCS#11 modules
    #[command(subcommand)]
    Profile(profile::ProfileCommand),
    /// List phones, and check which of them hold a CTL
    #[command(subcommand)]
    Phones(phones::PhonesCommand),
    /// Plan how phones move from one cluster to another
    #[command(subcommand)]
    Migrate(migrate::MigrateCommand),
    Diagnose(Box<diagnose::DiagnoseArgs>),
    Doctor(doctor::DoctorArgs),
    /// Show what is inserted and what comes next, as sastctl alone does
    Start,
    /// List, show or verify the journals of runs
    #[command(subcommand)]
    Journal(journal::JournalCommand),
    /// Explain a command or a topic
    Help(manual::HelpArgs),
    /// Print what a shell loads for completions
    Completions(manual::CompletionsArgs),
    /// Write the man pages to a folder
    Man(manual::ManArgs),
}

/// Shows the windows of `client`.
pub(crate) type ShowWindows = fn(&ClientArgs, &Settings, &Ui) -> Result<(), CommandError>;

/// The whole command line, as a value; its help is as wide as the terminal.
pub fn command_line() -> clap::Command {
    arrange::arrange(Cli::command()).styles(ui::STYLES).term_width(ui::help_width())
}

/// Parses the arguments, does the work, prints errors, gives the exit code.
pub(crate) fn main(show_windows: ShowWindows) -> ExitCode {
    process::forbid_ptrace();
    if let Some(code) = complete::answer(command_line) {
        return leave(code);
    }
    Color::before_parsing().apply();
    let cli = match parse() {
        Ok(cli) => cli,
        Err(error) => return leave(refuse(error)),
    };
    let Settings { json, quiet, no_pager, .. } = cli.global;
    let bare = Ui { json, quiet, no_pager };
    let result = cli.global.load().and_then(|settings| {
        settings.color.unwrap_or_default().apply();
        log(settings.verbose);
        let ui = Ui { json: settings.json, quiet: settings.quiet, no_pager };
        run(cli.command.unwrap_or(Command::Start), show_windows, &settings, &ui)
    });
    leave(match result {
        Ok(()) => 0,
        Err(error) => {
            bare.error(&error);
            error.kind as u8
        }
    })
}

/// Parses what was typed by a description of the commands that it names. What this does not accept is parsed once more by the
/// whole command line, which help and errors show.
fn parse() -> Result<Cli, clap::Error> {
    let typed: Vec<_> = std::env::args_os().collect();
    let root = clap::Command::new("sastctl").version(env!("CARGO_PKG_VERSION")).disable_help_subcommand(true);
    let named = DESCRIBED.iter().filter(|(name, _)| typed.iter().any(|word| word == name));
    let named = named.map(|(name, describe)| describe(clap::Command::new(*name)));
    let named = Settings::augment_args(root).subcommands(named);
    let parsed = |mut line: clap::Command| {
        let parsed =
            line.try_get_matches_from_mut(&typed).and_then(|matches| Cli::from_arg_matches(&matches));
        // Its memory is not freed piece by piece: the process ends at once.
        std::mem::forget(line);
        parsed
    };
    parsed(named).or_else(|error| match error.kind() {
        clap::error::ErrorKind::DisplayVersion => Err(error),
        _ => parsed(command_line()),
    })
}

/// Describes a command, as the whole command line does.
type Describe = fn(clap::Command) -> clap::Command;

/// The commands that are typed often, by their names.
const DESCRIBED: [(&str, Describe); 19] = [
    ("token", group::<token::TokenCommand>),
    ("cert", group::<cert::CertCommand>),
    ("ctl", group::<ctl::CtlCommand>),
    ("revert", revert::RevertArgs::augment_args),
    ("renew", renew::RenewArgs::augment_args),
    ("tokenless", renew::TokenlessArgs::augment_args),
    ("request", group::<exchange::RequestCommand>),
    ("approve", exchange::ApproveArgs::augment_args),
    ("sign-request", exchange::SignRequestArgs::augment_args),
    ("apply", exchange::ApplyArgs::augment_args),
    ("ceremony", exchange::CeremonyArgs::augment_args),
    ("client", ClientArgs::augment_args),
    ("cluster", group::<cluster::ClusterCommand>),
    ("profile", group::<profile::ProfileCommand>),
    ("phones", group::<phones::PhonesCommand>),
    ("migrate", group::<migrate::MigrateCommand>),
    ("diagnose", diagnose::DiagnoseArgs::augment_args),
    ("doctor", doctor::DoctorArgs::augment_args),
    ("journal", group::<journal::JournalCommand>),
];

fn group<T: Subcommand>(command: clap::Command) -> clap::Command {
    T::augment_subcommands(command).subcommand_required(true).arg_required_else_help(true)
}

/// Prints help or the error of the command line, which repeats what was typed. Returns the exit code.
fn refuse(mut error: clap::Error) -> u8 {
    let shown = |value: &ContextValue| match value {
        ContextValue::String(text) => ContextValue::String(printable(text)),
        ContextValue::Strings(texts) => ContextValue::Strings(texts.iter().map(|t| printable(t)).collect()),
        ContextValue::StyledStrs(tips) => {
            ContextValue::StyledStrs(tips.iter().map(|tip| printable(&tip.to_string()).into()).collect())
        }
        other => other.clone(),
    };
    let words: Vec<_> = error.context().map(|(kind, value)| (kind, shown(value))).collect();
    for (kind, value) in words {
        error.insert(kind, value);
    }
    if error.get(ContextKind::Usage).is_some() {
        error.insert(ContextKind::Usage, ContextValue::StyledStr(usage()));
    }
    let (text, code) = (error.render(), u8::try_from(error.exit_code()).unwrap_or(2));
    let plain = text.to_string();
    let was_typed = |words: &[&str]| std::env::args_os().any(|a| words.iter().any(|word| a == *word));
    let ui = Ui { no_pager: was_typed(&["--no-pager"]), ..Ui::default() };
    if error.kind() == clap::error::ErrorKind::DisplayVersion && was_typed(&["-v", "-vv", "--verbose"]) {
        let _ = ui.print(&(plain + &version::details()));
    } else if !error.use_stderr() {
        let _ = ui.help(&text);
    } else if printable_lines(&plain) == plain {
        ui.refuse(&text);
    } else {
        ui.show(&plain);
    }
    code
}

/// The usage of the command that was typed. The one of the error names every option that has a value from the environment.
fn usage() -> clap::builder::StyledStr {
    let mut command = command_line();
    command.build();
    for word in std::env::args_os().skip(1) {
        if let Some(inner) = command.find_subcommand(word) {
            command = inner.clone();
        }
    }
    command.render_usage()
}

/// Ends the process at once. The exit handlers of libraries are not needed: they only free memory, which the kernel does anyway,
/// and all files are written and closed before.
fn leave(code: u8) -> ExitCode {
    let _ = std::io::Write::flush(&mut std::io::stdout());
    process::end(code)
}

fn run(
    command: Command,
    show_windows: ShowWindows,
    settings: &Settings,
    ui: &Ui,
) -> Result<(), CommandError> {
    match command {
        Command::Token(command) => token::run(command, settings, ui),
        Command::Cert(command) => cert::run(command, settings, ui),
        Command::Ctl(command) => ctl::run(command, settings, ui),
        Command::Revert(args) => revert::run(&args, settings, ui),
        Command::Renew(args) => renew::renew(&args, settings, ui),
        Command::Tokenless(args) => renew::tokenless(&args, settings, ui),
        Command::Request(command) => exchange::request(command, settings, ui),
        Command::Approve(args) => exchange::approve(&args, settings, ui),
        Command::SignRequest(args) => exchange::sign_request(&args, settings, ui),
        Command::Apply(args) => exchange::apply(&args, settings, ui),
        Command::Ceremony(args) => exchange::ceremony(&args, ui),
        Command::Cluster(command) => cluster::run(command, settings, ui),
        Command::Client(args) => show_windows(&args, settings, ui),
        Command::Diagnose(args) => diagnose::run(&args, settings, ui),
        Command::Doctor(args) => doctor::run(&args, settings, ui),
        Command::Start => start::run(settings, ui),
        Command::Phones(command) => phones::run(command, settings, ui),
        Command::Migrate(command) => migrate::run(command, settings, ui),
        Command::Profile(command) => profile::run(command, settings, ui),
        Command::Journal(command) => journal::run(command, ui),
        Command::Help(args) => manual::help(&args, command_line(), ui),
        Command::Completions(args) => manual::completions(&args, ui),
        Command::Man(args) => manual::man(&args, command_line(), ui),
    }
}

/// `-v`: our own calls by name and result; `-vv`: also the messages of libraries. Arguments of calls are never logged.
fn log(verbose: u8) {
    use tracing::level_filters::LevelFilter;
    if verbose == 0 {
        return;
    }
    let level = if verbose == 1 { LevelFilter::DEBUG } else { LevelFilter::TRACE };
    let subscriber = tracing_subscriber::fmt()
        // Messages of libraries may repeat text from the network.
        .with_writer(|| ui::Printable)
        .with_max_level(level)
        .without_time()
        .with_target(false);
    // Only this process has a subscriber, and only one.
    let _ = tracing::subscriber::set_global_default(subscriber.finish());
    if verbose > 1 {
        let _ = tracing_log::LogTracer::init();
    }
}
