//! The phone's decision, written only from docs/facts.md, row by row, and not optimised.

use std::collections::BTreeSet;

use openssl::nid::Nid;

use super::reader::{CCM_TFTP, List, Record, SAST, TFTP, TVS};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    SecurityByDefault,
    WithoutTvs,
    NoListYet,
}

#[derive(Debug, Clone, Copy)]
pub enum Itl<'a> {
    None,
    NotShown,
    Shown(&'a List),
}

/// The behaviour of one TVS server: the SHA-1 of its certificate, and its answer.
#[derive(Debug, Clone)]
pub struct Server {
    pub shows: Vec<u8>,
    pub says: Says,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Says {
    Valid(Vec<u16>),
    Invalid,
    Nothing,
}

#[derive(Debug, Clone)]
pub enum Tvs {
    NotAsked,
    Uploaded,
    NotUploaded,
    Asked {
        /// By issuer and serial as the list spells them, and the signer's certificate came back.
        query: bool,
        servers: Vec<Server>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    Blind,
    ByCtl,
    ByItl,
    ByTvs,
    Refused,
    NotKnown,
    DoesNotApply,
}

use Outcome::{Blind, ByCtl, ByItl, ByTvs, DoesNotApply, NotKnown, Refused};

/// phones.emptied.
pub fn is_emptied(itl: &List) -> bool {
    !itl.is_ctl
        && !itl.records.iter().any(|r| match r.function() {
            TVS => r.sha1().is_some(),
            TFTP | CCM_TFTP => r.sha1().is_some() || r.has_key(),
            _ => false,
        })
}

/// phones.tvs.record.
pub fn tvs_records(list: &List) -> BTreeSet<Vec<u8>> {
    list.records.iter().filter(|r| r.function() == TVS).filter_map(Record::sha1).collect()
}

/// phones.emptied.arrives: the record that a new list is verified with.
pub fn verifier<'a>(ctl: Option<&'a List>, itl: Itl<'a>, new: &'a List) -> Option<&'a Record> {
    let find = |list: &'a List, functions: &[u16]| {
        let good = |r: &&Record| {
            functions.contains(&r.function()) && new.is_named_by(r) && new.fits(r) == Some(true)
        };
        list.records.iter().find(good)
    };
    if let Some(record) = find(new, &[SAST]) {
        return Some(record);
    }
    if !is_emptied(new) {
        return None;
    }
    let held = match itl {
        Itl::Shown(itl) if !is_emptied(itl) => find(itl, &[SAST, CCM_TFTP]),
        _ => None,
    };
    held.or_else(|| ctl.and_then(|ctl| find(ctl, &[SAST, CCM_TFTP])))
}

fn is_cisco(record: &Record) -> bool {
    record.certificate.as_ref().is_some_and(|certificate| {
        let issuer = certificate.issuer_name().entries_by_nid(Nid::COMMONNAME).next();
        issuer.is_some_and(|cn| cn.data().as_slice() == b"Cisco Manufacturing CA")
    })
}

/// phones.token-record.
fn is_token(record: &Record, in_ctl: bool) -> bool {
    record.function() == SAST && if in_ctl { !record.has_host_or_address() } else { is_cisco(record) }
}

/// phones.tvs.spelling; `found`: a TVS that was asked in the list's spelling knew the certificate.
fn tvs_finds_the_spelling(record: &Record, new: &List, found: bool) -> bool {
    let Some(certificate) = &record.certificate else { return true };
    let mut serial = certificate.serial_number().to_bn().unwrap().to_vec();
    if new.signer().0 == serial {
        return true;
    }
    serial.reverse();
    new.signer().0 == serial && (is_cisco(record) || found)
}

