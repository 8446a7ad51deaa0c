//! The plan: what will change, why, and who signs. Confirmed, it is executed as it was shown.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::super::next::{Next, Spell};
use super::digest::PlanDigest;
use super::error::{InForce, PlanError};
use crate::phone::{
    ClassVerdict, Decision, Installed, InstalledItl, NewList, Reason, ServiceFinding, TvsStatus,
    assess_classes, list_warnings, services,
};
use crate::trustlist::{
    BuildError, Certificate, Difference, Draft, Function, ListKind, Record, ServerRecord, SignError, Signer,
    SigningOptions, Style, TrustList, VerifiedList, diff, digest, record_tag,
};

/// What happens to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// It stays as it is.
    Keep,
    /// It leaves.
    Remove,
    /// It stays, changed.
    Change,
    /// It is new.
    Add,
}

impl Mark {
    /// The sign in front of a line of the plan.
    pub fn sign(self) -> char {
        match self {
            Mark::Keep => ' ',
            Mark::Remove => '-',
            Mark::Change => '~',
            Mark::Add => '+',
        }
    }
}

/// One record's part in a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanStep {
    /// What happens to it.
    pub mark: Mark,
    /// FUNCTION by name.
    pub function: String,
    /// A name to call it by.
    pub name: String,
    /// The reason, or the change.
    pub why: String,
}

impl PlanStep {
    pub(super) fn new(mark: Mark, record: &Record, why: impl Into<String>) -> Self {
        PlanStep { mark, function: record.function().to_string(), name: record.short_name(), why: why.into() }
    }
}

/// What every plan needs in addition to the records.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The certificate of the token that will sign.
    pub signer: &'a Certificate,
    /// How the file is signed.
    pub options: SigningOptions,
    /// Overrides the spelling that fits each certificate.
    pub name_style: Option<Style>,
    /// The time of judging, seconds since 1970-01-01 UTC: which certificates have expired.
    pub now: i64,
    /// The operator insists where the CTL Client would refuse. Never silently: the plan says so.
    pub force: bool,
    /// Turns advice into words: the front end knows the commands.
    pub spell: Spell,
}

/// A plan that may be carried out: a draft, what it does in words, what phones will say, and what is left to do by hand.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What happens to each record.
    pub steps: Vec<PlanStep>,
    /// What the operator should know before going on.
    pub warnings: Vec<String>,
    /// What phones will do that hold the list in force, class by class.
    pub phones: Vec<ClassVerdict>,
    /// What phones can no longer do, or do otherwise, once they took the list.
    pub findings: Vec<ServiceFinding>,
    /// What is left to do by hand, in this order.
    pub by_hand: Vec<String>,
    draft: Draft,
    unsigned: TrustList,
    message: Vec<u8>,
    signer: Certificate,
    in_force: [u8; 32],
    judged_at: i64,
}

impl Plan {
    /// Puts a plan together and works out what phones that hold `in_force` will say.
    pub(super) fn new(
        request: &Request<'_>,
        in_force: Option<&VerifiedList>,
        draft: Draft,
        steps: Vec<PlanStep>,
        mut warnings: Vec<String>,
    ) -> Result<Self, PlanError> {
        let (message, unsigned) = (draft.message(request.signer)?, draft.unsigned(request.signer)?);
        let (mut phones, mut findings) = (Vec::new(), Vec::new());
        if let Some(new) = NewList::planned(&draft, request.signer) {
            warnings.extend(list_warnings(&new, request.options.digest, request.now));
            let installed = installed(in_force, draft.kind());
            phones = assess_classes(&installed, &new, &TvsStatus::NotAsked);
            findings = services(&installed, &new);
        }
        let from_tokenless = in_force.is_some_and(|old| !old.signer().is_token());
        let by_hand = by_hand(&phones, request, from_tokenless);
        let signer = request.signer.clone();
        Ok(Plan {
            steps,
            warnings,
            phones,
            findings,
            by_hand,
            draft,
            unsigned,
            message,
            signer,
            in_force: digest::sha256(in_force.map(|old| &old.list().bytes()[..]).unwrap_or_default()),
            judged_at: request.now,
        })
    }

