//! Ways through: what to do when the straight way is refused, computed from the list in force.
//!
//! Each step says what to do and what phones make of it, by the same rules as `ctl check`.

use serde::Serialize;

use super::revert::Release;
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

/// The ways that are open from this list. `file` is what the commands call it; `now` in seconds since 1970.
pub fn ways(old: &VerifiedList, file: &str, now: i64) -> Vec<WayThrough> {
    let from = From { old, file };
    if old.signer().is_some_and(Record::is_token) {
        let mut ways = vec![from.lost_token(), from.all_tokens_lost(), from.to_hsm(), from.to_tokenless()];
        ways.extend(from.expiring(now));
        ways
    } else {
        [from.by_tvs(), from.bridge()].into_iter().chain(from.expiring(now)).collect()
    }
}

/// The list that every way starts from.
struct From<'a> {
    old: &'a VerifiedList,
    file: &'a str,
}

/// What stands behind every new list.
const PUBLISH: &str = "put it on every TFTP node; restart Cisco Tftp, then Cisco CallManager, on every node that runs \
                       them; reset the phones; `show ctl` on every node shows the same checksum as the phones";

impl From<'_> {
    fn held(&self) -> Installed<'_> {
        Installed { ctl: Some(ListView::of(self.old)), itl: HeldItl::Unknown }
    }

    /// What phones that hold the old list say to a list that this record's key signs.
    fn signed_by(&self, signer: &Record, vouch: &Vouch) -> Vec<String> {
        let new = NewList::by_record(ListView::of(self.old), signer, self.old.list().bytes().len());
        lines(&assess_classes(&self.held(), &new, vouch), &new.name)
    }

    /// What they say to a list that a token signs which is in no list yet.
    fn signed_by_stranger(&self, vouch: &Vouch) -> Vec<String> {
        let new = NewList::by_unknown_token(ListView::of(self.old), self.old.list().bytes().len());
        lines(&assess_classes(&self.held(), &new, vouch), &new.name)
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
        match Release::told_by(self.old) {
            Release::TokensAlone => {
                "the tokens alone (up to 10.5); --release 11.5 keeps ITLRecovery and CallManager"
            }
            Release::WithRecovery => "the tokens, ITLRecovery and CallManager (11.5 and later)",
        }
    }

    fn revert(&self) -> WayStep {
        WayStep::act(format!("make and sign the new list; SAST records in it: {}", self.stays()))
            .by(format!("sastctl revert {} --token SIGNER --spare OTHER --out CTLFile.new.tlv", self.file))
    }

    fn by_tvs(&self) -> WayThrough {
        WayThrough {
            name: "tvs",
            what: "from tokenless to tokens, by TVS: one change, and phones without TVS are left behind"
                .to_owned(),
            steps: vec![
                Self::upload(),
                self.revert().phones(self.signed_by_stranger(&Vouch::Uploaded)),
                WayStep::act("before it is published: prove that TVS knows the signer").by(format!(
                    "sastctl ctl check CTLFile.new.tlv --installed-ctl {} --installed-itl ITLFile.tlv --tvs NODE",
                    self.file
                )),
                WayStep::act(PUBLISH),
            ],
        }
    }

    fn bridge(&self) -> WayThrough {
        let known = self.old.signer().map(|signer| self.signed_by(signer, &Vouch::NotAsked));
        let all = known.clone().unwrap_or_default();
        WayThrough {
            name: "bridge",
            what: "from tokenless to tokens over a tokenless list that names the tokens: no phone is left behind"
                .to_owned(),
            steps: vec![
                Self::upload(),
                WayStep::act(
                    "on the publisher: `utils ctl update CTLFile` puts the Phone-SAST-trust certificates into the \
                     tokenless list (not seen with token certificates yet)",
                ),
                WayStep::act("fetch that list and see that both tokens are SAST records in it; if not, use tvs")
                    .by("sastctl ctl show CTLFile.bridge.tlv")
                    .phones(all),
                WayStep::act(PUBLISH),
                WayStep::act("make and sign the new list from the bridge, once every phone holds it")
                    .by("sastctl revert CTLFile.bridge.tlv --token SIGNER --spare OTHER")
                    .phones(every_class("accept: the signer is in the bridge that they hold")),
                WayStep::act(PUBLISH),
            ],
        }
    }

    fn lost_token(&self) -> WayThrough {
        let tokens = self.tokens();
        let mut steps = vec![WayStep::act(match tokens.len() {
            0 | 1 => "the list names one token: if that is the lost one, see all-tokens-lost".to_owned(),
            _ => format!("sign with the one that is left of {}", names(&tokens)),
        })];
        if let Some(left) = tokens.first() {
            steps.push(
                WayStep::act("add the new token and take out the lost one, in one list")
                    .by(format!(
                        "sastctl ctl update {} --token {} --add-token NEW --remove-token LOST",
                        self.file,
                        if tokens.len() > 1 { "LEFT".to_owned() } else { left.short_name() },
                    ))
                    .phones(self.signed_by(left, &Vouch::NotAsked)),
            );
        }
        steps.push(WayStep::act(PUBLISH));
        WayThrough {
            name: "lost-token",
            what: "one token is lost or locked, another one of the list is here".to_owned(),
            steps,
        }
    }

    fn all_tokens_lost(&self) -> WayThrough {
        let mut steps = Vec::new();
        if let Some(server) = self.recovery().first() {
            steps.push(
                WayStep::act(format!(
                    "the list names {} as SAST: `utils ctl update CTLFile` on the publisher signs with a key that \
                     phones know, and the cluster is tokenless; then go back to tokens over the bridge",
                    names(&self.recovery())
                ))
                .phones(self.signed_by(server, &Vouch::NotAsked)),
            );
        } else {
            steps.push(Self::upload());
            steps.push(
                WayStep::act(
                    "make a list with the new tokens; it is forced, since nothing in force vouches for it",
                )
                .by(format!("sastctl ctl update {} --token NEW --remove-token LOST … --force", self.file))
                .phones(self.signed_by_stranger(&Vouch::Uploaded)),
            );
            steps.push(WayStep::act(
                "phones that refuse keep their old list: it must be deleted on each of them by hand",
            ));
        }
        steps.push(WayStep::act(PUBLISH));
        WayThrough {
            name: "all-tokens-lost",
            what: "no token of the list is left: all are lost or locked".to_owned(),
            steps,
        }
    }

    fn to_hsm(&self) -> WayThrough {
        let signer = self.old.signer();
        let first = signer.map(|s| self.signed_by(s, &Vouch::NotAsked)).unwrap_or_default();
        let name = signer.map(Record::short_name).unwrap_or_default();
        WayThrough {
            name: "to-hsm",
            what: "from RSA 1024 tokens to a 2048-bit HSM, in two lists, so that phones follow".to_owned(),
            steps: vec![
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
            ],
        }
    }

    fn to_tokenless(&self) -> WayThrough {
        let recovery = self.recovery();
        let mut steps = Vec::new();
        match recovery.first() {
            Some(server) => steps.push(
                WayStep::act(format!(
                    "the list names {} as SAST: `utils ctl update CTLFile` on the publisher signs with a key that \
                     phones know",
                    names(&recovery)
                ))
                .phones(self.signed_by(server, &Vouch::NotAsked)),
            ),
            None => {
                let callmanager =
                    self.old.list().records().iter().find(|r| r.function() == Function::CCM_TFTP && !r.is_emptied());
                steps.push(WayStep::act(
                    "up to 11.0: `utils ctl update CTLFile` on the publisher. From 11.5 on, and above all from 12.0: \
                     first give phones a token-signed list with the ITLRecovery and CallManager SAST records",
                ));
                if let (Some(last), Some(callmanager)) = (steps.last_mut(), callmanager) {
                    last.phones = self.signed_by(callmanager, &Vouch::NotAsked);
                }
            }
        }
        steps.push(WayStep::act(PUBLISH));
        steps.push(WayStep::act("never regenerate the CallManager and TVS certificates together"));
        WayThrough { name: "to-tokenless", what: "from tokens back to tokenless".to_owned(), steps }
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
        Some(WayThrough { name: "expiring", what, steps })
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
