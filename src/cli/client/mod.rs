//! `client`: the CTL Client's windows, one after the other, in its order and words.
//!
//! The windows gather [`Choices`]; the plan, the signature and the journal are those of the other commands.

mod result;
mod terminal;

use std::path::{Path, PathBuf};

use clap::Args;

use super::error::{CommandError, ErrorKind};
use super::interrupt;
use super::operator::{DRY_RUN, TerminalOperator};
use super::settings::Settings;
use super::signing::{SigningArgs, beside, dry_run_text, note_signed, plan_text};
use super::ui::Ui;
use crate::token::Sast;
use crate::workflow::signing::{Batch, BatchFile, ShownPlans, SigningSession};
use crate::workflow::{Choices, Chosen, Plan, Start, WindowView, Windows};

/// Show the windows of the CTL Client in the terminal
#[derive(Debug, Args)]
pub struct ClientArgs {
    /// The CTL in force, or a cluster file (*.toml) to make a first CTL [default: the first window asks]
    file: Option<PathBuf>,
    #[command(flatten)]
    signing: SigningArgs,
}

pub fn run(args: &ClientArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    if args.signing.out().is_some_and(|out| out.as_os_str() == "-") {
        return Err(CommandError::new(ErrorKind::Usage, "the windows write a file; --out - is not possible")
            .hint("give a folder, or a file that ends in .tlv")
            .hint("sastctl revert, ctl create and ctl update write to standard output"));
    }
    if ui.is_json() || !ui.can_ask() {
        return Err(CommandError::new(ErrorKind::Usage, "the windows need a terminal")
            .hint("sastctl revert, ctl create and ctl update do the same without questions"));
    }
    args.signing.request_options()?;
    let named = settings.selector()?;
    interrupt::listen()?;
    let _terminal = interrupt::Terminal::remember();
    terminal::set_up();
    let module = settings.module_options().open()?;
    ui.show(
        "Cisco CTL Client, in the terminal. The same without questions: sastctl revert (from tokenless to",
    );
    ui.show("tokens), sastctl ctl create (a first CTL), sastctl ctl update (everything else).");
    let operator = TerminalOperator::new(settings, ui);
    let mut windows = Windows {
        operator: &operator,
        module,
        source: args.file.clone().unwrap_or_else(|| PathBuf::from("CTLFile.tlv")),
        folder: args.signing.out().map_or_else(|| PathBuf::from("."), Path::to_owned),
        out: args.signing.out().map(Path::to_owned),
        named,
    };
    let client = Client { args, settings, ui };
    match windows.go(|windows, chosen| client.planned(windows, chosen))? {
        Some((Some(agreed), chosen)) => client.finish(windows, &chosen.choices, agreed),
        Some((None, _)) => Ok(()),
        None => Err(CommandError::new(ErrorKind::Interrupted, "cancelled; nothing was written")),
    }
}

/// A plan that was agreed to, as it was shown, and the token that signs it.
type Agreed = (Plan, ShownPlans, Sast);

struct Client<'a> {
    args: &'a ClientArgs,
    settings: &'a Settings,
    ui: &'a Ui,
}

