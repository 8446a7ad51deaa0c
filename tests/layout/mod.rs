//! The layout of the code holds: imports go one way and in no circle; only the front ends `client` and `cli`, and `ui`, which
//! both use, print, ask and spell commands, and they open nothing themselves; only `system` differs between Unix and
//! Windows. Known exceptions are in `EXCEPTIONS`, a list that may only get shorter. `make layout` shows the drawing.

mod graph;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::pki;
use graph::Graph;

/// Each layer with those that it may use.
const LAYERS: [(&str, &[&str]); 11] = [
    (
        "client",
        &["cli", "ui", "workflow", "cluster", "phone", "token", "reader", "files", "system", "trustlist"],
    ),
    ("cli", &["ui", "workflow", "cluster", "phone", "token", "reader", "files", "system", "trustlist"]),
    ("ui", &["workflow", "cluster", "phone", "token", "files", "system", "trustlist"]),
    ("workflow", &["cluster", "phone", "token", "reader", "files", "system", "trustlist"]),
    ("cluster", &["files", "system", "trustlist"]),
    ("phone", &["files", "system", "trustlist"]),
    ("token", &["files", "system", "trustlist"]),
    ("reader", &["files", "system", "trustlist"]),
    ("files", &["system"]),
    ("system", &[]),
    ("trustlist", &[]),
];

/// Conditions that make the code differ between Unix and Windows.
const DIFFERS: [&str; 6] =
    ["cfg(unix)", "cfg(windows)", "not(unix)", "not(windows)", "cfg!(unix)", "cfg!(windows)"];

/// Items that open a shell, a socket or a token.
const OPENS: [&str; 8] =
    ["russh", "serialport", "ureq", "TcpStream", "UdpSocket", "Module::load", "Node::open", "fetch("];

const PRINTS: [&str; 7] = ["print!", "println!", "eprint!", "eprintln!", "dbg!", "io::stdout", "io::stderr"];

const COMMANDS: &str = "token cert ctl revert client cluster phones diagnose profile doctor journal help completions man \
     request approve sign-request apply ceremony";

const ASKS: [&str; 3] = ["crossterm", "ratatui", "rpassword"];

/// What breaks a rule: the rule, the file, and what the file uses or says, `*` for anything.
/// An exception that no longer occurs fails the test.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    // Options of the system's programs.
    ("only front ends spell commands", "src/workflow/doctor/judge.rs", "--now"),
    ("only front ends spell commands", "src/workflow/doctor/judge.rs", "--reload"),
    ("only front ends spell commands", "src/workflow/doctor/module.rs", "--now"),
    ("only front ends spell commands", "src/workflow/doctor/module.rs", "--print-architecture"),
    // A signed text, not a command.
    ("only front ends spell commands", "src/workflow/journal/signature.rs", "*"),
];

/// The layer of a file, by its path; `None` for the crate's root and the program.
fn layer(file: &str) -> Option<&str> {
    if file.starts_with("trustlist/") {
        return Some("trustlist");
    }
    file.strip_prefix("src/")?.split_once('/').map(|(layer, _)| layer)
}

