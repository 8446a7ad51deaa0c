//! The topics of `help`: pages of the guide in `docs/guide/`, shown in a terminal and in man pages.

/// A page of the guide.
pub struct Topic {
    /// The word behind `help`, and the name of the file.
    pub name: &'static str,
    page: &'static str,
}

macro_rules! page {
    ("json") => {
        include_str!("../../docs/json.md")
    };
    ($name:literal) => {
        include_str!(concat!("../../docs/guide/", $name, ".md"))
    };
}
macro_rules! pages {
    ($($name:tt)*) => { &[$(Topic { name: $name, page: page!($name) }),*] };
}

/// What somebody wants to do.
const JOBS: &[Topic] = pages!(
    "reverting" "bridge" "lost-tokens" "expiring" "renewal" "renewal-run" "audit" "hsm" "way-back" "to-tokenless"
    "phone-sast-trust" "secured" "migration" "refusing-phones" "pbx" "windows" "serial"
);

/// What somebody wants to look up.
const REFERENCE: &[Topic] = pages!("configuration" "exit-codes" "pin" "json" "profiles" "glossary");

/// Every topic: jobs, then reference.
pub fn all() -> impl Iterator<Item = &'static Topic> {
    JOBS.iter().chain(REFERENCE)
}

/// The topics as a list of two groups, a line for each topic.
pub fn list() -> String {
    let group = |head: &str, topics: &[Topic]| {
        let line = |topic: &Topic| format!("  {:<18}{}\n", topic.name, topic.title());
        format!("{head}:\n{}", topics.iter().map(line).collect::<String>())
    };
    format!("{}\n{}", group("Jobs", JOBS), group("Reference", REFERENCE))
}

impl Topic {
    /// The heading of the page.
    pub fn title(&self) -> &'static str {
        self.page.lines().next().unwrap_or_default().trim_start_matches("# ")
    }

    /// The page as a terminal shows it: without fences and the marks of headings; a link is the command that shows
    /// the other page.
    pub fn text(&self) -> String {
        let (mut text, mut in_block) = (String::new(), false);
        for line in self.page.lines() {
            let is_fence = line.starts_with("```");
            in_block ^= is_fence;
            // Where a link leads to stands at the end of the page.
            if is_fence || (!in_block && line.starts_with('[') && line.contains("]: ")) {
                continue;
            }
            let is_heading = !in_block && line.starts_with('#');
            let line = if is_heading { line.trim_start_matches('#').trim_start() } else { line };
            let command = |line: String, other: &Topic| {
                line.replace(&format!("[{}]", other.name), &format!("`sastctl help {}`", other.name))
            };
            text += &if in_block { line.to_owned() } else { all().fold(line.to_owned(), command) };
            text.push('\n');
        }
        format!("{}\n", text.trim_end())
    }
}
