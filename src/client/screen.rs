//! The windows as full-screen forms on the terminal's other screen: one window, its text, a list or a line of text, buttons.

use std::io::{self, BufWriter, Stderr};
use std::time::Duration;

use crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

use super::drawing::draw;
use super::form::{Form, Pressed};
use crate::system::{process, terminal};
use crate::trustlist::printable_lines;
use crate::ui::{CommandError, SingleKeys, interrupt, printable};
use crate::workflow::OperatorError;

/// The smallest terminal that has room for a window: columns and lines.
pub const SMALLEST: (u16, u16) = (60, 20);
/// How long nobody presses a key, at most, before the window is drawn again.
const REDRAW: Duration = Duration::from_secs(3600);
/// How often a change of the terminal's size is looked for.
const LOOK: Duration = Duration::from_millis(100);

/// The terminal while it shows windows. It is given back when this is dropped.
pub struct Screen {
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
        Ok(Screen {
            terminal,
            keys: None,
            title: String::new(),
            told: String::new(),
            status: String::new(),
            is_over: false,
            top: 0,
            waits_at: Some(0),
            kept: String::new(),
        })
    }

    /// A window begins. What was told since the last answer stays.
    pub fn begin_window(&mut self, title: &str) {
        self.forget();
        (self.title, self.waits_at) = (printable(title), Some(0));
    }

    /// Adds to the text.
    pub fn tell(&mut self, text: &str) {
        self.forget();
        self.told.push_str(&printable_lines(text.trim_matches('\n')));
        self.told.push('\n');
        self.show();
    }

    /// Replaces the last lines of the text.
    pub fn status(&mut self, text: &str) {
        self.forget();
        self.status = printable_lines(text);
    }

    /// Shows a text again once the windows are left.
    pub fn keep(&mut self, text: &str) {
        self.kept.push_str(text.trim_end_matches('\n'));
        self.kept.push('\n');
    }

    /// Gives the terminal back; the texts that were kept.
    pub fn leave(mut self) -> String {
        std::mem::take(&mut self.kept)
    }

    /// The program works; nothing can be pressed.
    pub fn works(&mut self) {
        self.is_over = true;
        self.show();
    }

    /// The cursor stands where a PIN is asked for; the terminal is as that prompt wants it.
    pub fn before_pin(&mut self) -> Result<(), OperatorError> {
        self.forget();
        self.begin_keys()?;
        self.draw(Some(&mut Form { input: Some(String::new()), ..Form::default() })).map_err(no_terminal)?;
        self.keys = None;
        Ok(())
    }

    /// Shows the form until something is pressed.
    pub fn ask(&mut self, form: &mut Form<'_>) -> Result<Pressed, OperatorError> {
        loop {
            if let Some(pressed) = self.key(form, REDRAW)? {
                return Ok(pressed);
            }
        }
    }

    /// Shows a form of one button for some time, or until a key is pressed. It is shown again and again.
    pub fn ask_within(&mut self, button: &str, patience: Duration) -> Result<Option<Pressed>, OperatorError> {
        let mut form = Form { buttons: vec![button.to_owned()], focus: self.waits_at, ..Form::default() };
        let pressed = self.key(&mut form, patience);
        self.waits_at = form.focus;
        pressed
    }

    fn forget(&mut self) {
        if std::mem::take(&mut self.is_over) {
            (self.told, self.status, self.top) = (String::new(), String::new(), 0);
        }
    }

    fn show(&mut self) {
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
                    return Err(OperatorError::interrupted());
                }
            }
            // What was typed meanwhile may stand on it.
            self.wipe().map_err(no_terminal)?;
        }
        Ok(())
    }

    /// One key, or none within some time.
    fn key(&mut self, form: &mut Form<'_>, patience: Duration) -> Result<Option<Pressed>, OperatorError> {
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
            self.keys = None;
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
            _ if is_cancel(&key) => return Err(OperatorError::interrupted()),
            (KeyCode::Esc, _) => return Ok(Some(Pressed::Back)),
            (KeyCode::Enter, _) => return form.enter(),
            (KeyCode::Char('j'), _) if control => return form.enter(),
            (KeyCode::Char('z'), _) if control => self.stop().map_err(no_terminal)?,
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

    /// Gives the terminal to the shell until it lets the program go on (Ctrl-Z, fg). Then the window is drawn again.
    fn stop(&mut self) -> io::Result<()> {
        self.keys = None;
        interrupt::end_full_screen();
        process::stop();
        interrupt::begin_full_screen()
    }

    /// Nothing stands on the screen any more. `Terminal::clear` would ask the terminal where its cursor is.
    fn wipe(&mut self) -> io::Result<()> {
        let size = self.terminal.size()?;
        self.terminal.resize(size.into())
    }

    fn draw(&mut self, form: Option<&mut Form<'_>>) -> io::Result<()> {
        let Screen { terminal, title, told, status, top, .. } = self;
        let text = format!("{told}{status}");
        interrupt::draw_full_screen(|| {
            terminal.draw(|frame| draw(frame, (title, text.trim_end()), top, form)).map(drop)
        })
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.keys = None;
        let _ = self.terminal.show_cursor();
        interrupt::end_full_screen();
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

fn is_cancel(key: &KeyEvent) -> bool {
    key.modifiers.contains(KeyModifiers::CONTROL) && matches!(key.code, KeyCode::Char('c' | 'd'))
}

fn no_terminal(e: io::Error) -> CommandError {
    CommandError::usage("the windows need a terminal")
        .caused_by(&e)
        .hint("sastctl revert, ctl create and ctl update do the same without questions")
}