    /// The same, where TVS said this about the signer: phones that hold `in_force` and ask TVS decide by it.
    #[must_use]
    pub fn with_tvs(self, in_force: &VerifiedList, tvs: &TvsStatus, request: &Request<'_>) -> Self {
        let Some(new) = NewList::planned(&self.draft, &self.signer) else { return self };
        let phones = assess_classes(&installed(Some(in_force), self.draft.kind()), &new, tvs);
        let by_hand = by_hand(&phones, request, !in_force.signer().is_token());
        Plan { phones, by_hand, ..self }
    }

    /// What is to be signed.
    pub fn draft(&self) -> &Draft {
        &self.draft
    }

    /// What differs from the list that was there before: header and records. The signature always does, and says nothing.
    pub fn difference(&self, old: &TrustList) -> Difference {
        diff(old, &self.unsigned)
    }

    /// The certificate of the token that will sign.
    pub fn signer(&self) -> &Certificate {
        &self.signer
    }

    /// The length of the finished file in bytes.
    pub fn signed_len(&self) -> usize {
        self.unsigned.bytes().len()
    }

    /// The digest of this plan: it changes with anything that is signed, with what it is made from, with what the
    /// operator is told, and with the time of judging.
    pub fn digest(&self) -> PlanDigest {
        let told = serde_json::json!(self.told()).to_string();
        PlanDigest::over(self.judged_at, &[&self.message, self.signer.der(), &self.in_force, told.as_bytes()])
    }

    /// What the operator is told, as values without their words: steps, verdicts on phones, findings.
    pub fn told(&self) -> [serde_json::Value; 3] {
        let steps: Vec<_> = self.steps.iter().map(|s| (s.mark, &s.function, &s.name)).collect();
        let reasons = |v: &ClassVerdict| v.verdict.reasons.iter().map(value).collect::<Vec<_>>();
        let phones: Vec<_> = self.phones.iter().map(|v| (v.class, v.verdict.decision, reasons(v))).collect();
        let findings: Vec<_> =
            self.findings.iter().map(|f| (f.service, f.impact, &f.phones, &f.about)).collect();
        [serde_json::json!(steps), serde_json::json!(phones), serde_json::json!(findings)]
    }

    /// The operator saw the plan `shown` and said yes. Refused when this is another one.
    pub fn confirm(self, shown: PlanDigest) -> Result<ConfirmedPlan, PlanError> {
        let now = self.digest();
        if now == shown { Ok(ConfirmedPlan(self)) } else { Err(PlanError::Changed { shown, now }) }
    }
}

/// A plan that the operator saw and agreed to: only such a plan is carried out.
#[derive(Debug, Clone)]
pub struct ConfirmedPlan(Plan);

impl ConfirmedPlan {
    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.0
    }

    /// Signs, only with the signer of the plan. What comes out was read back and verified, and holds the records that the
    /// plan showed.
    pub fn execute<S: Signer>(self, signer: &mut S) -> Result<VerifiedList, SignError<S::Error>> {
        let (planned, given) = (&self.0.signer, signer.certificate());
        if planned.der() != given.der() {
            let (planned, given) = (planned.sast_name(), given.sast_name());
            return Err(SignError::OtherSigner { planned, given });
        }
        self.0.draft.sign(signer)
    }
}

/// A reason as a value, without its words.
fn value(reason: &Reason) -> serde_json::Value {
    Reason::serialize(reason, serde_json::value::Serializer).unwrap_or_default()
}

/// What the phones of the cluster hold: the list in force, and of the other kind nothing that is known here.
fn installed(in_force: Option<&VerifiedList>, kind: ListKind) -> Installed<&VerifiedList> {
    match (kind, in_force) {
        (ListKind::Itl, Some(itl)) => Installed { ctl: None, itl: InstalledItl::List(itl) },
        (ListKind::Itl, None) => Installed { ctl: None, itl: InstalledItl::None },
        (ListKind::Ctl, ctl) => Installed { ctl, itl: InstalledItl::Unknown },
    }
}

