//! An operator with scripted answers, who records the order of messages, displays and questions.

use std::collections::VecDeque;
use std::sync::Mutex;

use sastctl::workflow::{Operator, OperatorError, Question, Secret, View};
use zeroize::Zeroizing;

/// A scripted operator.
#[derive(Default)]
pub struct Scripted {
    /// Nobody can be asked.
    pub away: bool,
    /// The answers to questions, in their order; then yes.
    pub answers: Mutex<VecDeque<bool>>,
    /// The PIN.
    pub pin: String,
    /// The number of the interruption check that reports an interruption, counted from 1.
    pub interrupts_at: Option<usize>,
    /// All recorded events.
    pub record: Mutex<Vec<String>>,
}

impl Scripted {
    pub fn with_pin(pin: &str) -> Self {
        Scripted { pin: pin.to_owned(), ..Scripted::default() }
    }

    fn happens(&self, what: impl Into<String>) {
        self.record.lock().unwrap().push(what.into());
    }

    /// How often this happened.
    pub fn count(&self, what: &str) -> usize {
        self.record.lock().unwrap().iter().filter(|line| line.starts_with(what)).count()
    }

    /// The recorded events, a line each, without warnings.
    pub fn story(&self) -> String {
        let record = self.record.lock().unwrap();
        record.iter().filter(|line| !line.starts_with("warn")).map(|line| format!("{line}\n")).collect()
    }
}

impl Operator for Scripted {
    fn note(&self, text: &str) {
        self.happens(format!("note {text}"));
    }

    fn warn(&self, text: &str) {
        self.happens(format!("warn {text}"));
    }

    fn show(&self, view: &View<'_>) -> Result<(), OperatorError> {
        self.happens(match view {
            View::Plan(file) => format!("plan of {}", file.out().display()),
            View::PlanDetails(file) => format!("details of {}", file.out().display()),
            View::DryRun(shown) => format!("dry run of {}", shown.count()),
            View::Written(written) => format!("written {}, {} bytes", written.file, written.bytes),
            View::Output(bytes) => format!("output of {} bytes", bytes.len()),
            View::FactoryPin { token } => format!("factory PIN of {token}"),
            other => format!("{other:?}"),
        });
        Ok(())
    }

    fn can_ask(&self) -> bool {
        !self.away
    }

    fn said_yes(&self, _: &Question) -> bool {
        false
    }

    fn ask(&self, question: &Question) -> Result<bool, OperatorError> {
        self.happens(format!("asked {question}"));
        Ok(self.answers.lock().unwrap().pop_front().unwrap_or(true))
    }

    fn secret(&self, secret: &Secret<'_>) -> Result<Option<Zeroizing<String>>, OperatorError> {
        self.happens(match secret {
            Secret::Pin { token, which, .. } => format!("secret: {which} of {token}"),
            other => format!("secret: {other:?}"),
        });
        Ok(Some(Zeroizing::new(self.pin.clone())))
    }

    fn check_interrupted(&self) -> Result<(), OperatorError> {
        self.happens("looks for an interruption");
        let interrupted = self.interrupts_at.is_some_and(|at| self.count("looks") >= at);
        let changed = self.count("changes") > 0;
        if interrupted { Err(OperatorError::Interrupted { changed }) } else { Ok(()) }
    }

    fn token_in_use(&self, in_use: bool) {
        self.happens(if in_use { "token in use" } else { "token free" });
    }

    fn something_changes(&self) {
        self.happens("changes");
    }
}
