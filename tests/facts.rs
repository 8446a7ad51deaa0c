//! The register of facts, `docs/facts.md`: every fact has a source, a place where it is used and a test that checks it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use sastctl::trustlist::Function;

use crate::pki::{golden, path, read};

/// The program's words for a question that no source answers.
const OPEN_WORDS: [&str; 2] = ["cannot be known", "no public source says"];

fn is_open(text: &str) -> bool {
    OPEN_WORDS.iter().any(|words| text.to_lowercase().contains(words))
}

/// Other words for the same: only one wording is allowed.
const OTHER_WORDS: [&str; 8] = [
    "no source says",
    "no source settles",
    "nobody has published",
    "not published",
    "not documented",
    "undocumented",
    "no document says",
    "nothing is known of",
];

#[derive(Debug, Clone)]
struct Row {
    line: usize,
    id: String,
    fact: String,
    source: String,
    places: Vec<String>,
    tests: Vec<String>,
}

/// The cells of a line of a table.
fn cells(line: &str) -> Option<Vec<&str>> {
    let inner = line.strip_prefix('|')?.strip_suffix('|')?;
    Some(inner.split('|').map(str::trim).collect())
}

/// The rows of the register, and the keys of its table of documents; any other form is an error.
fn register(text: &str) -> (Vec<Row>, BTreeSet<String>, Vec<String>) {
    let (mut rows, mut keys, mut errors) = (vec![], BTreeSet::new(), vec![]);
    for (at, line) in text.lines().enumerate() {
        let line_number = at + 1;
        let Some(cells) = cells(line) else {
            if line.starts_with('|') {
                errors.push(format!("line {line_number}: a row ends in |"));
            }
            continue;
        };
        let is_head = cells.iter().all(|c| c.chars().all(|c| c == '-')) || ["id", "key"].contains(&cells[0]);
        let list = |cell: &str| cell.split(", ").map(|s| s.trim().to_owned()).collect();
        match cells[..] {
            _ if is_head => {}
            [key, _] => drop(keys.insert(key.to_owned())),
            [id, fact, source, places, tests] => rows.push(Row {
                line: line_number,
                id: id.to_owned(),
                fact: fact.to_owned(),
                source: source.to_owned(),
                places: list(places),
                tests: list(tests),
            }),
            _ => errors.push(format!("line {line_number}: {} cells", cells.len())),
        }
    }
    (rows, keys, errors)
}

/// At semicolons outside of parentheses.
fn sources(cell: &str) -> Vec<String> {
    let (mut all, mut depth) = (vec![String::new()], 0_i32);
    for c in cell.chars() {
        depth += i32::from(c == '(') - i32::from(c == ')');
        if c == ';' && depth == 0 {
            all.push(String::new());
        } else {
            all.last_mut().unwrap().push(c);
        }
    }
    all.iter().map(|s| s.trim().to_owned()).collect()
}

/// A document with its section, a conclusion with its reason, or "open" with the reason.
fn is_source(source: &str, keys: &BTreeSet<String>) -> bool {
    let reasoned = ["derived: ", "open: "].iter().find_map(|kind| source.strip_prefix(kind));
    if let Some(reason) = reasoned {
        return reason.len() > 10;
    }
    let number =
        |text: &str| text.strip_prefix("RFC ").is_some_and(|n| n.chars().all(|c| c.is_ascii_digit()));
    source.split_once(", ").is_some_and(|(key, section)| {
        section.len() >= 3 && (keys.contains(key) || (keys.contains("RFC") && number(key)))
    })
}

fn files(folder: &Path, all: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, all);
        } else if path.extension().is_some_and(|e| e == "rs") {
            all.push(path);
        }
    }
}

fn rust_files(folder: &str) -> Vec<PathBuf> {
    let mut all = vec![];
    files(&path(folder), &mut all);
    all.sort();
    all
}

/// `src/phone/mod.rs` is `phone`.
fn module_of(file: &Path, root: &Path) -> String {
    let relative = file.strip_prefix(root).unwrap().with_extension("");
    let mut parts: Vec<_> = relative.iter().map(|p| p.to_str().unwrap()).collect();
    if parts.last().is_some_and(|last| ["mod", "lib", "main"].contains(last)) {
        parts.pop();
    }
    parts.join("::")
}

