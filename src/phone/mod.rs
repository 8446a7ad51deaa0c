//! How a phone decides whether it accepts a new trust list, and what it can still do afterwards.
//!
//! [`assess`] is pure: from the installed lists, the new list and the answers of TVS, to a [`Verdict`] with the reasons in
//! the order in which the phone looks. [`tvs`] asks a Trust Verification Service as a phone would. The facts are in
//! `docs/phones.md`.

mod acceptance;
pub mod diagnosis;
mod list;
mod lookup;
mod model;
pub mod page;
mod reason;
mod services;
pub mod tvs;
mod tvs_status;
mod verdict;
mod warnings;

pub use acceptance::{Installed, InstalledItl, assess, assess_classes};
pub(crate) use list::tvs_certificates;
pub use list::{NewList, is_emptied_itl};
pub use model::{class_of_model, keys_to_delete_lists};
pub use reason::Reason;
pub use services::{Impact, Service, ServiceFinding, services};
pub(crate) use tvs_status::ListSigner;
pub use tvs_status::TvsStatus;
pub use verdict::{ClassVerdict, Decision, PhoneClass, Verdict, Way};
pub use warnings::list_warnings;
pub(crate) use warnings::{EXPIRED_TOKEN, expired, expired_server, file_warnings};
