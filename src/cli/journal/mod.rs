//! `journal …`: the record of a run as a page, and whether it was changed.

mod drawing;
mod page;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::error::{CommandError, ErrorKind};
use super::ui::{Ui, printable};
use crate::files::{self, OnExisting};
use crate::workflow::journal::{
    HeadSignature, JournalError, JournalSummary, JournalWriteError, VerifiedJournal, signature_beside,
    state_folder,
};
use crate::workflow::read_certificate;
use page::{HtmlPage, MarkdownPage};

/// A signature beside it is a line of JSON.
const LARGEST_SIGNATURE: usize = 64 * 1024;

/// Show or verify the journal of a run
#[derive(Debug, Subcommand)]
pub enum JournalCommand {
    Show(ShowArgs),
    Verify(VerifyArgs),
}

/// Show a journal as a page for the change ticket: Markdown, or one HTML file
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The journal [default: the newest one]
    file: Option<PathBuf>,
    /// Write a self-contained HTML page
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    folder: FolderArgs,
}

/// Where the newest one is looked for.
#[derive(Debug, Args)]
struct FolderArgs {
    /// The folder of the journals, as for the commands that sign [default: $XDG_STATE_HOME/sastctl, else
    /// ~/.local/state/sastctl]
    #[arg(long, value_name = "DIR", env = "SASTCTL_JOURNAL", hide_env_values = true)]
    journal: Option<PathBuf>,
}

/// Detect accidental changes: a changed, missing or moved line. With --signer, prove that there are none
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The journal [default: the newest one]
    file: Option<PathBuf>,
    /// Check the signature of the journal (NAME.sig, made by --journal-sign) with the certificate of the token
    #[arg(long, value_name = "CERT")]
    signer: Option<PathBuf>,
    #[command(flatten)]
    folder: FolderArgs,
}

/// Runs one of them.
pub fn run(command: JournalCommand, ui: &Ui) -> Result<(), CommandError> {
    match command {
        JournalCommand::Show(args) => show(&args, ui),
        JournalCommand::Verify(args) => verify(&args, ui),
    }
}

fn show(args: &ShowArgs, ui: &Ui) -> Result<(), CommandError> {
    let path = journal_path(args.file.as_deref(), &args.folder)?;
    let bytes = files::read_limited(&path, files::MAX_JOURNAL)?;
    // A run that was cut off can be shown, too; the page says so.
    let journal = VerifiedJournal::read_so_far(&bytes).map_err(|e| broken(&path, &e))?;
    let summary = &JournalSummary::new(&journal, &path);
    let html = || HtmlPage { summary }.to_string();
    match &args.html {
        Some(out) if out.as_os_str() == "-" && ui.is_json() => {
            let what = "standard output can take the page or JSON, not both";
            return Err(
                CommandError::new(ErrorKind::Usage, what).hint("--html FILE writes the page into a file")
            );
        }
        Some(out) if out.as_os_str() == "-" => return ui.write(html().as_bytes()),
        Some(out) => drop(files::write_new(out, html().as_bytes(), OnExisting::KeepBackup)?),
        None => {}
    }
    let (page, path) = (args.html.as_ref().map(|out| out.display().to_string()), path.display().to_string());
    match page {
        page if ui.is_json() => {
            ui.print_json(&serde_json::json!({ "journal": path, "lines": journal.lines(), "html": page }))
        }
        Some(page) => ui.print(&format!("{page}   the page of {path}")),
        None => {
            // Whatever could move the cursor came from outside.
            let lines: Vec<String> = MarkdownPage { summary }.to_string().lines().map(printable).collect();
            ui.print(&lines.join("\n"))
        }
    }
}

fn verify(args: &VerifyArgs, ui: &Ui) -> Result<(), CommandError> {
    let path = journal_path(args.file.as_deref(), &args.folder)?;
    let bytes = files::read_limited(&path, files::MAX_JOURNAL)?;
    let journal = VerifiedJournal::read(&bytes).map_err(|e| broken(&path, &e))?;
    let (lines, says) = (journal.lines().len(), journal.outcome().map(|(_, says)| says).unwrap_or_default());
    let proof = args.signer.as_deref().map(|signer| prove(&path, &journal, signer)).transpose()?;
    if let Some((_, signed)) = &proof
        && *signed < lines
    {
        ui.warn(&format!(
            "the signature covers lines 1 to {signed} of {lines}; in the others only accidental \
            changes are detected"
        ));
    }
    if ui.is_json() {
        let (signer, signed) = proof.unzip();
        return ui.print_json(&serde_json::json!({
            "journal": path.display().to_string(), "verified": true, "lines": lines, "signed_by": signer,
            "signed_lines": signed,
        }));
    }
    let Some((signer, signed)) = proof else {
        ui.note(
            "This detects accidental changes only. Proof needs a signature: --journal-sign when you sign, \
             --signer CERT here.",
        );
        return ui.print(&format!("{}: verified, {lines} lines; {}", path.display(), printable(says)));
    };
    let signed = format!("{signed} of them signed by {}", printable(&signer));
    ui.print(&format!("{}: verified, {lines} lines, {signed}; {}", path.display(), printable(says)))
}

/// Who signed the journal, and how many of its lines the signature covers.
fn prove(path: &Path, journal: &VerifiedJournal, signer: &Path) -> Result<(String, usize), CommandError> {
    let certificate = read_certificate(signer)?;
    let beside = signature_beside(path);
    let no = |what: String| {
        CommandError::new(ErrorKind::No, what).detail("signature", beside.display().to_string())
    };
    if !beside.exists() {
        return Err(no(format!("{} is not signed", path.display()))
            .hint("the commands that sign have the option --journal-sign, which signs the journal in the same login"));
    }
    let bytes = files::read_limited(&beside, LARGEST_SIGNATURE)?;
    let lines = HeadSignature::check(&bytes, journal, &certificate)
        .map_err(|e| no(format!("{} is not proved: {e}", path.display())))?;
    Ok((certificate.sast_name(), lines))
}

fn broken(path: &Path, error: &JournalError) -> CommandError {
    let error = CommandError::new(ErrorKind::No, format!("{} does not verify: {error}", path.display()));
    error.hint("do not rely on it; the files that it names still have their own checksums")
}

/// The journal that was named, else the newest in the folder for journals.
fn journal_path(named: Option<&Path>, folder: &FolderArgs) -> Result<PathBuf, CommandError> {
    if let Some(path) = named {
        return Ok(path.to_owned());
    }
    let folder = folder.journal.clone().or_else(state_folder).ok_or(JournalWriteError::NoFolder)?;
    let none = || {
        CommandError::new(ErrorKind::File, format!("there is no journal in {}", folder.display())).hint(
            "every run that signs or publishes a file writes one; give its path if it is in another folder",
        )
    };
    let entries = std::fs::read_dir(&folder).map_err(|_| none())?;
    let journals = entries.filter_map(Result::ok).map(|e| e.path());
    // Their names begin with the time, but runs of one second have names in any order.
    let written = |path: &PathBuf| std::fs::metadata(path).and_then(|m| m.modified()).ok();
    let journals = journals.filter(|p| p.extension().is_some_and(|e| e == "jsonl"));
    journals.max_by_key(|path| (written(path), path.clone())).ok_or_else(none)
}
