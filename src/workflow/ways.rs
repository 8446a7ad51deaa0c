//! Ways through: what to do when the straight way is refused, computed from the list in force.
//!
//! Each step says what to do and what phones make of it, by the same rules as `ctl check`.

use serde::Serialize;

use super::plan::{Release, major_minor};
use super::readiness::{ClusterFacts, Readiness, readiness};
use crate::phone::{
    ClassVerdict, HeldItl, Installed, ListView, NewList, PhoneClass, Reason, Vouch, assess_classes, expired,
};
use crate::trustlist::{Function, Record, VerifiedList, day};

/// How long before its end a certificate is called expiring, in seconds: half a year.
const SOON: i64 = 182 * 86_400;

/// A way through, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WayThrough {
    /// The name to call it by: `bridge`.
    pub name: &'static str,
    /// What it is for.
    pub what: String,
    /// Why it is not open on this release; it has no steps then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed: Option<String>,
    /// The steps in their order.
    pub steps: Vec<WayStep>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WayStep {
    /// What to do.
    pub act: String,
    /// The command that does it, where there is one.
    pub command: Option<String>,
    /// What phones make of it, a line per class; empty where they notice nothing.
    pub phones: Vec<String>,
}

impl WayThrough {
    fn open(name: &'static str, what: impl Into<String>, steps: Vec<WayStep>) -> Self {
        WayThrough { name, what: what.into(), closed: None, steps }
    }
}

impl WayStep {
    fn act(act: impl Into<String>) -> Self {
        WayStep { act: act.into(), command: None, phones: vec![] }
    }

    fn by(mut self, command: impl Into<String>) -> Self {
        self.command = Some(command.into());
        self
    }

    fn phones(mut self, phones: Vec<String>) -> Self {
        self.phones = phones;
        self
    }
}

/// The ways that lead on from a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ways {
    /// What must be in order before anything changes, whichever way.
    pub before: Vec<Readiness>,
    /// The ways.
    pub ways: Vec<WayThrough>,
}

/// The ways that lead on from this list. `file` is what the commands call it; `release` is the cluster's, where it is
/// known; `now` in seconds since 1970.
pub fn ways(old: &VerifiedList, file: &str, release: Option<&str>, now: i64) -> Ways {
    let from = From { old, file, release, number: release.and_then(major_minor) };
    let mut ways = if old.signer().is_some_and(Record::is_token) {
        vec![from.lost_token(), from.all_tokens_lost(), from.to_hsm(), from.to_tokenless()]
    } else if from.tokens().is_empty() {
        vec![from.by_tvs(), from.bridge()]
    } else {
        vec![from.known_tokens()]
    };
    ways.extend(from.expiring(now));
    let facts = ClusterFacts { release: release.map(str::to_owned), ..ClusterFacts::default() };
    Ways { before: readiness(&facts), ways }
}

/// The list that every way starts from, and the cluster's release.
struct From<'a> {
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

