//! Candidates for a shell that completes words: names of tokens, profiles, procedures, topics, journals, nodes.
//!
//! An error is no candidate, and nothing is printed about it. No PIN is used.

use std::ffi::{OsStr, OsString};
use std::sync::mpsc;
use std::time::Duration;

use clap::builder::StyledStr;
use clap::{Arg, Args as _, Command, FromArgMatches as _};
use clap_complete::engine::{
    ArgValueCandidates, ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter as _,
};
use clap_complete::env::CompleteEnv;

use super::{Settings, topics};
use crate::system::folders;
use crate::token::Profile;
use crate::workflow::ModuleOptions;
use crate::workflow::advice::procedure_names;
use crate::workflow::journal::{ListedJournal, list};

/// The variable by which a shell asks.
pub const VARIABLE: &str = "SASTCTL_COMPLETE";

/// How long a shell waits for the names of tokens.
const PATIENCE: Duration = Duration::from_secs(3);

/// How many journals are looked at.
const JOURNALS: usize = 100;

/// Answers a shell. `None`: no shell asks; else the exit code.
pub fn answer(command_line: fn() -> Command) -> Option<u8> {
    std::env::var_os(VARIABLE)?;
    let here = std::env::current_dir().ok();
    let answered = CompleteEnv::with_factory(command_line).var(VARIABLE).completer("sastctl");
    Some(u8::from(answered.try_complete(std::env::args_os(), here.as_deref()).is_err()))
}

/// The argument with its candidates, if it has a kind of them.
pub fn with_candidates(arg: Arg, path: &str) -> Arg {
    let all = |arg: Arg, names: fn() -> Vec<CompletionCandidate>| arg.add(ArgValueCandidates::new(names));
    let kind = arg.get_value_names().and_then(|names| names.first()).map(|name| name.to_string());
    match (arg.get_id().as_str(), kind.as_deref(), path) {
        (_, Some("SELECTOR" | "TOKEN"), _) => all(arg, tokens),
        (_, Some("SELECTOR|FILE" | "TOKEN|FILE"), _) => arg.add(ArgValueCompleter::new(tokens_and_files)),
        ("profile", ..) | ("name", _, "profile show") => all(arg, profiles),
        ("way", ..) => all(arg, || named(procedure_names())),
        ("file", _, path) if path.starts_with("journal ") => arg.add(ArgValueCompleter::new(journals)),
        ("node" | "address", ..) => all(arg, nodes),
        _ => arg,
    }
}

fn named(names: impl IntoIterator<Item = impl Into<String>>) -> Vec<CompletionCandidate> {
    names.into_iter().map(|name| CompletionCandidate::new(name.into())).collect()
}

fn explained(name: impl Into<OsString>, says: impl Into<StyledStr>) -> CompletionCandidate {
    CompletionCandidate::new(name).help(Some(says.into()))
}

/// The SAST names; the serial number of a token without a certificate.
fn tokens() -> Vec<CompletionCandidate> {
    let (tell, told) = mpsc::sync_channel(1);
    // A module may take its time, or never answer: this thread ends with the process.
    std::thread::spawn(move || {
        let options = Settings::augment_args(Command::new("sastctl")).try_get_matches_from(["sastctl"]).ok();
        let options = options.and_then(|options| Settings::from_arg_matches(&options).ok()?.load().ok());
        let options = options.map(|settings| ModuleOptions { patience: None, ..settings.module_options() });
        let all = options.and_then(|options| options.open().ok()?.contents().ok()).unwrap_or_default();
        let of = |contents: &crate::token::TokenContents| {
            let names: Vec<String> = contents.sast_names().collect();
            let names = if names.is_empty() { vec![contents.token.serial.clone()] } else { names };
            let names = names.into_iter().filter(|name| !name.is_empty());
            names.map(|name| explained(name, &contents.token.label)).collect::<Vec<_>>()
        };
        let _ = tell.send(all.iter().flat_map(of).collect());
    });
    told.recv_timeout(PATIENCE).unwrap_or_default()
}

fn tokens_and_files(current: &OsStr) -> Vec<CompletionCandidate> {
    let begins = |name: &CompletionCandidate| {
        name.get_value().as_encoded_bytes().starts_with(current.as_encoded_bytes())
    };
    let mut all: Vec<_> = tokens().into_iter().filter(begins).collect();
    all.extend(PathCompleter::any().complete(current));
    all
}

fn profiles() -> Vec<CompletionCandidate> {
    Profile::built_in().map(|profile| explained(profile.name, profile.description)).collect()
}

/// `help` explains these commands, and the topics.
pub fn with_commands_and_topics(words: Arg, commands: Vec<(String, StyledStr)>) -> Arg {
    words.add(ArgValueCandidates::new(move || {
        let topics = topics::all().map(|topic| explained(topic.name, topic.title()));
        topics.chain(commands.iter().map(|(name, says)| explained(name, says.clone()))).collect()
    }))
}

fn listed() -> Vec<ListedJournal> {
    let folder = std::env::var_os("SASTCTL_JOURNAL").map(Into::into).or_else(folders::state);
    folder.and_then(|folder| list(&folder, JOURNALS).ok()).map(|(journals, _)| journals).unwrap_or_default()
}

fn journals(current: &OsStr) -> Vec<CompletionCandidate> {
    let current = current.to_string_lossy();
    let journals = listed().into_iter().filter(|journal| journal.name.starts_with(&*current));
    let mut all: Vec<_> = journals.map(|j| explained(j.name, j.subject.unwrap_or_default())).collect();
    all.extend(PathCompleter::file().complete(OsStr::new(&*current)));
    all
}

/// The publishers of known runs.
fn nodes() -> Vec<CompletionCandidate> {
    let mut nodes: Vec<String> = listed().into_iter().filter_map(|journal| journal.node).collect();
    nodes.sort_unstable();
    nodes.dedup();
    named(nodes)
}
