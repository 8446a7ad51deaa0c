//! Slots and the tokens in them.

use cryptoki::slot::{Slot as Pkcs11Slot, SlotInfo};
use cryptoki_sys as sys;
use serde::Serialize;

use super::error::{TokenError, TokenName};
use super::pin::{PinKind, PinState};
use super::raw::Info;
use super::selector::{Candidate, encode};
use crate::trustlist::printable;

/// A token in its slot, as its info says. Padding is gone; text that is not printable is escaped.
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
        let reader = slot_info.map(|i| clean(i.slot_description())).unwrap_or_default();
        let mut token = Token {
            slot,
            slot_id: slot.id(),
            reader,
            label: String::new(),
            serial: String::new(),
            model: String::new(),
            manufacturer: String::new(),
            pin_state: PinState::Unknown,
            so_pin_state: PinState::Unknown,
            // A token whose info is unreadable may still sign; it must not vanish.
            initialized: true,
            login_required: true,
            pin_pad: false,
            write_protected: false,
            pin_min: 0,
            pin_max: 0,
            hardware_version: String::new(),
            firmware_version: String::new(),
            problem: None,
        };
        match info {
            Err(problem) => token.problem = Some(problem),
            Ok(info) => {
                token.label = clean(&info.label);
                token.serial = clean(&info.serial);
                token.model = clean(&info.model);
                token.manufacturer = clean(&info.manufacturer);
                token.pin_state = pin_state(&info);
                token.so_pin_state = so_pin_state(&info);
                token.initialized = info.has(sys::CKF_TOKEN_INITIALIZED);
                token.login_required = info.has(sys::CKF_LOGIN_REQUIRED);
                token.pin_pad = info.has(sys::CKF_PROTECTED_AUTHENTICATION_PATH);
                token.write_protected = info.has(sys::CKF_WRITE_PROTECTED);
                token.pin_min = info.pin_min;
                token.pin_max = info.pin_max;
                token.hardware_version = info.hardware;
                token.firmware_version = info.firmware;
            }
        }
        token
    }

    /// The slot's number; it changes from run to run.
    pub fn slot_id(&self) -> u64 {
        self.slot_id
    }

    /// The slot's description: the reader.
    pub fn reader(&self) -> &str {
        &self.reader
    }

    /// The label its owner chose.
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

    /// What its flags say about the user PIN.
    pub fn pin_state(&self) -> PinState {
        self.pin_state
    }

    /// What its flags say about the SO (administrator) PIN.
    pub fn so_pin_state(&self) -> PinState {
        self.so_pin_state
    }

    /// Whether the token was initialised; one that was not holds nothing.
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

    /// A secret that is to be typed on the reader needs a PIN pad.
    ///
    /// # Errors
    /// [`TokenError::PinPad`].
    pub fn check_pin_pad(&self, which: PinKind) -> Result<(), TokenError> {
        if self.pin_pad { Ok(()) } else { Err(TokenError::PinPad { token: self.name(), which, has: false }) }
    }

    /// A SO PIN that is locked is not tried, and not asked for.
    ///
    /// # Errors
    /// [`TokenError::SoPinLocked`].
    pub fn check_so_pin(&self) -> Result<(), TokenError> {
        match self.so_pin_state() {
            PinState::Locked => Err(TokenError::SoPinLocked { token: self.name() }),
            _ => Ok(()),
        }
    }

    /// Whether nothing can be written to it.
    pub fn is_write_protected(&self) -> bool {
        self.write_protected
    }

    /// Shortest and longest PIN in bytes; 0 where the token does not say.
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

    /// A URI of all that is known of it, its reader too.
    pub(super) fn whole_uri(&self) -> String {
        let mut uri = format!("pkcs11:token={};serial={}", encode(&self.label), encode(&self.serial));
        if !self.reader.is_empty() {
            uri.push_str(&format!(";slot-description={}", encode(&self.reader)));
        }
        uri
    }

    /// The same token in another reader.
    #[cfg(test)]
    pub(super) fn in_reader(mut self, reader: &str) -> Self {
        self.reader = reader.to_owned();
        self
    }

    /// A URI that names it by its serial number, or else its label, and an object on it by CKA_ID and CKA_LABEL (RFC 7512).
    pub(super) fn uri(&self, id: Option<&[u8]>, object: Option<&str>) -> String {
        let mut uri = match &self.serial[..] {
            "" => format!("pkcs11:token={}", encode(&self.label)),
            serial => format!("pkcs11:serial={}", encode(serial)),
        };
        id.iter().for_each(|id| uri.push_str(&id_of_uri(id)));
        object.iter().for_each(|object| uri.push_str(&format!(";object={}", encode(object))));
        uri
    }

    pub(super) fn candidate(&self) -> Candidate<'_> {
        Candidate {
            label: &self.label,
            serial: &self.serial,
            model: &self.model,
            manufacturer: &self.manufacturer,
            reader: &self.reader,
            slot_id: self.slot_id,
        }
    }
}

/// CKA_ID as an attribute of a URI.
pub(super) fn id_of_uri(id: &[u8]) -> String {
    let bytes: String = id.iter().map(|b| format!("%{b:02x}")).collect();
    format!(";id={bytes}")
}

/// Locked first: a SafeNet token that is locked has COUNT_LOW set, too.
fn pin_state(info: &Info) -> PinState {
    let unset = !info.has(sys::CKF_USER_PIN_INITIALIZED);
    if info.has(sys::CKF_USER_PIN_LOCKED) {
        PinState::Locked
    } else if info.has(sys::CKF_USER_PIN_FINAL_TRY) {
        PinState::LastTry
    } else if info.has(sys::CKF_USER_PIN_COUNT_LOW) {
        PinState::Low
    } else if info.has(sys::CKF_TOKEN_INITIALIZED) && info.has(sys::CKF_LOGIN_REQUIRED) && unset {
        PinState::NotSet
    } else {
        PinState::Ok
    }
}

/// The same of the SO PIN. A blank token has none, whatever it says (SoftHSM: locked); a CardOS token without one says locked,
/// which is harmless until it is needed.
fn so_pin_state(info: &Info) -> PinState {
    if !info.has(sys::CKF_TOKEN_INITIALIZED) {
        PinState::NotSet
    } else if info.has(sys::CKF_SO_PIN_LOCKED) {
        PinState::Locked
    } else if info.has(sys::CKF_SO_PIN_FINAL_TRY) {
        PinState::LastTry
    } else if info.has(sys::CKF_SO_PIN_COUNT_LOW) {
        PinState::Low
    } else {
        PinState::Ok
    }
}

/// Labels and serials are padded with blanks, or with NULs by careless drivers.
fn clean(text: &str) -> String {
    printable(text.trim_matches(|c: char| c == '\0' || c.is_whitespace()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
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
