//! `revert`: from a tokenless CTL to one signed by tokens.

use std::path::PathBuf;

use clap::Args;

use super::cluster_run::{NodeArgs, THE_RUN};
use super::ctl::ServerArgs;
use super::signing::{PlaceArgs, SigningArgs, sign};
use super::{CommandError, Settings, TerminalOperator, Ui, next};
use crate::workflow::cluster_run::RunOptions;
use crate::workflow::signing::{Batch, BatchFile, SigningSession};
use crate::workflow::{Release, Spell, read_verified, revert};

/// Change a tokenless CTL into one signed by tokens; the result is exactly what the CTL Client writes
#[derive(Debug, Args)]
#[command(override_usage = "sastctl revert [OPTIONS] <OLD>\n       sastctl revert [OPTIONS] --node <NODE>")]
pub struct RevertArgs {
    /// The tokenless CTL in force; with --node it is fetched instead
    #[arg(required_unless_present_any = WITH_NODE.split(' '), conflicts_with = "node")]
    old: Option<PathBuf>,
    #[command(flatten)]
    tokens: TokensArgs,
    #[command(flatten)]
    whole: NodeArgs,
    /// Continue with the answer to the request of the run (sastctl request revert --node); no token is needed
    #[arg(long, value_name = "FILE", requires = "resume", help_heading = THE_RUN,
        conflicts_with_all = ["spare", "single_token", "release", "dry_run", "journal_sign"])]
    answer: Option<PathBuf>,
    /// The file that records which answers were used [default: requests.ledger, next to the journals]
    #[arg(long, value_name = "FILE", requires = "answer", help_heading = THE_RUN)]
    ledger: Option<PathBuf>,
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    signing: SigningArgs,
}

/// The tokens and servers of the new list.
#[derive(Debug, Args)]
pub struct TokensArgs {
    /// A spare token, in addition to the one that signs (--token): a selector, or a certificate file; may be given
    /// several times
    #[arg(long, value_name = "SELECTOR|FILE")]
    pub spare: Vec<String>,
    /// Continue with a single token; if it is lost, no later list can be signed
    #[arg(long)]
    pub single_token: bool,
    /// The release of the cluster: from 11.5 on the ITLRecovery and CallManager SAST records stay [default: read from
    /// the CTL]
    #[arg(long, value_name = "RELEASE")]
    release: Option<String>,
    #[command(flatten)]
    pub servers: ServerArgs,
}

impl TokensArgs {
    /// The release that `--release` names.
    pub fn release(&self) -> Result<Option<Release>, CommandError> {
        let release = self.release.as_deref().map(str::parse::<Release>).transpose();
        release.map_err(|e| CommandError::usage(format!("--release {e}")))
    }
}

/// The options of a run on a cluster: with one of them, the node is missing, not the file.
pub const WITH_NODE: &str = "node bridge work resume rollback replication_is_ok nodes_reach_each_other backup_is_there \
     licence_is_there phones_have_it";

/// Refuses options that would have no effect with a file, or with a node.
pub fn check(
    command: &str,
    has_file: bool,
    tokens: &TokensArgs,
    whole: &NodeArgs,
) -> Result<Option<Release>, CommandError> {
    let usage = |what: String| CommandError::usage(what).detail("", "nothing was done");
    // The parser accepts them: the option that they require conflicts with the file.
    if let Some(option) = whole.not_for_a_file().filter(|_| has_file) {
        return Err(usage(format!("{option} needs --node, but a file was given"))
            .hint(format!("sastctl {command} --node PUBLISHER {option} …")));
    }
    if !has_file && !tokens.servers.is_empty() {
        return Err(usage(
            "with --node only the signer changes; servers and mode stay as they are".to_owned(),
        )
        .hint("after the run, change them with sastctl ctl update"));
    }
    tokens.release()
}

pub fn run(args: &RevertArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let release = check("revert", args.old.is_some(), &args.tokens, &args.whole)?;
    let (signing, whole) = (&args.signing, &args.whole);
    if let Some(node) = &whole.node {
        let in_place = args.place.in_place.then_some("--in-place");
        if let Some(option) = in_place.or(signing.not_for_a_node()) {
            return Err(CommandError::usage(format!("{option} cannot be used with --node"))
                .detail("", "nothing was done")
                .hint(
                    "--work DIR sets the folder of its files; the plan is shown and must be confirmed before \
                     the cluster changes",
                ));
        }
        let kind = whole.kind();
        let (token, order) =
            ((settings.module_options(), settings.selector()?), signing.order(kind.journal()));
        let options = RunOptions {
            upload: whole.store.options(),
            tvs: whole.tvs.options(),
            spares: &args.tokens.spare,
            single_token: args.tokens.single_token,
            answer: args.answer.as_deref().map(|path| (path, args.ledger.as_deref(), next::spell as Spell)),
            release,
            request: &|signer| Ok(signing.request(signer)?),
            ..RunOptions::new(kind, node, token, order)
        };
        return whole.run.carry_out(
            options,
            signing.operator(false, settings, ui),
            whole.phones_have_it,
            &[],
        );
    }
    // The parser accepts exactly one of them.
    let Some(path) = &args.old else { return Ok(()) };
    let old = read_verified(path)?;
    let operator = TerminalOperator::new(settings, ui);
    let session = SigningSession::open(&settings.module_options(), settings.selector()?.as_ref(), &operator)?;
    let spares = session.certificates(&args.tokens.spare, &operator)?;
    let signer = session.signer().certificate().clone();
    let request = args.signing.request(&signer)?;
    let edits = args.tokens.servers.edits()?;
    let plan = revert(&old, &request, &spares, release, args.tokens.single_token, &edits)?;
    let out = args.place.of(&args.signing, path, &plan.draft().file_name)?;
    let batch = Batch::Planned(vec![BatchFile::list(plan, out, Some((path, &old)))]);
    sign("revert", &session, batch, &args.signing, (settings, ui))
}
