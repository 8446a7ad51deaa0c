//! Findings about the module and about the services that it needs.

use std::path::Path;

use super::super::next::Next;
use super::facts::ModuleFacts;
use super::{Finding, Remedies};
use crate::token::LoadProblem;

/// What to do if no module is installed.
fn install() -> Remedies {
    Remedies::from(["Linux (its .deb)", "Linux (its .rpm)", "macOS", "Windows"].map(|system| {
        format!("install SafeNet Authentication Client for {system}; for other HSMs their client software")
    }))
}

/// The findings about the module. If tokens are seen, no service is missing.
pub(super) fn judge(facts: &ModuleFacts, tokens_are_seen: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let profile = facts.profile.as_deref().unwrap_or("none");
    match (&facts.loaded, &facts.busy) {
        (Some((path, about)), _) => {
            let says = format!("{} (profile {profile}): {about}, {} slots", path.display(), facts.slots);
            findings.push(Finding::fine("module", says));
        }
        (None, Some(says)) => {
            let remedy = "wait for it, or end it, and look again";
            findings.push(Finding::problem("tokens-busy", says.clone(), remedy));
        }
        (None, None) if facts.profile.is_none() => {
            let says = "no PKCS#11 module is installed that a built-in profile knows";
            findings.push(Finding::problem("module-missing", says, install()).next(Next::NameModule));
        }
        (None, None) => findings.extend(not_loaded(facts, profile)),
    }
    for variable in &facts.unset {
        let says = format!("the profile {profile} needs an environment variable that is not set: {variable}");
        let remedy = "set it in the environment: export NAME=VALUE; on Windows: setx NAME VALUE";
        findings.push(Finding::problem("environment", says, remedy));
    }
    if let Some((names, runs)) = facts.daemons.as_ref().filter(|(_, runs)| *runs || !tokens_are_seen) {
        findings.push(daemon(&names.join(" or "), *runs));
    }
    findings
}

fn daemon(names: &str, runs: bool) -> Finding {
    if runs {
        return Finding::fine("middleware", format!("the middleware is running ({names})"));
    }
    let service = names.split(' ').next().unwrap_or(names);
    let linux = format!("sudo systemctl enable --now {service}");
    Finding::problem(
        "middleware",
        format!("the middleware is not running: no process is named {names}"),
        [
            &linux,
            &linux,
            "start it with its own installer, or log out and in again",
            "services.msc: start the service of the token's software",
        ],
    )
}

/// A missing path is not a finding if another path exists.
fn not_loaded(facts: &ModuleFacts, profile: &str) -> Vec<Finding> {
    if let Some(problem) = &facts.problem {
        return vec![Finding::problem("module", problem.clone(), install()).next(Next::NameModule)];
    }
    let there: Vec<_> = facts.tried.iter().filter(|(_, why)| *why != LoadProblem::Missing).collect();
    if there.is_empty() {
        let paths: Vec<_> = facts.tried.iter().map(|(path, _)| path.display().to_string()).collect();
        let says = format!("no module of the profile {profile} was found: checked {}", paths.join(", "));
        return vec![Finding::problem("module-missing", says, install())];
    }
    there.into_iter().map(|(path, why)| of_library(path, why)).collect()
}

fn of_library(path: &Path, why: &LoadProblem) -> Finding {
    let problem =
        |id, remedies: Remedies| Finding::problem(id, format!("{}: {why}", path.display()), remedies);
    match why {
        LoadProblem::Missing => problem("module-missing", install()).next(Next::NameModule),
        LoadProblem::OtherArchitecture { program, .. } => problem(
            "module-architecture",
            Remedies::from([
                format!(
                    "install the {program} package of the token's software; dpkg --print-architecture prints the \
                     right architecture"
                ),
                format!(
                    "install the {program} package of the token's software; uname -m prints the right \
                    architecture"
                ),
                format!("install the {program} version of the token's software"),
                format!(
                    "install the {program} version; a 32-bit library is in SysWOW64, a 64-bit library in System32"
                ),
            ]),
        ),
        LoadProblem::MissingDependency(name) => problem(
            "module-dependency",
            Remedies::from([
                &format!("find the package: apt-file search {name}; then sudo apt install it"),
                &format!("sudo dnf install '*/{name}'"),
                "install the token's software again; otool -L shows what its library needs",
                "install the Visual C++ runtime that the token's software names, or the software again",
            ]),
        ),
        LoadProblem::OthersMayWrite(_) => problem(
            "module-insecure",
            Remedies::from([
                "sudo chmod go-w on the named files; a library in /usr/lib belongs to root",
                "sudo chmod go-w on the named files; a library in /usr/lib64 belongs to root",
                "sudo chmod go-w on the named files",
                "remove write permission for Users in the properties of the file",
            ]),
        ),
        LoadProblem::NotPkcs11 => {
            problem("module-not-pkcs11", "give the PKCS#11 library itself".into()).next(Next::ListProfiles)
        }
        LoadProblem::NotALibrary => problem(
            "module-damaged",
            "install the token's software again; a text file by that name points to the library".into(),
        ),
        LoadProblem::Initialize(_) => {
            let remedy = "the module itself failed: check its configuration, environment and middleware";
            problem("module-initialize", remedy.into()).next(Next::ShowProfile)
        }
        LoadProblem::Other(_) => problem("module", install()).next(Next::NameModule),
    }
}
