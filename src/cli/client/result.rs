//! The last window: what was written, what to restart, and the commands that do the same.

use std::path::Path;

use super::super::ui::table;
use crate::trustlist::{Function, Record};
use crate::workflow::{Choices, Mark, Plan, Start};

/// Where a node keeps its list.
const NODE_PATH: &str = "/usr/local/cm/tftp/";

/// Server, File Location, Status; then what to restart.
pub fn window(plan: &Plan, out: &Path) -> String {
    let mut rows = vec![vec!["this machine".to_owned(), out.display().to_string(), "Passed".to_owned()]];
    let serves = |r: &&Record| matches!(r.function(), Function::CCM_TFTP | Function::TFTP);
    let mut seen = Vec::new();
    for record in plan.draft().records().iter().filter(serves) {
        let server =
            record.ip_address().map(|ip| ip.to_string()).or_else(|| record.dns_name()).unwrap_or_default();
        if !seen.contains(&server) {
            let there = format!("{NODE_PATH}{}", plan.draft().file_name());
            rows.push(vec![server.clone(), there, "to be copied".to_owned()]);
            seen.push(server);
        }
    }
    format!(
        "\n{}You must restart all the Cisco Unified Communications Manager and TFTP nodes in the Cluster.",
        table(&["Server", "File Location", "Status"], &rows)
    )
}

/// The exact command that does the same without questions; `again` are the options of the windows themselves that decide
/// what is signed and by which module.
pub fn commands(choices: &Choices, plan: &Plan, source: &Path, out: &Path, again: &[String]) -> String {
    let command: &[&str] = match &choices.start {
        Start::NoFile { .. } => &["ctl", "create", "--cluster"],
        Start::InForce(_) if !choices.start.is_token_signed() => &["revert"],
        // Mixed mode in a list that is in mixed mode changes nothing: the list is signed again.
        Start::InForce(_) if plan.steps().iter().all(|s| s.mark == Mark::Keep) => &["ctl", "sign"],
        Start::InForce(_) => &["ctl", "update"],
    };
    let options = if command == ["ctl", "sign"] { vec![] } else { choices.options() };
    let time = jiff::Timestamp::from_second(i64::from(plan.draft().options().timestamp));
    let time = time.map(|t| t.to_string()).unwrap_or_default();
    let (signer, source, out) =
        (plan.signer().sast_name(), source.display().to_string(), out.display().to_string());
    let again = again.iter().map(String::as_str);
    let end: Vec<&str> =
        ["--timestamp", &time].into_iter().chain(again).chain(["--out", &out, "--yes"]).collect();
    let line = |command: &[&str], file: &str, options: &[String]| {
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let words = [&["sastctl"], command, &[file, "--token", &signer], &options, &end].concat();
        words.into_iter().map(quoted).collect::<Vec<_>>().join(" ")
    };
    let mut text = format!("\nThe same without questions:\n  {}", line(command, &source, &options));
    for serial in choices.leave_afterwards() {
        let then = line(&["ctl", "update"], &out, &["--remove-token".to_owned(), serial]);
        text.push_str(&format!("\n  {then}"));
    }
    text
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(quoted("ccm+tftp:10.1.2.3"), "ccm+tftp:10.1.2.3");
        assert_eq!(quoted("my file's"), "'my file'\\''s'");
        assert_eq!(quoted(""), "''");
    }
}
