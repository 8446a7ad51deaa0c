//! Where everything stands in a window: its title and text, a list or a line of text, buttons, and the keys at its foot.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Margin, Rect};
use ratatui::style::{Style, Stylize as _};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Block, HighlightSpacing, Paragraph, Row, Table};
use unicode_width::UnicodeWidthStr as _;

use super::form::Form;
use crate::cli::printable;

/// The keys of a window, and of those that differ.
const KEYS: &str = "Tab move  Enter ok  PgDn scroll  Esc back  Ctrl-C cancel";
const KEYS_OF_ENTRIES: &str = "Tab move  d details  Enter ok  Esc back  Ctrl-C cancel";
const KEYS_OF_PIN: &str = "Enter ok  Enter without a PIN back  Ctrl-C cancel";

/// The whole window. `top` is kept within the text.
pub fn draw(
    frame: &mut Frame<'_>,
    (title, text): (&str, &str),
    top: &mut usize,
    form: Option<&mut Form<'_>>,
) {
    let keys = match &form {
        None => "Working …",
        Some(form) if form.buttons.is_empty() => KEYS_OF_PIN,
        Some(form) if form.head.is_empty() => KEYS,
        Some(_) => KEYS_OF_ENTRIES,
    };
    let block = Block::bordered().title(Line::from(format!(" Cisco CTL Client: {title} ")).bold());
    let inside = block.inner(frame.area()).inner(Margin::new(1, 0));
    let text: Vec<Line<'_>> = text.lines().flat_map(|line| fold(line, inside.width)).map(Line::raw).collect();
    let buttons = form.as_ref().map_or_else(Vec::new, |form| buttons(form, inside.width));
    let list = form.as_ref().map(|form| list(form, inside.width));
    let length = |lines: usize| u16::try_from(lines).unwrap_or(u16::MAX);
    let what = form.as_ref().map_or_else(Vec::new, |form| fold(&printable(form.what), inside.width));
    let what: Vec<Line<'_>> = what.into_iter().filter(|line| !line.is_empty()).map(Line::raw).collect();
    let input = u16::from(form.as_ref().is_some_and(|form| form.input.is_some()));
    let wanted = list.as_ref().map_or(0, |(_, lines)| *lines);
    let fixed = length(buttons.len().saturating_add(what.len()).saturating_add(1)).saturating_add(input);
    let room = inside.height.saturating_sub(fixed);
    let of_list = wanted.min((room / 2).max(room.saturating_sub(length(text.len())).saturating_sub(1)));
    let gap = u16::from(!text.is_empty() && (of_list > 0 || !what.is_empty()));
    let of_text = length(text.len()).min(room.saturating_sub(of_list).saturating_sub(gap));
    let [for_text, _, for_what, for_list, for_input, _, for_buttons] = Layout::vertical([
        Constraint::Length(of_text),
        Constraint::Length(gap),
        Constraint::Length(length(what.len())),
        Constraint::Length(of_list),
        Constraint::Length(input),
        Constraint::Fill(1),
        Constraint::Length(length(buttons.len())),
    ])
    .areas(inside);
    let lines = text.len();
    *top = (*top).min(lines.saturating_sub(usize::from(of_text)));
    let seen =
        format!(" {} to {} of {lines} lines ", top.saturating_add(1), top.saturating_add(of_text.into()));
    let seen = if usize::from(of_text) < lines { seen } else { String::new() };
    frame.render_widget(
        block.title_bottom(format!(" {keys} ")).title(Line::from(seen).right_aligned()),
        frame.area(),
    );
    frame.render_widget(Paragraph::new(text).scroll((length(*top), 0)), for_text);
    frame.render_widget(Paragraph::new(what), for_what);
    frame.render_widget(Paragraph::new(buttons), for_buttons);
    let Some(form) = form else { return };
    if let Some((list, _)) = list {
        frame.render_stateful_widget(list, for_list, &mut form.list);
    }
    if let Some(text) = form.input.as_deref().map(printable) {
        draw_input(frame, &text, for_input, form.focus.is_none());
    }
}

