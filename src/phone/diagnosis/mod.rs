//! A phone that refuses: what is known about it and its node, and what helps. Pure: `workflow::diagnose` asks the questions.
//! The rules are in `docs/facts.md`, "A phone that refuses".

mod console;
mod facts;
mod rules;

pub use console::ConsoleLog;
pub use facts::{Answer, Asked, ConfigFile, Facts, Held, ListFacts, Served};
pub use rules::{RULES, Remedy, Verdict, verdict};
