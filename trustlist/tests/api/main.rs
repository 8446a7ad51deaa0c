//! The public interface of the crate, with one module for each part.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test fails by panicking"
)]

mod certificates;
mod digests;
mod file_names;
mod keys;
mod names;
mod printable;
