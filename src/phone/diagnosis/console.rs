//! The console log of a phone, as somebody pastes it: what it says about lists, TVS and the configuration file.

use super::super::page::MessageKind as Kind;

/// What a phone's console log says; `None`: it says nothing about it. The newest line counts.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct ConsoleLog {
    /// What became of the list that it loaded last.
    pub list: Option<Kind>,
    /// Whether it verified its configuration file.
    pub config: Option<bool>,
    /// Whether it authenticated TVS by a record of its ITL.
    pub tvs_known: Option<bool>,
    /// Whether TVS said that a certificate is valid.
    pub tvs_valid: Option<bool>,
    /// The words that were recognised, in their order.
    pub words: Vec<String>,
}

/// How many of the words are kept, the newest ones.
const MOST: usize = 50;

/// What words of a log mean; `If`: the word behind them decides, and this one is good.
#[derive(Clone, Copy)]
enum Means {
    List(Kind),
    ListIf(&'static str),
    Config,
    TvsKnown,
    TvsValidIf(&'static str),
}

/// In lower case: 116232 prints the lines with SECD, 213407 those with SECUREAPP and `failReason`; the others are status messages.
const WORDS: [(&str, Means); 14] = [
    ("file sign verify success", Means::List(Kind::Updated)),
    ("tl file verified successfully", Means::List(Kind::Updated)),
    ("tl file updated", Means::List(Kind::Updated)),
    ("failreason:", Means::ListIf("success")),
    ("trust list update failed", Means::List(Kind::Failed)),
    ("ctl update failed", Means::List(Kind::Failed)),
    ("trust list updated", Means::List(Kind::Updated)),
    ("no trust list installed", Means::List(Kind::NoList)),
    ("erasing ctl and itl files", Means::List(Kind::Erased)),
    ("verifyfile: verify success", Means::Config),
    ("tvs cert verified with hash from tl", Means::TvsKnown),
    ("authenticated the https conn via tvs", Means::TvsKnown),
    ("hashes match... authentication", Means::TvsValidIf("successful")),
    ("authentication response received, status :", Means::TvsValidIf("0")),
];

impl ConsoleLog {
    /// Reads a log; its lines may be broken anywhere between words.
    pub fn read(text: &str) -> Self {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        let places = |(words, means): (&'static str, Means)| {
            text.match_indices(words).map(move |(at, _)| (at, words, means)).collect::<Vec<_>>()
        };
        let mut found: Vec<_> = WORDS.into_iter().flat_map(places).collect();
        found.sort_by_key(|(at, ..)| *at);
        found.drain(..found.len().saturating_sub(MOST));
        let mut log = ConsoleLog::default();
        for (at, words, means) in found {
            let behind = text.get(at.saturating_add(words.len())..).unwrap_or_default();
            let next = behind.split_whitespace().next().unwrap_or_default();
            let is = |good: &str| next.trim_end_matches(|c: char| !c.is_alphanumeric()) == good;
            match means {
                Means::List(kind) => log.list = Some(kind),
                Means::ListIf(good) => log.list = Some(if is(good) { Kind::Updated } else { Kind::Failed }),
                Means::Config => log.config = Some(true),
                Means::TvsKnown => log.tvs_known = Some(true),
                // A phone asks no server that it cannot authenticate.
                Means::TvsValidIf(good) => (log.tvs_known, log.tvs_valid) = (Some(true), Some(is(good))),
            }
            let decides = matches!(means, Means::ListIf(_) | Means::TvsValidIf(_));
            log.words.push(format!("{words} {}", if decides { next } else { "" }).trim_end().to_owned());
        }
        log
    }
}
