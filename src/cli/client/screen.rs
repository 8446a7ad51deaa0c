//! The windows as full-screen forms on the terminal's other screen: one window, its text, a list or a line of text, buttons.

use std::io::{self, BufWriter, Stderr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::{Constraint, Layout, Margin, Rect};
use ratatui::style::{Style, Stylize as _};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Block, HighlightSpacing, Paragraph, Row, Table, TableState};
use ratatui::{Frame, Terminal};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::cli::ui::SingleKeys;
use crate::cli::{CommandError, interrupt, printable};
use crate::system::terminal;
use crate::trustlist::printable_lines;
use crate::workflow::OperatorError;

/// The smallest terminal that has room for a window: columns and lines.
pub const SMALLEST: (u16, u16) = (60, 20);
/// The keys of a window, and of those that differ.
const KEYS: &str = "Tab move  Enter ok  PgDn scroll  Esc back  Ctrl-C cancel";
const KEYS_OF_ENTRIES: &str = "Tab move  d details  Enter ok  Esc back  Ctrl-C cancel";
const KEYS_OF_PIN: &str = "Enter ok  Enter without a PIN back  Ctrl-C cancel";
/// How long nobody presses a key, at most, before the window is drawn again.
const REDRAW: Duration = Duration::from_secs(3600);
/// How often a change of the terminal's size is looked for.
const LOOK: Duration = Duration::from_millis(100);

/// What a window asks.
#[derive(Default)]
pub struct Form<'a> {
    pub what: &'a str,
    /// The names of the columns of `rows`; none of a plain list.
    pub head: &'a [&'a str],
    pub rows: Vec<Vec<String>>,
    /// The row that is selected.
    pub list: TableState,
    /// A line of text, with what is in it.
    pub input: Option<String>,
    /// Back and Cancel follow them.
    pub buttons: Vec<String>,
    /// The button that Enter presses; `None`: Enter is for the list or the line.
    pub focus: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pressed {
    Button(usize),
    /// Enter at the list or the line of text.
    Row,
    Back,
}

/// The terminal while it shows windows. It is given back when this is dropped.
pub struct Screen(Mutex<Window>);

struct Window {
    terminal: Terminal<CrosstermBackend<BufWriter<Stderr>>>,
    /// While keys are read.
    keys: Option<SingleKeys>,
    title: String,
    told: String,
    /// The last lines of the text, which are replaced.
    status: String,
    /// An answer was given: what was told belongs to the window before.
    is_over: bool,
    /// The first line of the text that is shown.
    top: usize,
    /// The focus of the window that waits for tokens.
    waits_at: Option<usize>,
    kept: String,
}

impl Screen {
    pub fn begin() -> io::Result<Self> {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            interrupt::restore_terminal();
            hook(panic);
        }));
        interrupt::begin_full_screen()?;
        let terminal = Terminal::new(CrosstermBackend::new(BufWriter::new(io::stderr())))?;
        Ok(Screen(Mutex::new(Window {
            terminal,
            keys: None,
            title: String::new(),
            told: String::new(),
            status: String::new(),
            is_over: false,
            top: 0,
            waits_at: Some(0),
            kept: String::new(),
        })))
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A window begins. What was told since the last answer stays.
    pub fn begin_window(&self, title: &str) {
        let mut window = self.window();
        window.forget();
        (window.title, window.waits_at) = (printable(title), Some(0));
    }

    /// Adds to the text.
    pub fn tell(&self, text: &str) {
        let mut window = self.window();
        window.forget();
        window.told.push_str(&printable_lines(text.trim_matches('\n')));
        window.told.push('\n');
        window.works();
    }

    /// Replaces the last lines of the text.
    pub fn status(&self, text: &str) {
        let mut window = self.window();
        window.forget();
        window.status = printable_lines(text);
    }

    /// Shows a text again once the windows are left.
    pub fn keep(&self, text: &str) {
        let mut window = self.window();
        window.kept.push_str(text.trim_end_matches('\n'));
        window.kept.push('\n');
    }

    /// Gives the terminal back; the texts that were kept.
    pub fn leave(self) -> String {
        std::mem::take(&mut self.window().kept)
    }

    /// The program works; nothing can be pressed.
    pub fn works(&self) {
        let mut window = self.window();
        window.is_over = true;
        window.works();
    }

    /// The cursor stands where a PIN is asked for; the terminal is as that prompt wants it.
    pub fn before_pin(&self) -> Result<(), OperatorError> {
        let mut window = self.window();
        window.forget();
        window.begin_keys()?;
        window
            .draw(Some(&mut Form { input: Some(String::new()), ..Form::default() }))
            .map_err(no_terminal)?;
        window.keys = None;
        Ok(())
    }

    /// Shows the form until something is pressed.
    pub fn ask(&self, form: &mut Form<'_>) -> Result<Pressed, OperatorError> {
        loop {
            if let Some(pressed) = self.window().ask(form, REDRAW)? {
                return Ok(pressed);
            }
        }
    }

    /// Shows a form of one button for some time, or until a key is pressed. It is shown again and again.
    pub fn ask_within(&self, button: &str, patience: Duration) -> Result<Option<Pressed>, OperatorError> {
        let mut window = self.window();
        let mut form = Form { buttons: vec![button.to_owned()], focus: window.waits_at, ..Form::default() };
        let pressed = window.ask(&mut form, patience);
        window.waits_at = form.focus;
        pressed
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        self.keys = None;
        let _ = self.terminal.show_cursor();
        interrupt::end_full_screen();
    }
}

