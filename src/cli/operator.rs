//! The operator at the terminal: passes notes, questions and views of the work to [`Ui`], and the answers back.

use std::sync::{Mutex, MutexGuard, PoisonError};

use zeroize::Zeroizing;

use super::cluster_run::{ConfirmedChecks, readiness_text};
use super::pin::{self, PinSource};
use super::signing::{checksums_text, dry_run_text, phones_text, plan_text, request_text, written_text};
use super::{CommandError, ErrorKind, Settings, Ui, interrupt, printable};
use crate::cluster::PHONE_SAST_TRUST;
use crate::token::PinKind;
use crate::workflow::signing::WrittenFile;
use crate::workflow::{LongWork, Operator, OperatorError, Question, Secret, View, WorkError, interruption};

pub const DRY_RUN: &str = "Dry run: nothing was signed and nothing was written.";

/// The text for a certificate about which TVS was not asked.
pub const TVS_NOT_ASKED: &str = "unproved: TVS was not asked (--no-tvs)";

/// The operator of one command: the terminal, and the answers that options give.
pub struct TerminalOperator<'a> {
    pub ui: &'a Ui,
    pub settings: &'a Settings,
    pub so_pin_source: Option<PinSource>,
    pub new_pin_source: Option<PinSource>,
    pub password_source: Option<PinSource>,
    pub yes: bool,
    pub allow_last_try: bool,
    pub confirmed_checks: ConfirmedChecks,
    /// Text for people goes to standard error, because a file goes to standard output.
    pub to_stderr: bool,
    /// A person is asked about the plans, so they are shown even if standard output is redirected.
    pub sees_plans: bool,
    pub written: Mutex<Vec<WrittenFile>>,
}

impl<'a> TerminalOperator<'a> {
    /// An operator without answers from options.
    pub fn new(settings: &'a Settings, ui: &'a Ui) -> Self {
        TerminalOperator {
            ui,
            settings,
            so_pin_source: None,
            new_pin_source: None,
            password_source: None,
            yes: false,
            allow_last_try: false,
            confirmed_checks: ConfirmedChecks::default(),
            to_stderr: false,
            sees_plans: false,
            written: Mutex::default(),
        }
    }

    /// The files that were written, for the JSON answer.
    pub fn written(&self) -> MutexGuard<'_, Vec<WrittenFile>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn tell(&self, text: &str) -> Result<(), CommandError> {
        if self.to_stderr {
            self.ui.note(text);
            Ok(())
        } else {
            self.ui.print(text)
        }
    }

    /// Shows the plan to the person who is asked about it. If the plan is not shown, what phones will refuse is still printed.
    fn show_plan(&self, text: &str, problems: &[String]) -> Result<(), CommandError> {
        let ui = self.ui;
        let printed = !self.to_stderr && !ui.json;
        if printed {
            ui.print(text)?;
        }
        if self.sees_plans && !(printed && ui.output_is_seen()) {
            ui.show(text);
        } else if !printed && (ui.json || ui.quiet) {
            problems.iter().for_each(|problem| ui.warn(&printable(problem)));
        } else if !printed {
            ui.note(text);
        }
        Ok(())
    }
}

