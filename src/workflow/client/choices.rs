//! What was chosen in the windows, as a value: the rows of the sixth window, and the same plans as the other commands
//! make, with the command that does it.
#![allow(missing_docs, reason = "the fields are called by what they are")]

use std::fmt;

use super::super::next::{ListCommand, ListOption};
use super::super::plan::cluster_file::ClusterFile;
use super::super::plan::{
    Edit, Mark, Needed, NewServer, Plan, PlanError, Release, Request, create, leaves, renew,
    renewed as renewed_records, resign, revert, signer_not_in_force, spare_tokens, update,
};
use crate::cluster::SecurityMode;
use crate::trustlist::{
    Certificate, Function, Name, Record, Style, VerifiedList, digest, printable, record_tag,
};

/// What the windows start from.
#[derive(Debug, Clone)]
pub enum Start {
    InForce(Box<VerifiedList>),
    /// No list yet: servers, their certificates in the same order, and those of the tokens that the file names.
    NoFile {
        cluster: Box<ClusterFile>,
        certificates: Vec<Option<Certificate>>,
        tokens: Vec<Certificate>,
    },
}

impl Start {
    /// Whether tokens sign the list in force.
    pub fn is_token_signed(&self) -> bool {
        matches!(self, Start::InForce(old) if old.signer().is_token())
    }

    /// Whether a token has an entry.
    pub fn knows(&self, token: &Certificate) -> bool {
        self.entry_of(token).is_some()
    }

    /// The place of a token's entry, by [`EntryKind::InList`].
    fn entry_of(&self, token: &Certificate) -> Option<usize> {
        match self {
            Start::InForce(old) => {
                let is_it = |r: &Record| r.function() == Function::SAST && r.is_of(token);
                old.list().records().iter().position(is_it)
            }
            Start::NoFile { cluster, tokens, .. } => {
                let at = tokens.iter().position(|other| other == token);
                at.map(|at| at.saturating_add(cluster.servers.len()))
            }
        }
    }
}

/// A server that was added in the windows.
#[derive(Debug, Clone)]
pub struct AddedServer {
    pub server: NewServer,
    /// The certificate's file, to repeat it.
    pub file: String,
}

/// What a cluster needs in its list now.
#[derive(Debug, Clone)]
pub struct ClusterNeeds {
    /// Its publisher, as a command names it.
    pub node: String,
    pub needed: Needed,
}

/// Where an entry of the sixth window comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// The list in force, or the cluster file, whose tokens stand behind its servers; counted from 0.
    InList(usize),
    Token(usize),
    Server(usize),
    /// The cluster needs it, and the list in force has it otherwise or not at all.
    FromCluster,
}

/// One row of the sixth window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it comes from.
    pub kind: EntryKind,
    /// Type, Hostname/IP Address, Issuer Name, Subject Name.
    pub columns: [String; 4],
    /// As far as it can be read.
    pub certificate: Option<Certificate>,
}

impl fmt::Display for Entry {
    /// In a line: `CAPF  10.48.47.155  CN=CAPF-e41e7d87`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [kind, host, _, subject] = &self.columns;
        write!(f, "{kind}  {host}  {}", printable(subject))
    }
}

#[derive(Debug, Clone)]
pub struct Choices {
    pub start: Start,
    /// The security mode to set; `None` leaves it as it is.
    pub mode: Option<SecurityMode>,
    /// The tokens that were added, in the order in which they were inserted. The first one signs a first list.
    pub tokens: Vec<Certificate>,
    /// The token that signs whatever the order, once it was added: named on the command line, or chosen in the window.
    pub named: Option<Certificate>,
    pub servers: Vec<AddedServer>,
    /// What the cluster needs in its list now, if the list in force was fetched from it.
    pub cluster: Option<ClusterNeeds>,
    /// Entries of the list in force that were deleted, by [`EntryKind::InList`].
    pub deleted: Vec<usize>,
}

impl Choices {
    pub fn new(start: Start) -> Self {
        let mode = Some(SecurityMode::Mixed);
        let (tokens, servers, deleted) = (vec![], vec![], vec![]);
        Choices { start, mode, tokens, named: None, servers, cluster: None, deleted }
    }

