//! A journal without names and addresses: each is replaced by the same words everywhere. Checksums stay.

use std::collections::HashMap;
use std::net::IpAddr;

use aho_corasick::{AhoCorasick, MatchKind};
use serde_json::Value;

use super::entry::{Event, FileFingerprint, JournalLine};
use super::verify::VerifiedJournal;
use crate::trustlist::{Function, Record, TrustFile, digest};

/// What is never a name: words of the format, and checksums.
const WORDS: [&str; 3] = ["event", "mark", "outcome"];
const SUMS: [&str; 7] = ["time", "prev", "digest", "md5", "sha1", "sha256", "certificate_sha256"];
/// Parts of the names of files that name nobody, and so stay.
const FILE_PARTS: [&str; 9] =
    ["ctlfile", "itlfile", "new", "old", "bridge", "unverified", "tlv", "bak", "cer"];
const EXTENSIONS: [&str; 14] =
    ["tlv", "cer", "pem", "der", "sgn", "xml", "cnf", "bak", "txt", "sig", "cut", "tar", "jsonl", "toml"];
/// A name of fewer bytes is replaced only where it stands alone.
const SHORT: usize = 6;

/// The names of a journal, and what stands in their place.
#[derive(Default)]
pub struct Redaction {
    /// In lower case.
    words: HashMap<String, String>,
    used: HashMap<&'static str, u32>,
    search: Option<AhoCorasick>,
    replacements: Vec<String>,
}

impl Redaction {
    /// Of all names in a journal, in their order.
    pub fn of(journal: &VerifiedJournal) -> Self {
        let mut it = Redaction::default();
        // Lists first: they say which names and addresses are of one node.
        for line in journal.lines() {
            if let Event::Input { file, .. } | Event::Output { file, .. } = &line.event {
                it.list(file);
            }
        }
        for line in journal.lines() {
            match &line.event {
                Event::Start { operator, host, .. } => {
                    it.add("user", &[operator.split(" (").next().unwrap_or_default(), operator]);
                    it.add("host", &[host]);
                }
                Event::Token(token) => it.add("token", &[&token.name, &token.label, &token.serial]),
                Event::Request { people, .. } => {
                    people.iter().for_each(|person| it.add("person", &[&person.name, &person.key]));
                }
                Event::Tokens { certificates } => {
                    certificates.iter().for_each(|token| it.add("token", &[&token.name]));
                }
                Event::Run(id) => {
                    it.add("node", &[host_of(&id.node)]);
                    it.path(&id.folder);
                }
                Event::Step { part: Some(part), .. } => it.add("node", &[host_of(&part.node)]),
                Event::Input { file, .. } => it.path(&file.file),
                Event::Plan { out, .. } => it.path(out),
                Event::Output { file, signed_by, kept_old_as } => {
                    it.add("certificate", &[signed_by]);
                    it.path(&file.file);
                    kept_old_as.iter().for_each(|path| it.path(path));
                }
                Event::Transcript { file } => it.path(file),
                _ => {}
            }
            let mut line = serde_json::to_value(without_files(line)).unwrap_or_default();
            each_text(&mut line, "", &mut |text| it.discover(text));
        }
        let (names, replacements): (Vec<_>, Vec<_>) = it.words.drain().unzip();
        let mut search = AhoCorasick::builder();
        search.ascii_case_insensitive(true).match_kind(MatchKind::LeftmostLongest);
        it.search = search.build(names).ok();
        it.replacements = replacements;
        it
    }

    /// A text without names. Without a search that works nothing is shown.
    pub fn text(&self, text: &str) -> String {
        let Some(search) = &self.search else { return "…".to_owned() };
        let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let (mut out, mut shown) = (String::new(), 0);
        for found in search.find_iter(text) {
            let before = text.get(..found.start()).and_then(|text| text.chars().next_back());
            let after = text.get(found.end()..).and_then(|text| text.chars().next());
            if found.len() >= SHORT || !is_word(before) && !is_word(after) {
                out += text.get(shown..found.start()).unwrap_or_default();
                out += self.replacements.get(found.pattern().as_usize()).map_or("…", |it| it);
                shown = found.end();
            }
        }
        out + text.get(shown..).unwrap_or_default()
    }

    /// The journal without names.
    pub fn journal(&self, mut journal: VerifiedJournal) -> VerifiedJournal {
        let line = |line: &JournalLine| {
            let mut line = without_files(line);
            if let Event::Start { command, .. } = &mut line.event {
                *command = without_values(command);
            }
            let mut value = serde_json::to_value(line).ok()?;
            each_text(&mut value, "", &mut |text| *text = self.text(text));
            serde_json::from_value(value).ok()
        };
        journal.lines = journal.lines.iter().filter_map(line).collect();
        journal
    }

    /// Names of one thing: if one of them is known already, all are called as it is.
    fn add(&mut self, kind: &'static str, names: &[&str]) {
        let names = || names.iter().map(|name| name.to_lowercase()).filter(|name| !name.is_empty());
        let known = names().find_map(|name| self.words.get(&name).cloned());
        let words = known.unwrap_or_else(|| {
            let used = self.used.entry(kind).or_default();
            *used = used.saturating_add(1);
            let letter =
                char::from_u32(used.saturating_add(64)).filter(|c| c.is_ascii_uppercase() && kind == "token");
            letter.map_or_else(|| format!("{kind} {used}"), |letter| format!("{kind} {letter}"))
        });
        for name in names() {
            self.words.entry(name).or_insert_with(|| words.clone());
        }
    }

