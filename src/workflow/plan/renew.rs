//! A new list after certificates, nodes or addresses of the cluster changed: what differs, and what changes because of it.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::error::PlanError;
use super::update::{Edit, Entry, Update};
use super::value::{Mark, Plan, Request, server_record, signer_not_in_force};
use crate::trustlist::{Certificate, Function, Record, Style, VerifiedList, digest};

/// A certificate of a cluster by what it is for, in Cisco's order of renewals (214231).
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    clap::ValueEnum,
    thiserror::Error,
    Deserialize,
    Serialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// The certificate that signs LSCs
    #[value(name = "CAPF")]
    #[error("CAPF")]
    Capf,
    /// CallManager and CallManager-ECDSA, which are renewed in the same way
    #[value(name = "CallManager")]
    #[error("CallManager")]
    CallManager,
    /// Trust Verification Service
    #[value(name = "TVS")]
    #[error("TVS")]
    Tvs,
    /// The certificate that signs ITLs and tokenless CTLs from 12.0 on
    #[value(name = "ITLRecovery")]
    #[error("ITLRecovery")]
    ItlRecovery,
}

/// What changed on a cluster since its list was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Nodes, their addresses, or which records the list needs.
    Nodes,
    /// A certificate was renewed.
    Renewed(Unit),
}

/// A record that the cluster needs now.
#[allow(missing_docs, reason = "the fields are called by what they are")]
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NeededRecord {
    pub function: Function,
    pub unit: Unit,
    pub address: Ipv4Addr,
    pub certificate: Certificate,
}

/// What the list of a cluster needs from its nodes.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Needed {
    /// The records, in the order of the nodes.
    pub records: Vec<NeededRecord>,
    /// The addresses of all nodes.
    pub nodes: Vec<Ipv4Addr>,
}

/// Whether a record is the one of a server.
type Rule<'r> = &'r dyn Fn(&NeededRecord, &Record) -> bool;

impl NeededRecord {
    /// Whether a record already is this one.
    fn is(&self, record: &Record) -> bool {
        let is_there = self.function == Function::SAST || record.ip_address() == Some(self.address);
        record.function() == self.function && is_there && record.is_of(&self.certificate)
    }

    /// Whether a record is the one of this server, with an earlier certificate or none. A server with an RSA and an EC
    /// certificate has a record for each.
    fn renews(&self, record: &Record) -> bool {
        if record.function() != self.function {
            return false;
        }
        let is_there = record.ip_address() == Some(self.address);
        match self.function {
            Function::SAST if record.is_token() => record.is_about(&self.certificate),
            Function::SAST => is_there && record.is_itl_recovery() == (self.unit == Unit::ItlRecovery),
            Function::CAPF => is_there,
            _ => is_there && (record.is_emptied() || is_ec(record) == is_ec_key(&self.certificate)),
        }
    }

    /// Whether it is the record of this server at an address that no node has any more.
    fn moved_from(&self, record: &Record, nodes: &[Ipv4Addr]) -> bool {
        let is_gone = record.ip_address().is_none_or(|ip| !nodes.contains(&ip));
        let is_its = match self.function {
            Function::SAST => record.is_itl_recovery() == (self.unit == Unit::ItlRecovery),
            _ => record.is_of(&self.certificate) || record.is_about(&self.certificate),
        };
        record.function() == self.function && !record.is_token() && is_gone && is_its
    }

    /// The record of the server as the others of its list are written.
    pub fn record(&self, style: Style) -> Result<Record, PlanError> {
        Ok(server_record((self.function, self.address, None), &self.certificate, style)?)
    }

    fn why(&self) -> String {
        let address = self.address;
        match self.function {
            Function::SAST => "from 11.5 on; the change to tokenless needs it".to_owned(),
            Function::CAPF => format!("CAPF is activated on {address}"),
            _ if is_ec_key(&self.certificate) => format!("the EC certificate of {address}"),
            _ => format!("{address} is a node of the cluster"),
        }
    }
}

fn is_ec_key(certificate: &Certificate) -> bool {
    certificate.public_key.rsa().is_none()
}

fn is_ec(record: &Record) -> bool {
    record.certificate().and_then(Result::ok).is_some_and(|certificate| is_ec_key(&certificate))
}