    /// Adds a token. The CTL Client's rules: not twice, and an update begins with a token of the list in force.
    pub fn add_token(&mut self, certificate: Certificate) -> Result<(), PlanError> {
        let entry = self.start.entry_of(&certificate);
        if let Start::InForce(old) = &self.start
            && self.start.is_token_signed()
        {
            match (self.signer().is_none(), entry) {
                (true, None) => return Err(signer_not_in_force(old, &certificate, false)),
                (false, Some(record)) if !self.deleted.contains(&record) => {
                    let record = record.saturating_add(1);
                    return Err(PlanError::TokenAlreadyInList { name: certificate.sast_name(), record });
                }
                _ => {}
            }
        }
        if self.tokens.contains(&certificate) {
            return Err(PlanError::TokenTwice { name: certificate.sast_name() });
        }
        // Who adds a token that was taken out wants it back.
        self.deleted.retain(|index| Some(*index) != entry);
        self.tokens.push(certificate);
        Ok(())
    }

    /// The tokens that may sign, in the order in which they were inserted: of an update those of the list in force.
    pub fn signers(&self) -> impl Iterator<Item = &Certificate> {
        let update = self.start.is_token_signed();
        self.tokens.iter().filter(move |token| !update || self.has_entry(token))
    }

    /// The token that signs: of those that may the one that was chosen, else the first inserted.
    pub fn signer(&self) -> Option<&Certificate> {
        self.signers().find(|token| self.named.as_ref() == Some(*token)).or_else(|| self.signers().next())
    }

    /// How many tokens a first list would have as far as it was chosen.
    pub fn first_tokens(&self) -> usize {
        let others = self.of_file().filter(|(_, token)| !self.tokens.contains(token));
        self.tokens.len().saturating_add(others.count())
    }

    /// The tokens that the cluster file names and that stay, each with the place of its entry.
    fn of_file(&self) -> impl Iterator<Item = (usize, &Certificate)> {
        let (servers, tokens) = match &self.start {
            Start::NoFile { cluster, tokens, .. } => (cluster.servers.len(), &tokens[..]),
            Start::InForce(_) => (0, &[][..]),
        };
        let all = tokens.iter().enumerate().map(move |(at, token)| (at.saturating_add(servers), token));
        all.filter(|(index, _)| !self.deleted.contains(index))
    }

    /// Whether a token has an entry of the list in force, or of the cluster file, that stays.
    fn has_entry(&self, token: &Certificate) -> bool {
        self.start.entry_of(token).is_some_and(|index| !self.deleted.contains(&index))
    }

    pub fn delete(&mut self, kind: EntryKind) {
        match kind {
            EntryKind::InList(index) => {
                self.deleted.push(index);
                // Its token, if it was inserted, is not inserted any more.
                let start = &self.start;
                self.tokens.retain(|token| start.entry_of(token) != Some(index));
            }
            EntryKind::Token(index) if index < self.tokens.len() => {
                self.tokens.remove(index);
            }
            EntryKind::Server(index) if index < self.servers.len() => {
                self.servers.remove(index);
            }
            EntryKind::Token(_) | EntryKind::Server(_) | EntryKind::FromCluster => {}
        }
    }

    /// The plan: the same that `revert`, `ctl create`, `ctl update` or `ctl sign` makes of these choices.
    pub fn plan(&self, request: &Request<'_>) -> Result<Plan, PlanError> {
        let mut edits = self.edits();
        let others: Vec<_> = self.tokens.iter().filter(|t| *t != request.signer).cloned().collect();
        match &self.start {
            Start::InForce(old) if self.start.is_token_signed() => {
                // One that was put back is in the list.
                let new = others.into_iter().filter(|token| !self.has_entry(token));
                edits.extend(new.map(Edit::AddToken));
                if let Some(cluster) = &self.cluster {
                    return renew(old, request, &cluster.needed, &edits);
                }
                match update(old, request, &edits) {
                    // Nothing but a new signature and time: the CTL Client does that too.
                    Err(PlanError::NothingToDo) => resign(old, request),
                    plan => plan,
                }
            }
            Start::InForce(old) => revert(old, request, &others, None, false, &edits),
            Start::NoFile { cluster, certificates, .. } => {
                let of_file = self.of_file().map(|(_, token)| token.clone()).collect();
                let others = spare_tokens(request.signer, others, of_file);
                let mut cluster = cluster.clone();
                let certificates = self.kept(certificates);
                cluster.servers = self.kept(&cluster.servers);
                create(&cluster, &certificates, request, &others, false, &edits)
            }
        }
    }

