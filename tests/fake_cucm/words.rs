//! The texts of the node: transcripts, which are files with their source. Their format is in `transcripts/README.md`.

use std::path::Path;

/// A part of a transcript, with its placeholders filled in; a question has no newline at its end.
pub fn words(file: &str, part: &str, fill: &[(&str, &str)]) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fake_cucm/transcripts");
    let text = std::fs::read_to_string(folder.join(file).with_extension("txt")).unwrap();
    let mut said = None;
    for (name, lines) in parts(&text) {
        if name == part {
            said = Some(lines.replace("{EMPTY}", ""));
        }
    }
    let said = said.unwrap_or_else(|| panic!("{file} has no part {part}"));
    let said = fill.iter().fold(said, |said, (name, value)| said.replace(&format!("{{{name}}}"), value));
    match said.strip_suffix("{ASKS}\n") {
        Some(asks) => asks.to_owned(),
        None => said,
    }
}

/// The parts of a file, by name.
pub fn parts(text: &str) -> Vec<(String, String)> {
    let mut parts: Vec<(String, String)> = vec![];
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('@') {
            end(&mut parts);
            parts.push((name.to_owned(), String::new()));
        } else if let Some((_, lines)) = parts.last_mut() {
            lines.push_str(line);
            lines.push('\n');
        }
    }
    parts
}

/// The empty line before a part is not printed.
fn end(parts: &mut [(String, String)]) {
    if let Some((_, lines)) = parts.last_mut()
        && lines.ends_with("\n\n")
    {
        lines.pop();
    }
}
