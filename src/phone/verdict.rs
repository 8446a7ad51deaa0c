//! A phone's decision about a list, and why.

use serde::Serialize;

use super::reason::{Reason, names};
use crate::trustlist::ListKind;

/// Why a phone accepts a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// The phone has no list to verify it with.
    Blind,
    /// Its CTL contains the signer.
    Ctl,
    /// Its ITL contains the signer.
    Itl,
    /// TVS knows the signer.
    Tvs,
}

/// Whether a phone accepts a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "decision", content = "by")]
pub enum Decision {
    /// It does.
    Accepts(Way),
    /// It does not: its old list must be deleted by hand.
    Refuses,
    /// The given lists are not enough to decide.
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

    /// Whether the decision depends only on TVS, which was not asked yet.
    pub fn waits_for_tvs(&self) -> bool {
        self.decision == Decision::NotKnown && matches!(self.reasons.last(), Some(Reason::TvsNotAsked { .. }))
    }

    /// Whether the signer's certificate must be uploaded before that: TVS knows the servers' certificates without upload.
    pub fn waits_for_upload(&self) -> bool {
        self.waits_for_tvs() && matches!(self.reasons.last(), Some(Reason::TvsNotAsked { token: true, .. }))
    }

    /// The decision in a few words: `accept (by CTL)`.
    pub fn word(&self) -> &'static str {
        match self.decision {
            Decision::Accepts(Way::Blind) => "accept (blindly)",
            Decision::Accepts(Way::Ctl) => "accept (by CTL)",
            Decision::Accepts(Way::Itl) => "accept (by ITL)",
            Decision::Accepts(Way::Tvs) => "accept (by TVS)",
            Decision::Refuses => "REFUSE",
            Decision::NotKnown if self.waits_for_tvs() => "accept only if TVS knows the signer",
            Decision::NotKnown => "cannot be known",
            Decision::DoesNotApply => "does not apply",
        }
    }

    /// In one line: `accept, if TVS knows SAST-ADN008580ef`.
    pub fn says(&self, signer: &str) -> String {
        let last = self.reasons.last().map(ToString::to_string).unwrap_or_default();
        match self.decision {
            Decision::Accepts(Way::Blind) => "accept".to_owned(),
            Decision::Accepts(Way::Ctl) => format!("accept: {signer} is in the phone's CTL"),
            Decision::Accepts(Way::Itl) => format!("accept: {signer} is in the phone's ITL"),
            Decision::Accepts(Way::Tvs) => format!("accept: TVS knows {signer}"),
            Decision::NotKnown if self.waits_for_tvs() => {
                let how = if self.waits_for_upload() {
                    "its certificate must be in Phone-SAST-trust first"
                } else {
                    "TVS knows the certificates of the servers without an upload"
                };
                format!("accept, if TVS knows {signer}: {how}")
            }
            Decision::NotKnown => format!("cannot be known: {last}"),
            Decision::Refuses => match self.refuses_for() {
                // The failed search in a list is more specific than a search that was not made.
                Some(
                    Reason::NotIn { list: ListKind::Ctl, needed, .. }
                    | Reason::OtherRole { list: ListKind::Ctl, needed, .. },
                ) => format!(
                    "refuse: {signer} is not a trusted signer ({}) in the phone's CTL",
                    names(needed, " or ")
                ),
                why => format!("refuse: {}", why.unwrap_or(&Reason::CannotAskTvs)),
            },
            Decision::DoesNotApply => last,
        }
    }

    /// The most specific of several reasons to refuse.
    fn refuses_for(&self) -> Option<&Reason> {
        use Reason::{CannotAskTvs, EmptiedItlAndCtl, HoldsNoItl, ItlNotShown, TvsStays};
        let no_search = |r: &Reason| {
            matches!(
                r,
                HoldsNoItl | CannotAskTvs | EmptiedItlAndCtl { .. } | ItlNotShown { .. } | TvsStays { .. }
            )
        };
        let other_key = self.reasons.iter().find(|r| matches!(r, Reason::OtherKey { .. }));
        other_key.or_else(|| self.reasons.iter().rev().find(|r| !no_search(r)))
    }
}

/// The classes of phones that decide differently. Those with Security by Default hold CTL and ITL and ask TVS; those without
/// TVS know no ITL either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum PhoneClass {
    /// Security by Default: 7945, 7965 and newer
    SecurityByDefault,
    /// 7940, 7960, Jabber, many TelePresence
    WithoutTvs,
    /// New phones, and those whose lists were deleted
    WithoutList,
}

impl PhoneClass {
    /// All of them.
    pub const ALL: [PhoneClass; 3] =
        [PhoneClass::SecurityByDefault, PhoneClass::WithoutTvs, PhoneClass::WithoutList];

    /// Their name for people.
    pub fn label(self) -> &'static str {
        match self {
            PhoneClass::SecurityByDefault => "7945, 7965 and newer",
            PhoneClass::WithoutTvs => "7940, 7960, Jabber, …",
            PhoneClass::WithoutList => "no list yet",
        }
    }
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

impl ClassVerdict {
    /// What they do, in words, and what the operator must do if they refuse.
    pub fn says(&self, signer: &str) -> String {
        let cure = match (self.class, self.verdict.decision) {
            (PhoneClass::WithoutTvs, Decision::Refuses) if !self.verdict.is_too_large() => {
                "; its list must be deleted by hand"
            }
            _ => "",
        };
        self.verdict.says(signer) + cure
    }
}
