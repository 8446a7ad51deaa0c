//! A separate world for every test: home, folders, time zone, and two software eTokens on request.

#[cfg(unix)]
pub mod cluster;
#[cfg(unix)]
pub mod cluster_lists;
#[path = "../fake_cucm/list/mod.rs"]
pub mod lists;
mod modules;
#[cfg(unix)]
pub mod node_tvs;
#[cfg(unix)]
pub mod operator;
pub mod phones;
#[cfg(unix)]
pub mod population;
pub mod readers;
#[cfg(unix)]
pub mod run;
pub mod schema;
pub mod scripted;
#[cfg(unix)]
pub mod site;
pub mod tvs;
pub mod watch;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::pki;
pub use modules::softhsm_module;

/// The PIN of the software eTokens.
pub const PIN: &str = "Cisco123";

/// How often a test does its work: `quick` in `make test`, `soak` in `make soak`, which sets SOAK.
pub fn rounds(quick: usize, soak: usize) -> usize {
    if std::env::var_os("SOAK").is_some() { soak } else { quick }
}

/// A text without the program's own colours: red, yellow, green, cyan and bold, as it spells them. Any other escape
/// sequence stays.
pub fn without_colours(text: &str) -> String {
    let own = ["\x1b[1m\x1b[31m", "\x1b[1m\x1b[33m", "\x1b[1m\x1b[36m", "\x1b[32m", "\x1b[1m", "\x1b[0m"];
    own.iter().fold(text.to_owned(), |text, colour| text.replace(colour, ""))
}

/// Waits until a condition is true; fails after a minute.
#[track_caller]
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < end, "waited for a minute: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Reads lines until one contains these words; returns everything that was read.
#[cfg(unix)]
#[track_caller]
pub fn read_until(from: &mut impl std::io::BufRead, words: &str) -> String {
    let mut all = String::new();
    loop {
        let begin = all.len();
        assert!(from.read_line(&mut all).unwrap() > 0, "it ended without {words:?}:\n{all}");
        if all[begin..].contains(words) {
            return all;
        }
    }
}

/// The result of a run, with everything random replaced by names.
#[derive(Debug)]
pub struct Outcome {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    /// Standard output as it was.
    pub bytes: Vec<u8>,
}

impl Outcome {
    /// The three together, for snapshots.
    pub fn all(&self) -> String {
        format!("{}--- stderr\n{}--- exit code {}", self.stdout, self.stderr, self.code)
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|e| panic!("{e}\n{}", self.all()))
    }

    #[track_caller]
    pub fn done(self) -> Self {
        assert_eq!(self.code, 0, "{}", self.all());
        self
    }
}

/// A separate folder, and an environment with nothing else.
pub struct World {
    dir: tempfile::TempDir,
    env: BTreeMap<String, String>,
    names: Vec<(String, String)>,
    /// The command that runs every program: another namespace.
    inside: Vec<String>,
}