impl Operator for TerminalOperator<'_> {
    fn note(&self, text: &str) {
        self.ui.note(text);
    }

    fn warn(&self, text: &str) {
        self.ui.warn(text);
    }

    fn show(&self, view: &View<'_>) -> Result<(), OperatorError> {
        match view {
            // A JSON document is one answer, given at the end.
            View::Text(_) if self.ui.json => {}
            View::Text(text) => self.tell(text)?,
            View::PhoneImpact(impact) if impact.is_harmless() => self.ui.note(&text_of(view)),
            View::PhonesNotKnown { .. } | View::FactoryPin { .. } => self.ui.warn(&text_of(view)),
            View::Trusted { name, proof } => {
                let proof = proof.unwrap_or(TVS_NOT_ASKED);
                self.show(&View::Text(&format!("{}: {proof}", printable(name))))?;
            }
            View::Plan(file) => self.show_plan(&plan_text(file), &file.problems())?,
            View::Request { request, file, people } => {
                self.show_plan(&request_text(request, file, people), &[])?;
            }
            View::PlanDetails(_) | View::DryRun(_) if self.ui.json => {}
            View::PlanDetails(file) => self.tell(&dry_run_text(file))?,
            View::DryRun(shown) => {
                if shown.count() > 1 {
                    self.tell(&format!("Plan digest of all {}: {}", shown.count(), shown.digest()))?;
                }
                self.tell(DRY_RUN)?;
            }
            View::Written(written) if self.ui.json => self.written().push((*written).clone()),
            View::Written(written) => self.tell(&written_text(written))?,
            View::Output(bytes) => self.ui.write(bytes)?,
            View::Readiness(_) => self.ui.note(&text_of(view)),
            View::InsertToken { .. } => {
                interrupt::listen()?;
                self.ui.show(&text_of(view));
            }
            View::PhoneImpact(_)
            | View::UploadCertificate { .. }
            | View::ResetPhones { .. }
            | View::UploadFile { .. } => self.ui.show(&text_of(view)),
        }
        Ok(())
    }

    fn long_work(&self, what: &str, count: Option<usize>) -> Box<dyn LongWork> {
        Box::new(self.ui.long_work(what, count))
    }

    fn can_ask(&self) -> bool {
        self.ui.can_ask()
    }

    fn said_yes(&self, question: &Question) -> bool {
        match question {
            Question::Consent(_) | Question::Sign { .. } => self.yes,
            Question::LastPinTry { .. } => self.allow_last_try,
            Question::ReadinessIsConfirmed(_) | Question::PhonesHoldBridge | Question::ByHand { .. } => {
                self.confirmed_checks.said_yes(question)
            }
            Question::HostKey { .. } | Question::Uploaded => false,
        }
    }

    fn ask(&self, question: &Question) -> Result<bool, OperatorError> {
        if let Question::HostKey { host, fingerprint } = question {
            self.ui.show(&host_key_text(host, fingerprint));
        }
        if matches!(question, Question::LastPinTry { .. }) {
            interrupt::listen()?;
        }
        Ok(self.ui.confirm(&printable(&question.to_string()))?)
    }

    fn secret(&self, secret: &Secret<'_>) -> Result<Option<Zeroizing<String>>, OperatorError> {
        match *secret {
            Secret::Pin { token, which, has_pin_pad, is_new } => {
                interrupt::listen()?;
                let source = match which {
                    PinKind::User => &self.settings.pin_source,
                    PinKind::New => &self.new_pin_source,
                    PinKind::Administrator => &self.so_pin_source,
                };
                let source = source.clone().unwrap_or_else(|| PinSource::of_reader(has_pin_pad));
                if source != PinSource::PinPad {
                    return Ok(Some(pin::of_token(&source, which, token, is_new, self.ui)?));
                }
                if has_pin_pad {
                    self.note(&format!("Type {which} for {token} on its reader."));
                }
                Ok(None)
            }
            Secret::NodePassword { account } => {
                let source = self.password_source.clone().unwrap_or(PinSource::Prompt);
                let elsewhere = "give its source: --password-source env:VAR, file:PATH or fd:N";
                Ok(Some(pin::password(&source, account, elsewhere, self.ui)?))
            }
            // Never the password of the administrator.
            Secret::HostPassword { account } => {
                let elsewhere = "give a key with --identity FILE; this host is then not sent a password";
                Ok(Some(pin::password(&PinSource::Prompt, account, elsewhere, self.ui)?))
            }
        }
    }

    fn token_in_use(&self, in_use: bool) {
        // If the signal handlers could not be installed, no PIN was asked for.
        let _ = interrupt::listen();
        interruption::token_in_use(in_use);
    }
}

/// A node shows a key that no file knows.
pub fn host_key_text(host: &str, fingerprint: &str) -> String {
    format!("The host key of {host} is not known: {fingerprint}")
}

/// What a person reads of a view that is shown at once; nothing of the others.
pub fn text_of(view: &View<'_>) -> String {
    match view {
        View::PhoneImpact(impact) => {
            phones_text(Some(&impact.held), &impact.verdicts, &impact.signer, &impact.findings)
        }
        View::PhonesNotKnown { why, new } => format!(
            "the lists on the phones are not known: {why}\nTo check for phones that hold the list OLD: sastctl ctl \
             check {} --installed-ctl OLD",
            new.display()
        ),
        View::UploadCertificate { name } => format!(
            "By hand, in OS Administration of the publisher: Security > Certificate Management > Upload \
             Certificate/Certificate chain;\nCertificate Purpose {PHONE_SAST_TRUST}; file {}.cer; Upload.",
            printable(name)
        ),
        View::Readiness(found) => readiness_text(found),
        View::ResetPhones { bridge } => format!(
            "Reset the phones now. Each of them must hold this CTL before the next one is published:\n{}",
            checksums_text(&bridge.md5, &bridge.sha1)
        ),
        View::UploadFile { nodes, path, name } => format!(
            "By hand, in OS Administration of each of {}:\n\
             \x20 Software Upgrades > TFTP File Management > Upload File\n\
             \x20 file {}, directory empty, name {name} (no public source says whether that page accepts this name)\n\
             A node serves an uploaded file after a restart of Cisco Tftp: utils service restart Cisco Tftp.\n\
             Waiting until every node serves it …",
            nodes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            path.display(),
        ),
        View::InsertToken { wanted, inserted } => {
            let there = if inserted.is_empty() { "no token".to_owned() } else { inserted.join(", ") };
            printable(&format!("Insert the token {wanted}. Now inserted: {there}. (Ctrl-C cancels)"))
        }
        View::FactoryPin { token } => {
            format!("{token} still has the public factory PIN; change it with sastctl token change-pin NAME")
        }
        _ => String::new(),
    }
}

impl From<CommandError> for OperatorError {
    fn from(error: CommandError) -> Self {
        if error.kind == ErrorKind::Interrupted {
            return OperatorError::interrupted();
        }
        OperatorError::FrontEnd { message: error.message.clone(), error: Box::new(error) }
    }
}

impl From<CommandError> for WorkError {
    fn from(error: CommandError) -> Self {
        WorkError::Operator(error.into())
    }
}
