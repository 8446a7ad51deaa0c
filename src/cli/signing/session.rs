//! The token that signs, and the way from plans to files.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::super::error::{CommandError, ErrorKind};
use super::super::operator::TerminalOperator;
use super::super::settings::{Settings, selector};
use super::super::ui::{Ui, printable};
use super::args::SigningArgs;
use super::batch::{Batch, BatchFile, PlanOutput, ShownPlans, numbered};
use super::pipeline::sign_all;
use super::signed::{ConfirmedFile, WrittenJson};
use crate::files::{self, FileError};
use crate::token::{Module, Sast, Selector, TokenContents, TokenError, TokenSigner};
use crate::trustlist::{Certificate, VerifiedList};
use crate::workflow::journal::{Journal, JournalSignError};
use crate::workflow::{can_be_inserted, pin_for, read_certificate, wait_for, with_login};

/// Plans that are made at a time, side by side.
const AT_A_TIME: usize = 8;
const DRY_RUN: &str = "Dry run: nothing was signed and nothing was written.";

/// Many files that are signed with one login.
pub struct BatchSource<'a> {
    /// The command, as the journal's name has it.
    pub what: &'static str,
    /// The files.
    pub paths: &'a [PathBuf],
    /// Reads a file and plans what is done with it; always the same for the same file.
    pub plan: &'a (dyn Fn(&PathBuf) -> Result<BatchFile, CommandError> + Sync),
}

/// The module and the token that will sign.
pub struct SigningSession<'a> {
    module: Module,
    /// What was on the tokens when they were looked at.
    seen: Vec<TokenContents>,
    sast: Sast,
    settings: &'a Settings,
}

/// What was signed and written.
pub struct Signed {
    /// The files, in their order.
    pub written: Vec<WrittenJson>,
    /// Where the journal lies.
    pub journal: std::path::PathBuf,
}

impl<'a> SigningSession<'a> {
    /// Loads the module and finds the token that `--token` names; no PIN yet.
    pub fn open(settings: &'a Settings, ui: &Ui) -> Result<Self, CommandError> {
        Self::find(settings, ui, true)
    }

    /// The same for a command that needs no other token: the others are looked at only as far as it takes.
    pub fn open_for_one(settings: &'a Settings, ui: &Ui) -> Result<Self, CommandError> {
        Self::find(settings, ui, false)
    }

    fn find(settings: &'a Settings, ui: &Ui, all: bool) -> Result<Self, CommandError> {
        let selector = settings.selector()?;
        let selector = selector.as_ref();
        let module = settings.module_options().open()?;
        let seen = if all { module.contents()? } else { vec![] };
        let found = if all { module.find_among(seen.clone(), selector) } else { module.find(selector) };
        let found = found.and_then(|c| c.sast(selector));
        let sast = after_login_or_wait(&module, found, selector, settings, ui)?;
        Ok(SigningSession { module, seen, sast, settings })
    }

    /// With a module that is open and a token that was chosen already.
    pub fn with(module: Module, sast: Sast, settings: &'a Settings) -> Self {
        SigningSession { module, seen: vec![], sast, settings }
    }

    /// The same with the certificate that this list knows, where the token has several of one key.
    pub fn for_list(mut self, list: &VerifiedList) -> Self {
        self.sast = self.sast.known_by(|c| list.list().sasts().any(|record| record.is_of(c)));
        self
    }

    /// The token that will sign.
    pub fn signer(&self) -> &Sast {
        &self.sast
    }

    /// Certificates of further tokens: inserted ones by selector, others by their certificate file.
    /// On a terminal, those that are not inserted are waited for.
    pub fn certificates(&self, names: &[String], ui: &Ui) -> Result<Vec<Certificate>, CommandError> {
        names
            .iter()
            .map(|name| {
                if Path::new(name).is_file() {
                    return Ok(read_certificate(Path::new(name))?);
                }
                let selector = selector(name)?;
                let seen = self.seen.clone();
                let found =
                    self.module.find_among(seen, Some(&selector)).and_then(|c| c.sast(Some(&selector)));
                Ok(or_wait(&self.module, found, Some(&selector), self.settings, ui)?.certificate().clone())
            })
            .collect()
    }

