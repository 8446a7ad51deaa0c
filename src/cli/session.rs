//! The module, the PIN and the login, as commands use them.

use std::time::Duration;

use super::error::{CommandError, ErrorKind};
use super::interrupt;
use super::operator::TerminalOperator;
use super::pin::{self, PinSource};
use super::settings::Settings;
use super::ui::{Ui, printable};
use crate::token::{
    LoadOptions, Module, OnHang, Pin, PinState, Profile, Sast, Token, TokenContents, TokenError, TokenSigner,
};
use crate::workflow::{TokenInUse, TokenWatch};

/// How long a call to the token may take unless `--timeout` says otherwise, in seconds.
const CALL_SECONDS: u64 = 60;

/// The profile that the settings name, else the first whose module is installed.
pub fn profile(settings: &Settings) -> Result<Profile, CommandError> {
    Ok(match (&settings.profile, &settings.module) {
        (Some(name), _) => Profile::find(name, settings.allow_insecure_module)?,
        // A module of unknown make works by the plainest rules.
        (None, Some(_)) => Profile::find("opensc", false)?,
        (None, None) => Profile::first_installed()?,
    })
}

/// Loads the module that the settings name.
pub fn open_module(settings: &Settings, ui: &Ui) -> Result<Module, CommandError> {
    let module = load(profile(settings)?, settings, ui)?;
    tracing::debug!("module {} by profile {}", module.path().display(), module.profile().name);
    Ok(module)
}

/// Loads the module of a profile, or the one that the settings name.
pub fn load(profile: Profile, settings: &Settings, ui: &Ui) -> Result<Module, TokenError> {
    let patience = Duration::from_secs(settings.timeout.unwrap_or(CALL_SECONDS).max(1));
    let on_hang = give_up(*ui, profile.name.clone());
    let options =
        LoadOptions { patience: Some((patience, on_hang)), allow_insecure: settings.allow_insecure_module };
    Module::load(profile, settings.module.as_deref(), options)
}

/// What is done about a call that does not return: nothing was written yet, so the process ends.
fn give_up(ui: Ui, profile: String) -> OnHang {
    Box::new(move |name, limit| {
        interrupt::restore_terminal();
        let seconds = limit.as_secs();
        let what = format!("the module did not return from {name} for {seconds} seconds, and was given up");
        ui.error(
            &CommandError::new(ErrorKind::Token, what)
                .detail("profile", profile.clone())
                .detail("", "nothing was written by this call")
                .hint("take the token out, insert it, and run the same command again; a key that takes longer: --timeout")
                .hint("if it stays: restart the token's middleware or pcscd; sastctl doctor"),
        );
        // Without the exit handlers of libraries: the module's own may wait for what hangs.
        signal_hook::low_level::exit(i32::from(ErrorKind::Token.exit_code()));
    })
}

/// Waits for a token on a terminal, where it may be put in: one USB port is enough for several tokens.
///
/// `wanted` looks at what is there; the error that it gives is what is wrong until then.
pub fn wait_for(
    module: &Module,
    ui: &Ui,
    name: &str,
    wanted: impl Fn(&[TokenContents]) -> Result<Sast, TokenError>,
) -> Result<Sast, CommandError> {
    interrupt::listen()?;
    let mut watch = TokenWatch::begin(module)?;
    let mut said = None;
    loop {
        match wanted(watch.present()) {
            Ok(sast) => return Ok(sast),
            Err(e) if !can_be_inserted(&e) => return Err(e.into()),
            Err(_) => {}
        }
        let name_of = |t: &TokenContents| t.sast_names().next().unwrap_or_else(|| t.token.label().to_owned());
        let there: Vec<_> = watch.present().iter().map(name_of).collect();
        let there = if there.is_empty() { "no token".to_owned() } else { there.join(", ") };
        if said.as_ref() != Some(&there) {
            ui.show(&printable(&format!("Insert the token {name}. Now inserted: {there}. (Ctrl-C leaves)")));
            said = Some(there);
        }
        watch.next(module, Duration::from_secs(1))?;
    }
}

/// Whether it may be put right by inserting a token.
pub fn can_be_inserted(error: &TokenError) -> bool {
    matches!(error, TokenError::NoToken { .. } | TokenError::NoMatch { .. }) || error.is_passing()
}

/// The same token as it is now: it may be in another slot since it was chosen, or out. Where nobody can put it in again,
/// it is left to the login to find that out, which tries no PIN then.
fn still_there(module: &Module, sast: &Sast, ui: &Ui) -> Result<Sast, CommandError> {
    if !ui.can_ask() || module.is_there(sast)? {
        return Ok(sast.clone());
    }
    let wanted = |present: &[TokenContents]| {
        let all = present.iter().filter_map(|contents| contents.clone().of_certificate(sast.certificate()));
        all.into_iter()
            .find(|other| other.is_same(sast))
            .ok_or_else(|| TokenError::NoMatch { selector: sast.certificate().sast_name(), tokens: vec![] })
    };
    wait_for(module, ui, &sast.certificate().sast_name(), wanted)
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
    let sast = &still_there(module, sast, ui)?;
    let token = sast.token();
    let pin = pin_for(module, token, settings, ui, allow_last_try)?;
    let factory = pin.as_ref().is_some_and(|pin| pin.is_one_of(&module.profile().pin.factory));
    let operator = TerminalOperator::new(settings, ui);
    let _in_use = TokenInUse::begin(&operator);
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

/// The PIN of a token, by the same rules: what can be known about it without a try is looked at.
pub fn pin_for(
    module: &Module,
    token: &Token,
    settings: &Settings,
    ui: &Ui,
    allow_last_try: bool,
) -> Result<Option<Pin>, CommandError> {
    interrupt::listen()?;
    if module.is_unlocked(token) {
        return Ok(None);
    }
    may_try(token, ui, allow_last_try)?;
    let pin = obtain_pin(module, token, settings, ui)?;
    module.check_pin(token, pin.as_ref())?;
    Ok(pin)
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

/// The PIN from where the settings say, else from the PIN pad or the terminal; `None` for a PIN pad.
fn obtain_pin(
    module: &Module,
    token: &Token,
    settings: &Settings,
    ui: &Ui,
) -> Result<Option<Pin>, CommandError> {
    if !token.login_required() {
        return Ok(None);
    }
    let by_token = || if token.has_pin_pad() { PinSource::PinPad } else { PinSource::Prompt };
    let source = settings.pin_source.clone().unwrap_or_else(by_token);
    if matches!(token.pin_state(), PinState::Locked | PinState::NotSet) {
        // No use in asking for it.
        module.check_pin(token, None).map_err(|e| CommandError::from(e).detail("", "nothing was written"))?;
    }
    if source == PinSource::PinPad && token.has_pin_pad() {
        ui.note(&format!("Type the PIN for {} on its reader.", token.label()));
    }
    pin::read(&source, token.label(), ui)
}
