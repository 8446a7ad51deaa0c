//! A console in somebody's hands: what is typed goes to the node, what it answers comes back.

use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use super::Console;
use crate::cluster::error::ConsoleError;

/// Ctrl-] leaves, as in telnet.
const LEAVE: u8 = 0x1d;

/// How long a node may be silent, after the end of what is typed, until its answer is complete.
const ANSWERED: Duration = Duration::from_secs(2);

/// Passes bytes on until [`LEAVE`] is typed, the node closes the connection, or the input has ended (it then sends no
/// bytes) and the node has shown its answer.
pub fn attach<E: From<ConsoleError>>(
    console: &mut dyn Console,
    typed: &Receiver<Vec<u8>>,
    mut show: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut ended = false;
    let mut last = Instant::now();
    loop {
        while let Ok(typed) = typed.try_recv() {
            if typed.is_empty() {
                ended = true;
                continue;
            }
            let before_leaving = typed.split(|b| *b == LEAVE).next().unwrap_or_default();
            console.send(before_leaving)?;
            last = Instant::now();
            if before_leaving.len() < typed.len() {
                return Ok(());
            }
        }
        match console.receive(Duration::from_millis(50)) {
            Ok(bytes) if bytes.is_empty() => {}
            Ok(bytes) => {
                last = Instant::now();
                show(&bytes)?;
            }
            Err(ConsoleError::Closed { .. }) => return Ok(()),
            Err(e) => return Err(e.into()),
        }
        if ended && last.elapsed() > ANSWERED {
            return Ok(());
        }
    }
}