impl Client<'_> {
    /// The plan, shown and agreed to (`Some`), or only shown for a dry run; `None` is back to the entries.
    fn planned(
        &self,
        windows: &Windows<'_>,
        chosen: &mut Chosen,
    ) -> Result<Option<Option<Agreed>>, CommandError> {
        loop {
            let Some(signer) = signer(windows, chosen) else { return Ok(None) };
            let certificate = signer.certificate().clone();
            let request = self.args.signing.request(&certificate)?;
            let plan = match chosen.choices.plan(&request) {
                Ok(plan) => plan,
                Err(e) => {
                    windows.operator.show_window(WindowView::Error(e.into()));
                    return Ok(None);
                }
            };
            let file = batch_file(windows, &chosen.choices.start, plan.clone());
            let mut shown = ShownPlans::default();
            if let Err(e) = shown.add(&file, file.digest()) {
                windows.operator.show_window(WindowView::Error(e.into()));
                return Ok(None);
            }
            self.ui.show(&plan_text(&file));
            for warning in file.warnings() {
                self.ui.warn(warning);
            }
            if self.args.signing.is_dry_run() {
                self.ui.show(&dry_run_text(&file));
                self.ui.show(DRY_RUN);
                return Ok(Some(None));
            }
            // Every token that may sign, this one first. Another makes another plan, which is shown before anything is signed.
            let may_sign =
                |sast: &&Sast| chosen.choices.signers().any(|c| c.der() == sast.certificate().der());
            let mut signers: Vec<Sast> = chosen.tokens.iter().filter(may_sign).cloned().collect();
            signers.sort_by_key(|sast| sast.certificate().der() != certificate.der());
            let sign_with = |sast: &Sast| {
                let (token, name) = (sast.token().label(), sast.certificate().sast_name());
                format!("Sign with {name} on \"{token}\", and write {}", file.out().display())
            };
            let mut options: Vec<String> = signers.iter().map(sign_with).collect();
            options.push("Back to the CTL entries".to_owned());
            let choice = windows.operator.choose("Finish", &options, 0)?;
            match choice.and_then(|at| signers.get(at)) {
                Some(_) if choice == Some(0) => return Ok(Some(Some((plan, shown, signer)))),
                Some(other) => chosen.choices.named = Some(other.certificate().clone()),
                None => return Ok(None),
            }
        }
    }

    /// The password, the signature, and the result.
    fn finish(
        &self,
        windows: Windows<'_>,
        choices: &Choices,
        (plan, shown, signer): Agreed,
    ) -> Result<(), CommandError> {
        let Client { args, settings, ui } = *self;
        let file = batch_file(&windows, &choices.start, plan.clone());
        let out = file.out().to_owned();
        if let Some(folder) = out.parent().filter(|f| !f.as_os_str().is_empty()) {
            crate::files::make_folder(folder)?;
        }
        let order = args.signing.order("client");
        shown.check(order.plan_digest)?;
        let session = SigningSession::with(windows.module, signer);
        let operator = args.signing.operator(false, settings, ui);
        note_signed(&session.sign_shown(Batch::Planned(vec![file]), &shown, &order, &operator)?, ui);
        ui.show(&result::window(&plan, &out));
        let mut again = args.signing.again();
        let module = settings.module.as_ref().map(|path| path.display().to_string());
        for (name, value) in [("--profile", &settings.profile), ("--module", &module)] {
            again.extend(value.iter().flat_map(|value| [name.to_owned(), value.clone()]));
        }
        ui.show(&result::commands(choices, &plan, &windows.source, &out, &again));
        Ok(())
    }
}

/// The token that signs, as it is inserted now; without one the window says what is missing.
fn signer(windows: &Windows<'_>, Chosen { choices, tokens }: &Chosen) -> Option<Sast> {
    let is_added = choices.named.as_ref().is_some_and(|n| choices.tokens.iter().any(|t| t.der() == n.der()));
    if let Some(named) = windows.named.as_ref().filter(|_| !is_added) {
        windows.operator.show_window(WindowView::NamedNotAdded { named: &named.to_string() });
        return None;
    }
    let Some(wanted) = choices.signer() else {
        let none = "No Security Token was added: choose Add Tokens first.";
        windows.operator.show_window(WindowView::Text(none));
        return None;
    };
    tokens.iter().find(|sast| sast.certificate().der() == wanted.der()).cloned()
}

fn batch_file(windows: &Windows<'_>, start: &Start, plan: Plan) -> BatchFile {
    let out = out(windows, plan.draft().file_name());
    let replaces = if let Start::InForce(old) = start { Some((&*windows.source, &**old)) } else { None };
    BatchFile::list(plan, out, replaces)
}

/// The file in the output folder; never the list in force itself.
fn out(windows: &Windows<'_>, file_name: &str) -> PathBuf {
    let Windows { source, folder, .. } = windows;
    if windows.is_file(folder) {
        return folder.clone();
    }
    let plain = folder.join(Path::new(file_name).file_name().unwrap_or("CTLFile.tlv".as_ref()));
    let same = match (plain.canonicalize(), source.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => plain == *source,
    };
    if same { beside(&plain) } else { plain }
}
