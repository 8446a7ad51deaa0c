//! `token change-pin`, `token unlock`, `token init`.

use clap::Args;

use super::error::{CommandError, ErrorKind};
use super::interrupt;
use super::operator::TerminalOperator;
use super::pin::{self, PinSource};
use super::settings::{Settings, selector};
use super::ui::Ui;
use crate::token::{Module, Pin, PinKind, Selector, Token, check_label};
use crate::workflow::may_try;

/// Change the PIN of a token: asks for the old PIN (--pin-source), then twice for the new one
#[derive(Debug, Args)]
pub struct ChangePinArgs {
    /// The token [default: --token, else the only one]
    #[arg(value_name = "TOKEN")]
    selector: Option<String>,
    /// Where the new PIN comes from: prompt, env:VAR, file:PATH, fd:N or pinpad
    #[arg(long, value_name = "SOURCE")]
    new_pin_source: Option<String>,
    /// Use the last try of the token's PIN without asking
    #[arg(long)]
    allow_last_try: bool,
}

/// The administrator's PIN and the new one.
#[derive(Debug, Args)]
struct AdministratorArgs {
    /// Where the administrator (SO) PIN comes from: prompt, env:VAR, file:PATH, fd:N or pinpad
    #[arg(long, value_name = "SOURCE")]
    so_pin_source: Option<String>,
    /// Where the new PIN comes from: prompt, env:VAR, file:PATH, fd:N or pinpad
    #[arg(long, value_name = "SOURCE")]
    new_pin_source: Option<String>,
    /// Use the last try of the administrator PIN without asking
    #[arg(long)]
    allow_last_try: bool,
}

impl AdministratorArgs {
    /// Both secrets, each asked for once; nothing is tried yet.
    fn secrets(
        &self,
        module: &Module,
        token: &Token,
        settings: &Settings,
        ui: &Ui,
    ) -> Result<(Option<Pin>, Option<Pin>), CommandError> {
        let so_source = source(self.so_pin_source.as_deref(), PinKind::Administrator, token)?;
        let new_source = source(self.new_pin_source.as_deref(), PinKind::New, token)?;
        pin::two_places(&so_source, &new_source)?;
        token.check_state(PinKind::Administrator)?;
        may_try(token, PinKind::Administrator, &operator(self.allow_last_try, settings, ui))?;
        // A blank token takes it as its new one.
        let so_pin = secret(&so_source, "administrator (SO) PIN", token, !token.is_initialized(), ui)?;
        let new = secret(&new_source, "new PIN", token, true, ui)?;
        warn_about_factory(module, new.as_ref(), ui);
        Ok((so_pin, new))
    }
}

/// Unlock a token: set a new PIN with the administrator (SO) PIN
#[derive(Debug, Args)]
pub struct UnlockArgs {
    /// The token [default: --token, else the only one]
    #[arg(value_name = "TOKEN")]
    selector: Option<String>,
    #[command(flatten)]
    pins: AdministratorArgs,
}

/// Erase a token with its key and certificate, and set a label and a PIN
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The token: a label, serial number or URI; a blank token is pkcs11:slot-id=N [default: --token]
    #[arg(value_name = "TOKEN")]
    selector: Option<String>,
    /// The new label
    #[arg(long, value_name = "LABEL")]
    label: String,
    /// Confirm with the serial number of the token, or the slot number of a blank token: erased data cannot be
    /// restored. At a terminal you are asked for it
    #[arg(long, value_name = "SERIAL")]
    confirm: Option<String>,
    #[command(flatten)]
    pins: AdministratorArgs,
}

/// `token change-pin`
pub fn change_pin(args: &ChangePinArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let (module, token) = find(args.selector.as_deref(), settings)?;
    // No use in asking for it.
    token.check_state(PinKind::User)?;
    let old_source = settings.pin_source.clone().unwrap_or_else(|| by_token(&token));
    let new_source = source(args.new_pin_source.as_deref(), PinKind::New, &token)?;
    if (old_source == PinSource::PinPad) != (new_source == PinSource::PinPad) {
        let what = "on a PIN pad you type both PINs: use pinpad for both --pin-source and --new-pin-source, or \
            for neither";
        return Err(CommandError::new(ErrorKind::Usage, what).detail("", "no PIN was tried"));
    }
    pin::two_places(&old_source, &new_source)?;
    may_try(&token, PinKind::User, &operator(args.allow_last_try, settings, ui))?;
    let old = secret(&old_source, "PIN", &token, false, ui)?;
    // Its length costs no try.
    module.check_pin(&token, old.as_ref())?;
    let new = secret(&new_source, "new PIN", &token, true, ui)?;
    warn_about_factory(&module, new.as_ref(), ui);
    let _busy = changing();
    module.change_pin(&token, old.as_ref(), new.as_ref())?;
    ui.print(&format!("{}: the PIN was changed", token.name()))
}

