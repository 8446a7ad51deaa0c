//! What is here, and what comes next: the tokens, the CTL in a folder, and the commands that follow from them.

use std::path::Path;

use super::error::WorkError;
use super::input::read_verified;
use super::next::{ListCommand, ListOption, Next};
use crate::token::{Module, TokenContents, TokenError};
use crate::trustlist::VerifiedList;

/// The CTL in force, as the documentation calls its copy.
const IN_FORCE: &str = "CTLFile.tlv";
/// Its successor, as the commands that sign call it.
const NEW: &str = "CTLFile.new.tlv";

/// A command that comes next, and what it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextStep {
    pub next: Next,
    pub what: &'static str,
}

/// What was found.
#[derive(Debug)]
pub struct Found {
    /// The tokens that are inserted, or why no module could be asked.
    pub tokens: Result<Vec<TokenContents>, TokenError>,
    /// The CTL in the folder, or why it cannot be used; `None` if there is none.
    pub list: Option<Result<VerifiedList, WorkError>>,
    /// Whether a new list was made from it.
    pub has_new: bool,
}

impl Found {
    /// Looks at the tokens of a module, and at the lists in a folder. Reads only.
    pub fn look(module: Result<Module, TokenError>, folder: &Path) -> Self {
        let list = folder.join(IN_FORCE);
        Found {
            tokens: module.and_then(|module| module.contents()),
            list: list.exists().then(|| read_verified(&list)),
            has_new: folder.join(NEW).exists(),
        }
    }

    /// What comes next, in its order; at most three commands.
    pub fn next_steps(&self) -> Vec<NextStep> {
        let step = |next, what| NextStep { next, what };
        let export =
            || step(Next::ExportCertificates, "Export the certificates for Phone-SAST-trust (needs no PIN):");
        let file = || IN_FORCE.to_owned();
        let mut ready = self.tokens.iter().flatten().filter(|contents| contents.token.initialized).peekable();
        if ready.peek().is_none() {
            return vec![step(Next::FindProblems, "Find out why there is no token that can sign:")];
        }
        let names: Vec<String> = ready.flat_map(TokenContents::sast_names).collect();
        let [first, ..] = &names[..] else {
            return vec![step(Next::MakeCertificate, "Make a SAST key on the token, and its certificate:")];
        };
        let list = match &self.list {
            Some(Ok(list)) => list,
            Some(Err(_)) => {
                return vec![step(Next::VerifyList { file: file() }, "See what is wrong with the list:")];
            }
            None => {
                let fetch = step(Next::FetchAlone, "Get the CTL and the ITL in force (needs no password):");
                return vec![fetch, export()];
            }
        };
        let ways = Next::ListProcedures { file: file() };
        let ways = step(ways, "List the possible procedures, and what phones do at each step:");
        if self.has_new {
            let check = Next::CheckList { new: NEW.into(), installed: file() };
            return vec![step(check, "Check whether phones accept the new list:"), ways];
        }
        if !list.signer().is_token() {
            let mut options = vec![ListOption::Signer(first.clone())];
            options.extend(names.get(1).cloned().map(ListOption::Spare));
            let revert = Next::MakeList { command: ListCommand::Revert, file: file(), options };
            let revert = step(revert, "Sign a new CTL with the tokens (shows the plan, then asks):");
            return vec![export(), ways, revert];
        }
        let in_list = |name: &String| list.list().sasts().any(|record| record.short_name() == *name);
        let lost = "Insert a token of this list, or see what to do if all of them are lost:";
        vec![NextStep { what: if names.iter().any(in_list) { ways.what } else { lost }, ..ways }]
    }
}
