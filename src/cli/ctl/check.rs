//! `ctl check`: would phones accept a new list?

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::super::error::{CommandError, ErrorKind};
use super::super::signing::now;
use super::super::ui::{Ui, printable};
use crate::phone::tvs::{self, Answer, Ask, Question, Tls, TvsAddress, TvsError};
use crate::phone::{
    ClassVerdict, Decision, Installed, InstalledLists, Itl, NewList, PhoneClass, Reason, ServiceFinding,
    Severity, Verdict, Vouch, Way, assess_classes, cautions, is_emptied_itl, services,
};
use crate::trustlist::{Certificate, ListKind, TrustList, VerifiedList, VerifyError};
use crate::workflow::{display_name, read_certificate, read_list, read_verified};

/// Tell whether phones would accept a new list: a verdict with its reasons for each class of phones
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The new list
    new: PathBuf,
    /// The CTL that phones have now
    #[arg(long, value_name = "FILE")]
    installed_ctl: Option<PathBuf>,
    /// The ITL that phones have now
    #[arg(long, value_name = "FILE")]
    installed_itl: Option<PathBuf>,
    /// A certificate that is uploaded as Phone-SAST-trust; may be given several times
    #[arg(long, value_name = "CERT")]
    trusted: Vec<PathBuf>,
    /// Ask the TVS of a node about the signer, as a phone would; may be given several times
    #[arg(long, value_name = "HOST[:PORT]")]
    tvs: Vec<String>,
    /// The phone name to use when asking TVS
    #[arg(long, value_name = "NAME", default_value = "CP-7965-SEP000000000000")]
    device_name: String,
    /// How to ask TVS
    #[arg(long, value_enum, value_name = "AS", default_value_t = Ask::Query)]
    tvs_ask: Ask,
    /// Use TLS 1.0 with TVS and accept weak keys, for nodes of the 7900 era
    #[arg(long)]
    legacy_tls: bool,
    /// How long to wait for one TVS
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    tvs_timeout: u64,
    /// The classes of phones in this cluster [default: all]
    #[arg(long, value_enum, value_delimiter = ',', value_name = "CLASS")]
    phones: Vec<PhoneClass>,
}

pub fn run(args: &CheckArgs, ui: &Ui) -> Result<(), CommandError> {
    if args.installed_ctl.is_none() && args.installed_itl.is_none() {
        return Err(CommandError::new(
            ErrorKind::Usage,
            "say what phones hold: --installed-ctl or --installed-itl",
        )
        .hint("phones that hold neither take any list"));
    }
    let held = InstalledLists {
        ctl: args.installed_ctl.as_deref().map(|path| held(path, ListKind::Ctl)).transpose()?,
        itl: args.installed_itl.as_deref().map(held_itl).transpose()?,
    };
    let new = read_list(&args.new)?;
    let verified = held.verify(&new).map_err(|e| not_verified(&args.new, &new, &e))?;
    let list = NewList::of(&verified);
    let installed = held.installed();
    let (vouch, answers) = vouch(args, &list, &installed, ui)?;
    let exists = |class| args.phones.is_empty() || args.phones.contains(&class);
    let mut verdicts = assess_classes(&installed, &list, &vouch);
    verdicts.retain(|v| exists(v.class));
    let mut findings = services(&installed, &list);
    findings.retain(|f| f.phones.iter().any(|class| exists(*class)));
    let report = Report {
        new: &args.new,
        list: &list,
        verdicts,
        findings,
        warnings: cautions(&list, verified.digest(), now()),
        answers,
    };
    if ui.is_json() {
        ui.print_json(&report.json())?
    } else {
        ui.print(&report.text())?
    }
    report.result()
}

fn not_verified(path: &Path, new: &TrustList, error: &VerifyError) -> CommandError {
    let refused = CommandError::not_verified(&display_name(path), error)
        .hint("phones refuse a list that does not verify");
    match is_emptied_itl(new) {
        true => refused.hint("an ITL that was emptied for a rollback may name its signer no more: --installed-itl takes the one that phones held before, which does"),
        false => refused,
    }
}

fn held(path: &Path, kind: ListKind) -> Result<VerifiedList, CommandError> {
    let list = read_verified(path)?;
    of_kind(path, list.list(), kind)?;
    Ok(list)
}