    /// Shows one plan, asks, signs and writes. `what` names the command in the journal.
    pub fn sign_plan(
        self,
        what: &'static str,
        file: BatchFile,
        args: &SigningArgs,
        ui: &Ui,
    ) -> Result<(), CommandError> {
        self.sign_batch(Batch { what, files: vec![file] }, args, ui)
    }

    /// Shows the plans, asks once, logs in once, signs and writes file after file.
    pub fn sign_batch(self, batch: Batch, args: &SigningArgs, ui: &Ui) -> Result<(), CommandError> {
        let to_output = batch.files.iter().any(|f| f.out().as_os_str() == "-");
        let say = PlanOutput { ui, to_stderr: to_output && !args.is_dry_run() };
        let mut outs = HashSet::new();
        batch.files.iter().try_for_each(|file| check_place(&mut outs, file.out()))?;
        let shown = show(&batch, asks(args, ui), &say)?;
        check_digest(&shown, args)?;
        // Of a thousand files it is large: made where it is asked for.
        let plans = ui.is_json().then(|| batch.files.iter().map(|f| f.json(&self.sast)).collect::<Vec<_>>());
        if args.is_dry_run() {
            if !ui.is_json() {
                for file in &batch.files {
                    say.text(&file.dry_run_text())?;
                }
                return say.text(DRY_RUN);
            }
            return ui.print_json(&serde_json::json!({ "dry_run": true, "plans": plans, "written": [] }));
        }
        self.ask(&shown, args, ui)?;
        let signed = self.sign_shown(batch, shown, args, &say)?;
        if ui.is_json() && !say.to_stderr {
            let journal = signed.journal.display().to_string();
            let document = serde_json::json!({
                "dry_run": false, "plans": plans, "written": signed.written, "journal": journal,
            });
            ui.print_json(&document)?;
        }
        Ok(())
    }

    /// Many files, each read when its turn comes: a thousand take no more memory than a few. Shows their plans, asks once,
    /// logs in once. A file that is another one when its turn comes to be signed is refused.
    pub fn sign_many(&self, many: &BatchSource<'_>, args: &SigningArgs, ui: &Ui) -> Result<(), CommandError> {
        let say = PlanOutput { ui, to_stderr: false };
        let (shown, by_hand) = show_many(many, args, &say)?;
        check_digest(&shown, args)?;
        if args.is_dry_run() {
            say.text(&format!("Plan digest of all {}: {}", many.paths.len(), shown.digest()))?;
            return say.text(DRY_RUN);
        }
        self.ask(&shown, args, ui)?;
        let files = many.paths.iter().zip(shown.each()).map(|(path, digest)| {
            let file = (many.plan)(path)?;
            let path = file.out().to_owned();
            file.confirm(digest).map_err(|_| FileError::SourceChanged { path }.into())
        });
        self.sign_confirmed(many.what, (many.paths.len(), files), &by_hand, args, false, &say).map(drop)
    }

    /// Asks before anything is signed, and says which files will be written.
    pub fn ask(&self, shown: &ShownPlans, args: &SigningArgs, ui: &Ui) -> Result<(), CommandError> {
        let (token, name, does) =
            (self.sast.token(), self.sast.certificate().sast_name(), shown.will_write());
        let question = format!("Sign with {name} on \"{}\" ({}), and {does}?", token.label(), token.serial());
        if ui.agrees(args.yes(), &printable(&question))? {
            return Ok(());
        }
        Err(CommandError::new(ErrorKind::Interrupted, "not signed; nothing was written"))
    }

    /// Shows the plans before a cluster changes, wherever standard output goes; from here on these, and no others, may be
    /// carried out.
    pub fn show(&self, batch: &Batch, say: &PlanOutput<'_>) -> Result<ShownPlans, CommandError> {
        show(batch, true, say)
    }

