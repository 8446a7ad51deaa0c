//! The text of a page: rows of cells, and lines.

use html5gum::{DefaultEmitter, Token, Tokenizer};

/// The most cells and lines that are kept of a page; a phone's page has less than a hundred.
const MOST: usize = 2000;

/// What a page shows, without its markup. Entities are decoded.
#[derive(Debug, Default)]
pub struct PageText {
    /// The rows of its tables: the cells that are not empty.
    pub rows: Vec<Vec<String>>,
    /// Its lines. A row is a line; so is each text in quotation marks of a script.
    pub lines: Vec<String>,
}

/// Elements whose beginning and end are a line end.
const BLOCKS: [&str; 15] =
    ["br", "p", "div", "tr", "table", "li", "ul", "title", "h1", "h2", "h3", "pre", "body", "form", "script"];

impl PageText {
    /// Reads HTML, however it is broken.
    pub fn read(html: &[u8]) -> Self {
        let mut emitter = DefaultEmitter::default();
        emitter.naively_switch_states(true);
        let mut reader = Reader::default();
        for token in Tokenizer::new_with_emitter(html, emitter) {
            let Ok(token) = token;
            match token {
                Token::StartTag(tag) => reader.begin(&String::from_utf8_lossy(&tag.name)),
                Token::EndTag(tag) => reader.end(&String::from_utf8_lossy(&tag.name)),
                Token::String(text) => reader.text(&String::from_utf8_lossy(&text)),
                _ => {}
            }
            if reader.page.lines.len().saturating_add(reader.page.rows.len()) > MOST {
                break;
            }
        }
        reader.end_line();
        reader.end_row();
        reader.page
    }
}

#[derive(Default)]
struct Reader {
    page: PageText,
    row: Vec<String>,
    /// The text of a cell, while it is open.
    cell: Option<String>,
    line: String,
    in_script: bool,
    in_style: bool,
}

impl Reader {
    fn begin(&mut self, tag: &str) {
        match tag {
            "tr" => self.end_row(),
            "td" | "th" => {
                self.end_cell();
                self.cell = Some(String::new());
            }
            "script" => self.in_script = true,
            "style" => self.in_style = true,
            _ => {}
        }
        self.separate(tag);
    }

    fn end(&mut self, tag: &str) {
        match tag {
            "td" | "th" => self.end_cell(),
            "tr" | "table" => self.end_row(),
            "script" => self.in_script = false,
            "style" => self.in_style = false,
            _ => {}
        }
        self.separate(tag);
    }

    /// Text of two cells is two words; a block is a line of its own.
    fn separate(&mut self, tag: &str) {
        if BLOCKS.contains(&tag) {
            self.end_line();
        } else if matches!(tag, "td" | "th") {
            self.line.push(' ');
        }
        if let Some(cell) = self.cell.as_mut().filter(|_| tag == "br") {
            cell.push(' ');
        }
    }

    fn text(&mut self, text: &str) {
        if self.in_style {
            return;
        }
        if self.in_script {
            // `var s0 = "11:39:03am&ITL installed";`
            let quoted = text.split('"').skip(1).step_by(2).map(|text| words(&text.replace('&', " ")));
            self.page.lines.extend(quoted.filter(|line| !line.is_empty()).take(MOST));
            return;
        }
        if let Some(cell) = &mut self.cell {
            cell.push_str(text);
        }
        for (at, line) in text.split('\n').enumerate() {
            match at {
                0 => {}
                // In a page of plain text the lines are those of the text.
                _ if self.cell.is_none() => self.end_line(),
                _ => self.line.push(' '),
            }
            self.line.push_str(line);
        }
    }

    fn end_line(&mut self) {
        let line = words(&std::mem::take(&mut self.line));
        if !line.is_empty() {
            self.page.lines.push(line);
        }
    }

    fn end_cell(&mut self) {
        let cell = self.cell.take().map(|cell| words(&cell)).unwrap_or_default();
        if !cell.is_empty() {
            self.row.push(cell);
        }
    }

    fn end_row(&mut self) {
        self.end_cell();
        let row = std::mem::take(&mut self.row);
        if !row.is_empty() {
            self.page.rows.push(row);
        }
    }
}

/// The words with one blank between them.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
