//! The error messages for the operator, and their exit codes.
//!
//! This folder converts every error of the layers below into a [`CommandError`].

mod convert;
mod exchange;
mod run;
mod token;
mod work;

pub use token::pin_option;

use super::{CommandError, ErrorKind};
