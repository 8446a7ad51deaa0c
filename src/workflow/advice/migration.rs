//! Moving phones from one cluster to another: which documented way is open, which certificates go where, what proves it.
//!
//! Cisco's Security Guide 12.5 (CTL Client Setup, migration of phones to another cluster), documents 213407 and 221657, and
//! the chapter on Extension Mobility Cross Cluster (`guide.migration`, `guide.same-tokens` in `docs/facts.md`).

use super::super::next::ListOption::{AddToken, Signer};
use super::super::next::Next;
use super::{PUBLISH, Procedure, RESTART, Situation, Step, by, effects, every_class, procedure, step};
use crate::phone::{
    ClassVerdict, Decision, Installed, InstalledItl, NewList, TvsStatus, Way, assess_classes,
};
use crate::trustlist::{Certificate, Function, Record, VerifiedList};

/// One of the two clusters.
pub struct Side<'a> {
    /// What its TFTP nodes serve.
    pub lists: Installed<&'a VerifiedList>,
    /// The name of its CTL in commands.
    pub ctl: String,
    /// Its publisher in commands.
    pub node: String,
}

/// The procedures, the state of today first. `files` are those of [`certificates_to_trust`].
pub fn migration(from: &Side<'_>, to: &Side<'_>, files: &[String]) -> Vec<Procedure> {
    let moves = Move { from, to, files };
    let mut procedures = vec![moves.as_they_are()];
    match (from.lists.ctl, to.lists.ctl) {
        (Some(old), Some(new)) => procedures.extend([
            moves.same_tokens(old, new),
            moves.by_tvs(&TvsStatus::Uploaded),
            moves.bridge(old, new),
            closed(moves.rollback(), "it empties the ITL of phones, never the CTL (213407)"),
        ]),
        (None, _) => procedures.extend([
            moves.by_tvs(&TvsStatus::Uploaded),
            closed(procedure("bridge", BRIDGE, vec![]), "the old cluster has no CTL"),
            moves.rollback(),
        ]),
        (Some(_), None) => procedures.push(procedure(
            "non-secure-first",
            "the new cluster has no CTL, and phones keep the CTL that they have",
            vec![
                step("set the old cluster to non-secure mode, restart Cisco Tftp and Cisco CallManager, reset the phones (221657)"),
                step("fetch its lists again, and make this plan anew"),
            ],
        )),
    }
    procedures
}

/// The certificates of a cluster that another must trust so that its phones take the lists: the signers of its CTL and ITL, and
/// those of its TFTP servers.
pub fn certificates_to_trust(to: &Installed<&VerifiedList>) -> Vec<Certificate> {
    let signers =
        to.ctl.iter().chain(to.itl.list().iter()).map(|list| list.signer().clone()).collect::<Vec<_>>();
    let lists = to.ctl.into_iter().chain(to.itl.list()).flat_map(|list| list.list().records());
    let is_asked_for = |r: &&Record| {
        matches!(r.function(), Function::CCM_TFTP | Function::TFTP)
            || r.function() == Function::SAST && !r.is_token()
    };
    let mut found: Vec<Certificate> = Vec::new();
    for record in signers.iter().chain(lists.filter(is_asked_for)) {
        let Some(Ok(certificate)) = record.certificate() else { continue };
        if !found.contains(&certificate) {
            found.push(certificate);
        }
    }
    found
}

const BRIDGE: &str =
    "over a CTL of the old cluster that contains the signers of the new one: no phone refuses";

/// The end of each procedure.
const MOVE: &str = "point option 150 (the TFTP server in DHCP) to the new cluster, for a few phones first, and reset them: they \
                    take its CTL, then its ITL";

fn closed(procedure: Procedure, why: impl Into<String>) -> Procedure {
    Procedure { closed: Some(why.into()), steps: vec![], ..procedure }
}

struct Move<'a> {
    from: &'a Side<'a>,
    to: &'a Side<'a>,
    files: &'a [String],
}

