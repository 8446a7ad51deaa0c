//! Whether a phone accepts a list: `docs/phones.md`, "What a phone accepts".

use super::list::{NewList, is_emptied_itl, tvs_certificates};
use super::reason::Reason;
use super::tvs::Ask;
use super::tvs_status::{ListSigner, TvsStatus};
use super::verdict::{ClassVerdict, Decision, PhoneClass, Verdict, Way};
use crate::trustlist::{
    Function, ListKind, PHONE_LIMIT_BYTES, Record, Style, TrustList, VerifiedList, VerifyError,
};

/// The identity trust list that a phone has.
#[derive(Debug, Clone, Copy, Default)]
pub enum InstalledItl<L> {
    /// None: the phone does not load ITL files, or never got one.
    None,
    /// A phone has an ITL, but its content was not given.
    #[default]
    Unknown,
    /// "Prepare Cluster for Rollback to pre 8.0" emptied it. If it has no record of its signer, only the ITL before it can
    /// verify it.
    Emptied,
    /// This one.
    List(L),
}

impl<L> InstalledItl<L> {
    /// The same, with a borrowed list.
    pub fn as_ref(&self) -> InstalledItl<&L> {
        match self {
            InstalledItl::None => InstalledItl::None,
            InstalledItl::Unknown => InstalledItl::Unknown,
            InstalledItl::Emptied => InstalledItl::Emptied,
            InstalledItl::List(list) => InstalledItl::List(list),
        }
    }

    /// The list, where it is known.
    pub fn list(self) -> Option<L> {
        match self {
            InstalledItl::List(itl) => Some(itl),
            InstalledItl::None | InstalledItl::Unknown | InstalledItl::Emptied => None,
        }
    }
}

impl InstalledItl<VerifiedList> {
    /// From a decoded ITL, which must verify unless it was emptied.
    pub fn of(list: &TrustList) -> Result<Self, VerifyError> {
        if list.kind() == ListKind::Itl && list.records().iter().all(Record::is_emptied) {
            return Ok(InstalledItl::Emptied);
        }
        let list = list.verify()?;
        Ok(if is_emptied_itl(list.list()) { InstalledItl::Emptied } else { InstalledItl::List(list) })
    }
}

impl InstalledItl<&VerifiedList> {
    /// An ITL without a server that phones can use is an emptied one.
    pub(super) fn in_force(self) -> Self {
        match self {
            InstalledItl::List(itl) if is_emptied_itl(itl.list()) => InstalledItl::Emptied,
            held => held,
        }
    }
}

/// The lists that phones have.
#[derive(Debug, Clone, Copy)]
pub struct Installed<L> {
    /// The CTL in force; `None` if there is none.
    pub ctl: Option<L>,
    /// The ITL in force.
    pub itl: InstalledItl<L>,
}

impl<L> Default for Installed<L> {
    fn default() -> Self {
        Installed { ctl: None, itl: InstalledItl::Unknown }
    }
}

impl<L> Installed<L> {
    /// The same, with borrowed lists.
    pub fn as_ref(&self) -> Installed<&L> {
        Installed { ctl: self.ctl.as_ref(), itl: self.itl.as_ref() }
    }
}

impl Installed<&VerifiedList> {
    /// Verifies a new list with its own SAST record. An emptied ITL may have no SAST record: then the installed lists verify
    /// it.
    pub fn verify(&self, new: &TrustList) -> Result<VerifiedList, VerifyError> {
        new.verify().or_else(|error| {
            let mut held = self.itl.list().into_iter().chain(self.ctl).filter(|_| is_emptied_itl(new));
            held.find_map(|held| new.verify_in(held).ok()).ok_or(error)
        })
    }
}

/// Decides whether a phone with these lists accepts the new list. The phone looks for the signer by issuer, serial and role: in
/// the CTL, then in the ITL; then it asks TVS, if the model can (`asks_tvs`: Security by Default).
pub fn assess(
    held: &Installed<&VerifiedList>,
    asks_tvs: bool,
    new: &NewList<'_>,
    status: &TvsStatus,
) -> Verdict {
    let mut assessment = Assessment { new, reasons: Vec::new() };
    let decision = assessment.decide(held, asks_tvs, status);
    Verdict { decision, reasons: assessment.reasons }
}

