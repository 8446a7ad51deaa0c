//! Files that are signed with one login: how their plans read.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::super::error::CommandError;
use super::super::ui::{Ui, printable};
use super::signed::{Confirmed, ConfirmedFile, Input};
use crate::phone::{ClassVerdict, Decision, Impact, ServiceFinding};
use crate::token::Sast;
use crate::trustlist::{Certificate, Difference, SgnDraft, VerifiedList};
use crate::workflow::{Plan, PlanDigest, PlanError};

/// Words for people: on standard output, unless the file itself goes there.
pub struct PlanOutput<'a> {
    /// Where they go.
    pub ui: &'a Ui,
    /// The file itself goes to standard output.
    pub to_stderr: bool,
}

impl PlanOutput<'_> {
    /// Says something.
    pub fn text(&self, text: &str) -> Result<(), CommandError> {
        if self.to_stderr {
            self.ui.note(text);
            Ok(())
        } else {
            self.ui.print(text)
        }
    }

    /// Shows a plan by its text. Whoever is `asked` to agree to it sees it, wherever standard output goes; where nobody
    /// is shown it, what phones will refuse is said all the same.
    pub fn plan(&self, file: &BatchFile, text: &str, asked: bool) -> Result<(), CommandError> {
        let printed = !self.to_stderr && !self.ui.is_json();
        if printed {
            self.ui.print(text)?;
        }
        if asked && !(printed && self.ui.output_is_seen()) {
            self.ui.show(text);
        } else if !printed && (self.ui.is_json() || self.ui.is_quiet()) {
            file.troubles().iter().for_each(|trouble| self.ui.warn(trouble));
        } else if !printed {
            self.ui.note(text);
        }
        Ok(())
    }
}

/// Files that are signed with one login.
pub struct Batch {
    /// The command, as the journal's name has it.
    pub what: &'static str,
    /// In the order in which they are signed.
    pub files: Vec<BatchFile>,
}

/// The plans of a batch as they were shown, and the files that they would write.
pub struct ShownPlans(Vec<(PlanDigest, PathBuf)>);

impl ShownPlans {
    /// Of plans that were shown one by one.
    pub fn of(each: Vec<(PlanDigest, PathBuf)>) -> Self {
        ShownPlans(each)
    }

    /// Of each plan, in their order.
    pub fn each(&self) -> impl Iterator<Item = PlanDigest> {
        self.0.iter().map(|(digest, _)| *digest)
    }

    /// `write CTLFile.new.tlv`, `replace CTLFile.tlv (the old one is kept as .bak)`.
    pub fn will_write(&self) -> String {
        let one = |out: &Path| match (out.as_os_str() == "-", out.exists()) {
            (true, _) => "write to standard output".to_owned(),
            (false, true) => format!("replace {} (the old one is kept as .bak)", out.display()),
            (false, false) => format!("write {}", out.display()),
        };
        match &self.0[..] {
            [] => "write nothing".to_owned(),
            [(_, out)] => one(out),
            [(_, first), .., (_, last)] => {
                let there = self.0.iter().filter(|(_, out)| out.exists()).count();
                let files = format!("{} files, {} to {}", self.0.len(), first.display(), last.display());
                format!("write {files} ({there} of them are there, and kept as .bak)")
            }
        }
    }

    /// What identifies all of them together; of a single plan, its own digest.
    pub fn digest(&self) -> PlanDigest {
        match self.0[..] {
            [(one, _)] => one,
            _ => {
                let judged_at = self.0.first().map(|(digest, _)| digest.judged_at()).unwrap_or_default();
                PlanDigest::over(
                    judged_at,
                    &self.0.iter().map(|(digest, _)| digest.bytes()).collect::<Vec<_>>(),
                )
            }
        }
    }
}

impl Batch {
    /// Every plan must be the one that was shown.
    pub fn confirm(self, shown: ShownPlans) -> Result<Vec<ConfirmedFile>, PlanError> {
        self.files.into_iter().zip(shown.each()).map(|(file, digest)| file.confirm(digest)).collect()
    }
}

/// One file that is to be signed.
pub struct BatchFile {
    head: String,
    work: Work,
    out: PathBuf,
    input: Option<Input>,
}

enum Work {
    List(Box<Plan>),
    /// A configuration file, what identifies it with its signer, digest and time, and what the operator should know.
    Sgn(Box<SgnDraft>, PlanDigest, Vec<String>),
}

impl BatchFile {
    /// A list, by its plan.
    pub fn list(head: String, plan: Plan, out: PathBuf) -> Self {
        BatchFile { head, work: Work::List(Box::new(plan)), out, input: None }
    }

    /// A configuration file that `signer` is to sign, and what it was read from: where, and all that lies there.
    pub fn sgn(
        head: String,
        draft: SgnDraft,
        (signer, judged_at, warnings): (&Certificate, i64, Vec<String>),
        (path, read): (&Path, Bytes),
        out: PathBuf,
    ) -> Result<Self, PlanError> {
        let digest = PlanDigest::over(judged_at, &[&draft.message(signer)?, signer.der()]);
        let (path, bytes) = (path.to_owned(), Bytes::copy_from_slice(draft.payload()));
        let input = Input { role: "configuration", path, read, bytes, list: None };
        Ok(BatchFile { head, work: Work::Sgn(Box::new(draft), digest, warnings), out, input: Some(input) })
    }

    /// The list in force that the plan starts from.
    pub fn replaces(&mut self, path: &Path, old: &VerifiedList) {
        self.input = Some(Input {
            role: "in force",
            path: path.to_owned(),
            read: old.list().bytes().clone(),
            bytes: old.list().bytes().clone(),
            list: Some(old.list().clone()),
        });
    }

