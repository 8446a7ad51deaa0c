//! Two virtual readers with a separate pcscd (`tests/virtual-card`), without root and without hardware.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::World;
use crate::pki;

/// The PIN of the virtual cards.
pub const CARD_PIN: &str = "123456";

/// The answer to reset of an eToken 5110.
const ATR: &str = "3BD518008131FE7D8073C82110F4";

/// The readers; pcscd ends with them.
pub struct Readers {
    child: Child,
    commands: ChildStdin,
    lines: Receiver<(Instant, String)>,
}

impl Readers {
    /// Starts them for a world; its program uses them through OpenSC. `None`, with a message, if something is not installed.
    pub fn start(world: &mut World) -> Option<Self> {
        Self::named(world, "AKS ifdh")
    }

    /// The same with another reader name: ykcs11 uses only a "Yubico YubiKey".
    pub fn named(world: &mut World, name: &str) -> Option<Self> {
        let folder = world.path("serial");
        std::fs::create_dir(&folder).unwrap();
        let mut command = Command::new("unshare");
        command
            // In its own process namespace, so that pcscd always ends with it.
            .args(["-Urnpf", "--kill-child", "python3"])
            .arg(pki::path("tests/virtual-card/readers.py"))
            .arg(&folder)
            .arg(name);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let Ok(mut child) = command.spawn() else {
            super::skip("unshare is not installed");
            return None;
        };
        let (send, lines) = channel();
        let out = BufReader::new(child.stdout.take()?);
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if send.send((Instant::now(), line)).is_err() {
                    break;
                }
            }
        });
        let commands = child.stdin.take()?;
        let readers = Readers { child, commands, lines };
        let Some(first) = readers.try_line() else {
            let mut readers = readers;
            let _ = readers.child.kill();
            let mut why = String::new();
            let _ = std::io::Read::read_to_string(&mut readers.child.stderr.take()?, &mut why);
            super::skip(&format!(
                "no virtual reader here: {}",
                why.lines().last().unwrap_or("it does not start")
            ));
            return None;
        };
        assert_eq!(first.1, "ready");
        world.set("PCSCLITE_CSOCK_NAME", folder.join("pcsc.sock").to_str().unwrap());
        world.set("SASTCTL_PROFILE", "opensc");
        world.unset("SASTCTL_MODULE");
        world.set("SAST_PIN", CARD_PIN);
        Some(readers)
    }

    fn try_line(&self) -> Option<(Instant, String)> {
        self.lines.recv_timeout(Duration::from_secs(60)).ok()
    }

    #[track_caller]
    fn tell(&mut self, command: &str, noticed: &str) -> Instant {
        writeln!(self.commands, "{command}").unwrap();
        let mut seen = None;
        let mut done = false;
        while !done || (seen.is_none() && !noticed.is_empty()) {
            let (at, line) = self.try_line().expect("the readers answer");
            done |= line == "done";
            if line == noticed {
                seen = Some(at);
            }
        }
        seen.unwrap_or_else(Instant::now)
    }

    /// Inserts the card with the key and certificate of `softhsm-fixtures/STEM` into a reader; returns the time at which pcscd
    /// noticed it.
    #[track_caller]
    pub fn insert(&mut self, reader: u32, stem: &str) -> Instant {
        self.insert_as(reader, stem, "9A", "piv")
    }

    /// The same with the key in another slot (9C needs the PIN every time), or on a card of another type.
    #[track_caller]
    pub fn insert_as(&mut self, reader: u32, stem: &str, slot: &str, kind: &str) -> Instant {
        let file = |end: &str| pki::path(&format!("softhsm-fixtures/{stem}.{end}")).display().to_string();
        // The GUID is the serial number. It is made from the name, so that a card is the same in every reader.
        let guid: String =
            format!("{stem:0>16}").bytes().rev().take(16).map(|b| format!("{b:02X}")).collect();
        let key = format!("{slot}={}:{}", file("key.pem"), file("der"));
        self.tell(&format!("insert {reader} {guid} {ATR} {kind} {key}"), "seen inserted")
    }

    /// Removes the card; returns the time at which pcscd noticed it.
    #[track_caller]
    pub fn remove(&mut self, reader: u32) -> Instant {
        self.tell(&format!("remove {reader}"), "seen removed")
    }

    /// Ends pcscd.
    #[track_caller]
    pub fn stop_service(&mut self) {
        self.tell("stop", "");
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
