//! `renew`: a new CTL after a change on the cluster. `tokenless`: from tokens to a CTL that the publisher signs.

use std::path::PathBuf;

use clap::Args;

use super::cluster_run::{CHECKED, RunArgs};
use super::signing::{JournalPlaceArgs, SigningArgs};
use super::{CommandError, Settings, TerminalOperator, Ui};
use crate::cluster::NodeAddress;
use crate::workflow::cluster_run::{RunKind, RunOptions};
use crate::workflow::{Unit, read_certificate};

/// Make and publish the CTL that a cluster needs after a change; a token of the CTL in force signs it
#[derive(Debug, Args)]
pub struct RenewArgs {
    /// The publisher: HOST or ssh://user@host
    #[arg(long, value_name = "NODE")]
    node: NodeAddress,
    /// Only print the plan for a renewal that is to come: of CallManager, CAPF, TVS or ITLRecovery; may be given several
    /// times
    #[arg(long, value_name = "UNIT", hide_possible_values = true)]
    before: Vec<Unit>,
    /// A certificate of a node that the database of the cluster does not show; may be given several times
    #[arg(long, value_name = "FILE")]
    certificate: Vec<PathBuf>,
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    signing: SigningArgs,
}

pub fn renew(args: &RenewArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let signing = &args.signing;
    if let Some(option) = signing.not_for_a_node() {
        return Err(CommandError::usage(format!("{option} cannot be used with renew"))
            .hint("--work DIR sets the folder of its files"));
    }
    let (token, order) =
        ((settings.module_options(), settings.selector()?), signing.order(RunKind::Renew.journal()));
    let options = RunOptions {
        certificates: args.certificate.iter().map(|path| read_certificate(path)).collect::<Result<_, _>>()?,
        request: &|signer| Ok(signing.request(signer)?),
        ..RunOptions::new(RunKind::Renew, &args.node, token, order)
    };
    args.run.carry_out(options, signing.operator(false, settings, ui), false, &args.before)
}

/// Change a CTL signed by tokens into a tokenless one; the publisher makes and signs it
#[derive(Debug, Args)]
pub struct TokenlessArgs {
    /// The publisher: HOST or ssh://user@host
    #[arg(long, value_name = "NODE")]
    node: NodeAddress,
    /// Check, and show what the run would do; change nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    run: RunArgs,
    /// Every phone has the CTL in force
    #[arg(long, help_heading = CHECKED)]
    phones_have_it: bool,
    #[command(flatten)]
    journal: JournalPlaceArgs,
}

pub fn tokenless(args: &TokenlessArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let order = args.journal.order(RunKind::Tokenless.journal(), args.dry_run);
    let token = (settings.module_options(), None);
    let options = RunOptions::new(RunKind::Tokenless, &args.node, token, order);
    let operator = TerminalOperator { yes: args.yes, ..TerminalOperator::new(settings, ui) };
    args.run.carry_out(options, operator, args.phones_have_it, &[])
}