impl World {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().to_str().unwrap().to_owned();
        let mut world =
            World { dir, env: BTreeMap::new(), names: vec![(path.clone(), "DIR".into())], inside: vec![] };
        for sub in ["home", "runtime", "state"] {
            std::fs::create_dir(world.path(sub)).unwrap();
        }
        for (key, value) in [
            ("PATH", std::env::var("PATH").unwrap()),
            ("HOME", format!("{path}/home")),
            ("XDG_RUNTIME_DIR", format!("{path}/runtime")),
            ("XDG_STATE_HOME", format!("{path}/state")),
            ("TMPDIR", path.clone()),
            ("TZ", "UTC".into()),
            // Sentences stand on one line; `widths` is about narrower screens.
            ("COLUMNS", "1000".into()),
            // The tests of signals and closed pipes read the message of a panic.
            ("RUST_BACKTRACE", "0".into()),
        ] {
            world.env.insert(key.into(), value);
        }
        world
    }

    /// Two software eTokens: "SAST token A" with SAST-ADN008580ef, "SAST token B" with SAST-ADN0054f509.
    pub fn with_tokens() -> Self {
        let mut world = World::new();
        let made = Command::new(pki::path("softhsm-fixtures/make-tokens.sh"))
            .arg(world.path("hsm"))
            .env_clear()
            .envs(&world.env)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        for line in String::from_utf8(made.stdout).unwrap().lines() {
            let (key, value) = line.strip_prefix("export ").unwrap().split_once('=').unwrap();
            world.env.insert(key.into(), value.trim_matches('\'').into());
        }
        world.env.insert("SAST_PIN".into(), PIN.into());
        world.env.insert("SASTCTL_PIN_SOURCE".into(), "env:SAST_PIN".into());
        world.names.push((softhsm_module().to_str().unwrap().to_owned(), "MODULE".into()));
        world.learn_names();
        world
    }

    /// Slot numbers and serials are random: from here on they are replaced by the token's letter.
    pub fn learn_names(&mut self) {
        let list = self.run(&["token", "list", "--json"]).done().json();
        for token in list["tokens"].as_array().unwrap() {
            let letter = match token["label"].as_str().unwrap() {
                "SAST token A" => "A",
                "SAST token B" => "B",
                _ => continue,
            };
            for (value, name) in [
                (token["reader"].as_str().unwrap().to_owned(), format!("Reader {letter}")),
                (token["serial"].as_str().unwrap().to_owned(), format!("serial-{letter}")),
                (token["slot_id"].to_string(), format!("slot-{letter}")),
            ] {
                self.names.push((value, name));
            }
        }
    }

    /// The serial number of a token, by its letter.
    pub fn serial(&self, letter: &str) -> String {
        self.value_of(&format!("serial-{letter}"))
    }

    /// The slot number of a token, by its letter.
    #[cfg_attr(windows, allow(dead_code, reason = "the stories that use it are those of Unix"))]
    pub fn slot(&self, letter: &str) -> String {
        self.value_of(&format!("slot-{letter}"))
    }

    fn value_of(&self, wanted: &str) -> String {
        self.names.iter().find(|(_, name)| name == wanted).unwrap().0.clone()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn set(&mut self, key: &str, value: &str) {
        self.env.insert(key.into(), value.into());
    }

    pub fn unset(&mut self, key: &str) {
        self.env.remove(key);
    }

    /// Puts a golden file into the world's folder, under another name.
    pub fn place(&self, golden: &str, name: &str) -> String {
        std::fs::write(self.path(name), pki::golden_bytes(golden)).unwrap();
        name.to_owned()
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// The files in the world's folder that a command may have made.
    pub fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.dir.path())
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .filter(|n| !["home", "runtime", "state", "hsm", "cluster", "serial"].contains(&n.as_str()))
            .collect();
        names.sort();
        names
    }

    /// From here on this command runs every program.
    pub fn run_inside(&mut self, words: &[&str]) {
        self.inside = words.iter().map(|word| (*word).to_owned()).collect();
    }

    /// The program, in the world's folder and with only the world's environment.
    pub fn command(&self, args: &[&str]) -> Command {
        self.program(env!("CARGO_BIN_EXE_sastctl"), args)
    }

    /// The same for any program.
    pub fn program(&self, program: &str, args: &[&str]) -> Command {
        let mut command = match self.inside.split_first() {
            None => Command::new(program),
            Some((first, rest)) => {
                let mut command = Command::new(first);
                // Another mount namespace has another working folder.
                command
                    .args(rest)
                    .args(["sh", "-c", "cd \"$0\" && exec \"$@\""])
                    .arg(self.dir.path())
                    .arg(program);
                command
            }
        };
        command.args(args).current_dir(self.dir.path()).env_clear().envs(&self.env);
        command
    }

    /// OpenSC's tool on one of the tokens, logged in.
    #[track_caller]
    pub fn pkcs11_tool(&self, token: &str, args: &[&str]) {
        let mut tool = Command::new("pkcs11-tool");
        tool.arg("--module").arg(softhsm_module()).args(["--token-label", token, "--login", "--pin", PIN]);
        let output = tool.args(args).env_clear().envs(&self.env).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Any other program in the world's folder; both its outputs.
    #[track_caller]
    pub fn tool(&self, program: &str, args: &[&str]) -> String {
        let output = self.program(program, args).output();
        let output = output.unwrap_or_else(|e| panic!("{program}: {e}"));
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        assert!(output.status.success(), "{program} {args:?}\n{text}");
        text
    }

    /// A third token, with the key and certificate of `stem.key.pem` and `stem.der`.
    pub fn new_token(&self, label: &str, stem: &str) {
        let make = ["--init-token", "--free", "--label", label, "--so-pin", "12345678", "--pin", PIN];
        let output = Command::new("softhsm2-util").args(make).env_clear().envs(&self.env).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        for (kind, file) in [("privkey", "key.pem"), ("cert", "der")] {
            let path = pki::path(&format!("{stem}.{file}"));
            self.pkcs11_tool(
                label,
                &["--write-object", path.to_str().unwrap(), "--type", kind, "--id", "01"],
            );
        }
    }

    /// Runs without a terminal. Adds `--yes` if it is needed; stories about consent use [`World::run_without_yes`].
    pub fn run(&self, args: &[&str]) -> Outcome {
        self.run_with_input(args, b"")
    }

    pub fn run_with_input(&self, args: &[&str], input: &[u8]) -> Outcome {
        let agreed: &[&str] = if needs_yes(args) { &["--yes"] } else { &[] };
        self.run_without_yes(&[args, agreed].concat(), input)
    }

    /// Runs without a terminal, and with only these arguments.
    pub fn run_without_yes(&self, args: &[&str], input: &[u8]) -> Outcome {
        use std::io::Write as _;
        let mut child = self
            .command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that fails before it reads closes the pipe.
        let _ = child.stdin.take().unwrap().write_all(input);
        let output = child.wait_with_output().unwrap();
        if args.contains(&"--json") {
            schema::check(&output.stdout);
        }
        Outcome {
            code: output.status.code().unwrap_or(-1),
            stdout: self.named(&String::from_utf8_lossy(&output.stdout)),
            stderr: self.named(&String::from_utf8_lossy(&output.stderr)),
            bytes: output.stdout,
        }
    }

    /// Replaces random values by names.
    pub fn named(&self, text: &str) -> String {
        let text = self.names.iter().fold(text.to_owned(), |text, (value, name)| text.replace(value, name));
        // Journals are named by the time of the run: `20261121T073000-revert.jsonl`.
        let mut parts = text.split("DIR/state/sastctl/");
        let mut named = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            named += "DIR/state/sastctl/TIME";
            named += part.get(15..).unwrap_or(part);
        }
        named
    }
}

