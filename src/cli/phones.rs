//! `phones …`: the phones of a cluster, and which of them hold a list.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};

use super::cluster::connect::{ConnectArgs, OneNode};
use super::{CommandError, Settings, Ui, printable, table};
use crate::cluster::shell::phones::{ListedPhone, Registration};
use crate::cluster::{Connector, NodeAddress};
use crate::files::{self, OnExisting};
use crate::phone::page::Expected;
use crate::trustlist::digest;
use crate::workflow::phones::{
    Pace, PhonesReport, Visit, VisitPage, check_phones, counted_phones, list_phones, read_phones, visits,
    write_phones,
};
use crate::workflow::{local_time, read_verified};

/// List phones, and check which of them hold a CTL
#[derive(Debug, Subcommand)]
pub enum PhonesCommand {
    List(Box<ListArgs>),
    Check(Box<CheckArgs>),
}

/// List the phones that the nodes know now, and those in the database
#[derive(Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    node: OneNode,
    /// Write the list to a CSV file, which phones check reads; `-` is standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace an existing file; the old file is kept as NAME.bak
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    connect: ConnectArgs,
}

/// Check on the phones' own pages which phones hold a CTL: read only; phones with web access off cannot be asked
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The CTL that the phones should hold
    #[arg(long, value_name = "FILE")]
    expect: PathBuf,
    #[command(flatten)]
    source: PhoneSource,
    /// Check only the first N phones
    #[arg(long, value_name = "N")]
    sample: Option<usize>,
    /// Write a row per phone to a CSV file
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Write a page of the phones that refused the list or hold another one, with the keys to press
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Replace existing files; each old file is kept as NAME.bak
    #[arg(long)]
    force: bool,
    /// How many phones are asked at the same time
    #[arg(long, value_name = "N", default_value_t = AT_ONCE)]
    at_once: usize,
    #[command(flatten)]
    pages: PageArgs,
    #[command(flatten)]
    connect: ConnectArgs,
}

/// How the pages of phones are read.
#[derive(Debug, Args)]
pub struct PageArgs {
    /// The time limit for each phone, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    phone_timeout: u64,
    /// TCP port of the phones' HTTP
    #[arg(long, value_name = "PORT", default_value_t = 80)]
    phone_http_port: u16,
    /// TCP port of the phones' HTTPS
    #[arg(long, value_name = "PORT", default_value_t = 443)]
    phone_https_port: u16,
}

impl PageArgs {
    pub fn pace(&self, at_once: usize) -> Pace {
        let ports = (self.phone_http_port, self.phone_https_port);
        Pace { ports, limit: Duration::from_secs(self.phone_timeout.max(1)), at_once }
    }
}

/// Where the list of phones is from.
#[derive(Debug, Args)]
struct PhoneSource {
    /// The list of phones: a CSV file with the columns name, address and model, as phones list --out writes it
    #[arg(long, value_name = "FILE", required_unless_present = "node", conflicts_with = "node")]
    phones: Option<PathBuf>,
    /// The publisher, which is asked for the list of phones
    #[arg(long, value_name = "NODE")]
    node: Option<NodeAddress>,
}

/// How many phones are asked at the same time.
pub const AT_ONCE: usize = 64;
/// The most threads that ask phones.
const MOST_AT_ONCE: usize = 1024;
/// The most phones that are listed by name on the terminal.
const LISTED: usize = 20;

pub fn run(command: PhonesCommand, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    match command {
        PhonesCommand::List(args) => list(&args, settings, ui),
        PhonesCommand::Check(args) => check(&args, settings, ui),
    }
}

fn list(args: &ListArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let operator = args.connect.operator(false, settings, ui)?;
    let mut connector = Connector::new(args.connect.options(), &operator);
    let (phones, not_read) = list_phones(args.node.address()?, &mut connector, &operator)?;
    match &args.out {
        Some(out) if out.as_os_str() == "-" => {
            ui.write(&write_phones(&phones))?;
            return all_read(&not_read);
        }
        Some(out) => drop(files::write_new(out, &write_phones(&phones), OnExisting::forced(args.force))?),
        None => {}
    }
    let json = serde_json::json!({ "phones": phones, "not_read": not_read });
    ui.answer("phones-list", &json, || list_text(&phones, args.out.as_deref()))?;
    all_read(&not_read)
}

/// A list that lacks the phones of some nodes is no success.
fn all_read(not_read: &[String]) -> Result<(), CommandError> {
    if not_read.is_empty() {
        return Ok(());
    }
    let what = format!("the list lacks the phones of {}, which were not read", not_read.join(", "));
    Err(CommandError::no(what).hint("when these nodes answer, repeat the command"))
}

