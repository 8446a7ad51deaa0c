//! The operator at the terminal: what the work tells, asks and shows goes through here to [`Ui`] and back.

use zeroize::Zeroizing;

use super::cluster_run::{LookedAt, checksums_text, readiness_text};
use super::error::CommandError;
use super::interrupt;
use super::pin::{self, PinSource};
use super::settings::Settings;
use super::signing::phones_text;
use super::ui::{Ui, printable};
use crate::cluster::PHONE_SAST_TRUST;
use crate::token::PinKind;
use crate::workflow::{Operator, OperatorError, Question, Secret, View};

/// What is said of certificates about which TVS was not asked.
pub const TVS_NOT_ASKED: &str = "unproved: TVS was not asked (--no-tvs)";

/// The operator of one command: the terminal, and what its options answer beforehand.
pub struct TerminalOperator<'a> {
    /// The terminal.
    pub ui: &'a Ui,
    /// Where PINs come from.
    pub settings: &'a Settings,
    /// Where the administrator PIN comes from.
    pub so_pin_source: Option<PinSource>,
    /// Where a new PIN comes from.
    pub new_pin_source: Option<PinSource>,
    /// Where passwords come from.
    pub password_source: Option<PinSource>,
    /// Consent to what the command does.
    pub yes: bool,
    /// The last PIN try may be used.
    pub allow_last_try: bool,
    /// What was looked at before a run on a cluster.
    pub looked_at: LookedAt,
}

impl<'a> TerminalOperator<'a> {
    /// One that answers nothing beforehand.
    pub fn new(settings: &'a Settings, ui: &'a Ui) -> Self {
        TerminalOperator {
            ui,
            settings,
            so_pin_source: None,
            new_pin_source: None,
            password_source: None,
            yes: false,
            allow_last_try: false,
            looked_at: LookedAt::default(),
        }
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
            View::Text(_) if self.ui.is_json() => {}
            View::Text(text) => self.ui.print(text)?,
            View::PhoneImpact(impact) => {
                let text =
                    phones_text(Some(&impact.held), &impact.verdicts, &impact.signer, &impact.findings);
                if impact.is_harmless() { self.ui.note(&text) } else { self.ui.show(&text) }
            }
            View::PhonesNotKnown { why, new } => self.ui.warn(&format!(
                "what phones hold is not known: {why}\nsastctl ctl check {} --installed-ctl OLD says what phones that \
                 hold OLD make of it",
                new.display()
            )),
            View::Trusted { name, proof } => {
                let proof = proof.unwrap_or(TVS_NOT_ASKED);
                self.show(&View::Text(&format!("{}: {proof}", printable(name))))?;
            }
            View::UploadCertificate { name } => self.ui.show(&format!(
                "By hand, in OS Administration of the publisher: Security > Certificate Management > Upload \
                 Certificate/Certificate chain;\nCertificate Purpose {PHONE_SAST_TRUST}; file {}.cer; Upload.",
                printable(name)
            )),
            View::Output(bytes) => self.ui.write(bytes)?,
            View::Readiness(found) => self.ui.note(&readiness_text(found)),
            View::ResetPhones { bridge } => self.ui.show(&format!(
                "Reset the phones now. Each of them must hold this CTL before the next one is published:\n{}",
                checksums_text(bridge)
            )),
            View::UploadFile { nodes, path, name } => {
                let nodes: Vec<String> = nodes.iter().map(ToString::to_string).collect();
                self.ui.show(&format!(
                    "By hand, in OS Administration of each of {}: Software Upgrades > TFTP File Management > Upload File;\n\
                     file {}, directory empty, name {name}. (No public source says whether that page takes this name.)\n\
                     A node serves an uploaded file once Cisco Tftp was restarted there: utils service restart Cisco Tftp.\n\
                     Waiting until every node serves it …",
                    nodes.join(", "),
                    path.display(),
                ));
            }
            View::InsertToken { wanted, inserted } => {
                interrupt::listen()?;
                let there = if inserted.is_empty() { "no token".to_owned() } else { inserted.join(", ") };
                let text = format!("Insert the token {wanted}. Now inserted: {there}. (Ctrl-C cancels)");
                self.ui.show(&printable(&text));
            }
            View::FactoryPin { token } => self.ui.warn(&format!(
                "{token} still has the public factory PIN; change it with sastctl token change-pin NAME"
            )),
        }
        Ok(())
    }

    fn can_ask(&self) -> bool {
        self.ui.can_ask()
    }

    fn said_yes(&self, question: &Question) -> bool {
        match question {
            Question::Consent(_) => self.yes,
            Question::LastPinTry { .. } => self.allow_last_try,
            Question::LookedAt(_) | Question::PhonesHoldBridge => self.looked_at.said_yes(question),
            Question::HostKey { .. } | Question::Uploaded => false,
        }
    }

    fn ask(&self, question: &Question) -> Result<bool, OperatorError> {
        if let Question::HostKey { host, fingerprint } = question {
            self.ui.show(&format!("The host key of {host} is not known: {fingerprint}"));
        }
        if matches!(question, Question::LastPinTry { .. }) {
            interrupt::listen()?;
        }
        Ok(self.ui.confirm(&printable(&question.to_string()))?)
    }

    fn secret(&self, secret: &Secret<'_>) -> Result<Option<Zeroizing<String>>, OperatorError> {
        match *secret {
            Secret::Pin { token, has_pin_pad } => {
                interrupt::listen()?;
                let source = self.settings.pin_source.clone();
                let source = source.unwrap_or_else(|| PinSource::of_reader(has_pin_pad));
                if source == PinSource::PinPad && has_pin_pad {
                    self.note(&format!("Type the PIN for {token} on its reader."));
                }
                Ok(pin::text(&source, token, self.ui)?)
            }
            Secret::OtherPin { token, has_pin_pad, which, is_new } => {
                let (what, source) = match which {
                    PinKind::Administrator => ("administrator (SO) PIN", &self.so_pin_source),
                    _ => ("new PIN", &self.new_pin_source),
                };
                let source = source.clone().unwrap_or_else(|| PinSource::of_reader(has_pin_pad));
                if source == PinSource::PinPad {
                    if has_pin_pad {
                        self.note(&format!("Type the {what} for {token} on its reader when it asks."));
                    }
                    return Ok(None);
                }
                Ok(Some(pin::other(&source, what, token, is_new, self.ui)?))
            }
            Secret::NodePassword { node } => {
                let source = self.password_source.clone().unwrap_or(PinSource::Prompt);
                Ok(Some(pin::password(&source, node, self.ui)?))
            }
            Secret::HostPassword { account } => Ok(Some(pin::host_password(account, self.ui)?)),
        }
    }

    fn check_interrupted(&self) -> Result<(), OperatorError> {
        interrupt::check()
    }

    fn token_in_use(&self, in_use: bool) {
        // Where the signal handlers could not be installed, the PIN was not asked for.
        let _ = interrupt::listen();
        interrupt::token_in_use(in_use);
    }

    fn something_changes(&self) {
        interrupt::something_changes();
    }
}

impl From<CommandError> for OperatorError {
    fn from(error: CommandError) -> Self {
        OperatorError::FrontEnd(Box::new(error))
    }
}
