//! `journal …`: the journals there are, the record of a run as a page, and whether it was changed.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::{CommandError, ErrorKind, STATE, Ui, printable, table};
use crate::files::{self, OnExisting};
use crate::system::folders;
use crate::workflow::journal::{
    HeadSignature, JournalError, JournalSummary, JournalWriteError, ListedJournal, Outcome, ShownJournal,
    VerifiedJournal, list, newest, read_signature, signature_beside,
};
use crate::workflow::phones::PhonesByClass;
use crate::workflow::read_certificate;

/// List, show or verify the journals of runs
#[derive(Debug, Subcommand)]
pub enum JournalCommand {
    List(ListArgs),
    Show(ShowArgs),
    Verify(VerifyArgs),
}

/// The most journals in a list.
const LISTED: usize = 500;

/// List the journals, newest first: time, command, cluster or file, outcome
#[derive(Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    folder: FolderArgs,
}

/// Show a journal as a page for the change ticket: Markdown, or one HTML file
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Write a self-contained HTML page
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// The number of the change, for a journal that has none
    #[arg(long, value_name = "TEXT", env = "SASTCTL_CHANGE", hide_env_values = true)]
    change: Option<String>,
    /// Leave out names and addresses: nodes, users, tokens, certificates, phones, files. Checksums stay
    #[arg(long)]
    redact: bool,
    /// Count the phones of each class on this list, a CSV file that phones list writes
    #[arg(long, value_name = "FILE")]
    phones_from: Option<PathBuf>,
    #[command(flatten)]
    journal: JournalArgs,
}

/// Detect accidental changes (a changed, missing or moved line). With --signer, prove that nobody changed it
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Check the signature of the journal (NAME.sig, made by --journal-sign) with the certificate of the token
    #[arg(long, value_name = "CERT")]
    signer: Option<PathBuf>,
    #[command(flatten)]
    journal: JournalArgs,
}

/// Which journal is meant.
#[derive(Debug, Args)]
struct JournalArgs {
    /// The journal: a path, or a name in the folder of the journals [default: the newest one]
    file: Option<PathBuf>,
    #[command(flatten)]
    folder: FolderArgs,
}

/// Where the journals are.
#[derive(Debug, Args)]
struct FolderArgs {
    /// The folder of the journals, as for the commands that sign [default: $XDG_STATE_HOME/sastctl, else
    /// ~/.local/state/sastctl; Windows: %LOCALAPPDATA%\sastctl]
    #[arg(long, value_name = "DIR", env = "SASTCTL_JOURNAL", hide_env_values = true)]
    journal: Option<PathBuf>,
}

impl FolderArgs {
    fn path(&self) -> Option<PathBuf> {
        self.journal.clone().or_else(folders::state)
    }
}

impl JournalArgs {
    /// Its path and its bytes.
    fn read(&self) -> Result<(PathBuf, Vec<u8>), CommandError> {
        let path = match (&self.file, self.folder.path()) {
            (Some(name), Some(folder)) if !name.exists() && folder.join(name).is_file() => folder.join(name),
            (Some(path), _) => path.clone(),
            (None, None) => return Err(JournalWriteError::NoFolder.into()),
            (None, Some(folder)) => newest(&folder).ok_or_else(|| {
                CommandError::new(ErrorKind::File, format!("there is no journal in {}", folder.display())).hint(
                    "every run that signs or publishes a file writes one; give its path if it is in another folder",
                )
            })?,
        };
        let bytes = files::read_limited(&path, files::MAX_JOURNAL)?;
        Ok((path, bytes))
    }
}

pub fn run(command: JournalCommand, ui: &Ui) -> Result<(), CommandError> {
    match command {
        JournalCommand::List(args) => list_journals(&args, ui),
        JournalCommand::Show(args) => show(&args, ui),
        JournalCommand::Verify(args) => verify(&args, ui),
    }
}

fn list_journals(args: &ListArgs, ui: &Ui) -> Result<(), CommandError> {
    let folder = args.folder.path().ok_or(JournalWriteError::NoFolder)?;
    let (journals, older) = match list(&folder, LISTED) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            let what = format!("the folder of the journals, {}, cannot be read", folder.display());
            return Err(CommandError::new(ErrorKind::File, what).caused_by(&e));
        }
        found => found.unwrap_or_default(),
    };
    let document =
        serde_json::json!({ "folder": folder.display().to_string(), "journals": journals, "older": older });
    ui.answer("journal-list", &document, || {
        if journals.is_empty() {
            return format!("There is no journal in {}.", folder.display());
        }
        let row = |journal: &ListedJournal| {
            let outcome = match journal.outcome {
                Some(Outcome::Done) => "done",
                Some(Outcome::Failed) => "failed",
                Some(Outcome::Interrupted) => "interrupted",
                None => "not completed",
            };
            let time = journal.time.as_deref().unwrap_or("(cannot be read)");
            let subject = journal.subject.as_deref().unwrap_or("-");
            [time, &journal.command, subject, outcome, &journal.name].map(printable).to_vec()
        };
        let rows: Vec<_> = journals.iter().map(row).collect();
        let more =
            if older > 0 { format!("{older} older journals are not listed.\n") } else { String::new() };
        table(&["TIME", "COMMAND", "CLUSTER OR FILE", "OUTCOME", "JOURNAL"], &rows) + &more
    })
}