    /// Servers and mode; tokens are each plan's own affair.
    fn edits(&self) -> Vec<Edit> {
        let remove =
            |(is_token, name)| if is_token { Edit::RemoveToken(name) } else { Edit::RemoveServer(name) };
        // A first list is made without them.
        let taken_out = if matches!(self.start, Start::InForce(_)) { self.taken_out() } else { vec![] };
        let mut edits: Vec<Edit> = taken_out.into_iter().map(remove).collect();
        edits.extend(self.servers.iter().map(|added| Edit::AddServer(added.server.clone())));
        edits.extend(self.mode.map(Edit::SetMode));
        edits
    }

    /// The entries of the list in force or of the cluster file that were deleted: whether it is a token, and its serial
    /// number, or what a server is called by.
    fn taken_out(&self) -> Vec<(bool, String)> {
        let name = |index: &usize| match &self.start {
            Start::InForce(old) => {
                let record = old.list().records().get(*index)?;
                if record.function() == Function::SAST {
                    let serial = record.get(record_tag::SERIAL_NUMBER).map(|s| digest::hex(s, ""));
                    return Some((true, serial.unwrap_or_default()));
                }
                Some((false, named(record.function(), &record.place())))
            }
            Start::NoFile { cluster, tokens, .. } => match cluster.servers.get(*index) {
                Some(server) => Some((false, named(server.function, &server.place().unwrap_or_default()))),
                None => {
                    let token = tokens.get(index.checked_sub(cluster.servers.len())?)?;
                    Some((true, digest::hex(&token.serial, "")))
                }
            },
        };
        self.deleted.iter().filter_map(name).collect()
    }

    /// What stays of the servers of the cluster file, or of their certificates.
    fn kept<T: Clone>(&self, all: &[T]) -> Vec<T> {
        let stays = |(index, _): &(usize, &T)| !self.deleted.contains(index);
        all.iter().enumerate().filter(stays).map(|(_, one)| one.clone()).collect()
    }

    /// The rows of the sixth window.
    pub fn entries(&self) -> Vec<Entry> {
        let stays = |index: &usize| !self.deleted.contains(index);
        let mut entries = Vec::new();
        let mut add = |kind, columns, certificate| entries.push(Entry { kind, columns, certificate });
        match &self.start {
            Start::InForce(old) => {
                let release = Release::told_by(old);
                let leaves = |record: &Record| !self.start.is_token_signed() && leaves(record, release);
                let cluster = self.cluster.as_ref().filter(|_| self.start.is_token_signed());
                let renewed = cluster.and_then(|cluster| renewed_records(old, &cluster.needed).ok());
                let mut left: Vec<_> = old.list().records().iter().enumerate().collect();
                for record in renewed.as_deref().unwrap_or(old.list().records()) {
                    let at = left.iter().position(|(_, in_list)| *in_list == record);
                    let index = at.map(|at| left.remove(at).0);
                    if index.is_some_and(|index| !stays(&index)) || leaves(record) {
                        continue;
                    }
                    let kind = index.map_or(EntryKind::FromCluster, EntryKind::InList);
                    add(kind, of_record(record), record.certificate().and_then(Result::ok));
                }
            }
            Start::NoFile { cluster, certificates, .. } => {
                let servers = cluster.servers.iter().zip(certificates).enumerate();
                for (index, (server, certificate)) in servers.filter(|(index, _)| stays(index)) {
                    let kind = server.function.to_string();
                    let columns = columns(kind, server.place().unwrap_or_default(), certificate.as_ref());
                    add(EntryKind::InList(index), columns, certificate.clone());
                }
            }
        }
        for (index, token) in self.of_file() {
            add(EntryKind::InList(index), of_token(token), Some(token.clone()));
        }
        for (index, AddedServer { server, .. }) in self.servers.iter().enumerate() {
            let (kind, at) = (server.function.to_string(), server.address.to_string());
            let certificate = &server.certificate;
            add(EntryKind::Server(index), columns(kind, at, Some(certificate)), Some(certificate.clone()));
        }
        for (index, token) in self.tokens.iter().enumerate().filter(|(_, token)| !self.has_entry(token)) {
            add(EntryKind::Token(index), of_token(token), Some(token.clone()));
        }
        entries
    }

