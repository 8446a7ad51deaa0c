//! `ctl show`: what CUCM's `show ctl` and `show itl` print; `ctl diff`: records added, removed, changed, in words.

use std::path::PathBuf;

use clap::Args;

use crate::cli::{CommandError, Ui};
use crate::trustlist::{self, ListReport, SignedReport, TrustFile, show_list, show_signed, show_summary};
use crate::workflow::{display_name, header_time, read_file, read_list};

/// Show a CTL, ITL or .sgn file in the format of CUCM's `show ctl` and `show itl`
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The file; `-` is standard input
    file: PathBuf,
    /// Show a list in five lines: kind and size, signer, records by function, MD5 and SHA-1
    #[arg(long)]
    summary: bool,
}

/// Compare two CTL or ITL files record by record, in words
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The list before; `-` is standard input
    old: PathBuf,
    /// The list after
    new: PathBuf,
}

pub fn diff(args: &DiffArgs, ui: &Ui) -> Result<(), CommandError> {
    let difference = trustlist::diff(&read_list(&args.old)?, &read_list(&args.new)?);
    ui.answer("ctl-diff", &difference, || difference.to_string())
}

pub fn show(args: &ShowArgs, ui: &Ui) -> Result<(), CommandError> {
    match read_file(&args.file)? {
        TrustFile::List(list) => {
            let verification = list.verify();
            if ui.json {
                ui.print_json("ctl-show", &ListReport::new(&list, &verification))?;
            } else if args.summary {
                ui.print(&show_summary(&display_name(&args.file), &list, verification.is_ok()))?;
            } else {
                ui.print_as_it_is(&show_list(
                    &list,
                    &header_time(list.header().timestamp),
                    verification.is_ok(),
                ))?;
            }
            if let Err(reason) = &verification {
                ui.warn(&format!("{} is not verified: {reason}", display_name(&args.file)));
            }
            for remark in list.remarks() {
                ui.warn(&remark.to_string());
            }
        }
        TrustFile::Signed(signed) => {
            if ui.json {
                ui.print_json("ctl-show", &SignedReport::new(&signed))?;
            } else {
                ui.print_as_it_is(&show_signed(&signed, &header_time(signed.header().timestamp)))?;
            }
            ui.note("A .sgn file does not contain its signer's certificate: sastctl ctl verify FILE --signer CERT \
                checks it.");
        }
    }
    Ok(())
}
