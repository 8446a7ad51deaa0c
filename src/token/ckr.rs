//! PKCS#11 return codes by their names.

use std::fmt;

use cryptoki::error::{Error as Pkcs11Error, RvError};

/// A PKCS#11 return code by its name: `CKR_PIN_INCORRECT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ckr(String);

impl Ckr {
    pub(super) fn new(code: RvError) -> Self {
        if let RvError::VendorDefined(number) = code {
            return Ckr(format!("CKR_VENDOR_DEFINED (0x{number:08x})"));
        }
        let mut name = "CKR".to_owned();
        for c in format!("{code:?}").chars() {
            if c.is_ascii_uppercase() {
                name.push('_');
            }
            name.push(c.to_ascii_uppercase());
        }
        Ckr(name)
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Ckr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The CKR_ name in an error of the PKCS#11 wrapper, or its own words where the module was not the cause.
pub(super) fn reason(error: &Pkcs11Error) -> String {
    match error {
        Pkcs11Error::Pkcs11(code, _) => Ckr::new(*code).to_string(),
        Pkcs11Error::MissingSymbol(symbol) => format!("it is not a PKCS#11 library (no {symbol})"),
        Pkcs11Error::LibraryLoading(e) => e.to_string(),
        other => format!("the module's answer makes no sense ({other})"),
    }
}

/// The return code of an error, if the module gave one.
pub(super) fn code(error: &Pkcs11Error) -> Option<RvError> {
    match error {
        Pkcs11Error::Pkcs11(code, _) => Some(*code),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn return_codes_keep_their_names() {
        for (code, name) in [
            (RvError::PinIncorrect, "CKR_PIN_INCORRECT"),
            (RvError::SlotIdInvalid, "CKR_SLOT_ID_INVALID"),
            (RvError::DeviceRemoved, "CKR_DEVICE_REMOVED"),
            (RvError::UserAlreadyLoggedIn, "CKR_USER_ALREADY_LOGGED_IN"),
            (RvError::CryptokiNotInitialized, "CKR_CRYPTOKI_NOT_INITIALIZED"),
        ] {
            assert_eq!(Ckr::new(code).name(), name);
        }
    }
}
