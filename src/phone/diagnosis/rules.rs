//! The rules, from top to bottom: the first one that applies gives the verdict. Each is a row of `docs/facts.md` with its id.

use std::collections::BTreeSet;

use serde::Serialize;

use super::super::acceptance::InstalledItl;
use super::super::list::{NewList, is_emptied_itl, tvs_certificates};
use super::super::page::MessageKind as Says;
use super::super::reason::Reason;
use super::super::tvs_status::TvsStatus;
use super::super::verdict::{Decision, Verdict as Acceptance};
use super::facts::{ConfigFile, Facts, ListFacts, Served};
use crate::trustlist::{ListKind, PHONE_LIMIT_BYTES, Record};

/// What helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the words say what each is")]
pub enum Remedy {
    #[error("restart TFTP")]
    RestartTftp,
    #[error("restart TVS")]
    RestartTvs,
    #[error("sign again")]
    SignAgain,
    #[error("upload the signer to Phone-SAST-trust")]
    UploadSigner,
    #[error("reset the phone: it fetches its lists again")]
    FetchAgain,
    #[error("delete the lists on the phone")]
    DeleteList,
    #[error("nothing is wrong")]
    NothingWrong,
    #[error("cannot be known")]
    CannotBeKnown,
}

/// The verdict on a phone: what helps, by which rule, why, and whether it would help to delete the lists on the phone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "described above")]
pub struct Verdict {
    #[serde(rename = "verdict")]
    pub remedy: Remedy,
    /// The row `diagnose.…` of `docs/facts.md`.
    pub rule: &'static str,
    pub why: String,
    pub deletion: &'static str,
}

const SAME_AGAIN: &str = "does not help: the node would give the phone the same files again";
const NOT_NEEDED: &str = "is not needed: the phone can verify new lists with those that it has";
const OTHER_CAUSE: &str = "does not help: the lists on the phone are not the cause";
const NOT_YET: &str = "is for later, when the cause is known: nobody can bring a deleted list back";
const HELPS: &str = "helps: without lists the phone accepts the next ones blindly, and it can verify them in no other way; \
                     if a backup has the old CallManager key, restore it instead";

/// Id, what helps, whether it would help to delete the lists on the phone, and why. The functions below say when each applies.
#[rustfmt::skip] // a table
pub const RULES: [(&str, Remedy, &str, &str); 25] = [
    ("tftp-down", Remedy::RestartTftp, SAME_AGAIN, "Cisco Tftp does not run on the node: phones load nothing from it"),
    ("not-served", Remedy::RestartTftp, SAME_AGAIN, "a node serves a new file only after a restart of Cisco Tftp"),
    ("not-verified", Remedy::SignAgain, SAME_AGAIN, "no phone that has lists accepts such a list"),
    ("no-ctl", Remedy::SignAgain, SAME_AGAIN, "the cluster is in mixed mode, and the node serves no CTL"),
    ("size", Remedy::SignAgain, SAME_AGAIN, "no phone loads such a list: remove records"),
    ("rollback", Remedy::RestartTftp, SAME_AGAIN, "\"Prepare Cluster for Rollback to pre 8.0\" empties the ITL if it is True: parameter and ITL do not agree"),
    ("emptied", Remedy::NothingWrong, OTHER_CAUSE, "the phone has the lists of the node, and its ITL is emptied: it accepts every configuration file until the rollback parameter is False again"),
    ("tvs-down", Remedy::RestartTvs, NOT_NEEDED, "TVS does not run on the node: the phone cannot ask about certificates that it does not know"),
    ("tvs-renewed", Remedy::RestartTftp, OTHER_CAUSE, "TVS shows a certificate that is not in the ITL of the node: Cisco Tftp was not restarted after TVS was renewed"),
    ("config", Remedy::RestartTftp, OTHER_CAUSE, "the signer of the configuration file is in no list of the node"),
    ("same-failed", Remedy::FetchAgain, OTHER_CAUSE, "the phone has the lists of the node, although its newest message tells of a failure"),
    ("same", Remedy::NothingWrong, OTHER_CAUSE, "the phone has the lists of the node"),
    ("accepts", Remedy::FetchAgain, NOT_NEEDED, "the phone only has to load them"),
    ("open", Remedy::CannotBeKnown, NOT_YET, ""),
    ("tvs-stale", Remedy::RestartTvs, NOT_NEEDED, "TVS knows the certificates of its cluster and those in Phone-SAST-trust after a restart"),
    ("upload", Remedy::UploadSigner, NOT_NEEDED, "the phone accepts the list as soon as TVS knows its signer"),
    ("spelling", Remedy::SignAgain, NOT_NEEDED, "the list must name its signer as CUCM spells it"),
    ("tvs-other", Remedy::RestartTvs, NOT_NEEDED, "the ITL of the node has the TVS certificate of the phone's ITL, but TVS shows another"),
    ("known-signer", Remedy::SignAgain, NOT_NEEDED, "the phone accepts a new CTL that a signer in its CTL signs, and with it the ITL"),
    ("both-renewed", Remedy::DeleteList, HELPS, "TVS shows a certificate that is not in the ITL of the phone"),
    ("refuses", Remedy::DeleteList, HELPS, "no signer in the lists of the phone can sign any more"),
    ("updated", Remedy::NothingWrong, OTHER_CAUSE, "the newest message of the phone says that it accepted a list"),
    ("no-list", Remedy::FetchAgain, NOT_NEEDED, "the newest message of the phone says that it has no list: it accepts the next ones blindly"),
    ("refused", Remedy::DeleteList, HELPS, "the phone refused the list of the node, and phones of this model ask no TVS; its own CTL, which nobody gave, may have a signer that can still sign"),
    ("known-now", Remedy::FetchAgain, NOT_NEEDED, "the phone refused the list of the node, but TVS knows its signer now"),
];

