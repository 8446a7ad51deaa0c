//! The module, the PIN and the login.

use std::path::PathBuf;
use std::time::Duration;

use super::error::WorkError;
use super::operator::{Operator, Question, Secret, TokenInUse, View};
use super::watch::TokenWatch;
use crate::token::{
    LoadOptions, Module, Pin, PinKind, PinState, Profile, Sast, Token, TokenContents, TokenError, TokenSigner,
};
use crate::trustlist::{Digest, Signer as _};

/// Which module is loaded, and how.
#[derive(Debug, Clone, Default)]
pub struct ModuleOptions {
    /// The profile; by default the first whose module is installed.
    pub profile: Option<String>,
    /// The library, instead of the profile's.
    pub module: Option<PathBuf>,
    /// Use a module or a profile that others than root and the user may write.
    pub allow_insecure: bool,
    /// How long a call may take, and what is done if it does not return.
    pub patience: Option<(Duration, OnHang)>,
}

/// Called with the profile's name, the call's name, and how long was waited. Must end the process.
pub type OnHang = fn(&str, &'static str, Duration);

impl ModuleOptions {
    /// The profile that is meant.
    pub fn profile(&self) -> Result<Profile, TokenError> {
        match (&self.profile, &self.module) {
            (Some(name), _) => Profile::find(name, self.allow_insecure),
            // A module of unknown make works by the plainest rules.
            (None, Some(_)) => Profile::find("opensc", false),
            (None, None) => Profile::first_installed(),
        }
    }

    /// Loads the module.
    pub fn open(&self) -> Result<Module, TokenError> {
        let module = self.load(self.profile()?)?;
        tracing::debug!("module {} by profile {}", module.path().display(), module.profile().name);
        Ok(module)
    }

    /// Loads the module of a profile.
    pub fn load(&self, profile: Profile) -> Result<Module, TokenError> {
        let name = profile.name.clone();
        let patience = self.patience.map(|(limit, on_hang)| -> (_, crate::token::OnHang) {
            (limit, Box::new(move |call, limit| on_hang(&name, call, limit)))
        });
        let options = LoadOptions { patience, allow_insecure: self.allow_insecure };
        Module::load(profile, self.module.as_deref(), options)
    }
}

/// Waits until the operator inserted a token: one USB port is enough for several tokens.
///
/// `wanted` checks the inserted tokens; its error says what is still missing.
pub fn wait_for(
    module: &Module,
    operator: &dyn Operator,
    name: &str,
    wanted: impl Fn(&[TokenContents]) -> Result<Sast, TokenError>,
) -> Result<Sast, WorkError> {
    let mut watch = TokenWatch::begin(module)?;
    let mut shown = None;
    loop {
        match wanted(watch.present()) {
            Ok(sast) => return Ok(sast),
            Err(e) if !can_be_inserted(&e) => return Err(e.into()),
            Err(_) => {}
        }
        let name_of = |t: &TokenContents| t.sast_names().next().unwrap_or_else(|| t.token.label.to_owned());
        let inserted: Vec<_> = watch.present().iter().map(name_of).collect();
        if shown.as_ref() != Some(&inserted) {
            operator.show(&View::InsertToken { wanted: name, inserted: &inserted })?;
            shown = Some(inserted);
        }
        watch.next(module, Duration::from_secs(1))?;
    }
}

/// Whether inserting a token may put it right.
pub fn can_be_inserted(error: &TokenError) -> bool {
    matches!(error, TokenError::NoToken { .. } | TokenError::NoMatch { .. }) || error.is_transient()
}

/// The same token as it is now: it may be in another slot since it was chosen, or out. Where nobody can insert it again,
/// the login finds that out, and tries no PIN then.
fn still_there(module: &Module, sast: &Sast, operator: &dyn Operator) -> Result<Sast, WorkError> {
    if !operator.can_ask() || module.is_there(sast)? {
        return Ok(sast.clone());
    }
    let wanted = |present: &[TokenContents]| {
        let all = present.iter().filter_map(|contents| contents.clone().of_certificate(sast.certificate()));
        all.into_iter()
            .find(|other| other.is_same(sast))
            .ok_or_else(|| TokenError::NoMatch { selector: sast.certificate().sast_name(), tokens: vec![] })
    };
    wait_for(module, operator, &sast.certificate().sast_name(), wanted)
}

/// Logs in once, does the work, logs out whatever happens.
///
/// The token's flags are looked at first, a last PIN try is used only if the operator confirms, a wrong PIN is not tried
/// again.
pub fn with_login<T, E: From<WorkError>>(
    module: &Module,
    sast: &Sast,
    operator: &dyn Operator,
    work: impl FnOnce(&mut &TokenSigner<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let sast = &still_there(module, sast, operator)?;
    let token = sast.token();
    let pin = pin_for(module, token, operator)?;
    let factory = pin.as_ref().is_some_and(|pin| pin.is_one_of(&module.profile().pin.factory));
    let _in_use = TokenInUse::begin(operator);
    let signer = module.signer(sast, pin).map_err(|e| WorkError::not_signed(sast, e))?;
    if factory {
        operator.show(&View::FactoryPin { token: &token.label }).map_err(WorkError::from)?;
    }
    work(&mut &signer)
}

/// A digest, and the length in bytes of the signature with it, which the signer has verified itself.
pub type TriedDigest = (Digest, Result<usize, TokenError>);

/// Signs a text with each digest, with one login.
pub fn try_digests(
    module: &Module,
    sast: &Sast,
    text: &[u8],
    operator: &dyn Operator,
) -> Result<Vec<TriedDigest>, WorkError> {
    with_login(module, sast, operator, |signer| {
        let sign = |digest| {
            operator.check_interrupted()?;
            let signature = signer.sign(digest, text);
            Ok((digest, signature.map(|signature| signature.len())))
        };
        Digest::ALL.into_iter().map(sign).collect()
    })
}

/// The PIN of a token, after what can be known without a try; `None` for a PIN pad, and where none is needed.
pub fn pin_for(module: &Module, token: &Token, operator: &dyn Operator) -> Result<Option<Pin>, WorkError> {
    if module.is_unlocked(token) {
        return Ok(None);
    }
    let mut pin = None;
    if token.login_required {
        may_try(token, PinKind::User, operator)?;
        // Before it is asked for in vain.
        token.check_state(PinKind::User).map_err(|e| WorkError::NoPinToTry(Box::new(e)))?;
        pin = ask_pin(token, PinKind::User, false, operator)?;
    }
    module.check_pin(token, pin.as_ref())?;
    Ok(pin)
}

/// Asks for a PIN of a token; `None` for a PIN pad.
pub fn ask_pin(
    token: &Token,
    which: PinKind,
    is_new: bool,
    operator: &dyn Operator,
) -> Result<Option<Pin>, WorkError> {
    let (token, has_pin_pad) = (&token.name().label, token.pin_pad);
    Ok(operator.secret(&Secret::Pin { token, which, has_pin_pad, is_new })?.map(Pin::new))
}

/// Whether a PIN may be tried at all, by the token's flags.
pub fn may_try(token: &Token, which: PinKind, operator: &dyn Operator) -> Result<(), WorkError> {
    let administrator = which == PinKind::Administrator;
    let state = if administrator { token.so_pin_state } else { token.pin_state };
    let question = Question::LastPinTry { token: token.label.to_owned(), which };
    let what = match (state, administrator) {
        (_, false) if !token.login_required => return Ok(()),
        (PinState::Low, true) => "a wrong administrator PIN was entered before; few tries are left",
        (PinState::Low, false) => "a wrong PIN was entered before; few tries are left",
        (PinState::Ok | PinState::Locked | PinState::NotSet, _) => return Ok(()),
        _ if operator.said_yes(&question) => return Ok(()),
        (PinState::LastTry, true) => "this is the last try of the administrator PIN!",
        (PinState::LastTry, false) => "this is the last PIN try! A wrong PIN locks the token for good.",
        (PinState::Unknown, true) => {
            "the token does not say how many tries of the administrator PIN are left"
        }
        (PinState::Unknown, false) => {
            "the token does not say how many PIN tries are left; a wrong PIN may lock it for good."
        }
    };
    operator.warn(&format!("{}: {what}", token.label));
    if state == PinState::Low || (operator.can_ask() && operator.ask(&question)?) {
        return Ok(());
    }
    Err(WorkError::PinNotTried { token: token.name(), which })
}
