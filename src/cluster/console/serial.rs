//! A node's serial console, with the login dialogue before the shell.

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use serialport::SerialPort;

use super::Console;
use crate::cluster::address::SerialAddress;
use crate::cluster::error::ConsoleError;
use crate::cluster::shell::Screen;
use crate::cluster::shell::words::{asks_for_a_secret, asks_for_the_password};

/// The time limit for the whole login dialogue.
const LOGIN_LIMIT: Duration = Duration::from_secs(90);
/// A silent console gets a newline at this interval.
const NEWLINE_INTERVAL: Duration = Duration::from_secs(3);
/// How long the line must be silent before its last line counts as complete.
const SILENCE: Duration = Duration::from_millis(200);

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
                // The cable was disconnected, or the terminal server closed the connection.
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

/// Answers `login:` and `Password:` if they appear. A shell that is still open is used as it is.
pub fn log_in<C: Console>(console: &mut C, user: &str, password: &str) -> Result<(), ConsoleError> {
    let mut screen = Screen::default();
    let end = console.elapsed().saturating_add(LOGIN_LIMIT);
    let mut newline_at = console.elapsed();
    let (mut sent_user, mut sent_password) = (false, false);
    let node = console.node().to_owned();
    let no_prompt = |screen: &Screen, why: String| {
        let (node, says) = (node.clone(), screen.last_words());
        ConsoleError::NoPrompt { node, why, says }
    };
    loop {
        let bytes = console.receive(SILENCE).map_err(|e| no_prompt(&screen, e.to_string()))?;
        let over = console.elapsed() >= end;
        screen.feed(&bytes);
        if screen.is_full() {
            return Err(ConsoleError::TooMuch { node });
        }
        // A line that is never silent also ends at the time limit.
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
            // The prompt was consumed here, so a newline requests another one for the shell's reader.
            return console.send(b"\r");
        } else if line.ends_with("login:") && !sent_user {
            sent_user = true;
            screen.feed(b"\n");
            console.send(format!("{user}\n").as_bytes())?;
        } else if asks_for_a_secret(&line) && (sent_password || !asks_for_the_password(&line)) {
            return Err(ConsoleError::Asked { node, says: screen.last_words() });
        } else if asks_for_the_password(&line) && sent_user {
            sent_password = true;
            newline_at = console.elapsed().saturating_add(NEWLINE_INTERVAL.saturating_mul(2));
            // An earlier refusal concerned another user's login.
            screen.clear();
            console.send_secret(format!("{password}\n").as_bytes())?;
        } else if asks_for_the_password(&line) {
            // Another user's unfinished login: an empty password ends it.
            screen.feed(b"\n");
            console.send(b"\n")?;
        } else if console.elapsed() >= newline_at {
            newline_at = console.elapsed().saturating_add(NEWLINE_INTERVAL);
            // Ctrl-C cancels a half-typed line, the newline requests a prompt. No Ctrl-C is sent to a shell that is starting.
            console.send(if sent_password { b"\r" } else { b"\x03\r" })?;
        }
    }
}