impl Window {
    fn forget(&mut self) {
        if std::mem::take(&mut self.is_over) {
            (self.told, self.status, self.top) = (String::new(), String::new(), 0);
        }
    }

    fn works(&mut self) {
        // Where it cannot be drawn, the next question tells.
        let _ = self.draw(None);
    }

    /// Keys that were pressed before the window was there are not meant for it.
    fn begin_keys(&mut self) -> Result<(), OperatorError> {
        if self.keys.is_none() {
            self.keys = Some(SingleKeys::begin().map_err(no_terminal)?);
            while wait_for_event(Duration::ZERO).map_err(no_terminal)? {
                if let Event::Key(key) = event::read().map_err(no_terminal)?
                    && is_cancel(&key)
                {
                    return Err(interrupt::interrupted());
                }
            }
            // What was typed meanwhile may stand on it.
            self.wipe().map_err(no_terminal)?;
        }
        Ok(())
    }

    /// One key, or none within some time.
    fn ask(&mut self, form: &mut Form<'_>, patience: Duration) -> Result<Option<Pressed>, OperatorError> {
        self.forget();
        self.begin_keys()?;
        if form.rows.is_empty() && form.input.is_none() {
            form.focus = form.focus.or(Some(0));
        } else if !form.rows.is_empty() && form.list.selected().is_none() {
            form.list.select_first();
        }
        self.draw(Some(form)).map_err(no_terminal)?;
        if !wait_for_event(patience).map_err(no_terminal)? {
            return Ok(None);
        }
        let pressed = match event::read().map_err(no_terminal)? {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.press(key, form)?,
            Event::Resize(..) => {
                self.wipe().map_err(no_terminal)?;
                None
            }
            _ => None,
        };
        if pressed.is_some() {
            (self.is_over, self.keys) = (true, None);
            self.works();
        }
        Ok(pressed)
    }

    fn press(&mut self, key: KeyEvent, form: &mut Form<'_>) -> Result<Option<Pressed>, OperatorError> {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let page = usize::from(self.terminal.size().map_err(no_terminal)?.height / 2);
        let input = form.input.as_mut().filter(|_| form.focus.is_none());
        let is_typing = input.is_some();
        match (key.code, input) {
            _ if is_cancel(&key) => return Err(interrupt::interrupted()),
            (KeyCode::Esc, _) => return Ok(Some(Pressed::Back)),
            (KeyCode::Enter, _) => return form.enter(),
            (KeyCode::Char('j'), _) if control => return form.enter(),
            (KeyCode::Tab, _) => form.step(true),
            (KeyCode::BackTab, _) => form.step(false),
            (KeyCode::Right, _) if !is_typing => form.step(true),
            (KeyCode::Left, _) if !is_typing => form.step(false),
            (KeyCode::PageUp, _) => self.top = self.top.saturating_sub(page),
            (KeyCode::PageDown, _) => self.top = self.top.saturating_add(page),
            (KeyCode::Up, _) if form.rows.is_empty() => self.top = self.top.saturating_sub(1),
            (KeyCode::Down, _) if form.rows.is_empty() => self.top = self.top.saturating_add(1),
            (KeyCode::Up | KeyCode::Down | KeyCode::Home | KeyCode::End, None) => form.select(key.code),
            (KeyCode::Backspace, Some(text)) => drop(text.pop()),
            (KeyCode::Char('u'), Some(text)) if control => text.clear(),
            (KeyCode::Char(_), _) if control => {}
            (KeyCode::Char(c), Some(text)) => text.push(c),
            (KeyCode::Char('d'), None) if !form.head.is_empty() => return Ok(Some(Pressed::Row)),
            (KeyCode::Char(c), None) => {
                let letter = c.to_ascii_lowercase();
                let Some(button) = form.labels().iter().position(|(_, l)| *l == letter) else {
                    return Ok(None);
                };
                form.focus = Some(button);
                return form.enter();
            }
            _ => {}
        }
        Ok(None)
    }

