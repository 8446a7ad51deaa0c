//! An operator at the windows of `client`: one who sees the screen of a terminal, and one who reads lines.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::num::NonZeroU16;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rexpect::process::PtyProcess;
use rexpect::reader::Options;
use rexpect::session::{PtySession, spawn_with_options};

use super::World;

pub const GOLDEN_TIME: &str = "2015-03-06T22:53:33+01:00";
/// In the order of the documents: 008580ef was added first, and signed.
pub const FIRST: &str = "SAST-ADN008580ef";
pub const SECOND: &str = "SAST-ADN0054f509";

pub const ENTER: &str = "\r";
pub const ESC: &str = "\x1b";
pub const UP: &str = "\x1b[A";
pub const DOWN: &str = "\x1b[B";
pub const LEFT: &str = "\x1b[D";
pub const RIGHT: &str = "\x1b[C";
pub const TAB: &str = "\t";
pub const PAGE_DOWN: &str = "\x1b[6~";
pub const CTRL_C: &str = "\x03";

/// Columns and lines: the smallest that the windows are drawn at, and a large one.
pub const SMALL: (u16, u16) = (60, 20);
pub const LARGE: (u16, u16) = (140, 50);

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(30);
/// What leaves the other screen.
const LEFT_IT: &str = "\x1b[?1049l";

/// The shell of a terminal of this size, which runs the windows and then tells how the terminal is.
fn shell(world: &World, size: (u16, u16), term: &str, args: &[&str]) -> Command {
    shell_line(world, size, term, args, ("", ""))
}

/// The same with commands of the shell before the windows, and behind them.
fn shell_line(
    world: &World,
    (columns, lines): (u16, u16),
    term: &str,
    args: &[&str],
    (before, behind): (&str, &str),
) -> Command {
    let args = [&["client", "CTLFile.tlv", "--timestamp", GOLDEN_TIME], args].concat();
    let mut shell = Command::new("sh");
    let program = world.command(&args);
    shell.env_clear().envs(program.get_envs().filter_map(|(k, v)| Some((k, v?))));
    shell.env_remove("SASTCTL_PIN_SOURCE").env("TERM", term).current_dir(world.path(""));
    let words: Vec<String> = args.iter().map(|a| format!("'{a}'")).collect();
    let line = format!(
        "stty echo cols {columns} rows {lines}; {before}{} {}; {behind}echo code $?; stty -a",
        program.get_program().display(),
        words.join(" ")
    );
    shell.args(["-c", &format!("trap : INT TERM HUP; {line}")]).arg0("sh");
    shell
}

/// The exit code and what was said before it; the terminal must be as it was.
#[track_caller]
fn ended(rest: &str) -> (i32, String) {
    let (said, after) = rest.rsplit_once("code ").unwrap_or_else(|| panic!("{rest}"));
    assert!(after.contains(" echo ") && after.contains(" icanon "), "the terminal is left broken: {after}");
    (after.split_whitespace().next().unwrap().parse().unwrap(), said.to_owned())
}

