//! Would a phone take this list? `docs/phones.md`, "What a phone accepts".

use serde::Serialize;

use super::list::{ListView, NewList};
use super::reason::Reason;
use super::vouch::{Signer, Vouch};
use crate::trustlist::{Function, ListKind, PHONE_LIMIT_BYTES, Style};

/// The identity trust list that a phone holds.
#[derive(Debug, Clone, Copy)]
pub enum HeldItl<'a> {
    /// None: the phone does not know ITL files, or was never given one.
    None,
    /// Some list that was not shown to us.
    Unknown,
    /// One that was emptied for a rollback.
    Emptied,
    /// This one.
    List(ListView<'a>),
}

impl HeldItl<'_> {
    /// A list that vouches for no server any more is an emptied one.
    pub(super) fn in_force(self) -> Self {
        match self {
            HeldItl::List(itl) if itl.is_emptied_itl() => HeldItl::Emptied,
            held => held,
        }
    }
}

/// What one phone holds, and whether it can ask TVS.
#[derive(Debug, Clone, Copy)]
pub struct Held<'a> {
    /// The CTL, where there is one.
    pub ctl: Option<ListView<'a>>,
    /// The ITL.
    pub itl: HeldItl<'a>,
    /// Whether this model asks TVS at all (Security by Default).
    pub asks_tvs: bool,
}

/// How a list came to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// The phone has nothing to check it against.
    Blind,
    /// Through the CTL that it holds.
    Ctl,
    /// Through the ITL that it holds.
    Itl,
    /// TVS vouched for the signer.
    Tvs,
}

/// Whether a phone takes a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "decision", content = "by")]
pub enum Decision {
    /// It does.
    Accepts(Way),
    /// It does not; its list must be deleted by hand.
    Refuses,
    /// It cannot be known from what is given.
    NotKnown,
    /// Phones of this kind do not load such a file.
    DoesNotApply,
}

/// A decision, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// What the phone does.
    #[serde(flatten)]
    pub decision: Decision,
    /// Why, in the order in which it looks.
    pub reasons: Vec<Reason>,
}

impl Verdict {
    /// Whether the list is too large for any phone, whatever it holds: no key and no deletion helps.
    pub fn is_too_large(&self) -> bool {
        self.reasons.iter().any(|reason| matches!(reason, Reason::TooLarge { .. }))
    }

    /// Whether it hangs on TVS alone, which nobody asked yet.
    pub fn waits_for_tvs(&self) -> bool {
        self.decision == Decision::NotKnown && matches!(self.reasons.last(), Some(Reason::TvsNotAsked { .. }))
    }

    /// Whether, before that, somebody must upload the signer's certificate: TVS knows the servers' own without it.
    pub fn waits_for_upload(&self) -> bool {
        self.waits_for_tvs() && matches!(self.reasons.last(), Some(Reason::TvsNotAsked { token: true, .. }))
    }
}

/// Would a phone that holds this take that?
///
/// The phone looks for the signer by issuer, serial and role: in the CTL, in the ITL, then asks TVS.
pub fn assess(held: &Held<'_>, new: &NewList<'_>, vouch: &Vouch) -> Verdict {
    let mut look = Look { new, reasons: Vec::new() };
    let decision = look.decide(held, vouch);
    Verdict { decision, reasons: look.reasons }
}

struct Look<'n, 'a> {
    new: &'n NewList<'a>,
    reasons: Vec<Reason>,
}

/// What a list says about the signer.
enum Found {
    Yes,
    No,
    /// As a token that is SAST alone, where an ITL wants CCM+TFTP.
    TokenAlone,
    /// Records of that issuer, serial and role, and all have another key.
    OtherKey,
    /// Such a record, with a hash alone, and no certificate of the signer to compare.
    Unreadable,
}

