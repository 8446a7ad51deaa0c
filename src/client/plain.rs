//! The windows as lines of text, for screen readers and for terminals that do not move their cursor: choices have numbers,
//! and an answer is a line.

use crate::cli::cert::text as certificate_text;
use crate::trustlist::CertificateReport;
use crate::ui::{Ui, printable, table};
use crate::workflow::{Entry, OperatorError};

/// The columns of the sixth window.
pub const HEAD: [&str; 4] = ["Type", "Hostname/IP Address", "Issuer Name", "Subject Name"];

/// What is known of an entry: its certificate as `cert show` prints it, else what the list has.
pub fn details(entry: &Entry) -> String {
    let certificate = entry.certificate.as_ref().map(|c| certificate_text(c, &CertificateReport::new(c)));
    let columns = HEAD.iter().zip(&entry.columns).take(if certificate.is_some() { 2 } else { HEAD.len() });
    let columns = columns.map(|(name, value)| format!("{name}: {}\n", printable(value)));
    columns.collect::<String>() + &certificate.unwrap_or_default()
}

/// The number of one of the options; 0 is the way back.
pub fn choose(ui: &Ui, what: &str, options: &[String], start: usize) -> Result<Option<usize>, OperatorError> {
    if !what.is_empty() {
        ui.show(what);
    }
    for (index, option) in options.iter().enumerate() {
        ui.show(&format!("  {}  {}", index.saturating_add(1), printable(option)));
    }
    loop {
        let prompt = format!("Number, or 0 to go back [{}]: ", start.saturating_add(1));
        match line(ui, &prompt)?.as_str() {
            "" => return Ok(Some(start)),
            "0" => return Ok(None),
            number => {
                let at = number.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
                if at.is_some_and(|at| at < options.len()) {
                    return Ok(at);
                }
                ui.show(&format!("Answer with a number from 0 to {}.", options.len()));
            }
        }
    }
}

/// The sixth window. What is deleted is asked for behind it.
pub fn entries(
    ui: &Ui,
    entries: &[Entry],
    buttons: &[&str],
    start: usize,
) -> Result<Option<(usize, Option<usize>)>, OperatorError> {
    let row = |entry: &Entry| entry.columns.iter().map(|column| printable(column)).collect();
    ui.show(&table(&HEAD, &entries.iter().map(row).collect::<Vec<_>>()));
    let options: Vec<String> =
        buttons.iter().chain(&["Details"]).map(|button| (*button).to_owned()).collect();
    loop {
        let Some(button) = choose(ui, "", &options, start)? else { return Ok(None) };
        if button < buttons.len() {
            return Ok(Some((button, None)));
        }
        let names: Vec<String> = entries.iter().map(Entry::to_string).collect();
        let chosen = choose(ui, "Details", &names, 0)?;
        chosen.and_then(|at| entries.get(at)).iter().for_each(|entry| ui.show(&details(entry)));
    }
}

/// A line of text; an empty one is what there is now.
pub fn text(ui: &Ui, what: &str, now: &str) -> Result<Option<String>, OperatorError> {
    let is_now = if now.is_empty() { String::new() } else { format!(" [{}]", printable(now)) };
    Ok(match line(ui, &format!("{what} (< goes back){is_now} "))?.as_str() {
        "" => Some(now.to_owned()),
        "<" => None,
        text => Some(text.to_owned()),
    })
}

/// The end of input is an interruption.
fn line(ui: &Ui, prompt: &str) -> Result<String, OperatorError> {
    Ok(ui.ask_line(prompt)?.ok_or_else(OperatorError::interrupted)?.trim().to_owned())
}
