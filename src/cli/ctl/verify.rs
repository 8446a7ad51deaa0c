//! `ctl verify`: one line per file, and the reason.

use std::path::PathBuf;

use clap::Args;

use crate::cli::{CommandError, ErrorKind, STATE, Ui, printable};
use crate::ui::Progress;
use crate::workflow::LongWork as _;
use crate::workflow::verification::{FileVerdict, SgnSigner, Tally, Verification};

/// Verify the signatures of CTL, ITL and .sgn files
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The files; `-` is standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The signer of .sgn files: a certificate (DER or PEM), or a verified CTL or ITL that contains it as TFTP
    #[arg(long, value_name = "CERT")]
    signer: Option<PathBuf>,
}

pub fn run(args: &VerifyArgs, ui: &Ui) -> Result<(), CommandError> {
    let verification = Verification {
        signer: args.signer.as_deref().map(SgnSigner::read).transpose()?,
        no_signer: "a .sgn file does not contain its signer's certificate: give it with --signer",
        with_checksums: ui.json,
    };
    let total = args.files.len();
    let progress = (total > 100).then(|| ui.long_work(&format!("Verifying {total} files"), Some(total)));
    if ui.json {
        ui.write(b"{\n  \"schema\": \"ctl-verify/1\",\n  \"files\": [")?;
    }
    let tell = |some: &[FileVerdict], first| {
        if ui.json { ui.print_json_elements(some, first) } else { say(some, ui) }
    };
    let one_done = || progress.iter().for_each(Progress::one_done);
    let Tally { unverified, unreadable } = verification.run(&args.files, one_done, tell)?;
    if ui.json {
        ui.write(b"\n  ]\n}\n")?;
    }
    drop(progress);
    if unverified == 0 {
        return Ok(());
    }
    let kind = if unreadable == 0 { ErrorKind::No } else { ErrorKind::File };
    let files = if total == 1 { "file" } else { "files" };
    Err(CommandError::new(kind, format!("{unverified} of {total} {files} not verified")))
}

/// A line for each file, and what is odd about it.
fn say(verdicts: &[FileVerdict], ui: &Ui) -> Result<(), CommandError> {
    let text: String = verdicts.iter().map(|v| line(v) + "\n").collect();
    ui.print(&text)?;
    for verdict in verdicts {
        for remark in &verdict.remarks {
            ui.warn(&format!("{}: {remark}", verdict.file));
        }
    }
    Ok(())
}

fn line(verdict: &FileVerdict) -> String {
    let file = printable(&verdict.file);
    match (verdict.verified, &verdict.reason) {
        (true, _) => format!(
            "{file}: {STATE}verified, signed by {} (RSA {}, {})",
            printable(verdict.signed_by.as_deref().unwrap_or_default()),
            verdict.key_bits.unwrap_or_default(),
            verdict.digest.as_deref().unwrap_or_default()
        ),
        (false, Some(reason)) if verdict.readable => {
            format!("{file}: {STATE}NOT verified: {}", printable(reason))
        }
        (false, reason) => {
            format!("{file}: {STATE}NOT verified: it {}", printable(reason.as_deref().unwrap_or_default()))
        }
    }
}
