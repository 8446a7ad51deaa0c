//! What a phone can still do after it accepted a list: check configuration files, ask TVS, renew its certificate.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use super::acceptance::{Installed, InstalledItl};
use super::list::{NewList, is_usable};
use super::lookup::{Lookup, Places, Presence, host};
use super::verdict::PhoneClass;
use crate::trustlist::{Function, ListKind, PHONE_LIMIT_BYTES, Record, VerifiedList};

/// A service for which a phone needs a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
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

/// How bad it is for phones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Impact {
    /// Worth knowing.
    Note,
    /// One of several is lost: correct if the operator intended it.
    Loses,
    /// Nothing is left: the phone is locked out of the service.
    LockedOut,
}

/// One change for phones after they accepted the list.
#[allow(missing_docs, reason = "the names say what each is")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceFinding {
    pub service: Service,
    #[serde(rename = "severity")]
    pub impact: Impact,
    pub phones: Vec<PhoneClass>,
    /// The finding as a value, without its wording.
    #[serde(skip)]
    pub about: String,
    pub says: String,
}

impl ServiceFinding {
    /// In one line: `careful: no TVS record is left …`.
    pub fn line(&self) -> String {
        let sign = match self.impact {
            Impact::Note => "",
            Impact::Loses => "careful: ",
            Impact::LockedOut => "LOCKED OUT: ",
        };
        format!("{sign}{}", self.says)
    }
}

/// Whether phones can use the record for the service.
fn serves(service: Service, record: &Record) -> bool {
    let is_for_it = match record.function() {
        Function::CCM_TFTP | Function::TFTP => service == Service::Tftp,
        Function::TVS => service == Service::Tvs,
        Function::CAPF => service == Service::Capf,
        _ => false,
    };
    is_for_it && is_usable(record)
}

/// The consequences of an ITL that was emptied for a rollback, which is intended.
fn rollback(installed: &Installed<&VerifiedList>) -> Vec<ServiceFinding> {
    let phones = [PhoneClass::SecurityByDefault, PhoneClass::WithoutList];
    let stays = match installed.ctl {
        Some(_) => "; their CTL is not emptied: they accept only a CTL that was signed by a SAST in it",
        None => "",
    };
    let files = format!(
        "this ITL is emptied, as \"Prepare Cluster for Rollback to pre 8.0\" does: phones that load it accept any \
         list and any configuration file{stays}"
    );
    let tvs = "HTTPS phone services (directories, Extension Mobility) stop: give phones http URLs first";
    [(Service::Tftp, files), (Service::Tvs, tvs.to_owned())]
        .map(|(service, says)| ServiceFinding {
            service,
            impact: Impact::Loses,
            phones: phones.into(),
            about: format!("Rollback {{ with_ctl: {} }}", installed.ctl.is_some()),
            says,
        })
        .into()
}

/// What phones lose with the new list, for each class of phones: a record removed from the CTL may still be in the ITL, but not
/// every phone has an ITL. Empty if the list is too large for every phone.
pub fn services(installed: &Installed<&VerifiedList>, new: &NewList<'_>) -> Vec<ServiceFinding> {
    if new.bytes > PHONE_LIMIT_BYTES {
        return vec![];
    }
    if new.is_emptied_itl() {
        return rollback(installed);
    }
    let mut losses: Vec<(Service, Loss, Vec<PhoneClass>)> = Vec::new();
    let mut known: HashMap<(Service, Loss), usize> = HashMap::new();
    let trusted = PhoneClass::ALL.map(|class| (class, Trusted::of(class, installed, new)));
    for service in [Service::Tftp, Service::Tvs, Service::Capf] {
        for (class, trusted) in &trusted {
            for loss in trusted.iter().flat_map(|trusted| trusted.losses(service, new.kind)) {
                let at = *known.entry((service, loss.clone())).or_insert(losses.len());
                match losses.get_mut(at) {
                    Some((_, _, classes)) if classes.last() == Some(class) => {}
                    Some((_, _, classes)) => classes.push(*class),
                    None => losses.push((service, loss, vec![*class])),
                }
            }
        }
    }
    let finding = |(service, loss, phones): (Service, Loss, Vec<PhoneClass>)| {
        let (impact, says) = loss.says(service, &phones, new.kind);
        ServiceFinding { service, impact, about: format!("{loss:?}"), says, phones }
    };
    losses.into_iter().map(finding).collect()
}

/// What the phones of one class trust before and after.
struct Trusted<'a> {
    before: Vec<&'a Record>,
    after: Vec<&'a Record>,
    asks_tvs: bool,
    /// Their ITL is not known. It may contain the records that the CTL loses.
    itl_may_help: bool,
}

/// A loss, without the class of phones that it concerns.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Loss {
    NothingLeft { itl_may_help: bool },
    NoLongerChecked { server: String },
    OtherCertificate { server: String },
    Misnamed { server: String },
    Leaves { server: String },
}

impl<'a> Trusted<'a> {
    /// `None` where the phones of this class do not load such a list.
    fn of(class: PhoneClass, installed: &Installed<&'a VerifiedList>, new: &NewList<'a>) -> Option<Self> {
        let knows_itl = class != PhoneClass::WithoutTvs;
        if new.kind == ListKind::Itl && !knows_itl {
            return None;
        }
        let itl = installed.itl.in_force().list().filter(|_| knows_itl);
        let records = |list: Option<&'a VerifiedList>| list.map_or(&[][..], |list| list.list().records());
        let (ctl, itl) = (records(installed.ctl), records(itl));
        let before = match class {
            PhoneClass::WithoutList => [&[][..], &[]],
            PhoneClass::SecurityByDefault | PhoneClass::WithoutTvs => [ctl, itl],
        };
        let after = match new.kind {
            ListKind::Ctl => [new.records, itl],
            ListKind::Itl => [ctl, new.records],
        };
        Some(Trusted {
            before: before.into_iter().flatten().collect(),
            after: after.into_iter().flatten().collect(),
            asks_tvs: knows_itl,
            itl_may_help: knows_itl
                && new.kind == ListKind::Ctl
                && matches!(installed.itl, InstalledItl::Unknown),
        })
    }

