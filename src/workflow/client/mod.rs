//! The CTL Client's windows: what is chosen in them, and what is made of it.

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