/// What the program cannot do for the operator.
fn by_hand(phones: &[ClassVerdict], request: &Request<'_>, from_tokenless: bool) -> Vec<String> {
    let mut steps = Vec::new();
    if phones.iter().any(|p| p.verdict.is_too_large()) {
        return vec![
            "remove records: no phone loads a list of this length, and none is to get this one".to_owned(),
        ];
    }
    if phones.iter().any(|p| p.verdict.waits_for_upload()) {
        steps.push(format!(
            "before anything else: export the certificates ({}) and upload them as Phone-SAST-trust, so that TVS \
             knows {}",
            (request.spell)(&Next::ExportCertificates),
            request.signer.sast_name()
        ));
    }
    steps.push("put the file on every TFTP node, in the place of the one in force".to_owned());
    steps.push(
        "restart Cisco Tftp, then Cisco CallManager, on every node that runs them; reset the phones"
            .to_owned(),
    );
    let bridge = (request.spell)(&Next::ShowProcedure("bridge"));
    let bridge = format!("; with the procedure bridge no phone refuses: {bridge}");
    steps.extend(
        refusing(phones).map(to_delete).map(|step| if from_tokenless { step + &bridge } else { step }),
    );
    steps.push(
        "compare the checksum with that of show ctl on every node, and with a phone's screen".to_owned(),
    );
    steps
}

/// The classes of phones that refuse the list.
fn refusing(phones: &[ClassVerdict]) -> impl Iterator<Item = &'static str> {
    phones.iter().filter(|p| p.verdict.decision == Decision::Refuses).map(|p| p.class.label())
}

/// On which phones the list must be deleted.
fn to_delete(class: &str) -> String {
    format!("delete the list by hand on phones that refuse: {class}")
}

/// What is left to the operator once every node serves a new list.
pub fn left_to_do(phones: &[ClassVerdict]) -> Vec<String> {
    left_to_do_if(refusing(phones))
}

/// The same where phones of these classes refuse it.
pub fn left_to_do_if<'a>(refusing: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut steps = vec!["reset the phones: each loads the new list when it starts".to_owned()];
    steps.extend(refusing.map(to_delete));
    let refused = "one that says \"Trust List update failed\" kept its old list (see the help on phones)";
    steps.push(format!("compare the checksum with a phone's screen; {refused}"));
    steps
}

/// The words for the signer's own line.
pub(super) fn signs_this_file(request: &Request<'_>) -> String {
    format!("signs this file ({}, {})", request.signer.public_key.describe(), request.options.digest)
}

/// What of the header does not stay as it is, asked for or not, and the option that keeps it: the digest, the signer
/// version.
pub(super) fn header_changes(old: &VerifiedList, request: &Request<'_>) -> Vec<String> {
    let SigningOptions { digest, signer_version, .. } = request.options;
    let mut changes = Vec::new();
    if old.digest() != digest {
        let (before, option) = (old.digest(), (request.spell)(&Next::KeepDigest(old.digest())));
        changes.push(format!("the digest changes from {before} to {digest}: {option} keeps it"));
    }
    if let (Some((major, minor)), None) = (old.list().header().signer_version, signer_version) {
        let option = (request.spell)(&Next::KeepSignerVersion(major, minor));
        changes.push(format!("the header loses its signer version: {option} keeps it"));
    }
    changes
}

/// The signer is not a SAST of the list in force. If one of them has its name, the serial numbers distinguish them.
pub fn signer_not_in_force(old: &VerifiedList, signer: &Certificate, may_insist: bool) -> PlanError {
    let name = signer.sast_name();
    let namesake = old.list().sasts().any(|record| record.short_name() == name);
    let told = |name: String, serial: Option<&[u8]>| match serial.filter(|_| namesake) {
        Some(serial) => format!("{name} (serial {})", digest::colons(serial)),
        None => name,
    };
    let known = old.list().sasts().map(|r| told(r.short_name(), r.get(record_tag::SERIAL_NUMBER))).collect();
    PlanError::SignerNotInForce {
        signer: told(name, Some(&signer.serial)),
        known,
        by_serial: namesake,
        list: InForce::of(old),
        may_insist,
    }
}

/// A server's record as the others of its list are written; in CUCM's style it may have a host name.
pub(super) fn server_record(
    (function, address, host): (Function, Ipv4Addr, Option<&String>),
    certificate: &Certificate,
    style: Style,
) -> Result<Record, BuildError> {
    let (dotted, ip_address) = (address.to_string(), Some(address));
    let dns_name = host.filter(|_| style == Style::Cucm).unwrap_or(&dotted);
    Record::server(&ServerRecord { function, certificate, dns_name, ip_address, style, hash_only: false })
}

/// A token's record in the spelling that fits its certificate, unless another is asked for.
pub(super) fn token_record(certificate: &Certificate, style: Option<Style>) -> Result<Record, BuildError> {
    Record::token(certificate, style.unwrap_or_else(|| certificate.sast_style()))
}
