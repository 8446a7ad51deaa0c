//! Procedures that start from the list in force: to tokens, to a new token, to an HSM, back to tokenless.
//!
//! Each step tells what to do and what phones do then, by the rules of `phone::acceptance`.

pub mod migration;
mod tokens;

use super::next::ListOption::{self, AddToken, Out, Refresh, Signer, Spare};
use super::next::{ListCommand, Next};
use super::plan::{Release, major_minor};
use super::readiness::{ClusterFacts, Readiness, readiness};
use serde::Serialize;

use crate::phone::{
    ClassVerdict, Decision, Installed, InstalledItl, NewList, PhoneClass, Reason, TvsStatus, Way,
    assess_classes, expired,
};
use crate::trustlist::{Record, VerifiedList, day};

/// How long before its end a certificate counts as expiring, in seconds: half a year.
const SOON: i64 = 182 * 86_400;

/// A procedure, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Procedure {
    /// The name: `bridge`.
    pub name: &'static str,
    /// What it is for.
    pub what: String,
    /// Why this release does not allow it; then it has no steps.
    pub closed: Option<String>,
    /// The steps in their order.
    pub steps: Vec<Step>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What to do.
    pub act: String,
    /// The command, if this program can do it.
    pub next: Option<Next>,
    /// What phones make of it, by class; empty where they notice nothing.
    pub phones: Vec<ClassEffect>,
}

/// What the phones of one class make of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClassEffect {
    /// Which phones.
    pub class: PhoneClass,
    /// What they do.
    #[serde(flatten)]
    pub decision: Decision,
    /// The same in words, with the reason.
    pub says: String,
}

fn procedure(name: &'static str, what: impl Into<String>, steps: Vec<Step>) -> Procedure {
    Procedure { name, what: what.into(), closed: None, steps }
}

pub(super) fn step(act: impl Into<String>) -> Step {
    Step { act: act.into(), next: None, phones: vec![] }
}

/// A step that this program does.
pub(super) fn by(next: Next, act: impl Into<String>, phones: Vec<ClassEffect>) -> Step {
    Step { act: act.into(), next: Some(next), phones }
}

/// The names of all procedures, whichever are possible from a list.
pub fn procedure_names() -> [&'static str; 7] {
    ["tvs", "bridge", "lost-token", "all-tokens-lost", "to-hsm", "to-tokenless", "expiring"]
}

/// The procedures that start from this list, and what must be in order before any of them. `file` is its name in the commands; `release` is that of the cluster, if it is known; `now` in seconds since 1970.
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

/// The end of the step for every list that tokens sign.
const PUBLISH: &str = "copy it to every TFTP node; restart Cisco Tftp, then Cisco CallManager, on every node that runs \
                       them; reset the phones; `show ctl` on every node shows the same checksum as the phones";

/// The end of the step for every list that CUCM makes.
const RESTART: &str = "CUCM copies it to every node itself; restart Cisco Tftp, then Cisco CallManager, on every \
                       node that runs them (a node serves the new file only after that restart)";

/// The end of every change that phones see.
const RESET: &str = "reset the phones, and wait until every phone shows the checksum of that list";

