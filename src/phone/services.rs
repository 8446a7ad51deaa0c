//! What a phone can still do after it took a list: check its configuration files, ask TVS, renew its certificate.

use serde::Serialize;

use super::acceptance::{HeldItl, Installed};
use super::list::ListView;
use crate::trustlist::{Function, ListKind, Record};

/// What a phone needs a list for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Service {
    /// Checking configuration files, which CCM+TFTP and TFTP certificates sign.
    #[serde(rename = "TFTP")]
    Tftp,
    /// Asking the Trust Verification Service.
    #[serde(rename = "TVS")]
    Tvs,
    /// Getting and renewing its own certificate.
    #[serde(rename = "CAPF")]
    Capf,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// One of several is lost: right if that was meant.
    Loses,
    /// Nothing is left: the phone is locked out of the service.
    LockedOut,
}

/// One thing that changes for phones once they took the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceFinding {
    /// Of which service.
    pub service: Service,
    /// How bad it is.
    pub severity: Severity,
    /// In words.
    pub says: String,
}

fn functions(service: Service) -> &'static [Function] {
    match service {
        Service::Tftp => &[Function::CCM_TFTP, Function::TFTP],
        Service::Tvs => &[Function::TVS],
        Service::Capf => &[Function::CAPF],
    }
}

/// What a phone trusts after it took the new list, beside what it trusted before.
pub fn services(installed: &Installed<'_>, new: ListView<'_>) -> Vec<ServiceFinding> {
    let itl = match installed.itl {
        HeldItl::List(itl) => Some(itl),
        HeldItl::None | HeldItl::Unknown | HeldItl::Emptied => None,
    };
    let before: Vec<&Record> =
        [installed.ctl, itl].into_iter().flatten().flat_map(|list| list.records).collect();
    let (ctl_after, itl_after) = match new.kind {
        ListKind::Ctl => (Some(new), itl),
        ListKind::Itl => (installed.ctl, Some(new)),
    };
    let after: Vec<&Record> = [ctl_after, itl_after].into_iter().flatten().flat_map(|l| l.records).collect();
    let itl_may_help = new.kind == ListKind::Ctl && matches!(installed.itl, HeldItl::Unknown);
    let mut findings = Vec::new();
    for service in [Service::Tftp, Service::Tvs, Service::Capf] {
        compare(service, &before, &after, new, itl_may_help, &mut findings);
    }
    findings
}

fn compare(
    service: Service,
    before: &[&Record],
    after: &[&Record],
    new: ListView<'_>,
    itl_may_help: bool,
    findings: &mut Vec<ServiceFinding>,
) {
    let serves = |record: &&&Record| functions(service).contains(&record.function()) && !record.is_emptied();
    let had: Vec<_> = before.iter().filter(serves).collect();
    let has: Vec<_> = after.iter().filter(serves).collect();
    let emptied = |record: &Record| {
        let same = |r: &&Record| {
            r.is_emptied() && functions(service).contains(&r.function()) && same_server(r, record)
        };
        after.iter().any(same)
    };
    let mut push = |severity, says| findings.push(ServiceFinding { service, severity, says });
    // A CTL says nothing about TVS; an ITL without it leaves the phone alone with what it holds.
    let expected = !had.is_empty() || (new.kind == ListKind::Itl && service != Service::Capf);
    let non_secure = after.iter().any(|r| functions(service).contains(&r.function()) && r.is_emptied());
    if has.is_empty() && expected && !non_secure {
        let severity = if itl_may_help { Severity::Loses } else { Severity::LockedOut };
        let unless = if itl_may_help { ", unless its ITL helps (--installed-itl)" } else { "" };
        push(severity, format!("{}{unless}", nothing_left(service)));
        return;
    }
    for record in had {
        // Most records of a new list are those of the old one; to read their certificates costs more than all the rest.
        if has.iter().any(|r| r.bytes() == record.bytes()) || has.iter().any(|r| same_identity(r, record)) {
            continue;
        }
        let (name, at) = (record.short_name(), place(record));
        if emptied(record) {
            push(Severity::Note, format!("non-secure mode: {name}{at} is no longer checked"));
        } else if has.iter().any(|r| same_server(r, record)) {
            push(
                Severity::Note,
                format!("{name}{at} has another certificate: right only if the server uses it by now"),
            );
        } else {
            push(Severity::Loses, format!("{name}{at} leaves: {}", what_is_lost(service)));
        }
    }
}

fn same_identity(a: &Record, b: &Record) -> bool {
    match (a.certificate(), b.certificate()) {
        (Some(Ok(certificate)), _) => b.is_of(&certificate),
        (None, Some(Ok(certificate))) => a.is_of(&certificate),
        _ => a.public_key().is_some() && a.public_key() == b.public_key(),
    }
}

fn same_server(a: &Record, b: &Record) -> bool {
    let by_address = a.ip_address().is_some() && a.ip_address() == b.ip_address();
    let by_name = a.dns_name().is_some_and(|n| !n.is_empty()) && a.dns_name() == b.dns_name();
    by_address || by_name || a.short_name() == b.short_name()
}

fn place(record: &Record) -> String {
    record
        .ip_address()
        .map(|ip| ip.to_string())
        .or_else(|| record.dns_name().filter(|n| !n.is_empty()))
        .map(|at| format!(" ({at})"))
        .unwrap_or_default()
}

fn nothing_left(service: Service) -> &'static str {
    match service {
        Service::Tftp => {
            "no CCM+TFTP or TFTP certificate is left: the phone refuses every signed configuration file"
        }
        Service::Tvs => {
            "no TVS record is left: the phone can ask nobody about a signer that it does not know"
        }
        Service::Capf => "no CAPF record is left: the phone cannot get or renew its own certificate",
    }
}

fn what_is_lost(service: Service) -> &'static str {
    match service {
        Service::Tftp => "configuration files that it signs are refused, unless TVS vouches for it",
        Service::Tvs => "phones no longer ask it",
        Service::Capf => "it can no longer give phones their certificates",
    }
}
