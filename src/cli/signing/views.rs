//! Plans and what was signed, as people and programs read them.

use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;

use crate::cli::printable;
use crate::phone::{ClassVerdict, Decision, Impact, ServiceFinding};
use crate::token::Sast;
use crate::trustlist::{ListKind, VerifiedList, digest};
use crate::workflow::signing::{BatchFile, WrittenFile};
use crate::workflow::{Plan, display_name};

/// `CTLFile.tlv   4947 bytes, tokenless, signed by cucm-1051-a-pub, 4 records`
fn headline(path: &Path, old: &VerifiedList) -> String {
    let how = match old.list().kind() {
        ListKind::Ctl if old.signer().is_token() => "token-signed, ",
        ListKind::Ctl => "tokenless, ",
        // The node's CallManager key signs an ITL; the SAST record of the signer has no host name.
        ListKind::Itl => "",
    };
    format!(
        "{}   {} bytes, {how}signed by {}, {} records",
        display_name(path),
        old.list().bytes().len(),
        old.signer_name(),
        old.list().records().len()
    )
}

/// The plan in one line.
fn head(file: &BatchFile) -> String {
    let name = file.file_name();
    match (file.plan(), &file.input) {
        (Some(plan), None) => format!("{name}   a new list of {} records", plan.draft().records.len()),
        (_, None) => name.to_owned(),
        (_, Some(input)) => match &input.list {
            Some(old) => headline(&input.path, old),
            None => {
                let (path, bytes) = (input.path.display(), input.read.len());
                let becomes = match input.bytes.len() == bytes {
                    true => format!("becomes {name}"),
                    false => "a .sgn file, signed again".to_owned(),
                };
                format!("{path}   {bytes} bytes, {becomes}")
            }
        },
    }
}

pub fn plan_text(file: &BatchFile) -> String {
    let mut text = format!("{}\n", head(file));
    let Some(plan) = file.plan() else { return text };
    text.push_str("Plan\n");
    let name = plan.steps.iter().map(|s| s.name.chars().count()).max().unwrap_or(0).max(16);
    for step in &plan.steps {
        let line = format!("  {} {:<10} {:<name$}  {}", step.mark.sign(), step.function, step.name, step.why);
        let _ = writeln!(text, "{}", printable(line.trim_end()));
    }
    let held = file.input.as_ref().map(|input| input.path.display().to_string());
    let signer = plan.signer().sast_name();
    text.push_str(&phones_text(held.as_deref(), &plan.phones, &signer, &plan.findings));
    text
}

/// What phones will refuse or lose, one line each.
pub fn plan_problems(file: &BatchFile) -> Vec<String> {
    let Some(plan) = file.plan() else { return vec![] };
    let signer = plan.signer().sast_name();
    let refusals = plan.phones.iter().filter(|v| v.verdict.decision == Decision::Refuses).map(|v| {
        let (label, line) = (v.class.label(), v.line(&signer));
        format!("phones ({label}): {}", line.strip_prefix(label).unwrap_or(&line).trim_start())
    });
    let losses = plan.findings.iter().filter(|f| f.impact != Impact::Note).map(ServiceFinding::line);
    refusals.chain(losses).map(|problem| printable(&problem)).collect()
}

/// What a dry run adds: the difference, what is left to do, and the digest of the plan.
pub fn dry_run_text(file: &BatchFile) -> String {
    let mut text = file.difference().map(|d| format!("Difference\n{d}")).unwrap_or_default();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    if file.plan().is_some() {
        let _ = write!(text, "Left to do by hand\n{}", numbered(file.by_hand()));
    }
    let _ = writeln!(text, "Plan digest {}", file.digest());
    text
}

pub fn plan_json(file: &BatchFile, sast: &Sast) -> serde_json::Value {
    let (plan, signer) = (file.plan(), sast.certificate().sast_name());
    let says = |phones| Says { phones, says: phones.verdict.says(&signer) };
    serde_json::json!({
        "digest": file.digest().to_string(),
        "out": file.out().display().to_string(),
        "token_serial": sast.token().serial,
        "steps": plan.map_or(&[][..], |p| &p.steps[..]),
        "warnings": file.warnings,
        "phones": plan.map(|p| p.phones.iter().map(says).collect::<Vec<_>>()),
        "findings": plan.map_or(&[][..], |p| &p.findings[..]),
        "by_hand": file.by_hand(),
        "bytes": plan.map(Plan::signed_len),
        "difference": file.difference(),
        "signer": signer,
    })
}

/// A verdict, also in words.
#[derive(Serialize)]
struct Says<'a> {
    #[serde(flatten)]
    phones: &'a ClassVerdict,
    says: String,
}

pub fn written_text(written: &WrittenFile) -> String {
    let WrittenFile { file, bytes, signed_by, .. } = written;
    let mut text = format!("{file}   {bytes} bytes, signed by {signed_by}, verified\n");
    text.push_str(&checksums_text(&written.md5, &written.sha1));
    if let Some(kept) = &written.kept_old_as {
        let _ = writeln!(text, "  the old file is kept as {kept}");
    }
    text
}

/// The checksums of a file, also in the format of phones. A phone shows one of the two; which one depends on its model.
pub fn checksums_text(md5: &str, sha1: &str) -> String {
    let line = |(name, sum)| {
        let phone = digest::phone_lines_of_hex(sum).join(" ");
        format!("  {name:<5} {sum}\n        on the phone: {phone}\n")
    };
    [("MD5", md5), ("SHA1", sha1)].map(line).concat()
}

/// Steps for the operator, a line each: `  1. reset the phones`.
pub fn numbered(steps: &[String]) -> String {
    let lines = steps.iter().enumerate().map(|(i, step)| format!("  {}. {step}\n", i.saturating_add(1)));
    lines.collect()
}

/// What phones do with a list that `signer` signs: phones that hold the list named `held`, or all phones if it is `None`.
pub fn phones_text(
    held: Option<&str>,
    verdicts: &[ClassVerdict],
    signer: &str,
    findings: &[ServiceFinding],
) -> String {
    let mut text = match held {
        Some(held) => format!("Phones that hold {}\n", printable(held)),
        None => "Phones\n".to_owned(),
    };
    let verdicts = verdicts.iter().map(|verdict| verdict.line(signer));
    for line in verdicts.chain(findings.iter().map(ServiceFinding::line)) {
        let _ = writeln!(text, "  {}", printable(&line));
    }
    text
}
