//! The CTL Client's windows: the choices made in them, and the plan that follows.

mod choices;
mod command;
mod finish;
mod insert;
mod operator;
mod rows;
mod windows;

pub use choices::{AddedServer, Choices, EntryKind, Start};
pub(crate) use operator::{WindowOperator, WindowView};
pub use rows::Entry;
pub(crate) use windows::{Finished, Windows};
