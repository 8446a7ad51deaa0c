//! Where what is signed goes: beside the file that it is made from, unless it is told to go elsewhere.

use std::path::{Path, PathBuf};

use clap::Args;

use super::super::error::{CommandError, ErrorKind};
use super::args::SigningArgs;
use crate::trustlist::is_file_name;
use crate::workflow::beside;

/// The option of commands that make a new file from one that is there.
#[derive(Debug, Args)]
#[command(next_help_heading = "Signing")]
pub struct PlaceArgs {
    /// Replace the file itself; the old file is kept as NAME.bak [default: write NAME.new.tlv next to it]
    #[arg(long, conflicts_with = "out")]
    in_place: bool,
}

impl PlaceArgs {
    /// Whether files are replaced.
    pub fn in_place(&self) -> bool {
        self.in_place
    }

    /// Where a list goes that is made from `source`, which calls itself `own`.
    pub fn of(&self, signing: &SigningArgs, source: &Path, own: &str) -> Result<PathBuf, CommandError> {
        let input = source.as_os_str() == "-";
        match signing.out() {
            Some(out) => Ok(out.to_owned()),
            None if self.in_place && input => {
                Err(CommandError::new(ErrorKind::Usage, "--in-place replaces a file, and - names none"))
            }
            None if self.in_place => Ok(source.to_owned()),
            None if input => Ok(beside(Path::new(if is_file_name(own) { own } else { "CTLFile.tlv" }))),
            None => Ok(beside(source)),
        }
    }
}
