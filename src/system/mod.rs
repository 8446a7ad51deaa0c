//! What differs between operating systems: a module for each concern, with a file for Unix and one for Windows.

pub mod access;
pub mod descriptor;
pub(crate) mod folders;
pub mod interruption;
pub(crate) mod process;
pub(crate) mod terminal;
