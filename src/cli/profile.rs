//! `profile list`, `profile show`, `profile test`.

use clap::{Args, Subcommand};
use serde_json::json;

use super::{CommandError, ErrorKind, Settings, TerminalOperator, Ui, table_with_asides};
use crate::token::Profile;
use crate::trustlist::Digest;
use crate::workflow::{TriedDigest, WorkError, try_digests};

/// HSM profiles.
#[derive(Debug, Subcommand)]
pub enum ProfileCommand {
    /// List the built-in profiles and whether their modules are installed
    List,
    Show(ShowArgs),
    Test(TestArgs),
}

/// Print a profile as TOML, as a template for your own
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The profile [default: --profile, else the first whose module is installed]
    name: Option<String>,
}

/// Load the module, log in to the token, sign and verify; writes nothing
#[derive(Debug, Args)]
pub struct TestArgs {
    /// Use the last try of the token's PIN without asking
    #[arg(long)]
    allow_last_try: bool,
}

pub fn run(command: ProfileCommand, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    match command {
        ProfileCommand::List => list(ui),
        ProfileCommand::Show(args) => show(&args, settings, ui),
        ProfileCommand::Test(args) => test(&args, settings, ui),
    }
}

fn list(ui: &Ui) -> Result<(), CommandError> {
    let path = |p: &Profile| p.library_paths().into_iter().find(|path| path.exists());
    let profiles = Profile::built_in().map(|p| (path(&p).map(|path| path.display().to_string()), p));
    let profiles: Vec<_> = profiles.collect();
    let json = |(path, p): &(Option<String>, Profile)| {
        json!({
            "name": p.name, "description": p.description, "installed": path,
        })
    };
    let document = json!({ "profiles": profiles.iter().map(json).collect::<Vec<_>>() });
    ui.answer("profile-list", &document, || {
        let row = |(path, p): &(Option<String>, Profile)| {
            vec![p.name.clone(), path.clone().unwrap_or_else(|| "-".to_owned()), p.description.clone()]
        };
        table_with_asides(
            &["PROFILE", "INSTALLED", "FOR"],
            &profiles.iter().map(row).collect::<Vec<_>>(),
            &["INSTALLED"],
        )
    })
}

fn show(args: &ShowArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let profile = match &args.name {
        Some(name) => Profile::find(name, settings.allow_insecure_module)?,
        None => settings.module_options().profile()?,
    };
    let text = toml::to_string_pretty(&profile)
        .map_err(|e| CommandError::new(ErrorKind::File, "the profile was not printed").caused_by(&e))?;
    if ui.json { ui.print_json("profile-show", &profile) } else { ui.print_as_it_is(&text) }
}

fn test(args: &TestArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let module = settings.module_options().open()?;
    let selector = settings.selector()?;
    let sast = module.find(selector.as_ref())?.sast(selector.as_ref())?;
    let about = module.describe()?;
    let operator =
        TerminalOperator { allow_last_try: args.allow_last_try, ..TerminalOperator::new(settings, ui) };
    let results = try_digests(&module, &sast, b"sastctl profile test", &operator)?;
    let name = sast.certificate().sast_name();
    let json = |(digest, result): &TriedDigest| match result {
        Ok(bytes) => json!({ "digest": digest.to_string(), "ok": true, "signature_bytes": bytes }),
        Err(e) => json!({ "digest": digest.to_string(), "ok": false, "why": e.to_string() }),
    };
    let document = json!({
        "profile": module.profile().name, "module": module.path().display().to_string(), "about": about,
        "token": sast.token(), "certificate": name, "results": results.iter().map(json).collect::<Vec<_>>(),
    });
    ui.answer("profile-test", &document, || {
        let line = |(digest, result): &TriedDigest| match result {
            Ok(bytes) => format!("  {digest:<8} signed and verified, {bytes} bytes\n"),
            Err(e) => format!("  {digest:<8} {e}\n"),
        };
        let head = format!("{} ({about})\n{} with {name}\n", module.path().display(), sast.token().name());
        head + &results.iter().map(line).collect::<String>()
    })?;
    // A CTL needs SHA-1; old tokens do not have the others.
    match results.into_iter().next() {
        Some((Digest::Sha1, Err(e))) => Err(WorkError::not_signed(&sast, e).into()),
        _ => Ok(()),
    }
}
