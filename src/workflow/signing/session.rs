//! The token that signs, and the way from plans to files.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::batch::{BatchFile, ConfirmedFile, ShownPlans, WillWrite};
use super::pipeline::sign_all;
use crate::files::FileError;
use crate::token::{Module, Sast, Selector, TokenContents, TokenError, TokenSigner};
use crate::trustlist::{Certificate, VerifiedList};
use crate::workflow::journal::Journal;
use crate::workflow::{
    ModuleOptions, Operator, PlanDigest, Question, View, WorkError, can_be_inserted, pin_for,
    read_certificate, wait_for, with_login,
};

/// The number of plans that are made in parallel.
const AT_A_TIME: usize = 8;

/// Files that are signed with one login, in their order.
#[allow(missing_docs, reason = "the names say what each is")]
pub enum Batch<'a> {
    Planned(Vec<BatchFile>),
    /// Each file is read shortly before it is signed, so that a thousand need no more memory than a few. A file that
    /// changed since its plan was shown is refused.
    Files {
        paths: &'a [PathBuf],
        /// Reads a file and makes its plan; the same file always gives the same plan.
        plan: &'a (dyn Fn(&Path) -> Result<BatchFile, WorkError> + Sync),
    },
}

/// How the plans of the command `what` are carried out.
#[allow(missing_docs, reason = "the fields are called by what they are")]
#[derive(Debug, Clone, Copy)]
pub struct SigningOrder<'a> {
    pub what: &'static str,
    pub dry_run: bool,
    pub plan_digest: Option<PlanDigest>,
    pub journal: Option<&'a Path>,
    pub change: Option<&'a str>,
    pub sign_journal: bool,
}

/// The result of a run that signed: its journal, and what is left to do by hand.
#[allow(missing_docs, reason = "the fields are called by what they are")]
pub struct Signed {
    pub journal: PathBuf,
    pub by_hand: Vec<String>,
}

/// The module and the token that will sign.
pub struct SigningSession {
    module: Module,
    /// The contents of the tokens when they were read.
    seen: Vec<TokenContents>,
    sast: Sast,
}

impl SigningSession {
    /// Loads the module and finds the selected token; needs no PIN.
    pub fn open(
        options: &ModuleOptions,
        selector: Option<&Selector>,
        operator: &dyn Operator,
    ) -> Result<Self, WorkError> {
        let module = options.open()?;
        let seen = module.contents()?;
        let sast = sast(&module, module.find_among(seen.clone(), selector), selector, operator)?;
        Ok(SigningSession { module, seen, sast })
    }

    /// The same for a command that needs no other token: the others are read only as far as necessary.
    pub fn open_for_one(
        options: &ModuleOptions,
        selector: Option<&Selector>,
        operator: &dyn Operator,
    ) -> Result<Self, WorkError> {
        let module = options.open()?;
        let sast = sast(&module, module.find(selector), selector, operator)?;
        Ok(Self::with(module, sast))
    }

    /// With an open module and a token that was already chosen.
    fn with(module: Module, sast: Sast) -> Self {
        SigningSession { module, seen: vec![], sast }
    }

    /// Selects the certificate that is in this list, if the token has several for one key.
    #[must_use]
    pub fn for_list(mut self, list: &VerifiedList) -> Self {
        self.sast = self.sast.known_by(|c| list.list().sasts().any(|record| record.is_of(c)));
        self
    }

    /// Selects this certificate, if the token has several for one key.
    #[must_use]
    pub fn for_certificate(mut self, wanted: &Certificate) -> Self {
        self.sast = self.sast.known_by(|c| c == wanted);
        self
    }

    /// The module that has it.
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// The token that will sign.
    pub fn signer(&self) -> &Sast {
        &self.sast
    }

    /// Certificates of further tokens: inserted ones by selector, others by their certificate file. Waits for tokens that are not inserted.
    pub fn certificates(
        &self,
        names: &[String],
        operator: &dyn Operator,
    ) -> Result<Vec<Certificate>, WorkError> {
        let certificate = |name: &String| {
            if Path::new(name).is_file() {
                return read_certificate(Path::new(name));
            }
            let selector = &name.parse::<Selector>()?;
            let found = self.module.find_among(self.seen.clone(), Some(selector));
            let found = found.and_then(|contents| contents.sast(Some(selector)));
            Ok(or_wait(&self.module, found, Some(selector), operator)?.certificate().clone())
        };
        names.iter().map(certificate).collect()
    }

    /// Shows the plans, asks once, logs in once, signs and writes file after file. `None` for a dry run.
    pub fn sign(
        &self,
        batch: Batch<'_>,
        order: &SigningOrder<'_>,
        operator: &dyn Operator,
    ) -> Result<Option<Signed>, WorkError> {
        let shown = show(&batch, order.dry_run, operator)?;
        shown.check(order.plan_digest)?;
        if order.dry_run {
            operator.show(&View::DryRun(&shown))?;
            return Ok(None);
        }
        self.ask(shown.will_write(), operator)?;
        sign_shown((&self.module, &self.sast), batch, &shown, order, operator).map(Some)
    }

    /// Asks before anything is signed, and shows which files will be written.
    pub fn ask(&self, writes: WillWrite, operator: &dyn Operator) -> Result<(), WorkError> {
        let token = self.sast.token();
        let question = Question::Sign {
            name: self.sast.certificate().sast_name(),
            token: token.label.to_owned(),
            serial: token.serial.to_owned(),
            writes,
        };
        if operator.agrees(&question)? {
            Ok(())
        } else {
            Err(WorkError::Declined("cancelled; nothing was signed and nothing was written"))
        }
    }

