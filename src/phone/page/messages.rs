//! The status messages of a phone that concern its trust lists, and the newest of them.

use std::cmp::Ordering;

use serde::Serialize;

use super::text::PageText;

/// What a message says about the lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum MessageKind {
    /// A list was installed or updated.
    #[error("a list was updated")]
    Updated,
    /// A list was not accepted or not loaded.
    #[error("an update failed")]
    Failed,
    /// There is no list.
    #[error("there is no list")]
    NoList,
    /// The lists were deleted.
    #[error("the lists were deleted")]
    Erased,
}

/// A message about the lists, as the page shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TrustMessage {
    /// What it says.
    pub kind: MessageKind,
    /// The whole line.
    pub text: String,
}

/// The newest message about the lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Newest {
    /// The page has no such message.
    None,
    /// This one.
    Message(TrustMessage),
    /// The messages contradict each other, and their order cannot be known.
    OrderNotKnown,
}

/// Words of messages, in lower case (P8800, P7832: "Status messages"). The first that is in a line counts.
const WORDS: [(&str, MessageKind); 10] = [
    ("no trust list installed", MessageKind::NoList),
    ("file not found <ctlfile.tlv>", MessageKind::NoList),
    ("erasing ctl", MessageKind::Erased),
    ("trust list update failed", MessageKind::Failed),
    ("ctl update failed", MessageKind::Failed),
    ("security token that signed the updated ctl file does not exist", MessageKind::Failed),
    ("trust list updated", MessageKind::Updated),
    ("ctl installed", MessageKind::Updated),
    ("ctl and itl installed", MessageKind::Updated),
    ("itl installed", MessageKind::Updated),
];

fn kind(line: &str) -> Option<MessageKind> {
    let line = line.to_lowercase();
    WORDS.iter().find(|(words, _)| line.contains(words)).map(|(_, kind)| *kind)
}

/// Finds the newest message. The page has no time zone, and a phone that was reset forgets its messages, so only the order of
/// the page's lines and their own times are compared.
pub fn newest(page: &PageText) -> Newest {
    let messages: Vec<TrustMessage> = page
        .lines
        .iter()
        .filter_map(|line| Some(TrustMessage { kind: kind(line)?, text: line.clone() }))
        .collect();
    let (Some(first), Some(last)) = (messages.first(), messages.last()) else { return Newest::None };
    if messages.iter().all(|message| message.kind == first.kind) {
        return Newest::Message(last.clone());
    }
    match order(page) {
        Ordering::Less => Newest::Message(last.clone()),
        Ordering::Greater => Newest::Message(first.clone()),
        Ordering::Equal => Newest::OrderNotKnown,
    }
}

/// Whether the times of a page rise from line to line, or fall. `Equal`: neither can be seen.
fn order(page: &PageText) -> Ordering {
    let times: Vec<Time> = page.lines.iter().filter_map(|line| Time::read(line)).collect();
    let (mut rise, mut fall) = (0_usize, 0_usize);
    for pair in times.windows(2) {
        let [one, next] = pair else { continue };
        // Of two days only the order of the dates would count, and its form depends on the user's language.
        match one.date.eq(&next.date).then(|| one.seconds.cmp(&next.seconds)) {
            Some(Ordering::Less) => rise = rise.saturating_add(1),
            Some(Ordering::Greater) => fall = fall.saturating_add(1),
            _ => {}
        }
    }
    fall.cmp(&rise)
}

/// The time at the beginning of a line: `11:39:03am 10/09/18`, `11:39:03a`, `23:39:03`.
#[derive(Debug, PartialEq, Eq)]
struct Time {
    seconds: u32,
    date: Option<String>,
}

impl Time {
    fn read(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let word = words.next()?.to_lowercase();
        let clock = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let mut numbers = clock.split(':').map(|number| number.parse::<u32>().ok());
        let mut number = || numbers.next().flatten();
        let (hour, minute, second) = (number()?, number()?, number()?);
        let half = word.get(clock.len()..).unwrap_or_default();
        let hour = match half.chars().next() {
            Some('p') => (hour % 12).saturating_add(12),
            Some('a') => hour % 12,
            _ => hour,
        };
        let seconds =
            hour.saturating_mul(3600).saturating_add(minute.saturating_mul(60)).saturating_add(second);
        let date = words.next().filter(|word| word.split('/').count() == 3).map(str::to_owned);
        Some(Time { seconds, date })
    }
}
