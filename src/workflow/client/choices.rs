//! What was chosen in the windows, as a value: from it to the same plans as the other commands make.
#![allow(missing_docs, reason = "the fields are called by what they are")]

use super::super::plan::cluster_file::ClusterFile;
use super::super::plan::{
    Edit, NewServer, Plan, PlanError, Request, create, resign, revert, signer_not_in_force, spare_tokens,
    update,
};
use crate::cluster::SecurityMode;
use crate::trustlist::{Certificate, Function, Record, VerifiedList, digest, record_tag};

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
                let at = tokens.iter().position(|t| t.der() == token.der());
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

/// Where an entry of the sixth window comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// The list in force, or the cluster file, whose tokens stand behind its servers; counted from 0.
    InList(usize),
    Token(usize),
    Server(usize),
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
    /// Entries of the list in force that were deleted, by [`EntryKind::InList`].
    pub deleted: Vec<usize>,
}

impl Choices {
    pub fn new(start: Start) -> Self {
        let mode = Some(SecurityMode::Mixed);
        Choices { start, mode, tokens: vec![], named: None, servers: vec![], deleted: vec![] }
    }

    /// Adds a token. The CTL Client's rules: not twice, and an update begins with a token of the list in force.
    pub fn add_token(&mut self, certificate: Certificate) -> Result<(), PlanError> {
        if let Start::InForce(old) = &self.start
            && self.start.is_token_signed()
        {
            match (self.signer().is_none(), self.start.entry_of(&certificate)) {
                (true, None) => {
                    return Err(signer_not_in_force(old, &certificate, false));
                }
                (false, Some(record)) if !self.deleted.contains(&record) => {
                    let record = record.saturating_add(1);
                    return Err(PlanError::TokenAlreadyInList { name: certificate.sast_name(), record });
                }
                _ => {}
            }
        }
        if self.tokens.iter().any(|t| t.der() == certificate.der()) {
            return Err(PlanError::TokenTwice { name: certificate.sast_name() });
        }
        // Who adds a token that was taken out wants it back.
        let entry = self.start.entry_of(&certificate);
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
        let is_named = |token: &&Certificate| self.named.as_ref().is_some_and(|n| n.der() == token.der());
        self.signers().find(is_named).or_else(|| self.signers().next())
    }

    /// How many tokens a first list would have as far as it was chosen.
    pub fn first_tokens(&self) -> usize {
        let inserted = |token: &Certificate| self.tokens.iter().any(|t| t.der() == token.der());
        self.tokens.len().saturating_add(self.of_file().filter(|(_, token)| !inserted(token)).count())
    }

    /// The tokens that the cluster file names and that stay, each with the place of its entry.
    pub(super) fn of_file(&self) -> impl Iterator<Item = (usize, &Certificate)> {
        let (servers, tokens) = match &self.start {
            Start::NoFile { cluster, tokens, .. } => (cluster.servers.len(), &tokens[..]),
            Start::InForce(_) => (0, &[][..]),
        };
        let all = tokens.iter().enumerate().map(move |(at, token)| (at.saturating_add(servers), token));
        all.filter(|(index, _)| !self.deleted.contains(index))
    }

    /// Whether a token has an entry of the list in force, or of the cluster file, that stays.
    pub(super) fn has_entry(&self, token: &Certificate) -> bool {
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
            EntryKind::Token(_) | EntryKind::Server(_) => {}
        }
    }

    /// The plan: the same that `revert`, `ctl create`, `ctl update` or `ctl sign` makes of these choices.
    pub fn plan(&self, request: &Request<'_>) -> Result<Plan, PlanError> {
        let mut edits = self.edits();
        let others: Vec<Certificate> =
            self.tokens.iter().filter(|t| t.der() != request.signer.der()).cloned().collect();
        match &self.start {
            Start::InForce(old) if self.start.is_token_signed() => {
                // One that was put back is in the list.
                let new = others.into_iter().filter(|token| !self.has_entry(token));
                edits.extend(new.map(Edit::AddToken));
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
        let remove = |record: &Record| match record.function() {
            Function::SAST => Edit::RemoveToken(serial(record)),
            _ => Edit::RemoveServer(server_name(record)),
        };
        let mut edits: Vec<Edit> = self.deleted_records().map(remove).collect();
        edits.extend(self.servers.iter().map(|added| Edit::AddServer(added.server.clone())));
        edits.extend(self.mode.map(Edit::SetMode));
        edits
    }

    /// The records of the list in force that were deleted.
    pub(super) fn deleted_records(&self) -> impl Iterator<Item = &Record> {
        let records = match &self.start {
            Start::InForce(old) => old.list().records(),
            Start::NoFile { .. } => &[],
        };
        self.deleted.iter().filter_map(|index| records.get(*index))
    }

    /// What stays of the servers of the cluster file, or of their certificates.
    fn kept<T: Clone>(&self, all: &[T]) -> Vec<T> {
        let stays = |(index, _): &(usize, &T)| !self.deleted.contains(index);
        all.iter().enumerate().filter(stays).map(|(_, one)| one.clone()).collect()
    }
}

pub(super) fn serial(record: &Record) -> String {
    record.get(record_tag::SERIAL_NUMBER).map(|s| digest::hex(s, "")).unwrap_or_default()
}

pub(super) fn server_name(record: &Record) -> String {
    let at = record.ip_address().map(|ip| ip.to_string()).or_else(|| record.dns_name()).unwrap_or_default();
    named(record.function(), &at)
}

pub(super) fn named(function: Function, at: &str) -> String {
    format!("{}:{at}", function.to_string().to_lowercase())
}