type Breach = (&'static str, String, String);

fn breaches(graph: &Graph, circles_left_out: &BTreeSet<(String, String)>) -> BTreeSet<Breach> {
    let mut all = BTreeSet::new();
    for (file, used) in &graph.uses {
        for to in used {
            let one_way = match (layer(file), layer(to)) {
                (Some(from), Some(to)) if from == to => true,
                (Some(from), Some(to)) => LAYERS.iter().any(|(l, may)| *l == from && may.contains(&to)),
                (None, _) => true,
                (Some(_), None) => false,
            };
            if !one_way {
                all.insert(("one way", file.clone(), to.clone()));
            }
        }
    }
    for (name, file) in graph.files.iter().filter_map(|(name, file)| Some((name, (layer(name)?, file)))) {
        let (layer, file) = file;
        let mut named = |rule, words: &[&str]| {
            let named = words.iter().filter(|word| file.names(word));
            all.extend(named.map(|word| (rule, name.clone(), (*word).to_owned())));
        };
        if layer != "system" {
            named("only system differs", &DIFFERS);
        }
        if ["client", "cli", "ui"].contains(&layer) {
            named("front ends open nothing", &OPENS);
        } else {
            named("only front ends print", &PRINTS);
            named("only front ends ask", &ASKS);
            let spelled = file.texts().flat_map(spelled);
            all.extend(spelled.map(|what| ("only front ends spell commands", name.clone(), what)));
        }
    }
    let circles = graph.circles(circles_left_out);
    all.extend(circles.into_iter().map(|(from, to)| ("no circle", from, to)));
    all
}

/// The options and commands that a text spells: `--force`, `sastctl ctl`.
fn spelled(text: &str) -> BTreeSet<String> {
    let word = |tail: &str| tail.find(|c: char| !c.is_ascii_lowercase() && c != '-').unwrap_or(tail.len());
    let spelled = |mark: &'static str| {
        text.match_indices(mark).filter_map(move |(at, _)| {
            let tail = &text[at + mark.len()..];
            let own = !text[..at].ends_with(|c: char| c.is_alphanumeric() || "-_/.".contains(c));
            (own && tail.starts_with(|c: char| c.is_ascii_lowercase()))
                .then(|| format!("{mark}{}", &tail[..word(tail)]))
        })
    };
    let commands = spelled("sastctl ").filter(|text| COMMANDS.split(' ').any(|name| text[8..] == *name));
    spelled("--").chain(commands).collect()
}

fn code() -> Graph {
    let read = |path: &str| std::fs::read_to_string(pki::path(path)).ok();
    Graph::read(&[("sastctl", "src/lib.rs"), ("trustlist", "trustlist/src/lib.rs")], &read)
}

/// Folders with their lines, and the folders that each uses.
fn drawing(graph: &Graph) -> String {
    let folder = |file: &str| file.rsplit_once('/').unwrap().0.to_owned();
    let mut folders: BTreeMap<String, (usize, BTreeSet<String>)> = BTreeMap::new();
    let mut left = vec!["src".to_owned(), "trustlist/src".to_owned()];
    while let Some(name) = left.pop() {
        let mut lines = 0;
        for entry in std::fs::read_dir(pki::path(&name)).unwrap() {
            let file = format!("{name}/{}", entry.unwrap().file_name().to_str().unwrap());
            if file.ends_with(".rs") {
                lines += String::from_utf8(pki::read(&file)).unwrap().lines().count();
            } else if pki::path(&file).is_dir() {
                left.push(file);
            }
        }
        folders.insert(name, (lines, BTreeSet::new()));
    }
    for (from, to) in graph.uses.iter().flat_map(|(from, used)| used.iter().map(move |to| (from, to))) {
        let (from, to) = (folder(from), folder(to));
        if from != to {
            folders.get_mut(&from).unwrap().1.insert(to);
        }
    }
    let mut drawing = String::new();
    for (name, (_, used)) in &folders {
        let under = |other: &&String| **other == *name || other.starts_with(&format!("{name}/"));
        let lines: usize =
            folders.iter().filter(|(other, _)| under(other)).map(|(_, (lines, _))| lines).sum();
        let used: Vec<_> = used.iter().map(|to| to.trim_start_matches("src/")).collect();
        let arrows = if used.is_empty() { String::new() } else { format!("  → {}", used.join(", ")) };
        writeln!(drawing, "{name:24} {lines:6}{arrows}").unwrap();
    }
    drawing
}