    /// The serial numbers of tokens that were taken out though the commands take them in, those of a bridge and of the
    /// cluster file: `ctl update` does that once `revert` or `ctl create` is done.
    pub fn leave_afterwards(&self) -> Vec<String> {
        let all = if self.start.is_token_signed() { vec![] } else { self.taken_out() };
        all.into_iter().filter_map(|(is_token, serial)| is_token.then_some(serial)).collect()
    }

    /// The command that makes this plan without windows.
    pub fn command(&self, plan: &Plan) -> ListCommand {
        match &self.start {
            Start::NoFile { .. } => ListCommand::Create,
            Start::InForce(_) if !self.start.is_token_signed() => ListCommand::Revert,
            // Mixed mode in a list that is in mixed mode changes nothing: the list is signed again.
            Start::InForce(_) if plan.steps.iter().all(|s| s.mark == Mark::Keep) => ListCommand::Resign,
            Start::InForce(_) => ListCommand::Update,
        }
    }

    /// Its other options, besides the signer.
    pub fn options(&self) -> Vec<ListOption> {
        let (is_update, signer) = (self.start.is_token_signed(), self.signer());
        let add = if is_update { ListOption::AddToken } else { ListOption::Spare };
        // One that was put back is in the list.
        let is_new = |token: &&Certificate| Some(*token) != signer && !(is_update && self.has_entry(token));
        let tokens = self.tokens.iter().filter(is_new).map(|token| add(token.sast_name()));
        // `revert` and `ctl create` have no option to take out tokens: `leave_afterwards`.
        let taken_out = self.taken_out().into_iter().filter_map(|(is_token, name)| match is_token {
            true => is_update.then_some(ListOption::RemoveToken(name)),
            false => Some(ListOption::RemoveServer(name)),
        });
        let mut options: Vec<ListOption> = tokens.chain(taken_out).collect();
        let cluster = self.cluster.as_ref().filter(|_| is_update);
        options.extend(cluster.map(|cluster| ListOption::FromCluster(cluster.node.clone())));
        for added in &self.servers {
            let at = format!("{}:{}", added.server.address, added.file);
            options.push(ListOption::AddServer(named(added.server.function, &at)));
        }
        // What the command would make without a word.
        let is_mixed = match &self.start {
            Start::InForce(_) => !is_update,
            Start::NoFile { cluster, .. } => cluster.mode == SecurityMode::Mixed,
        };
        let mode = self.mode.filter(|mode| !(is_mixed && *mode == SecurityMode::Mixed));
        options.extend(mode.map(ListOption::Mode));
        options
    }
}

fn named(function: Function, at: &str) -> String {
    format!("{}:{at}", function.to_string().to_lowercase())
}

/// What the CTL Client shows for a token.
const NO_HOSTNAME: &str = "- No Hostname -";

fn of_record(record: &Record) -> [String; 4] {
    let (kind, host) = if record.is_token() {
        ("Security Token".to_owned(), NO_HOSTNAME.to_owned())
    } else {
        (record.function().to_string(), record.place())
    };
    [kind, host, record.issuer_name().unwrap_or_default(), record.subject_name().unwrap_or_default()]
}

fn of_token(token: &Certificate) -> [String; 4] {
    columns("Security Token".to_owned(), NO_HOSTNAME.to_owned(), Some(token))
}

fn columns(kind: String, host: String, certificate: Option<&Certificate>) -> [String; 4] {
    // As its record will spell it.
    let style = |c: &Certificate| if host == NO_HOSTNAME { c.sast_style() } else { Style::Cucm };
    let name = |c: &Certificate, n: &Name| n.spelled(style(c)).trim_end_matches('\0').to_owned();
    let issuer = certificate.map(|c| name(c, &c.issuer)).unwrap_or_default();
    let subject = certificate.map(|c| name(c, &c.subject)).unwrap_or_default();
    [kind, host, issuer, subject]
}