struct Assessment<'n, 'a> {
    new: &'n NewList<'a>,
    reasons: Vec<Reason>,
}

impl Assessment<'_, '_> {
    fn because(&mut self, reason: Reason, decision: Decision) -> Decision {
        self.reasons.push(reason);
        decision
    }

    fn decide(&mut self, held: &Installed<&VerifiedList>, asks_tvs: bool, status: &TvsStatus) -> Decision {
        if self.new.bytes > PHONE_LIMIT_BYTES {
            return self.because(Reason::TooLarge { bytes: self.new.bytes }, Decision::Refuses);
        }
        let itl = held.itl.in_force();
        match (held.ctl, itl) {
            (None, InstalledItl::None) => {
                return self.because(Reason::HoldsNothing, Decision::Accepts(Way::Blind));
            }
            (None, InstalledItl::Emptied) => {
                return self.because(Reason::EmptiedItl, Decision::Accepts(Way::Blind));
            }
            _ => {}
        }
        let is_itl = self.new.kind == ListKind::Itl;
        // Without an ITL, the next one comes through the CCM+TFTP records of the CTL.
        let by_ctl_alone = is_itl && matches!(itl, InstalledItl::None | InstalledItl::Emptied);
        // `doubt`: a list may contain the signer. `is_listed`: one does, with another key or one that cannot be read.
        let (mut doubt, mut is_listed) = (false, false);
        for (list, way) in [(held.ctl, Way::Ctl), (itl.list(), Way::Itl)] {
            let Some(list) = list else { continue };
            let found = self.search(list, by_ctl_alone);
            let decision = match found {
                Reason::Knows { .. } => Some(Decision::Accepts(way)),
                Reason::TokenAlone { .. } => Some(Decision::NotKnown),
                _ => None,
            };
            doubt |= matches!(found, Reason::NoKeyToCompare { .. });
            is_listed |= matches!(found, Reason::OtherKey { .. } | Reason::NoKeyToCompare { .. });
            self.reasons.push(found);
            if let Some(decision) = decision {
                return decision;
            }
        }
        let unless = |doubt| if doubt { Decision::NotKnown } else { Decision::Refuses };
        match itl {
            InstalledItl::None => return self.because(Reason::HoldsNoItl, unless(doubt)),
            InstalledItl::Emptied => {
                return self.because(Reason::EmptiedItlAndCtl { is_itl }, unless(doubt || is_itl));
            }
            InstalledItl::List(_) => {}
            InstalledItl::Unknown => {
                // A token is in no ITL: CUCM fills those from its own servers.
                doubt |= !self.new.by_token;
                self.reasons.push(Reason::ItlNotShown { token: self.new.by_token });
            }
        }
        // Phones ask TVS only about signers that are in no list.
        if is_listed {
            return unless(doubt);
        }
        if !asks_tvs {
            return self.because(Reason::CannotAskTvs, unless(doubt));
        }
        match self.ask_tvs(itl, status) {
            Decision::Refuses => unless(doubt),
            decision => decision,
        }
    }

