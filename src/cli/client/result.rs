//! The last window: what was written, what to restart, and the commands that do the same.

use std::path::Path;

use super::super::next::{list_command, shell};
use super::super::ui::table;
use crate::trustlist::{Function, Record};
use crate::workflow::{Choices, ListCommand, ListOption, Plan};

/// Where a node keeps its list.
const NODE_PATH: &str = "/usr/local/cm/tftp/";

/// Server, File Location, Status; then what to restart.
pub fn window(plan: &Plan, out: &Path) -> String {
    let mut rows = vec![vec!["this machine".to_owned(), out.display().to_string(), "Passed".to_owned()]];
    let serves = |r: &&Record| matches!(r.function(), Function::CCM_TFTP | Function::TFTP);
    let mut seen = Vec::new();
    for record in plan.draft().records.iter().filter(serves) {
        let server =
            record.ip_address().map(|ip| ip.to_string()).or_else(|| record.dns_name()).unwrap_or_default();
        if !seen.contains(&server) {
            let there = format!("{NODE_PATH}{}", plan.draft().file_name);
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
    let time = jiff::Timestamp::from_second(i64::from(plan.draft().options.timestamp));
    let time = time.map(|t| t.to_string()).unwrap_or_default();
    let (signer, out) = (plan.signer().sast_name(), out.display().to_string());
    let again = again.iter().map(String::as_str);
    let end: Vec<&str> =
        ["--timestamp", &time].into_iter().chain(again).chain(["--out", &out, "--yes"]).collect();
    let line = |command, file: &str, more: Vec<ListOption>| {
        let options = [vec![ListOption::Signer(signer.clone())], more].concat();
        let mut words = list_command(command, file, &options);
        words.extend(end.iter().map(|word| (*word).to_owned()));
        shell(&words)
    };
    let command = choices.command(plan);
    let options = if command == ListCommand::Resign { vec![] } else { choices.options() };
    let first = line(command, &source.display().to_string(), options);
    let mut text = format!("\nThe same without questions:\n  {first}");
    for serial in choices.leave_afterwards() {
        let then = line(ListCommand::Update, &out, vec![ListOption::RemoveToken(serial)]);
        text.push_str(&format!("\n  {then}"));
    }
    text
}