impl Move<'_> {
    /// What phones do with the CTL of the new cluster, then with its ITL, which the new CTL may know.
    fn phones(&self, tvs: &TvsStatus) -> (Vec<ClassVerdict>, Vec<Step>) {
        let held = self.from.lists;
        let (mut verdicts, mut steps) = (vec![], vec![]);
        let then = Installed { ctl: self.to.lists.ctl.or(held.ctl), itl: held.itl };
        for (what, list, held) in [("CTL", self.to.lists.ctl, held), ("ITL", self.to.lists.itl.list(), then)]
        {
            let Some(list) = list else { continue };
            let new = NewList::of(list);
            let found = assess_classes(&held, &new, tvs);
            let act = format!("phones get the {what} of the new cluster, signed by {}", new.name);
            steps.push(Step { phones: effects(&found, &new.name), ..step(act) });
            verdicts.extend(found);
        }
        (verdicts, steps)
    }

    fn as_they_are(&self) -> Procedure {
        let (verdicts, steps) = self.phones(&TvsStatus::NotUploaded);
        let takes =
            |v: &ClassVerdict| matches!(v.verdict.decision, Decision::Accepts(_) | Decision::DoesNotApply);
        let what = match verdicts.iter().all(takes) {
            true => "without a change on the old cluster: its phones take the lists of the new one",
            false => {
                "without a change on the old cluster: not all of its phones take the lists of the new one"
            }
        };
        procedure("now", what, steps)
    }

    fn prove(&self) -> Step {
        let check = Next::CheckList { new: self.to.ctl.clone(), installed: self.from.ctl.clone() };
        by(check, "before a phone moves: prove it, with TVS of the old cluster", vec![])
    }

    fn moves(&self, phones: Vec<Step>) -> impl Iterator<Item = Step> {
        let check = Next::CheckPhones { expect: self.to.ctl.clone(), node: self.to.node.clone() };
        let proof =
            by(check, "which phones have the new list? Those that refused it are listed for a visit", vec![]);
        [step(MOVE)].into_iter().chain(phones).chain([proof])
    }

    fn same_tokens(&self, old: &VerifiedList, new: &VerifiedList) -> Procedure {
        let what = "the same tokens in both clusters, both in mixed mode: phones know the signer already";
        let signer = NewList::of(new);
        let found = assess_classes(&self.from.lists, &signer, &TvsStatus::NotAsked);
        if found.iter().any(|v| v.verdict.decision == Decision::Accepts(Way::Ctl)) {
            let (_, phones) = self.phones(&TvsStatus::NotAsked);
            let steps = [self.prove()].into_iter().chain(self.moves(phones)).collect();
            return procedure("same-tokens", what, steps);
        }
        let why = match old.signer().is_token() {
            true => format!(
                "{} is no SAST in the CTL of the old cluster; sign the CTL of the new cluster with one of: {}",
                signer.name,
                super::names(&old.list().sasts().filter(|r| r.is_token()).collect::<Vec<_>>())
            ),
            false => "no token signs the CTL of the old cluster".to_owned(),
        };
        closed(procedure("same-tokens", what, vec![]), why)
    }

    /// What the old cluster must trust first.
    fn trust(&self) -> [Step; 3] {
        let node = self.from.node.clone();
        let next = Next::TrustCertificates { files: self.files.to_vec(), node };
        [
            by(
                next,
                "put the signers of the new cluster (of its CTL and ITL, ITLRecovery, and CallManager of every TFTP node) into \
                 Phone-SAST-trust of the old one",
                vec![],
            ),
            step(
                "by hand: the same CallManager certificates into CallManager-trust of the old cluster; for phones with an LSC \
                 CAPF of the old cluster into CAPF-trust of the new one",
            ),
            step("on every node of the old cluster: utils service restart Cisco Trust Verification Service"),
        ]
    }

    fn by_tvs(&self, tvs: &TvsStatus) -> Procedure {
        let what = "by Phone-SAST-trust and TVS of the old cluster: phones without TVS refuse";
        let (_, phones) = self.phones(tvs);
        let steps = self.trust().into_iter().chain([self.prove()]).chain(self.moves(phones)).collect();
        procedure("tvs", what, steps)
    }

    fn bridge(&self, old: &VerifiedList, new: &VerifiedList) -> Procedure {
        let wait = by(
            Next::CheckPhones { expect: self.from.ctl.clone(), node: self.from.node.clone() },
            "reset the phones of the old cluster, fetch its CTL again, and wait until every phone has it",
            vec![],
        );
        let phones = Step {
            phones: every_class(&format!("{} is in the CTL of the old cluster then", NewList::of(new).name)),
            ..step("phones get the CTL of the new cluster")
        };
        let mut steps = Vec::new();
        if old.signer().is_token() {
            let signer = self.files.first().cloned().unwrap_or_else(|| "SIGNER.cer".to_owned());
            let next =
                Situation::update(&self.from.ctl, [Signer(old.signer().short_name()), AddToken(signer)]);
            steps.push(by(
                next,
                "sign a CTL of the old cluster that names the signer of the new one as SAST",
                vec![],
            ));
            steps.push(step(PUBLISH));
        } else {
            steps.extend(self.trust());
            steps.push(step(
                "on the publisher of the old cluster (release 10.0 and later): utils ctl update CTLFile; `show ctl` must list the \
                 signers of the new cluster as SAST",
            ));
            steps.push(step(RESTART));
        }
        steps.extend([wait, self.prove()]);
        steps.extend(self.moves(vec![phones]));
        procedure("bridge", BRIDGE, steps)
    }

    fn rollback(&self) -> Procedure {
        let held = Installed { ctl: None, itl: InstalledItl::Emptied };
        let list = self.to.lists.ctl.or(self.to.lists.itl.list());
        let phones = list.map(|list| {
            let new = NewList::of(list);
            let found = assess_classes(&held, &new, &TvsStatus::NotAsked);
            let act = format!("phones get a list of the new cluster, signed by {}", new.name);
            Step { phones: effects(&found, &new.name), ..step(act) }
        });
        let first = [
            step(
                "set \"Prepare Cluster for Rollback to pre 8.0\" to True on the old cluster: phones get an ITL without servers",
            ),
            step(
                "wait until every phone has it; until the end, phones take lists and configuration from anybody",
            ),
        ];
        let last = step("set it to False again, or the phones that stay are open");
        let steps = first.into_iter().chain(self.moves(phones.into_iter().collect())).chain([last]).collect();
        procedure("rollback", "by an emptied ITL, where phones hold no CTL", steps)
    }
}