#[test]
fn imports_go_one_way_and_only_front_ends_speak() {
    let graph = code();
    println!("{}", drawing(&graph));
    let listed = |(rule, file, what): &Breach| {
        EXCEPTIONS.iter().any(|(r, f, w)| (*r, *f) == (*rule, file) && (*w == "*" || w == what))
    };
    let circles = EXCEPTIONS.iter().filter(|(rule, ..)| *rule == "no circle");
    let circles = circles.map(|(_, from, to)| ((*from).to_owned(), (*to).to_owned())).collect();
    // A circle is broken by the one use that is listed.
    let new: Vec<_> = breaches(&graph, &circles).into_iter().filter(|breach| !listed(breach)).collect();
    assert!(new.is_empty(), "These break the layout:\n{new:#?}");
    let all = breaches(&graph, &BTreeSet::new());
    let gone = EXCEPTIONS.iter().filter(|(rule, file, what)| {
        !all.iter().any(|(r, f, w)| (r, f.as_str()) == (rule, *file) && (*what == "*" || w == what))
    });
    let gone: Vec<_> = gone.collect();
    assert!(gone.is_empty(), "These no longer break the layout: take them out of EXCEPTIONS\n{gone:#?}");
}

/// Each rule of the test above finds an example of its breach.
#[test]
fn each_breach_is_found() {
    let files = [
        ("src/lib.rs", "pub mod cli; pub mod cluster; pub mod workflow; pub use ::trustlist;"),
        ("src/cli/mod.rs", "mod ui; pub use ui::Ui; fn f() { crate::cluster::fetch(Node::open()); }"),
        ("src/cli/ui.rs", "pub struct Ui; #[cfg(test)] mod tests { use crate::cli::f; }"),
        ("src/workflow/mod.rs", "pub mod plan; pub use plan::{Plan, revert::{self as back, Way}};"),
        (
            "src/workflow/plan/mod.rs",
            "//! sastctl help\npub mod revert; use crate::cli::Ui; /// --yes\npub struct Plan(revert::Way);
            fn f() { println!(\"use --yes\"); }",
        ),
        ("src/workflow/plan/revert.rs", "pub enum Way {} use super::super::Plan; use trustlist::List;"),
        (
            "src/cluster/mod.rs",
            "mod fetch; pub use fetch::fetch; use crate::workflow as up; fn f(_: up::back::Way) {}",
        ),
        (
            "src/cluster/fetch.rs",
            "#[cfg(not(unix))] const A: u8 = 1; pub fn fetch() { cli.println(\"--\", \"-- sastctl\"); }",
        ),
        (
            "trustlist/src/lib.rs",
            "pub struct List; const HELP: &str = r\"sastctl ctl\"; fn f() { ratatui::f(); }",
        ),
    ];
    let read = |path: &str| Some(files.iter().find(|(name, _)| *name == path)?.1.to_owned());
    let graph = Graph::read(&[("sastctl", "src/lib.rs"), ("trustlist", "trustlist/src/lib.rs")], &read);
    let found = breaches(&graph, &BTreeSet::new());
    let found: Vec<_> =
        found.iter().map(|(rule, file, what)| (*rule, file.as_str(), what.as_str())).collect();
    let plan = "src/workflow/plan/mod.rs";
    let expected = [
        ("front ends open nothing", "src/cli/mod.rs", "Node::open"),
        ("front ends open nothing", "src/cli/mod.rs", "fetch("),
        ("no circle", plan, "src/workflow/plan/revert.rs"),
        ("no circle", "src/workflow/plan/revert.rs", plan),
        ("one way", "src/cluster/mod.rs", "src/workflow/plan/revert.rs"),
        ("one way", plan, "src/cli/ui.rs"),
        ("only front ends ask", "trustlist/src/lib.rs", "ratatui"),
        ("only front ends print", plan, "println!"),
        ("only front ends spell commands", plan, "--yes"),
        ("only front ends spell commands", "trustlist/src/lib.rs", "sastctl ctl"),
        ("only system differs", "src/cluster/fetch.rs", "not(unix)"),
    ];
    assert_eq!(found, expected);
    assert_eq!(graph.uses["src/cli/mod.rs"].iter().collect::<Vec<_>>(), ["src/cluster/fetch.rs"]);
}