/// The functions with `#[test]`, by module path; those in a `proptest!` and in `mod tests { … }` too.
fn tests_in(text: &str, module: &str, all: &mut BTreeSet<String>) {
    let mut inside: Vec<(&str, &str)> = vec![];
    let mut is_test = false;
    for line in text.lines() {
        let trimmed = line.trim_start();
        let indent = &line[..line.len() - trimmed.len()];
        if inside.last().is_some_and(|(begin, _)| *begin == indent) && trimmed.starts_with('}') {
            inside.pop();
        }
        let item = trimmed.strip_prefix("pub ").unwrap_or(trimmed);
        if let Some(name) = item.strip_prefix("mod ").and_then(|m| m.strip_suffix(" {")) {
            inside.push((indent, name));
        }
        if trimmed == "#[test]" {
            is_test = true;
        } else if let Some(name) = item.strip_prefix("fn ") {
            if is_test {
                let name = name.split(['(', '<']).next().unwrap();
                let inner = inside.iter().map(|(_, name)| *name);
                let path: Vec<_> = std::iter::once(module).filter(|m| !m.is_empty()).chain(inner).collect();
                all.insert([&path[..], &[name]].concat().join("::"));
            }
            is_test = false;
        }
    }
}

fn all_tests() -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for (folder, root) in [("src", "src"), ("tests", "tests"), ("trustlist/src", ""), ("trustlist/tests", "")]
    {
        for file in rust_files(folder) {
            let module = module_of(&file, &path(root)).replace("trustlist::src", "trustlist");
            tests_in(&std::fs::read_to_string(&file).unwrap(), &module, &mut all);
        }
    }
    all
}

/// The file or folder of a place: `phone::acceptance`, or a path of the project.
fn place(name: &str) -> Option<PathBuf> {
    let candidates = if name.contains("::") || !name.contains(['/', '.']) {
        let name = name.replace("::", "/");
        let of_files = name.strip_prefix("trustlist").map(|name| format!("trustlist/src{name}"));
        let name = of_files.unwrap_or_else(|| format!("src/{name}"));
        vec![format!("{name}.rs"), format!("{name}/mod.rs"), format!("{name}/lib.rs")]
    } else {
        vec![name.to_owned()]
    };
    candidates.iter().map(|name| path(name)).find(|path| path.exists())
}

