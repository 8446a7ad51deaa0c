//! `profile list`, `profile show`, `profile test`.

use clap::{Args, Subcommand};

use super::error::{CommandError, ErrorKind};
use super::operator::TerminalOperator;
use super::settings::Settings;
use super::ui::{Ui, table};
use crate::token::Profile;
use crate::trustlist::{Digest, Signer as _};
use crate::workflow::{Operator as _, WorkError, with_login};

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

/// Runs one of them.
pub fn run(command: ProfileCommand, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    match command {
        ProfileCommand::List => list(ui),
        ProfileCommand::Show(args) => show(&args, settings, ui),
        ProfileCommand::Test(args) => test(&args, settings, ui),
    }
}

fn list(ui: &Ui) -> Result<(), CommandError> {
    let installed = |p: &Profile| p.library_paths().into_iter().find(|path| path.exists());
    if ui.is_json() {
        let profiles: Vec<_> = Profile::built_in()
            .map(|p| {
                let installed = installed(&p).map(|path| path.display().to_string());
                serde_json::json!({ "name": p.name, "description": p.description, "installed": installed })
            })
            .collect();
        return ui.print_json(&serde_json::json!({ "profiles": profiles }));
    }
    let rows: Vec<Vec<String>> = Profile::built_in()
        .map(|p| {
            let path = installed(&p).map_or_else(|| "-".to_owned(), |path| path.display().to_string());
            vec![p.name, path, p.description]
        })
        .collect();
    ui.print(&table(&["PROFILE", "INSTALLED", "FOR"], &rows))
}

fn show(args: &ShowArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let profile = match &args.name {
        Some(name) => Profile::find(name, settings.allow_insecure_module)?,
        None => settings.module_options().profile()?,
    };
    if ui.is_json() {
        return ui.print_json(&profile);
    }
    let text = toml::to_string_pretty(&profile)
        .map_err(|e| CommandError::new(ErrorKind::File, "the profile was not printed").caused_by(&e))?;
    ui.print(&text)
}

fn test(args: &TestArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let module = settings.module_options().open()?;
    let selector = settings.selector()?;
    let sast = module.find(selector.as_ref())?.sast(selector.as_ref())?;
    let about = module.describe()?;
    let operator =
        TerminalOperator { allow_last_try: args.allow_last_try, ..TerminalOperator::new(settings, ui) };
    let results = with_login(&module, &sast, &operator, |signer| {
        let mut results = Vec::new();
        for digest in Digest::ALL {
            operator.check_interrupted()?;
            // Verified with the certificate by the signer itself.
            let result = signer.sign(digest, b"sastctl profile test");
            results.push((digest, result.map(|signature| signature.len())));
        }
        Ok::<_, CommandError>(results)
    })?;
    let name = sast.certificate().sast_name();
    if ui.is_json() {
        let results: Vec<_> = results
            .iter()
            .map(|(digest, r)| match r {
                Ok(bytes) => {
                    serde_json::json!({ "digest": digest.to_string(), "ok": true, "signature_bytes": bytes })
                }
                Err(e) => {
                    serde_json::json!({ "digest": digest.to_string(), "ok": false, "why": e.to_string() })
                }
            })
            .collect();
        ui.print_json(&serde_json::json!({
            "profile": module.profile().name, "module": module.path().display().to_string(), "about": about,
            "token": sast.token(), "certificate": name, "results": results,
        }))?;
    } else {
        ui.print(&format!("{} ({})", module.path().display(), about))?;
        ui.print(&format!("{} with {name}", sast.token().name()))?;
        for (digest, result) in &results {
            match result {
                Ok(bytes) => ui.print(&format!("  {digest:<8} signed and verified, {bytes} bytes"))?,
                Err(e) => ui.print(&format!("  {digest:<8} {e}"))?,
            }
        }
    }
    // SHA-1 is what a CTL needs; the others are a matter of the token's age.
    match results.into_iter().next() {
        Some((Digest::Sha1, Err(e))) => Err(WorkError::not_signed(&sast, e).into()),
        _ => Ok(()),
    }
}
