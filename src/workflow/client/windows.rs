//! The windows themselves, in the CTL Client's order and words.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::error::WorkError;
use super::super::input::read_certificate;
use super::super::operator::{Operator, OperatorError};
use super::super::plan::{NewServer, Plan, PlanError, Request};
use super::super::signing::{BatchFile, Signed, SigningOrder};
use super::choices::{AddedServer, Choices, ClusterNeeds, Entry, EntryKind, Start};
use crate::cluster::{Connector, NodeAddress, Ports, SecurityMode};
use crate::token::{Module, PinState, Sast, Selector};
use crate::trustlist::{Certificate, Function, printable};

/// The third window: the security mode to set, if any.
const MODES: [(Option<SecurityMode>, &str); 3] = [
    (Some(SecurityMode::Mixed), "Set Cisco Unified CallManager Cluster to Mixed Mode"),
    (Some(SecurityMode::NonSecure), "Set Cisco Unified CallManager Cluster to Non-Secure Mode"),
    (None, "Update CTL File"),
];

/// The CTL Client's words at a token that is not in the list in force.
const ANOTHER: &str = "Please remove any Security Tokens already inserted and insert another Security Token.  \
                       Click Ok when done.";

/// What a window shows.
pub enum WindowView<'a> {
    /// A window begins: its title.
    Title(&'a str),
    Text(&'a str),
    /// The windows go on after it.
    Error(WorkError),
    /// The fourth window: the tokens that are inserted, and why the last Ok did nothing. Replaces what it showed before.
    Insert {
        inserted: &'a [String],
        note: &'a str,
    },
    /// The PIN did not open the token; its state now.
    PinRefused {
        error: WorkError,
        state: PinState,
    },
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

    /// The sixth window: one of the buttons, at first the one at `start`, and the entry that is selected, if the front end
    /// has such; `None` to go back.
    fn entries(
        &self,
        entries: &[Entry],
        buttons: &[&str],
        start: usize,
    ) -> Result<Option<(usize, Option<usize>)>, OperatorError>;

    /// Asks for a line of text, which is `now` at first; `None` to go back.
    fn text(&self, what: &str, now: &str) -> Result<Option<String>, OperatorError>;

    /// Whether the operator says Ok (`true`) or goes back (`false`) within some time.
    fn ok_within(&self, patience: Duration) -> Result<Option<bool>, OperatorError>;

    /// Whether a person types the PIN at each try. No other PIN is tried again.
    fn types_pins(&self) -> bool;
}

/// What the windows work with.
pub struct Windows<'a> {
    pub operator: &'a dyn WindowOperator,
    pub module: Module,
    /// The CTL in force, or a cluster file.
    pub source: PathBuf,
    /// The publisher of the cluster that the list in force was fetched from, or is.
    pub node: Option<NodeAddress>,
    /// The administrator, if he was named.
    pub user: Option<String>,
    /// A connector that knows no password yet.
    pub connect: &'a dyn Fn() -> Connector<'a>,
    /// The one that fetched the list.
    pub connector: Option<Connector<'a>>,
    pub ports: Ports,
    /// What its cluster needs in the list.
    pub cluster: Option<ClusterNeeds>,
    /// The output folder, or the file that is written.
    pub folder: PathBuf,
    /// As it was named before the windows.
    pub out: Option<PathBuf>,
    /// The token that signs, if it was named.
    pub named: Option<Selector>,
    /// What every plan needs in addition to the records, for the certificate that signs.
    pub request: &'a dyn Fn(&Certificate) -> Result<Request<'_>, OperatorError>,
    pub order: SigningOrder<'a>,
}

/// What was chosen so far, and the tokens that belong to it.
pub struct Chosen {
    pub choices: Choices,
    pub tokens: Vec<Sast>,
}

/// A token that is in, with its SAST certificate.
pub struct Inserted {
    pub sast: Sast,
    /// Whether `--token` names it.
    pub is_named: bool,
}