fn list_text(phones: &[ListedPhone], out: Option<&Path>) -> String {
    let registered = phones.iter().filter(|phone| phone.registration == Registration::Registered).count();
    let count = format!("{}, {registered} registered", counted_phones(phones.len()));
    if let Some(out) = out {
        return format!("{}   {count}", out.display());
    }
    let row = |phone: &ListedPhone| {
        [&phone.name, &phone.address, &phone.model, phone.registration.label(), &phone.description]
            .map(printable)
            .to_vec()
    };
    let head = ["PHONE", "ADDRESS", "MODEL", "STATE", "DESCRIPTION"];
    table(&head, &phones.iter().map(row).collect::<Vec<_>>()) + &count
}

fn check(args: &CheckArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let list = read_verified(&args.expect)?;
    let bytes = list.list().bytes();
    let operator = args.connect.operator(false, settings, ui)?;
    let (mut phones, not_read) = match (&args.source.phones, &args.source.node) {
        (Some(file), _) => (read_phones(file)?, vec![]),
        (None, Some(node)) => {
            list_phones(node, &mut Connector::new(args.connect.options(), &operator), &operator)?
        }
        (None, None) => return Err(CommandError::usage("--phones FILE or --node NODE is missing")),
    };
    phones.truncate(args.sample.unwrap_or(usize::MAX));
    if phones.is_empty() {
        return Err(CommandError::no("the list has no phone, so nothing was checked"));
    }
    let pace = args.pages.pace(args.at_once.min(MOST_AT_ONCE));
    let checked = check_phones(phones, &Expected::of(bytes), pace, &operator)?;
    let report = PhonesReport::new(checked);
    if let Some(file) = &args.csv {
        files::write_new(file, &report.csv(), OnExisting::forced(args.force))?;
    }
    let file = files::display_name(&args.expect);
    let visits = visits(&report);
    if let Some(html) = &args.html {
        let time = jiff::Timestamp::now().to_string();
        let (md5, sha1) = (digest::hex(&digest::md5(bytes), ""), digest::hex(&digest::sha1(bytes), ""));
        let time = local_time(&time).unwrap_or(time);
        let page =
            VisitPage { file: &file, md5: &md5, sha1: &sha1, time: &time, report: &report, visits: &visits };
        files::write_new(html, page.to_string().as_bytes(), OnExisting::forced(args.force))?;
    }
    ui.answer("phones-check", &report, || report_text(&report, &visits))?;
    let counts = &report.all;
    if !report.needs_a_hand() {
        if counts.expected > 0 {
            return all_read(&not_read);
        }
        let what = format!("no phone showed that it holds {file}, so nothing is proved");
        return Err(CommandError::no(what).hint("switch web access on for some phones, and check again"));
    }
    let without = counts.refused.saturating_add(counts.other).saturating_add(counts.no_list);
    Err(CommandError::no(match without {
        1 => format!("1 phone does not hold {file}"),
        many => format!("{many} phones do not hold {file}"),
    })
    .hint("reset those that hold another list or none, and check again")
    .hint("those that refused it: sastctl help refusing-phones"))
}

fn report_text(report: &PhonesReport, visits: &[Visit<'_>]) -> String {
    let counts = |name: &str, c: &crate::workflow::phones::Counts| {
        let numbers = [c.expected, c.refused, c.other, c.no_list, c.not_shown, c.cannot_ask];
        let mut row = vec![printable(if name.is_empty() { "(not known)" } else { name })];
        row.extend(numbers.map(|n| n.to_string()));
        row
    };
    let mut rows: Vec<Vec<String>> = report.models.iter().map(|m| counts(&m.model, &m.counts)).collect();
    if rows.len() > 1 {
        rows.push(counts("all", &report.all));
    }
    let mut text = table(&["MODEL", "HAVE IT", "REFUSED", "OTHER", "NONE", "NOT SHOWN", "NOT ASKED"], &rows);
    if !visits.is_empty() {
        let row = |visit: &Visit<'_>| {
            let phone = &visit.phone.phone;
            let says = format!("{}: {}", visit.state, visit.shows);
            [&phone.name, &phone.address, &phone.model, &says, visit.keys.unwrap_or("-")]
                .map(printable)
                .to_vec()
        };
        let rows: Vec<Vec<String>> = visits.iter().take(LISTED).map(row).collect();
        text += "\nPhones to visit, and the keys that delete their lists:\n";
        text += &table(&["PHONE", "ADDRESS", "MODEL", "SHOWS", "KEYS"], &rows);
        if visits.len() > LISTED {
            text += &format!(
                "and {} more: --csv FILE or --html FILE has them all.\n",
                visits.len().saturating_sub(LISTED)
            );
        }
    }
    if report.all.cannot_ask > 0 {
        text += &format!(
            "{} of {} phones could not be asked, so nothing is known about their lists. Web access is off by default on \
             most phones.\n",
            report.all.cannot_ask,
            report.phones.len()
        );
    }
    text
}
