//! Checks whether phones accept a new list: from files and the answers of TVS to verdicts.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::error::WorkError;
use super::input::{read_certificate, read_list, read_verified};
use super::operator::Operator;
use super::phones::PhonesByClass;
use crate::files::display_name;
use crate::phone::tvs::{self, Answer, Ask, Question, Tls, TvsAddress, TvsError};
use crate::phone::{
    ClassVerdict, Decision, Impact, Installed, InstalledItl, NewList, PhoneClass, ServiceFinding, TvsStatus,
    assess_classes, is_emptied_itl, list_warnings, services,
};
use crate::trustlist::{ListKind, TrustList, VerifiedList};

/// Which list is checked, against what, and how TVS is asked.
pub struct CheckRequest<'a> {
    pub new: &'a Path,
    pub installed_ctl: Option<&'a Path>,
    pub installed_itl: Option<&'a Path>,
    /// Certificates that were uploaded as Phone-SAST-trust.
    pub trusted: &'a [PathBuf],
    pub tvs: &'a [String],
    pub ask: Ask,
    pub device_name: &'a str,
    pub legacy_tls: bool,
    /// For one TVS.
    pub timeout: Duration,
    /// The classes that there are; none: all.
    pub phones: &'a [PhoneClass],
    /// A CSV file of the phones that there are.
    pub list: Option<&'a Path>,
}

/// What each TVS answered.
pub type TvsAnswers = Vec<(String, Result<Answer, TvsError>)>;

/// What phones make of a list.
pub struct Check {
    pub kind: ListKind,
    pub bytes: usize,
    pub signed_by: String,
    pub verdicts: Vec<ClassVerdict>,
    /// What phones can and cannot do once they have it.
    pub findings: Vec<ServiceFinding>,
    pub warnings: Vec<String>,
    pub answers: TvsAnswers,
    /// The phones that there are, if their list was given.
    pub list: Option<PhonesByClass>,
}

/// Checks a list. A TVS that does not answer is an answer.
pub fn check(request: &CheckRequest<'_>, operator: &dyn Operator) -> Result<Check, WorkError> {
    let held = read_installed(request.installed_ctl, request.installed_itl)?;
    let phones = request.list.map(PhonesByClass::read).transpose()?;
    let installed = held.as_ref();
    let new = read_list(request.new)?;
    let verified = installed.verify(&new).map_err(|source| WorkError::NewNotVerified {
        file: display_name(request.new),
        source,
        is_emptied_itl: is_emptied_itl(&new),
    })?;
    let list = NewList::of(&verified);
    let (tvs_says, answers) = what_tvs_says(request, &list, &installed, operator)?;
    let exists = |class: &PhoneClass| request.phones.is_empty() || request.phones.contains(class);
    let mut verdicts = assess_classes(&installed, &list, &tvs_says);
    verdicts.retain(|verdict| exists(&verdict.class));
    let mut findings = services(&installed, &list);
    findings.retain(|finding| finding.phones.iter().any(exists));
    let warnings = list_warnings(&list, verified.digest(), Timestamp::now().as_second());
    let (kind, bytes) = (list.kind, list.bytes);
    Ok(Check { kind, bytes, signed_by: list.name, verdicts, findings, warnings, answers, list: phones })
}

/// Reads the lists that phones have.
pub fn read_installed(ctl: Option<&Path>, itl: Option<&Path>) -> Result<Installed<VerifiedList>, WorkError> {
    let ctl = ctl.map(|path| {
        let list = read_verified(path)?;
        check_kind(path, list.list(), ListKind::Ctl).map(|()| list)
    });
    let itl = itl.map(|path| {
        let list = read_list(path)?;
        check_kind(path, &list, ListKind::Itl)?;
        // One that was emptied for a rollback need not have its signer's record.
        InstalledItl::of(&list).map_err(|source| WorkError::NotVerified { file: display_name(path), source })
    });
    Ok(Installed { ctl: ctl.transpose()?, itl: itl.transpose()?.unwrap_or_default() })
}

/// An error if this is a list of the other kind.
pub fn check_kind(path: &Path, list: &TrustList, wanted: ListKind) -> Result<(), WorkError> {
    let wrong = || WorkError::OtherKind { file: display_name(path), kind: list.kind() };
    if list.kind() == wanted { Ok(()) } else { Err(wrong()) }
}

