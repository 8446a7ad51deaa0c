//! How work speaks with a person: it tells, shows values, asks questions and asks for secrets. The command line, the windows
//! and tests implement [`Operator`]; the work itself neither prints nor reads a terminal.

use std::error::Error;
use std::fmt;
use std::path::Path;

use secrecy::SecretString;
use zeroize::Zeroizing;

use super::cluster_run::ByHand;
use super::exchange::SigningRequest;
use super::interruption;
use super::journal::{Approver, FileFingerprint};
use super::phone_impact::PhoneImpact;
use super::readiness::Readiness;
use super::signing::{BatchFile, ShownPlans, WillWrite, WrittenFile};
use crate::cluster::{ConnectPrompt, NoAnswer, NodeAddress};
use crate::token::PinKind;

/// A person at the front end, or a replacement for one.
pub trait Operator: Sync {
    /// Tells what is being done. A front end may leave it out.
    fn note(&self, text: &str);

    /// Tells what the operator should know before going on. Never left out.
    fn warn(&self, text: &str);

    /// Shows a value for reading: a result, or what a question is about.
    fn show(&self, view: &View<'_>) -> Result<(), OperatorError>;

    /// Tells that work begins which takes long: what is done, on how many nodes or files, where that is known. It goes on until
    /// the value is dropped.
    fn long_work(&self, _what: &str, _count: Option<usize>) -> Box<dyn LongWork> {
        Box::new(())
    }

    /// Whether somebody can answer now.
    fn can_ask(&self) -> bool;

    /// Whether the answer to this question was given as yes beforehand, as by an option.
    fn said_yes(&self, question: &Question) -> bool;

    /// Asks; whether the answer is yes.
    fn ask(&self, question: &Question) -> Result<bool, OperatorError>;

    /// Asks for a secret; `None` when it is typed on the reader itself.
    fn secret(&self, secret: &Secret<'_>) -> Result<Option<Zeroizing<String>>, OperatorError>;

    /// An error if the operator interrupted the work. Called before anything is written or changed.
    fn check_interrupted(&self) -> Result<(), OperatorError> {
        if interruption::came() { Err(OperatorError::interrupted()) } else { Ok(()) }
    }

    /// A token is logged in (`true`) or out again: an interruption waits while it is.
    fn token_in_use(&self, in_use: bool) {
        interruption::token_in_use(in_use);
    }

    /// Right before a file, a token or a cluster is changed: no later interruption may say that nothing was.
    fn something_changes(&self) {
        interruption::something_changes();
    }

    /// The rule for everything that signs, makes a key or changes a node: yes beforehand, or yes now. Where nobody can be
    /// asked, nothing counts as yes.
    fn agrees(&self, question: &Question) -> Result<bool, OperatorError> {
        if self.said_yes(question) {
            return Ok(true);
        }
        if !self.can_ask() {
            return Err(OperatorError::CannotAsk(Box::new(question.clone())));
        }
        self.ask(question)
    }
}

/// Work that takes long, as a front end shows it. The value `()` shows nothing.
pub trait LongWork: Send + Sync {
    /// One of its nodes or files is done.
    fn one_done(&self) {}
}

impl LongWork for () {}

/// Says that a token is logged in until it is dropped.
pub struct TokenInUse<'a>(&'a dyn Operator);

impl<'a> TokenInUse<'a> {
    /// From here on an interruption waits.
    pub fn begin(operator: &'a dyn Operator) -> Self {
        operator.token_in_use(true);
        TokenInUse(operator)
    }
}

impl Drop for TokenInUse<'_> {
    fn drop(&mut self) {
        self.0.token_in_use(false);
    }
}

