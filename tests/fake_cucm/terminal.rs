//! The terminal of the shell: raw, with its own echo and line editor, pagers, escape codes, delays and noise.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use rustix::termios::{self, OptionalActions};

use crate::Node;
use crate::words::words;

pub struct Terminal {
    ansi: bool,
    delay: Duration,
    noise: bool,
    pager: Pager,
    hushed: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Pager {
    Off,
    First,
    Second,
}

impl Terminal {
    pub fn open(node: &Node) -> Self {
        let stdin = std::io::stdin();
        if let Ok(mut mode) = termios::tcgetattr(&stdin) {
            mode.make_raw();
            mode.output_modes.remove(termios::OutputModes::OPOST);
            let _ = termios::tcsetattr(&stdin, OptionalActions::Now, &mode);
        }
        Terminal {
            ansi: node.quirk("ansi").is_some(),
            delay: Duration::from_millis(node.quirk("delay").map_or(0, |ms| ms.parse().unwrap())),
            noise: node.quirk("noise").is_some(),
            pager: match node.quirk("pager") {
                Some("second") => Pager::Second,
                Some(_) => Pager::First,
                None => Pager::Off,
            },
            hushed: false,
        }
    }

    /// Nothing more is shown: the connection is about to end.
    pub fn hush(&mut self) {
        self.hushed = true;
    }

    pub fn say(&mut self, text: &str) {
        if self.hushed {
            return;
        }
        std::thread::sleep(self.delay);
        let mut bytes = text.replace('\n', "\r\n").into_bytes();
        if self.ansi {
            bytes = [b"\x1b[0m", &bytes[..]].concat();
        }
        if self.noise {
            // A noisy line: NULs and bells between the bytes.
            bytes = bytes
                .iter()
                .enumerate()
                .flat_map(|(i, b)| if i % 17 == 3 { vec![0, *b, 7] } else { vec![*b] })
                .collect();
        }
        let mut out = std::io::stdout().lock();
        // In two pieces, so that readers get an incomplete text.
        let middle = bytes.len() / 2;
        let _ = out.write_all(&bytes[..middle]).and_then(|()| out.flush());
        if !self.delay.is_zero() {
            std::thread::sleep(Duration::from_millis(3));
        }
        let _ = out.write_all(&bytes[middle..]).and_then(|()| out.flush());
    }

    pub fn prompt(&mut self) {
        let prompt = words("session", "prompt", &[]);
        if self.ansi {
            self.say(&format!("\x1b[1m{prompt}\x1b[0m"));
        } else {
            self.say(&prompt);
        }
    }

    pub fn set_pager_off(&mut self) {
        self.pager = Pager::Off;
    }

    fn key(&mut self) -> Option<u8> {
        let mut byte = [0];
        match std::io::stdin().lock().read(&mut byte) {
            Ok(1) => Some(byte[0]),
            _ => None,
        }
    }

    pub fn wait_for_newline(&mut self) {
        while !matches!(self.key(), Some(b'\n' | b'\r') | None) {}
    }

    /// A line, echoed as it is typed.
    pub fn line(&mut self) -> Option<String> {
        self.read_line(true)
    }

    fn read_line(&mut self, echo: bool) -> Option<String> {
        let mut line = Vec::new();
        loop {
            match self.key()? {
                b'\r' | b'\n' => {
                    self.say("\n");
                    return Some(String::from_utf8_lossy(&line).into_owned());
                }
                0x03 => {
                    line.clear();
                    self.say("^C\n");
                    self.prompt();
                }
                0x08 | 0x7f => {
                    if line.pop().is_some() {
                        self.say("\x08 \x08");
                    }
                }
                byte => {
                    line.push(byte);
                    if echo {
                        let mut out = std::io::stdout().lock();
                        let _ = out.write_all(&[byte]).and_then(|()| out.flush());
                    }
                }
            }
        }
    }

    /// `login:` and `Password:`, until both are correct.
    pub fn log_in(&mut self, user: &str, password: &str) {
        loop {
            self.say(&words("session", "login", &[]));
            let Some(typed) = self.line() else { std::process::exit(0) };
            if typed.is_empty() {
                continue;
            }
            self.say(&words("session", "password", &[]));
            let Some(secret) = self.read_line(false) else { std::process::exit(0) };
            if typed == user && secret == password.trim() {
                self.say(&words("session", "logged-in", &[]));
                return;
            }
            self.say(&words("session", "login-incorrect", &[]));
        }
    }

    /// A question that wants a line.
    pub fn ask(&mut self, question: &str) -> Option<String> {
        self.say(question);
        self.line()
    }

    /// Lines through the pager, if one is on.
    pub fn page(&mut self, text: &str) -> Option<()> {
        let lines: Vec<&str> = text.lines().collect();
        if self.pager == Pager::Off {
            self.say(&format!("{}\n", lines.join("\n")));
            return Some(());
        }
        let pages: Vec<&[&str]> = lines.chunks(20).collect();
        for (number, page) in pages.iter().enumerate() {
            self.say(&format!("{}\n", page.join("\n")));
            let last = number + 1 == pages.len();
            let shown = (number * 20 + page.len()).min(lines.len());
            match (self.pager, last) {
                (Pager::First, true) | (Pager::Off, _) => {}
                (Pager::First, false) => {
                    self.say(&words("session", "pager", &[]));
                    while !matches!(self.key()?, b' ') {}
                    self.say("\r\x1b[K");
                }
                (Pager::Second, _) => {
                    let from = number * 20 + 1;
                    let fill = [
                        ("FROM", from.to_string()),
                        ("TO", shown.to_string()),
                        ("ALL", lines.len().to_string()),
                    ];
                    self.say(&words("session", "pager-2", &fill.each_ref().map(|(n, v)| (*n, v.as_str()))));
                    let wanted = if last { b'q' } else { b'n' };
                    while self.key()? != wanted {}
                    self.say("\r\x1b[K");
                }
            }
        }
        Some(())
    }
}