    fn losses(&self, service: Service, kind: ListKind) -> Vec<Loss> {
        if service == Service::Tvs && !self.asks_tvs {
            return vec![];
        }
        let serving =
            |list: &[&'a Record]| list.iter().copied().filter(|r| serves(service, r)).collect::<Vec<_>>();
        let (had, has) = (serving(&self.before), serving(&self.after));
        // Non-secure mode empties only CCM+TFTP records, so it explains only losses of those servers.
        let is_of_mode = |r: &&Record| service == Service::Tftp && r.function() == Function::CCM_TFTP;
        let emptied = self.after.iter().copied().filter(|r| is_of_mode(r) && r.is_emptied());
        let emptied = Places::of(&emptied.collect::<Vec<_>>());
        let by_mode = |record: &Record| is_of_mode(&record) && emptied.has(record);
        // Most records are unchanged, and decoding their certificates costs the most.
        let same: HashSet<&[u8]> = has.iter().map(|r| &r.bytes()[..]).collect();
        let missing: Vec<_> = had.iter().copied().filter(|r| !same.contains(&r.bytes()[..])).collect();
        let mut lookup = (!missing.is_empty()).then(|| Lookup::new(&had, &has));
        let has: Vec<_> =
            has.into_iter().filter(|r| lookup.as_mut().is_none_or(|lookup| lookup.finds(r))).collect();
        // A CTL contains no TVS. After an ITL without TVS, a phone can verify only with its own lists.
        let expected = !had.is_empty() || (kind == ListKind::Itl && service != Service::Capf);
        let nothing = has.is_empty() && expected && !had.iter().any(|record| by_mode(record));
        let mut losses = Vec::new();
        if nothing {
            losses.push(Loss::NothingLeft { itl_may_help: self.itl_may_help });
        }
        let Some(mut lookup) = lookup else { return losses };
        let has = Places::of(&has);
        for record in missing {
            let server = || format!("{}{}", record.short_name(), place(record));
            match lookup.presence(record) {
                Presence::Found => {}
                Presence::Misnamed if nothing => losses.push(Loss::Misnamed { server: server() }),
                _ if nothing => {}
                _ if by_mode(record) => losses.push(Loss::NoLongerChecked { server: server() }),
                _ if has.has(record) => losses.push(Loss::OtherCertificate { server: server() }),
                Presence::Misnamed => losses.push(Loss::Misnamed { server: server() }),
                Presence::Gone => losses.push(Loss::Leaves { server: server() }),
            }
        }
        losses
    }
}

impl Loss {
    /// How bad it is for phones, and in words.
    fn says(&self, service: Service, phones: &[PhoneClass], kind: ListKind) -> (Impact, String) {
        let tvs_may_help = phones.iter().any(|class| *class != PhoneClass::WithoutTvs);
        let lost = what_is_lost(service, tvs_may_help);
        let (impact, says) = match self {
            Loss::NothingLeft { itl_may_help: false } => {
                (Impact::LockedOut, nothing_left(service).to_owned())
            }
            Loss::NothingLeft { itl_may_help: true } => {
                (Impact::Loses, format!("{}, unless the phone's ITL contains it", nothing_left(service)))
            }
            Loss::NoLongerChecked { server } => {
                (Impact::Note, format!("non-secure mode: {server} is no longer checked"))
            }
            Loss::OtherCertificate { server } => {
                let right = "correct only if the server already uses it";
                (Impact::Note, format!("{server} has another certificate: {right}"))
            }
            Loss::Misnamed { server } => {
                let misnamed = "has another issuer or serial, so phones do not find it";
                (Impact::Loses, format!("{server} {misnamed}: {lost}"))
            }
            Loss::Leaves { server } => (Impact::Loses, format!("{server} leaves: {lost}")),
        };
        match phones {
            // A CTL concerns every phone that holds a list; if only one class is concerned, it is named.
            [class] if kind == ListKind::Ctl => (impact, format!("{}: {says}", class.label())),
            _ => (impact, says),
        }
    }
}

fn place(record: &Record) -> String {
    let at = record.ip_address().map(|ip| ip.to_string()).or_else(|| host(record));
    at.map(|at| format!(" ({at})")).unwrap_or_default()
}

fn nothing_left(service: Service) -> &'static str {
    match service {
        Service::Tftp => {
            "no CCM+TFTP or TFTP certificate is left: the phone refuses every signed configuration file"
        }
        Service::Tvs => "no TVS record is left: the phone cannot ask about a signer that it does not know",
        Service::Capf => "no CAPF record is left: the phone cannot get or renew its own certificate",
    }
}

fn what_is_lost(service: Service, tvs_may_help: bool) -> &'static str {
    match service {
        Service::Tftp if !tvs_may_help => "configuration files that it signs are refused",
        Service::Tftp => "configuration files that it signs are refused, unless TVS knows it",
        Service::Tvs => "phones no longer ask it",
        Service::Capf => "it can no longer give phones their certificates",
    }
}
