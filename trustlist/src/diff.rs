//! The differences between two lists.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::net::Ipv4Addr;

use serde::Serialize;

use super::digest::{self, Digest};
use super::header::Header;
use super::list::TrustList;
use super::printable::printable;
use super::record::{Function, Record};
use super::report::rfc3339;
use super::show;
use super::tlv::{self, record_tag as tag};

/// One difference. Records count from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "change", rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the fields are in the words of each")]
pub enum Change {
    /// Something in the header.
    #[error("  {field}: {old} → {new}")]
    Header { field: &'static str, old: String, new: String },
    /// A record that only the old list has.
    #[error("- {function:<10} {name:<22} removed (record {record})")]
    Removed { record: usize, function: String, name: String },
    /// A record that only the new list has.
    #[error("+ {function:<10} {name:<22} added (record {record})")]
    Added { record: usize, function: String, name: String },
    /// A record that both lists have, with differences.
    #[error("~ {function:<10} {name:<22} {}", what.join("; "))]
    Changed { old_record: usize, new_record: usize, function: String, name: String, what: Vec<String> },
    /// The records that both lists have are in another order: their numbers in the old list, in the order of the new one.
    #[error(
        "  order: what stays was records {} of the old list",
        old_records.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    )]
    Reordered { old_records: Vec<usize> },
}

/// All differences between two lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Whether the files have the same bytes.
    pub identical: bool,
    /// Header first, then records.
    pub changes: Vec<Change>,
}

/// Compares two lists record by record; the order of the records does not matter.
pub fn diff(old: &TrustList, new: &TrustList) -> Difference {
    let mut changes = header_changes(old.header(), new.header());
    changes.extend(diff_records(old.records(), new.records()));
    Difference { identical: old.bytes() == new.bytes(), changes }
}

/// Compares records only: the list in force with a draft that has no header yet.
pub fn diff_records(old: &[Record], new: &[Record]) -> Vec<Change> {
    let mut changes = Vec::new();
    let (became, was) = pair_up(old, new);
    let number = |index: usize| index.saturating_add(1);
    for (index, (record, became)) in old.iter().zip(became).enumerate() {
        let (function, name) = (record.function().to_string(), record.short_name());
        match became.and_then(|n| Some((n, new.get(n)?))) {
            None => changes.push(Change::Removed { record: number(index), function, name }),
            Some((_, after)) if after.bytes() == record.bytes() => {}
            Some((n, after)) => changes.push(Change::Changed {
                old_record: number(index),
                new_record: number(n),
                function,
                name,
                what: record_changes(record, after),
            }),
        }
    }
    for (index, (record, _)) in new.iter().zip(&was).enumerate().filter(|(_, (_, was))| was.is_none()) {
        let (function, name) = (record.function().to_string(), record.short_name());
        changes.push(Change::Added { record: number(index), function, name });
    }
    let stays: Vec<usize> = was.into_iter().flatten().collect();
    if !stays.is_sorted() {
        changes.push(Change::Reordered { old_records: stays.into_iter().map(number).collect() });
    }
    changes
}

/// A property by which a new record is recognised as the successor of an old one.
#[derive(PartialEq, Eq, Hash)]
enum Feature<'a> {
    Bytes(&'a [u8]),
    Certificate(Function, &'a [u8], Option<&'a [u8]>),
    Address(Function, Ipv4Addr),
    Host(Function, String),
    Subject(Function, &'a [u8]),
}

/// The same bytes, else the same certificate, else the same address, host or subject.
const FEATURES: [for<'a> fn(&'a Record) -> Vec<Feature<'a>>; 3] = [
    |r| vec![Feature::Bytes(r.bytes())],
    |r| {
        let serial = r.get(tag::SERIAL_NUMBER);
        let feature =
            serial.map(|serial| Feature::Certificate(r.function(), serial, r.get(tag::ISSUER_NAME)));
        feature.into_iter().collect()
    },
    |r| {
        let address = r.ip_address().filter(|ip| !ip.is_unspecified());
        let host = r.dns_name().filter(|dns| !dns.is_empty());
        let features = [
            address.map(|ip| Feature::Address(r.function(), ip)),
            host.map(|dns| Feature::Host(r.function(), dns)),
            r.get(tag::SUBJECT_NAME).map(|subject| Feature::Subject(r.function(), subject)),
        ];
        features.into_iter().flatten().collect()
    },
];

