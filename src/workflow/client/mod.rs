//! The CTL Client's windows: the choices made in them, and the plan that follows.

mod choices;
mod finish;
mod insert;
mod server;
mod windows;

pub use choices::{AddedServer, Choices, ClusterNeeds, Entry, EntryKind, Start};
pub(crate) use windows::{Finished, SignedList, WindowOperator, WindowView, Windows};
