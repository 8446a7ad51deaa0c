//! Procedures that lead on from the list in force: to tokens, to a new token, to an HSM, back to tokenless.
//!
//! Each step says what to do and what phones make of it, by the same rules as `phone::acceptance`.

mod expiring;
mod tokens;

use super::next::ListOption::{self, Out, Signer, Spare};
use super::next::{ListCommand, Next};
use super::plan::{Release, major_minor};
use super::readiness::{ClusterFacts, Readiness, readiness};
use crate::phone::{ClassVerdict, HeldItl, Installed, NewList, PhoneClass, Reason, Vouch, assess_classes};
use crate::trustlist::{Record, VerifiedList};

/// A procedure, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Procedure {
    /// The name to call it by: `bridge`.
    pub name: &'static str,
    /// What it is for.
    pub what: String,
    /// Why this release does not allow it; it has no steps then.
    pub closed: Option<String>,
    /// The steps in their order.
    pub steps: Vec<Step>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What to do.
    pub act: String,
    /// What does it, where this program can.
    pub next: Option<Next>,
    /// What phones make of it, a line per class; empty where they notice nothing.
    pub phones: Vec<String>,
}

impl Procedure {
    fn open(name: &'static str, what: impl Into<String>, steps: Vec<Step>) -> Self {
        Procedure { name, what: what.into(), closed: None, steps }
    }
}

impl Step {
    fn act(act: impl Into<String>) -> Self {
        Step { act: act.into(), next: None, phones: vec![] }
    }

    fn by(mut self, next: Next) -> Self {
        self.next = Some(next);
        self
    }

    fn phones(mut self, phones: Vec<String>) -> Self {
        self.phones = phones;
        self
    }
}

/// The procedures that start from this list, and what must be in order before any of them. `file` is what the commands
/// call it; `release` is the cluster's, where it is known; `now` in seconds since 1970.
pub fn procedures(
    old: &VerifiedList,
    file: &str,
    release: Option<&str>,
    now: i64,
) -> (Vec<Readiness>, Vec<Procedure>) {
    let from = Situation { old, file, release, number: release.and_then(major_minor) };
    let mut procedures = if old.signer().is_token() {
        vec![from.lost_token(), from.all_tokens_lost(), from.to_hsm(), from.to_tokenless()]
    } else if from.tokens().is_empty() {
        vec![from.by_tvs(), from.bridge()]
    } else {
        vec![from.known_tokens()]
    };
    procedures.extend(from.expiring(now));
    let facts = ClusterFacts { release: release.map(str::to_owned), ..ClusterFacts::default() };
    (readiness(&facts), procedures)
}

/// The list that every procedure starts from, and the cluster's release.
struct Situation<'a> {
    old: &'a VerifiedList,
    file: &'a str,
    release: Option<&'a str>,
    number: Option<(u32, u32)>,
}

/// What stands behind every list that is signed elsewhere.
const PUBLISH: &str = "put it on every TFTP node; restart Cisco Tftp, then Cisco CallManager, on every node that runs \
                       them; reset the phones; `show ctl` on every node shows the same checksum as the phones";

/// What stands behind every list that CUCM makes.
const RESTART: &str = "CUCM puts it on every node itself; restart Cisco Tftp, then Cisco CallManager, on every node that \
                       runs them (a node serves the new file after that restart only)";

/// What ends every change that phones see.
const RESET: &str = "reset the phones, and wait until every phone shows the checksum of that list";