fn show(args: &ShowArgs, ui: &Ui) -> Result<(), CommandError> {
    let (path, bytes) = args.journal.read()?;
    let phones = args.phones_from.as_deref().map(PhonesByClass::read).transpose()?;
    let mut shown = shown(&path, &bytes, args.change.as_deref(), args.redact)?;
    shown.phones = phones;
    let summary = JournalSummary::new(&shown);
    match &args.html {
        Some(out) if out.as_os_str() == "-" && ui.json => {
            return Err(CommandError::usage("standard output can take the page or JSON, not both")
                .hint("--html FILE writes the page into a file"));
        }
        Some(out) if out.as_os_str() == "-" => return ui.write(summary.html().as_bytes()),
        Some(out) => drop(files::write_new(out, summary.html().as_bytes(), OnExisting::KeepBackup)?),
        None => {}
    }
    let (page, path) = (args.html.as_ref().map(|out| out.display().to_string()), path.display());
    match page {
        page if ui.json => ui.print_json(
            "journal-show",
            &serde_json::json!({
                "journal": if args.redact { shown.name.clone() } else { path.to_string() },
                "lines": shown.lines(), "change": shown.change, "html": page,
                "phones": shown.phones.as_ref().map(PhonesByClass::counts),
            }),
        ),
        Some(page) => ui.print(&format!("{page}   the page of {path}")),
        None => {
            let page = summary.markdown();
            // Where it is not seen, it is a file of Markdown for the ticket.
            if ui.output_is_seen() { ui.page(&page) } else { ui.print_as_it_is(&page) }
        }
    }
}

/// The journal of an interrupted run can be shown, too; the page states that the run did not end.
fn shown(
    path: &Path,
    bytes: &[u8],
    change: Option<&str>,
    redact: bool,
) -> Result<ShownJournal, CommandError> {
    let journal = VerifiedJournal::read_so_far(bytes).map_err(|e| broken(path, &e))?;
    Ok(ShownJournal::new(journal, path, change, redact))
}

/// Writes the page of a journal as `journal show --html` does.
pub fn write_page(journal: &Path, page: &Path) -> Result<(), CommandError> {
    let shown = shown(journal, &files::read_limited(journal, files::MAX_JOURNAL)?, None, false)?;
    files::write_new(page, JournalSummary::new(&shown).html().as_bytes(), OnExisting::KeepBackup)?;
    Ok(())
}

fn verify(args: &VerifyArgs, ui: &Ui) -> Result<(), CommandError> {
    let (path, bytes) = args.journal.read()?;
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
    if proof.is_none() && !ui.json {
        ui.note(
            "This detects accidental changes only. Proof needs a signature: --journal-sign when you sign, \
             --signer CERT here.",
        );
    }
    let (signer, signed) = proof.unzip();
    let document = serde_json::json!({
        "journal": path.display().to_string(), "verified": true, "lines": lines, "signed_by": signer,
        "signed_lines": signed,
    });
    ui.answer("journal-verify", &document, || {
        let signer =
            signer.iter().zip(signed).map(|(name, lines)| format!(", {lines} of them signed by {name}"));
        let by = printable(&signer.collect::<String>());
        format!("{}: {STATE}verified, {lines} lines{by}; {}", path.display(), printable(says))
    })
}

/// Who signed the journal, and how many of its lines the signature covers.
fn prove(path: &Path, journal: &VerifiedJournal, signer: &Path) -> Result<(String, usize), CommandError> {
    let certificate = read_certificate(signer)?;
    let (name, beside) = (path.display(), signature_beside(path).display().to_string());
    let no = |what: String| CommandError::no(what).detail("signature", beside);
    let Some(bytes) = read_signature(path)? else {
        return Err(no(format!("{name} is not signed"))
            .hint("the commands that sign have the option --journal-sign, which signs the journal in the same login"));
    };
    match HeadSignature::check(&bytes, journal, &certificate) {
        Ok(lines) => Ok((certificate.sast_name(), lines)),
        Err(e) => Err(no(format!("{name} is not proved: {e}"))),
    }
}

fn broken(path: &Path, error: &JournalError) -> CommandError {
    let error = CommandError::no(format!("{} does not verify: {error}", path.display()));
    error.hint("do not rely on it; the files that it names still have their own checksums")
}