/// The end of the line where all of it has no room, and the cursor behind it.
fn draw_input(frame: &mut Frame<'_>, text: &str, area: Rect, has_focus: bool) {
    let wide = u16::try_from(text.width()).unwrap_or(u16::MAX);
    let cut = wide.saturating_add(1).saturating_sub(area.width);
    frame.render_widget(Paragraph::new(Span::raw(text).underlined()).scroll((0, cut)), area);
    if has_focus {
        frame.set_cursor_position((area.x.saturating_add(wide.saturating_sub(cut)), area.y));
    }
}

/// The rows as a table with a cursor, and how many lines it has.
fn list<'a>(form: &Form<'a>, width: u16) -> (Table<'a>, u16) {
    let mut lines = 0_u16;
    let row = |cells: &Vec<String>| {
        let cells = cells.iter().map(|cell| printable(cell));
        if !form.head.is_empty() {
            lines = lines.saturating_add(1);
            return Row::new(cells.map(Text::from));
        }
        let folded: Vec<Line<'_>> =
            cells.flat_map(|cell| fold(&cell, width.saturating_sub(2))).map(Line::raw).collect();
        let height = u16::try_from(folded.len()).unwrap_or(u16::MAX);
        lines = lines.saturating_add(height);
        Row::new([Text::from(folded)]).height(height)
    };
    let rows: Vec<Row<'_>> = form.rows.iter().map(row).collect();
    // A narrow window has no room for the longest name of a column in one line.
    let (place, high) = if width < 100 { (15, 2) } else { (19, 1) };
    // Four letters of the issuer tell nothing: the subject has its room, and the details have the issuer.
    let issuer = if width < 70 { Constraint::Length(0) } else { Constraint::Fill(1) };
    let widths = match form.head {
        [] => vec![Constraint::Fill(1)],
        _ => {
            vec![Constraint::Length(14), Constraint::Length(place), issuer, Constraint::Fill(2)]
        }
    };
    let highlight = if form.focus.is_none() { Style::new().reversed() } else { Style::new().bold() };
    let table = Table::new(rows, widths).highlight_symbol("> ").row_highlight_style(highlight);
    let table = table.highlight_spacing(HighlightSpacing::Always);
    if form.head.is_empty() {
        return (table, lines);
    }
    let name = |name: &&str| Text::from(if high > 1 { name.replace('/', "/\n") } else { (*name).to_owned() });
    (table.header(Row::new(form.head.iter().map(name)).height(high).bold()), lines.saturating_add(high))
}

/// The buttons in as many lines as they need; the one that Enter presses in brackets.
fn buttons(form: &Form<'_>, width: u16) -> Vec<Line<'static>> {
    let mut lines = vec![Line::default()];
    // Where a PIN is typed there are none.
    for (at, (label, letter)) in form.labels().into_iter().enumerate().filter(|_| !form.buttons.is_empty()) {
        let has_focus = form.focus == Some(at);
        let (open, close) = if has_focus { ("[ ", " ]") } else { ("  ", "  ") };
        let is_letter = |c: char| c.to_ascii_lowercase() == letter;
        let (before, rest) = label.split_at(label.find(is_letter).unwrap_or(0));
        let (letter, behind) = rest.split_at(rest.chars().next().map_or(0, char::len_utf8));
        let spans = [open, before, letter, behind, close].map(|part| Span::raw(part.to_owned()));
        let [open, before, letter, behind, close] = spans.map(|s| if has_focus { s.reversed() } else { s });
        let button = Line::from(vec![open, before, letter.underlined(), behind, close]);
        match lines.last_mut() {
            Some(line) if line.width().saturating_add(button.width()) <= width.into() => {
                line.spans.extend(button.spans)
            }
            _ => lines.push(button),
        }
    }
    lines
}

/// Breaks a line at blanks, and a word that is too wide anywhere. What follows is indented.
fn fold(line: &str, width: u16) -> Vec<String> {
    let width = usize::from(width).max(1);
    let indent = line.len().saturating_sub(line.trim_start().len()).saturating_add(2).min(width / 2);
    crate::ui::fold(line, width, indent, true)
}