/// What TVS says, or is said to know, about the signer.
fn what_tvs_says(
    request: &CheckRequest<'_>,
    new: &NewList<'_>,
    installed: &Installed<&VerifiedList>,
    operator: &dyn Operator,
) -> Result<(TvsStatus, TvsAnswers), WorkError> {
    let trusted = request.trusted.iter().map(|p| read_certificate(p)).collect::<Result<Vec<_>, _>>()?;
    let addresses = request.tvs.iter().map(|t| t.parse::<TvsAddress>()).collect::<Result<Vec<_>, _>>()?;
    if addresses.is_empty() {
        let tvs_says = match new.certificate.as_ref().is_some_and(|signer| trusted.contains(signer)) {
            true => TvsStatus::Uploaded,
            false if trusted.is_empty() => TvsStatus::NotAsked,
            false => TvsStatus::NotUploaded,
        };
        return Ok((tvs_says, vec![]));
    }
    let question = Question {
        certificate: new.certificate.as_ref().ok_or(WorkError::NoCertificate)?,
        signer: &new.signer,
        ask: request.ask,
        device_name: request.device_name,
        tls: Tls {
            known: installed.itl.list().map(|itl| itl.list().records()),
            legacy: request.legacy_tls,
            timeout: request.timeout,
        },
    };
    let ask = |address: &TvsAddress| {
        operator.note(&format!("Asking TVS on {address} about {} …", new.name));
        (address.to_string(), tvs::ask(address, &question))
    };
    let asked: TvsAnswers = addresses.iter().map(ask).collect();
    let answers = asked.iter().map(|(server, answer)| TvsStatus::of(server, answer)).collect();
    Ok((TvsStatus::together(answers), asked))
}

impl Check {
    /// The phones that do not accept the list, or of which this is not known.
    pub fn not_taken(&self) -> impl Iterator<Item = &ClassVerdict> {
        let is_no = |d: Decision| matches!(d, Decision::Refuses | Decision::NotKnown);
        self.verdicts.iter().filter(move |verdict| is_no(verdict.verdict.decision))
    }

    /// The phones of a class on the list that was given; those that do not accept are named.
    pub fn phones_on_list(&self, of: &ClassVerdict) -> Option<String> {
        let list = self.list.as_ref().filter(|_| of.class != PhoneClass::WithoutList)?;
        Some(list.says(Some(of.class), self.not_taken().any(|it| it == of)))
    }

    /// The phones on the list of which no source names the class.
    pub fn of_no_class(&self) -> Option<String> {
        let list = self.list.as_ref().filter(|list| !list.names(None).is_empty())?;
        Some(list.says(None, true))
    }

    /// What phones are locked out of once they have it.
    pub fn locked_out(&self) -> impl Iterator<Item = &ServiceFinding> {
        self.findings.iter().filter(|finding| finding.impact == Impact::LockedOut)
    }

    /// Whether every class accepts the list, and none is locked out by it.
    pub fn is_accepted(&self) -> bool {
        self.not_taken().next().is_none() && self.locked_out().next().is_none()
    }

    /// For programs; `file` is the list that was checked.
    pub fn json(&self, file: &Path) -> serde_json::Value {
        let answer = |(server, answer): &(String, Result<Answer, TvsError>)| match answer {
            Ok(a) => serde_json::json!({
                "server": server, "answered": true, "valid": a.valid,
                "roles": a.roles.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "ttl_seconds": a.ttl, "tls": a.tls_version,
                "certificate": a.shown.name, "certificate_sha256": a.shown.sha256,
                "certificate_in_itl": a.shown.in_itl,
            }),
            Err(e) => serde_json::json!({ "server": server, "answered": false, "why": causes(e) }),
        };
        serde_json::json!({
            "file": file.display().to_string(), "kind": self.kind.label(), "bytes": self.bytes,
            "signed_by": self.signed_by, "phones": self.verdicts, "findings": self.findings,
            "tvs": self.answers.iter().map(answer).collect::<Vec<_>>(), "warnings": self.warnings,
            "accepted": self.is_accepted(), "phones_on_list": self.list,
        })
    }
}

/// An error with everything that caused it, on one line.
pub fn causes(error: &TvsError) -> String {
    let chain = std::iter::successors(Some(error as &dyn std::error::Error), |e| e.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