    /// Searches by issuer, serial and role, in the order of the list; then compares the key.
    fn search(&self, held: &VerifiedList, by_ctl_alone: bool) -> Reason {
        let new = self.new;
        let (list, records) = (held.list().kind(), held.list().records());
        let roles: &'static [Function] = match new.kind {
            // The certificates that sign configuration files may also sign ITLs.
            ListKind::Itl => &[Function::SAST, Function::CCM_TFTP],
            ListKind::Ctl => &[Function::SAST],
        };
        let mut other_role = None;
        let mut without = None;
        for (index, record) in records.iter().enumerate() {
            if !record.is_for(&new.signer.issuer, &new.signer.serial) {
                continue;
            }
            let (number, name) = (index.saturating_add(1), record.short_name());
            if !roles.contains(&record.function()) {
                other_role.get_or_insert((number, record.function()));
                continue;
            }
            let knows = match (record.public_key(), &new.key, &new.certificate) {
                (Some(held), Some(key), _) if held == *key => true,
                (None, _, Some(certificate)) => record.is_of(certificate),
                _ => false,
            };
            let found = match knows {
                true if by_ctl_alone && record.is_token() => Reason::TokenAlone { record: number, name },
                true => return Reason::Knows { list, record: number, name, function: record.function() },
                false if record.public_key().is_some() && new.key.is_some() => {
                    Reason::OtherKey { list, record: number, name }
                }
                false => Reason::NoKeyToCompare { list, record: number, name },
            };
            // A key that cannot be compared may be the right one; a different key is not.
            let tells = |found: &Reason| match found {
                Reason::TokenAlone { .. } => 2,
                Reason::NoKeyToCompare { .. } => 1,
                _ => 0,
            };
            if without.as_ref().is_none_or(|before| tells(before) < tells(&found)) {
                without = Some(found);
            }
        }
        let name = new.name.clone();
        without.unwrap_or(match other_role {
            Some((record, function)) => Reason::OtherRole { list, record, name, function, needed: roles },
            None => Reason::NotIn { list, name, needed: roles },
        })
    }

    /// A phone authenticates a TVS by a record of its ITL, which must still be right after the change.
    fn ask_tvs(&mut self, itl: InstalledItl<&VerifiedList>, status: &TvsStatus) -> Decision {
        let name = self.new.name.clone();
        let mut records = 0;
        if let InstalledItl::List(itl) = itl {
            let known = tvs_certificates(itl.list().records());
            records = known.len();
            if known.is_empty() {
                return self.because(Reason::NoTvsRecord, Decision::Refuses);
            }
            if self.new.kind == ListKind::Itl && !self.new.is_emptied_itl() {
                let new = tvs_certificates(self.new.records);
                let stay: Vec<String> = known
                    .iter()
                    .filter(|(sha1, _)| new.contains_key(*sha1))
                    .map(|(_, name)| name.clone())
                    .collect();
                // In both cases TVS already showed a certificate that phones can authenticate.
                let is_authenticated = matches!(status, TvsStatus::Valid { .. } | TvsStatus::Disagree { .. });
                match stay.len() {
                    0 if !is_authenticated => {
                        return self.because(Reason::TvsRenewedToo { name }, Decision::Refuses);
                    }
                    0 => {}
                    some if some < records => self.reasons.push(Reason::TvsStays { names: stay }),
                    _ => {}
                }
            }
        }
        if !self.tvs_finds_it(status) {
            return self.because(Reason::TvsDoesNotFindTheSpelling { name }, Decision::Refuses);
        }
        let signer = ListSigner { name: &name, is_token: self.new.by_token, signs: self.new.kind };
        let (decision, reason) = status.decides(signer, records);
        self.because(reason, decision)
    }

    /// TVS finds certificates by big-endian serial and CUCM's issuer name; only Cisco's own tokens also by the CTL Client's
    /// spelling (`docs/phones.md`, "TVS").
    fn tvs_finds_it(&self, status: &TvsStatus) -> bool {
        let Some(certificate) = &self.new.certificate else { return true };
        let (issuer, serial) = (&self.new.signer.issuer, &self.new.signer.serial);
        let spelled = |style| {
            let expected = certificate.issuer.spelled(style);
            serial[..] == certificate.serial_spelled(style)[..]
                && issuer.strip_suffix(b"\0").unwrap_or(issuer) == expected.as_bytes()
        };
        let found_so = matches!(status, TvsStatus::Valid { asked: Ask::Query, .. });
        spelled(Style::Cucm) || (spelled(Style::CtlClient) && (certificate.is_cisco_token() || found_so))
    }
}

/// What each class of phones does with a new list.
pub fn assess_classes(
    installed: &Installed<&VerifiedList>,
    new: &NewList<'_>,
    status: &TvsStatus,
) -> Vec<ClassVerdict> {
    let ctl_alone = |ctl| assess(&Installed { ctl, itl: InstalledItl::None }, false, new, status);
    let verdict = |class| match class {
        PhoneClass::SecurityByDefault => assess(installed, true, new, status),
        PhoneClass::WithoutTvs if new.kind == ListKind::Itl => {
            Verdict { decision: Decision::DoesNotApply, reasons: vec![Reason::KnowsNoItl] }
        }
        PhoneClass::WithoutTvs => ctl_alone(installed.ctl),
        PhoneClass::WithoutList => ctl_alone(None),
    };
    PhoneClass::ALL.map(|class| ClassVerdict { class, verdict: verdict(class) }).into()
}
