//! The page of a run as Markdown.

use std::fmt::Write as _;

use super::super::ui::printable;
use super::story::{Change, Story, list_of, row, verified};
use crate::trustlist::digest::phone_lines_of_hex;
use crate::workflow::journal::{Event, FileSeal, Outcome};

/// The whole page.
pub fn page(story: &Story<'_>) -> String {
    let mut page = format!("# {}\n\n", escape(&story.name));
    let (from, to) = story.times();
    if let Some((version, command, operator, host)) = story.start() {
        let _ = writeln!(page, "- Run: {}", code(&command));
        let _ = writeln!(page, "- By: {} on {}, sastctl {}", escape(operator), escape(host), escape(version));
    }
    let _ = writeln!(page, "- From {} to {}", escape(from), escape(to));
    let outcome = match story.outcome {
        Some((Outcome::Done, says)) => format!("done: {}", escape(says)),
        Some((Outcome::Failed, says)) => format!("**failed**: {}", escape(says)),
        Some((Outcome::Interrupted, says)) => format!("**interrupted**: {}", escape(says)),
        None => "**the run did not come to its end**".to_owned(),
    };
    let _ = writeln!(page, "- Outcome: {outcome}");
    if let Some(token) = story.token {
        let _ = writeln!(
            page,
            "- Token: {} on \"{}\", serial {}, certificate SHA-256 {}",
            escape(&token.name),
            escape(&token.label),
            escape(&token.serial),
            code(&token.certificate_sha256)
        );
    }
    for change in &story.changes {
        page.push_str(&section(change));
    }
    let steps: Vec<_> = story.lines.iter().filter_map(|l| Some((&l.time, step(&l.event)?))).collect();
    if !steps.is_empty() {
        page.push_str("\n## Steps\n\n");
        for (time, says) in steps {
            let _ = writeln!(page, "- {} {}", escape(time), escape(&says));
        }
    }
    let _ = writeln!(
        page,
        "\n---\n{} lines, each holding the hash of the one before: `sastctl journal verify` detects accidental \
         changes; with `--signer` it proves what a signature covers.",
        story.lines.len()
    );
    page
}

fn step(event: &Event) -> Option<String> {
    match event {
        Event::Step { name, says, done } => {
            let how = match done {
                None => "",
                Some(true) => "done: ",
                Some(false) => "failed: ",
            };
            Some(format!("{name}: {how}{says}"))
        }
        _ => None,
    }
}

fn section(change: &Change<'_>) -> String {
    let name = change.output.as_ref().map(|o| &o.file.file).or(change.input.map(|i| &i.file));
    let mut text = format!("\n## {}\n", escape(name.map(String::as_str).unwrap_or_default()));
    if let Some(plan) = &change.plan {
        let _ = writeln!(text, "\nPlan {}\n", code(plan.digest));
        text.push_str("| | function | name | |\n| --- | --- | --- | --- |\n");
        for step in plan.steps {
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} |",
                step.mark.sign(),
                escape(&step.function),
                escape(&step.name),
                escape(&step.why)
            );
        }
        if !plan.phones.is_empty() {
            text.push_str("\nPhones\n\n");
        }
        for phone in plan.phones {
            let _ = writeln!(text, "- {}: {}", escape(&phone.phones), escape(&phone.says));
            for reason in &phone.reasons {
                let _ = writeln!(text, "  - {}", escape(reason));
            }
        }
        if !plan.findings.is_empty() {
            text.push_str("\nWhat phones lose\n\n");
        }
        for finding in plan.findings {
            let _ = writeln!(text, "- {}", escape(finding));
        }
        if !plan.warnings.is_empty() {
            text.push_str("\nWarnings\n\n");
        }
        for warning in plan.warnings {
            let _ = writeln!(text, "- {}", escape(warning));
        }
    }
    if let Some(input) = change.input {
        text.push_str(&file(&escape(change.alone.unwrap_or("Before")), input));
    }
    if let Some(output) = &change.output {
        text.push_str(&file("After", output.file));
        if let Some(kept) = output.kept_old_as {
            let _ = writeln!(text, "\nThe file before it is kept as {}.", escape(kept));
        }
    } else if change.alone.is_none() {
        text.push_str("\n**Nothing was written.**\n");
    }
    if let Some(plan) = change.plan.as_ref().filter(|p| !p.by_hand.is_empty()) {
        text.push_str("\nLeft to do by hand\n\n");
        for (index, step) in plan.by_hand.iter().enumerate() {
            let _ = writeln!(text, "{}. {}", index.saturating_add(1), escape(step));
        }
    }
    text
}

fn file(when: &str, seal: &FileSeal) -> String {
    let mut text = format!("\n### {when}: {}\n\n{} bytes", escape(&seal.file), seal.bytes);
    let list = list_of(seal);
    if let Some(list) = &list {
        let _ = write!(text, ", {}", escape(&verified(list)));
    }
    text.push('\n');
    if let Some(list) = &list {
        text.push_str("\n| function | name | address | key |\n| --- | --- | --- | --- |\n");
        for record in list.records() {
            let cells: Vec<String> = row(list, record).iter().map(|c| escape(c)).collect();
            let _ = writeln!(text, "| {} |", cells.join(" | "));
        }
    }
    let _ = writeln!(text, "\n```\nMD5   {}", printable(&seal.md5));
    for line in phone_lines_of_hex(&seal.md5) {
        let _ = writeln!(text, "      on the phone: {line}");
    }
    let _ = writeln!(text, "SHA1  {}", printable(&seal.sha1));
    for line in phone_lines_of_hex(&seal.sha1) {
        let _ = writeln!(text, "      on the phone: {line}");
    }
    text.push_str("```\n");
    text
}

/// As code: between more backticks than are in it.
fn code(text: &str) -> String {
    let text = printable(text);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.saturating_add(1));
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// Names come from files and tokens: nothing in them is markup. What would begin a list, a heading or a block of code at
/// the start of an item is text there, too.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    let mut in_number = true;
    for (at, c) in printable(text).chars().enumerate() {
        let begins =
            in_number && (at == 0 && matches!(c, '-' | '+' | '=') || at > 0 && matches!(c, '.' | ')'));
        in_number &= c.is_ascii_digit();
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' => {
                escaped.push('\\');
                escaped.push(c);
            }
            _ if begins => escaped.extend(['\\', c]),
            ' ' if at == 0 => escaped.push_str("&#32;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            c => escaped.push(c),
        }
    }
    escaped
}
