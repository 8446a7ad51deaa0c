//! PKCS#11 return codes by their names.

use std::fmt;

use cryptoki::error::{Error as Pkcs11Error, RvError};

/// The failure of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ckr {
    /// A return code, shown by its name: `CKR_PIN_INCORRECT`.
    Code(RvError),
    /// A message where the module gave no return code.
    Words(String),
}

impl Ckr {
    pub(super) fn of(error: &Pkcs11Error) -> Self {
        match error {
            Pkcs11Error::Pkcs11(code, _) => Ckr::Code(*code),
            Pkcs11Error::MissingSymbol(symbol) => {
                Ckr::Words(format!("it is not a PKCS#11 library (no {symbol})"))
            }
            Pkcs11Error::LibraryLoading(e) => Ckr::Words(e.to_string()),
            other => Ckr::Words(format!("the module's answer makes no sense ({other})")),
        }
    }
}

impl fmt::Display for Ckr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = match self {
            Ckr::Words(words) => return f.write_str(words),
            Ckr::Code(RvError::VendorDefined(number)) => {
                return write!(f, "CKR_VENDOR_DEFINED (0x{number:08x})");
            }
            Ckr::Code(code) => format!("{code:?}"),
        };
        f.write_str("CKR")?;
        for c in code.chars() {
            let line = if c.is_ascii_uppercase() { "_" } else { "" };
            write!(f, "{line}{}", c.to_ascii_uppercase())?;
        }
        Ok(())
    }
}
