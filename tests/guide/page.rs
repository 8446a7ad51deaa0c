//! A page: its commands with what it shows of their output, and the comparison with what they print.

use std::ops::Range;

/// What stands for any lines, and for any characters in a line.
const ANY_LINES: &str = "...";
const ANY: &str = "[..]";

/// How long a line of a page is at most.
const WIDTH: usize = 80;

/// A command of a page.
#[derive(Debug)]
pub struct Step {
    pub command: String,
    /// What the page shows of the output.
    pub shown: String,
    pub code: i32,
    /// Where the command stands, and where its output stands, as numbers of lines.
    pub at: usize,
    output: Range<usize>,
}

/// The commands of the ```console blocks, in the order of the page.
pub fn steps(page: &str) -> Vec<Step> {
    let lines: Vec<&str> = page.lines().collect();
    let mut steps: Vec<Step> = vec![];
    let (mut inside, mut at) = (false, 0);
    while at < lines.len() {
        let line = lines[at];
        if line.starts_with("```") {
            inside = line == "```console";
        } else if let (true, Some(first)) = (inside, line.strip_prefix("$ ")) {
            let mut step =
                Step { command: first.to_owned(), shown: String::new(), code: 0, at, output: 0..0 };
            while step.command.ends_with('\\') {
                at += 1;
                step.command = format!("{} {}", step.command.trim_end_matches('\\'), lines[at].trim_start());
            }
            if let Some(code) = lines.get(at + 1).and_then(|l| l.strip_prefix("? ")) {
                step.code = code.parse().unwrap();
                at += 1;
            }
            step.output = at + 1..at + 1;
            steps.push(step);
        } else if let (true, Some(step)) = (inside, steps.last_mut()) {
            step.shown += line;
            step.shown.push('\n');
            step.output.end = at + 1;
        }
        at += 1;
    }
    steps
}

/// Words: where a line ends, and how many blanks there are, makes no difference.
fn words(text: &str) -> Vec<&str> {
    let of_line =
        |line| if str::trim(line) == ANY_LINES { vec![ANY_LINES] } else { line.split_whitespace().collect() };
    text.lines().flat_map(of_line).collect()
}

/// Whether a word is what the page shows.
fn fits(shown: &str, printed: &str) -> bool {
    let mut parts = shown.split(ANY);
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = printed.strip_prefix(first) else { return false };
    let mut parts: Vec<_> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some((_, behind)) = rest.split_once(part) else { return false };
        rest = behind;
    }
    rest.ends_with(last)
}

/// Whether the output is what the page shows of it.
pub fn is_shown(shown: &str, printed: &str) -> bool {
    let (shown, printed) = (words(shown), words(printed));
    let (mut s, mut p) = (0, 0);
    let mut back = None;
    while p < printed.len() {
        if shown.get(s) == Some(&ANY_LINES) {
            back = Some((s, p));
            s += 1;
        } else if shown.get(s).is_some_and(|word| fits(word, printed[p])) {
            (s, p) = (s + 1, p + 1);
        } else if let Some((any, from)) = back {
            back = Some((any, from + 1));
            (s, p) = (any + 1, from + 1);
        } else {
            return false;
        }
    }
    shown[s..].iter().all(|word| *word == ANY_LINES)
}

/// A line in pieces that fit a page; what follows the first piece is indented further.
fn folded(line: &str) -> Vec<String> {
    let (mut pieces, mut rest) = (vec![], line.trim_end().to_owned());
    let indent = rest.len() - rest.trim_start().len() + 2;
    while rest.chars().count() > WIDTH {
        let end = rest.char_indices().nth(WIDTH).map_or(rest.len(), |(at, _)| at);
        let Some(at) = rest[..end].rfind(' ').filter(|at| *at > indent) else { break };
        let behind = format!("{:indent$}{}", "", rest[at..].trim_start());
        rest.truncate(at);
        pieces.push(rest.trim_end().to_owned());
        rest = behind;
    }
    pieces.push(rest);
    pieces
}

