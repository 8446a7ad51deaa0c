//! Texts of several lines: each is a template in `texts/`. A value in one stays on its line, and cannot control a terminal.

use std::fmt::{self, Write};

use askama::filters::Escaper;

use super::printable;

/// In a line for people.
#[derive(Clone, Copy)]
pub struct Line;

impl Escaper for Line {
    fn write_escaped_str<W: Write>(&self, mut text: W, value: &str) -> fmt::Result {
        text.write_str(&printable(value))
    }
}

/// The text of a template, with its last line end.
pub fn text(template: &impl fmt::Display) -> String {
    format!("{template}\n")
}
