//! `cluster console`: an interactive shell on a node, with an optional transcript.

use std::io::{Read as _, Write as _};
use std::sync::mpsc;

use clap::Args;

use super::connect::{ConnectArgs, OneNode};
use crate::cli::{CommandError, ErrorKind, Settings, Ui};
use crate::cluster::console::attach;
use crate::cluster::{Connector, NodeAddress};
use crate::ui::SingleKeys;
use crate::workflow::{Operator as _, Question};

/// Open the console of a node, or any serial line (the AUX port of a phone, for example); --transcript records it
#[derive(Debug, Args)]
pub struct ConsoleArgs {
    #[command(flatten)]
    node: OneNode,
    /// Open the serial line without a login
    #[arg(long)]
    raw: bool,
    /// Send input from a file or a pipe; at a terminal each key is sent as you type it
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    connect: ConnectArgs,
}

pub fn run(args: &ConsoleArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let address = args.node.address()?;
    let operator = args.connect.operator(args.yes, settings, ui)?;
    if !ui.can_ask() {
        operator.agrees(&Question::Consent(format!("Send the input from the pipe to {address}?")))?;
    }
    let mut connector = Connector::new(args.connect.options(), &operator);
    let mut console = match address {
        NodeAddress::Serial(line) if args.raw => connector.line(line)?,
        _ => connector.console(address)?,
    };
    ui.show(&format!("Connected to {address}. Press Ctrl-] to leave."));
    let no_keys = |e| CommandError::usage("the terminal cannot be read key by key").caused_by(&e);
    let _raw = ui.can_ask().then(SingleKeys::begin).transpose().map_err(no_keys)?;
    let (tell, keys) = mpsc::sync_channel(16);
    // This thread ends with the process: a read from a terminal cannot be cancelled.
    std::thread::spawn(move || {
        let mut buffer = [0; 256];
        while let Ok(n) = std::io::stdin().read(&mut buffer) {
            let typed = buffer.get(..n).unwrap_or_default().to_vec();
            if tell.send(typed).is_err() || n == 0 {
                return;
            }
        }
    });
    let mut out = std::io::stdout();
    let gone = |e: std::io::Error| {
        CommandError::new(ErrorKind::ClosedPipe, "standard output was closed").caused_by(&e)
    };
    attach(&mut console, &keys, |bytes| out.write_all(bytes).and_then(|()| out.flush()).map_err(gone))
}
