//! `client`: the CTL Client's windows, one after the other, in its order and words.
//!
//! They are a sequence in `workflow`; the terminal is here.

mod result;
mod terminal;

use std::path::{Path, PathBuf};

use clap::Args;

use super::error::{CommandError, ErrorKind};
use super::interrupt;
use super::settings::Settings;
use super::signing::{SigningArgs, note_signed};
use super::ui::Ui;
use crate::workflow::{Finished, Windows};

/// Show the windows of the CTL Client in the terminal
#[derive(Debug, Args)]
pub struct ClientArgs {
    /// The CTL in force, or a cluster file (*.toml) to make a first CTL [default: the first window asks]
    file: Option<PathBuf>,
    #[command(flatten)]
    signing: SigningArgs,
}

pub fn run(args: &ClientArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    if args.signing.out().is_some_and(|out| out.as_os_str() == "-") {
        return Err(CommandError::new(ErrorKind::Usage, "the windows write a file; --out - is not possible")
            .hint("give a folder, or a file that ends in .tlv")
            .hint("sastctl revert, ctl create and ctl update write to standard output"));
    }
    if ui.is_json() || !ui.can_ask() {
        return Err(CommandError::new(ErrorKind::Usage, "the windows need a terminal")
            .hint("sastctl revert, ctl create and ctl update do the same without questions"));
    }
    args.signing.request_options()?;
    let named = settings.selector()?;
    interrupt::listen()?;
    let _terminal = interrupt::Terminal::remember();
    terminal::set_up();
    let module = settings.module_options().open()?;
    ui.show(
        "Cisco CTL Client, in the terminal. The same without questions: sastctl revert (from tokenless to",
    );
    ui.show("tokens), sastctl ctl create (a first CTL), sastctl ctl update (everything else).");
    let operator = args.signing.operator(false, settings, ui);
    let windows = Windows {
        operator: &operator,
        module,
        source: args.file.clone().unwrap_or_else(|| PathBuf::from("CTLFile.tlv")),
        folder: args.signing.out().map_or_else(|| PathBuf::from("."), Path::to_owned),
        out: args.signing.out().map(Path::to_owned),
        named,
        request: &|signer| Ok(args.signing.request(signer)?),
        order: args.signing.order("client"),
    };
    let Some(finished) = windows.run()? else {
        return Err(CommandError::new(ErrorKind::Interrupted, "cancelled; nothing was written"));
    };
    let Finished::Signed { choices, plan, source, out, signed } = finished else { return Ok(()) };
    note_signed(&signed, ui);
    ui.show(&result::window(&plan, &out));
    let mut again = args.signing.again();
    let module = settings.module.as_ref().map(|path| path.display().to_string());
    for (name, value) in [("--profile", &settings.profile), ("--module", &module)] {
        again.extend(value.iter().flat_map(|value| [name.to_owned(), value.clone()]));
    }
    ui.show(&result::commands(&choices, &plan, &source, &out, &again));
    Ok(())
}
