//! Plans and what was signed, as people read them.

use std::path::Path;

use askama::Template;

use crate::cli::STATE;
use crate::cli::texts::text;
use crate::phone::{ClassVerdict, ServiceFinding};
use crate::trustlist::{ListKind, digest};
use crate::workflow::exchange::SigningRequest;
use crate::workflow::journal::Approver;
use crate::workflow::signing::{BatchFile, WrittenFile};
use crate::workflow::{PlanStep, display_name};

#[derive(Template)]
#[template(path = "plan.txt")]
struct PlanText<'a> {
    file: &'a BatchFile,
    steps: Vec<String>,
}

pub fn plan_text(file: &BatchFile) -> String {
    let Some(plan) = file.plan() else { return text(&PlanText { file, steps: vec![] }) };
    let name = plan.steps.iter().map(|s| s.name.chars().count()).max().unwrap_or(0).max(16);
    let line = |step: &PlanStep| {
        let line = format!("  {} {:<10} {:<name$}  {}", step.mark.sign(), step.function, step.name, step.why);
        line.trim_end().to_owned()
    };
    let steps = plan.steps.iter().map(line).collect();
    let held = file.input.as_ref().map(|input| input.path.display().to_string());
    let signer = plan.signer().sast_name();
    text(&PlanText { file, steps }) + &phones_text(held.as_deref(), &plan.phones, &signer, &plan.findings)
}

#[derive(Template)]
#[template(path = "request.txt")]
struct RequestText<'a> {
    file: String,
    request: &'a SigningRequest,
    sha256: String,
    approvals: Vec<String>,
}

pub fn request_text(request: &SigningRequest, file: &Path, people: &[Approver]) -> String {
    let sha256 = digest::hex(&request.signer.sha256(), "");
    let approvals = if people.is_empty() {
        request.approved_by().unwrap_or_default().iter().map(|key| format!("approved  {key}")).collect()
    } else {
        people.iter().map(|it| format!("{:<9} {}, {}", it.did, it.name, it.key)).collect()
    };
    text(&RequestText { file: display_name(file), request, sha256, approvals })
}

/// What phones do with a list that `signer` signs: phones that hold the list named `held`, or all phones if it is `None`.
#[derive(Template)]
#[template(path = "phones.txt")]
struct PhonesText<'a> {
    held: Option<&'a str>,
    verdicts: &'a [ClassVerdict],
    signer: &'a str,
    findings: &'a [ServiceFinding],
}

pub fn phones_text(
    held: Option<&str>,
    verdicts: &[ClassVerdict],
    signer: &str,
    findings: &[ServiceFinding],
) -> String {
    text(&PhonesText { held, verdicts, signer, findings })
}

/// What a dry run adds: the difference, what is left to do, and the digest of the plan.
pub fn dry_run_text(file: &BatchFile) -> String {
    let difference = file.difference().map(|d| format!("Difference\n{d}")).unwrap_or_default();
    let left = file.plan().map(|_| format!("Left to do by hand\n{}", numbered(file.by_hand())));
    format!("{difference}{}Plan digest {}\n", left.unwrap_or_default(), file.digest())
}

pub fn written_text(written: &WrittenFile) -> String {
    let WrittenFile { file, bytes, signed_by, md5, sha1, .. } = written;
    let kept = written.kept_old_as.as_ref().map(|kept| format!("  the old file is kept as {kept}\n"));
    let (sums, kept) = (checksums_text(md5, sha1), kept.unwrap_or_default());
    format!("{file}   {bytes} bytes, signed by {signed_by}, verified\n{sums}{kept}")
}

/// The checksums of a file, also in the format of phones. A phone shows one of the two; which one depends on its model.
pub fn checksums_text(md5: &str, sha1: &str) -> String {
    let line = |(name, sum)| {
        let phone = digest::phone_lines_of_hex(sum).join(" ");
        format!("  {name:<5} {sum}\n        on a phone: {phone}\n")
    };
    [("MD5", md5), ("SHA1", sha1)].map(line).concat()
}

/// Steps for the operator, a line each: `  1. reset the phones`.
pub fn numbered(steps: &[String]) -> String {
    let lines = steps.iter().enumerate().map(|(i, step)| format!("  {}. {step}\n", i.saturating_add(1)));
    lines.collect()
}
