//! A list as a drawing (SVG): the signer above, below it what the list makes phones trust.

use super::list_view::{ListView, Row};

/// In the drawing's own units, as everything here.
pub const BOX_WIDTH: f64 = 188.0;
pub const BOX_HEIGHT: f64 = 58.0;
const GAP: f64 = 8.0;
/// Between the two columns, where the arrows run: none crosses a box.
const LANE: f64 = 36.0;

/// Where everything stands.
pub struct Drawing {
    pub width: f64,
    pub height: f64,
    pub top: TextBox,
    pub others: Vec<TextBox>,
}

pub struct TextBox {
    /// `signer`, or `unknown` where it has no SAST record; below it `sast` and `server`.
    pub class: &'static str,
    pub x: f64,
    pub y: f64,
    /// Where its arrow ends, at its side; the signer's begin at its middle.
    pub arrow_x: f64,
    pub lines: Vec<String>,
}

impl Drawing {
    /// Of one list.
    pub fn new(list: &ListView) -> Self {
        let lines = |row: &Row| {
            let [function, name, at, key] = row.cells.clone();
            vec![name, if at.is_empty() { function } else { format!("{function}  {at}") }, key]
        };
        let signer = list.rows.iter().position(|row| row.signs && row.is_sast);
        let others = list.rows.iter().enumerate().filter(|(at, _)| Some(*at) != signer);
        let right = GAP + BOX_WIDTH + LANE;
        let below = |(at, (_, row)): (usize, (_, &Row))| {
            let (x, arrow_x) = if at % 2 == 0 { (GAP, GAP + BOX_WIDTH) } else { (right, right) };
            let y = GAP + ((at / 2) as f64 + 1.0) * (BOX_HEIGHT + GAP) + GAP;
            TextBox { class: if row.is_sast { "sast" } else { "server" }, x, y, arrow_x, lines: lines(row) }
        };
        let others: Vec<_> = others.enumerate().map(below).collect();
        let (class, lines) = match signer.and_then(|at| list.rows.get(at)) {
            Some(row) => ("signer", lines(row)),
            None => ("unknown", vec![list.signer.clone(), "has no SAST record".to_owned()]),
        };
        let (width, arrow_x) = (right + BOX_WIDTH + GAP, right - LANE / 2.0);
        let top = TextBox { class, x: arrow_x - BOX_WIDTH / 2.0, y: GAP, arrow_x, lines };
        let height = others.last().map_or(top.y, |it| it.y) + BOX_HEIGHT + GAP;
        Drawing { width, height, top, others }
    }
}
