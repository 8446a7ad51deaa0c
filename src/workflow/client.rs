//! What the CTL Client's windows gather, as a value: from these choices to the same plans as the other commands make.

use std::net::Ipv4Addr;

use super::cluster_file::ClusterFile;
use super::create::create_and;
use super::error::PlanError;
use super::plan::{Plan, Request};
use super::revert::{Release, leaves, revert_and};
use super::sign::resign;
use super::update::{Edit, Mode, NewServer, update};
use crate::trustlist::{Certificate, Function, Name, Record, Style, VerifiedList, digest, record_tag};

/// What the windows start from.
#[derive(Debug, Clone)]
pub enum Start {
    /// The list in force.
    InForce(Box<VerifiedList>),
    /// No list yet: servers, and their certificates in the same order.
    NoFile {
        /// The cluster.
        cluster: Box<ClusterFile>,
        /// Certificates of its servers.
        certificates: Vec<Option<Certificate>>,
    },
}

impl Start {
    /// Whether tokens sign the list in force.
    pub fn is_token_signed(&self) -> bool {
        matches!(self, Start::InForce(old) if old.signer().is_some_and(Record::is_token))
    }
}

/// The third window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecurityMode {
    /// Mixed mode.
    Mixed,
    /// Non-secure mode.
    NonSecure,
    /// The mode stays; the file is updated.
    Update,
}

impl SecurityMode {
    /// In the window's order.
    pub const ALL: [SecurityMode; 3] = [SecurityMode::Mixed, SecurityMode::NonSecure, SecurityMode::Update];

    /// The CTL Client's words.
    pub fn label(self) -> &'static str {
        match self {
            SecurityMode::Mixed => "Set Cisco Unified CallManager Cluster to Mixed Mode",
            SecurityMode::NonSecure => "Set Cisco Unified CallManager Cluster to Non-Secure Mode",
            SecurityMode::Update => "Update CTL File",
        }
    }
}

/// A server that was added in the windows.
#[derive(Debug, Clone)]
pub struct AddedServer {
    /// The server.
    pub server: NewServer,
    /// The certificate's file, to repeat it.
    pub file: String,
}

/// Everything that was chosen so far.
#[derive(Debug, Clone)]
pub struct Choices {
    /// Where it starts from.
    pub start: Start,
    /// The security mode.
    pub mode: SecurityMode,
    /// The tokens that were added, in the order in which they were inserted. The last one signs a first list.
    pub tokens: Vec<Certificate>,
    /// Servers that were added.
    pub servers: Vec<AddedServer>,
    /// Entries of the list in force that were deleted, by [`EntryKind::InList`].
    pub deleted: Vec<usize>,
}

/// Where an entry of the sixth window comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// The list in force, or the cluster file; counted from 0.
    InList(usize),
    /// A token that was added.
    Token(usize),
    /// A server that was added.
    Server(usize),
}

/// One row of the sixth window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it comes from.
    pub kind: EntryKind,
    /// Type, Hostname/IP Address, Issuer Name, Subject Name.
    pub columns: [String; 4],
}

impl Choices {
    /// From the first window.
    pub fn new(start: Start) -> Self {
        Choices { start, mode: SecurityMode::Mixed, tokens: vec![], servers: vec![], deleted: vec![] }
    }