/// Pairs each old record with the first unpaired new one that shares a feature. Features are hashed: a list may hold a
/// hundred thousand similar records. Returns for each old record the index of its new one, and for each new record the index
/// of its old one.
fn pair_up(old: &[Record], new: &[Record]) -> (Vec<Option<usize>>, Vec<Option<usize>>) {
    let (mut all_became, mut all_was) = (vec![None; old.len()], vec![None; new.len()]);
    for features in FEATURES {
        let mut waiting: HashMap<Feature<'_>, VecDeque<usize>> = HashMap::new();
        for (n, record) in new.iter().enumerate().filter(|(n, _)| is_free(&all_was, *n)) {
            for feature in features(record) {
                waiting.entry(feature).or_default().push_back(n);
            }
        }
        for (o, (record, became)) in old.iter().zip(&mut all_became).enumerate() {
            if became.is_some() {
                continue;
            }
            let first = |feature| {
                let waiting = waiting.get_mut(&feature)?;
                while waiting.front().is_some_and(|n| !is_free(&all_was, *n)) {
                    waiting.pop_front();
                }
                waiting.front().copied()
            };
            let found = features(record).into_iter().filter_map(first).min();
            if let Some(was) = found.and_then(|n| all_was.get_mut(n)) {
                (*became, *was) = (found, Some(o));
            }
        }
    }
    (all_became, all_was)
}

fn is_free(was: &[Option<usize>], new: usize) -> bool {
    was.get(new).is_some_and(Option::is_none)
}

fn header_changes(old: &Header, new: &Header) -> Vec<Change> {
    let digest = |h: &Header| {
        Digest::from_code(h.digest_code).map_or_else(|| h.digest_code.to_string(), |d| d.to_string())
    };
    let version =
        |v: Option<(u8, u8)>| v.map_or("none".to_owned(), |(major, minor)| format!("{major}.{minor}"));
    let signer = |h: &Header| {
        let serial = digest::colons(&h.signer.serial);
        format!("{} (serial {serial})", h.signer_name())
    };
    let issuer = |h: &Header| tlv::c_text(&h.signer.issuer);
    let fields = [
        ("file name", old.file_name(), new.file_name()),
        ("version", version(Some(old.version)), version(Some(new.version))),
        ("signer version", version(old.signer_version), version(new.signer_version)),
        ("signer", signer(old), signer(new)),
        ("signer's issuer", issuer(old), issuer(new)),
        ("digest", digest(old), digest(new)),
        ("signature algorithm", old.algorithm_code.to_string(), new.algorithm_code.to_string()),
        ("signature modulus", old.modulus_code.to_string(), new.modulus_code.to_string()),
        ("signature bytes", old.signature.len().to_string(), new.signature.len().to_string()),
        ("signed", rfc3339(i64::from(old.timestamp)), rfc3339(i64::from(new.timestamp))),
    ];
    let differs = fields.into_iter().filter(|(_, old, new)| old != new);
    differs.map(|(field, old, new)| Change::Header { field, old, new }).collect()
}

fn record_changes(old: &Record, new: &Record) -> Vec<String> {
    let (old_values, new_values) = (values(old), values(new));
    let tags: BTreeSet<u8> = old_values.keys().chain(new_values.keys()).copied().collect();
    let mut what = Vec::new();
    for tag in tags {
        let (before, after) = (old_values.get(&tag), new_values.get(&tag));
        if before == after || tag == tag::RECORD_LENGTH {
            continue;
        }
        let name = match tag {
            tag::SIGNATURE => "certificate signature (tag 8)".to_owned(),
            _ => tlv::record_tag_name(tag).map_or_else(|| format!("element {tag}"), str::to_owned),
        };
        what.push(match (before, after) {
            (Some(_), None) => format!("{name} left out"),
            (None, Some(_)) => format!("{name} added"),
            _ => match (value(old, tag), value(new, tag)) {
                (Some(before), Some(after)) => format!("{name} {before} → {after}"),
                _ => format!("{name} differs"),
            },
        });
    }
    if what.is_empty() {
        what.push("the elements stand in another order".to_owned());
    }
    what
}

/// The values of the elements; if an element occurs twice, the first value, as [`Record::get`].
fn values(record: &Record) -> BTreeMap<u8, &[u8]> {
    let mut values = BTreeMap::new();
    for element in record.elements() {
        values.entry(element.tag).or_insert(element.value);
    }
    values
}

/// A value that is short enough to show.
fn value(record: &Record, tag: u8) -> Option<String> {
    match tag {
        tag::DNS_NAME => record.dns_name().map(|d| if d.is_empty() { "(none)".to_owned() } else { d }),
        tag::SUBJECT_NAME => record.subject_name(),
        tag::ISSUER_NAME => record.issuer_name(),
        tag::IP_ADDRESS => show::address(record),
        tag::SERIAL_NUMBER | tag::CERT_HASH => record.get(tag).map(digest::colons),
        tag::CERTIFICATE => {
            record.get(tag).map(|der| format!("SHA1 {}", digest::hex(&digest::sha1(der), "")))
        }
        _ => None,
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.identical {
            return f.write_str("the files are identical\n");
        }
        if self.changes.is_empty() {
            return f
                .write_str("the same records and the same header; the signature or the layout differs\n");
        }
        for change in &self.changes {
            writeln!(f, "{}", printable(&change.to_string()))?;
        }
        Ok(())
    }
}
