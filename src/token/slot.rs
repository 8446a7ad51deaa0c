//! Slots and the tokens in them.

use cryptoki::slot::{Slot as Pkcs11Slot, SlotInfo};
use cryptoki_sys as sys;
use serde::Serialize;

use super::error::{TokenError, TokenName};
use super::pin::{PinKind, PinState};
use super::raw::Info;
use crate::trustlist::printable;

/// A token in its slot, from its info. Padding is removed; text that is not printable is escaped.
#[derive(Debug, Clone, Serialize)]
pub struct Token {
    #[serde(skip)]
    pub(super) slot: Pkcs11Slot,
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
    pub(super) fn new(slot: Pkcs11Slot, slot_info: Option<&SlotInfo>, info: Result<Info, String>) -> Self {
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

    /// The same token in another reader.
    #[cfg(test)]
    pub(super) fn in_reader(mut self, reader: &str) -> Self {
        self.reader = reader.to_owned();
        self
    }
}

/// Locked first: a SafeNet token that is locked has COUNT_LOW set, too.
fn pin_state(info: &Info) -> PinState {
    let wanted = info.has(sys::CKF_TOKEN_INITIALIZED) && info.has(sys::CKF_LOGIN_REQUIRED);
    let unset = wanted && !info.has(sys::CKF_USER_PIN_INITIALIZED);
    let flags = [sys::CKF_USER_PIN_LOCKED, sys::CKF_USER_PIN_FINAL_TRY, sys::CKF_USER_PIN_COUNT_LOW];
    first_state(info, flags).unwrap_or(if unset { PinState::NotSet } else { PinState::Ok })
}

/// The state of the SO PIN. A blank token has none, whatever its flags (SoftHSM: locked); a CardOS token without one is locked,
/// which matters only when it is needed.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn token(info: Result<Info, String>) -> Token {
        Token::new(Pkcs11Slot::try_from(7_u64).unwrap(), None, info)
    }

    #[test]
    fn a_token_is_what_its_info_says() {
        let info = Info {
            label: "SAST A\0 \0".to_owned(),
            serial: "  0012ab\x1b".to_owned(),
            model: "eToken".to_owned(),
            manufacturer: "SafeNet".to_owned(),
            flags: sys::CKF_WRITE_PROTECTED,
            pin_min: 4,
            pin_max: 16,
            hardware: "4.29".to_owned(),
            firmware: "2.8".to_owned(),
        };
        let it = token(Ok(info));
        assert_eq!((it.slot_id(), it.label(), it.serial()), (7, "SAST A", r"0012ab\u{1b}"));
        assert_eq!((it.model(), it.manufacturer(), it.versions()), ("eToken", "SafeNet", ("4.29", "2.8")));
        assert_eq!((it.pin_lengths(), it.problem()), ((4, 16), None));
        assert!(it.is_write_protected());
        assert!(!it.login_required() && !it.has_pin_pad() && !it.is_initialized());
        let flags =
            sys::CKF_LOGIN_REQUIRED | sys::CKF_PROTECTED_AUTHENTICATION_PATH | sys::CKF_TOKEN_INITIALIZED;
        let other = token(Ok(Info { flags, ..Info::default() }));
        assert!(!other.is_write_protected());
        assert!(other.login_required() && other.has_pin_pad() && other.is_initialized());
    }

    /// It may sign all the same.
    #[test]
    fn a_token_whose_info_cannot_be_read_is_there_with_the_reason() {
        let it = token(Err("CKR_DEVICE_ERROR".to_owned()));
        assert_eq!(it.problem(), Some("CKR_DEVICE_ERROR"));
        assert!(it.is_initialized() && it.login_required() && !it.is_write_protected());
        assert_eq!((it.pin_state(), it.so_pin_state()), (PinState::Unknown, PinState::Unknown));
    }

    #[test]
    fn a_blank_token_has_no_administrators_pin_that_could_be_locked() {
        let state = |flags| so_pin_state(&Info { flags, ..Info::default() });
        let (initialized, locked) = (sys::CKF_TOKEN_INITIALIZED, sys::CKF_SO_PIN_LOCKED);
        assert_eq!([state(locked), state(initialized | locked)], [PinState::NotSet, PinState::Locked]);
    }

    #[test]
    fn a_pin_was_never_set_only_where_one_is_wanted() {
        let state = |flags| pin_state(&Info { flags, ..Info::default() });
        let (initialized, wanted) = (sys::CKF_TOKEN_INITIALIZED, sys::CKF_LOGIN_REQUIRED);
        assert_eq!(state(initialized | wanted), PinState::NotSet);
        assert_eq!(state(initialized | wanted | sys::CKF_USER_PIN_INITIALIZED), PinState::Ok);
        assert_eq!([state(initialized), state(wanted), state(0)], [PinState::Ok; 3]);
        let locked = sys::CKF_USER_PIN_LOCKED | sys::CKF_USER_PIN_COUNT_LOW;
        assert_eq!(state(initialized | wanted | locked), PinState::Locked);
    }
}
