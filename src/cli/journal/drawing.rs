//! Who vouches for whom: a list as a drawing (SVG). The signer stands above; below it what the list vouches for.

use std::fmt::Write as _;

use super::html::escape;
use super::story::row;
use crate::trustlist::{Function, Record, TrustList};

const BOX_WIDTH: usize = 200;
const BOX_HEIGHT: usize = 58;
const GAP: usize = 16;
const ROW_HEIGHT: usize = 110;
const IN_A_ROW: usize = 3;

/// The drawing of one list.
pub fn list(list: &TrustList, title: &str) -> String {
    let signer = list.records().iter().find(|r| list.is_signer(r) && r.function() == Function::SAST);
    let others: Vec<&Record> =
        list.records().iter().filter(|r| !signer.is_some_and(|s| std::ptr::eq(*r, s))).collect();
    let columns = others.len().clamp(1, IN_A_ROW);
    let rows = others.len().div_ceil(IN_A_ROW).max(1);
    let width = columns.max(2).saturating_mul(BOX_WIDTH + GAP).saturating_add(GAP);
    let height = rows.saturating_mul(ROW_HEIGHT).saturating_add(BOX_HEIGHT + 2 * GAP);
    let mut svg = format!(
        "<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{}\" xmlns=\"http://www.w3.org/2000/svg\">\n",
        escape(title)
    );
    let top = (width.saturating_sub(BOX_WIDTH) / 2, GAP);
    let places: Vec<(usize, usize)> = (0..others.len())
        .map(|index| {
            let (column, row) = (index % IN_A_ROW, index / IN_A_ROW);
            let x = column.saturating_mul(BOX_WIDTH + GAP).saturating_add(GAP);
            (x, row.saturating_mul(ROW_HEIGHT).saturating_add(BOX_HEIGHT + 4 * GAP))
        })
        .collect();
    // Arrows first, so that boxes lie above them.
    if signer.is_some() {
        for (x, y) in &places {
            let _ = writeln!(
                svg,
                "<path class=\"arrow\" d=\"M{} {} C{} {}, {} {}, {} {}\"/>",
                top.0.saturating_add(BOX_WIDTH / 2),
                top.1.saturating_add(BOX_HEIGHT),
                top.0.saturating_add(BOX_WIDTH / 2),
                top.1.saturating_add(BOX_HEIGHT + 30),
                x.saturating_add(BOX_WIDTH / 2),
                y.saturating_sub(30),
                x.saturating_add(BOX_WIDTH / 2),
                y
            );
        }
    }
    match signer {
        Some(record) => svg.push_str(&record_box(list, record, top, "signer")),
        None => svg.push_str(&text_box(
            top,
            "unknown",
            &[list.header().signer_short_name(), "has no SAST record".to_owned()],
        )),
    }
    for (record, place) in others.iter().zip(&places) {
        let class = if record.function() == Function::SAST { "sast" } else { "server" };
        svg.push_str(&record_box(list, record, *place, class));
    }
    svg.push_str("</svg>\n");
    svg
}

fn record_box(list: &TrustList, record: &Record, place: (usize, usize), class: &str) -> String {
    let [function, name, at, key] = row(list, record);
    let second = if at.is_empty() { function } else { format!("{function}  {at}") };
    text_box(place, class, &[name, second, key])
}

fn text_box((x, y): (usize, usize), class: &str, lines: &[String]) -> String {
    let mut svg = format!(
        "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{BOX_WIDTH}\" height=\"{BOX_HEIGHT}\" rx=\"6\"/>\n"
    );
    for (index, line) in lines.iter().enumerate() {
        let shown: String = line.chars().take(28).collect();
        let baseline = y.saturating_add(18).saturating_add(index.saturating_mul(16));
        let weight = if index == 0 { " class=\"name\"" } else { "" };
        let _ = writeln!(
            svg,
            "<text{weight} x=\"{}\" y=\"{baseline}\">{}</text>",
            x.saturating_add(10),
            escape(&shown)
        );
    }
    svg
}
