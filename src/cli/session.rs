//! The module, the PIN and the login, as commands use them.

use super::error::{CommandError, ErrorKind};
use super::interrupt;
use super::pin::{self, PinSource};
use super::settings::Settings;
use super::ui::Ui;
use crate::token::{Module, Pin, PinState, Profile, Sast, Token, TokenSigner};

/// The profile that the settings name, else the first whose module is installed.
pub fn profile(settings: &Settings) -> Result<Profile, CommandError> {
    Ok(match (&settings.profile, &settings.module) {
        (Some(name), _) => Profile::find(name)?,
        // A module of unknown make works by the plainest rules.
        (None, Some(_)) => Profile::find("opensc")?,
        (None, None) => Profile::first_installed()?,
    })
}

/// Loads the module that the settings name.
pub fn open_module(settings: &Settings, ui: &Ui) -> Result<Module, CommandError> {
    let module = Module::load(profile(settings)?, settings.module.as_deref())?;
    tracing::debug!("module {} by profile {}", module.path().display(), module.profile().name);
    let _ = ui;
    Ok(module)
}

/// Logs in once, does the work, logs out whatever happens.
///
/// The PIN rules: the token's flags are looked at first, a last try is spent only with the operator's word, a wrong
/// PIN is not tried again.
pub fn sign_with<T>(
    module: &Module,
    sast: &Sast,
    settings: &Settings,
    ui: &Ui,
    allow_last_try: bool,
    work: impl FnOnce(&mut TokenSigner<'_>) -> Result<T, CommandError>,
) -> Result<T, CommandError> {
    interrupt::listen()?;
    let token = sast.token();
    may_try(token, ui, allow_last_try)?;
    let pin = obtain_pin(module, token, settings, ui)?;
    module.check_pin(token, pin.as_ref())?;
    let factory = pin.as_ref().is_some_and(|pin| pin.is_one_of(&module.profile().pin.factory));
    let _busy = interrupt::Busy::new();
    let mut signer = module.signer(sast, pin).map_err(|e| CommandError::not_signed(sast, e))?;
    if factory {
        ui.warn(&format!(
            "{}: its PIN is the one that tokens leave the factory with, and everybody knows it: \
             sastctl token change-pin",
            token.label()
        ));
    }
    work(&mut signer)
}

/// Whether a PIN may be tried at all, by the token's flags.
pub fn may_try(token: &Token, ui: &Ui, allow_last_try: bool) -> Result<(), CommandError> {
    if !token.login_required() {
        return Ok(());
    }
    match token.pin_state() {
        PinState::Ok | PinState::Locked | PinState::NotSet => Ok(()),
        PinState::Low => {
            ui.warn(&format!("{}: a wrong PIN was entered before; few tries are left", token.label()));
            Ok(())
        }
        PinState::LastTry | PinState::Unknown if allow_last_try => Ok(()),
        state => {
            let what = match state {
                PinState::LastTry => "this is the last PIN try! A wrong PIN locks the token for good.",
                _ => "the token does not say how many PIN tries are left; a wrong PIN may lock it for good.",
            };
            ui.warn(&format!("{}: {what}", token.label()));
            if ui.can_ask() && ui.confirm("Try the PIN?")? {
                return Ok(());
            }
            Err(CommandError::new(ErrorKind::Token, format!("{}: the PIN was not tried", token.label()))
                .detail("token", token.name().to_string())
                .detail("", "nothing was written")
                .hint("if you are sure of the PIN, run the command again with --allow-last-try"))
        }
    }
}

/// The PIN from where the settings, or else the profile, say; `None` for a PIN pad.
fn obtain_pin(
    module: &Module,
    token: &Token,
    settings: &Settings,
    ui: &Ui,
) -> Result<Option<Pin>, CommandError> {
    if !token.login_required() {
        return Ok(None);
    }
    let by_profile = || module.profile().pin.default_source.as_deref().and_then(|s| s.parse().ok());
    let by_token = || if token.has_pin_pad() { PinSource::PinPad } else { PinSource::Prompt };
    let source = settings.pin_source.clone().or_else(by_profile).unwrap_or_else(by_token);
    if matches!(token.pin_state(), PinState::Locked | PinState::NotSet) {
        // No use in asking for it.
        module.check_pin(token, None).map_err(|e| CommandError::from(e).detail("", "nothing was written"))?;
    }
    if source == PinSource::PinPad && token.has_pin_pad() {
        ui.note(&format!("Type the PIN for {} on its reader.", token.label()));
    }
    pin::read(&source, token.label(), ui)
}