/// Words one blank apart, without the frame of the window.
fn words(text: &str) -> String {
    text.replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Somebody who looks at the windows and presses keys.
pub struct Operator {
    /// Ended when this is dropped.
    _process: PtyProcess,
    keys: File,
    output: Receiver<Vec<u8>>,
    terminal: vt100::Parser,
    /// All that the terminal was ever sent.
    pub sent: Vec<u8>,
}

impl Operator {
    pub fn sits_down(world: &World, more: &[&str]) -> Self {
        Self::at(world, LARGE, &[&["--out", "out"], more].concat())
    }

    /// At a terminal of this size.
    pub fn at(world: &World, size: (u16, u16), args: &[&str]) -> Self {
        Self::of(shell(world, size, "xterm", args), size)
    }

    /// At the terminal of a shell with jobs: when the windows are stopped, it waits for Enter, and lets them go on.
    pub fn with_jobs(world: &World, args: &[&str]) -> Self {
        let jobs = ("set -m; ", "read go; fg; ");
        Self::of(shell_line(world, LARGE, "xterm", args, jobs), LARGE)
    }

    fn of(shell: Command, size: (u16, u16)) -> Self {
        let mut process = PtyProcess::new(shell).unwrap();
        process.set_kill_timeout(Some(100));
        let (keys, mut reads) = (process.get_file_handle().unwrap(), process.get_file_handle().unwrap());
        let (bytes, output) = channel();
        std::thread::spawn(move || {
            let mut some = [0; 4096];
            // The end of a pty is an error.
            while let Ok(read @ 1..) = reads.read(&mut some) {
                if bytes.send(some[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        let [columns, lines] = [size.0, size.1].map(|n| NonZeroU16::new(n).unwrap());
        let terminal = vt100::Parser::new(lines, columns, 1000);
        Operator { _process: process, keys, output, terminal, sent: vec![] }
    }

    /// Takes what is sent within some time; whether something was, and `None` at the end of it.
    fn takes(&mut self, patience: Duration) -> Option<bool> {
        let bytes = match self.output.recv_timeout(patience) {
            Ok(bytes) => bytes,
            Err(RecvTimeoutError::Timeout) => return Some(false),
            Err(RecvTimeoutError::Disconnected) => return None,
        };
        self.terminal.process(&bytes);
        self.sent.extend(bytes);
        Some(true)
    }

    fn watches(&mut self, patience: Duration) -> bool {
        self.takes(patience) == Some(true)
    }

    /// What stands on the screen, line by line.
    pub fn screen(&self) -> String {
        self.terminal.screen().contents()
    }

    /// Waits until this stands on the screen, and the window can be answered; the whole screen.
    #[track_caller]
    pub fn sees(&mut self, text: &str) -> String {
        let (end, text) = (Instant::now() + PATIENCE, words(text));
        loop {
            let is_there = |screen: &str| screen.contains(&text) && !screen.contains("Working …");
            if is_there(&words(&self.screen())) {
                // All of it.
                while self.watches(Duration::from_millis(30)) {}
                if is_there(&words(&self.screen())) {
                    return self.screen();
                }
            }
            let goes_on = self.takes(Duration::from_millis(50)).is_some();
            assert!(goes_on && Instant::now() < end, "waiting for {text:?}:\n{}", self.screen());
        }
    }

    /// Waits until this stands on the screen while nothing is asked.
    #[track_caller]
    pub fn sees_at_work(&mut self, text: &str) {
        let end = Instant::now() + PATIENCE;
        while !words(&self.screen()).contains(&words(text)) {
            let goes_on = self.takes(Duration::from_millis(50)).is_some();
            assert!(goes_on && Instant::now() < end, "waiting for {text:?}:\n{}", self.screen());
        }
    }

    /// Turns the pages of the window's text until this is seen.
    #[track_caller]
    pub fn reads(&mut self, text: &str) {
        for _ in 0..30 {
            if words(&self.screen()).contains(&words(text)) {
                return;
            }
            self.presses(PAGE_DOWN);
        }
        panic!("{text:?} is on no page:\n{}", self.screen());
    }

    /// Presses keys that the window answers.
    pub fn presses(&mut self, keys: &str) {
        while self.watches(Duration::from_millis(30)) {}
        self.presses_unseen(keys);
        self.watches(PATIENCE);
        while self.watches(Duration::from_millis(30)) {}
    }

    /// Presses keys of which nothing is seen.
    pub fn presses_unseen(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Makes the terminal another size.
    pub fn resizes(&mut self, (columns, lines): (u16, u16)) {
        while self.watches(Duration::from_millis(30)) {}
        let size = rustix::termios::Winsize { ws_col: columns, ws_row: lines, ws_xpixel: 0, ws_ypixel: 0 };
        let [c, l] = [columns, lines].map(|n| NonZeroU16::new(n).unwrap());
        self.terminal.set_size(l, c);
        rustix::termios::tcsetwinsize(&self.keys, size).unwrap();
        self.watches(PATIENCE);
        while self.watches(Duration::from_millis(30)) {}
    }

    /// Waits until the terminal is as it was before the windows: its own screen, with cursor, lines and echo.
    #[track_caller]
    pub fn has_the_terminal_back(&mut self) {
        use rustix::termios::{LocalModes, tcgetattr};
        let end = Instant::now() + PATIENCE;
        let cooked = LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;
        loop {
            let screen = self.terminal.screen();
            let modes = tcgetattr(&self.keys).unwrap().local_modes;
            if !screen.alternate_screen() && !screen.hide_cursor() && modes.contains(cooked) {
                return;
            }
            assert!(Instant::now() < end, "{modes:?}\n{}", self.screen());
            self.watches(Duration::from_millis(50));
        }
    }

    /// Sends a signal to the program, and to the shell, which goes on.
    pub fn signals(&self, signal: rustix::process::Signal) {
        let group = rustix::termios::tcgetpgrp(&self.keys).unwrap();
        rustix::process::kill_process_group(group, signal).unwrap();
    }

    /// Whether the frame of the window ends at the right edge in every line of it.
    pub fn is_in_its_frame(&self) -> bool {
        let screen = self.terminal.screen();
        let (lines, columns) = screen.size();
        let edge = |line| screen.cell(line, columns.get() - 1).map(|cell| cell.contents().to_owned());
        (1..lines.get() - 1).all(|line| edge(line).as_deref() == Some("│"))
    }

    #[track_caller]
    pub fn through_server(&mut self) {
        self.sees("CTL file in force");
        self.presses(ENTER);
        self.sees("Output folder:");
        self.presses(ENTER);
    }

    #[track_caller]
    pub fn chooses_mode(&mut self, down: usize) {
        self.sees("Cisco CTL Client: Cluster Security Mode");
        self.sees("Update CTL File");
        for _ in 0..down {
            self.presses(DOWN);
        }
        self.presses(ENTER);
    }

    /// Ok at "Please insert", with both tokens in: picks one by name.
    #[track_caller]
    pub fn picks_token(&mut self, name: &str) {
        self.sees("Please insert a Security Token.  Click Ok when done.");
        self.sees("inserted: ");
        self.presses(ENTER);
        let shown = self.sees("Which one?");
        let mut options = shown.lines().filter(|line| line.contains(" on \""));
        for _ in 0..options.position(|line| line.contains(name)).unwrap_or_else(|| panic!("{name}: {shown}"))
        {
            self.presses(DOWN);
        }
        self.presses(ENTER);
        self.sees("Security Token Information");
    }

    #[track_caller]
    pub fn adds(&mut self) {
        self.sees("[ Add ]");
        self.presses(ENTER);
    }

    /// Ok at "Please insert" when one token is left to add.
    #[track_caller]
    pub fn adds_the_other(&mut self) {
        self.sees("Please insert a Security Token.  Click Ok when done.");
        self.sees("inserted: ");
        self.presses(ENTER);
        self.sees("Security Token Information");
        self.adds();
    }

    /// In window 6, with the cursor on the button `from`.
    #[track_caller]
    pub fn chooses_entry(&mut self, from: &str, action: &str) {
        const BUTTONS: [&str; 5] = ["Finish", "Add Tokens", "Add TFTP", "Add Firewall", "Delete Selected"];
        self.sees("Cisco CTL Client: CTL Entries");
        self.sees(&format!("[ {from} ]"));
        let at = |name| BUTTONS.iter().position(|button| *button == name).unwrap();
        for _ in at(from)..at(action) {
            self.presses(RIGHT);
        }
        for _ in at(action)..at(from) {
            self.presses(LEFT);
        }
        self.sees(&format!("[ {action} ]"));
        self.presses(ENTER);
    }

    /// In window 6: deletes an entry, counted from 0.
    #[track_caller]
    pub fn deletes(&mut self, entry: usize) {
        self.sees("Cisco CTL Client: CTL Entries");
        for _ in 0..entry {
            self.presses(DOWN);
        }
        // The letter that is underlined.
        self.presses("e");
    }

    #[track_caller]
    pub fn types(&mut self, text: &str) {
        self.presses(text);
        self.presses(ENTER);
    }

    /// From the plan to the last window.
    #[track_caller]
    pub fn signs(&mut self, token: &str, pin: &str) {
        self.sees("Back to the CTL entries");
        self.presses(ENTER);
        self.types_pin(token, pin);
    }

    #[track_caller]
    pub fn types_pin(&mut self, token: &str, pin: &str) {
        self.types_pin_for(&format!("PIN for {token}:"), pin);
    }

    /// A PIN or a password at its prompt.
    #[track_caller]
    pub fn types_pin_for(&mut self, prompt: &str, pin: &str) {
        self.sees(prompt);
        self.presses_unseen(pin);
        self.presses(ENTER);
        let seen = String::from_utf8_lossy(&self.sent).into_owned();
        assert!(!seen.contains(pin), "the PIN was shown");
    }

    /// Done, in the last window.
    #[track_caller]
    pub fn is_done(&mut self) {
        self.sees("What comes next?");
        self.presses(ENTER);
    }

    /// From the first window to the plan, on two tokens.
    #[track_caller]
    pub fn reverts(&mut self) {
        self.through_server();
        self.chooses_mode_and_tokens();
        self.sees("Cisco CTL Client: Finish");
    }

    /// The mode of the first line, two tokens, and Finish.
    #[track_caller]
    pub fn chooses_mode_and_tokens(&mut self) {
        self.chooses_mode(0);
        self.picks_token(FIRST);
        self.adds();
        self.chooses_entry("Add Tokens", "Add Tokens");
        self.adds_the_other();
        self.chooses_entry("Finish", "Finish");
    }

    /// The exit code, and what stands on the terminal's own screen once the windows are left.
    #[track_caller]
    pub fn leaves(mut self) -> (i32, String) {
        let end = Instant::now() + PATIENCE;
        while self.takes(Duration::from_millis(100)).is_some() {
            assert!(Instant::now() < end, "it does not end:\n{}", self.screen());
        }
        assert!(!self.terminal.screen().alternate_screen() && !self.terminal.screen().hide_cursor());
        let sent = String::from_utf8_lossy(&self.sent);
        let (_, rest) = sent.rsplit_once(LEFT_IT).unwrap_or_else(|| panic!("{sent}"));
        ended(&anstream::adapter::strip_str(rest).to_string())
    }
}

/// Somebody who hears lines and answers with lines.
pub struct Listener {
    session: PtySession,
    heard: String,
}

impl Listener {
    /// At a terminal of this kind and size.
    pub fn at(world: &World, (size, term): ((u16, u16), &str), more: &[&str]) -> Self {
        let shell = shell(world, size, term, &[&["--out", "out"], more].concat());
        // As they are: no line may move the cursor.
        let options = Options::new().timeout_ms(Some(60_000));
        Listener { session: spawn_with_options(shell, options).unwrap(), heard: String::new() }
    }

    #[track_caller]
    pub fn hears(&mut self, text: &str) {
        let before = self.session.exp_string(text).unwrap_or_else(|e| panic!("waiting for {text:?}: {e}"));
        self.heard.push_str(&before);
        self.heard.push_str(text);
    }

    /// Hears a question and answers it.
    #[track_caller]
    pub fn answers(&mut self, question: &str, answer: &str) {
        self.hears(question);
        self.presses(&format!("{answer}\n"));
    }

    pub fn presses(&mut self, key: &str) {
        self.session.send(key).unwrap();
        self.session.flush().unwrap();
    }

    /// The number of the line that says this, of those that were heard last.
    #[track_caller]
    pub fn picks(&mut self, option: &str) {
        self.hears("Number, or 0 to go back");
        let line = self
            .heard
            .lines()
            .rfind(|line| line.contains(option))
            .unwrap_or_else(|| panic!("{}", self.heard));
        let number = line.split_whitespace().next().unwrap().to_owned();
        self.answers(": ", &number);
    }

    #[track_caller]
    pub fn leaves(mut self) -> (i32, String) {
        self.heard.push_str(&self.session.exp_eof().unwrap());
        assert!(!self.heard.contains('\x1b'), "the cursor was moved: {:?}", self.heard);
        ended(&self.heard)
    }
}
