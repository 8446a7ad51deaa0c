//! `token change-pin`, `token unlock`, `token init`.

use clap::Args;

use super::pin::{self, PinSource};
use super::{CommandError, Settings, TerminalOperator, Ui, interrupt};
use crate::token::{Module, PinKind, Selector, Token, check_label};
use crate::ui::pin_option;
use crate::workflow::token_admin;

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
    fn operator<'a>(
        &self,
        token: &Token,
        settings: &'a Settings,
        ui: &'a Ui,
    ) -> Result<TerminalOperator<'a>, CommandError> {
        let so = source(self.so_pin_source.as_deref(), PinKind::Administrator, token)?;
        let new = source(self.new_pin_source.as_deref(), PinKind::New, token)?;
        pin::two_places(&so, &new)?;
        let allow_last_try = self.allow_last_try;
        let (so_pin_source, new_pin_source) = (Some(so), Some(new));
        let plain = TerminalOperator::new(settings, ui);
        Ok(TerminalOperator { so_pin_source, new_pin_source, allow_last_try, ..plain })
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
    // A locked PIN is not asked for.
    token.check_state(PinKind::User)?;
    let old_source = settings.pin_source.clone().unwrap_or_else(|| PinSource::of_reader(token.pin_pad));
    let new_source = source(args.new_pin_source.as_deref(), PinKind::New, &token)?;
    if (old_source == PinSource::PinPad) != (new_source == PinSource::PinPad) {
        let what = "with a PIN pad, both PINs are typed on it: use pinpad for both --pin-source and --new-pin-source, or \
            for neither";
        return Err(CommandError::usage(what).detail("", "no PIN was tried"));
    }
    pin::two_places(&old_source, &new_source)?;
    let operator = TerminalOperator {
        new_pin_source: Some(new_source),
        allow_last_try: args.allow_last_try,
        ..TerminalOperator::new(settings, ui)
    };
    token_admin::change_pin(&module, &token, &operator)?;
    ui.print(&format!("{}: the PIN was changed", token.name()))
}

/// `token unlock`
pub fn unlock(args: &UnlockArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let (module, token) = find(args.selector.as_deref(), settings)?;
    token_admin::unlock(&module, &token, &args.pins.operator(&token, settings, ui)?)?;
    ui.print(&format!("{}: the new PIN was set", token.name()))
}

/// `token init`
pub fn init(args: &InitArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    check_label(&args.label)?;
    if args.selector.is_none() && settings.token.is_none() {
        return Err(CommandError::usage("name the token to erase")
            .hint("sastctl token init SERIAL; sastctl token list lists them"));
    }
    let (module, selector) = open(args.selector.as_deref(), settings)?;
    let token = module.find_to_empty(selector.as_ref())?;
    confirm(args, &token, ui)?;
    token_admin::init(&module, &token, &args.label, &args.pins.operator(&token, settings, ui)?)?;
    ui.print(&format!("{}: erased; its label is now \"{}\"", token.name(), args.label))
}

fn find(name: Option<&str>, settings: &Settings) -> Result<(Module, Token), CommandError> {
    let (module, selector) = open(name, settings)?;
    let token = module.find_to_change(selector.as_ref())?.token;
    Ok((module, token))
}

fn open(name: Option<&str>, settings: &Settings) -> Result<(Module, Option<Selector>), CommandError> {
    interrupt::listen()?;
    let selector = settings.selector_or(name)?;
    Ok((settings.module_options().open()?, selector))
}

fn source(text: Option<&str>, which: PinKind, token: &Token) -> Result<PinSource, CommandError> {
    let Some(text) = text else { return Ok(PinSource::of_reader(token.pin_pad)) };
    let option = pin_option(which);
    let source = PinSource::try_from(text.to_owned()).map_err(|_| {
        let what =
            format!("{option} must be prompt, env:VAR, file:PATH, fd:N or pinpad (never the PIN itself)");
        CommandError::usage(what)
    })?;
    if source == PinSource::PinPad {
        token.check_pin_pad(which)?;
    }
    Ok(source)
}

/// The operator types the serial number of what will be deleted.
fn confirm(args: &InitArgs, token: &Token, ui: &Ui) -> Result<(), CommandError> {
    let slot = token.slot_id.to_string();
    // A blank token may have no serial number yet.
    let (what, serial) = match &token.serial[..] {
        "" if !token.initialized => ("slot number", &slot[..]),
        serial => ("serial number", serial),
    };
    let typed = match &args.confirm {
        Some(typed) => typed.clone(),
        None if ui.can_ask() => {
            ui.warn(&format!(
                "{}: its key, its certificates and everything else on it will be deleted permanently",
                token.name()
            ));
            ui.ask(&format!("Type its {what} to continue: "))?
        }
        None => String::new(),
    };
    if !serial.is_empty() && typed.trim() == serial {
        return Ok(());
    }
    Err(CommandError::usage(format!("that is not the token's {what}; nothing was deleted"))
        .detail("token", token.name().to_string())
        .hint(format!("--confirm {serial} confirms without a question")))
}
