//! `ctl show`: what CUCM's `show ctl` and `show itl` print.

use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::super::error::CommandError;
use super::super::ui::Ui;
use crate::files;
use crate::trustlist::{
    Function, ListKind, ListReport, Record, SignedReport, TrustFile, TrustList, digest, show_list,
    show_signed,
};
use crate::workflow::{display_name, read_file};

/// Show a CTL, ITL or .sgn file in the format of CUCM's `show ctl` and `show itl`
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The file; `-` is standard input
    file: PathBuf,
    /// Show a list in five lines: kind and size, signer, records by function, MD5 and SHA-1
    #[arg(long)]
    summary: bool,
}

pub fn run(args: &ShowArgs, ui: &Ui) -> Result<(), CommandError> {
    match read_file(&args.file)? {
        TrustFile::List(list) => {
            let verification = list.verify();
            if ui.is_json() {
                ui.print_json(&ListReport::new(&list, &verification))?;
            } else if args.summary {
                ui.print(&summary(&display_name(&args.file), &list, verification.is_ok()))?;
            } else {
                ui.print(&show_list(&list, &modified(list.header().timestamp), verification.is_ok()))?;
            }
            if let Err(reason) = &verification {
                ui.warn(&format!("{} is not verified: {reason}", display_name(&args.file)));
            }
            for remark in list.remarks() {
                ui.warn(&remark.to_string());
            }
        }
        TrustFile::Signed(signed) => {
            if ui.is_json() {
                ui.print_json(&SignedReport::new(&signed))?;
            } else {
                ui.print(&show_signed(&signed, &modified(signed.header().timestamp)))?;
            }
            ui.note("A .sgn file does not contain its signer's certificate: sastctl ctl verify FILE --signer CERT \
                checks it.");
        }
    }
    Ok(())
}

fn summary(name: &str, list: &TrustList, verified: bool) -> String {
    let mut counts: Vec<(Function, usize)> = Vec::new();
    for function in list.records().iter().map(Record::function) {
        match counts.iter_mut().find(|(counted, _)| *counted == function) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => counts.push((function, 1)),
        }
    }
    let counts: Vec<String> = counts.iter().map(|(function, count)| format!("{function} {count}")).collect();
    let kind = if list.kind() == ListKind::Ctl { "CTL" } else { "ITL" };
    // As a phone shows them; `show ctl` prints them without the blanks.
    let checksum = |sum: &[u8]| digest::phone_lines(sum).join(" ");
    format!(
        "{name}   {kind}, {} bytes\nsigner   {}, {}\nrecords  {}\nMD5      {}\nSHA1     {}\n",
        list.bytes().len(),
        list.header().signer_short_name(),
        if verified { "verified" } else { "not verified" },
        counts.join(", "),
        checksum(&list.md5()),
        checksum(&list.sha1()),
    )
}

/// A header's time as CUCM prints it, in the local zone: `Fri Mar 06 22:53:33 CET 2015`.
pub fn modified(seconds: u32) -> String {
    let time = Timestamp::from_second(i64::from(seconds)).unwrap_or_default();
    time.to_zoned(local_zone()).strftime("%a %b %d %H:%M:%S %Z %Y").to_string()
}

/// The zone of `TZ` (tzset(3): `:FILE`, a name or a rule), else the system's; UTC where it is none.
fn local_zone() -> TimeZone {
    let file = |path: &Path| TimeZone::tzif("local", &files::read_plain(path, files::MAX_TEXT).ok()?).ok();
    let zone = match std::env::var("TZ") {
        Ok(zone) => {
            let zone = zone.strip_prefix(':').unwrap_or(&zone);
            let named = || TimeZoneDatabase::bundled().get(zone).ok();
            if Path::new(zone).is_absolute() {
                file(Path::new(zone))
            } else {
                named().or_else(|| TimeZone::posix(zone).ok())
            }
        }
        Err(_) if cfg!(unix) => file(Path::new("/etc/localtime")),
        Err(_) => Some(TimeZone::system()),
    };
    zone.unwrap_or(TimeZone::UTC)
}