impl Situation<'_> {
    /// What phones that hold the list do with a new list, signed by the key of this record, or by a token that is in no list
    /// yet.
    fn phones(&self, signer: Option<&Record>, tvs: &TvsStatus) -> Vec<ClassEffect> {
        let new = match signer {
            Some(signer) => NewList::by_record(self.old, signer),
            None => NewList::by_unknown_token(self.old),
        };
        let held = Installed { ctl: Some(self.old), itl: InstalledItl::Unknown };
        effects(&assess_classes(&held, &new, tvs), &new.name)
    }

    fn tokens(&self) -> Vec<&Record> {
        self.old.list().sasts().filter(|r| r.is_token()).collect()
    }

    fn upload() -> Step {
        let act = "export both token certificates and upload them as Phone-SAST-trust (OS Administration > Security > \
                   Certificate Management)";
        by(Next::ExportCertificates, act, vec![])
    }

    fn revert(&self, file: &str, signer: &str, spare: &str, phones: Vec<ClassEffect>) -> Step {
        let mut options = vec![Signer(signer.into()), Spare(spare.into())];
        options.extend(self.release.map(|release| ListOption::Release(release.into())));
        options.push(Out("CTLFile.new.tlv".into()));
        let told = || Release::told_by(self.old);
        let stays = match self.release.and_then(|release| release.parse().ok()).unwrap_or_else(told) {
            Release::TokensAlone => {
                "the tokens alone (up to 10.5); from release 11.5 on ITLRecovery and CallManager, too"
            }
            Release::WithRecovery => "the tokens, ITLRecovery and CallManager (11.5 and later)",
        };
        let act = format!("make and sign the new list; SAST records in it: {stays}");
        by(Next::MakeList { command: ListCommand::Revert, file: file.into(), options }, act, phones)
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
            return procedure(name, what, steps);
        }
        let closed = format!("release {} has no `utils ctl` command", self.release.unwrap_or_default());
        Procedure { closed: Some(closed), ..procedure(name, what, vec![]) }
    }

    fn by_tvs(&self) -> Procedure {
        let check = Next::CheckList { new: "CTLFile.new.tlv".into(), installed: self.file.into() };
        let steps = vec![
            Self::upload(),
            self.revert(self.file, "SIGNER", "OTHER", self.phones(None, &TvsStatus::Uploaded)),
            by(check, "before you publish it: prove that TVS knows the signer", vec![]),
            step(PUBLISH),
        ];
        let what = "from tokenless to tokens, by TVS: one change, but phones without TVS refuse the new list";
        procedure("tvs", what, steps)
    }

    fn bridge(&self) -> Procedure {
        let known = self.phones(Some(self.old.signer()), &TvsStatus::NotAsked);
        let accept = every_class("the signer is in the bridge CTL");
        let update = "on the publisher: `utils ctl update CTLFile` copies the Phone-SAST-trust certificates into the \
                      tokenless list; no public source says whether it accepts token certificates";
        let fetch = "fetch that list from every node and check that both tokens are SAST records in it; if not, \
            use the procedure tvs";
        let steps = vec![
            Self::upload(),
            step(update),
            step(RESTART),
            by(Next::FetchCtl { folder: "bridge".into() }, fetch, known),
            step(RESET),
            self.revert("bridge/CTLFile.tlv", "SIGNER", "OTHER", accept),
            step(PUBLISH),
        ];
        let what = "from tokenless to tokens over a tokenless list that contains the tokens: no phone refuses the \
            new list";
        self.by_utils_ctl("bridge", what, steps)
    }

    /// The list is the bridge; its `revert` gives the same result.
    fn known_tokens(&self) -> Procedure {
        let tokens = self.tokens();
        let name = |at: usize| tokens.get(at).map_or("OTHER".to_owned(), |r| r.short_name());
        let phones = self.phones(tokens.first().copied(), &TvsStatus::NotAsked);
        let steps = vec![step(RESET), self.revert(self.file, &name(0), &name(1), phones), step(PUBLISH)];
        let already = names(&tokens);
        let what =
            format!("from tokenless to tokens: this list already contains {already}, and is the bridge");
        procedure("bridge", what, steps)
    }

    fn expiring(&self, now: i64) -> Option<Procedure> {
        // The certificates that expire; and for each consequence, the owners of these certificates.
        let (mut ends, mut follows) = (Vec::new(), Vec::<(&str, Vec<String>)>::new());
        let (mut token, mut server) = (false, false);
        for record in self.old.list().records() {
            let end = record.certificate().and_then(Result::ok).map(|c| c.not_after);
            let Some(end) = end.filter(|end| *end < now.saturating_add(SOON)) else { continue };
            let name = record.short_name();
            ends.push(format!("{name} ({}, {})", record.function(), day(end)));
            *(if record.is_token() { &mut token } else { &mut server }) = true;
            match follows.iter_mut().find(|(says, _)| *says == expired(record)) {
                Some((_, names)) if names.contains(&name) => {}
                Some((_, names)) => names.push(name),
                None => follows.push((expired(record), vec![name])),
            }
        }
        if ends.is_empty() {
            return None;
        }
        let over = |(says, names): &(&str, Vec<String>)| {
            step(format!("after the certificate of {} has expired: {says}", names.join(" or ")))
        };
        let mut steps: Vec<Step> = follows.iter().map(over).collect();
        let signer = Some(self.old.signer()).filter(|signer| signer.is_token());
        if server {
            let then = match signer {
                Some(_) => "add its new certificate to the list",
                None if !self.has_utils_ctl() => "a token-signed list with it",
                None => {
                    "`utils ctl update CTLFile` on the publisher, and Cisco Tftp and Cisco CallManager restarted"
                }
            };
            let renew = format!(
                "for a server: renew the certificate there in time, but never CallManager and TVS together; then {then}"
            );
            let refresh = [Signer("SIGNER".into()), Refresh("CERTFILE".into())];
            let next = signer.map(|_| Self::update(self.file, refresh));
            steps.push(Step { next, ..step(renew) });
        }
        if let (true, Some(signer)) = (token, signer) {
            let next = Self::update(self.file, [Signer("SIGNER".into()), AddToken("NEW".into())]);
            let act = "for a token: sign with a token of the list and add the new one; remove the old one in the \
                next list";
            steps.push(by(next, act, self.phones(Some(signer), &TvsStatus::NotAsked)));
        }
        if signer.is_some() {
            steps.push(step(PUBLISH));
        }
        let what = format!("certificates that have expired or will soon: {}", ends.join(", "));
        Some(procedure("expiring", what, steps))
    }
}

fn names(records: &[&Record]) -> String {
    records.iter().map(|r| r.short_name()).collect::<Vec<_>>().join(" and ")
}

/// What phones with these verdicts do with a list that `signer` signs. Phones without a list accept any list: they are named
/// only where there is another reason.
pub fn effects(verdicts: &[ClassVerdict], signer: &str) -> Vec<ClassEffect> {
    let shown = |v: &&ClassVerdict| {
        v.class != PhoneClass::WithoutList
            || v.verdict.reasons.iter().any(|r| !matches!(r, Reason::HoldsNothing))
    };
    let effect =
        |v: &ClassVerdict| ClassEffect { class: v.class, decision: v.verdict.decision, says: v.says(signer) };
    verdicts.iter().filter(shown).map(effect).collect()
}

/// Every class that has a list accepts, by its CTL.
fn every_class(says: &str) -> Vec<ClassEffect> {
    let decision = Decision::Accepts(Way::Ctl);
    let effect = |class| ClassEffect { class, decision, says: format!("accept: {says}") };
    [PhoneClass::SecurityByDefault, PhoneClass::WithoutTvs].map(effect).into()
}