/// How the windows end.
pub enum Finished {
    /// The plan was only shown.
    DryRun,
    Signed(Box<SignedList>),
}

/// A list that was signed in the windows.
pub struct SignedList {
    pub choices: Choices,
    pub plan: Plan,
    pub source: PathBuf,
    pub out: PathBuf,
    pub signed: Signed,
}

impl Windows<'_> {
    /// Goes through the windows; `None` if the operator leaves.
    pub fn run(&mut self) -> Result<Option<Finished>, WorkError> {
        while let Some(start) = self.server()? {
            let choices = Choices { cluster: self.cluster.take(), ..Choices::new(start) };
            let mut chosen = Chosen { choices, tokens: vec![] };
            let goes_on = self.warning(&chosen.choices)?;
            while goes_on && self.mode(&mut chosen.choices)? {
                if chosen.tokens.is_empty() && !self.insert(&mut chosen)? {
                    continue;
                }
                while self.entries(&mut chosen)? {
                    let finished = match self.confirm(&mut chosen)? {
                        Some(Some(confirmed)) => self.sign(&chosen.choices, confirmed)?,
                        Some(None) => Some(Finished::DryRun),
                        None => None,
                    };
                    if finished.is_some() {
                        return Ok(finished);
                    }
                }
            }
        }
        Ok(None)
    }

    pub(super) fn title(&self, title: &str) {
        self.operator.show_window(WindowView::Title(title));
    }

    pub(super) fn say(&self, text: &str) {
        self.operator.show_window(WindowView::Text(text));
    }

    /// An error stays in the window, which shows it.
    pub(super) fn or_why_not<T>(&self, result: Result<T, WorkError>) -> Option<T> {
        result.map_err(|e| self.operator.show_window(WindowView::Error(e))).ok()
    }

    pub(super) fn choose(
        &self,
        what: &str,
        options: &[&str],
        start: usize,
    ) -> Result<Option<usize>, OperatorError> {
        let options: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
        self.operator.choose(what, &options, start)
    }

    /// Whether this is the file that was named to be written, and no folder.
    pub fn is_file(&self, folder: &Path) -> bool {
        let ends = folder.extension().is_some_and(|e| e.eq_ignore_ascii_case("tlv"));
        ends && self.out.as_deref() == Some(folder) && !folder.is_dir()
    }

    /// Window 2, where there is no file in mixed mode.
    fn warning(&self, choices: &Choices) -> Result<bool, WorkError> {
        if !matches!(&choices.start, Start::NoFile { cluster, .. } if cluster.mode == SecurityMode::Mixed) {
            return Ok(true);
        }
        self.title("Warning");
        self.say(
            "No CTL File exists on the server but the Call Manager Cluster Security Mode is in Secure Mode.\n\
             For the system to function, you must create the CTL File and set Call Manager Cluster the Secure Mode.",
        );
        Ok(self.choose("", &["OK"], 0)?.is_some())
    }

    /// Window 3.
    fn mode(&self, choices: &mut Choices) -> Result<bool, WorkError> {
        self.title("Cluster Security Mode");
        let now = MODES.iter().position(|(mode, _)| choices.mode == *mode);
        let labels = MODES.map(|(_, label)| label);
        let chosen = self.choose("", &labels, now.unwrap_or(0))?;
        let mode = chosen.and_then(|at| MODES.get(at));
        mode.inspect(|(mode, _)| choices.mode = *mode);
        Ok(mode.is_some())
    }

    /// Windows 4 and 5: a token, what it is, Add.
    fn insert(&self, chosen: &mut Chosen) -> Result<bool, WorkError> {
        loop {
            let Some(inserted) = self.wait(&chosen.tokens)? else { return Ok(false) };
            let mut added = false;
            for one in inserted {
                added |= self.add(one, chosen)?;
            }
            if added {
                return Ok(true);
            }
        }
    }

    /// Window 5; whether the token was added.
    fn add(&self, Inserted { sast, is_named }: Inserted, chosen: &mut Chosen) -> Result<bool, WorkError> {
        let choices = &mut chosen.choices;
        let sast = sast.known_by(|certificate| choices.start.knows(certificate));
        let certificate = sast.certificate().clone();
        self.title("Security Token Information");
        self.operator.show_window(WindowView::Token(&certificate));
        if self.choose("", &["Add"], 0)?.is_none() {
            return Ok(false);
        }
        let would_sign = choices.start.is_token_signed() && choices.signer().is_none();
        if let Some(named) = self.named.as_ref().filter(|_| would_sign && !is_named) {
            let (name, named) = (&certificate.sast_name(), &named.to_string());
            self.operator.show_window(WindowView::NotNamed { name, named });
            return Ok(false);
        }
        if let Err(e) = choices.add_token(certificate.clone()) {
            let insert_another = matches!(e, PlanError::SignerNotInForce { .. });
            self.operator.show_window(WindowView::Error(e.into()));
            if insert_another {
                self.say(ANOTHER);
            }
            return Ok(false);
        }
        if is_named {
            choices.named = Some(certificate);
        }
        chosen.tokens.push(sast);
        Ok(true)
    }

    /// Window 6.
    fn entries(&self, chosen: &mut Chosen) -> Result<bool, WorkError> {
        const BUTTONS: [&str; 5] = ["Finish", "Add Tokens", "Add TFTP", "Add Firewall", "Delete Selected"];
        loop {
            self.title("CTL Entries");
            // What is missing comes first: one token is not enough for a first file.
            let choices = &mut chosen.choices;
            let first = !choices.start.is_token_signed() && choices.first_tokens() < 2;
            let entries = choices.entries();
            let pressed = self.operator.entries(&entries, &BUTTONS, usize::from(first))?;
            let Some((button, selected)) = pressed else { return Ok(false) };
            match BUTTONS.get(button).copied() {
                Some("Finish") => return Ok(true),
                Some("Add Tokens") => drop(self.insert(chosen)?),
                Some("Add TFTP") => self.add_server("TFTP", Function::TFTP, choices)?,
                Some("Add Firewall") => self.add_server("Firewall", Function::CCM, choices)?,
                _ => self.delete(chosen, &entries, selected)?,
            }
        }
    }

    fn add_server(&self, what: &str, function: Function, choices: &mut Choices) -> Result<(), WorkError> {
        let mut given = String::new();
        self.title(&format!("Add {what}"));
        loop {
            match self.operator.text(&format!("{what} server, IP address:"), &given)? {
                Some(text) => given = text,
                None => return Ok(()),
            }
            let Ok(address) = given.parse::<Ipv4Addr>() else {
                self.say(&format!("{} is not an IPv4 address.", printable(&given)));
                continue;
            };
            let file = self.operator.text(&format!("{what} server, certificate file:"), "")?;
            let Some(file) = file else { continue };
            let Some(certificate) = self.or_why_not(read_certificate(Path::new(&file))) else { continue };
            let server = NewServer { function, address, certificate, host: None };
            choices.servers.push(AddedServer { server, file });
            return Ok(());
        }
    }

    /// Deletes the selected entry, or the one that is chosen now.
    fn delete(
        &self,
        Chosen { choices, tokens }: &mut Chosen,
        entries: &[Entry],
        selected: Option<usize>,
    ) -> Result<(), WorkError> {
        if entries.is_empty() {
            self.say("There is nothing to delete.");
            return Ok(());
        }
        let options: Vec<String> = entries.iter().map(Entry::to_string).collect();
        let chosen = match selected {
            None => self.operator.choose("Delete Selected", &options, 0)?,
            selected => selected,
        };
        let Some(entry) = chosen.and_then(|at| entries.get(at)) else { return Ok(()) };
        if entry.kind == EntryKind::FromCluster {
            self.say("The cluster needs this entry.");
            return Ok(());
        }
        choices.delete(entry.kind);
        // A token that is no longer among the choices may be added again.
        tokens.retain(|sast| choices.tokens.contains(sast.certificate()));
        Ok(())
    }
}