/// The verdict of the first rule that applies; `says` comes before its reason.
fn first(says: &str, rules: &[(bool, &str)]) -> Option<Verdict> {
    let (_, id) = rules.iter().find(|(applies, _)| *applies)?;
    let (rule, remedy, deletion, why) = *RULES.iter().find(|rule| rule.0 == *id)?;
    let why: Vec<&str> = [says, why].into_iter().filter(|text| !text.is_empty()).collect();
    Some(Verdict { remedy, rule, why: why.join("; "), deletion })
}

/// The verdict on these facts.
pub fn verdict(facts: &Facts) -> Verdict {
    let rules = [node, same, judged, not_shown];
    rules.iter().find_map(|rule| rule(facts)).unwrap_or_else(|| {
        let why = "what is known of the lists of phone and node does not decide it".to_owned();
        Verdict { remedy: Remedy::CannotBeKnown, rule: "not-known", why, deletion: NOT_YET }
    })
}

/// What the node serves is of no use to any phone.
fn node(facts: &Facts) -> Option<Verdict> {
    let differ =
        facts.rollback.clone().ok().zip(facts.serves_emptied_itl()).is_some_and(|(set, is)| set != is);
    let of_list = |(kind, list): (ListKind, &ListFacts)| {
        let served = list.served.as_ref().ok()?;
        let is_missing = kind == ListKind::Ctl && facts.mixed == Ok(true);
        let bytes = list.list().map_or(0, |list| list.list().bytes().len());
        let rules = [
            (matches!(served, Served::NotServed(_)), "not-served"),
            (matches!(served, Served::Bad(_)), "not-verified"),
            (matches!(served, Served::None) && is_missing, "no-ctl"),
            (bytes > PHONE_LIMIT_BYTES, "size"),
        ];
        first(&format!("the {} of the node: {served}", kind.label()), &rules)
    };
    first("", &[(facts.tftp_runs == Ok(false), "tftp-down")])
        .or_else(|| facts.lists().find_map(of_list))
        .or_else(|| first("", &[(differ, "rollback")]))
}

/// The phone has what the node serves.
fn same(facts: &Facts) -> Option<Verdict> {
    let has_one = facts.lists().any(|(_, list)| list.held_list().is_some());
    if !has_one || facts.lists().any(|(_, list)| list.is_same() != Some(true)) {
        return None;
    }
    let asks_tvs = facts.asks_tvs != Some(false);
    let rules = [
        (facts.serves_emptied_itl() == Some(true), "emptied"),
        (asks_tvs && facts.tvs_runs == Ok(false), "tvs-down"),
        (asks_tvs && facts.tvs_in_served == Ok(false), "tvs-renewed"),
        (matches!(&facts.config, Ok(Some(ConfigFile { by_served: false, .. }))), "config"),
        (facts.message == Ok(Says::Failed), "same-failed"),
        (true, "same"),
    ];
    first("", &rules)
}

/// What the phone decides about the lists of the node is known: first the CTL, then, with that one, the ITL.
fn judged(facts: &Facts) -> Option<Verdict> {
    let mut held = facts.installed()?;
    let mut why = Vec::new();
    for (kind, list) in facts.lists() {
        let Some(new) = list.list().filter(|_| list.is_same() != Some(true)) else { continue };
        let acceptance = facts.assess(&held, new, list.tvs_status());
        let says = format!("{}: {}", kind.label(), acceptance.says(&new.signer_name()));
        let last = acceptance.reasons.last();
        let waits = matches!(last, Some(Reason::TvsNoAnswer { .. } | Reason::TvsNotAsked { .. }));
        match acceptance.decision {
            Decision::Accepts(_) => why.push(says),
            // The CTL of the phone may know the signer.
            Decision::Refuses if facts.ctl.held.is_err() && facts.ctl.served.is_err() => return None,
            Decision::Refuses => return refused(facts, list, &acceptance, &says),
            // What the phone says may tell more.
            _ if matches!(held.itl, InstalledItl::Unknown) => return None,
            _ => return first(&says, &[(waits && facts.tvs_runs == Ok(false), "tvs-down"), (true, "open")]),
        }
        match kind {
            ListKind::Ctl => held.ctl = Some(new),
            ListKind::Itl => held.itl = InstalledItl::List(new),
        }
    }
    first(&why.join("; "), &[(!why.is_empty(), "accepts")])
}

