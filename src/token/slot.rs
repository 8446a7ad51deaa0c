//! Slots and the tokens in them.

use cryptoki::slot::{Slot, SlotInfo};
use cryptoki_sys as sys;
use serde::Serialize;

use super::error::{TokenError, TokenName};
use super::pin::{PinKind, PinState};
use super::profile::Profile;
use super::raw::Info;
use crate::trustlist::printable;

/// A token in its slot, from its info. Padding is removed; text that is not printable is escaped.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "the names say what each is")]
pub struct Token {
    #[serde(skip)]
    pub(super) slot: Slot,
    /// The slot number changes from run to run.
    pub slot_id: u64,
    /// The slot description.
    pub reader: String,
    pub label: String,
    pub serial: String,
    pub model: String,
    pub manufacturer: String,
    pub pin_state: PinState,
    pub so_pin_state: PinState,
    pub initialized: bool,
    pub login_required: bool,
    /// Whether the PIN is typed on the reader (CKF_PROTECTED_AUTHENTICATION_PATH).
    pub pin_pad: bool,
    pub write_protected: bool,
    /// In bytes; 0 if not known.
    pub pin_min: usize,
    pub pin_max: usize,
    pub hardware_version: String,
    pub firmware_version: String,
    /// Why the token's info could not be read, if so.
    pub problem: Option<String>,
}

impl Token {
    /// Shortest and longest PIN in bytes: from the token, else the profile. At least 1: some modules use the PIN pad if the PIN
    /// is empty.
    pub fn pin_lengths(&self, profile: &Profile) -> (usize, usize) {
        // CK_UNAVAILABLE_INFORMATION: the token does not say (PKCS#11 v3.0, section 3.2).
        let said = |length: usize| (length != usize::MAX && self.pin_max != 0).then_some(length);
        let min = said(self.pin_min).or(profile.pin.min).unwrap_or(0);
        (min.max(1), said(self.pin_max).or(profile.pin.max).unwrap_or(usize::MAX))
    }

    /// A token from what its slot and C_GetTokenInfo say, or why that could not be read.
    pub fn new(slot: Slot, slot_info: Option<&SlotInfo>, info: Result<Info, String>) -> Self {
        let state = |of: fn(&Info) -> PinState| info.as_ref().map_or(PinState::Unknown, of);
        let (pin_state, so_pin_state) = (state(pin_state), state(so_pin_state));
        let problem = info.as_ref().err().cloned();
        // A token whose info is unreadable may still sign, so it is listed.
        let flags = sys::CKF_TOKEN_INITIALIZED | sys::CKF_LOGIN_REQUIRED;
        let info = info.unwrap_or_else(|_| Info { flags, ..Info::default() });
        Token {
            slot,
            slot_id: slot.id(),
            reader: slot_info.map(|i| clean(i.slot_description())).unwrap_or_default(),
            label: clean(&info.label),
            serial: clean(&info.serial),
            model: clean(&info.model),
            manufacturer: clean(&info.manufacturer),
            pin_state,
            so_pin_state,
            initialized: info.has(sys::CKF_TOKEN_INITIALIZED),
            login_required: info.has(sys::CKF_LOGIN_REQUIRED),
            pin_pad: info.has(sys::CKF_PROTECTED_AUTHENTICATION_PATH),
            write_protected: info.has(sys::CKF_WRITE_PROTECTED),
            pin_min: info.pin_min,
            pin_max: info.pin_max,
            hardware_version: info.hardware,
            firmware_version: info.firmware,
            problem,
        }
    }

    pub(super) fn state_of(&self, which: PinKind) -> PinState {
        if which == PinKind::Administrator { self.so_pin_state } else { self.pin_state }
    }

    /// Checks that the token has a PIN pad.
    pub fn check_pin_pad(&self, which: PinKind) -> Result<(), TokenError> {
        if self.pin_pad { Ok(()) } else { Err(TokenError::NoPinPad(self.name(), which)) }
    }

    /// Checks that a PIN is not locked and was set: else it is not tried, and not asked for.
    /// On a blank token the given SO PIN becomes its SO PIN.
    pub fn check_state(&self, which: PinKind) -> Result<(), TokenError> {
        match self.state_of(which) {
            PinState::Locked => Err(TokenError::PinLocked(self.name(), which)),
            PinState::NotSet if which == PinKind::User => Err(TokenError::PinNotSet(self.name())),
            _ => Ok(()),
        }
    }

    /// Its label, or a replacement for it.
    pub fn shown_label(&self) -> &str {
        match &self.label[..] {
            _ if self.problem.is_some() => "(not read)",
            _ if !self.initialized => "(blank)",
            "" => "(no label)",
            label => label,
        }
    }

    /// Its name for messages.
    pub fn name(&self) -> TokenName {
        let label = match (self.initialized, &self.label[..]) {
            (false, _) => format!("blank token in slot {}", self.slot_id),
            (true, "") => format!("token without a label in slot {}", self.slot_id),
            (true, label) => label.to_owned(),
        };
        TokenName { label, serial: self.serial.clone(), reader: self.reader.clone() }
    }
}

/// Locked first: a SafeNet token that is locked has COUNT_LOW set, too.
fn pin_state(info: &Info) -> PinState {
    let wanted = info.has(sys::CKF_TOKEN_INITIALIZED) && info.has(sys::CKF_LOGIN_REQUIRED);
    let unset = wanted && !info.has(sys::CKF_USER_PIN_INITIALIZED);
    let flags = [sys::CKF_USER_PIN_LOCKED, sys::CKF_USER_PIN_FINAL_TRY, sys::CKF_USER_PIN_COUNT_LOW];
    first_state(info, flags).unwrap_or(if unset { PinState::NotSet } else { PinState::Ok })
}

/// The state of the SO PIN. A blank token has none, whatever its flags say (SoftHSM: locked). A CardOS token without an SO PIN
/// counts as locked; this matters only when the SO PIN is needed.
fn so_pin_state(info: &Info) -> PinState {
    if !info.has(sys::CKF_TOKEN_INITIALIZED) {
        return PinState::NotSet;
    }
    let flags = [sys::CKF_SO_PIN_LOCKED, sys::CKF_SO_PIN_FINAL_TRY, sys::CKF_SO_PIN_COUNT_LOW];
    first_state(info, flags).unwrap_or(PinState::Ok)
}

/// The state of the first flag that is set: locked, last try, few tries.
fn first_state(info: &Info, flags: [sys::CK_FLAGS; 3]) -> Option<PinState> {
    let states = [PinState::Locked, PinState::LastTry, PinState::Low];
    flags.into_iter().zip(states).find(|(flag, _)| info.has(*flag)).map(|(_, state)| state)
}

/// Removes the padding of labels and serials: blanks, or NULs with some drivers.
pub(super) fn clean(text: &str) -> String {
    printable(text.trim_matches(|c: char| c == '\0' || c.is_whitespace()))
}
