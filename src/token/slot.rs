//! Slots and the tokens in them.

use cryptoki::slot::{Slot, SlotInfo};
use cryptoki_sys::{self as sys, CK_TOKEN_INFO};
use serde::Serialize;

use super::error::{TokenError, TokenName};
use super::pin::{PinKind, PinState};
use crate::trustlist::printable;

/// A token in its slot, from its info. Padding is removed; text that is not printable is escaped.
#[derive(Debug, Clone, Serialize)]
pub struct Token {
    #[serde(skip)]
    pub(super) slot: Slot,
    slot_id: u64,
    reader: String,
    label: String,
    serial: String,
    model: String,
    manufacturer: String,
    pin_state: PinState,
    so_pin_state: PinState,
    initialized: bool,
    login_required: bool,
    pin_pad: bool,
    write_protected: bool,
    pin_min: usize,
    pin_max: usize,
    hardware_version: String,
    firmware_version: String,
    /// Why the token's info could not be read, if so.
    problem: Option<String>,
}

impl Token {
    pub(super) fn new(slot: Slot, slot_info: Option<&SlotInfo>, info: Result<CK_TOKEN_INFO, String>) -> Self {
        let state = |of: fn(&CK_TOKEN_INFO) -> PinState| info.as_ref().map_or(PinState::Unknown, of);
        let (pin_state, so_pin_state) = (state(pin_state), state(so_pin_state));
        let problem = info.as_ref().err().cloned();
        // A token whose info is unreadable may still sign, so it is listed.
        let flags = sys::CKF_TOKEN_INITIALIZED | sys::CKF_LOGIN_REQUIRED;
        let info = info.unwrap_or_else(|_| CK_TOKEN_INFO { flags, ..CK_TOKEN_INFO::default() });
        let text = |bytes: &[u8]| clean(&String::from_utf8_lossy(bytes));
        let version = |v: sys::CK_VERSION| format!("{}.{}", v.major, v.minor);
        let length = |n: sys::CK_ULONG| usize::try_from(n).unwrap_or(usize::MAX);
        Token {
            slot,
            slot_id: slot.id(),
            reader: slot_info.map(|i| clean(i.slot_description())).unwrap_or_default(),
            label: text(&info.label),
            serial: text(&info.serialNumber),
            model: text(&info.model),
            manufacturer: text(&info.manufacturerID),
            pin_state,
            so_pin_state,
            initialized: has(&info, sys::CKF_TOKEN_INITIALIZED),
            login_required: has(&info, sys::CKF_LOGIN_REQUIRED),
            pin_pad: has(&info, sys::CKF_PROTECTED_AUTHENTICATION_PATH),
            write_protected: has(&info, sys::CKF_WRITE_PROTECTED),
            pin_min: length(info.ulMinPinLen),
            pin_max: length(info.ulMaxPinLen),
            hardware_version: version(info.hardwareVersion),
            firmware_version: version(info.firmwareVersion),
            problem,
        }
    }

    /// The slot's number; it changes from run to run.
    pub fn slot_id(&self) -> u64 {
        self.slot_id
    }

    /// The slot description: the reader.
    pub fn reader(&self) -> &str {
        &self.reader
    }

    /// The label.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The serial number.
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// The model.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The manufacturer.
    pub fn manufacturer(&self) -> &str {
        &self.manufacturer
    }

    /// The state of the user PIN by its flags.
    pub fn pin_state(&self) -> PinState {
        self.pin_state
    }

    /// The state of the SO (administrator) PIN by its flags.
    pub fn so_pin_state(&self) -> PinState {
        self.so_pin_state
    }

    /// The state of this PIN.
    pub(super) fn state_of(&self, which: PinKind) -> PinState {
        if which == PinKind::Administrator { self.so_pin_state } else { self.pin_state }
    }

    /// Whether the token was initialised.
    pub fn is_initialized(&self) -> bool {
        self.initialized
    }

    /// Whether its private objects need a login.
    pub fn login_required(&self) -> bool {
        self.login_required
    }