impl Look<'_, '_> {
    fn decide(&mut self, held: &Held<'_>, vouch: &Vouch) -> Decision {
        if self.new.bytes > PHONE_LIMIT_BYTES {
            self.reasons.push(Reason::TooLarge { bytes: self.new.bytes });
            return Decision::Refuses;
        }
        let itl = held.itl.in_force();
        match (held.ctl, itl) {
            (None, HeldItl::None) => {
                self.reasons.push(Reason::HoldsNothing);
                return Decision::Accepts(Way::Blind);
            }
            (None, HeldItl::Emptied) => {
                self.reasons.push(Reason::EmptiedItl);
                return Decision::Accepts(Way::Blind);
            }
            _ => {}
        }
        let is_itl = self.new.view.kind == ListKind::Itl;
        // A list may know the signer; one does, under a key that is another or cannot be read.
        let (mut doubt, mut is_listed) = (false, false);
        if let Some(ctl) = held.ctl {
            // Without an ITL, the next one comes through the CCM+TFTP records of the CTL.
            let by_ctl_alone = is_itl && matches!(itl, HeldItl::None | HeldItl::Emptied);
            match self.look_in(ctl, by_ctl_alone) {
                Found::Yes => return Decision::Accepts(Way::Ctl),
                Found::TokenAlone => return Decision::NotKnown,
                Found::OtherKey => is_listed = true,
                Found::Unreadable => (doubt, is_listed) = (true, true),
                Found::No => {}
            }
        }
        let unless = |doubt| if doubt { Decision::NotKnown } else { Decision::Refuses };
        match itl {
            HeldItl::None => {
                self.reasons.push(Reason::HoldsNoItl);
                return unless(doubt);
            }
            HeldItl::Emptied => {
                self.reasons.push(Reason::EmptiedItlAndCtl { is_itl });
                return unless(doubt || is_itl);
            }
            HeldItl::List(itl) => match self.look_in(itl, false) {
                Found::Yes => return Decision::Accepts(Way::Itl),
                Found::OtherKey => is_listed = true,
                Found::Unreadable => (doubt, is_listed) = (true, true),
                Found::No | Found::TokenAlone => {}
            },
            HeldItl::Unknown => {
                // A token is in no ITL: CUCM fills those from its own servers.
                doubt |= !self.new.by_token;
                self.reasons.push(Reason::ItlNotShown { token: self.new.by_token });
            }
        }
        // TVS is asked about signers that are in no list.
        if is_listed {
            return unless(doubt);
        }
        if !held.asks_tvs {
            self.reasons.push(Reason::CannotAskTvs);
            return unless(doubt);
        }
        match self.ask_tvs(itl, vouch) {
            Decision::Refuses => unless(doubt),
            decision => decision,
        }
    }

    /// Issuer, serial and role, in the order of the list; then whether the key of one of these is the one that signed.
    fn look_in(&mut self, held: ListView<'_>, by_ctl_alone: bool) -> Found {
        let new = self.new;
        let list = held.kind;
        let roles: &'static [Function] = match new.view.kind {
            // Those that sign configuration files sign ITLs.
            ListKind::Itl => &[Function::SAST, Function::CCM_TFTP],
            ListKind::Ctl => &[Function::SAST],
        };
        let mut other_role = None;
        let mut without = None;
        for (index, record) in held.records.iter().enumerate() {
            if !record.is_for(&new.signer.issuer, &new.signer.serial) {
                continue;
            }
            let (number, name) = (index.saturating_add(1), record.short_name());
            if !roles.contains(&record.function()) {
                other_role.get_or_insert((number, record.function()));
                continue;
            }
            let function = record.function();
            let knows = match (record.public_key(), &new.key, &new.certificate) {
                (Some(held), Some(key), _) if held == *key => true,
                (None, _, Some(certificate)) => record.is_of(certificate),
                _ => false,
            };
            let found = match knows {
                true if by_ctl_alone && record.is_token() => {
                    (Found::TokenAlone, Reason::TokenAlone { record: number, name })
                }
                true => {
                    self.reasons.push(Reason::Knows { list, record: number, name, function });
                    return Found::Yes;
                }
                false if record.public_key().is_some() && new.key.is_some() => {
                    (Found::OtherKey, Reason::OtherKey { list, record: number, name })
                }
                false => (Found::Unreadable, Reason::NoKeyToCompare { list, record: number, name }),
            };
            // What cannot be compared may be the key; one that is another is not.
            let tells = |found: &Found| match found {
                Found::TokenAlone => 2,
                Found::Unreadable => 1,
                _ => 0,
            };
            if without.as_ref().is_none_or(|(before, _)| tells(before) < tells(&found.0)) {
                without = Some(found);
            }
        }
        if let Some((found, reason)) = without {
            self.reasons.push(reason);
            return found;
        }
        self.reasons.push(match other_role {
            Some((record, function)) => {
                Reason::OtherRole { list, record, name: new.name.clone(), function, needed: roles }
            }
            None => Reason::NotIn { list, name: new.name.clone(), needed: roles },
        });
        Found::No
    }

    /// A phone knows a TVS by a record of its ITL, whatever the new list says; and it must still be there.
    fn ask_tvs(&mut self, itl: HeldItl<'_>, vouch: &Vouch) -> Decision {
        let name = self.new.name.clone();
        let mut records = 0;
        if let HeldItl::List(itl) = itl {
            let known = itl.tvs();
            records = known.len();
            if known.is_empty() {
                self.reasons.push(Reason::NoTvsRecord);
                return Decision::Refuses;
            }
            if self.new.view.kind == ListKind::Itl && !self.new.view.is_emptied_itl() {
                let new = self.new.view.tvs();
                let stay: Vec<String> = known
                    .iter()
                    .filter(|(sha1, _)| new.contains_key(*sha1))
                    .map(|(_, name)| name.clone())
                    .collect();
                match stay.len() {
                    0 if !vouch.is_authenticated() => {
                        self.reasons.push(Reason::TvsRenewedToo { name });
                        return Decision::Refuses;
                    }
                    0 => {}
                    some if some < records => self.reasons.push(Reason::TvsStays { names: stay }),
                    _ => {}
                }
            }
        }
        if !self.tvs_finds_it(vouch) {
            self.reasons.push(Reason::TvsDoesNotFindTheSpelling { name });
            return Decision::Refuses;
        }
        let signer = Signer { name: &name, is_token: self.new.by_token, signs: self.new.view.kind };
        let (decision, reason) = vouch.decides(signer, records);
        self.reasons.push(reason);
        decision
    }

    /// TVS keys certificates by big-endian serial and CUCM's issuer name; Cisco's own tokens alone are known by the
    /// CTL Client's spelling too (`docs/phones.md`, "TVS").
    fn tvs_finds_it(&self, vouch: &Vouch) -> bool {
        let Some(certificate) = &self.new.certificate else { return true };
        let (issuer, serial) = (&self.new.signer.issuer, &self.new.signer.serial);
        let spelled = |style| {
            let expected = certificate.issuer().spelled(style);
            serial[..] == certificate.serial_spelled(style)[..]
                && issuer.strip_suffix(b"\0").unwrap_or(issuer) == expected.as_bytes()
        };
        let known_so = || certificate.is_cisco_token() || vouch.finds_as_spelled();
        spelled(Style::Cucm) || (spelled(Style::CtlClient) && known_so())
    }
}