    /// Carries out plans as a step of a longer run, with the journal of that run.
    pub fn sign_into(
        &self,
        log: &mut Journal,
        batch: Batch<'_>,
        shown: &ShownPlans,
        order: &SigningOrder<'_>,
        operator: &dyn Operator,
    ) -> Result<(), WorkError> {
        with_login(&self.module, &self.sast, operator, |signer| {
            log.token(&self.sast)?;
            sign_all(shown.count(), confirmed(batch, shown), signer, log, operator)?;
            sign_journal(order.sign_journal, log, signer)
        })
    }
}

/// Carries out plans that were shown and confirmed: with one login and a new journal.
pub fn sign_shown(
    (module, sast): (&Module, &Sast),
    batch: Batch<'_>,
    shown: &ShownPlans,
    order: &SigningOrder<'_>,
    operator: &dyn Operator,
) -> Result<Signed, WorkError> {
    let journal = with_login(module, sast, operator, |signer| {
        let mut log = Journal::begin(order.journal, order.what, order.change)?;
        log.token(sast)?;
        let result = sign_all(shown.count(), confirmed(batch, shown), signer, &mut log, operator);
        let path = log.end(result.as_ref().err().map(WorkError::outcome));
        let proof = if path.is_ok() { sign_journal(order.sign_journal, &log, signer) } else { Ok(()) };
        result?;
        let path = path?;
        proof.map(|()| path)
    })?;
    Ok(Signed { journal, by_hand: shown.by_hand.clone() })
}

/// Shows the plans, some at a time. After that only these plans may be carried out. Warnings that apply to all are shown once.
pub fn show(batch: &Batch<'_>, details: bool, operator: &dyn Operator) -> Result<ShownPlans, WorkError> {
    let (mut shown, mut warned) = (ShownPlans::default(), HashSet::new());
    let mut one = |file: &BatchFile, digest| {
        shown.add(file, digest)?;
        show_plan(file, details, &mut warned, operator)
    };
    match batch {
        Batch::Planned(files) => files.iter().try_for_each(|file| one(file, file.digest()))?,
        Batch::Files { paths, plan } => {
            for some in paths.chunks(AT_A_TIME) {
                let read = |path: &PathBuf| plan(path).map(|file| (file.digest(), file));
                let planned: Vec<_> = some.par_iter().map(read).collect();
                for planned in planned {
                    let (digest, file) = planned?;
                    one(&file, digest)?;
                }
            }
        }
    }
    Ok(shown)
}

/// Shows one plan. A warning that is in `warned` was given before.
pub(crate) fn show_plan(
    file: &BatchFile,
    details: bool,
    warned: &mut HashSet<String>,
    operator: &dyn Operator,
) -> Result<(), WorkError> {
    operator.show(&View::Plan(file))?;
    if details {
        operator.show(&View::PlanDetails(file))?;
    }
    let new = file.warnings.iter().filter(|warning| warned.insert((*warning).clone()));
    new.for_each(|warning| operator.warn(warning));
    Ok(())
}

type Files<'a> = Box<dyn Iterator<Item = Result<ConfirmedFile, WorkError>> + Send + 'a>;

/// The files of a batch; each is compared with its plan as it was shown.
fn confirmed<'a>(batch: Batch<'a>, shown: &'a ShownPlans) -> Files<'a> {
    match batch {
        Batch::Planned(files) => {
            let files = files.into_iter().zip(shown.digests());
            Box::new(files.map(|(file, digest)| Ok(file.confirm(digest)?)))
        }
        Batch::Files { paths, plan } => {
            Box::new(paths.iter().zip(shown.digests()).map(move |(path, digest)| {
                let file = plan(path)?;
                let path = file.out().to_owned();
                file.confirm(digest).map_err(|_| FileError::SourceChanged { path }.into())
            }))
        }
    }
}

fn sign_journal(wanted: bool, log: &Journal, signer: &mut &TokenSigner<'_>) -> Result<(), WorkError> {
    if !wanted {
        return Ok(());
    }
    log.sign(signer).map_err(|e| WorkError::JournalNotSigned(Box::new(e)))
}

/// Finds the token that signs. A token that shows no certificate is read again after the login, which signing needs anyway.
fn sast(
    module: &Module,
    found: Result<TokenContents, TokenError>,
    selector: Option<&Selector>,
    operator: &dyn Operator,
) -> Result<Sast, WorkError> {
    let found = found.and_then(|contents| contents.sast(selector));
    if let Err(TokenError::NoCertificate { .. } | TokenError::NoMatch { .. }) = &found
        && let Some(token) = module.token_without_certificates(selector)?
    {
        let pin = pin_for(module, &token, operator).map_err(|e| WorkError::HiddenUntilLogin(Box::new(e)))?;
        return Ok(module.contents_after_login(token, pin)?.sast(selector)?);
    }
    or_wait(module, found, selector, operator)
}

/// Returns the token that was found. If it is not inserted and an operator can insert it, waits for it.
fn or_wait(
    module: &Module,
    found: Result<Sast, TokenError>,
    selector: Option<&Selector>,
    operator: &dyn Operator,
) -> Result<Sast, WorkError> {
    match found {
        Err(e) if can_be_inserted(&e) && operator.can_ask() => {
            let name = selector.map_or_else(|| "that signs".to_owned(), ToString::to_string);
            wait_for(module, operator, &name, |present| {
                module.find_among(present.to_vec(), selector)?.sast(selector)
            })
        }
        other => Ok(other?),
    }
}
