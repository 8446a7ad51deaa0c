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
#[derive(Debug, Default)]
pub struct Screen {
    lines: Vec<String>,
    line: Vec<char>,
    column: usize,
    /// Bytes in the finished lines.
    held: usize,
    state: State,
    /// Bytes of a character that is not complete yet.
    partial: Vec<u8>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    /// ESC was seen.
    Escape,
    /// ESC [ … until a letter.
    Sequence,
    /// ESC ] … until BEL or ESC \.
    Title,
    TitleEscape,
    /// ESC ( and similar: one more byte.
    Charset,
}

impl Screen {
    /// Clears the text.
    pub fn clear(&mut self) {
        self.lines.clear();
        self.held = 0;
        self.line.clear();
        self.column = 0;
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
        self.line.iter().collect()
    }

    /// Removes the line of the cursor: a pager's question after it was answered.
    pub fn forget_last_line(&mut self) {
        self.line.clear();
        self.column = 0;
    }

    /// Adds bytes; a sequence may be cut anywhere.
    pub fn feed(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.byte(*byte);
        }
    }

    fn byte(&mut self, byte: u8) {
        match self.state {
            State::Text => self.text(byte),
            State::Escape => {
                self.state = match byte {
                    b'[' => State::Sequence,
                    b']' => State::Title,
                    b'(' | b')' | b'#' | b'%' => State::Charset,
                    _ => State::Text,
                };
            }
            State::Sequence => match byte {
                b'K' => {
                    // Erases to the end of the line.
                    self.line.truncate(self.column);
                    self.state = State::Text;
                }
                b'D' => {
                    self.column = self.column.saturating_sub(1);
                    self.state = State::Text;
                }
                0x40..=0x7e => self.state = State::Text,
                0x1b => self.state = State::Escape,
                b'\n' => {
                    // Noise interrupted the sequence.
                    self.state = State::Text;
                    self.text(byte);
                }
                _ => {}
            },
            State::Title => match byte {
                0x07 | b'\n' => self.state = State::Text,
                0x1b => self.state = State::TitleEscape,
                _ => {}
            },
            State::TitleEscape | State::Charset => self.state = State::Text,
        }
    }

    fn text(&mut self, byte: u8) {
        match byte {
            0x1b => self.state = State::Escape,
            b'\n' => {
                let line: String = self.line.drain(..).collect();
                if !self.is_full() {
                    self.held = self.held.saturating_add(line.len()).saturating_add(LINE);
                    self.lines.push(line);
                }
                self.column = 0;
            }
            b'\r' => self.column = 0,
            0x08 | 0x7f => self.column = self.column.saturating_sub(1),
            b'\t' => self.put('\t'),
            0x20..=0x7e => self.put(char::from(byte)),
            0x80.. => self.beyond_ascii(byte),
            // BEL, NUL and the rest show nothing.
            _ => {}
        }
    }

    fn beyond_ascii(&mut self, byte: u8) {
        self.partial.push(byte);
        match std::str::from_utf8(&self.partial) {
            Ok(text) => {
                let text = text.to_owned();
                self.partial.clear();
                // U+009B begins a sequence as ESC [ does.
                text.chars().filter(|c| !c.is_control()).for_each(|c| self.put(c));
            }
            Err(e) if e.error_len().is_some() || self.partial.len() > 3 => {
                self.partial.clear();
                self.put(char::REPLACEMENT_CHARACTER);
            }
            Err(_) => {}
        }
    }

    fn put(&mut self, c: char) {
        let length = self.line.len();
        match self.line.get_mut(self.column) {
            Some(there) => *there = c,
            None if length < LONGEST_LINE => self.line.push(c),
            None => return,
        }
        self.column = self.column.saturating_add(1);
    }
}

/// The last lines that are not empty, joined into one line.
pub(in crate::cluster) fn last_words<S: AsRef<str>>(lines: &[S]) -> String {
    let said: Vec<&str> =
        lines.iter().rev().map(|l| l.as_ref().trim()).filter(|l| !l.is_empty()).take(LAST_LINES).collect();
    let shown: Vec<String> = said.iter().rev().map(|line| line.chars().take(LONGEST).collect()).collect();
    if shown.is_empty() { "nothing".to_owned() } else { shown.join(" / ") }
}
