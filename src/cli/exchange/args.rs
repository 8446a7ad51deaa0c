//! The options of `request …`, `approve`, `sign-request` and `apply`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::cluster_run::{NodeArgs, THE_RUN};
use crate::cli::ctl::{ChangesArgs, FirstListArgs, NeedsArgs};
use crate::cli::revert::{TokensArgs, WITH_NODE};
use crate::cli::signing::HowArgs;

/// Ask for a signature where no network goes: a file with the plan and all that it needs
#[derive(Debug, Subcommand)]
pub enum RequestCommand {
    Revert(Box<RevertRequestArgs>),
    /// Ask for changes to a list in force
    Update {
        #[command(flatten)]
        changes: ChangesArgs,
        #[command(flatten)]
        request: RequestArgs,
        #[command(flatten)]
        needs: Box<NeedsArgs>,
    },
    /// Ask for a first CTL or ITL
    Create {
        #[command(flatten)]
        first: FirstListArgs,
        #[command(flatten)]
        request: RequestArgs,
    },
    /// Ask to sign lists again, or to make .sgn files; many files in one request
    Sign {
        /// CTL, ITL and .sgn files to sign again, or configuration files that become NAME.sgn
        #[arg(required = true)]
        files: Vec<PathBuf>,
        #[command(flatten)]
        request: RequestArgs,
    },
}

/// Ask to change a tokenless CTL into one signed by tokens
#[derive(Debug, Args)]
#[command(
    override_usage = "sastctl request revert [OPTIONS] <OLD>\n       sastctl request revert [OPTIONS] --node <NODE>",
    mut_arg("rollback", |rollback| rollback.hide(true).conflicts_with("out"))
)]
pub struct RevertRequestArgs {
    /// The tokenless CTL in force; with --node it is fetched instead, and the run waits for the answer
    #[arg(required_unless_present_any = WITH_NODE.split(' '), conflicts_with = "node")]
    pub old: Option<PathBuf>,
    #[command(flatten)]
    pub tokens: TokensArgs,
    #[command(flatten)]
    pub request: RequestArgs,
    #[command(flatten)]
    pub whole: NodeArgs,
    /// Do not ask before certificates are put into Phone-SAST-trust
    #[arg(long, requires = "node", help_heading = THE_RUN)]
    pub yes: bool,
    /// The folder for the journal of the run
    #[arg(long, value_name = "DIR", env = "SASTCTL_JOURNAL", hide_env_values = true, help_heading = THE_RUN)]
    pub journal: Option<PathBuf>,
}

/// What every request has.
#[derive(Debug, Args)]
pub struct RequestArgs {
    /// The request to write; an existing file is kept as NAME.bak
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// For which cluster it is, in your words
    #[arg(long, value_name = "TEXT")]
    pub cluster_name: Option<String>,
    /// The number of the change
    #[arg(long, value_name = "TEXT", env = "SASTCTL_CHANGE", hide_env_values = true)]
    pub change: Option<String>,
    /// Refuse the request and its answer after so many days
    #[arg(long, value_name = "DAYS", default_value = "14", value_parser = clap::value_parser!(i64).range(1..=366))]
    pub valid: i64,
    /// So many people must approve it; more, if signers.toml on the other side says so
    #[arg(long, value_name = "N", default_value = "0", hide_default_value = true, value_parser = clap::value_parser!(u8).range(0..=64))]
    pub approvals: u8,
    #[command(flatten)]
    pub how: HowArgs,
}

/// Approve a request with your SSH key
#[derive(Debug, Args)]
pub struct ApproveArgs {
    /// The request; the approval is added to it
    pub request: PathBuf,
    /// Your SSH key; with the file of a public key ssh-agent signs
    #[arg(long, value_name = "FILE", required_unless_present = "merge")]
    pub key: Option<PathBuf>,
    /// Add the approvals of a copy of the request
    #[arg(long, value_name = "FILE")]
    pub merge: Option<PathBuf>,
    /// Do not ask before approving
    #[arg(long)]
    pub yes: bool,
}

/// Sign requests, without any network, and write the answers
#[derive(Debug, Args)]
pub struct SignRequestArgs {
    /// The requests, all for the same token. One that is refused stops no other
    #[arg(required = true, value_name = "REQUEST")]
    pub requests: Vec<PathBuf>,
    /// The answer to write; for several requests a folder [default: the name of each request, with .sastans]
    #[arg(long, value_name = "FILE|DIR")]
    pub out: Option<PathBuf>,
    /// Check the requests and show the plans; sign nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask before signing
    #[arg(long)]
    pub yes: bool,
    /// Use the last try of the token's PIN without asking
    #[arg(long)]
    pub allow_last_try: bool,
    /// The folder for the journal of the run
    #[arg(long, value_name = "DIR", env = "SASTCTL_JOURNAL", hide_env_values = true)]
    pub journal: Option<PathBuf>,
    /// Who may approve, and which token signs what [default: signers.toml, next to the configuration file]
    #[arg(long, value_name = "FILE", env = "SASTCTL_SIGNERS", hide_env_values = true)]
    pub signers: Option<PathBuf>,
    #[command(flatten)]
    pub ledger: LedgerArgs,
}

/// Where the ledger is.
#[derive(Debug, Args)]
pub struct LedgerArgs {
    /// The file that records which requests were signed and which answers were used [default: requests.ledger, next to
    /// the journals]
    #[arg(long, value_name = "FILE")]
    pub ledger: Option<PathBuf>,
}

/// Check the answer to a request, and write its signed files
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// The answer
    pub answer: PathBuf,
    /// The request, as it was written here
    #[arg(long, value_name = "FILE")]
    pub request: PathBuf,
    /// The file to write; for several files a folder. An existing file is kept as NAME.bak
    #[arg(long, value_name = "FILE|DIR")]
    pub out: PathBuf,
    #[command(flatten)]
    pub ledger: LedgerArgs,
}

/// Make the sheet of a signing ceremony: what to compare and to initial; with the answer, what happened
#[derive(Debug, Args)]
pub struct CeremonyArgs {
    /// The request
    pub request: PathBuf,
    /// The page to write; an existing file is kept as NAME.bak
    #[arg(long, value_name = "FILE")]
    pub html: PathBuf,
    /// The answer to the request: what happened is filled in
    #[arg(long, value_name = "FILE")]
    pub answer: Option<PathBuf>,
}
