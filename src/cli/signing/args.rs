//! The options that all commands that sign share.

use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use jiff::Timestamp;

use crate::cli::{CommandError, Settings, TerminalOperator, Ui, next};
use crate::trustlist::{Certificate, Digest, SigningOptions, Style, Version};
use crate::workflow::signing::SigningOrder;
use crate::workflow::{PlanDigest, Request, beside_list};

/// Options of every command that signs.
#[derive(Debug, Args)]
#[command(next_help_heading = "Signing")]
pub struct SigningArgs {
    /// The file to write; `-` is standard output. An existing file is kept as NAME.bak
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Show the plan and the difference; change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask before signing
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    how: HowArgs,
    /// Use the last try of the token's PIN without asking
    #[arg(long)]
    allow_last_try: bool,
    /// Sign only if the plan has this digest, as printed by --dry-run. The checks use the time in it, and so does the
    /// file unless you give --timestamp
    #[arg(long, value_name = "DIGEST@TIME")]
    plan_digest: Option<PlanDigest>,
    #[command(flatten)]
    journal: JournalPlaceArgs,
    /// Also sign the journal, in the same login; then journal verify --signer CERT proves that nobody changed it
    #[arg(long)]
    journal_sign: bool,
}

/// What is signed, and how: the options of every plan in addition to the records.
#[derive(Debug, Args)]
#[command(next_help_heading = "Signing")]
pub struct HowArgs {
    /// The digest of the signature; CUCM and the CTL Client sign with sha1, and no public source says which phones take
    /// another
    #[arg(long, default_value = "sha1", value_parser = one_of(DIGESTS))]
    digest: Digest,
    /// Write a signer version (tag 28) into the header, as newer writers do
    #[arg(long, value_name = "MAJOR.MINOR")]
    signer_version: Option<String>,
    /// How to spell names and serial numbers [default: depends on the certificate]
    #[arg(long, value_parser = one_of(STYLES))]
    name_style: Option<Style>,
    /// The timestamp in the file, as RFC 3339 [default: SOURCE_DATE_EPOCH, else now]
    #[arg(long, value_name = "RFC3339")]
    timestamp: Option<String>,
    /// Sign although the check failed: a signer that is not in the list in force, a single token. The plan records this
    #[arg(long)]
    force: bool,
}

/// Where the journal of a run goes, and which change it belongs to.
#[derive(Debug, Args)]
pub struct JournalPlaceArgs {
    /// The folder for the journal of the run [default: $XDG_STATE_HOME/sastctl, else ~/.local/state/sastctl; Windows:
    /// %LOCALAPPDATA%\sastctl]
    #[arg(long, value_name = "DIR", env = "SASTCTL_JOURNAL")]
    pub journal: Option<PathBuf>,
    /// The number of the change, for the journal and its page
    #[arg(long, value_name = "TEXT", env = "SASTCTL_CHANGE", hide_env_values = true)]
    pub change: Option<String>,
}

impl JournalPlaceArgs {
    /// As [`SigningArgs::order`], for a command that signs nothing.
    pub fn order(&self, what: &'static str, dry_run: bool) -> SigningOrder<'_> {
        let (journal, change) = (self.journal.as_deref(), self.change.as_deref());
        SigningOrder { what, dry_run, plan_digest: None, journal, change, sign_journal: false }
    }
}

/// Values as they are typed: the name, what the help says of it, the value.
type Names<T> = &'static [(&'static str, &'static str, T)];

pub const DIGESTS: Names<Digest> = &[
    ("sha1", "SHA-1", Digest::Sha1),
    ("sha256", "SHA-256", Digest::Sha256),
    ("sha512", "SHA-512", Digest::Sha512),
];

const STYLES: Names<Style> = &[
    ("cucm", "CN=…;OU=…, the serial number as it is", Style::Cucm),
    ("ctl-client", "cn=\"…\";ou=…, the serial number reversed, as for Cisco's own tokens", Style::CtlClient),
];

/// Takes one of these names.
pub fn one_of<T: Copy + Send + Sync>(names: Names<T>) -> impl TypedValueParser<Value = T> {
    let shown = names.iter().map(|(name, help, _)| PossibleValue::new(*name).help(*help));
    PossibleValuesParser::new(shown).try_map(move |typed| {
        let named = names.iter().find(|(name, ..)| *name == typed);
        named.map(|(_, _, value)| *value).ok_or("no such value")
    })
}

/// The name of a value.
fn name_of<T: PartialEq>(names: Names<T>, value: &T) -> String {
    names.iter().find(|(_, _, v)| v == value).map(|(name, ..)| (*name).to_owned()).unwrap_or_default()
}

impl HowArgs {
    fn options(&self, now: i64) -> Result<SigningOptions, CommandError> {
        let signer_version = self.signer_version.as_deref().map(version).transpose()?;
        Ok(SigningOptions { digest: self.digest, timestamp: self.time(now)?, signer_version })
    }

