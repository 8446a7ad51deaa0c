//! The CTL Client's windows: what is chosen in them, and what is made of it.

mod choices;
mod command;
mod rows;

pub use choices::{AddedServer, Choices, EntryKind, Start};
pub use rows::Entry;
