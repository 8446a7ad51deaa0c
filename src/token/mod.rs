//! PKCS#11: the tokens that sign.
//!
//! A [`Profile`] describes a module; a [`Module`] is that library, loaded once; it lists [`Token`]s and their certificates
//! without a PIN; the selected one becomes a [`Sast`], and with the PIN a [`TokenSigner`].

mod admin;
mod catch_panic;
mod choice;
mod ckr;
mod contents;
mod enroll;
mod error;
mod library;
mod lock;
mod login;
mod module;
mod pin;
mod private_key;
mod profile;
mod raw;
mod sast;
mod selector;
mod signer;
mod slot;
mod watchdog;

pub use admin::check_label;
pub use ckr::Ckr;
pub use contents::{TokenCertificate, TokenContents};
pub use cryptoki::error::RvError;
pub use enroll::{KeyRequest, NewKey};
pub use error::{CertificateChoice, TokenChoice, TokenError, TokenName};
pub use library::LoadProblem;
pub use module::{LoadOptions, Module};
pub use pin::{Pin, PinKind, PinState};
pub use profile::{
    EnvironmentVariable, MechanismPreference, Paths, PinFormat, Profile, SignRules, SlotRules, Wait,
};
pub use sast::Sast;
pub use selector::{NotASelector, Selector, Uri};
pub use signer::TokenSigner;
pub use slot::Token;
pub use watchdog::OnHang;