    /// The options of every plan, judged at this time (seconds since 1970-01-01 UTC).
    pub fn request<'a>(&self, signer: &'a Certificate, now: i64) -> Result<Request<'a>, CommandError> {
        Ok(Request {
            signer,
            options: self.options(now)?,
            name_style: self.name_style,
            now,
            force: self.force,
            spell: next::spell,
        })
    }

    fn time(&self, now: i64) -> Result<u32, CommandError> {
        let wrong = |what: String| {
            CommandError::usage(what).hint("write it like 2015-03-06T22:53:33+01:00, from 1970 to 2106")
        };
        let seconds = match (&self.timestamp, std::env::var("SOURCE_DATE_EPOCH")) {
            (Some(text), _) => Timestamp::from_str(text)
                .map_err(|e| wrong(format!("--timestamp {text} is not a time: {e}")))?
                .as_second(),
            (None, Ok(epoch)) if !epoch.is_empty() => epoch
                .parse()
                .map_err(|_| wrong(format!("SOURCE_DATE_EPOCH={epoch} is not a number of seconds")))?,
            (None, _) => now,
        };
        u32::try_from(seconds)
            .map_err(|_| wrong(format!("the time {seconds} does not fit the file's 32 bits")))
    }
}

impl SigningArgs {
    /// The options of every plan in addition to the records.
    pub fn request<'a>(&self, signer: &'a Certificate) -> Result<Request<'a>, CommandError> {
        self.how.request(signer, self.plan_digest.map_or_else(now, |digest| digest.judged_at))
    }

    /// The options that decide what is signed, as words of a command line; those that are as without them are left out.
    pub fn again(&self) -> Vec<String> {
        let mut words = Vec::new();
        let mut option = |name: &str, value: String| words.extend([name.to_owned(), value]);
        if self.how.digest != Digest::Sha1 {
            option("--digest", name_of(DIGESTS, &self.how.digest));
        }
        if let Some(style) = &self.how.name_style {
            option("--name-style", name_of(STYLES, style));
        }
        if let Some(version) = &self.how.signer_version {
            option("--signer-version", version.clone());
        }
        words.extend(self.how.force.then(|| "--force".to_owned()));
        words
    }

    /// Checks the options before anything is asked.
    pub fn request_options(&self) -> Result<(), CommandError> {
        self.how.options(now()).map(drop)
    }

    /// How plans are carried out by the command that the journal calls `what`.
    pub fn order(&self, what: &'static str) -> SigningOrder<'_> {
        let order = self.journal.order(what, self.dry_run);
        SigningOrder { plan_digest: self.plan_digest, sign_journal: self.journal_sign, ..order }
    }

    /// The operator of a command that signs; `to_output`: the file itself goes to standard output.
    pub fn operator<'a>(&self, to_output: bool, settings: &'a Settings, ui: &'a Ui) -> TerminalOperator<'a> {
        TerminalOperator {
            yes: self.yes,
            allow_last_try: self.allow_last_try,
            to_stderr: to_output,
            sees_plans: !self.yes && !self.dry_run && ui.can_ask(),
            ..TerminalOperator::new(settings, ui)
        }
    }

    /// The first option that a whole run on a cluster has no use for: it makes its own plan when it has come that far, and
    /// puts the result where phones fetch it.
    pub fn not_for_a_node(&self) -> Option<&'static str> {
        let out = self.out.is_some().then_some("--out");
        out.or(self.plan_digest.is_some().then_some("--plan-digest"))
    }
}

/// Now, in seconds since 1970-01-01 UTC.
pub fn now() -> i64 {
    Timestamp::now().as_second()
}

fn version(text: &str) -> Result<Version, CommandError> {
    let parsed =
        text.split_once('.').and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    parsed.ok_or_else(|| CommandError::usage(format!("--signer-version {text} is not like 1.0 or 1.1")))
}

/// The option of commands that make a new file from an existing one.
#[derive(Debug, Args)]
#[command(next_help_heading = "Signing")]
pub struct PlaceArgs {
    /// Replace the file itself; the old file is kept as NAME.bak [default: write NAME.new.tlv next to it]
    #[arg(long, conflicts_with = "out")]
    pub in_place: bool,
}

impl PlaceArgs {
    /// Where a list goes that is made from `source`, which calls itself `own`.
    pub fn of(&self, signing: &SigningArgs, source: &Path, own: &str) -> Result<PathBuf, CommandError> {
        match &signing.out {
            Some(out) => Ok(out.to_owned()),
            None if !self.in_place => Ok(beside_list(source, own)),
            None if source.as_os_str() == "-" => {
                Err(CommandError::usage("--in-place replaces a file, and - names none"))
            }
            None => Ok(source.to_owned()),
        }
    }
}