    /// Whether the PIN is typed on the reader (CKF_PROTECTED_AUTHENTICATION_PATH).
    pub fn has_pin_pad(&self) -> bool {
        self.pin_pad
    }

    /// Checks that the token has a PIN pad.
    ///
    /// # Errors
    /// [`TokenError::NoPinPad`].
    pub fn check_pin_pad(&self, which: PinKind) -> Result<(), TokenError> {
        if self.pin_pad { Ok(()) } else { Err(TokenError::NoPinPad(self.name(), which)) }
    }

    /// Checks that a PIN is not locked and was set: else it is not tried, and not asked for.
    ///
    /// # Errors
    /// [`TokenError::PinLocked`], [`TokenError::PinNotSet`]; a blank token takes its SO PIN as its new one.
    pub fn check_state(&self, which: PinKind) -> Result<(), TokenError> {
        match self.state_of(which) {
            PinState::Locked => Err(TokenError::PinLocked(self.name(), which)),
            PinState::NotSet if which == PinKind::User => Err(TokenError::PinNotSet(self.name())),
            _ => Ok(()),
        }
    }

    /// Whether it is write-protected.
    pub fn is_write_protected(&self) -> bool {
        self.write_protected
    }

    /// Shortest and longest PIN in bytes; 0 if not known.
    pub fn pin_lengths(&self) -> (usize, usize) {
        (self.pin_min, self.pin_max)
    }

    /// Hardware and firmware version.
    pub fn versions(&self) -> (&str, &str) {
        (&self.hardware_version, &self.firmware_version)
    }

    /// Why its info could not be read, if so.
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// Its name for messages.
    pub fn name(&self) -> TokenName {
        let label = match self.initialized {
            true => self.label.clone(),
            false => format!("blank token in slot {}", self.slot_id),
        };
        TokenName { label, serial: self.serial.clone(), reader: self.reader.clone() }
    }
}

fn has(info: &CK_TOKEN_INFO, flag: sys::CK_FLAGS) -> bool {
    info.flags & flag != 0
}

/// Locked first: a SafeNet token that is locked has COUNT_LOW set, too.
fn pin_state(info: &CK_TOKEN_INFO) -> PinState {
    let wanted = has(info, sys::CKF_TOKEN_INITIALIZED) && has(info, sys::CKF_LOGIN_REQUIRED);
    let unset = wanted && !has(info, sys::CKF_USER_PIN_INITIALIZED);
    let flags = [sys::CKF_USER_PIN_LOCKED, sys::CKF_USER_PIN_FINAL_TRY, sys::CKF_USER_PIN_COUNT_LOW];
    first_state(info, flags).unwrap_or(if unset { PinState::NotSet } else { PinState::Ok })
}

/// The state of the SO PIN. A blank token has none, whatever its flags (SoftHSM: locked); a CardOS token without one is locked,
/// which matters only when it is needed.
fn so_pin_state(info: &CK_TOKEN_INFO) -> PinState {
    if !has(info, sys::CKF_TOKEN_INITIALIZED) {
        return PinState::NotSet;
    }
    let flags = [sys::CKF_SO_PIN_LOCKED, sys::CKF_SO_PIN_FINAL_TRY, sys::CKF_SO_PIN_COUNT_LOW];
    first_state(info, flags).unwrap_or(PinState::Ok)
}

/// The state of the first flag that is set: locked, last try, few tries.
fn first_state(info: &CK_TOKEN_INFO, flags: [sys::CK_FLAGS; 3]) -> Option<PinState> {
    let states = [PinState::Locked, PinState::LastTry, PinState::Low];
    flags.into_iter().zip(states).find(|(flag, _)| has(info, *flag)).map(|(_, state)| state)
}

/// Removes the padding of labels and serials: blanks, or NULs with some drivers.
pub(super) fn clean(text: &str) -> String {
    printable(text.trim_matches(|c: char| c == '\0' || c.is_whitespace()))
}
