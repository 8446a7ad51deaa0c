//! The text that a terminal shows for a stream of bytes: lines without escape sequences, with overwritten characters replaced.

/// The longest line, in characters; longer ones are cut. No output of a shell is that long.
const LONGEST_LINE: usize = 64 * 1024;
/// The number of last lines in an error.
const LAST_LINES: usize = 6;
/// The number of characters of each.
const LONGEST: usize = 400;
/// The most text that is kept, in bytes: twice the largest list as a hexadecimal dump. More is a stream without end.
const MOST: usize = 48 * 1024 * 1024;
/// The memory of a finished line in addition to its characters, in bytes.
const LINE: usize = size_of::<String>();

/// The lines that were shown since the screen was last cleared.
#[derive(Default)]
pub struct Screen {
    lines: Vec<String>,
    line: Line,
    /// Bytes in the finished lines.
    held: usize,
    parser: vte::Parser,
    /// The first bytes of a character that was cut: the parser gets whole characters, because it may lose what follows a cut one.
    cut: Vec<u8>,
}

/// The line of the cursor.
#[derive(Default)]
struct Line {
    text: Vec<char>,
    column: usize,
}

impl Screen {
    /// Clears the text.
    pub fn clear(&mut self) {
        self.lines.clear();
        self.held = 0;
        self.forget_last_line();
    }

    /// The finished lines.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Whether the limit is reached, so that more text is not kept.
    pub fn is_full(&self) -> bool {
        self.held >= MOST
    }

    /// The last lines that are not empty, joined into one line.
    pub fn last_words(&self) -> String {
        let from = self.lines.len().saturating_sub(50);
        let mut lines = self.lines.get(from..).unwrap_or_default().to_vec();
        lines.push(self.last_line());
        last_words(&lines)
    }

    /// The line of the cursor.
    pub fn last_line(&self) -> String {
        self.line.text.iter().collect()
    }

    /// Removes the line of the cursor: a pager's question after it was answered.
    pub fn forget_last_line(&mut self) {
        self.line = Line::default();
    }

    /// Adds bytes; a sequence may be cut anywhere. It ends with its line at the latest: noise may interrupt it.
    pub fn feed(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let text = part.strip_suffix(b"\n");
            self.cut.extend_from_slice(text.unwrap_or(part));
            let rest = self.cut.split_off(whole_characters(&self.cut));
            self.parser.advance(&mut self.line, &self.cut);
            self.cut = rest;
            if text.is_some() {
                let line = self.last_line();
                self.forget_last_line();
                (self.parser, self.cut) = (vte::Parser::default(), vec![]);
                if !self.is_full() {
                    self.held = self.held.saturating_add(line.len()).saturating_add(LINE);
                    self.lines.push(line);
                }
            }
        }
    }
}

/// How many bytes there are before a character that is not complete.
fn whole_characters(bytes: &[u8]) -> usize {
    let is_cut = |from: &usize| {
        let tail = bytes.get(*from..).map(str::from_utf8);
        matches!(tail, Some(Err(e)) if e.valid_up_to() == 0 && e.error_len().is_none())
    };
    let last = bytes.len().saturating_sub(3)..bytes.len();
    last.into_iter().find(is_cut).unwrap_or(bytes.len())
}

impl vte::Perform for Line {
    fn print(&mut self, c: char) {
        let length = self.text.len();
        match self.text.get_mut(self.column) {
            // DEL
            _ if c == '\u{7f}' => return self.execute(0x08),
            // The parser prints such a character if it was cut between two pieces.
            _ if matches!(c, '\u{80}'..='\u{9f}') => return,
            Some(there) => *there = c,
            None if length < LONGEST_LINE => self.text.push(c),
            None => return,
        }
        self.column = self.column.saturating_add(1);
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            b'\r' => self.column = 0,
            0x08 => self.column = self.column.saturating_sub(1),
            b'\t' => self.print('\t'),
            // BEL, NUL and the rest show nothing.
            _ => {}
        }
    }

    fn csi_dispatch(&mut self, _: &vte::Params, _: &[u8], _: bool, action: char) {
        match action {
            // Erases to the end of the line.
            'K' => self.text.truncate(self.column),
            'D' => self.execute(0x08),
            _ => {}
        }
    }
}

/// The last lines that are not empty, joined into one line.
pub(in crate::cluster) fn last_words<S: AsRef<str>>(lines: &[S]) -> String {
    let said: Vec<&str> =
        lines.iter().rev().map(|l| l.as_ref().trim()).filter(|l| !l.is_empty()).take(LAST_LINES).collect();
    let shown: Vec<String> = said.iter().rev().map(|line| line.chars().take(LONGEST).collect()).collect();
    if shown.is_empty() { "nothing".to_owned() } else { shown.join(" / ") }
}