    fn list(&mut self, file: &FileFingerprint) {
        let Some(Ok(TrustFile::List(list))) = file.content().map(TrustFile::decode) else { return };
        list.records().iter().for_each(|record| self.record(record));
        self.add("certificate", &[&list.header().signer_short_name()]);
    }

    fn record(&mut self, record: &Record) {
        let text = Option::unwrap_or_default;
        let address = record.ip_address().filter(|ip| !ip.is_unspecified()).map(|ip| ip.to_string());
        let (name, dns, address) = (record.short_name(), text(record.dns_name()), text(address));
        let (subject, issuer) = (text(record.subject_name()), text(record.issuer_name()));
        let is_host = ![Function::SAST, Function::CAPF].contains(&record.function());
        if record.is_token() {
            self.add("token", &[&name, &subject]);
        }
        self.add("node", &[&dns, &address]);
        self.add(
            if is_host { "node" } else { "certificate" },
            &[if is_host { &dns } else { "" }, &name, &subject],
        );
        self.add("certificate", &[&issuer]);
        let serial = record.signer_id().serial;
        if serial.len() > 3 {
            self.add("serial", &[&digest::hex(&serial, ""), &digest::hex(&serial, ":")]);
        }
    }

    /// A file: its own name where that is one of the usual ones and of no other file.
    fn path(&mut self, path: &str) {
        let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
        let usual = |part: &str| FILE_PARTS.contains(&&*part.to_lowercase()) || part.parse::<u32>().is_ok();
        if name.split('.').all(usual) && !self.words.values().any(|it| it == name) {
            self.words.entry(path.to_lowercase()).or_insert_with(|| name.to_owned());
        }
        self.add("file", &[path]);
    }

    /// What looks like an address, a host, a phone, a user or a place anywhere in a text.
    fn discover(&mut self, text: &str) {
        for word in text.split(|c: char| !(c.is_alphanumeric() || "._-:@/\\".contains(c))) {
            let word = word.trim_end_matches(['.', ':']);
            if word.len() > 2 && (word.starts_with('/') || word.contains(":\\")) {
                self.path(word);
            }
            if word.parse::<IpAddr>().is_ok() {
                self.add("node", &[word]);
            }
            if let Some((user, _)) = word.split_once('@') {
                self.add("user", &[user.rsplit('/').next().unwrap_or_default()]);
            }
            for piece in word.split(['/', '@', ':', '\\']) {
                let mac = piece.get(3..15).filter(|mac| mac.bytes().all(|b| b.is_ascii_hexdigit()));
                let last = piece.rsplit_once('.').map(|(_, last)| last.to_lowercase()).unwrap_or_default();
                let is_name = last.len() > 1 && last.bytes().all(|b| b.is_ascii_alphabetic());
                if let (Some(mac), true) = (mac, piece.to_lowercase().starts_with("sep")) {
                    self.add("phone", &[&format!("sep{mac}"), mac]);
                } else if piece.parse::<IpAddr>().is_ok() || is_name && !EXTENSIONS.contains(&&*last) {
                    self.add("node", &[piece]);
                }
            }
        }
    }
}

/// Every text of a line but words of the format and checksums.
fn each_text(value: &mut Value, key: &str, of: &mut dyn FnMut(&mut String)) {
    let is_sum = |text: &str| text.chars().all(|c| c.is_ascii_hexdigit() || "@-:TZ.".contains(c));
    match value {
        Value::String(text) if !(WORDS.contains(&key) || SUMS.contains(&key) && is_sum(text)) => of(text),
        Value::Array(values) => values.iter_mut().for_each(|value| each_text(value, key, of)),
        Value::Object(fields) => fields.iter_mut().for_each(|(key, value)| each_text(value, key, of)),
        _ => {}
    }
}

/// The files of a journal are full of names.
fn without_files(line: &JournalLine) -> JournalLine {
    let mut line = line.clone();
    if let Event::Input { file, .. } | Event::Output { file, .. } = &mut line.event {
        file.data = None;
    }
    line
}

/// A command line as far as it names nobody: the command, and which options it had.
fn without_values(command: &[String]) -> Vec<String> {
    let has_parts = command.get(1).is_some_and(|it| ["ctl", "cluster"].contains(&&**it));
    let word =
        |(at, word): (usize, &String)| match word.strip_prefix("--").and_then(|it| it.split('=').next()) {
            _ if at == 0 => "sastctl".to_owned(),
            Some(option) => format!("--{option}"),
            None if at == 1 || at == 2 && has_parts => word.clone(),
            None => "…".to_owned(),
        };
    command.iter().enumerate().map(word).collect()
}

/// A node without its port.
fn host_of(node: &str) -> &str {
    match node.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() && !host.contains(':') => host,
        _ => node,
    }
}