/// Whether a command signs, makes a key or changes a node, and its arguments do not contain `--yes`.
fn needs_yes(args: &[&str]) -> bool {
    let two = |words: &[&str]| {
        matches!(
            words,
            ["ctl", "update" | "sign" | "create"] | ["cert", "enroll"] | ["cluster", "trust" | "console"]
        )
    };
    let signs = args.contains(&"revert") || args.windows(2).any(two);
    (["approve", "sign-request"].iter().any(|name| args.first() == Some(name))
        || signs && args.first() != Some(&"request"))
        && !args.iter().any(|arg| ["--yes", "--dry-run", "--help", "help"].contains(arg))
}

/// Reports why a test is skipped: on standard error, and as a line of the file that `.ci/run` reads at its end.
pub fn skip(reason: &str) {
    use std::io::Write as _;
    // The harness runs each test in a thread with its name; cargo-nextest starts a process for each, with the name in a
    // variable.
    let thread = std::thread::current();
    let named = thread.name().filter(|name| name.contains("::")).map(str::to_owned);
    let test = named.or_else(|| std::env::args().find(|arg| arg.contains("::") && !arg.contains('/')));
    let test = test.expect("a test's name");
    let line = format!("{test}: {}\n", reason.replace('\n', " "));
    eprint!("SKIPPED: {line}");
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("skipped");
    let file = std::fs::File::options().create(true).append(true).open(path);
    file.and_then(|mut file| file.write_all(line.as_bytes())).unwrap();
}

/// Whether strace is installed and may trace here.
pub fn can_trace() -> bool {
    let works =
        Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    let works = works.is_ok_and(|status| status.success());
    if !works {
        skip("strace is not installed, or may not trace here");
    }
    works
}

/// Numbers that are the same in every run (xorshift64).
pub struct Numbers(pub u64);

impl Numbers {
    pub fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n.max(1) as u64) as usize
    }
}
