//! `client`: the CTL Client's windows, one after the other, in its order and words.
//!
//! The windows gather [`Choices`]; the plan, the signature and the journal are those of the other commands.

mod insert;
mod result;
mod terminal;
mod windows;

use std::path::{Path, PathBuf};

use clap::Args;

pub use terminal::choose;

use super::error::{CommandError, ErrorKind};
use super::interrupt;
use super::settings::Settings;
use super::signing::{
    Batch, BatchFile, PlanOutput, ShownPlans, SigningArgs, SigningSession, beside, check_digest, headline,
};
use super::ui::{Ui, printable};
use crate::token::{Module, Sast, Selector};
use crate::workflow::{Choices, Plan, PlanDigest, PlanError, Start};

/// Show the windows of the CTL Client in the terminal
#[derive(Debug, Args)]
pub struct ClientArgs {
    /// The CTL in force, or a cluster file (*.toml) to make a first CTL [default: the first window asks]
    file: Option<PathBuf>,
    #[command(flatten)]
    signing: SigningArgs,
}

/// What the windows know.
struct Client<'a> {
    args: &'a ClientArgs,
    settings: &'a Settings,
    ui: &'a Ui,
    module: Module,
    source: PathBuf,
    folder: PathBuf,
    /// By `--token`.
    named: Option<Selector>,
    choices: Option<Choices>,
    tokens: Vec<Sast>,
}

/// How the last window was left.
enum Finish {
    /// With a plan that was agreed to, as it was shown, and the token that signs it.
    Sign(Box<(Plan, PlanDigest, Sast)>),
    /// With a plan that was shown, and no more was wanted.
    DryRun,
    /// Back to the entries.
    Back,
}

/// Where in the CTL Client's order we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Window {
    Server,
    Warning,
    Mode,
    Insert,
    Entries,
    Finish,
}

