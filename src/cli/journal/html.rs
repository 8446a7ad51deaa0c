//! The page of a run as one HTML file: nothing in it comes from elsewhere.

use std::fmt::Write as _;

use super::drawing;
use super::story::{Change, Story, list_of, row, verified};
use crate::trustlist::digest::phone_lines_of_hex;
use crate::trustlist::{TrustList, printable};
use crate::workflow::Mark;
use crate::workflow::journal::{Event, FileSeal, Outcome, PhoneLine};

const STYLE: &str = include_str!("page.css");

/// The whole page.
pub fn page(story: &Story<'_>) -> String {
    let mut body = header(story);
    for change in &story.changes {
        body.push_str(&section(change));
    }
    body.push_str(&steps(story));
    let _ = writeln!(
        body,
        "<footer>{} lines, each holding the hash of the one before. <code>sastctl journal verify</code> detects \
         accidental changes; with <code>--signer</code> it proves what a signature covers.</footer>",
        story.lines.len()
    );
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{}</title>\n<meta name=\"viewport\" \
         content=\"width=device-width\">\n<style>\n{STYLE}</style></head>\n<body>\n{body}</body></html>\n",
        escape(&story.name)
    )
}

fn header(story: &Story<'_>) -> String {
    let (class, outcome) = match story.outcome {
        Some((Outcome::Done, says)) => ("done", format!("Done: {says}")),
        Some((Outcome::Failed, says)) => ("failed", format!("Failed: {says}")),
        Some((Outcome::Interrupted, says)) => ("failed", format!("Interrupted: {says}")),
        None => ("failed", "The run did not come to its end".to_owned()),
    };
    let mut text = format!(
        "<header><h1>{}</h1>\n<p class=\"outcome {class}\">{}</p>\n<dl>\n",
        escape(&story.name),
        escape(&outcome)
    );
    let mut row = |label: &str, value: &str| {
        let _ = writeln!(text, "<dt>{label}</dt><dd>{}</dd>", escape(value));
    };
    if let Some((version, command, operator, host)) = story.start() {
        row("Run", &command);
        row("By", &format!("{operator} on {host}, sastctl {version}"));
    }
    let (from, to) = story.times();
    row("From", &format!("{from} to {to}"));
    if let Some(token) = story.token {
        row("Token", &format!("{} on “{}”, serial {}", token.name, token.label, token.serial));
        row("Certificate", &format!("SHA-256 {}", token.certificate_sha256));
    }
    text.push_str("</dl></header>\n");
    text
}

/// `in force` → `In force`
fn capital(role: &str) -> String {
    let mut rest = role.chars();
    rest.next().into_iter().flat_map(char::to_uppercase).chain(rest).collect()
}

fn section(change: &Change<'_>) -> String {
    let name = change.output.as_ref().map(|o| &o.file.file).or(change.input.map(|i| &i.file));
    let mut text = format!("<section><h2>{}</h2>\n", escape(name.map(String::as_str).unwrap_or_default()));
    let before = change.input.map(|i| (i, list_of(i)));
    let after = change.output.as_ref().map(|o| (o.file, list_of(o.file)));
    text.push_str("<div class=\"sides\">\n");
    let alone = change.alone.map(capital);
    let sides = [(alone.as_deref().unwrap_or("Before"), &before), ("After", &after)];
    for (title, side) in sides.into_iter().take(if alone.is_some() { 1 } else { 2 }) {
        text.push_str("<div class=\"side\">\n");
        match side {
            Some((seal, list)) => text.push_str(&file(title, seal, list.as_ref())),
            None => {
                let _ = writeln!(text, "<h3>{}</h3><p class=\"none\">nothing</p>", escape(title));
            }
        }
        text.push_str("</div>\n");
    }
    text.push_str("</div>\n");
    if let Some(kept) = change.output.as_ref().and_then(|o| o.kept_old_as) {
        let _ = writeln!(text, "<p>The file before it is kept as {}.</p>", escape(kept));
    }
    if let Some(output) = &change.output {
        let _ = writeln!(text, "<p>Signed by {}.</p>", escape(output.signed_by));
    }
    if let Some(plan) = &change.plan {
        text.push_str("<h3>What was changed</h3><table class=\"plan\">\n");
        for step in plan.steps {
            let class = match step.mark {
                Mark::Keep => "keep",
                Mark::Remove => "remove",
                Mark::Change => "change",
                Mark::Add => "add",
            };
            let _ = writeln!(
                text,
                "<tr class=\"{class}\"><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                step.mark.sign(),
                escape(&step.function),
                escape(&step.name),
                escape(&step.why)
            );
        }
        text.push_str("</table>\n");
        let why = |p: &PhoneLine| {
            let why =
                if p.reasons.is_empty() { String::new() } else { format!(" ({})", p.reasons.join("; ")) };
            format!("{}: {}{why}", p.phones, p.says)
        };
        text.push_str(&items("What phones do", plan.phones.iter().map(why)));
        text.push_str(&items("What phones lose", plan.findings.iter().cloned()));
        text.push_str(&items("Warnings", plan.warnings.iter().cloned()));
        text.push_str(&items("Left to do by hand", plan.by_hand.iter().cloned()));
        let _ = writeln!(text, "<p class=\"digest\">Plan {}</p>", escape(plan.digest));
    }
    text.push_str("</section>\n");
    text
}