fn of_kind(path: &Path, list: &TrustList, kind: ListKind) -> Result<(), CommandError> {
    if list.kind() == kind {
        return Ok(());
    }
    let (is, not) = match kind {
        ListKind::Ctl => ("an ITL", "a CTL"),
        ListKind::Itl => ("a CTL", "an ITL"),
    };
    Err(CommandError::new(ErrorKind::Usage, format!("{} is {is}, not {not}", display_name(path)))
        .hint("--installed-ctl takes a CTL, --installed-itl an ITL"))
}

/// One that was emptied for a rollback need not have its signer's record.
fn held_itl(path: &Path) -> Result<Itl, CommandError> {
    let list = read_list(path)?;
    of_kind(path, &list, ListKind::Itl)?;
    Itl::of(&list).map_err(|e| CommandError::not_verified(&display_name(path), &e))
}

type Asked = Vec<(String, Result<Answer, TvsError>)>;

/// What TVS says, or is said to know, about the signer.
fn vouch(
    args: &CheckArgs,
    new: &NewList<'_>,
    installed: &Installed<'_>,
    ui: &Ui,
) -> Result<(Vouch, Asked), CommandError> {
    let trusted = args.trusted.iter().map(|p| read_certificate(p)).collect::<Result<Vec<_>, _>>()?;
    let addresses = args.tvs.iter().map(|t| t.parse::<TvsAddress>()).collect::<Result<Vec<_>, _>>()?;
    if addresses.is_empty() {
        let is_signer = |c: &Certificate| new.certificate.as_ref().is_some_and(|s| s.der() == c.der());
        let vouch = match trusted.iter().any(is_signer) {
            true => Vouch::Uploaded,
            false if trusted.is_empty() => Vouch::NotAsked,
            false => Vouch::NotUploaded,
        };
        return Ok((vouch, vec![]));
    }
    let Some(certificate) = &new.certificate else {
        return Err(CommandError::new(ErrorKind::File, "the list does not carry the signer's certificate")
            .hint("TVS is asked about a certificate: use --trusted instead of --tvs"));
    };
    let question = Question {
        certificate,
        signer: &new.signer,
        ask: args.tvs_ask,
        device_name: &args.device_name,
        tls: Tls {
            known: installed.itl.list().map(|itl| itl.list().records()),
            legacy: args.legacy_tls,
            timeout: Duration::from_secs(args.tvs_timeout),
        },
    };
    let mut asked = Vec::new();
    for address in addresses {
        ui.note(&format!("Asking TVS on {address} about {} …", new.name));
        asked.push((address.to_string(), tvs::ask(&address, &question)));
    }
    let answers = asked.iter().map(|(server, answer)| Vouch::of(server, answer)).collect();
    Ok((Vouch::together(answers), asked))
}

struct Report<'a> {
    new: &'a Path,
    list: &'a NewList<'a>,
    verdicts: Vec<ClassVerdict>,
    findings: Vec<ServiceFinding>,
    warnings: Vec<String>,
    answers: Asked,
}