pub fn run(args: &ClientArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    if args.signing.out().is_some_and(|out| out.as_os_str() == "-") {
        return Err(CommandError::new(ErrorKind::Usage, "the windows write a file, and --out - names none")
            .hint("name a folder, or a file that ends in .tlv")
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
    let source = args.file.clone().unwrap_or_else(|| PathBuf::from("CTLFile.tlv"));
    let folder = args.signing.out().map_or_else(|| PathBuf::from("."), Path::to_owned);
    let client = Client { args, settings, ui, module, source, folder, named, choices: None, tokens: vec![] };
    client.go()
}

impl Client<'_> {
    fn go(mut self) -> Result<(), CommandError> {
        let mut window = Window::Server;
        loop {
            let forward = match window {
                Window::Server => self.server()?,
                Window::Warning => self.warning()?,
                Window::Mode => self.mode()?,
                Window::Insert => self.insert()?,
                Window::Entries => self.entries()?,
                Window::Finish => match self.planned()? {
                    Finish::Sign(agreed) => {
                        let (plan, shown, signer) = *agreed;
                        return self.finish(plan, shown, signer);
                    }
                    Finish::DryRun => return Ok(()),
                    Finish::Back => false,
                },
            };
            window = match (window, forward) {
                (Window::Server, false) => {
                    return Err(CommandError::new(ErrorKind::Interrupted, "left; nothing was written"));
                }
                (Window::Server, true) => Window::Warning,
                (Window::Warning, true) => Window::Mode,
                (Window::Mode, true) if self.tokens.is_empty() => Window::Insert,
                (Window::Mode | Window::Insert, true) => Window::Entries,
                (Window::Entries, true) => Window::Finish,
                (Window::Warning | Window::Mode, false) => Window::Server,
                (Window::Insert | Window::Entries, false) => Window::Mode,
                (Window::Finish, _) => Window::Entries,
            };
        }
    }

    fn choices(&mut self) -> Result<&mut Choices, CommandError> {
        // The first window fills it; no other is reached before.
        self.choices.as_mut().ok_or_else(|| CommandError::new(ErrorKind::Usage, "no CTL file was named"))
    }

    /// An error stays in the window, which says it.
    fn or_why_not<T, E: Into<CommandError>>(&self, result: Result<T, E>) -> Option<T> {
        result.map_err(|e| self.ui.show(&e.into().to_string())).ok()
    }

    /// The plan, shown and agreed to.
    fn planned(&mut self) -> Result<Finish, CommandError> {
        let Some(signer) = self.signer()? else { return Ok(Finish::Back) };
        let certificate = signer.certificate().clone();
        let request = self.args.signing.request(&certificate)?;
        let plan = self.choices()?.plan(&request).map_err(in_the_windows);
        let Some(plan) = self.or_why_not(plan) else { return Ok(Finish::Back) };
        let file = self.batch_file(plan.clone());
        let shown = file.digest();
        self.ui.show(&file.plan_text());
        for warning in file.warnings() {
            self.ui.warn(warning);
        }
        if self.args.signing.is_dry_run() {
            self.ui.show(&file.dry_run_text());
            self.ui.show("Dry run: nothing was signed and nothing was written.");
            return Ok(Finish::DryRun);
        }
        let out = file.out().to_owned();
        let sign_with = |sast: &Sast| {
            let (token, name) = (sast.token().label(), sast.certificate().sast_name());
            printable(&format!("Sign with {name} on \"{token}\", and write {}", out.display()))
        };
        // Every token that may sign, this one first. Another makes another plan, which is shown before anything is signed.
        let may_sign: Vec<_> = self.choices()?.signers().cloned().collect();
        let may_sign = |sast: &&Sast| may_sign.iter().any(|c| c.der() == sast.certificate().der());
        let mut signers: Vec<Sast> = self.tokens.iter().filter(may_sign).cloned().collect();
        signers.sort_by_key(|sast| sast.certificate().der() != certificate.der());
        let mut options: Vec<String> = signers.iter().map(sign_with).collect();
        options.push("Back to the CTL entries".to_owned());
        let chosen = terminal::choose("Finish", &options, 0)?;
        match chosen.and_then(|at| signers.get(at)) {
            Some(_) if chosen == Some(0) => Ok(Finish::Sign(Box::new((plan, shown, signer)))),
            Some(other) => {
                self.choices()?.named = Some(other.certificate().clone());
                self.planned()
            }
            None => Ok(Finish::Back),
        }
    }

    /// The token that signs, as it is inserted now.
    fn signer(&mut self) -> Result<Option<Sast>, CommandError> {
        let choices = self.choices()?;
        let is_added =
            choices.named.as_ref().is_some_and(|n| choices.tokens.iter().any(|t| t.der() == n.der()));
        if let Some(named) = self.named.as_ref().filter(|_| !is_added) {
            self.ui.show(&format!(
                "The token that --token names, {named}, was not added: choose Add Tokens first."
            ));
            return Ok(None);
        }
        let Some(wanted) = self.choices()?.signer().map(|certificate| certificate.der().clone()) else {
            self.ui.show("No Security Token was added: choose Add Tokens first.");
            return Ok(None);
        };
        Ok(self.tokens.iter().find(|sast| sast.certificate().der() == &wanted).cloned())
    }

    fn batch_file(&self, plan: Plan) -> BatchFile {
        let out = self.out(plan.draft().file_name());
        let (head, old) = match self.choices.as_ref().map(|c| &c.start) {
            Some(Start::InForce(old)) => (headline(&self.source, old), Some(old)),
            _ => (format!("{}   a new list", plan.draft().file_name()), None),
        };
        let mut file = BatchFile::list(head, plan, out);
        if let Some(old) = old {
            file.replaces(&self.source, old);
        }
        file
    }

    /// Whether this is the file that `--out` names, and no folder.
    fn is_file(&self, folder: &Path) -> bool {
        let ends = folder.extension().is_some_and(|e| e.eq_ignore_ascii_case("tlv"));
        ends && self.args.signing.out() == Some(folder) && !folder.is_dir()
    }

    /// The file in the output folder; never the list in force itself.
    fn out(&self, file_name: &str) -> PathBuf {
        if self.is_file(&self.folder) {
            return self.folder.clone();
        }
        let plain = self.folder.join(Path::new(file_name).file_name().unwrap_or("CTLFile.tlv".as_ref()));
        let same = match (plain.canonicalize(), self.source.canonicalize()) {
            (Ok(a), Ok(b)) => a == b,
            _ => plain == self.source,
        };
        if same { beside(&plain) } else { plain }
    }

    /// The password, the signature, and the result.
    fn finish(self, plan: Plan, shown: PlanDigest, signer: Sast) -> Result<(), CommandError> {
        let out = self.out(plan.draft().file_name());
        if let Some(folder) = out.parent().filter(|f| !f.as_os_str().is_empty()) {
            crate::files::make_folder(folder)?;
        }
        let batch = Batch { what: "client", files: vec![self.batch_file(plan.clone())] };
        let shown = ShownPlans::of(vec![(shown, out.clone())]);
        check_digest(&shown, &self.args.signing)?;
        let (choices, source, args, ui) = (self.choices, self.source, self.args, self.ui);
        let session = SigningSession::with(self.module, signer, self.settings);
        let say = PlanOutput { ui, to_stderr: false };
        session.sign_shown(batch, shown, &args.signing, &say)?;
        ui.show(&result::window(&plan, &out));
        if let Some(choices) = choices {
            let mut again = args.signing.again();
            let module = self.settings.module.as_ref().map(|path| path.display().to_string());
            for (name, value) in [("--profile", &self.settings.profile), ("--module", &module)] {
                again.extend(value.iter().flat_map(|value| [name.to_owned(), value.clone()]));
            }
            ui.show(&result::commands(&choices, &plan, &source, &out, &again));
        }
        Ok(())
    }
}

/// A refused plan, with what helps at the windows where that is something else than in the commands.
fn in_the_windows(error: PlanError) -> CommandError {
    match error {
        PlanError::OneToken { .. } => CommandError::new(ErrorKind::No, error.to_string())
            .hint("choose Add Tokens and insert the other one")
            .hint("of a first CTL from a cluster file: a token that is elsewhere is named by its certificate, [[token]]"),
        _ => error.into(),
    }
}