    fn difference(&self) -> Option<Difference> {
        let Work::List(plan) = &self.work else { return None };
        Some(plan.difference(self.input.as_ref()?.list.as_ref()?))
    }

    /// Where the result goes.
    pub fn out(&self) -> &Path {
        &self.out
    }

    /// What the operator should know.
    pub fn warnings(&self) -> &[String] {
        match &self.work {
            Work::List(plan) => plan.warnings(),
            Work::Sgn(_, _, warnings) => warnings,
        }
    }

    /// What identifies it, with all that is shown or signed.
    pub fn digest(&self) -> PlanDigest {
        match &self.work {
            Work::List(plan) => plan.digest(),
            Work::Sgn(_, digest, _) => *digest,
        }
    }

    /// It must be the one that was shown.
    pub fn confirm(self, shown: PlanDigest) -> Result<ConfirmedFile, PlanError> {
        let now = self.digest();
        let work = match self.work {
            Work::List(plan) => Confirmed::List(Box::new(plan.confirm(shown)?)),
            Work::Sgn(..) if now != shown => return Err(PlanError::Changed { shown, now }),
            Work::Sgn(draft, ..) => Confirmed::Sgn(draft),
        };
        Ok(ConfirmedFile { work, out: self.out, input: self.input })
    }

    /// What is left to do by hand once it is written.
    pub fn by_hand(&self) -> &[String] {
        match &self.work {
            Work::List(plan) => plan.by_hand(),
            Work::Sgn(..) => &[],
        }
    }

    /// The plan as people read it.
    pub fn plan_text(&self) -> String {
        let mut text = format!("{}\n", self.head);
        let Work::List(plan) = &self.work else { return text };
        text.push_str("Plan\n");
        let name = plan.steps().iter().map(|s| s.name.chars().count()).max().unwrap_or(0).max(16);
        for step in plan.steps() {
            let line =
                format!("  {} {:<10} {:<name$}  {}", step.mark.sign(), step.function, step.name, step.why);
            let _ = writeln!(text, "{}", printable(line.trim_end()));
        }
        let held = self.input.as_ref().map(|input| input.path.display().to_string());
        text.push_str(&phones_text(
            held.as_deref(),
            plan.phones(),
            &plan.signer().sast_name(),
            plan.findings(),
        ));
        text
    }

    /// What phones will refuse or lose, a line each.
    fn troubles(&self) -> Vec<String> {
        let Work::List(plan) = &self.work else { return vec![] };
        let signer = plan.signer().sast_name();
        let refusals = plan.phones().iter().filter(|v| v.verdict.decision == Decision::Refuses).map(|v| {
            let (label, line) = (v.class.label(), v.line(&signer));
            format!("phones ({label}): {}", line.strip_prefix(label).unwrap_or(&line).trim_start())
        });
        let losses = plan.findings().iter().filter(|f| f.impact != Impact::Note).map(ServiceFinding::line);
        refusals.chain(losses).map(|trouble| printable(&trouble)).collect()
    }

    /// What a dry run adds: the difference, what is left to do, and the digest of the plan.
    pub fn dry_run_text(&self) -> String {
        let mut text = self.difference().map(|d| format!("Difference\n{d}")).unwrap_or_default();
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        if let Work::List(plan) = &self.work {
            let _ = write!(text, "Left to do by hand\n{}", numbered(plan.by_hand()));
        }
        let _ = writeln!(text, "Plan digest {}", self.digest());
        text
    }

    /// The plan for machines.
    pub fn json(&self, sast: &Sast) -> serde_json::Value {
        let plan = match &self.work {
            Work::List(plan) => Some(plan),
            Work::Sgn(..) => None,
        };
        let signer = sast.certificate().sast_name();
        serde_json::json!({
            "digest": self.digest().to_string(),
            "out": self.out.display().to_string(),
            "token_serial": sast.token().serial(),
            "steps": plan.map_or(&[][..], |p| p.steps()),
            "warnings": self.warnings(),
            "phones": plan.map(|p| phones_json(p, &signer)),
            "findings": plan.map_or(&[][..], |p| p.findings()),
            "by_hand": self.by_hand(),
            "bytes": plan.map(|p| p.signed_len()),
            "difference": self.difference(),
            "signer": signer,
        })
    }
}

/// Steps for the operator, a line each: `  1. reset the phones`.
pub(super) fn numbered(steps: &[String]) -> String {
    let lines = steps.iter().enumerate().map(|(i, step)| format!("  {}. {step}\n", i.saturating_add(1)));
    lines.collect()
}

fn phones_json(plan: &Plan, signer: &str) -> serde_json::Value {
    let verdicts: Vec<_> = plan
        .phones()
        .iter()
        .map(|v| {
            let mut value = serde_json::to_value(v).unwrap_or_default();
            if let Some(object) = value.as_object_mut() {
                object.insert("says".to_owned(), v.verdict.says(signer).into());
            }
            value
        })
        .collect();
    verdicts.into()
}

/// What phones make of a list that `signer` signs: those that hold the list called `held`, or all of them where there is
/// none.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phone::Service;

    #[test]
    fn a_line_break_in_a_name_begins_no_line() {
        let finding = ServiceFinding {
            service: Service::Tvs,
            impact: Impact::Loses,
            phones: vec![],
            about: String::new(),
            says: "no TVS record is left for a\nPhones with TVS   accept it".to_owned(),
        };
        let text = phones_text(Some("old\n.tlv"), &[], "SAST-A", &[finding]);
        let lines = [
            r"Phones that hold old\n.tlv",
            r"  careful: no TVS record is left for a\nPhones with TVS   accept it",
        ];
        assert_eq!(text.lines().collect::<Vec<_>>(), lines);
    }
}