    /// Nothing stands on the screen any more. `Terminal::clear` would ask the terminal where its cursor is.
    fn wipe(&mut self) -> io::Result<()> {
        let size = self.terminal.size()?;
        self.terminal.resize(size.into())
    }

    fn draw(&mut self, form: Option<&mut Form<'_>>) -> io::Result<()> {
        let Window { terminal, title, told, status, top, .. } = self;
        let text = format!("{told}{status}");
        terminal.draw(|frame| draw(frame, (title, text.trim_end()), top, form))?;
        Ok(())
    }
}

/// Whether something happened within some time. crossterm alone would read for ever from a terminal that is gone.
fn wait_for_event(mut patience: Duration) -> io::Result<bool> {
    loop {
        let some = patience.min(LOOK);
        terminal::wait_for_keys(some)?;
        if event::poll(Duration::ZERO)? {
            return Ok(true);
        }
        patience = patience.saturating_sub(some);
        if patience.is_zero() {
            return Ok(false);
        }
    }
}

impl Form<'_> {
    /// Each button, and the letter that presses it.
    fn labels(&self) -> Vec<(&str, char)> {
        let mut taken = if self.head.is_empty() { vec![] } else { vec!['d'] };
        let labels = self.buttons.iter().map(String::as_str).chain(["Back", "Cancel"]);
        let lettered = labels.map(|label| {
            let mut letters = label.chars().map(|c| c.to_ascii_lowercase());
            let letter = letters.find(|c| c.is_alphabetic() && !taken.contains(c)).unwrap_or(' ');
            taken.push(letter);
            (label, letter)
        });
        lettered.collect()
    }

    fn enter(&self) -> Result<Option<Pressed>, OperatorError> {
        match self.focus {
            None => Ok(Some(Pressed::Row)),
            Some(at) if at < self.buttons.len() => Ok(Some(Pressed::Button(at))),
            Some(at) if at == self.buttons.len() => Ok(Some(Pressed::Back)),
            Some(_) => Err(interrupt::interrupted()),
        }
    }

    /// The next or the previous of the list or the line, the buttons, Back and Cancel.
    fn step(&mut self, forward: bool) {
        let body = usize::from(!self.rows.is_empty() || self.input.is_some());
        let places = self.buttons.len().saturating_add(2).saturating_add(body);
        let at = self.focus.map_or(0, |button| button.saturating_add(body));
        let next = at.saturating_add(if forward { 1 } else { places.saturating_sub(1) });
        self.focus = next.checked_rem(places).unwrap_or(0).checked_sub(body);
    }

    fn select(&mut self, key: KeyCode) {
        match key {
            KeyCode::Up => self.list.select_previous(),
            KeyCode::Down => self.list.select_next(),
            KeyCode::Home => self.list.select_first(),
            _ => self.list.select_last(),
        }
        let last = self.rows.len().saturating_sub(1);
        self.list.select(self.list.selected().map(|row| row.min(last)));
        self.focus = None;
    }
}

fn is_cancel(key: &KeyEvent) -> bool {
    key.modifiers.contains(KeyModifiers::CONTROL) && matches!(key.code, KeyCode::Char('c' | 'd'))
}

/// The whole window. `top` is kept within the text.
fn draw(frame: &mut Frame<'_>, (title, text): (&str, &str), top: &mut usize, form: Option<&mut Form<'_>>) {
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
    frame.render_widget(block.title_bottom(keys).title(Line::from(seen).right_aligned()), frame.area());
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
    let widths = match form.head {
        [] => vec![Constraint::Fill(1)],
        _ => {
            vec![Constraint::Length(14), Constraint::Length(place), Constraint::Fill(1), Constraint::Fill(2)]
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
    let (mut lines, mut current) = (vec![], String::new());
    for word in line.split_inclusive(' ') {
        let wide = word.trim_end().width();
        if current.width().saturating_add(wide) > width && !current.trim().is_empty() {
            lines.push(std::mem::replace(&mut current, " ".repeat(indent)));
        }
        for c in word.chars() {
            if current.width().saturating_add(c.width().unwrap_or(0)) > width && c != ' ' {
                lines.push(std::mem::replace(&mut current, " ".repeat(indent)));
            }
            current.push(c);
        }
    }
    lines.push(current);
    lines
}

fn no_terminal(e: io::Error) -> CommandError {
    CommandError::usage("the windows need a terminal")
        .caused_by(&e)
        .hint("sastctl revert, ctl create and ctl update do the same without questions")
}