/// A value that is shown. Each front end decides how.
#[derive(Debug)]
#[allow(missing_docs, reason = "the names say what each is")]
pub enum View<'a> {
    Text(&'a str),
    /// A request in its file, before its plans are shown, or after it was written; who approved it, where that is known.
    Request {
        request: &'a SigningRequest,
        file: &'a Path,
        people: &'a [Approver],
    },
    /// A plan, before it is asked about.
    Plan(&'a BatchFile),
    /// What a dry run adds to it.
    PlanDetails(&'a BatchFile),
    /// The end of a dry run.
    DryRun(&'a ShownPlans),
    /// A file that was written.
    Written(&'a WrittenFile),
    /// The bytes of a file whose place is standard output.
    Output(&'a [u8]),
    /// A token is waited for until it is inserted.
    InsertToken {
        wanted: &'a str,
        inserted: &'a [String],
    },
    /// A token has the PIN that tokens leave the factory with.
    FactoryPin {
        token: &'a str,
    },
    PhoneImpact(&'a PhoneImpact),
    /// What phones will do with a new list is not known.
    PhonesNotKnown {
        why: &'a str,
        new: &'a Path,
    },
    /// A node trusts a certificate; what TVS said, if it was asked.
    Trusted {
        name: &'a str,
        proof: Option<&'a str>,
    },
    /// What the operator does on the publisher's own page, to upload a certificate.
    UploadCertificate {
        name: &'a str,
    },
    /// What must be in order before a cluster is changed.
    Readiness(&'a [Readiness]),
    /// Phones are to be reset, so that they load this list.
    ResetPhones {
        bridge: &'a FileFingerprint,
    },
    /// What the operator does on each node's own page, to upload a file that phones ask for as `name`.
    UploadFile {
        nodes: &'a [NodeAddress],
        path: &'a Path,
        name: &'a str,
    },
}

/// What the operator is asked. Consent to an action may be given beforehand for all of them; what somebody must check first is
/// confirmed one by one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say what each is")]
pub enum Question {
    /// Consent to what comes next; the whole question.
    Consent(String),
    /// Consent to sign: the certificate's name, the token's label and serial number, the files.
    Sign { name: String, token: String, serial: String, writes: WillWrite },
    /// The last PIN try of a token, or one of an unknown number.
    LastPinTry { token: String, which: PinKind },
    /// Whether the operator checked a condition that the program cannot check.
    ReadinessIsConfirmed(Readiness),
    /// Whether every phone has the bridge.
    PhonesHoldBridge,
    /// Whether a person did a step of a migration; what to do.
    ByHand { which: ByHand, says: String },
    /// Whether a file was uploaded by hand on every node.
    Uploaded,
    /// Whether an unknown host key (`SHA256:…`) is right.
    HostKey { host: String, fingerprint: String },
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Question::Consent(question) => f.write_str(question),
            Question::LastPinTry { which: PinKind::Administrator, .. } => {
                f.write_str("Try the administrator PIN?")
            }
            Question::Sign { name, token, serial, writes } => {
                write!(f, "Sign with {name} on \"{token}\" ({serial}), and {writes}?")
            }
            Question::LastPinTry { .. } => f.write_str("Try the PIN?"),
            Question::ReadinessIsConfirmed(finding) => write!(f, "Did you look? {}.", finding.says),
            Question::PhonesHoldBridge => f.write_str("Does every phone show one of these checksums?"),
            Question::ByHand { .. } => f.write_str("Is it done?"),
            Question::Uploaded => {
                f.write_str("Uploaded on each of them? Cisco Tftp is restarted there next.")
            }
            Question::HostKey { .. } => {
                f.write_str("Compare it with what the node shows on its console. Is it right?")
            }
        }
    }
}

/// A secret that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say what each is")]
pub enum Secret<'a> {
    /// Of a token; whether its reader has keys to type it on, and whether it is set, and so asked for twice.
    Pin { token: &'a str, which: PinKind, has_pin_pad: bool, is_new: bool },
    /// The OS administrator's, as `user@host`.
    NodePassword { account: &'a str },
    /// Of `user@host`, which does not belong to the cluster.
    HostPassword { account: &'a str },
}

/// Why the operator gave no answer.
#[allow(missing_docs, reason = "the names say what each is")]
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    #[error("{}", if *.changed { "interrupted" } else { "interrupted; nothing was written" })]
    /// Whether a file, a token or a cluster was changed before.
    Interrupted { changed: bool },
    /// Instead of a secret.
    #[error("went back; nothing was written")]
    WentBack,
    #[error("this needs a yes, but there is no terminal to ask; nothing was done")]
    CannotAsk(Box<Question>),
    /// The front end failed: it gets its own error back.
    #[error("{message}")]
    FrontEnd { message: String, error: Box<dyn Error + Send + Sync> },
}

impl OperatorError {
    /// An interruption, which may have come after a change.
    pub fn interrupted() -> Self {
        OperatorError::Interrupted { changed: interruption::something_changed() }
    }
}

/// The questions that come up when a node is connected to.
impl<O: Operator + ?Sized> ConnectPrompt for &O {
    fn note(&self, text: &str) {
        Operator::note(*self, text);
    }

    fn warn(&self, text: &str) {
        Operator::warn(*self, text);
    }

    fn node_password(&self, account: &str) -> Result<SecretString, NoAnswer> {
        Ok(password(*self, &Secret::NodePassword { account })?)
    }

    fn host_password(&self, account: &str) -> Result<SecretString, NoAnswer> {
        Ok(password(*self, &Secret::HostPassword { account })?)
    }

    fn accepts_host_key(&self, host: &str, fingerprint: &str) -> Result<bool, NoAnswer> {
        let question = Question::HostKey { host: host.to_owned(), fingerprint: fingerprint.to_owned() };
        Ok(self.said_yes(&question) || self.can_ask() && self.ask(&question)?)
    }
}

fn password(operator: &(impl Operator + ?Sized), secret: &Secret<'_>) -> Result<SecretString, OperatorError> {
    Ok(SecretString::from(operator.secret(secret)?.unwrap_or_default().as_str()))
}