impl Situation<'_> {
    /// What phones that hold the old list say to a new one.
    fn say(&self, new: &NewList<'_>, vouch: &Vouch) -> Vec<String> {
        let held = Installed { ctl: Some(self.old), itl: HeldItl::Unknown };
        lines(&assess_classes(&held, new, vouch), &new.name)
    }

    /// What they say to a list that this record's key signs.
    fn signed_by(&self, signer: &Record, vouch: &Vouch) -> Vec<String> {
        self.say(&NewList::by_record(self.old, signer), vouch)
    }

    /// What they say to a list that a token signs which is in no list yet.
    fn signed_by_stranger(&self, vouch: &Vouch) -> Vec<String> {
        self.say(&NewList::by_unknown_token(self.old), vouch)
    }

    fn tokens(&self) -> Vec<&Record> {
        self.old.list().sasts().filter(|r| r.is_token()).collect()
    }

    /// SAST records of servers: what a tokenless list may be signed with later.
    fn recovery(&self) -> Vec<&Record> {
        self.old.list().sasts().filter(|r| !r.is_token()).collect()
    }

    fn upload() -> Step {
        Step::act("export both token certificates and upload them as Phone-SAST-trust (OS Administration > Security > Certificate Management)")
            .by(Next::ExportCertificates)
    }

    fn stays(&self) -> &'static str {
        let told = || Release::told_by(self.old);
        match self.release.and_then(|release| release.parse().ok()).unwrap_or_else(told) {
            Release::TokensAlone => {
                "the tokens alone (up to 10.5); from release 11.5 on ITLRecovery and CallManager, too"
            }
            Release::WithRecovery => "the tokens, ITLRecovery and CallManager (11.5 and later)",
        }
    }

    fn revert(&self, file: &str, signer: &str, spare: &str) -> Step {
        let mut options = vec![Signer(signer.into()), Spare(spare.into())];
        options.extend(self.release.map(|release| ListOption::Release(release.into())));
        options.push(Out("CTLFile.new.tlv".into()));
        Step::act(format!("make and sign the new list; SAST records in it: {}", self.stays()))
            .by(Next::MakeList { command: ListCommand::Revert, file: file.into(), options })
    }

    fn update(file: &str, options: impl Into<Vec<ListOption>>) -> Next {
        Next::MakeList { command: ListCommand::Update, file: file.into(), options: options.into() }
    }

    /// `utils ctl` came with release 10.0 (Cisco document 118893).
    fn has_utils_ctl(&self) -> bool {
        self.number.is_none_or(|number| number >= (10, 0))
    }

    /// A procedure that needs `utils ctl`, where the release has it.
    fn by_utils_ctl(&self, name: &'static str, what: &str, steps: Vec<Step>) -> Procedure {
        if self.has_utils_ctl() {
            return Procedure::open(name, what, steps);
        }
        let closed = format!("release {} has no `utils ctl` command", self.release.unwrap_or_default());
        Procedure { closed: Some(closed), ..Procedure::open(name, what, vec![]) }
    }

    fn utils_ctl_update() -> Step {
        Step::act(
            "on the publisher: `utils ctl update CTLFile` copies the Phone-SAST-trust certificates into the tokenless \
             list; no public source says whether it takes token certificates",
        )
    }

    /// The end of Cisco's own procedure: the signer was seen to be another one.
    fn look_at_signer(&self) -> Step {
        let signer = match self.number {
            Some(number) if number >= (12, 0) => "ITLRecovery",
            Some(_) => "CCM+TFTP",
            None => "CCM+TFTP; from 12.0 on ITLRecovery",
        };
        Step::act(format!(
            "look before the phones are reset: the signer is the publisher's own certificate ({signer}), and no token is \
             left in the list; if not, go back to the tokens' list, and repeat; if so, reset the phones"
        ))
        .by(Next::ShowClusterStatus)
    }

    fn by_tvs(&self) -> Procedure {
        let steps = vec![
            Self::upload(),
            self.revert(self.file, "SIGNER", "OTHER").phones(self.signed_by_stranger(&Vouch::Uploaded)),
            Step::act("before it is published: prove that TVS knows the signer")
                .by(Next::CheckList { new: "CTLFile.new.tlv".into(), installed: self.file.into() }),
            Step::act(PUBLISH),
        ];
        let what = "from tokenless to tokens, by TVS: one change, and phones without TVS are left behind";
        Procedure::open("tvs", what, steps)
    }

    fn bridge(&self) -> Procedure {
        let known = self.signed_by(self.old.signer(), &Vouch::NotAsked);
        let steps = vec![
            Self::upload(),
            Self::utils_ctl_update(),
            Step::act(RESTART),
            Step::act("fetch that list from every node and see that both tokens are SAST records in it; if not, use tvs")
                .by(Next::FetchCtl { folder: "bridge".into() })
                .phones(known),
            Step::act(RESET),
            self.revert("bridge/CTLFile.tlv", "SIGNER", "OTHER")
                .phones(every_class("accept: the signer is in the bridge that they hold")),
            Step::act(PUBLISH),
        ];
        let what =
            "from tokenless to tokens over a tokenless list that names the tokens: no phone is left behind";
        self.by_utils_ctl("bridge", what, steps)
    }

    /// The list is the bridge: `revert` of it says the same.
    fn known_tokens(&self) -> Procedure {
        let tokens = self.tokens();
        let name = |at: usize| tokens.get(at).map_or("OTHER".to_owned(), |r| r.short_name());
        let phones = tokens.first().map(|r| self.signed_by(r, &Vouch::NotAsked)).unwrap_or_default();
        let steps = vec![
            Step::act(RESET),
            self.revert(self.file, &name(0), &name(1)).phones(phones),
            Step::act(PUBLISH),
        ];
        let what = format!(
            "from tokenless to tokens: this list names {} already, and is the bridge",
            names(&tokens)
        );
        Procedure::open("bridge", what, steps)
    }
}

fn names(records: &[&Record]) -> String {
    records.iter().map(|r| r.short_name()).collect::<Vec<_>>().join(" and ")
}

fn lines(verdicts: &[ClassVerdict], signer: &str) -> Vec<String> {
    let shown = |v: &&ClassVerdict| {
        // Phones without a list take anything; that is no news at every step.
        v.class != PhoneClass::WithoutList
            || v.verdict.reasons.iter().any(|r| !matches!(r, Reason::HoldsNothing))
    };
    verdicts.iter().filter(shown).map(|v| v.line(signer)).collect()
}

fn every_class(says: &str) -> Vec<String> {
    [PhoneClass::SecurityByDefault, PhoneClass::WithoutTvs]
        .iter()
        .map(|class| format!("{:<24} {says}", class.label()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phone::{Decision, Verdict, Way};

    #[test]
    fn phones_without_a_list_are_named_where_it_is_news() {
        let of = |class, decision, reason: Reason| {
            let reasons = vec![Reason::HoldsNothing, reason];
            lines(&[ClassVerdict { class, verdict: Verdict { decision, reasons } }], "it").len()
        };
        let (without, with) = (PhoneClass::WithoutList, PhoneClass::SecurityByDefault);
        assert_eq!(of(without, Decision::Accepts(Way::Blind), Reason::HoldsNothing), 0);
        assert_eq!(of(without, Decision::Refuses, Reason::TooLarge { bytes: 70_000 }), 1);
        assert_eq!(of(with, Decision::Accepts(Way::Blind), Reason::HoldsNothing), 1);
        assert_eq!(of(with, Decision::Refuses, Reason::TooLarge { bytes: 70_000 }), 1);
    }
}
