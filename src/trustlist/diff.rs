//! What differs between two lists, in words.

use std::fmt;

use serde::Serialize;

use super::digest::{self, Digest};
use super::header::Header;
use super::list::TrustList;
use super::record::Record;
use super::report::rfc3339;
use super::show;
use super::tlv::{self, record_tag as tag};

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
pub enum Change {
    /// Something in the header.
    Header {
        /// What: `signer`, `signed`, `digest`, ….
        field: &'static str,
        /// In the old list.
        old: String,
        /// In the new list.
        new: String,
    },
    /// A record that only the old list has.
    Removed {
        /// Its number in the old list, from 1.
        record: usize,
        /// FUNCTION by name.
        function: String,
        /// A name to call it by.
        name: String,
    },
    /// A record that only the new list has.
    Added {
        /// Its number in the new list, from 1.
        record: usize,
        /// FUNCTION by name.
        function: String,
        /// A name to call it by.
        name: String,
    },
    /// A record that both have, not quite the same.
    Changed {
        /// Its number in the old list, from 1.
        old_record: usize,
        /// Its number in the new list, from 1.
        new_record: usize,
        /// FUNCTION by name.
        function: String,
        /// A name to call it by.
        name: String,
        /// What changed, a phrase each.
        what: Vec<String>,
    },
    /// The records that both have stand in another order.
    Reordered {
        /// Numbers in the old list, in the order of the new one.
        old_records: Vec<usize>,
    },
}

/// All that differs between two lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Whether the files are the same to the byte.
    pub identical: bool,
    /// Header first, then records.
    pub changes: Vec<Change>,
}

/// Compares two lists record by record, whatever their order.
pub fn diff(old: &TrustList, new: &TrustList) -> Difference {
    let mut changes = header_changes(old.header(), new.header());
    changes.extend(diff_records(old.records(), new.records()));
    Difference { identical: old.bytes() == new.bytes(), changes }
}

/// Compares records alone: a list in force with a draft that has no header yet.
pub fn diff_records(old: &[Record], new: &[Record]) -> Vec<Change> {
    let mut changes = Vec::new();
    let pairs = pair_up(old, new);
    let number = |index: usize| index.saturating_add(1);
    for (index, record) in old.iter().enumerate() {
        let (function, name) = (record.function().to_string(), record.short_name());
        match pairs.iter().find(|(o, _)| *o == index).and_then(|(_, n)| Some((*n, new.get(*n)?))) {
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
    for (index, record) in new.iter().enumerate() {
        if !pairs.iter().any(|(_, n)| *n == index) {
            let (function, name) = (record.function().to_string(), record.short_name());
            changes.push(Change::Added { record: number(index), function, name });
        }
    }
    let mut by_new = pairs.clone();
    by_new.sort_by_key(|(_, n)| *n);
    if !by_new.is_sorted_by_key(|(o, _)| *o) {
        changes.push(Change::Reordered { old_records: by_new.iter().map(|(o, _)| number(*o)).collect() });
    }
    changes
}

/// Which old record became which new one: the same bytes, else the same certificate, else the same place.
fn pair_up(old: &[Record], new: &[Record]) -> Vec<(usize, usize)> {
    let same_bytes = |a: &Record, b: &Record| a.bytes() == b.bytes();
    let same_key = |a: &Record, b: &Record| {
        a.function() == b.function()
            && a.get(tag::SERIAL_NUMBER).is_some()
            && a.get(tag::SERIAL_NUMBER) == b.get(tag::SERIAL_NUMBER)
            && a.get(tag::ISSUER_NAME) == b.get(tag::ISSUER_NAME)
    };
    let same_place = |a: &Record, b: &Record| {
        let address = |r: &Record| r.ip_address().filter(|ip| !ip.is_unspecified());
        let dns = |r: &Record| r.dns_name().filter(|d| !d.is_empty());
        a.function() == b.function()
            && ((address(a).is_some() && address(a) == address(b))
                || (dns(a).is_some() && dns(a) == dns(b))
                || (a.get(tag::SUBJECT_NAME).is_some()
                    && a.get(tag::SUBJECT_NAME) == b.get(tag::SUBJECT_NAME)))
    };
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    for same in [&same_bytes as &dyn Fn(&Record, &Record) -> bool, &same_key, &same_place] {
        for (o, before) in old.iter().enumerate() {
            if pairs.iter().any(|(taken, _)| *taken == o) {
                continue;
            }
            let free = |n: &usize| !pairs.iter().any(|(_, taken)| taken == n);
            let found = new.iter().enumerate().find(|(n, after)| free(n) && same(before, after));
            if let Some((n, _)) = found {
                pairs.push((o, n));
            }
        }
    }
    pairs
}

fn header_changes(old: &Header, new: &Header) -> Vec<Change> {
    let digest = |h: &Header| {
        Digest::from_code(h.digest_code()).map_or_else(|| h.digest_code().to_string(), |d| d.to_string())
    };
    let version =
        |v: Option<(u8, u8)>| v.map_or("none".to_owned(), |(major, minor)| format!("{major}.{minor}"));
    let signer = |h: &Header| {
        let serial = digest::hex(&h.signer().serial, ":").to_uppercase();
        format!("{} (serial {serial})", h.signer_name())
    };
    let fields = [
        ("file name", old.file_name(), new.file_name()),
        ("version", version(Some(old.version())), version(Some(new.version()))),
        ("signer version", version(old.signer_version()), version(new.signer_version())),
        ("signer", signer(old), signer(new)),
        ("digest", digest(old), digest(new)),
        ("signature bytes", old.signature().len().to_string(), new.signature().len().to_string()),
        ("signed", rfc3339(i64::from(old.timestamp())), rfc3339(i64::from(new.timestamp()))),
    ];
    let differs = fields.into_iter().filter(|(_, old, new)| old != new);
    differs.map(|(field, old, new)| Change::Header { field, old, new }).collect()
}

fn record_changes(old: &Record, new: &Record) -> Vec<String> {
    let mut tags: Vec<u8> = old.elements().chain(new.elements()).map(|e| e.tag).collect();
    tags.sort_unstable();
    tags.dedup();
    let mut what = Vec::new();
    for tag in tags {
        let (before, after) = (old.get(tag), new.get(tag));
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

/// A value short enough to be read.
fn value(record: &Record, tag: u8) -> Option<String> {
    match tag {
        tag::DNS_NAME => record.dns_name().map(|d| if d.is_empty() { "(none)".to_owned() } else { d }),
        tag::SUBJECT_NAME => record.subject_name(),
        tag::ISSUER_NAME => record.issuer_name(),
        tag::IP_ADDRESS => show::address(record),
        tag::SERIAL_NUMBER | tag::CERT_HASH => record.get(tag).map(|v| digest::hex(v, ":").to_uppercase()),
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
            writeln!(f, "{}", show::visible(&change.to_string()))?;
        }
        Ok(())
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Header { field, old, new } => write!(f, "  {field}: {old} → {new}"),
            Change::Removed { record, function, name } => {
                write!(f, "- {function:<10} {name:<22} removed (record {record})")
            }
            Change::Added { record, function, name } => {
                write!(f, "+ {function:<10} {name:<22} added (record {record})")
            }
            Change::Changed { function, name, what, .. } => {
                write!(f, "~ {function:<10} {name:<22} {}", what.join("; "))
            }
            Change::Reordered { old_records } => {
                let order = old_records.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                write!(f, "  order: what stays was records {order} of the old list")
            }
        }
    }
}
