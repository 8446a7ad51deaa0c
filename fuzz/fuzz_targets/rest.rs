//! What a node's web interface says when it refuses.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sastctl::cluster::{NodeAddress, http};

fuzz_target!(|text: &str| {
    let said = http::says(text);
    assert!(!said.contains('\u{1b}') && !said.contains('\0'), "control characters reach the terminal");
    let _ = text.parse::<NodeAddress>();
});