/// The printed text of a source file: without comments, except those that are help; with continued lines joined.
fn printed(text: &str) -> String {
    let is_code = |line: &&str| !line.trim_start().starts_with("//") || line.trim_start().starts_with("///");
    let lines: Vec<_> = text.lines().filter(is_code).collect();
    let joined = lines.join("\n").replace("\\\n", "");
    joined.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// String literals of a source file; of a file that is text, all of it.
fn literals(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    if file.extension().is_none_or(|e| e != "rs") {
        return vec![printed(&text)];
    }
    let text = text.split("\n#[cfg(test)]\n").next().unwrap().replace("\\\"", "\u{1}");
    let code: Vec<_> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join("\n").replace("'\"'", "");
    // Comments of the command line are its help.
    let help = text.lines().filter_map(|line| line.trim_start().strip_prefix("/// "));
    let help = help.collect::<Vec<_>>().join(" ");
    let help = file.starts_with(path("src/cli")).then(|| printed(&help));
    code.split('"').skip(1).step_by(2).map(printed).chain(help).collect()
}

#[test]
fn every_row_has_the_form_of_the_page() {
    let text = String::from_utf8(read("docs/facts.md")).unwrap();
    let (rows, keys, mut errors) = register(&text);
    assert!(rows.len() >= 30 && keys.len() >= 10);
    let tests = all_tests();
    let mut lines = BTreeMap::new();
    for row in &rows {
        let Row { line, id, fact, .. } = row;
        let mut wrong = |what: String| errors.push(format!("line {line}, {id}: {what}"));
        if let Some(first) = lines.insert(id.clone(), line) {
            wrong(format!("stands at line {first} already"));
        }
        let is_id = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-".contains(c);
        if !id.contains('.') || !id.chars().all(is_id) {
            wrong("an id is words with a point between: phones.blind".to_owned());
        }
        if fact.len() < 20 {
            wrong("no fact".to_owned());
        }
        for source in sources(&row.source).iter().filter(|source| !is_source(source, &keys)) {
            wrong(format!("{source:?} is no source: a document and its section, derived: …, open: …"));
        }
        for name in row.places.iter().filter(|name| place(name).is_none()) {
            wrong(format!("there is no {name:?}"));
        }
        for test in row.tests.iter().filter(|test| !tests.contains(*test)) {
            wrong(format!("there is no test {test:?}"));
        }
    }
    assert!(errors.is_empty(), "docs/facts.md:\n{}", errors.join("\n"));
}

/// The words of an open row, in backticks, are in the file that the row names; and every file that prints such words has an
/// open row.
#[test]
fn what_is_open_is_said_in_the_same_words() {
    let (rows, _, _) = register(&String::from_utf8(read("docs/facts.md")).unwrap());
    let open: Vec<_> = rows.iter().filter(|row| row.source.contains("open: ")).collect();
    assert!(open.len() >= 5);
    let mut errors = vec![];
    let mut named = BTreeSet::new();
    for row in open {
        let files: Vec<_> = row.places.iter().filter_map(|name| place(name)).collect();
        named.extend(files.iter().cloned());
        if row.fact.contains("not printed") {
            continue;
        }
        let quoted = row.fact.split('`').skip(1).step_by(2);
        let words: Vec<_> = quoted.filter(|q| is_open(q)).collect();
        let stands = |words: &&str| {
            files.iter().filter(|f| f.is_file()).flat_map(|f| literals(f)).any(|text| text.contains(words))
        };
        if words.is_empty() || !words.iter().all(stands) {
            errors.push(format!(
                "line {}, {}: an open fact quotes {OPEN_WORDS:?} as it is printed in {:?}: {words:?}",
                row.line, row.id, row.places
            ));
        }
    }
    let topics = std::fs::read_dir(path("docs/guide")).unwrap().map(|entry| entry.unwrap().path());
    for file in [rust_files("src"), rust_files("trustlist/src")].concat().into_iter().chain(topics) {
        let short = file.strip_prefix(path("")).unwrap().display().to_string();
        for text in literals(&file) {
            let text = text.to_lowercase();
            if let Some(words) = OTHER_WORDS.iter().find(|words| text.contains(**words)) {
                errors.push(format!("{short}: {words:?} is said as {OPEN_WORDS:?}: {text:?}"));
            }
            if is_open(&text) && !named.contains(&file) {
                errors.push(format!("{short}: no open row of docs/facts.md names this file: {text:?}"));
            }
        }
    }
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}

/// If a figure in 118893 differs from its log, the golden files follow the log.
#[test]
fn printed_figures_that_differ_are_written_down() {
    let facts = String::from_utf8(read("docs/facts.md")).unwrap();
    for (file, function, printed) in [
        ("tokenless.tlv", Function::CAPF, "74:4B:49:99:77:04:96:E7:99:E9:1E:81:D3:C8:10:9B"),
        ("itl.tlv", Function::SAST, "21:00:2D:17:00:00:00:00:05"),
    ] {
        let list = golden(file);
        let record = list.list().records().iter().find(|r| r.function() == function).unwrap();
        let (_, serial) = record.id().unwrap();
        let ours: Vec<_> = serial.iter().map(|byte| format!("{byte:02X}")).collect();
        assert_ne!(ours.join(":"), printed);
        let told = facts.contains(&ours.join(":")) || facts.contains(&ours.concat());
        assert!(facts.contains(printed) && told, "{file}: {}", ours.join(":"));
    }
}

#[test]
fn the_reader_of_this_register_finds_what_it_must_find() {
    let mut found = BTreeSet::new();
    tests_in(
        "#[test]\nfn a() {}\nfn helper() {}\nmod tests {\n    #[test]\n    fn b() {}\n}\n",
        "m",
        &mut found,
    );
    tests_in("proptest! {\n    #[test]\n    fn c(x in 0..9) {}\n}\n#[test]\nfn d() {}\n", "n", &mut found);
    assert_eq!(found, ["m::a", "m::tests::b", "n::c", "n::d"].map(str::to_owned).into());
    let tests = all_tests();
    assert!(tests.contains("facts::the_reader_of_this_register_finds_what_it_must_find"));
    assert!(tests.iter().any(|name| name.starts_with("trustlist::tests::api::")));
    assert!(tests.len() > 200, "{}", tests.len());
    let keys = BTreeSet::from(["116232".to_owned(), "RFC".to_owned()]);
    for (source, good) in [
        ("116232, FAQ", true),
        ("RFC 4514, section 2.4", true),
        ("derived: the CTL still decides", true),
        ("open: no source shows it", true),
        ("116232", false),
        ("somebody said so", false),
        ("open: ", false),
        ("999999, FAQ", false),
        ("", false),
    ] {
        assert_eq!(is_source(source, &keys), good, "{source:?}");
    }
    assert_eq!(sources("116232, a (b; c); derived: d"), ["116232, a (b; c)", "derived: d"]);
    let (rows, _, errors) = register("| a.b | fact | x, y | m, n | t |\n| a.c | fact | x |\n| open");
    assert_eq!((rows.len(), errors.len()), (1, 2));
}