impl From<'_> {
    /// What phones that hold the old list say to a new one.
    fn say(&self, new: &NewList<'_>, vouch: &Vouch) -> Vec<String> {
        let held = Installed { ctl: Some(ListView::of(self.old)), itl: HeldItl::Unknown };
        lines(&assess_classes(&held, new, vouch), &new.name)
    }

    /// What they say to a list that this record's key signs.
    fn signed_by(&self, signer: &Record, vouch: &Vouch) -> Vec<String> {
        let size = self.old.list().bytes().len();
        self.say(&NewList::by_record(ListView::of(self.old), signer, size), vouch)
    }

    /// What they say to a list that a token signs which is in no list yet.
    fn signed_by_stranger(&self, vouch: &Vouch) -> Vec<String> {
        let size = self.old.list().bytes().len();
        self.say(&NewList::by_unknown_token(ListView::of(self.old), size), vouch)
    }

    fn tokens(&self) -> Vec<&Record> {
        self.old.list().sasts().filter(|r| r.is_token()).collect()
    }

    /// SAST records of servers: what a tokenless list may be signed with later.
    fn recovery(&self) -> Vec<&Record> {
        self.old.list().sasts().filter(|r| !r.is_token()).collect()
    }

    fn upload() -> WayStep {
        WayStep::act("export both token certificates and upload them as Phone-SAST-trust (OS Administration > Security > Certificate Management)")
            .by("sastctl cert export --all --out certs")
    }

    fn stays(&self) -> &'static str {
        let told = || Release::told_by(self.old);
        match self.release.and_then(|release| release.parse().ok()).unwrap_or_else(told) {
            Release::TokensAlone => {
                "the tokens alone (up to 10.5); --release 11.5 keeps ITLRecovery and CallManager"
            }
            Release::WithRecovery => "the tokens, ITLRecovery and CallManager (11.5 and later)",
        }
    }

    fn revert(&self, file: &str, tokens: &str) -> WayStep {
        let release = self.release.map(|release| format!(" --release {release}")).unwrap_or_default();
        WayStep::act(format!("make and sign the new list; SAST records in it: {}", self.stays()))
            .by(format!("sastctl revert {file} {tokens}{release} --out CTLFile.new.tlv"))
    }

    /// `utils ctl` came with release 10.0 (Cisco document 118893).
    fn has_utils_ctl(&self) -> bool {
        self.number.is_none_or(|number| number >= (10, 0))
    }

    /// A way that goes through `utils ctl`, where the release has it.
    fn by_utils_ctl(&self, name: &'static str, what: &str, steps: Vec<WayStep>) -> WayThrough {
        if self.has_utils_ctl() {
            return WayThrough::open(name, what, steps);
        }
        let closed = format!("release {} has no `utils ctl` command", self.release.unwrap_or_default());
        WayThrough { closed: Some(closed), ..WayThrough::open(name, what, vec![]) }
    }

    fn update() -> WayStep {
        WayStep::act(
            "on the publisher: `utils ctl update CTLFile` copies the Phone-SAST-trust certificates into the tokenless \
             list; no public source says whether it takes token certificates",
        )
    }

    /// The end of Cisco's own procedure: the signer was seen to be another one.
    fn look_at_signer(&self) -> WayStep {
        let signer = match self.number {
            Some(number) if number >= (12, 0) => "ITLRecovery",
            Some(_) => "CCM+TFTP",
            None => "CCM+TFTP; from 12.0 on ITLRecovery",
        };
        WayStep::act(format!(
            "look before the phones are reset: the signer is the publisher's own certificate ({signer}), and no token is \
             left in the list; if not, go back to the tokens' list, and repeat; if so, reset the phones"
        ))
        .by("sastctl cluster status PUBLISHER")
    }

    fn by_tvs(&self) -> WayThrough {
        let steps = vec![
            Self::upload(),
            self.revert(self.file, "--token SIGNER --spare OTHER")
                .phones(self.signed_by_stranger(&Vouch::Uploaded)),
            WayStep::act("before it is published: prove that TVS knows the signer").by(format!(
                "sastctl ctl check CTLFile.new.tlv --installed-ctl {} --installed-itl ITLFile.tlv --tvs NODE",
                self.file
            )),
            WayStep::act(PUBLISH),
        ];
        let what = "from tokenless to tokens, by TVS: one change, and phones without TVS are left behind";
        WayThrough::open("tvs", what, steps)
    }

    fn bridge(&self) -> WayThrough {
        let known = self.old.signer().map(|signer| self.signed_by(signer, &Vouch::NotAsked));
        let steps = vec![
            Self::upload(),
            Self::update(),
            WayStep::act(RESTART),
            WayStep::act("fetch that list from every node and see that both tokens are SAST records in it; if not, use tvs")
                .by("sastctl cluster fetch --node PUBLISHER --file CTLFile.tlv --out bridge")
                .phones(known.unwrap_or_default()),
            WayStep::act(RESET),
            self.revert("bridge/CTLFile.tlv", "--token SIGNER --spare OTHER")
                .phones(every_class("accept: the signer is in the bridge that they hold")),
            WayStep::act(PUBLISH),
        ];
        let what =
            "from tokenless to tokens over a tokenless list that names the tokens: no phone is left behind";
        self.by_utils_ctl("bridge", what, steps)
    }

    /// The list is the bridge: `revert` of it says the same.
    fn known_tokens(&self) -> WayThrough {
        let tokens = self.tokens();
        let name = |at: usize| tokens.get(at).map_or("OTHER".to_owned(), |r| r.short_name());
        let phones = tokens.first().map(|r| self.signed_by(r, &Vouch::NotAsked)).unwrap_or_default();
        let steps = vec![
            WayStep::act(RESET),
            self.revert(self.file, &format!("--token {} --spare {}", name(0), name(1))).phones(phones),
            WayStep::act(PUBLISH),
        ];
        let what = format!(
            "from tokenless to tokens: this list names {} already, and is the bridge",
            names(&tokens)
        );
        WayThrough::open("bridge", what, steps)
    }

    fn lost_token(&self) -> WayThrough {
        let tokens = self.tokens();
        let (first, signer) = match tokens[..] {
            [] | [_] => (
                "the list names one token: if that is the lost one, see all-tokens-lost".to_owned(),
                tokens.first().map(|left| left.short_name()).unwrap_or_default(),
            ),
            _ => (format!("sign with the one that is left of {}", names(&tokens)), "LEFT".to_owned()),
        };
        let mut steps = vec![WayStep::act(first)];
        steps.extend(tokens.first().map(|left| {
            WayStep::act("add the new token and take out the lost one, in one list")
                .by(format!(
                    "sastctl ctl update {} --token {signer} --add-token NEW --remove-token LOST",
                    self.file
                ))
                .phones(self.signed_by(left, &Vouch::NotAsked))
        }));
        steps.push(WayStep::act(PUBLISH));
        WayThrough::open("lost-token", "one token is lost or locked, another one of the list is here", steps)
    }

    fn all_tokens_lost(&self) -> WayThrough {
        let steps = match self.tokenless_signer().filter(|_| self.has_utils_ctl()) {
            Some(server) => vec![
                WayStep::act(format!(
                    "the list names {} as SAST: `utils ctl update CTLFile` on the publisher signs with a key that \
                     phones know, and the cluster is tokenless; then go back to tokens over the bridge",
                    names(&self.recovery())
                ))
                .phones(self.signed_by(server, &Vouch::NotAsked)),
                WayStep::act(RESTART),
                self.look_at_signer(),
            ],
            None => vec![
                Self::upload(),
                WayStep::act(
                    "make a list with the new tokens; it is forced, since nothing in force vouches for it",
                )
                .by(format!("sastctl ctl update {} --token NEW --remove-token LOST … --force", self.file))
                .phones(self.signed_by_stranger(&Vouch::Uploaded)),
                WayStep::act(
                    "phones that refuse keep their old list: it must be deleted on each of them by hand",
                ),
                WayStep::act(PUBLISH),
            ],
        };
        let what = "no token of the list is left: all are lost or locked";
        WayThrough::open("all-tokens-lost", what, steps)
    }

    fn to_hsm(&self) -> WayThrough {
        let signer = self.old.signer();
        let first = signer.map(|s| self.signed_by(s, &Vouch::NotAsked)).unwrap_or_default();
        let name = signer.map(Record::short_name).unwrap_or_default();
        let steps = vec![
            WayStep::act("first list: the HSM becomes SAST, a token of the list in force signs")
                .by(format!(
                    "sastctl ctl update {} --token {name} --add-token HSM.cer --out CTLFile.step1.tlv",
                    self.file
                ))
                .phones(first),
            WayStep::act(format!("{PUBLISH}; go on when every phone holds it")),
            WayStep::act(
                "second list: the HSM signs, the tokens leave (keep one as the spare, or a second HSM)",
            )
            .by(format!(
                "sastctl ctl update CTLFile.step1.tlv --profile HSM --token HSM --remove-token {name}"
            ))
            .phones(every_class("accept: the HSM is in the CTL that they hold")),
            WayStep::act(PUBLISH),
        ];
        let what = "from RSA 1024 tokens to a 2048-bit HSM, in two lists, so that phones follow";
        WayThrough::open("to-hsm", what, steps)
    }

    /// The SAST record of the server whose key signs the tokenless list: ITLRecovery's from 12.0 on, CallManager's before.
    fn tokenless_signer(&self) -> Option<&Record> {
        let of_release = |r: &&Record| self.number.is_none_or(|n| r.is_itl_recovery() == (n >= (12, 0)));
        self.recovery().into_iter().find(of_release)
    }

    fn to_tokenless(&self) -> WayThrough {
        let update = "`utils ctl update CTLFile` on the publisher";
        let mut steps = match self.tokenless_signer() {
            Some(server) => vec![
                WayStep::act(format!(
                    "the list names {} as SAST: {update} signs with a key that phones know",
                    names(&self.recovery())
                ))
                .phones(self.signed_by(server, &Vouch::NotAsked)),
            ],
            None if self.number.is_some_and(|number| number >= (12, 0)) => vec![
                WayStep::act(
                    "first: phones hold a token-signed list with the ITLRecovery and CallManager SAST records, as 12.0 and \
                     later write it; this list does not name the server that would sign",
                ),
                WayStep::act(format!("then: {update}")),
            ],
            None => {
                let first = "from 12.0 on only once phones hold a token-signed list with the ITLRecovery and CallManager \
                             SAST records";
                let act =
                    if self.number.is_some() { update.to_owned() } else { format!("{update}; {first}") };
                // The publisher's TVS knows the certificates of its own cluster without an upload (118893).
                let is_callmanager = |r: &&Record| r.function() == Function::CCM_TFTP && !r.is_emptied();
                let callmanager = self.old.list().records().iter().find(is_callmanager);
                let phones = callmanager.map(|r| self.signed_by(r, &Vouch::Uploaded)).unwrap_or_default();
                vec![WayStep::act(act).phones(phones)]
            }
        };
        steps.push(WayStep::act("never regenerate the CallManager and TVS certificates together"));
        steps.extend([WayStep::act(RESTART), self.look_at_signer()]);
        self.by_utils_ctl("to-tokenless", "from tokens back to tokenless", steps)
    }

    fn expiring(&self, now: i64) -> Option<WayThrough> {
        // Those that end, and what follows from it: whose certificates they are.
        let (mut ends, mut follows) = (Vec::new(), Vec::<(&str, Vec<String>)>::new());
        let (mut token, mut server) = (false, false);
        for record in self.old.list().records() {
            let end = record.certificate().and_then(Result::ok).map(|c| c.not_after());
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
            WayStep::act(format!("when the certificate of {} expired: {says}", names.join(" or ")))
        };
        let mut steps: Vec<WayStep> = follows.iter().map(over).collect();
        let signer = self.old.signer().filter(|signer| signer.is_token());
        if server {
            let then = match signer {
                Some(_) => "--refresh of it into the list",
                None if !self.has_utils_ctl() => "a token-signed list with it",
                None => {
                    "`utils ctl update CTLFile` on the publisher, and Cisco Tftp and Cisco CallManager restarted"
                }
            };
            let renew = format!(
                "a server's: renew it there in time, and never CallManager and TVS together; then {then}"
            );
            steps.push(WayStep::act(renew));
        }
        if let (true, Some(signer)) = (token, signer) {
            steps.push(
                WayStep::act("a token's: sign with one of the list, add the new one; take the old one out with the next list")
                    .by(format!("sastctl ctl update {} --token SIGNER --add-token NEW", self.file))
                    .phones(self.signed_by(signer, &Vouch::NotAsked)),
            );
        }
        if signer.is_some() {
            steps.push(WayStep::act(PUBLISH));
        }
        let what = format!("certificates that expire or did: {}", ends.join(", "));
        Some(WayThrough::open("expiring", what, steps))
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
