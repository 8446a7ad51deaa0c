//! Options that every command accepts: from the command line, else `SASTCTL_…`, else the configuration file.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, ValueEnum};
use serde::Deserialize;

use super::pin::PinSource;
use super::{CommandError, interrupt};
use crate::token::Selector;
use crate::workflow::{ModuleOptions, config};

/// The options, each if it was given. The configuration file has the same keys.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[command(next_help_heading = "Global options")]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// Which HSM profile: a built-in name (see `profile list`) or a TOML file [default: the first whose module is installed]
    #[arg(long, global = true, env = "SASTCTL_PROFILE", hide_env_values = true, value_name = "NAME|FILE")]
    pub profile: Option<String>,
    /// PKCS#11 module to load instead of the one in the profile
    #[arg(long, global = true, env = "SASTCTL_MODULE", hide_env_values = true, value_name = "PATH")]
    pub module: Option<PathBuf>,
    /// Which token: a SAST name, a label, a serial number or a pkcs11: URI [default: the only one]
    #[arg(long, global = true, env = "SASTCTL_TOKEN", hide_env_values = true, value_name = "SELECTOR")]
    pub token: Option<String>,
    /// Where the PIN comes from: prompt, env:VAR, file:PATH, fd:N or pinpad [default: prompt]
    // Parsed in `Settings::load`: clap would print the text of a wrong value, and that may be the PIN itself.
    #[arg(
        long = "pin-source",
        id = "pin_source",
        global = true,
        env = "SASTCTL_PIN_SOURCE",
        value_name = "SOURCE",
        hide_env_values = true
    )]
    #[serde(skip)]
    pub pin_source_text: Option<String>,
    #[arg(skip)]
    pub pin_source: Option<PinSource>,
    /// Time limit of a call to the token in seconds [default: 60]; with `token watch`: when to end
    #[arg(long, global = true, env = "SASTCTL_TIMEOUT", hide_env_values = true, value_name = "SECONDS")]
    pub timeout: Option<u64>,
    /// Use a module or a profile even if users other than root and you can write to it
    #[arg(long, global = true, env = "SASTCTL_ALLOW_INSECURE_MODULE", hide_env_values = true, value_parser = BoolishValueParser::new(), action = ArgAction::SetTrue)]
    #[serde(skip)]
    pub allow_insecure_module: bool,
    /// Print one JSON document
    #[arg(long, global = true, env = "SASTCTL_JSON", hide_env_values = true, value_parser = BoolishValueParser::new(), action = ArgAction::SetTrue)]
    pub json: bool,
    /// When to use colour
    #[arg(long, global = true, env = "SASTCTL_COLOR", hide_env_values = true, value_name = "WHEN")]
    pub color: Option<Color>,
    /// Print long output without a pager (SASTCTL_PAGER, else PAGER, else less)
    #[arg(long, global = true)]
    #[serde(skip)]
    pub no_pager: bool,
    /// Print more on standard error: -v the name and result of each PKCS#11 call, -vv everything
    #[arg(short, long, global = true, env = "SASTCTL_VERBOSE", hide_env_values = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// Print less on standard error: only warnings, errors and questions
    #[arg(short, long, global = true, env = "SASTCTL_QUIET", hide_env_values = true, value_parser = BoolishValueParser::new(), action = ArgAction::SetTrue)]
    pub quiet: bool,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Also in files and pipes.
    Always,
    /// Nowhere.
    Never,
}

impl Color {
    /// What the command line, the environment or the configuration says, for what is wrong with the command line.
    pub fn before_parsing() -> Self {
        let args = std::env::args_os().map(|arg| arg.to_string_lossy().into_owned());
        let mut args = args.skip_while(|arg| !arg.starts_with("--color"));
        let typed = args.next().and_then(|arg| match arg.strip_prefix("--color=") {
            Some(when) => Some(when.to_owned()),
            None => args.next(),
        });
        let named = typed.or_else(|| std::env::var("SASTCTL_COLOR").ok());
        let named = named.and_then(|when| Color::from_str(&when, false).ok());
        named.or_else(|| config::read::<Settings>().ok()?.color).unwrap_or_default()
    }

    /// Makes it the rule for everything that is printed from here on.
    pub fn apply(self) {
        match self {
            Color::Auto => anstream::ColorChoice::Auto.write_global(),
            Color::Always => anstream::ColorChoice::Always.write_global(),
            Color::Never => anstream::ColorChoice::Never.write_global(),
        }
    }
}

/// The default of `--timeout`: how long a call to the token may take, in seconds.
const CALL_SECONDS: u64 = 60;

impl Settings {
    /// The token that `--token` names.
    pub fn selector(&self) -> Result<Option<Selector>, CommandError> {
        self.selector_or(None)
    }

    /// The token that a command's own argument names, else `--token`.
    pub fn selector_or(&self, name: Option<&str>) -> Result<Option<Selector>, CommandError> {
        Ok(name.or(self.token.as_deref()).map(str::parse).transpose()?)
    }

    /// Which module is loaded, and how.
    pub fn module_options(&self) -> ModuleOptions {
        let patience = Duration::from_secs(self.timeout.unwrap_or(CALL_SECONDS).max(1));
        ModuleOptions {
            profile: self.profile.clone(),
            module: self.module.clone(),
            allow_insecure: self.allow_insecure_module,
            patience: Some((patience, interrupt::give_up)),
        }
    }

    /// Adds the values of the configuration file to the options of command line and environment.
    pub fn load(self) -> Result<Self, CommandError> {
        let file: Settings = config::read()?;
        let pin_source = match self.pin_source_text.map(PinSource::try_from) {
            Some(Ok(source)) => Some(source),
            Some(Err(e)) => return Err(CommandError::usage(format!("--pin-source is {e}"))),
            None => file.pin_source,
        };
        // The value of a switch in the configuration file, unless the environment sets it, even to no.
        let unless_said = |variable, configured| configured && std::env::var_os(variable).is_none();
        Ok(Settings {
            profile: self.profile.or(file.profile),
            module: self.module.or(file.module),
            token: self.token.or(file.token),
            pin_source_text: None,
            pin_source,
            timeout: self.timeout.or(file.timeout),
            json: self.json || unless_said("SASTCTL_JSON", file.json),
            color: self.color.or(file.color),
            verbose: if self.verbose == 0 { file.verbose } else { self.verbose },
            quiet: self.quiet || unless_said("SASTCTL_QUIET", file.quiet),
            ..self
        })
    }
}