/// The classes of phones that decide differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PhoneClass {
    /// Security by Default: holds CTL and ITL, asks TVS (7945, 7965 and newer).
    SecurityByDefault,
    /// Knows no ITL and no TVS (7940, 7960, Jabber, many TelePresence).
    WithoutTvs,
    /// Holds no list: new, or its lists were deleted.
    WithoutList,
}

impl PhoneClass {
    /// All of them.
    pub const ALL: [PhoneClass; 3] =
        [PhoneClass::SecurityByDefault, PhoneClass::WithoutTvs, PhoneClass::WithoutList];

    /// What people call these phones.
    pub fn label(self) -> &'static str {
        match self {
            PhoneClass::SecurityByDefault => "7945, 7965 and newer",
            PhoneClass::WithoutTvs => "7940, 7960, Jabber, …",
            PhoneClass::WithoutList => "no list yet",
        }
    }
}

/// What the phones of a cluster hold.
#[derive(Debug, Clone, Copy)]
pub struct Installed<'a> {
    /// The CTL in force; `None` where the cluster has none.
    pub ctl: Option<ListView<'a>>,
    /// The ITL in force.
    pub itl: HeldItl<'a>,
}

/// What the phones of one class do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClassVerdict {
    /// Which phones.
    pub class: PhoneClass,
    /// What they do, and why.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// What each class of phones does with a new list.
pub fn assess_classes(installed: &Installed<'_>, new: &NewList<'_>, vouch: &Vouch) -> Vec<ClassVerdict> {
    let verdict = |class| match class {
        PhoneClass::SecurityByDefault => {
            assess(&Held { ctl: installed.ctl, itl: installed.itl, asks_tvs: true }, new, vouch)
        }
        PhoneClass::WithoutTvs if new.view.kind == ListKind::Itl => {
            Verdict { decision: Decision::DoesNotApply, reasons: vec![Reason::KnowsNoItl] }
        }
        PhoneClass::WithoutTvs => {
            assess(&Held { ctl: installed.ctl, itl: HeldItl::None, asks_tvs: false }, new, vouch)
        }
        PhoneClass::WithoutList => {
            assess(&Held { ctl: None, itl: HeldItl::None, asks_tvs: false }, new, vouch)
        }
    };
    PhoneClass::ALL.map(|class| ClassVerdict { class, verdict: verdict(class) }).into()
}
