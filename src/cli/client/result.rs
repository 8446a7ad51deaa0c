//! The last window: what was written, what to restart, and the commands that do the same.

use std::path::Path;

use super::super::ui::table;
use crate::trustlist::{Function, Record};
use crate::workflow::{Choices, Plan, Start};

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
    let options = choices.options();
    let source = source.display().to_string();
    let mut words: Vec<String> = vec!["sastctl".to_owned()];
    match &choices.start {
        Start::NoFile { .. } => words.extend(["ctl", "create", "--cluster", &source].map(str::to_owned)),
        Start::InForce(_) if !choices.start.is_token_signed() => {
            words.extend(["revert", &source].map(str::to_owned));
        }
        // Mixed mode in a list that is in mixed mode changes nothing: the list is signed again.
        Start::InForce(_) if plan.steps().iter().all(|s| s.mark == crate::workflow::Mark::Keep) => {
            words.extend(["ctl", "sign", &source].map(str::to_owned));
        }
        Start::InForce(_) => words.extend(["ctl", "update", &source].map(str::to_owned)),
    }
    let signs_again = words.get(2).is_some_and(|w| w == "sign");
    words.extend(["--token".to_owned(), plan.signer().sast_name()]);
    if !signs_again {
        words.extend(options);
    }
    let time = jiff::Timestamp::from_second(i64::from(plan.draft().options().timestamp));
    words.extend(["--timestamp".to_owned(), time.map(|t| t.to_string()).unwrap_or_default()]);
    words.extend_from_slice(again);
    words.extend(["--out".to_owned(), out.display().to_string(), "--yes".to_owned()]);
    let line = |words: &[String]| words.iter().map(|w| quoted(w)).collect::<Vec<_>>().join(" ");
    let mut text = format!("\nThe same without questions:\n  {}", line(&words));
    for serial in choices.leave_afterwards() {
        let out = out.display().to_string();
        let mut then = ["sastctl", "ctl", "update", &out, "--token"].map(str::to_owned).to_vec();
        then.extend([plan.signer().sast_name(), "--remove-token".to_owned(), serial]);
        then.extend(words.iter().skip_while(|word| *word != "--timestamp").cloned());
        text.push_str(&format!("\n  {}", line(&then)));
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
