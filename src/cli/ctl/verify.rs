//! `ctl verify`: one line per file, and the reason.

use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rayon::prelude::*;
use serde::Serialize;

use super::super::error::{CommandError, ErrorKind};
use super::super::ui::{Ui, printable};
use crate::files::FileError;
use crate::trustlist::{
    Certificate, DecodeError, MAX_FILE_BYTES, SignedBy, SignedFile, TrustFile, TrustList, VerifiedList,
    digest,
};
use crate::workflow::display_name;

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

/// Files that are verified side by side before their lines are printed.
const AT_A_TIME: usize = 256;

/// What came out for one file.
#[derive(Debug, Default, Serialize)]
struct Verdict {
    file: String,
    kind: Option<&'static str>,
    verified: bool,
    /// Could be read at all.
    readable: bool,
    signed_by: Option<String>,
    digest: Option<String>,
    key_bits: Option<usize>,
    timestamp_seconds: Option<u32>,
    bytes: Option<usize>,
    md5: Option<String>,
    sha1: Option<String>,
    reason: Option<String>,
    remarks: Vec<String>,
}

/// Who may have signed `.sgn` files.
enum SgnSigner {
    Certificate(Box<Certificate>),
    List(Box<VerifiedList>),
}

pub fn run(args: &VerifyArgs, ui: &Ui) -> Result<(), CommandError> {
    let signer = args.signer.as_deref().map(sgn_signer).transpose()?;
    let progress = ProgressBar::with_draw_target(
        u64::try_from(args.files.len()).ok(),
        if args.files.len() > 100 { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() },
    );
    if let Ok(style) = ProgressStyle::with_template("{pos} of {len} files  {wide_bar}") {
        progress.set_style(style);
    }
    let one = |file: &PathBuf| {
        progress.inc(1);
        verdict(file, signer.as_ref(), ui.is_json())
    };
    let verify = |some: &[PathBuf]| match some {
        [file] => vec![one(file)],
        some => some.par_iter().map(one).collect(),
    };
    let tally = if ui.is_json() {
        ui.write(b"{\n  \"files\": [")?;
        let say = |some: &[Verdict], first| ui.print_json_elements(some, first);
        let tally = verify_and_say(&args.files, verify, &progress, say)?;
        ui.write(b"\n  ]\n}\n")?;
        tally
    } else {
        verify_and_say(&args.files, verify, &progress, |some, _| say(some, ui))?
    };
    progress.finish();
    match tally {
        Tally { unverified: 0, .. } => Ok(()),
        Tally { unverified, unreadable } => {
            let kind = if unreadable == 0 { ErrorKind::No } else { ErrorKind::File };
            Err(CommandError::new(kind, format!("{unverified} of {} not verified", count(args.files.len()))))
        }
    }
}

/// How many were not verified, and how many of these not even read.
#[derive(Default)]
struct Tally {
    unverified: usize,
    unreadable: usize,
}

impl Tally {
    fn and(self, verdicts: &[Verdict]) -> Self {
        let more = |is_so: fn(&Verdict) -> bool| verdicts.iter().filter(|v| is_so(v)).count();
        Tally {
            unverified: self.unverified.saturating_add(more(|v| !v.verified)),
            unreadable: self.unreadable.saturating_add(more(|v| !v.readable)),
        }
    }
}

/// Some at a time, told while the next are verified: ten thousand files take no more memory than a few.
fn verify_and_say(
    files: &[PathBuf],
    verify: impl Fn(&[PathBuf]) -> Vec<Verdict> + Sync,
    progress: &ProgressBar,
    say: impl Fn(&[Verdict], bool) -> Result<(), CommandError> + Sync,
) -> Result<Tally, CommandError> {
    let (mut tally, mut first) = (Tally::default(), true);
    let mut rest = files.chunks(AT_A_TIME);
    let mut verdicts = verify(rest.next().unwrap_or_default());
    loop {
        tally = tally.and(&verdicts);
        let print = || progress.suspend(|| say(&verdicts, first));
        let Some(some) = rest.next() else {
            print()?;
            return Ok(tally);
        };
        let (said, next) = rayon::join(print, || verify(some));
        said?;
        (verdicts, first) = (next, false);
    }
}

/// A line for each file, and what is odd about it.
fn say(verdicts: &[Verdict], ui: &Ui) -> Result<(), CommandError> {
    let text: String = verdicts.iter().map(|v| printable(&line(v)) + "\n").collect();
    ui.print(&text)?;
    for verdict in verdicts {
        for remark in &verdict.remarks {
            ui.warn(&format!("{}: {remark}", verdict.file));
        }
    }
    Ok(())
}

fn count(files: usize) -> String {
    if files == 1 { "1 file".to_owned() } else { format!("{files} files") }
}

