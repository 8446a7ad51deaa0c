//! PKCS#11: the tokens that sign.
//!
//! A [`Profile`] describes a module; a `Module` is that library, loaded once; it lists `Token`s and their certificates
//! without a PIN; the selected one becomes a `Sast`, and with the PIN a `TokenSigner`.

mod admin;
mod choice;
mod contents;
mod enroll;
mod error;
mod library;
pub mod lock;
mod login;
mod module;
mod pin;
mod profile;
mod raw;
mod sast;
mod selector;
mod signer;
mod slot;
mod watchdog;

pub(crate) use admin::check_label;
pub use choice::{is_chosen, token_choice};
pub use contents::{KeyMarks, TokenCertificate, TokenContents, der_prefix};
pub(crate) use cryptoki::error::RvError;
pub(crate) use enroll::KeyRequest;
pub use enroll::{exposure, fits};
pub use error::{CertificateChoice, Ckr, TokenChoice, TokenError, TokenName};
pub use library::{LoadProblem, diagnose};
pub use login::{login_failed, set_failed};
pub(crate) use module::{LoadOptions, Module};
pub(crate) use pin::Pin;
pub use pin::{PinKind, PinState};
pub(crate) use profile::Wait;
pub use profile::{MechanismPreference, Profile};
pub use raw::Info;
pub use sast::{Sast, is_seen};
pub use selector::{NotASelector, Selector};
pub(crate) use signer::TokenSigner;
pub use signer::signing_method;
pub use slot::Token;
pub use watchdog::{OnHang, Patience, Watchdog};
