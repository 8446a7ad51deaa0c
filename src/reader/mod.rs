//! Tokens without PKCS#11: PC/SC readers, the cards in them, and USB devices.

mod models;
#[cfg(feature = "pcsc")]
mod pcsc;
#[cfg(all(feature = "pcsc", target_os = "linux"))]
mod pcsclite;
#[cfg(not(feature = "pcsc"))]
mod without;

mod usb;

pub use models::{Driver, TokenModel, model_by_atr, model_by_usb_id};
#[cfg(feature = "pcsc")]
pub use pcsc::{ReaderWatch, readers};
pub use usb::{UsbDevice, usb_devices};
#[cfg(not(feature = "pcsc"))]
pub use without::{ReaderWatch, readers};

use serde::Serialize;

/// A reader, and the card in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reader {
    /// Its name: `AKS ifdh 00 00`, `SafeNet eToken 5100 [eToken 5110 SC] 00 00`.
    pub name: String,
    /// The answer to reset of the card in it (ISO/IEC 7816-3), in hexadecimal; `None` if there is no card.
    pub atr: Option<String>,
    /// Whether the card does not answer.
    pub mute: bool,
    /// Whether another program has exclusive access to the card.
    pub exclusive: bool,
}

/// Why the readers could not be listed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the words say what each is")]
pub enum ReaderError {
    /// SCARD_E_NO_SERVICE, SCARD_E_SERVICE_STOPPED: pcscd, or the system's smart card service, does not run.
    #[error("the smart card service does not run")]
    NoService,
    /// SCARD_W_SECURITY_VIOLATION, SCARD_E_NO_ACCESS: polkit denies access.
    #[error("the smart card service refuses this user")]
    NotAllowed,
    /// Built without the feature `pcsc`.
    #[error("this sastctl was built without PC/SC")]
    NotBuilt,
    #[error("the smart card service failed: {0}")]
    Failed(String),
}