fn line(verdict: &Verdict) -> String {
    let file = &verdict.file;
    match (verdict.verified, &verdict.reason) {
        (true, _) => format!(
            "{file}: verified, signed by {} (RSA {}, {})",
            verdict.signed_by.as_deref().unwrap_or_default(),
            verdict.key_bits.unwrap_or_default(),
            verdict.digest.as_deref().unwrap_or_default()
        ),
        (false, Some(reason)) if verdict.readable => format!("{file}: NOT verified: {reason}"),
        (false, reason) => format!("{file}: NOT verified: it {}", reason.as_deref().unwrap_or_default()),
    }
}

/// `sums`: with the checksums, which only machines are told.
fn verdict(path: &Path, signer: Option<&SgnSigner>, sums: bool) -> Verdict {
    let mut verdict = Verdict { file: display_name(path), ..Verdict::default() };
    let file = match crate::files::read_limited(path, MAX_FILE_BYTES) {
        Ok(bytes) => TrustFile::decode(bytes).map_err(|e| e.to_string()),
        Err(FileError::Read { source, .. }) => Err(format!("cannot be read: {source}")),
        Err(FileError::TooLarge { .. }) => Err(DecodeError::TooLarge.to_string()),
        Err(e) => Err(format!("cannot be read: {e}")),
    };
    let file = match file {
        Ok(file) => file,
        Err(reason) => {
            verdict.reason = Some(reason);
            return verdict;
        }
    };
    verdict.readable = true;
    verdict.timestamp_seconds = Some(file.header().timestamp());
    verdict.bytes = Some(file.bytes().len());
    verdict.md5 = sums.then(|| digest::hex(&digest::md5(file.bytes()), ""));
    verdict.sha1 = sums.then(|| digest::hex(&digest::sha1(file.bytes()), ""));
    let verified = match file {
        TrustFile::List(list) => {
            verdict.kind = Some(list.kind().label());
            verdict.remarks = list.remarks().iter().map(ToString::to_string).collect();
            let by = |list: VerifiedList| SignedBy {
                name: list.signer_name(),
                digest: list.digest(),
                key_bits: list.key_bits(),
            };
            list.verify().map(by).map_err(|reason| reason.to_string())
        }
        TrustFile::Signed(signed) => {
            verdict.kind = Some("SGN");
            let file = if path.as_os_str() == "-" { None } else { path.file_name() };
            let name =
                file.map_or_else(|| signed.header().file_name(), |name| name.to_string_lossy().into_owned());
            let of_signer = match signer {
                Some(SgnSigner::Certificate(certificate)) => certificate.remark(),
                _ => None,
            };
            verdict.remarks =
                signed.remarks(&name).iter().chain(&of_signer).map(ToString::to_string).collect();
            sgn(&signed, signer)
        }
    };
    match verified {
        Ok(by) => {
            verdict.verified = true;
            verdict.signed_by = Some(by.name);
            verdict.digest = Some(by.digest.to_string());
            verdict.key_bits = Some(by.key_bits);
        }
        Err(reason) => verdict.reason = Some(reason),
    }
    verdict
}

fn sgn(signed: &SignedFile, signer: Option<&SgnSigner>) -> Result<SignedBy, String> {
    let by = match signer {
        None => {
            return Err("a .sgn file does not hold its signer: name the certificate with --signer".to_owned());
        }
        Some(SgnSigner::Certificate(certificate)) => signed.verify(certificate).map(|digest| SignedBy {
            name: certificate.sast_name(),
            digest,
            key_bits: certificate.public_key().rsa().map_or(0, |key| key.bits()),
        }),
        Some(SgnSigner::List(list)) => signed.verify_in(list),
    };
    by.map_err(|e| e.to_string())
}

/// A list as signer vouches for nothing unless it verifies itself: anybody can put a record into one that does not.
fn sgn_signer(path: &Path) -> Result<SgnSigner, CommandError> {
    let bytes = crate::files::read_limited(path, MAX_FILE_BYTES)?;
    let file = display_name(path);
    if bytes.first() != Some(&1) {
        let certificate = Certificate::from_file_bytes(&bytes);
        return certificate
            .map(|certificate| SgnSigner::Certificate(Box::new(certificate)))
            .map_err(|e| CommandError::certificate(&file, &e));
    }
    let list = TrustList::decode(bytes).map_err(|e| CommandError::decode(&file, &e))?;
    list.verify().map(|list| SgnSigner::List(Box::new(list))).map_err(|e| {
        CommandError::new(ErrorKind::No, format!("{file}, named as signer, is not verified: {e}"))
            .hint("phones would not take this list either: fetch the one in force, or name the signer's certificate")
    })
}
