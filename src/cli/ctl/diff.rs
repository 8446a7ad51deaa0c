//! `ctl diff`: records added, removed, changed, in words.

use std::path::PathBuf;

use clap::Args;

use super::super::error::CommandError;
use super::super::ui::Ui;
use crate::trustlist::diff;
use crate::workflow::read_list;

/// Compare two CTL or ITL files record by record, in words
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The list before; `-` is standard input
    old: PathBuf,
    /// The list after
    new: PathBuf,
}

pub fn run(args: &DiffArgs, ui: &Ui) -> Result<(), CommandError> {
    let difference = diff(&read_list(&args.old)?, &read_list(&args.new)?);
    if ui.is_json() { ui.print_json(&difference) } else { ui.print(&difference.to_string()) }
}
