//! Would a phone take this list? `docs/phones.md`, "What a phone accepts".

use serde::Serialize;

use super::list::{ListView, NewList, has_certificate_or_hash};
use super::reason::Reason;
use crate::trustlist::{Function, ListKind, PHONE_LIMIT_BYTES, Record, Style};

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

/// What TVS says about the signer of a new list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Vouch {
    /// Nobody asked, and no certificate was named as uploaded.
    NotAsked,
    /// The signer's certificate was named as uploaded (Phone-SAST-trust).
    Uploaded,
    /// Certificates were named as uploaded; the signer's is not among them.
    NotUploaded,
    /// It answered "valid".
    Valid {
        /// Who answered.
        server: String,
        /// The roles it gave; empty where it gave none.
        roles: Vec<Function>,
        /// How long the answer may be kept, in seconds.
        ttl: Option<u32>,
    },
    /// It answered "invalid".
    Invalid {
        /// Who answered.
        server: String,
    },
    /// It did not answer.
    NoAnswer {
        /// Who was asked.
        server: String,
        /// What happened.
        why: String,
    },
    /// The servers of the cluster do not agree.
    Disagree {
        /// Who says valid.
        valid: String,
        /// Who does not.
        invalid: String,
    },
}

impl Vouch {
    /// What several servers say together: a phone asks one of them, and nobody knows which.
    pub fn together(answers: Vec<Vouch>) -> Vouch {
        let valid = answers.iter().find(|a| matches!(a, Vouch::Valid { .. }));
        let invalid = answers.iter().find(|a| matches!(a, Vouch::Invalid { .. }));
        match (valid, invalid) {
            (Some(Vouch::Valid { server: valid, .. }), Some(Vouch::Invalid { server: invalid })) => {
                Vouch::Disagree { valid: valid.clone(), invalid: invalid.clone() }
            }
            (Some(answer), _) | (None, Some(answer)) => answer.clone(),
            (None, None) => answers.into_iter().next().unwrap_or(Vouch::NotAsked),
        }
    }
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
    /// A record of that issuer, serial and role, and another key.
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
        match (held.ctl, held.itl) {
            (None, HeldItl::None) => {
                self.reasons.push(Reason::HoldsNothing);
                return Decision::Accepts(Way::Blind);
            }
            (None, HeldItl::Emptied) => {
                self.reasons.push(Reason::EmptiedItl { with_ctl: false });
                return Decision::Accepts(Way::Blind);
            }
            _ => {}
        }
        let mut doubt = false;
        if let Some(ctl) = held.ctl {
            match self.look_in(ctl) {
                Found::Yes => return Decision::Accepts(Way::Ctl),
                // Which of the two decides is open.
                Found::OtherKey if matches!(held.itl, HeldItl::Emptied) => {}
                Found::OtherKey => return Decision::Refuses,
                Found::Unreadable => doubt = true,
                Found::No => {}
            }
        }
        match held.itl {
            HeldItl::None => {
                self.reasons.push(Reason::HoldsNoItl);
                return if doubt { Decision::NotKnown } else { Decision::Refuses };
            }
            HeldItl::Emptied => {
                self.reasons.push(Reason::EmptiedItl { with_ctl: true });
                return Decision::NotKnown;
            }
            HeldItl::List(itl) => {
                match self.look_in(itl) {
                    Found::Yes => return Decision::Accepts(Way::Itl),
                    Found::OtherKey => return Decision::Refuses,
                    Found::Unreadable => doubt = true,
                    Found::No => {}
                }
                if held.asks_tvs && !itl.records.iter().any(is_tvs) {
                    self.reasons.push(Reason::NoTvsRecord);
                    return if doubt { Decision::NotKnown } else { Decision::Refuses };
                }
            }
            HeldItl::Unknown => {
                // A token is in no ITL: CUCM fills those from its own servers.
                doubt |= !self.new.by_token;
                self.reasons.push(Reason::ItlNotShown { token: self.new.by_token });
            }
        }
        if !held.asks_tvs {
            self.reasons.push(Reason::CannotAskTvs);
            return if doubt { Decision::NotKnown } else { Decision::Refuses };
        }
        match self.ask_tvs(vouch) {
            Decision::Refuses if doubt => Decision::NotKnown,
            decision => decision,
        }
    }

    /// Issuer, serial and role, in the order of the list; then whether the key of one of these is the one that signed.
    fn look_in(&mut self, held: ListView<'_>) -> Found {
        let new = self.new;
        let list = held.kind;
        let roles: &'static [Function] = match (list, new.view.kind) {
            // A CTL vouches for an ITL with its CCM+TFTP records too.
            (ListKind::Ctl, ListKind::Itl) => &[Function::SAST, Function::CCM_TFTP],
            _ => &[Function::SAST],
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
            if knows {
                self.reasons.push(Reason::Knows { list, record: number, name, function });
                return Found::Yes;
            }
            // What cannot be compared may be the key; one that is another is not.
            let is_other = record.public_key().is_some() && new.key.is_some();
            match without {
                Some((Found::Unreadable, _)) => {}
                Some(_) if is_other => {}
                _ if is_other => {
                    without = Some((Found::OtherKey, Reason::OtherKey { list, record: number, name }))
                }
                _ => {
                    without = Some((Found::Unreadable, Reason::NoKeyToCompare { list, record: number, name }))
                }
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

    fn ask_tvs(&mut self, vouch: &Vouch) -> Decision {
        let name = self.new.name.clone();
        if !self.tvs_finds_it() {
            self.reasons.push(Reason::TvsDoesNotFindTheSpelling { name });
            return Decision::Refuses;
        }
        let (decision, reason) = match vouch {
            Vouch::NotAsked => (Decision::NotKnown, Reason::TvsNotAsked { name, token: self.new.by_token }),
            Vouch::Uploaded => (Decision::Accepts(Way::Tvs), Reason::TvsUploaded { name }),
            Vouch::NotUploaded => (Decision::Refuses, Reason::TvsNotUploaded { name }),
            Vouch::Valid { server, roles, .. } => {
                let vouches = roles.is_empty()
                    || roles.contains(&Function::SAST)
                    || (self.new.view.kind == ListKind::Itl && roles.contains(&Function::CCM_TFTP));
                let (server, roles) = (server.clone(), roles.clone());
                if vouches {
                    (Decision::Accepts(Way::Tvs), Reason::TvsValid { server, roles })
                } else {
                    (Decision::NotKnown, Reason::TvsOtherRole { server, roles })
                }
            }
            Vouch::Invalid { server } => (Decision::Refuses, Reason::TvsInvalid { server: server.clone() }),
            Vouch::NoAnswer { server, why } => {
                (Decision::NotKnown, Reason::TvsNoAnswer { server: server.clone(), why: why.clone() })
            }
            Vouch::Disagree { valid, invalid } => {
                (Decision::NotKnown, Reason::TvsDisagree { valid: valid.clone(), invalid: invalid.clone() })
            }
        };
        self.reasons.push(reason);
        decision
    }

    /// TVS keys certificates by big-endian serial and CUCM's issuer name; Cisco's own tokens alone are known by the
    /// CTL Client's spelling too (`docs/phones.md`, "TVS").
    fn tvs_finds_it(&self) -> bool {
        let Some(certificate) = &self.new.certificate else { return true };
        let (issuer, serial) = (&self.new.signer.issuer, &self.new.signer.serial);
        let spelled = |style| {
            let expected = certificate.issuer().spelled(style);
            serial[..] == certificate.serial_spelled(style)[..]
                && issuer.strip_suffix(b"\0").unwrap_or(issuer) == expected.as_bytes()
        };
        spelled(Style::Cucm) || (certificate.is_cisco_token() && spelled(Style::CtlClient))
    }
}

/// Whether a phone that asks TVS can tell that it is this one.
fn is_tvs(record: &Record) -> bool {
    record.function() == Function::TVS && has_certificate_or_hash(record)
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
