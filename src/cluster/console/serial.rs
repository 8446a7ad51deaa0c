//! A node's serial console, with the login dialogue that stands before the shell.

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use serialport::SerialPort;

use super::Console;
use crate::cluster::address::SerialAddress;
use crate::cluster::error::ConsoleError;
use crate::cluster::shell::Screen;
use crate::cluster::shell::words::{asks_for_a_secret, asks_for_the_password};

/// How long the login dialogue may take in all.
const LOGIN_LIMIT: Duration = Duration::from_secs(90);
/// A console that says nothing is asked for its prompt as often as this.
const NUDGE: Duration = Duration::from_secs(3);
/// How long the line must be quiet before its last line is believed.
const QUIET: Duration = Duration::from_millis(200);

/// A serial line.
pub struct SerialConsole {
    port: Box<dyn SerialPort>,
    node: String,
    opened: Instant,
}

impl SerialConsole {
    /// Opens the device: 8 data bits, no parity, 1 stop bit.
    pub fn open(address: &SerialAddress) -> Result<Self, ConsoleError> {
        let node = address.device.display().to_string();
        let port = serialport::new(node.clone(), address.baud)
            .timeout(Duration::from_millis(50))
            .open()
            .map_err(|e| ConsoleError::Connect { node: node.clone(), why: e.to_string() })?;
        Ok(SerialConsole { port, node, opened: Instant::now() })
    }
}

impl Console for SerialConsole {
    fn node(&self) -> &str {
        &self.node
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), ConsoleError> {
        let broken = |e: std::io::Error| ConsoleError::Broken { node: self.node.clone(), why: e.to_string() };
        self.port.write_all(bytes).and_then(|()| self.port.flush()).map_err(broken)
    }

    fn receive(&mut self, patience: Duration) -> Result<Vec<u8>, ConsoleError> {
        let mut buffer = vec![0; 4096];
        let begin = Instant::now();
        loop {
            match self.port.read(&mut buffer) {
                // A cable that was pulled, or a terminal server that hung up.
                Ok(0) => return Err(ConsoleError::Closed { node: self.node.clone() }),
                Ok(n) => {
                    buffer.truncate(n);
                    return Ok(buffer);
                }
                Err(e)
                    if matches!(e.kind(), std::io::ErrorKind::TimedOut | std::io::ErrorKind::Interrupted) => {
                }
                Err(e) => return Err(ConsoleError::Broken { node: self.node.clone(), why: e.to_string() }),
            }
            if begin.elapsed() >= patience {
                return Ok(vec![]);
            }
        }
    }

    fn elapsed(&self) -> Duration {
        self.opened.elapsed()
    }
}

/// Goes through `login:` and `Password:`, if they are there; a shell that was left open is found as it is.
pub fn log_in<C: Console>(console: &mut C, user: &str, password: &str) -> Result<(), ConsoleError> {
    let mut screen = Screen::default();
    let end = console.elapsed().saturating_add(LOGIN_LIMIT);
    let mut nudge_at = console.elapsed();
    let (mut sent_user, mut sent_password) = (false, false);
    let node = console.node().to_owned();
    let no_prompt = |screen: &Screen, why: String| {
        let (node, says) = (node.clone(), screen.last_words());
        ConsoleError::NoPrompt { node, why, says }
    };
    loop {
        let bytes = console.receive(QUIET).map_err(|e| no_prompt(&screen, e.to_string()))?;
        let over = console.elapsed() >= end;
        screen.feed(&bytes);
        if screen.is_full() {
            return Err(ConsoleError::TooMuch { node });
        }
        // A line that is never quiet has its end, too.
        if !bytes.is_empty() && !over {
            continue;
        }
        let line = screen.last_line();
        let line = line.trim().to_lowercase();
        let refused = screen.lines().iter().any(|l| l.to_lowercase().contains("login incorrect"));
        if refused && sent_password {
            return Err(ConsoleError::LoginRefused { node, user: user.to_owned() });
        }
        if over && (line != "admin:" || !bytes.is_empty()) {
            return Err(no_prompt(&screen, format!("waited for {} s", LOGIN_LIMIT.as_secs())));
        }
        if line == "admin:" {
            // The prompt was read here: the shell's reader gets one of its own.
            return console.send(b"\r");
        } else if line.ends_with("login:") && !sent_user {
            sent_user = true;
            screen.feed(b"\n");
            console.send(format!("{user}\n").as_bytes())?;
        } else if asks_for_a_secret(&line) && (sent_password || !asks_for_the_password(&line)) {
            return Err(ConsoleError::Asked { node, says: screen.last_words() });
        } else if asks_for_the_password(&line) && sent_user {
            sent_password = true;
            nudge_at = console.elapsed().saturating_add(NUDGE.saturating_mul(2));
            // What was refused before was somebody else's.
            screen.clear();
            console.send_secret(format!("{password}\n").as_bytes())?;
        } else if asks_for_the_password(&line) {
            // Somebody else's half login: an empty password ends it.
            screen.feed(b"\n");
            console.send(b"\n")?;
        } else if console.elapsed() >= nudge_at {
            nudge_at = console.elapsed().saturating_add(NUDGE);
            // Ctrl-C leaves a half-typed line, the newline asks for a prompt. A shell that starts gets no Ctrl-C.
            console.send(if sent_password { b"\r" } else { b"\x03\r" })?;
        }
    }
}