/// How much two lines have in common: 0 to 1000.
fn likeness(one: &str, other: &str) -> usize {
    let (one, other): (Vec<_>, Vec<_>) =
        (one.split_whitespace().collect(), other.split_whitespace().collect());
    let common = one.iter().filter(|word| other.contains(word)).count();
    common * 1000 / one.len().max(other.len()).max(1)
}

/// The lines of an output that a page shows already, in today's words; what it leaves out stays left out.
fn kept(shown: &str, output: &[String]) -> Option<Vec<String>> {
    let shown: Vec<&str> = shown.trim_end().lines().collect();
    let parts: Vec<&[&str]> = shown.split(|line| *line == ANY_LINES).collect();
    let (mut lines, mut from) = (vec![], 0);
    for (number, part) in parts.iter().enumerate() {
        if number > 0 {
            lines.push(ANY_LINES.to_owned());
        }
        let ([first, ..], [.., last]) = (part, part) else { continue };
        let most_like = |line: &str, from: usize, expected: usize| {
            let like = |at: &usize| (likeness(line, &output[*at]), usize::MAX - at.abs_diff(expected));
            (from..output.len()).filter(|at| like(at).0 >= 500).max_by_key(like)
        };
        let begin = if number == 0 { 0 } else { most_like(first, from, from)? };
        let is_last = number + 1 == parts.len();
        let end = if is_last {
            output.len().checked_sub(1)?
        } else {
            most_like(last, begin, begin + part.len() - 1)?
        };
        lines.extend_from_slice(output.get(begin..=end)?);
        from = end + 1;
    }
    is_shown(&lines.join("\n"), &output.join("\n")).then_some(lines)
}

/// The page with these outputs in place of those that it shows.
pub fn rewritten(page: &str, steps: &[Step], outputs: &[Option<(String, i32)>]) -> String {
    let mut lines: Vec<String> = page.lines().map(str::to_owned).collect();
    for (step, output) in steps.iter().zip(outputs).rev() {
        let Some((output, code)) = output else { continue };
        let mut new: Vec<String> = output.trim_end().lines().flat_map(folded).collect();
        new = kept(&step.shown, &new).unwrap_or(new);
        let mut place = step.output.clone();
        if step.code != 0 {
            place.start -= 1;
        }
        if *code != 0 {
            new.insert(0, format!("? {code}"));
        }
        lines.splice(place, new);
    }
    lines.join("\n") + "\n"
}

#[test]
fn words_are_compared_and_what_may_differ_is_marked() {
    assert!(is_shown("a  b\nc", "a b c"));
    assert!(is_shown("a\n...\nz", "a b c z"));
    assert!(is_shown("a\n...", "a b"));
    assert!(is_shown("...\nz z y", "z z z y"));
    assert!(is_shown("x-[..]-y [..]", "x-1-2-y z"));
    for (shown, printed) in
        [("a", "a b"), ("a b", "a"), ("a\n...\nz", "a b"), ("x[..]y", "xz"), ("[..]", "a b")]
    {
        assert!(!is_shown(shown, printed), "{shown:?} {printed:?}");
    }
}

#[test]
fn what_a_page_leaves_out_stays_left_out() {
    let output = ["look at every node", "a", "b", "the PIN was asked for", "d", "e"].map(str::to_owned);
    let kept = kept("looks at every node\n...\nthe PIN is asked for\n...\n", &output).unwrap();
    assert_eq!(kept, ["look at every node", "...", "the PIN was asked for", "..."]);
}

#[test]
fn commands_are_found_with_their_outputs() {
    let page = "# A\n```console\n$ a \\\n    b\n? 1\nx\n\n$ c\n```\n```text\n$ d\n```\n";
    let found = steps(page);
    assert_eq!(found.len(), 2);
    assert_eq!((found[0].command.as_str(), found[0].code, found[0].shown.as_str()), ("a  b", 1, "x\n\n"));
    let outputs = [Some(("y\n".to_owned(), 0)), Some(("z".to_owned(), 4))];
    let new = rewritten(page, &found, &outputs);
    assert_eq!(new, "# A\n```console\n$ a \\\n    b\ny\n$ c\n? 4\nz\n```\n```text\n$ d\n```\n");
}