/// What helps a phone that refuses a list.
fn refused(facts: &Facts, list: &ListFacts, acceptance: &Acceptance, says: &str) -> Option<Verdict> {
    let last = acceptance.reasons.last();
    let unknown = matches!(last, Some(Reason::TvsInvalid { .. } | Reason::TvsNotUploaded { .. }));
    let misspelled = matches!(last, Some(Reason::TvsDoesNotFindTheSpelling { .. }));
    let renewed = matches!(last, Some(Reason::TvsOtherCertificate { .. } | Reason::TvsRenewedToo { .. }));
    let signers = known_signers(facts).join(", ");
    let by_tvs = [
        (unknown && should_know(list), "tvs-stale"),
        (unknown, "upload"),
        (misspelled, "spelling"),
        (renewed && facts.tvs_in_served == Ok(false) && facts.has_common_tvs(), "tvs-other"),
    ];
    let by_ctl =
        || first(&format!("{says}; its CTL knows {signers}"), &[(!signers.is_empty(), "known-signer")]);
    // A TVS that nobody asked may still show a certificate of the phone's ITL.
    let rules =
        [(renewed && facts.tvs_in_held == Ok(false), "both-renewed"), (renewed, "open"), (true, "refuses")];
    let by_nobody = || first(says, &rules);
    first(says, &by_tvs).or_else(by_ctl).or_else(by_nobody)
}

/// Whether TVS should know the signer: a server of its cluster, or one that was uploaded.
fn should_know(list: &ListFacts) -> bool {
    list.uploaded == Ok(true) || list.list().is_some_and(|list| !NewList::of(list).by_token)
}

/// The signers in the phone's CTL that can still sign: tokens, and servers whose key is in the lists of the node.
fn known_signers(facts: &Facts) -> Vec<String> {
    let Some(held) = facts.ctl.held_list() else { return vec![] };
    let served = [&facts.ctl, &facts.itl].into_iter().filter_map(|list| list.list());
    let keys: Vec<_> = served.flat_map(|list| list.list().records()).filter_map(Record::public_key).collect();
    let can_sign = |r: &&Record| r.is_token() || r.public_key().is_some_and(|key| keys.contains(&key));
    let names: BTreeSet<_> = held.list().sasts().filter(can_sign).map(Record::short_name).collect();
    names.into_iter().collect()
}

/// The content of the phone's lists is not known, but the phone said something about them.
fn not_shown(facts: &Facts) -> Option<Verdict> {
    let message = *facts.message.as_ref().ok()?;
    let none_seen = facts.lists().all(|(_, list)| list.held.is_err());
    let no_list = matches!(message, Says::NoList | Says::Erased);
    let early = [(none_seen && message == Says::Updated, "updated"), (none_seen && no_list, "no-list")];
    let list = facts.lists().map(|(_, list)| list).find(|list| list.is_same() != Some(true));
    first("", &early).or_else(|| {
        let (list, status) =
            list.filter(|_| message == Says::Failed).map(|list| (list, list.tvs_status()))?;
        let valid = matches!(status, TvsStatus::Valid { .. } | TvsStatus::Unchecked { .. });
        let invalid = matches!(status, TvsStatus::Invalid { .. });
        let rules = [
            (facts.asks_tvs == Some(false), "refused"),
            (facts.tvs_runs == Ok(false), "tvs-down"),
            (facts.tvs_in_held == Ok(false) && !known_signers(facts).is_empty(), "known-signer"),
            (facts.tvs_in_held == Ok(false) && facts.ctl.is_same() == Some(true), "both-renewed"),
            (invalid && should_know(list), "tvs-stale"),
            (invalid, "upload"),
            (valid && facts.tvs_in_held == Ok(true), "known-now"),
        ];
        first("", &rules)
    })
}

impl Facts {
    fn serves_emptied_itl(&self) -> Option<bool> {
        self.itl.list().map(|itl| is_emptied_itl(itl.list()))
    }

    /// Whether a TVS certificate of the phone's ITL is in the ITL of the node, too.
    fn has_common_tvs(&self) -> bool {
        let (Some(held), Some(served)) = (self.itl.held_list(), self.itl.list()) else { return false };
        let served = tvs_certificates(served.list().records());
        tvs_certificates(held.list().records()).keys().any(|sha1| served.contains_key(sha1))
    }
}