impl Report<'_> {
    fn text(&self) -> String {
        let mut text = format!(
            "{}   {} of {} bytes, signed by {}\n",
            printable(&display_name(self.new)),
            self.list.kind.label(),
            self.list.bytes,
            printable(&self.list.name)
        );
        for verdict in &self.verdicts {
            let _ = writeln!(text, "{:<24} {}", verdict.class.label(), word(&verdict.verdict));
            for reason in &verdict.verdict.reasons {
                let _ = writeln!(text, "    {}", printable(&reason.to_string()));
            }
        }
        if !self.findings.is_empty() {
            text.push_str("Once it is taken\n");
        }
        for finding in &self.findings {
            let _ = writeln!(text, "    {}", printable(&finding.line()));
        }
        for (server, answer) in &self.answers {
            let _ = writeln!(text, "TVS {}\n    {}", printable(server), answered(answer));
        }
        for warning in &self.warnings {
            let _ = writeln!(text, "warning: {}", printable(warning));
        }
        text
    }

    fn json(&self) -> serde_json::Value {
        let tvs: Vec<_> = self
            .answers
            .iter()
            .map(|(server, answer)| match answer {
                Ok(a) => serde_json::json!({
                    "server": server, "answered": true, "valid": a.valid,
                    "roles": a.roles.iter().map(ToString::to_string).collect::<Vec<_>>(),
                    "ttl_seconds": a.ttl, "tls": a.tls_version,
                    "certificate": a.shown.name, "certificate_sha256": a.shown.sha256,
                    "certificate_in_itl": a.shown.in_itl,
                }),
                Err(e) => serde_json::json!({ "server": server, "answered": false, "why": causes(e) }),
            })
            .collect();
        serde_json::json!({
            "file": self.new.display().to_string(), "kind": self.list.kind.label(), "bytes": self.list.bytes,
            "signed_by": self.list.name, "phones": self.verdicts, "findings": self.findings,
            "tvs": tvs, "warnings": self.warnings, "accepted": self.result().is_ok(),
        })
    }

    /// An error where a class of phones would not take the list, or would be locked out by it.
    fn result(&self) -> Result<(), CommandError> {
        let mut no: Vec<(String, String)> = self
            .verdicts
            .iter()
            .filter(|v| matches!(v.verdict.decision, Decision::Refuses | Decision::NotKnown))
            .map(|v| (v.class.label().to_owned(), v.verdict.says(&self.list.name)))
            .collect();
        let taken = no.is_empty();
        let locked = self.findings.iter().filter(|f| f.severity == Severity::LockedOut);
        no.extend(locked.map(|f| (String::new(), f.says.clone())));
        if no.is_empty() {
            return Ok(());
        }
        let file = display_name(self.new);
        let what = match taken {
            true => format!("phones take {file}, and are locked out by it"),
            false => format!("not every phone takes {file}"),
        };
        let mut error = CommandError::new(ErrorKind::No, what);
        for (class, says) in no {
            error = error.detail(class, printable(&says));
        }
        for (_, answer) in &self.answers {
            if let Err(e) = answer {
                error = error.tvs_hint(e);
            }
        }
        if self.verdicts.iter().any(|v| v.verdict.waits_for_tvs()) {
            error = error.hint("--tvs HOST asks TVS as a phone would; --trusted CERT says what was uploaded");
        }
        let reasons = || self.verdicts.iter().flat_map(|v| &v.verdict.reasons);
        if reasons().any(|r| matches!(r, Reason::ItlNotShown { token: false } | Reason::TvsUnchecked { .. }))
        {
            error = error.hint("--installed-itl FILE names the ITL that phones hold: it may know the signer");
        }
        if taken {
            error =
                error.hint("sastctl ctl update --add-server puts a record back, before phones get the list");
            return Err(error.hint("--phones CLASS,… names those that there are"));
        }
        if self.verdicts.iter().any(|v| v.verdict.is_too_large()) {
            return Err(error.hint("take records out: no phone loads a list of this length"));
        }
        Err(error.hint("sastctl ctl ways FILE shows the ways that leave no phone behind; --phones CLASS,… names those that there are"))
    }
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict.decision {
        Decision::Accepts(Way::Blind) => "accept (blindly)",
        Decision::Accepts(Way::Ctl) => "accept (by CTL)",
        Decision::Accepts(Way::Itl) => "accept (by ITL)",
        Decision::Accepts(Way::Tvs) => "accept (by TVS)",
        Decision::Refuses => "REFUSE",
        Decision::NotKnown if verdict.waits_for_tvs() => "accept only if TVS vouches for the signer",
        Decision::NotKnown => "cannot be known",
        Decision::DoesNotApply => "does not apply",
    }
}

fn answered(answer: &Result<Answer, TvsError>) -> String {
    match answer {
        Ok(answer) => {
            let check = match answer.shown.in_itl {
                true => "in the ITL's TVS records",
                false => "not checked: give --installed-itl",
            };
            let shown = format!(
                "{}, its certificate {} (SHA-256 {}) {check}",
                answer.tls_version, answer.shown.name, answer.shown.sha256
            );
            format!("{}\n    {}", printable(&answer.to_string()), printable(&shown))
        }
        Err(e) => printable(&causes(e)),
    }
}

/// An error with everything that caused it, on one line.
fn causes(error: &TvsError) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(e) = next {
        let _ = write!(text, ": {e}");
        next = e.source();
    }
    text
}