/// The outcome, and the row that decides, from top to bottom.
pub fn decide(
    class: Class,
    ctl: Option<&List>,
    itl: Itl<'_>,
    new: &List,
    tvs: &Tvs,
) -> (Outcome, &'static str) {
    let signed_by = verifier(ctl, itl, new).unwrap();
    // phones.classes, phones.no-itl-class
    let (ctl, itl) = match class {
        Class::SecurityByDefault => (ctl, itl),
        Class::WithoutTvs if !new.is_ctl => return (DoesNotApply, "phones.no-itl-class"),
        Class::WithoutTvs => (ctl, Itl::None),
        Class::NoListYet => (None, Itl::None),
    };
    if new.bytes > 65_536 {
        return (Refused, "phones.size");
    }
    let whole = match itl {
        Itl::Shown(itl) if !is_emptied(itl) => Some(itl),
        _ => None,
    };
    let holds_emptied = matches!(itl, Itl::Shown(_)) && whole.is_none();
    let not_shown = matches!(itl, Itl::NotShown);
    if ctl.is_none() && whole.is_none() && !not_shown {
        return (Blind, "phones.blind");
    }
    // phones.lookup, phones.needed.*, phones.order
    let in_ctl: &[u16] = if new.is_ctl { &[SAST] } else { &[CCM_TFTP, SAST] };
    let in_itl: &[u16] = if new.is_ctl { &[SAST] } else { &[SAST, CCM_TFTP] };
    let mut named: Vec<(Outcome, &Record, Option<bool>)> = vec![];
    for (list, functions, way) in [(ctl, in_ctl, ByCtl), (whole, in_itl, ByItl)] {
        let records = list.iter().flat_map(|list| &list.records);
        let found = records.filter(|r| functions.contains(&r.function()) && new.is_named_by(r));
        named.extend(found.map(|r| (way, r, new.fits_or_hash(r, signed_by))));
    }
    let mut good = named.iter().filter(|(.., fits)| *fits == Some(true));
    if whole.is_some() || not_shown || new.is_ctl {
        if let Some((way, ..)) = good.next() {
            return (*way, "phones.key");
        }
    } else {
        let good: Vec<_> = good.collect();
        if good.iter().any(|(_, r, _)| r.function() == CCM_TFTP) {
            return (ByCtl, "phones.ctl-only.itl");
        }
        if good.iter().any(|(_, r, _)| !is_token(r, true)) {
            return (ByCtl, "phones.ctl-only.itl.recovery");
        }
        if !good.is_empty() {
            return (NotKnown, "phones.ctl-only.itl.token");
        }
    }
    if named.iter().any(|(.., fits)| fits.is_none()) {
        return (NotKnown, "phones.key.unreadable");
    }
    let by_token = is_token(signed_by, new.is_ctl);
    if holds_emptied && !new.is_ctl {
        return (NotKnown, "phones.ctl-emptied.itl");
    }
    // phones.itl-unknown
    let may_be_known = not_shown && !by_token;
    let no = |row| if may_be_known { (NotKnown, "phones.itl-unknown") } else { (Refused, row) };
    if !named.is_empty() {
        return no("phones.key.other");
    }
    if whole.is_none() && !not_shown {
        return match (holds_emptied, new.is_ctl) {
            (true, _) => (Refused, "phones.ctl-emptied.ctl"),
            (false, true) => (Refused, "phones.ctl-only.ctl"),
            (false, false) => (Refused, "phones.ctl-only.itl"),
        };
    }
    if whole.is_some_and(|itl| tvs_records(itl).is_empty()) {
        return (Refused, "phones.tvs.record");
    }
    let (query, asked): (bool, &[Server]) = match tvs {
        Tvs::Asked { query, servers } => (*query, servers),
        _ => (false, &[]),
    };
    let known = whole.map(tvs_records);
    let answers = || asked.iter().filter(|server| server.says != Says::Nothing);
    let mut proofs: Vec<&Says> = vec![];
    let (mut others, mut unchecked) = (BTreeSet::new(), false);
    for (number, server) in asked.iter().enumerate().filter(|(_, server)| server.says != Says::Nothing) {
        match &known {
            Some(known) if known.contains(&server.shows) => proofs.push(&server.says),
            Some(_) => drop(others.insert(number)),
            None if server.says == Says::Invalid => proofs.push(&server.says),
            None => unchecked = true,
        }
    }
    let is_valid = |says: &&Says| matches!(says, Says::Valid(_));
    let found = query && !proofs.is_empty() && proofs.iter().all(is_valid);
    if !tvs_finds_the_spelling(signed_by, new, found) {
        return no("phones.tvs.spelling");
    }
    if let Some(known) = &known {
        let kept = known.intersection(&tvs_records(new)).count();
        let shown = answers().any(|server| known.contains(&server.shows));
        if !new.is_ctl && !is_emptied(new) && kept == 0 && !shown {
            return (Refused, "phones.tvs.renewed");
        }
        if proofs.is_empty() && !others.is_empty() {
            let outcome = if others.len() >= known.len() { Refused } else { NotKnown };
            return (outcome, "phones.tvs.other-server");
        }
    }
    match tvs {
        Tvs::NotAsked => return (NotKnown, "phones.tvs.unknown"),
        Tvs::Uploaded => return (ByTvs, "phones.tvs.uploaded"),
        Tvs::NotUploaded => return no("phones.tvs.uploaded"),
        Tvs::Asked { .. } => {}
    }
    let needed: &[u16] = if new.is_ctl { &[SAST] } else { &[SAST, CCM_TFTP] };
    let says_no = proofs.iter().any(|says| **says == Says::Invalid);
    let valid =
        proofs.iter().filter_map(|says| if let Says::Valid(roles) = says { Some(roles) } else { None });
    let valid: Vec<_> = valid.collect();
    if says_no && valid.is_empty() && !unchecked {
        return no("phones.tvs.invalid");
    }
    if says_no || valid.is_empty() && !unchecked {
        return (NotKnown, "phones.tvs.unknown");
    }
    if unchecked {
        return (NotKnown, "phones.tvs.unchecked");
    }
    // The answer with the fewest roles counts.
    if valid.iter().any(|roles| roles.is_empty()) {
        return (NotKnown, "phones.tvs.no-roles");
    }
    if valid.iter().any(|roles| !roles.iter().any(|role| needed.contains(role))) {
        return (NotKnown, "phones.tvs.other-role");
    }
    (ByTvs, "phones.tvs.valid")
}