/// Plans the list that a cluster with these nodes needs, over the list in force, signed by a token of that list, and changes it
/// further. Records that come from no node, as those of tokens, firewalls and other TFTP servers, stay.
pub fn renew(
    old: &VerifiedList,
    request: &Request<'_>,
    needed: &Needed,
    edits: &[Edit],
) -> Result<Plan, PlanError> {
    if !old.list().sasts().any(|record| record.is_of(request.signer)) {
        return Err(signer_not_in_force(old, request.signer, false));
    }
    let mut work = compared(old, request.name_style, &needed.records, &needed.nodes)?.0;
    work.edit(edits, request)?;
    work.plan_over(old, request)
}

/// The records of the list in force as the cluster needs them now.
pub fn renewed(old: &VerifiedList, needed: &Needed) -> Result<Vec<Record>, PlanError> {
    let (work, _) = compared(old, None, &needed.records, &needed.nodes)?;
    Ok(work.records.into_iter().map(|entry| entry.record).collect())
}

/// What changed since this list was made.
pub fn changes(
    old: &VerifiedList,
    needed: &[NeededRecord],
    nodes: &[Ipv4Addr],
) -> Result<BTreeSet<Change>, PlanError> {
    Ok(compared(old, None, needed, nodes)?.1)
}

fn compared(
    old: &VerifiedList,
    name_style: Option<Style>,
    needed: &[NeededRecord],
    nodes: &[Ipv4Addr],
) -> Result<(Update, BTreeSet<Change>), PlanError> {
    let mut work = Update::over(old.list().records());
    let style = name_style.unwrap_or_else(|| work.style());
    let mut changes = BTreeSet::new();
    let mut left: Vec<&NeededRecord> = needed.iter().collect();
    let mut found = vec![None; work.records.len()];
    let moved = |needed: &NeededRecord, record: &Record| needed.moved_from(record, nodes);
    let rules: [Rule<'_>; 3] = [&NeededRecord::is, &NeededRecord::renews, &moved];
    for rule in rules {
        for (entry, found) in work.records.iter().zip(&mut found).filter(|(_, found)| found.is_none()) {
            let at = left.iter().position(|needed| rule(needed, &entry.record));
            *found = at.map(|at| left.remove(at));
        }
    }
    let has_capf = needed.iter().any(|needed| needed.function == Function::CAPF);
    for (at, found) in found.into_iter().enumerate().rev() {
        let Some(entry) = work.records.get_mut(at) else { continue };
        let function = entry.record.function();
        let before = entry.record.ip_address().unwrap_or(Ipv4Addr::UNSPECIFIED);
        match found {
            Some(needed) if needed.is(&entry.record) => {}
            Some(needed) => {
                let mut why = Vec::new();
                if !entry.record.is_of(&needed.certificate) {
                    changes.insert(Change::Renewed(needed.unit));
                    let serial = digest::colons(&needed.certificate.serial);
                    why.push(format!("{} was renewed: serial {serial}", needed.unit));
                }
                let record = if before == needed.address || entry.record.is_token() {
                    entry.record.refreshed(&needed.certificate)?
                } else {
                    changes.insert(Change::Nodes);
                    why.push(format!("its address was {before}, now {}", needed.address));
                    needed.record(style)?
                };
                entry.change(record, why.join("; "));
            }
            None if function == Function::CCM_TFTP || (function == Function::CAPF && has_capf) => {
                changes.insert(Change::Nodes);
                work.remove(
                    at,
                    &match nodes.contains(&before) {
                        true => format!("{before} has no such certificate any more"),
                        false => format!("{before} is no node of the cluster"),
                    },
                );
            }
            None => {}
        }
    }
    for needed in left {
        changes.insert(Change::Nodes);
        let last = work.records.iter().rposition(|e| e.record.function() != Function::SAST);
        let at = match (needed.function, last) {
            (Function::SAST, _) | (_, None) => work.behind_tokens(),
            (_, Some(last)) => last.saturating_add(1),
        };
        work.records.insert(at, Entry::new(Mark::Add, needed.record(style)?, needed.why()));
    }
    Ok((work, changes))
}
