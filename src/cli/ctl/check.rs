//! `ctl check`: would phones accept a new list?

use std::path::PathBuf;
use std::time::Duration;

use askama::Template;
use clap::Args;

use crate::cli::{CommandError, STATE, Settings, TerminalOperator, Ui, printable, texts};
use crate::phone::tvs::Ask;
use crate::phone::{ClassVerdict, PhoneClass, Reason, Verdict};
use crate::workflow::check::{Check, CheckRequest, causes, check};
use crate::workflow::display_name;

/// Tell whether phones would accept a new list: a verdict with its reasons for each class of phones
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The new list
    new: PathBuf,
    /// The CTL that phones have now
    #[arg(long, value_name = "FILE")]
    installed_ctl: Option<PathBuf>,
    /// The ITL that phones have now
    #[arg(long, value_name = "FILE")]
    installed_itl: Option<PathBuf>,
    /// A certificate that is uploaded as Phone-SAST-trust; may be given several times
    #[arg(long, value_name = "CERT")]
    trusted: Vec<PathBuf>,
    /// Ask the TVS of a node about the signer, as a phone would; may be given several times
    #[arg(long, value_name = "HOST[:PORT]")]
    tvs: Vec<String>,
    /// The phone name to use when asking TVS
    #[arg(long, value_name = "NAME", default_value = "CP-7965-SEP000000000000")]
    device_name: String,
    /// How to ask TVS
    #[arg(long, value_enum, value_name = "AS", default_value_t = Ask::Query)]
    tvs_ask: Ask,
    /// Use TLS 1.0 with TVS and accept weak keys, for nodes of the 7900 era
    #[arg(long)]
    legacy_tls: bool,
    /// How long to wait for one TVS
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    tvs_timeout: u64,
    /// The classes of phones in this cluster [default: all]
    #[arg(long, value_enum, value_delimiter = ',', value_name = "CLASS")]
    phones: Vec<PhoneClass>,
    /// Count the phones on this list, a CSV file that phones list writes, and name those that would be left behind
    #[arg(long, value_name = "FILE")]
    phones_from: Option<PathBuf>,
}

pub fn run(args: &CheckArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    if args.installed_ctl.is_none() && args.installed_itl.is_none() {
        let what = "give the lists that phones have: --installed-ctl or --installed-itl";
        return Err(CommandError::usage(what).hint("phones that have neither accept any list"));
    }
    let request = CheckRequest {
        new: &args.new,
        installed_ctl: args.installed_ctl.as_deref(),
        installed_itl: args.installed_itl.as_deref(),
        trusted: &args.trusted,
        tvs: &args.tvs,
        ask: args.tvs_ask,
        device_name: &args.device_name,
        legacy_tls: args.legacy_tls,
        timeout: Duration::from_secs(args.tvs_timeout),
        phones: &args.phones,
        list: args.phones_from.as_deref(),
    };
    let check = check(&request, &TerminalOperator::new(settings, ui))?;
    let file = display_name(&args.new);
    ui.answer("ctl-check", &check.json(&args.new), || text(&file, &check))?;
    if check.is_accepted() { Ok(()) } else { Err(not_accepted(&file, &check)) }
}

#[derive(Template)]
#[template(path = "check.txt")]
struct CheckText<'a> {
    file: &'a str,
    check: &'a Check,
}

pub fn text(file: &str, check: &Check) -> String {
    texts::text(&CheckText { file, check })
}

/// The error if a class of phones would refuse the list, or would be locked out by it.
pub fn not_accepted(file: &str, check: &Check) -> CommandError {
    let taken = check.not_taken().next().is_none();
    let what = match taken {
        true => format!("phones accept {file}, but it locks them out"),
        false => format!("not every phone accepts {file}"),
    };
    let mut error = CommandError::no(what);
    for ClassVerdict { class, verdict } in check.not_taken() {
        error = error.detail(class.label(), printable(&verdict.says(&check.signed_by)));
    }
    error = error.details("", check.locked_out().map(|finding| printable(&finding.says)));
    for failed in check.answers.iter().filter_map(|(_, answer)| answer.as_ref().err()) {
        error = error.tvs_hint(failed);
    }
    let any = |is_so: fn(&Verdict) -> bool| check.verdicts.iter().any(|v| is_so(&v.verdict));
    if any(Verdict::waits_for_tvs) {
        error =
            error.hint("--tvs HOST asks TVS as a phone would; --trusted CERT names an uploaded certificate");
    }
    let asks_for_itl =
        |r: &Reason| matches!(r, Reason::ItlNotShown { token: false } | Reason::TvsUnchecked { .. });
    if check.verdicts.iter().flat_map(|v| &v.verdict.reasons).any(asks_for_itl) {
        error = error.hint("--installed-itl FILE names the ITL that phones hold: it may contain the signer");
    }
    if taken {
        error
            .hint("before phones get the list, add the record again: sastctl ctl update --add-server")
            .hint("--phones CLASS,… limits the check to the phones that you have")
    } else if any(Verdict::is_too_large) {
        error.hint("remove records: no phone loads a list of this length")
    } else {
        error.hint(
            "sastctl ctl ways FILE lists the procedures that work for all phones; --phones CLASS,… limits \
            the check to the phones that you have",
        )
    }
}
