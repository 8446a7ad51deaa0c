//! A running `token watch --json`, event by event.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use super::World;

/// A running `token watch`.
pub struct Watch {
    child: Child,
    lines: std::sync::mpsc::Receiver<(Instant, serde_json::Value)>,
}

impl Watch {
    pub fn begin(world: &World, args: &[&str]) -> Self {
        let mut command = world.command(args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // It prints a line when it starts to watch.
        let mut ready = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut ready).unwrap();
        assert!(ready.starts_with("Watching."), "{ready}");
        let lines = read_lines(child.stdout.take().unwrap());
        Watch { child, lines }
    }

    /// The next event, and how long it took since `since`.
    #[track_caller]
    pub fn next(&self, since: Instant) -> (serde_json::Value, Duration) {
        let (at, line) = self.lines.recv_timeout(Duration::from_secs(60)).expect("an event");
        super::schema::check(line.to_string().as_bytes());
        (line, at.saturating_duration_since(since))
    }

    #[cfg(unix)]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn end(mut self) -> i32 {
        self.child.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_lines(out: ChildStdout) -> std::sync::mpsc::Receiver<(Instant, serde_json::Value)> {
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            let event = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
            if send.send((Instant::now(), event)).is_err() {
                break;
            }
        }
    });
    receive
}
