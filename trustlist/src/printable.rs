//! Escapes text from outside for terminals, pages and JSON.

/// Text that is safe for a terminal and a page: characters that are invisible, move the cursor or change the text direction
/// become visible escapes (`\u{202e}`).
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}

/// As [`printable`], but keeps line ends and tabs.
pub fn printable_lines(text: &str) -> String {
    text.split_inclusive(['\n', '\t'])
        .map(|part| match part.strip_suffix(['\n', '\t']) {
            Some(line) => printable(line) + if part.ends_with('\n') { "\n" } else { "\t" },
            None => printable(part),
        })
        .collect()
}

/// As [`printable`] for JSON, with JSON's escapes (`\u202e`), which decode to the same text. Outside of strings JSON is
/// ASCII, and in strings the controls below U+0020 are escaped already.
pub fn printable_json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for c in json.chars() {
        if is_hidden(c) && c >= ' ' {
            let mut units = [0; 2];
            shown.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Controls (C0, DEL, C1), line and paragraph separators, and invisible characters (Default_Ignorable_Code_Point): bidi
/// controls, zero-width characters, fillers, tags. Not the variation selectors, which change the look of a character.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}
