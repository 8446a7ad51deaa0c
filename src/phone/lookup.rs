//! Which records phones still find after a change: by issuer, serial and role, and servers by their address or name.
//!
//! The lookups are hashed: a list may hold a hundred thousand similar records.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::net::Ipv4Addr;

use crate::trustlist::{Certificate, Record, Style, digest, record_tag as tag};

/// The identity of a certificate: its SHA-1, else the key in the record.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Identity<'a> {
    Sha1(Cow<'a, [u8]>),
    Key(&'a [u8]),
}

/// Issuer and serial, as a file spells them.
type Id<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

/// The certificate of a record, and the id by which phones find it.
fn entry(record: &Record) -> Option<(Identity<'_>, Id<'_>)> {
    let hash = || record.get(tag::CERT_HASH).map(|hash| Identity::Sha1(hash.into()));
    let identity = match record.get(tag::CERTIFICATE) {
        Some(der) => Some(Identity::Sha1(digest::sha1(der).to_vec().into())),
        None => hash().or_else(|| record.get(tag::PUBLIC_KEY).map(Identity::Key)),
    };
    let (issuer, serial) = record.id()?;
    Some((identity?, (issuer.into(), serial.into())))
}

/// The certificates of a list, and the ids by which phones find each.
type Entries<'a> = HashMap<Identity<'a>, HashSet<Id<'a>>>;

fn entries<'a>(records: &[&'a Record]) -> Entries<'a> {
    let mut entries = Entries::new();
    for (identity, id) in records.iter().filter_map(|record| entry(record)) {
        entries.entry(identity).or_default().insert(id);
    }
    entries
}

/// Finds the certificates of one list in another.
pub(super) struct Lookup<'a> {
    had: Entries<'a>,
    has: Entries<'a>,
    /// A record that contains the whole certificate.
    whole: HashMap<Identity<'a>, &'a Record>,
    /// The issuer and serial of such a certificate, once decoded.
    right: HashMap<Identity<'a>, Vec<Id<'static>>>,
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// Phones find its certificate.
    Found,
    /// Its certificate is in the list, with an issuer or serial by which phones do not find it.
    Misnamed,
    /// Its certificate is not in the list.
    Gone,
}

impl<'a> Lookup<'a> {
    /// Compares the records that phones had with those that they have now.
    pub fn new(had: &[&'a Record], has: &[&'a Record]) -> Self {
        let mut whole = HashMap::new();
        for record in had.iter().chain(has).filter(|r| r.get(tag::CERTIFICATE).is_some()) {
            if let Some((identity, _)) = entry(record) {
                whole.entry(identity).or_insert(*record);
            }
        }
        Lookup { had: entries(had), has: entries(has), whole, right: HashMap::new() }
    }

    /// What became of a record that phones had.
    pub fn presence(&mut self, record: &'a Record) -> Presence {
        let Some((identity, id)) = entry(record) else { return Presence::Gone };
        let Some(ids) = self.has.get(&identity) else { return Presence::Gone };
        let is_right = || right_ids(&self.whole, &mut self.right, identity).iter().any(|id| ids.contains(id));
        if ids.contains(&id) || is_right() { Presence::Found } else { Presence::Misnamed }
    }

    /// Whether phones find a record that they have now: by the same id as before, or by the id in its certificate. For a
    /// certificate that they did not have before, only the record is known, so the answer is yes.
    pub fn finds(&mut self, record: &'a Record) -> bool {
        let Some((identity, id)) = entry(record) else { return false };
        let Some(ids) = self.had.get(&identity) else { return true };
        ids.contains(&id) || right_ids(&self.whole, &mut self.right, identity).contains(&id)
    }
}

/// The issuer and serial of the certificate; for Cisco's tokens in both spellings.
fn right_ids<'r, 'a>(
    whole: &HashMap<Identity<'a>, &Record>,
    right: &'r mut HashMap<Identity<'a>, Vec<Id<'static>>>,
    identity: Identity<'a>,
) -> &'r [Id<'static>] {
    let certificate = whole.get(&identity).copied();
    let spelled = || certificate.and_then(|record| record.certificate()?.ok()).as_ref().map(spellings);
    right.entry(identity).or_insert_with(|| spelled().unwrap_or_default())
}

fn spellings(certificate: &Certificate) -> Vec<Id<'static>> {
    let styles: &[Style] = match certificate.is_cisco_token() {
        true => &[Style::Cucm, Style::CtlClient],
        false => &[Style::Cucm],
    };
    let spelled = |style: &Style| {
        let issuer = certificate.issuer.spelled(*style).into_bytes();
        (issuer.into(), certificate.serial_spelled(*style).into())
    };
    styles.iter().map(spelled).collect()
}

/// The addresses, hosts and names of servers.
pub(super) struct Places {
    addresses: HashSet<Ipv4Addr>,
    hosts: HashSet<String>,
    names: HashSet<String>,
}

impl Places {
    /// The places of these records.
    pub fn of(records: &[&Record]) -> Self {
        Places {
            addresses: records.iter().filter_map(|r| r.ip_address()).collect(),
            hosts: records.iter().filter_map(|r| host(r)).collect(),
            names: records.iter().map(|r| r.short_name()).collect(),
        }
    }

    /// Whether one of the servers has the address, host or name of this record.
    pub fn has(&self, record: &Record) -> bool {
        record.ip_address().is_some_and(|ip| self.addresses.contains(&ip))
            || host(record).is_some_and(|host| self.hosts.contains(&host))
            || self.names.contains(&record.short_name())
    }
}

/// DNSNAME, if it is not empty.
pub(super) fn host(record: &Record) -> Option<String> {
    record.dns_name().filter(|name| !name.is_empty())
}
