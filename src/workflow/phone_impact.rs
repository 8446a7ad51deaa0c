//! What phones that have the same lists will do with a new one.

use serde::Serialize;

use super::journal::PhoneLine;
use crate::phone::{
    ClassVerdict, Decision, Impact, Installed, NewList, PhoneClass, ServiceFinding, TvsStatus,
    assess_classes, services,
};
use crate::trustlist::VerifiedList;

/// What phones that have the same lists will do with a new one.
#[derive(Debug, Serialize)]
pub struct PhoneImpact {
    /// Which lists they have.
    pub held: String,
    pub verdicts: Vec<ClassVerdict>,
    pub findings: Vec<ServiceFinding>,
    #[serde(skip)]
    pub signer: String,
}

impl PhoneImpact {
    /// Of phones that have `installed`, called `held`.
    pub fn new(held: String, installed: &Installed<&VerifiedList>, new: &VerifiedList) -> Self {
        let list = NewList::of(new);
        let verdicts = assess_classes(installed, &list, &TvsStatus::NotAsked);
        let findings = services(installed, &list);
        PhoneImpact { held, verdicts, findings, signer: list.name }
    }

    /// For the journal.
    pub fn lines(&self) -> impl Iterator<Item = PhoneLine> {
        let held = |class| (class != PhoneClass::WithoutList).then_some(&self.held[..]);
        self.verdicts.iter().map(move |verdict| PhoneLine::of(verdict, &self.signer, held(verdict.class)))
    }

    /// Whether every phone accepts the list, and nothing stops working.
    pub fn is_harmless(&self) -> bool {
        let follows =
            |v: &ClassVerdict| matches!(v.verdict.decision, Decision::Accepts(_) | Decision::DoesNotApply);
        self.verdicts.iter().all(follows) && self.findings.iter().all(|f| f.impact == Impact::Note)
    }
}
