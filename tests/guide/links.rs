//! Links between pages, and blocks of commands that are not run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pulldown_cmark::{BrokenLink, CodeBlockKind, CowStr, Event, Parser, Tag, TagEnd};

use crate::pki::path;

/// Commands that cannot run in a test, and why: a page, and how the line begins.
const NOT_RUN: [(&str, &str, &str); 10] = [
    (
        "docs/guide/migration.md",
        "sastctl migrate run --from OLD-PUBLISHER --to NEW-PUBLISHER --way tvs --dry-run",
        "there is one cluster",
    ),
    (
        "docs/guide/migration.md",
        "sastctl migrate run --from OLD-PUBLISHER --to NEW-PUBLISHER --way tvs",
        "there is one cluster",
    ),
    ("docs/guide/hsm.md", "sastctl --profile p11-kit-client", "the HSM is on another host"),
    ("docs/guide/serial.md", "sastctl cluster console", "there is no serial line"),
    ("docs/guide/serial.md", "sastctl cluster status", "there is no serial line"),
    ("docs/guide/serial.md", "sastctl cluster restart", "there is no serial line"),
    ("docs/guide/serial.md", "sastctl cluster trust", "there is no serial line"),
    ("docs/guide/windows.md", "sastctl doctor", "it is typed on Windows"),
    ("docs/guide/windows.md", "sastctl token list", "it is typed on Windows"),
    ("docs/guide/windows.md", "sastctl cert export", "it is typed on Windows"),
];

/// Every page of the project.
fn pages() -> Vec<PathBuf> {
    let mut pages = vec![path("README.md"), path("CONTRIBUTING.md"), path("SECURITY.md")];
    let mut folders = vec![path("docs")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "md") {
                pages.push(path);
            }
        }
    }
    pages
}

/// What a page has for others and from others.
#[derive(Default)]
struct Page {
    links: Vec<String>,
    /// Names in brackets that lead nowhere.
    broken: Vec<String>,
    /// The anchors of its headings.
    anchors: Vec<String>,
    /// Lines of blocks of code, each with the language of its block.
    code: Vec<(String, String)>,
    /// Code within lines.
    inline: Vec<String>,
}

/// As the sites that show Markdown make it of a heading.
fn anchor(heading: &str) -> String {
    let kept = |c: char| c.is_alphanumeric() || "-_ ".contains(c);
    heading.to_lowercase().chars().filter(|c| kept(*c)).collect::<String>().replace(' ', "-")
}

fn read(file: &Path) -> Page {
    let text = std::fs::read_to_string(file).unwrap();
    let mut page = Page::default();
    let mut broken = vec![];
    let mut note = |link: BrokenLink<'_>| -> Option<(CowStr<'_>, CowStr<'_>)> {
        broken.push(link.reference.to_string());
        None
    };
    let (mut heading, mut language) = (None, None);
    for event in Parser::new_with_broken_link_callback(&text, pulldown_cmark::Options::all(), Some(&mut note))
    {
        match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                page.links.push(dest_url.to_string())
            }
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => page.anchors.push(anchor(&heading.take().unwrap_or_default())),
            Event::Start(Tag::CodeBlock(kind)) => {
                language = Some(if let CodeBlockKind::Fenced(language) = kind {
                    language.to_string()
                } else {
                    String::new()
                });
            }
            Event::End(TagEnd::CodeBlock) => language = None,
            Event::Text(text) => match (&mut heading, &language) {
                (Some(heading), _) => *heading += &text,
                (None, Some(language)) => {
                    page.code.extend(text.lines().map(|l| (language.clone(), l.to_owned())))
                }
                (None, None) => {}
            },
            Event::Code(code) => {
                heading.iter_mut().for_each(|heading| *heading += &code);
                page.inline.push(code.to_string());
            }
            _ => {}
        }
    }
    page.broken = broken;
    page
}

fn all() -> BTreeMap<PathBuf, Page> {
    pages().into_iter().map(|file| (file.canonicalize().unwrap(), read(&file))).collect()
}

fn short(file: &Path) -> String {
    file.strip_prefix(path("").canonicalize().unwrap()).unwrap().display().to_string()
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let pages = all();
    let guide = path("docs/guide").canonicalize().unwrap();
    let mut errors = vec![];
    for (file, page) in &pages {
        for link in page
            .links
            .iter()
            .filter(|link| !["http:", "https:", "mailto:"].iter().any(|way| link.starts_with(way)))
        {
            let (target, anchor) = link.split_once('#').map_or((link.as_str(), None), |(t, a)| (t, Some(a)));
            let target = if target.is_empty() { file.clone() } else { file.parent().unwrap().join(target) };
            let Ok(target) = target.canonicalize() else {
                errors.push(format!("{}: there is no {link}", short(file)));
                continue;
            };
            if file.starts_with(&guide) && !target.starts_with(&guide) {
                errors.push(format!("{}: {link} is outside of the book", short(file)));
            }
            let has = |anchor: &str| {
                pages.get(&target).is_some_and(|page| page.anchors.iter().any(|a| a == anchor))
            };
            if anchor.is_some_and(|anchor| !has(anchor)) {
                errors.push(format!("{}: there is no heading {link}", short(file)));
            }
        }
        let topics = super::summary();
        let lost = page.broken.iter().filter(|name| file.starts_with(&guide) && topics.contains(name));
        errors.extend(lost.map(|name| format!("{}: [{name}] leads nowhere", short(file))));
    }
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}

#[test]
fn a_command_that_is_not_run_has_its_reason() {
    let pages = all();
    let of_guide = |file: &Path| {
        file.starts_with(path("docs/guide").canonicalize().unwrap()) || file.ends_with("README.md")
    };
    let mut seen = 0;
    for (file, page) in pages.iter().filter(|(file, _)| of_guide(file) && !file.ends_with("commands.md")) {
        let commands =
            page.code.iter().filter(|(language, _)| language != "console").map(|(_, line)| line.as_str());
        for line in commands.filter(|line| line.trim_start_matches("$ ").starts_with("sastctl ")) {
            let known =
                NOT_RUN.iter().any(|(page, begin, _)| short(file) == *page && line.starts_with(begin));
            assert!(known, "{}: it is not run, and NOT_RUN does not say why: {line}", short(file));
            seen += 1;
        }
    }
    assert_eq!(seen, NOT_RUN.len());
}

/// `sastctl ctl update …` in a sentence is a command that exists, and `sastctl help TOPIC` a topic.
#[test]
fn commands_in_sentences_exist() {
    let commands = super::reference::commands();
    let topics = super::summary();
    for (file, page) in all() {
        for code in page.inline.iter().filter_map(|code| code.strip_prefix("sastctl ")) {
            let words: Vec<_> = code.split_whitespace().collect();
            let is_known = |words: &[&str]| commands.contains(&words.join(" "));
            let known = match words[..] {
                ["help", topic] if topics.iter().any(|t| t == topic) => true,
                ["help", "TOPIC" | "COMMAND"] => true,
                [option, ..] if option.starts_with('-') => true,
                _ => (1..=words.len().min(2)).any(|end| is_known(&words[..end])),
            };
            assert!(known, "{}: sastctl {code}", short(&file));
        }
    }
}