fn file(title: &str, seal: &FileSeal, list: Option<&TrustList>) -> String {
    let mut text = format!("<h3>{}: {}</h3>\n<p>{} bytes", escape(title), escape(&seal.file), seal.bytes);
    if let Some(list) = list {
        let _ = write!(text, ", {}", escape(&verified(list)));
    }
    text.push_str("</p>\n<table class=\"sums\">\n");
    for (label, sum) in [("MD5", &seal.md5), ("SHA-1", &seal.sha1)] {
        let lines: Vec<String> = phone_lines_of_hex(sum).iter().map(|l| escape(l)).collect();
        let _ = writeln!(
            text,
            "<tr><th>{label}</th><td><code>{}</code><div class=\"phone\">{}</div></td></tr>",
            escape(sum),
            lines.join("<br>")
        );
    }
    text.push_str("</table>\n");
    let Some(list) = list else { return text };
    text.push_str(
        "<table class=\"records\"><tr><th>Function</th><th>Name</th><th>Address</th><th>Key</th></tr>\n",
    );
    for record in list.records() {
        let cells: Vec<String> =
            row(list, record).iter().map(|c| format!("<td>{}</td>", escape(c))).collect();
        let class = if list.is_signer(record) { " class=\"signs\"" } else { "" };
        let _ = writeln!(text, "<tr{class}>{}</tr>", cells.concat());
    }
    text.push_str("</table>\n<figure>\n");
    text.push_str(&drawing::list(list, &format!("{title}: who vouches for whom")));
    text.push_str("<figcaption>The signer vouches for what is below it.</figcaption></figure>\n");
    text
}

fn items(title: &str, items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.map(|i| format!("<li>{}</li>\n", escape(&i))).collect();
    if items.is_empty() {
        return String::new();
    }
    format!("<h3>{title}</h3><ol>\n{}</ol>\n", items.concat())
}

fn steps(story: &Story<'_>) -> String {
    let rows: Vec<String> = story
        .lines
        .iter()
        .filter_map(|line| match &line.event {
            Event::Step { name, says, done } => {
                let how = match done {
                    None => "",
                    Some(true) => "done",
                    Some(false) => "failed",
                };
                Some(format!(
                    "<tr class=\"{how}\"><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                    escape(&line.time),
                    escape(name),
                    escape(says)
                ))
            }
            _ => None,
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    format!("<section><h2>Steps</h2><table>\n{}</table></section>\n", rows.concat())
}

/// Names come from files and tokens: nothing in them is markup.
pub fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for c in printable(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_a_file_becomes_markup() {
        assert_eq!(escape("<b a='\"'>&\u{1b}"), "&lt;b a=&#39;&quot;&#39;&gt;&amp;\\u{1b}");
    }
}
