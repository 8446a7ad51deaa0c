//! An operator at the windows of `client`, on a real terminal.

use std::os::unix::process::CommandExt as _;
use std::time::Duration;

use rexpect::reader::Options;
use rexpect::session::{PtySession, spawn_with_options};

use super::World;

pub const GOLDEN_TIME: &str = "2015-03-06T22:53:33+01:00";
/// In the order of the documents: 008580ef was added first, and signed.
pub const FIRST: &str = "SAST-ADN008580ef";
pub const SECOND: &str = "SAST-ADN0054f509";

pub const ENTER: &str = "\r";
pub const ESC: &str = "\x1b";
pub const DOWN: &str = "\x1b[B";
pub const CTRL_C: &str = "\x03";

/// Somebody who reads the windows and presses keys.
pub struct Operator {
    pub session: PtySession,
}

impl Operator {
    pub fn sits_down(world: &World, more: &[&str]) -> Self {
        Self::wants_it_in(world, "out", more)
    }

    /// With another `--out`.
    pub fn wants_it_in(world: &World, out: &str, more: &[&str]) -> Self {
        let args = [&["client", "CTLFile.tlv", "--timestamp", GOLDEN_TIME, "--out", out], more].concat();
        let mut shell = std::process::Command::new("sh");
        let program = world.command(&args);
        shell.env_clear().envs(program.get_envs().filter_map(|(k, v)| Some((k, v?))));
        shell.env_remove("SASTCTL_PIN_SOURCE").env("TERM", "xterm").current_dir(world.path(""));
        // A terminal as wide as a real one, and a look at it afterwards.
        let words: Vec<String> = args.iter().map(|a| format!("'{a}'")).collect();
        let line = format!(
            "stty echo cols 160 rows 50; {} {}; echo code $?; stty -a",
            program.get_program().display(),
            words.join(" ")
        );
        shell.args(["-c", &format!("trap : INT; {line}")]).arg0("sh");
        let options = Options::new().timeout_ms(Some(20_000)).strip_ansi_escape_codes(true);
        Operator { session: spawn_with_options(shell, options).unwrap() }
    }

    #[track_caller]
    pub fn sees(&mut self, text: &str) -> String {
        self.session.exp_string(text).unwrap_or_else(|e| panic!("waiting for {text:?}: {e}"))
    }

    pub fn presses(&mut self, keys: &str) {
        // A key that is pressed while the window is drawn is not a person's.
        std::thread::sleep(Duration::from_millis(60));
        self.session.send(keys).unwrap();
        self.session.flush().unwrap();
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
        self.sees("Cluster Security Mode");
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
        self.sees("Which one?");
        let shown = self.sees("all ");
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
        self.sees("Add");
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

    /// In window 6, with the cursor on `from`.
    #[track_caller]
    pub fn chooses_entry(&mut self, from: &str, action: &str) {
        const ACTIONS: [&str; 5] = ["Finish", "Add Tokens", "Add TFTP", "Add Firewall", "Delete Selected"];
        self.sees("Hostname/IP Address");
        self.sees("Delete Selected");
        // The list is a ring.
        let at = |name| ACTIONS.iter().position(|a| *a == name).unwrap();
        for _ in 0..(at(action) + ACTIONS.len() - at(from)) % ACTIONS.len() {
            self.presses(DOWN);
        }
        self.presses(ENTER);
    }

    #[track_caller]
    pub fn types(&mut self, text: &str) {
        self.presses(text);
        self.presses(ENTER);
    }

    #[track_caller]
    pub fn signs(&mut self, token: &str, pin: &str) {
        self.sees("Back to the CTL entries");
        self.presses(ENTER);
        self.sees(&format!("PIN for {token}: "));
        self.types(pin);
    }

    /// From the first window to the plan, on two tokens.
    #[track_caller]
    pub fn reverts(&mut self) {
        self.through_server();
        self.chooses_mode_and_tokens();
        self.sees("signs this file");
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

    /// Everything that is left, the exit code, and whether the terminal is as it was.
    #[track_caller]
    pub fn leaves(mut self) -> (i32, String) {
        let rest = self.session.exp_eof().unwrap();
        let (said, after) = rest.rsplit_once("code ").unwrap_or_else(|| panic!("{rest}"));
        assert!(
            after.contains(" echo ") && after.contains(" icanon "),
            "the terminal is left broken: {after}"
        );
        (after.split_whitespace().next().unwrap().parse().unwrap(), said.to_owned())
    }
}
