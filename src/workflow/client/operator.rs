//! The operator in front of the windows.

use std::time::Duration;

use super::super::error::WorkError;
use super::super::operator::{Operator, OperatorError};
use super::super::signing::BatchFile;
use super::choices::Entry;
use crate::trustlist::Certificate;

/// What a window shows.
pub enum WindowView<'a> {
    Text(&'a str),
    /// The windows go on after it.
    Error(WorkError),
    Insert,
    /// Security Token Information.
    Token(&'a Certificate),
    /// The token that was named to sign must be inserted first.
    NotNamed {
        name: &'a str,
        named: &'a str,
    },
    /// The token that was named to sign was not added.
    NamedNotAdded {
        named: &'a str,
    },
    Entries(&'a [Entry]),
    /// The plan, with the end of a dry run.
    Plan {
        file: &'a BatchFile,
        dry_run: bool,
    },
}

/// An operator who can also be shown windows.
pub trait WindowOperator: Operator {
    /// Shows a part of a window.
    fn show_window(&self, view: WindowView<'_>);

    /// Lets the operator choose one of several, at first the one at `start`; its index, or `None` to go back.
    fn choose(&self, what: &str, options: &[String], start: usize) -> Result<Option<usize>, OperatorError>;

    /// Asks for a line of text, which is `now` at first; `None` to go back.
    fn text(&self, what: &str, now: &str) -> Result<Option<String>, OperatorError>;

    /// Whether the operator says Ok (`true`) or goes back (`false`) within some time.
    fn ok_within(&self, patience: Duration) -> Result<Option<bool>, OperatorError>;
}
