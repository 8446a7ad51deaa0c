//! What a phone can still do after it took a list: check its configuration files, ask TVS, renew its certificate.

use serde::Serialize;

use super::acceptance::{HeldItl, Installed, PhoneClass};
use super::list::{ListView, has_certificate_or_hash};
use crate::trustlist::{Function, ListKind, Record, record_tag as tag};

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
    /// For which phones.
    pub phones: Vec<PhoneClass>,
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

/// Whether phones can use the record for the service: they check a signature with a key, and a server by its certificate.
fn serves(service: Service, record: &Record) -> bool {
    functions(service).contains(&record.function())
        && !record.is_emptied()
        && (has_certificate_or_hash(record)
            || (service == Service::Tftp && record.get(tag::PUBLIC_KEY).is_some()))
}

/// Whether non-secure mode emptied the record, which it does to CCM+TFTP records alone.
fn is_emptied_by_mode(service: Service, record: &Record) -> bool {
    service == Service::Tftp && functions(service).contains(&record.function()) && record.is_emptied()
}

/// What a phone trusts after it took the new list, beside what it trusted before: class by class, since what leaves the
/// CTL may still be in the ITL, which not every phone holds.
pub fn services(installed: &Installed<'_>, new: ListView<'_>) -> Vec<ServiceFinding> {
    let mut losses: Vec<(Service, Loss, Vec<PhoneClass>)> = Vec::new();
    let change = PhoneClass::ALL.map(|class| (class, Change::of(class, installed, new)));
    for service in [Service::Tftp, Service::Tvs, Service::Capf] {
        for (class, change) in &change {
            for loss in change.iter().flat_map(|change| change.losses(service, new.kind)) {
                match losses.iter_mut().find(|(s, l, _)| *s == service && *l == loss) {
                    Some((_, _, classes)) => classes.push(*class),
                    None => losses.push((service, loss, vec![*class])),
                }
            }
        }
    }
    let finding = |(service, loss, phones): (Service, Loss, Vec<PhoneClass>)| ServiceFinding {
        service,
        severity: loss.severity(),
        says: loss.says(service, &phones, new.kind),
        phones,
    };
    losses.into_iter().map(finding).collect()
}

/// What the phones of one class trust before and after.
struct Change<'a> {
    before: Vec<&'a Record>,
    after: Vec<&'a Record>,
    asks_tvs: bool,
    /// The ITL that they hold was not shown to us.
    itl_may_help: bool,
}

/// Something that phones lose, before it is known which ones.
#[derive(PartialEq, Eq)]
enum Loss {
    NothingLeft { itl_may_help: bool },
    NoLongerChecked { server: String },
    OtherCertificate { server: String },
    Leaves { server: String },
}

impl<'a> Change<'a> {
    /// `None` where the phones of this class do not load such a list.
    fn of(class: PhoneClass, installed: &Installed<'a>, new: ListView<'a>) -> Option<Self> {
        let itl = match installed.itl {
            HeldItl::List(itl) => Some(itl),
            HeldItl::None | HeldItl::Unknown | HeldItl::Emptied => None,
        };
        let knows_itl = class != PhoneClass::WithoutTvs;
        if new.kind == ListKind::Itl && !knows_itl {
            return None;
        }
        let itl = itl.filter(|_| knows_itl);
        let before = match class {
            PhoneClass::WithoutList => [None, None],
            PhoneClass::SecurityByDefault | PhoneClass::WithoutTvs => [installed.ctl, itl],
        };
        let after = match new.kind {
            ListKind::Ctl => [Some(new), itl],
            ListKind::Itl => [installed.ctl, Some(new)],
        };
        let records = |lists: [Option<ListView<'a>>; 2]| {
            lists.into_iter().flatten().flat_map(|list| list.records).collect::<Vec<_>>()
        };
        Some(Change {
            before: records(before),
            after: records(after),
            asks_tvs: knows_itl,
            itl_may_help: knows_itl && new.kind == ListKind::Ctl && matches!(installed.itl, HeldItl::Unknown),
        })
    }

    fn losses(&self, service: Service, kind: ListKind) -> Vec<Loss> {
        if service == Service::Tvs && !self.asks_tvs {
            return vec![];
        }
        let had: Vec<_> = self.before.iter().filter(|r| serves(service, r)).collect();
        let has: Vec<_> = self.after.iter().filter(|r| serves(service, r)).collect();
        let emptied: Vec<_> = self.after.iter().filter(|r| is_emptied_by_mode(service, r)).collect();
        // A CTL says nothing about TVS; an ITL without it leaves the phone alone with what it holds.
        let expected = !had.is_empty() || (kind == ListKind::Itl && service != Service::Capf);
        if has.is_empty() && expected && emptied.is_empty() {
            return vec![Loss::NothingLeft { itl_may_help: self.itl_may_help }];
        }
        let mut losses = Vec::new();
        for record in had {
            // Most records of a new list are those of the old one; to read their certificates costs more than all the rest.
            if has.iter().any(|r| r.bytes() == record.bytes()) || has.iter().any(|r| same_identity(r, record))
            {
                continue;
            }
            let server = format!("{}{}", record.short_name(), place(record));
            losses.push(if emptied.iter().any(|r| same_server(r, record)) {
                Loss::NoLongerChecked { server }
            } else if has.iter().any(|r| same_server(r, record)) {
                Loss::OtherCertificate { server }
            } else {
                Loss::Leaves { server }
            });
        }
        losses
    }
}

impl Loss {
    fn severity(&self) -> Severity {
        match self {
            Loss::NothingLeft { itl_may_help: false } => Severity::LockedOut,
            Loss::NothingLeft { itl_may_help: true } | Loss::Leaves { .. } => Severity::Loses,
            Loss::NoLongerChecked { .. } | Loss::OtherCertificate { .. } => Severity::Note,
        }
    }

    fn says(&self, service: Service, phones: &[PhoneClass], kind: ListKind) -> String {
        let says = match self {
            Loss::NothingLeft { itl_may_help: false } => nothing_left(service).to_owned(),
            Loss::NothingLeft { itl_may_help: true } => {
                format!("{}, unless its ITL helps (--installed-itl)", nothing_left(service))
            }
            Loss::NoLongerChecked { server } => {
                format!("non-secure mode: {server} is no longer checked")
            }
            Loss::OtherCertificate { server } => {
                format!("{server} has another certificate: right only if the server uses it by now")
            }
            Loss::Leaves { server } => {
                let tvs_may_help = phones.iter().any(|class| *class != PhoneClass::WithoutTvs);
                format!("{server} leaves: {}", what_is_lost(service, tvs_may_help))
            }
        };
        match phones {
            // Every phone that holds a list loads a CTL; if it is one class alone, it is named.
            [class] if kind == ListKind::Ctl => format!("{}: {says}", class.label()),
            _ => says,
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

fn what_is_lost(service: Service, tvs_may_help: bool) -> &'static str {
    match service {
        Service::Tftp if !tvs_may_help => "configuration files that it signs are refused",
        Service::Tftp => "configuration files that it signs are refused, unless TVS vouches for it",
        Service::Tvs => "phones no longer ask it",
        Service::Capf => "it can no longer give phones their certificates",
    }
}