/// `token unlock`
pub fn unlock(args: &UnlockArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let (module, token) = find(args.selector.as_deref(), settings)?;
    let (so_pin, new) = args.pins.secrets(&module, &token, settings, ui)?;
    let _busy = changing();
    module.unlock(&token, so_pin.as_ref(), new.as_ref())?;
    ui.print(&format!("{}: it has a new PIN", token.name()))
}

/// `token init`
pub fn init(args: &InitArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    check_label(&args.label)?;
    if args.selector.is_none() && settings.token.is_none() {
        return Err(CommandError::new(ErrorKind::Usage, "name the token to erase")
            .hint("sastctl token init SERIAL; sastctl token list lists them"));
    }
    let (module, selector) = open(args.selector.as_deref(), settings)?;
    let token = module.find_to_empty(selector.as_ref())?;
    confirm(args, &token, ui)?;
    let (so_pin, new) = args.pins.secrets(&module, &token, settings, ui)?;
    // To the end: an emptied token without a PIN is of no use.
    let _busy = changing();
    module.init_token(&token, so_pin.as_ref(), new.as_ref(), &args.label)?;
    ui.print(&format!("{}: erased; its label is now \"{}\"", token.name(), args.label))
}

/// From here on a first signal waits until the token is as it should be.
fn changing() -> interrupt::Busy {
    let busy = interrupt::Busy::new();
    interrupt::something_changes();
    busy
}

fn find(name: Option<&str>, settings: &Settings) -> Result<(Module, Token), CommandError> {
    let (module, selector) = open(name, settings)?;
    let token = module.find_to_change(selector.as_ref())?.token;
    Ok((module, token))
}

fn open(name: Option<&str>, settings: &Settings) -> Result<(Module, Option<Selector>), CommandError> {
    interrupt::listen()?;
    let selector = name.or(settings.token.as_deref()).map(selector).transpose()?;
    Ok((settings.module_options().open()?, selector))
}

/// Where a secret comes from unless it is said: the reader's own keys, where it has such.
fn by_token(token: &Token) -> PinSource {
    if token.has_pin_pad() { PinSource::PinPad } else { PinSource::Prompt }
}

/// A secret of the token; `None` where it is typed on the reader.
fn secret(
    source: &PinSource,
    what: &'static str,
    token: &Token,
    twice: bool,
    ui: &Ui,
) -> Result<Option<Pin>, CommandError> {
    if *source == PinSource::PinPad {
        if token.has_pin_pad() {
            ui.note(&format!("Type the {what} for {} on its reader when it asks.", token.label()));
        }
        return Ok(None);
    }
    pin::read_other(source, what, &token.name().label, twice, ui).map(Some)
}

fn source(text: Option<&str>, which: PinKind, token: &Token) -> Result<PinSource, CommandError> {
    let Some(text) = text else { return Ok(by_token(token)) };
    let option = if which == PinKind::Administrator { "--so-pin-source" } else { "--new-pin-source" };
    let source = text.parse().map_err(|_| {
        let what = format!("{option} is prompt, env:VAR, file:PATH, fd:N or pinpad (never the PIN itself)");
        CommandError::new(ErrorKind::Usage, what)
    })?;
    if source == PinSource::PinPad {
        token.check_pin_pad(which)?;
    }
    Ok(source)
}

/// The operator types the serial number of what will be deleted.
fn confirm(args: &InitArgs, token: &Token, ui: &Ui) -> Result<(), CommandError> {
    let slot = token.slot_id().to_string();
    // A blank token may have no serial number yet.
    let (what, serial) = match token.serial() {
        "" if !token.is_initialized() => ("slot number", &slot[..]),
        serial => ("serial number", serial),
    };
    let typed = match &args.confirm {
        Some(typed) => typed.clone(),
        None if ui.can_ask() => {
            ui.warn(&format!(
                "{}: its key, its certificates and everything else on it will be deleted for good",
                token.name()
            ));
            ui.ask(&format!("Type its {what} to go on: "))?
        }
        None => String::new(),
    };
    if !serial.is_empty() && typed.trim() == serial {
        return Ok(());
    }
    Err(CommandError::new(ErrorKind::Usage, format!("that is not the token's {what}; nothing was deleted"))
        .detail("token", token.name().to_string())
        .hint(format!("--confirm {serial} confirms without a question")))
}

/// The last try of a PIN is used only if the operator confirms.
fn operator<'a>(allow_last_try: bool, settings: &'a Settings, ui: &'a Ui) -> TerminalOperator<'a> {
    TerminalOperator { allow_last_try, ..TerminalOperator::new(settings, ui) }
}

fn warn_about_factory(module: &Module, new: Option<&Pin>, ui: &Ui) {
    if new.is_some_and(|new| new.is_one_of(&module.profile().pin.factory)) {
        ui.warn("the new PIN is the public factory PIN");
    }
}
