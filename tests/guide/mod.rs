//! The guide and the README: every command in them runs, and prints what they show; every link leads somewhere.
//!
//! `GUIDE=update` writes what the commands print into the pages. `...` stands for any lines, `[..]` for any characters
//! of a word. Blanks and line ends make no difference.

mod links;
mod page;
mod reference;
mod site;
mod stage;

use crate::pki;
use crate::support::World;
use stage::Stage;

fn is_update() -> bool {
    std::env::var("GUIDE").is_ok_and(|value| value == "update")
}

/// Runs the commands of a page in one fresh folder.
fn follow(name: &str) {
    let file = if name == "README" { "README.md".to_owned() } else { format!("docs/guide/{name}.md") };
    let text = String::from_utf8(pki::read(&file)).unwrap();
    let steps = page::steps(&text);
    let Some(stage) = Stage::of(name, &text) else { return };
    let update = is_update();
    let mut outputs = vec![];
    for step in &steps {
        let (output, code) = stage.run(step);
        let is_so = code == step.code && page::is_shown(&step.shown, &output);
        let at = step.at + 1;
        assert!(
            is_so || update,
            "{file}, line {at}: $ {}\nit shows, with exit code {}:\n{}\nit printed, with exit code {code}:\n{output}\n\
             GUIDE=update writes this into the page",
            step.command,
            step.code,
            step.shown,
        );
        outputs.push((!is_so).then_some((output, code)));
    }
    if outputs.iter().any(Option::is_some) {
        std::fs::write(pki::path(&file), page::rewritten(&text, &steps, &outputs)).unwrap();
    }
}

/// The pages of the summary, without their ending.
fn summary() -> Vec<String> {
    let text = String::from_utf8(pki::read("docs/guide/SUMMARY.md")).unwrap();
    let links = text.lines().filter_map(|line| line.split_once("](")?.1.strip_suffix(".md)"));
    links.map(str::to_owned).collect()
}

/// A page that nobody follows, that is in no summary, or that no topic shows, would grow old unseen.
#[test]
fn every_page_is_in_the_summary_in_the_help_and_in_a_test() {
    let world = World::new();
    let help = world.run(&["help"]).done().stdout;
    let (_, topics) = help.split_once("Topics for").unwrap();
    let topics: Vec<_> =
        topics.lines().filter_map(|l| l.strip_prefix("  ")?.split_whitespace().next()).collect();
    let pages = summary();
    for entry in std::fs::read_dir(pki::path("docs/guide")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some(page) = name.strip_suffix(".md").filter(|page| *page != "SUMMARY") else { continue };
        assert!(pages.iter().any(|p| p == page), "SUMMARY.md does not name {page}");
        // `help COMMAND` is the page of commands.
        assert!(
            ["README", "commands"].contains(&page) || topics.contains(&page),
            "help does not list {page}"
        );
        let text = String::from_utf8(pki::read(&format!("docs/guide/{name}"))).unwrap();
        let is_run = page != "README" && PAGES.contains(&page);
        assert_eq!(!page::steps(&text).is_empty(), is_run, "{page}: is it in the list of tests?");
    }
}

/// In a terminal of 80 columns no line of a topic is longer, no mark is left, and links are commands.
#[test]
fn topics_read_well_in_a_terminal() {
    let stage = Stage::of("help", "").unwrap();
    let help = |page: &str| stage.run(&page::steps(&format!("```console\n$ sastctl help {page}\n```"))[0]).0;
    for page in summary().iter().filter(|page| !["README", "commands", "json"].contains(&page.as_str())) {
        let text = help(page);
        let title = String::from_utf8(pki::read(&format!("docs/guide/{page}.md"))).unwrap();
        let title = title.lines().next().unwrap().trim_start_matches("# ");
        assert_eq!(text.lines().next().unwrap(), title);
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{page}: {line}");
            let has_mark = line.starts_with("## ") || line.starts_with("```") || line.ends_with(".md");
            assert!(!has_mark, "{page}: {line}");
        }
    }
    let text = help("reverting");
    assert!(text.contains("use the bridge instead (`sastctl help bridge`)"), "{text}");
    assert!(text.contains("\n$ sastctl cert export --all --out certs\n"), "{text}");
}

macro_rules! pages {
    ($($test:ident $name:literal)*) => {
        const PAGES: &[&str] = &[$($name),*];
        $(
            #[test]
            fn $test() {
                follow($name);
            }
        )*
    };
}

pages! {
    audit "audit"
    bridge "bridge"
    expiring "expiring"
    hsm "hsm"
    lost_tokens "lost-tokens"
    migration "migration"
    pbx "pbx"
    phone_sast_trust "phone-sast-trust"
    refusing_phones "refusing-phones"
    readme "README"
    renewal "renewal"
    renewal_run "renewal-run"
    reverting "reverting"
    secured "secured"
    to_tokenless "to-tokenless"
    way_back "way-back"
}
