//! `doctor`.

use std::collections::BTreeMap;

use clap::Args;
use jiff::Timestamp;

use super::next::spell;
use super::{CommandError, STATE, Settings, Ui, printable};
use crate::workflow::doctor::{Finding, Severity, System, gather, judge};

/// Check module, middleware, readers, rules and tokens; tell how to fix each problem; exit code 1 if there is a problem
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// The system whose commands the advice uses: debian, fedora, macos or windows [default: this system]
    #[arg(long, value_name = "SYSTEM", value_parser = named)]
    system: Option<System>,
}

pub fn run(args: &DoctorArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let system = args.system.unwrap_or_else(System::here);
    // The time of the system: SOURCE_DATE_EPOCH does not apply to the check of the clock.
    let findings = judge(&gather(&settings.module_options(), Timestamp::now())?);
    tell(&findings, system, ui)?;
    let problems = findings.iter().filter(|f| f.severity == Severity::Problem).count();
    match problems {
        0 => Ok(()),
        1 => Err(CommandError::no("1 problem found")),
        n => Err(CommandError::no(format!("{n} problems found"))),
    }
}

fn tell(findings: &[Finding], system: System, ui: &Ui) -> Result<(), CommandError> {
    let json = |f: &Finding| {
        let remedies = BTreeMap::from(System::ALL.map(|system| (system, remedies(f, system))));
        serde_json::json!({ "id": f.id, "severity": f.severity, "says": f.says, "remedies": remedies })
    };
    let list: Vec<_> = findings.iter().map(json).collect();
    ui.answer("doctor", &serde_json::json!({ "system": system, "findings": list }), || {
        let text = |finding: &Finding| {
            let mark = match finding.severity {
                Severity::Fine => "ok",
                Severity::Note => "note",
                Severity::Problem => "PROBLEM",
            };
            let remedies = remedies(finding, system).into_iter().map(|line| format!("         -> {line}\n"));
            format!("{STATE}{mark:<8} {}\n{}", printable(&finding.says), remedies.collect::<String>())
        };
        findings.iter().map(text).collect()
    })
}

fn remedies(finding: &Finding, system: System) -> Vec<String> {
    finding.remedies.on(system).iter().cloned().chain(finding.next.as_ref().map(spell)).collect()
}

fn named(system: &str) -> Result<System, &'static str> {
    serde_json::from_value(system.into()).map_err(|_| "not one of debian, fedora, macos and windows")
}
