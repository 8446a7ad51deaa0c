//! The rows of the sixth window: what will be in the list, and where it comes from.

use std::net::Ipv4Addr;

use super::super::plan::{Release, leaves};
use super::choices::{AddedServer, Choices, EntryKind, Start};
use crate::trustlist::{Certificate, Name, Record, Style};

/// One row of the sixth window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it comes from.
    pub kind: EntryKind,
    /// Type, Hostname/IP Address, Issuer Name, Subject Name.
    pub columns: [String; 4],
}

impl Choices {
    /// The rows of the sixth window.
    pub fn entries(&self) -> Vec<Entry> {
        let stays = |index: &usize| !self.deleted.contains(index);
        let mut entries = Vec::new();
        let mut add = |kind, columns| entries.push(Entry { kind, columns });
        match &self.start {
            Start::InForce(old) => {
                let release = Release::told_by(old);
                let records = old.list().records().iter().enumerate().filter(|(index, _)| stays(index));
                let leaves = |record: &Record| !self.start.is_token_signed() && leaves(record, release);
                for (index, record) in records.filter(|(_, record)| !leaves(record)) {
                    add(EntryKind::InList(index), of_record(record));
                }
            }
            Start::NoFile { cluster, certificates, .. } => {
                let servers = cluster.servers.iter().zip(certificates).enumerate();
                for (index, (server, certificate)) in servers.filter(|(index, _)| stays(index)) {
                    let at = server.address.map(|ip| ip.to_string()).or_else(|| server.host.clone());
                    let (kind, at) = (server.function.to_string(), at.unwrap_or_default());
                    add(EntryKind::InList(index), columns(kind, at, certificate.as_ref()));
                }
            }
        }
        for (index, token) in self.of_file() {
            add(EntryKind::InList(index), of_token(token));
        }
        for (index, AddedServer { server, .. }) in self.servers.iter().enumerate() {
            let (kind, at) = (server.function.to_string(), server.address.to_string());
            add(EntryKind::Server(index), columns(kind, at, Some(&server.certificate)));
        }
        for (index, token) in self.tokens.iter().enumerate().filter(|(_, token)| !self.has_entry(token)) {
            add(EntryKind::Token(index), of_token(token));
        }
        entries
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

fn of_token(token: &Certificate) -> [String; 4] {
    columns("Security Token".to_owned(), NO_HOSTNAME.to_owned(), Some(token))
}

fn columns(kind: String, host: String, certificate: Option<&Certificate>) -> [String; 4] {
    // As its record will spell it.
    let style = |c: &Certificate| if host == NO_HOSTNAME { c.sast_style() } else { Style::Cucm };
    let name = |c: &Certificate, n: &Name| n.spelled(style(c)).trim_end_matches('\0').to_owned();
    let issuer = certificate.map(|c| name(c, c.issuer())).unwrap_or_default();
    let subject = certificate.map(|c| name(c, c.subject())).unwrap_or_default();
    [kind, host, issuer, subject]
}