    fn with_login<T>(
        &self,
        args: &SigningArgs,
        say: &PlanOutput<'_>,
        work: impl FnOnce(&mut TokenSigner<'_>) -> Result<T, CommandError>,
    ) -> Result<T, CommandError> {
        let operator = TerminalOperator {
            allow_last_try: args.allow_last_try,
            ..TerminalOperator::new(self.settings, say.ui)
        };
        with_login(&self.module, &self.sast, &operator, work)
    }

    /// The same as a step of a longer run, into its journal.
    pub fn sign_into(
        self,
        batch: Batch,
        shown: ShownPlans,
        log: &mut Journal,
        args: &SigningArgs,
        say: &PlanOutput<'_>,
    ) -> Result<(), CommandError> {
        let confirmed = batch.confirm(shown)?;
        self.with_login(args, say, |signer| {
            log.token(&self.sast)?;
            sign_all(confirmed.len(), confirmed.into_iter().map(Ok), signer, log, say, false)?;
            if args.journal_sign { sign_log(log, signer) } else { Ok(()) }
        })
    }

    /// Carries out plans that were shown and agreed to: one login, a journal, file after file.
    pub fn sign_shown(
        self,
        batch: Batch,
        shown: ShownPlans,
        args: &SigningArgs,
        say: &PlanOutput<'_>,
    ) -> Result<Signed, CommandError> {
        let what = batch.what;
        let by_hand = batch.files.first().map(|f| f.by_hand().to_vec()).unwrap_or_default();
        let confirmed = batch.confirm(shown)?;
        let files = (confirmed.len(), confirmed.into_iter().map(Ok));
        self.sign_confirmed(what, files, &by_hand, args, true, say)
    }

    /// One login, a journal, the files in their order, and what is left to do.
    fn sign_confirmed(
        &self,
        what: &str,
        (count, files): (usize, impl Iterator<Item = Result<ConfirmedFile, CommandError>> + Send),
        by_hand: &[String],
        args: &SigningArgs,
        keep: bool,
        say: &PlanOutput<'_>,
    ) -> Result<Signed, CommandError> {
        let signed = self.with_login(args, say, |signer| {
            let mut log = Journal::begin(args.journal_folder(), what)?;
            log.token(&self.sast)?;
            let result = sign_all(count, files, signer, &mut log, say, keep);
            let ended = log.end(result.as_ref().err().map(CommandError::outcome));
            let proof = if args.journal_sign && ended.is_ok() { sign_log(&log, signer) } else { Ok(()) };
            let (written, journal) = (result?, ended?);
            proof.map(|()| Signed { written, journal })
        })?;
        say.ui.note(&format!("Journal: {}", signed.journal.display()));
        if !by_hand.is_empty() {
            say.ui.note(&format!("Left to do by hand:\n{}", numbered(by_hand)));
        }
        Ok(signed)
    }
}

fn sign_log(log: &Journal, signer: &mut TokenSigner<'_>) -> Result<(), CommandError> {
    let e = match log.sign(signer) {
        Ok(()) => return Ok(()),
        Err(JournalSignError::Signer(e)) => CommandError::from(e),
        Err(JournalSignError::File(e)) => e.into(),
    };
    Err(e.detail("", "the files were written; the journal is not signed"))
}

/// Whether the operator is asked before anything is signed.
fn asks(args: &SigningArgs, ui: &Ui) -> bool {
    !args.yes() && !args.is_dry_run() && ui.can_ask()
}

fn show(batch: &Batch, asked: bool, say: &PlanOutput<'_>) -> Result<ShownPlans, CommandError> {
    let show = |file: &BatchFile| {
        say.plan(file, &file.plan_text(), asked)?;
        file.warnings().iter().for_each(|warning| say.ui.warn(warning));
        Ok((file.digest(), file.out().to_owned()))
    };
    Ok(ShownPlans::of(batch.files.iter().map(show).collect::<Result<_, CommandError>>()?))
}

/// The token that was looked for. Where it shows no certificate, it is asked again behind the login that signing needs anyway.
fn after_login_or_wait(
    module: &Module,
    found: Result<Sast, TokenError>,
    selector: Option<&Selector>,
    settings: &Settings,
    ui: &Ui,
) -> Result<Sast, CommandError> {
    let hides = match &found {
        Err(TokenError::NoCertificate { .. } | TokenError::NoMatch { .. }) => {
            module.token_without_certificates(selector)?
        }
        _ => None,
    };
    let Some(token) = hides else { return or_wait(module, found, selector, settings, ui) };
    let pin = pin_for(module, &token, &TerminalOperator::new(settings, ui)).map_err(|e| {
        CommandError::from(e)
            .hint("the token shows no certificate without its PIN: objects may be hidden until the login")
    })?;
    Ok(module.contents_after_login(token, pin)?.sast(selector)?)
}

/// The token that was looked for; one that is not there is waited for where somebody can put it in.
fn or_wait(
    module: &Module,
    found: Result<Sast, TokenError>,
    selector: Option<&Selector>,
    settings: &Settings,
    ui: &Ui,
) -> Result<Sast, CommandError> {
    match found {
        Err(e) if can_be_inserted(&e) && ui.can_ask() => {
            let name = selector.map_or_else(|| "that signs".to_owned(), ToString::to_string);
            let operator = TerminalOperator::new(settings, ui);
            Ok(wait_for(module, &operator, &name, |present| {
                module.find_among(present.to_vec(), selector)?.sast(selector)
            })?)
        }
        other => Ok(other?),
    }
}

/// Prints the plans, some at a time, and keeps what identifies them; and what is left to do by hand after the first.
fn show_many(
    many: &BatchSource<'_>,
    args: &SigningArgs,
    say: &PlanOutput<'_>,
) -> Result<(ShownPlans, Vec<String>), CommandError> {
    let asked = asks(args, say.ui);
    let read = |path: &PathBuf| {
        let file = (many.plan)(path)?;
        Ok::<_, CommandError>((file.plan_text(), file.digest(), file))
    };
    let (mut outs, mut warned, mut by_hand) = (HashSet::new(), HashSet::new(), None);
    let mut shown = Vec::with_capacity(many.paths.len());
    for some in many.paths.chunks(AT_A_TIME) {
        let planned: Vec<_> = some.par_iter().map(read).collect();
        for planned in planned {
            let (text, digest, file) = planned?;
            check_place(&mut outs, file.out())?;
            say.plan(&file, &text, asked)?;
            if args.is_dry_run() {
                say.text(&file.dry_run_text())?;
            }
            // What holds for all of them is said once.
            let new = file.warnings().iter().filter(|warning| warned.insert((*warning).clone()));
            new.for_each(|warning| say.ui.warn(warning));
            by_hand.get_or_insert_with(|| file.by_hand().to_vec());
            shown.push((digest, file.out().to_owned()));
        }
    }
    Ok((ShownPlans::of(shown), by_hand.unwrap_or_default()))
}

/// No result may take the place of what is no file, and no two may be the same file: one would replace the other.
fn check_place(outs: &mut HashSet<PathBuf>, out: &Path) -> Result<(), CommandError> {
    if out.as_os_str() != "-" {
        files::check_place(out)
            .map_err(|e| CommandError::from(e).detail("", "nothing was signed and nothing was written"))?;
    }
    if outs.insert(files::resolve(out)) {
        return Ok(());
    }
    Err(CommandError::new(ErrorKind::Usage, format!("two files would be written as {}", out.display()))
        .detail("", "nothing was signed and nothing was written")
        .hint("sign them in two runs, each with its own --out"))
}

/// Whether what was shown is what `--plan-digest` names, where it names a plan.
pub fn check_digest(shown: &ShownPlans, args: &SigningArgs) -> Result<(), CommandError> {
    let Some(wanted) = args.plan_digest else { return Ok(()) };
    let there_is = shown.digest();
    if wanted == there_is {
        return Ok(());
    }
    Err(CommandError::new(ErrorKind::No, "this is not the plan that --plan-digest names")
        .detail("wanted", wanted.to_string())
        .detail("plan", there_is.to_string())
        .detail("", "nothing was written")
        .hint("run with --dry-run and compare; the time that the file states is part of a plan: --timestamp"))
}