    /// Adds a token. The CTL Client's rules: not twice, and an update begins with a token of the list in force.
    pub fn add_token(&mut self, certificate: Certificate) -> Result<(), PlanError> {
        if let Start::InForce(old) = &self.start
            && self.start.is_token_signed()
        {
            let is_it = |r: &Record| r.function() == Function::SAST && r.is_of(&certificate);
            let record = old.list().records().iter().position(is_it);
            match (self.tokens.is_empty(), record) {
                (true, None) => {
                    return Err(PlanError::SignerNotInForce {
                        signer: certificate.sast_name(),
                        known: super::plan::sast_names(old.list()),
                        list: super::error::InForce::of(old),
                        may_insist: false,
                    });
                }
                (false, Some(record)) => {
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
        if let Start::InForce(old) = &self.start {
            let is_it =
                |index: &usize| old.list().records().get(*index).is_some_and(|r| r.is_of(&certificate));
            self.deleted.retain(|index| !is_it(index));
        }
        self.tokens.push(certificate);
        Ok(())
    }

    /// The token that signs: the first inserted of an update, which is in the list in force; else the last inserted.
    pub fn signer(&self) -> Option<&Certificate> {
        if self.start.is_token_signed() { self.tokens.first() } else { self.tokens.last() }
    }

    /// The rows of the sixth window.
    pub fn entries(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        match &self.start {
            Start::InForce(old) => {
                let release = Release::told_by(old);
                for (index, record) in old.list().records().iter().enumerate() {
                    let leaves = !self.start.is_token_signed() && leaves(record, release);
                    if !leaves && !self.deleted.contains(&index) {
                        entries.push(Entry { kind: EntryKind::InList(index), columns: of_record(record) });
                    }
                }
            }
            Start::NoFile { cluster, certificates } => {
                for (index, (server, certificate)) in cluster.servers.iter().zip(certificates).enumerate() {
                    if !self.deleted.contains(&index) {
                        let at = server.address.map(|ip| ip.to_string()).or_else(|| server.host.clone());
                        let columns = columns(
                            server.function.to_string(),
                            at.unwrap_or_default(),
                            certificate.as_ref(),
                        );
                        entries.push(Entry { kind: EntryKind::InList(index), columns });
                    }
                }
            }
        }
        for (index, added) in self.servers.iter().enumerate() {
            let server = &added.server;
            let columns =
                columns(server.function.to_string(), server.address.to_string(), Some(&server.certificate));
            entries.push(Entry { kind: EntryKind::Server(index), columns });
        }
        let in_list = |c: &Certificate| match &self.start {
            Start::InForce(old) => old.list().sasts().any(|r| r.is_of(c)),
            Start::NoFile { .. } => false,
        };
        for (index, token) in self.tokens.iter().enumerate() {
            if !in_list(token) {
                let columns = columns("Security Token".to_owned(), NO_HOSTNAME.to_owned(), Some(token));
                entries.push(Entry { kind: EntryKind::Token(index), columns });
            }
        }
        entries
    }

    /// Takes an entry out.
    pub fn delete(&mut self, kind: EntryKind) {
        match kind {
            EntryKind::InList(index) => {
                self.deleted.push(index);
                // A bridge's token that was inserted, too, is not inserted any more.
                if let Start::InForce(old) = &self.start
                    && !self.start.is_token_signed()
                    && let Some(record) = old.list().records().get(index)
                {
                    self.tokens.retain(|token| !record.is_of(token));
                }
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
                edits.extend(others.into_iter().map(Edit::AddToken));
                match update(old, request, &edits) {
                    // Nothing but a new signature and time: the CTL Client does that too.
                    Err(PlanError::NothingToDo) => resign(old, request),
                    plan => plan,
                }
            }
            Start::InForce(old) => revert_and(old, request, &others, None, false, &edits),
            Start::NoFile { cluster, certificates } => {
                let (cluster, certificates) = self.kept(cluster, certificates);
                create_and(&cluster, &certificates, request, &others, false, &edits)
            }
        }
    }

    /// Servers and mode; tokens are each plan's own affair.
    fn edits(&self) -> Vec<Edit> {
        let mut edits: Vec<Edit> = Vec::new();
        if let Start::InForce(old) = &self.start {
            for record in self.deleted.iter().filter_map(|index| old.list().records().get(*index)) {
                edits.push(match record.function() {
                    Function::SAST => Edit::RemoveToken(serial(record)),
                    _ => Edit::RemoveServer(server_name(record)),
                });
            }
        }
        edits.extend(self.servers.iter().map(|added| Edit::AddServer(added.server.clone())));
        match self.mode {
            SecurityMode::Mixed => edits.push(Edit::SetMode(Mode::Mixed)),
            SecurityMode::NonSecure => edits.push(Edit::SetMode(Mode::NonSecure)),
            SecurityMode::Update => {}
        }
        edits
    }

    fn kept(
        &self,
        cluster: &ClusterFile,
        certificates: &[Option<Certificate>],
    ) -> (ClusterFile, Vec<Option<Certificate>>) {
        let mut kept = cluster.clone();
        let stays = |index: &usize| !self.deleted.contains(index);
        kept.servers =
            cluster.servers.iter().enumerate().filter(|(i, _)| stays(i)).map(|(_, s)| s.clone()).collect();
        let certificates =
            certificates.iter().enumerate().filter(|(i, _)| stays(i)).map(|(_, c)| c.clone()).collect();
        (kept, certificates)
    }

    /// The serial numbers of a bridge's tokens that were taken out: `ctl update` does that once `revert` is done.
    pub fn leave_afterwards(&self) -> Vec<String> {
        match &self.start {
            Start::InForce(old) if !self.start.is_token_signed() => {
                let records = self.deleted.iter().filter_map(|i| old.list().records().get(*i));
                records.filter(|r| r.function() == Function::SAST).map(serial).collect()
            }
            _ => vec![],
        }
    }

    /// The options that say the same to `revert` (`--spare`) or `ctl update` (`--add-token`), signer aside.
    pub fn options(&self) -> Vec<String> {
        let mut options = Vec::new();
        let mut option = |name: &str, value: String| options.extend([name.to_owned(), value]);
        let signer = self.signer().map(|s| s.der().clone());
        let join = if self.start.is_token_signed() { "--add-token" } else { "--spare" };
        for token in self.tokens.iter().filter(|t| Some(t.der()) != signer.as_ref()) {
            option(join, token.sast_name());
        }
        if let Start::InForce(old) = &self.start {
            for record in self.deleted.iter().filter_map(|i| old.list().records().get(*i)) {
                match record.function() {
                    // `revert` has no such option: `leave_afterwards`.
                    Function::SAST if !self.start.is_token_signed() => {}
                    Function::SAST => option("--remove-token", serial(record)),
                    _ => option("--remove-server", server_name(record)),
                }
            }
        }
        if let Start::NoFile { cluster, .. } = &self.start {
            for server in self.deleted.iter().filter_map(|i| cluster.servers.get(*i)) {
                let at = server.address.map(|ip| ip.to_string()).or_else(|| server.host.clone());
                let function = server.function.to_string().to_lowercase();
                option("--remove-server", format!("{function}:{}", at.unwrap_or_default()));
            }
        }
        for added in &self.servers {
            let function = added.server.function.to_string().to_lowercase();
            option("--add-server", format!("{function}:{}:{}", added.server.address, added.file));
        }
        match self.mode {
            SecurityMode::NonSecure => option("--set-mode", "non-secure".to_owned()),
            SecurityMode::Mixed if self.start.is_token_signed() => option("--set-mode", "mixed".to_owned()),
            SecurityMode::Mixed | SecurityMode::Update => {}
        }
        options
    }
}

/// What the CTL Client shows for a token.
const NO_HOSTNAME: &str = "- No Hostname -";

fn of_record(record: &Record) -> [String; 4] {
    let host = record.dns_name().filter(|n| !n.is_empty());
    let address = record.ip_address().filter(|ip| *ip != Ipv4Addr::UNSPECIFIED).map(|ip| ip.to_string());
    let (kind, host) = if record.is_token() {
        ("Security Token".to_owned(), NO_HOSTNAME.to_owned())
    } else {
        (record.function().to_string(), address.or(host).unwrap_or_default())
    };
    [kind, host, record.issuer_name().unwrap_or_default(), record.subject_name().unwrap_or_default()]
}

fn columns(kind: String, host: String, certificate: Option<&Certificate>) -> [String; 4] {
    // As its record will spell it.
    let style = |c: &Certificate| if host == NO_HOSTNAME { c.sast_style() } else { Style::Cucm };
    let name = |c: &Certificate, n: &Name| n.spelled(style(c)).trim_end_matches('\0').to_owned();
    let issuer = certificate.map(|c| name(c, c.issuer())).unwrap_or_default();
    let subject = certificate.map(|c| name(c, c.subject())).unwrap_or_default();
    [kind, host, issuer, subject]
}

fn serial(record: &Record) -> String {
    record.get(record_tag::SERIAL_NUMBER).map(|s| digest::hex(s, "")).unwrap_or_default()
}

fn server_name(record: &Record) -> String {
    let at = record.ip_address().map(|ip| ip.to_string()).or_else(|| record.dns_name()).unwrap_or_default();
    format!("{}:{at}", record.function().to_string().to_lowercase())
}
